"""Where in a file a value was written, worked out only once a fault is found.

A configuration that came from files keeps their texts. `fetch` hands out plain lists and dicts,
which can carry no place of their own; so the last few that were handed out are remembered by
identity, and a fault in one of them leads back to its text. A place is given only where the text
still says what the fault is about.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from operator import itemgetter
from typing import Any, NamedTuple

from dispatch.config.outline import Child, Outline
from dispatch.config.paths import PathLike, trace
from dispatch.errors import Fault, Position, Step
from dispatch.frozen import VECTOR, FrozenMap, freeze, thaw
from dispatch.secrets import HIDDEN, is_secret, redact_key, redact_text

__all__ = ["File", "Source", "locate", "locate_in_model"]

_OF_ROLES = frozenset({"undeclared-role", "task-in-string", "needless-task", "missing-task"})
_WIDTH = 100  # of the part of a line that is shown
_MAX_UNKNOWN = 1000  # of a line, past what was understood
_MAX_LINE = 100_000  # a longer one is not shown: to look for its secrets would take too long
_MAX_URLS = 10_000  # a longer line is not shown where it holds the secret of a URL
_WORD = re.compile(r"[\w-]+")
_COMMENT = re.compile(r"(?:(?<=\s)|^)#")


class File:
    """A text that was read: under which name, and as which format."""

    def __init__(self, name: str, format: str, text: str) -> None:
        self.name, self.format, self.text = name, format, text
        self._shown: dict[int, _Line] = {}

    def __repr__(self) -> str:
        return f"File({self.name!r})"  # not the text: it may hold secrets

    @cached_property
    def outline(self) -> Outline:
        """Where everything stands in it."""
        return _outline(self.text, self.format)

    @cached_property
    def _lines(self) -> list[int]:
        """The offset at which each line starts."""
        return [0, *(match.end() for match in re.finditer(r"\r\n?|\n", self.text))]

    @cached_property
    def _leaves(self) -> list[tuple[int, int, bool]]:
        """From where to where each single value reaches, and whether it is a secret, in order."""
        size = len(self.text)  # is where a value ends that the text broke off in
        return sorted(
            (node.start, node.end if node.end >= node.start else size, secret)
            for node, secret in self.outline.leaves()
        )

    def position(self, offset: int) -> Position:
        """Return the place of an offset: its line, redacted, and where a caret goes under it."""
        number = bisect_right(self._lines, offset)
        start = self._lines[number - 1]
        end = self._lines[number] - 1 if number < len(self._lines) else len(self.text)
        # It may be the middle of a secret.
        if end - start > _MAX_LINE or not self.outline.covers(start):
            return Position(self.name, number, offset - start + 1)
        line = self._shown.get(number)
        if line is None:
            line = self._shown[number] = _Line(self.text, start, *self._hidden(start, end))
        return Position(self.name, number, offset - start + 1, *line.around(offset))

    def _hidden(self, start: int, end: int) -> tuple[int, list[tuple[int, int]]]:
        """Return where a line ends before its comment, and the parts of it that are secret."""
        first = bisect_left(self._leaves, start, key=itemgetter(1))
        past = bisect_left(self._leaves, end, key=itemgetter(0))
        leaves = self._leaves[first:past]
        secrets = [
            (max(left, start), min(right, end))
            for left, right, secret in leaves
            if secret or _hides(self.text[left:right])
        ]
        hidden = _joined([*secrets, *self._unknown(start, end)])
        known = max((min(right, end) for _, right, _ in leaves), default=start)
        comment = self.format != "json" and _COMMENT.search(self.text, known, end)
        end = comment.start() if comment else end
        return end, [(left, min(right, end)) for left, right in hidden if left < end]

    def _unknown(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the part of a broken line that may be a secret, for all that is known of it."""
        past = max(start, self.outline.reach)
        if past < end and (self._blind(past, end) or self.outline.may_go_on_with_secret()):
            yield past, end
        if self.outline.complete:
            return
        # Where quotes or brackets do not match, even what was read may be more than it seems.
        for word in _WORD.finditer(self.text, start, end):
            if is_secret(word[0]):
                yield word.end(), end
                return

    def _blind(self, start: int, end: int) -> bool:
        """Tell whether the words of a part mean nothing: it may be any text, or is escaped."""
        too_long = end - start > _MAX_UNKNOWN
        return self.outline.complete or too_long or "\\" in self.text[start:end]


def _outline(text: str, format: str) -> Outline:
    if format == "yaml":
        from dispatch.config.outline_yaml import YamlOutline  # which brings the parser along

        return YamlOutline(text)
    from dispatch.config.outline_tokens import JsonOutline, TomlOutline

    return JsonOutline(text) if format == "json" else TomlOutline(text)


_ESCAPE = re.compile(
    r"\\(?:u([\da-fA-F]{4})|U([\da-fA-F]{8})|x([\da-fA-F]{2})|(\r?\n\s*)|(.))", re.DOTALL
)


def _hides(written: str) -> bool:
    """Tell whether a value holds a secret: a mapping that quotes made a text, or the secret of a
    URL that only shows once it is unescaped.

    >>> _hides('"https:\\\\/\\\\/me:pw@host"'), _hides('"a\\\\nb"'), _hides('"api_key: sk-1"')
    (True, False, True)
    """
    if len(written) > _MAX_LINE:
        return True
    meant = _ESCAPE.sub(_unescaped, written) if "\\" in written else written
    if meant is not written and redact_text(meant) != meant:
        return True
    bare = meant.strip("\"'")
    return redact_key(bare) != redact_text(bare)


def _unescaped(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2] or escape[3]
    if code:
        return chr(min(int(code, 16), sys.maxunicode))
    return escape[5] or ""


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sort spans, and join those that touch."""
    joined: list[tuple[int, int]] = []
    for left, right in sorted(spans):
        if joined and left <= joined[-1][1]:
            left, right = joined[-1][0], max(right, joined.pop()[1])
        joined.append((left, right))
    return joined


class _Line:
    """A line without its secrets: worked out once, however many faults are in it."""

    def __init__(self, text: str, start: int, end: int, hidden: list[tuple[int, int]]) -> None:
        self.start, self.hidden = start, hidden
        ends = [start, *(right for _, right in hidden)]
        begins = [*(left for left, _ in hidden), end]
        kept = [text[at:left] for at, left in zip(ends, begins, strict=True)]
        self.carets = [0, *accumulate(len(part) + len(HIDDEN) for part in kept)]
        self.text = HIDDEN.join(kept).rstrip()
        self.shown = redact_text(self.text)

    def around(self, offset: int) -> tuple[str, int]:
        """Return the part of the line that is around an offset, and where a caret goes under it."""
        past = bisect_right(self.hidden, offset, key=itemgetter(0))
        right = self.hidden[past - 1][1] if past else self.start
        caret = self.carets[past] + offset - right
        if offset < right:
            caret = self.carets[past] - len(HIDDEN)
        if self.shown != self.text:  # a URL in it is shortened
            if len(self.text) > _MAX_URLS:
                return "", 0
            before = redact_text(self.text[:caret])
            caret = len(before) if self.shown.startswith(before) else caret
        shown, caret = _cut(self.shown, min(caret, len(self.shown)))
        return "".join(map(_printable, shown)), caret


def _printable(character: str) -> str:
    return character if character.isprintable() or character == "\t" else "\ufffd"


def _cut(line: str, caret: int) -> tuple[str, int]:
    """Keep the part of a long line that is around the caret."""
    if len(line) <= _WIDTH:
        return line, caret
    left = max(0, min(caret - _WIDTH // 2, len(line) - _WIDTH))
    part = line[left : left + _WIDTH]
    return f"{'…' * (left > 0)}{part}{'…' * (left + _WIDTH < len(line))}", caret - left + (left > 0)


class Source:
    """The files that a configuration was merged from, from left to right, and what parses them."""

    def __init__(
        self, files: Iterable[File], parse: Callable[[Sequence[File]], dict[str, Any]]
    ) -> None:
        self.files = tuple(files)
        self._parse = parse
        _sources.append(self)

    def __repr__(self) -> str:
        return f"Source({self.name})"

    @property
    def name(self) -> str:
        """All their names."""
        return " + ".join(file.name for file in self.files)

    def origins(self, path: Sequence[Step]) -> list[Position]:
        """Return where a value was written: in the file that it came from, then where it was
        written before, in the files that this one was merged over.
        """
        there = [(file, file.outline.find(path)) for file in reversed(self.files)]
        return [
            file.position(_offset(found[-1])) for file, found in there if len(found) > len(path)
        ]

    def place(self, path: Sequence[Step], code: str = "") -> Position | None:
        """Return where a value was written, or what should hold it.

        With the code of a fault that is one of a key, it is the key that is meant.
        """
        file, found = self._nearest(path)
        if not found:
            return Position(file.name)
        whole = len(found) > len(path)
        return file.position(
            found[-1].key if whole and _means_key(path, code) else _offset(found[-1])
        )

    def _nearest(self, path: Sequence[Step]) -> tuple[File, list[Child]]:
        """Follow a path through the merged files, as far as it leads in the one that counts."""
        nearest: tuple[File, list[Child]] = (self.files[-1], [])
        for file in reversed(self.files):
            found = file.outline.find(path)
            if file.outline.vast:  # what it holds is not known
                return file, []
            if len(found) > len(nearest[1]):
                nearest = file, found
            if len(found) > len(path) or (found and found[-1].node.kind != "mapping"):
                break  # what it holds replaces what earlier files hold
        return nearest

    def remember(self, container: Any, path: PathLike) -> None:
        """Note that a container from a path was handed out, for `locate` to know it again."""
        items = tuple(container) if type(container) is list else ()
        _handed.append(_Handed(container, items, self, path))

    @cached_property
    def tree(self) -> FrozenMap[str, Any]:
        """What the texts held when they were read; kept once a fault has asked."""
        tree: FrozenMap[str, Any] = freeze(self._parse(self.files))
        return tree

    @cached_property
    def models(self) -> Mapping[FrozenMap[str, Any], list[int]]:
        """The numbers of the models that hold the same, but for their roles."""
        found: dict[FrozenMap[str, Any], list[int]] = {}
        models = self.tree.get("models")
        for index, model in enumerate(models if isinstance(models, VECTOR) else ()):
            if isinstance(model, Mapping):
                found.setdefault(_but_roles(model), []).append(index)
        return found


def _means_key(path: Sequence[Step], code: str) -> bool:
    """Tell whether a fault is one of a key: a misspelt one, or a role in a mapping of several."""
    if code in _OF_ROLES:
        return isinstance(path[-1], str) and path[-1] != "roles"
    return code == "suspicious-key"


def _offset(child: Child) -> int:
    node = child.node
    return child.key if node.start == node.end else node.start


class _Handed(NamedTuple):
    """What `fetch` handed out, and whence it came.

    The container itself is kept: else a later one could come to stand at the same address.
    """

    whole: Any
    items: tuple[Any, ...]
    source: Source
    path: PathLike

    def __repr__(self) -> str:
        return f"_Handed({self.path!r})"  # not the container: it may hold secrets


_handed: deque[_Handed] = deque(maxlen=16)
_sources: deque[Source] = deque(maxlen=8)


def locate(faults: Iterable[Fault], models: Any) -> list[Fault]:
    """Give each fault of a list of models its place in the files that the model came from.

    A fault keeps none where the list came from no file, or was changed where the fault is.
    """
    known: dict[tuple[Any, ...], Position | None] = {}  # of one place, a thousand may be told
    located = []
    for fault in faults:
        at = fault.path, fault.code
        if fault.position is None and at not in known:
            known[at] = _locate(fault, models)
        located.append(fault.at(fault.position or known[at]))
    return located


def _locate(fault: Fault, models: Any) -> Position | None:
    for handed, base, holder, rest in _handed_out(models, fault.path[1:]):  # without "models"
        if any(file.outline.vast for file in handed.source.files):
            return Position(handed.source.name)
        tree = handed.source.tree
        path = (*trace(tree, handed.path), *base, *rest)
        depth, written = _follow(tree, path)
        given_depth, given = _follow(holder, rest)
        if len(path) - depth == len(rest) - given_depth and thaw(written) == thaw(given):
            return handed.source.place(path, fault.code)
    return None


def locate_in_model(model: Mapping[str, Any], path: tuple[Step, ...], code: str) -> Position | None:
    """Return where a path of a model was written, for a model that was dispatched meanwhile.

    It is known again by all that it holds but its roles, in the files that were last read. Where
    several of these hold such a model, none is named: a wrong place is worse than none.
    """
    wanted = _but_roles(model)
    try:
        places = {
            source.place(("models", index, *path), code)
            for source in list(_sources)
            for index in source.models.get(wanted, ())
        }
    except TypeError:  # it holds what no file can, and what has no hash
        return None
    return places.pop() if len(places) == 1 else None


def _but_roles(model: Mapping[str, Any]) -> FrozenMap[str, Any]:
    return FrozenMap({key: value for key, value in model.items() if key != "roles"})


_Found = tuple[_Handed, tuple[Step, ...], Any, tuple[Step, ...]]


def _handed_out(models: Any, path: tuple[Step, ...]) -> Iterator[_Found]:
    """Yield what was handed out and is now here: the whole list, or the model that a path is in.

    With each, the steps to it from what was handed out, itself, and the rest of the path.
    """
    latest = list(reversed(_handed))
    yield from ((handed, (), models, path) for handed in latest if handed.whole is models)
    model = _step(models, path[0]) if path else None
    if isinstance(model, dict):
        for handed in latest:
            if handed.whole is model:
                yield handed, (), model, path[1:]
            for index, item in enumerate(handed.items):
                if item is model:
                    yield handed, (index,), model, path[1:]


def _follow(tree: Any, path: Sequence[Step]) -> tuple[int, Any]:
    """Follow a path as far as it leads: how many steps that is, and what stands there."""
    for depth, step in enumerate(path):
        below = _step(tree, step)
        if below is _NOTHING:
            return depth, tree
        tree = below
    return len(path), tree


_NOTHING: Any = object()


def _step(tree: Any, step: Step) -> Any:
    if isinstance(tree, str):
        return _NOTHING
    try:
        return tree[step]
    except (LookupError, TypeError):
        return _NOTHING
