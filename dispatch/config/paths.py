"""Paths into a configuration: `models[0].roles.postcompletions`, `models[name=fast].model`.

The grammar, in full::

    path      := ( key | selector ) { "." key | [ "." ] selector }
    key       := quoted  |  bare text without . [ ]
    selector  := "[" ( index | "*" | quoted key | condition { " or " condition } ) "]"
    index     := [ "-" ] digits
    condition := key "=" value
    value     := quoted  |  bare text without ] or the word "or"; dots and slashes belong to it
    quoted    := '…'  |  "…"

A bare value matches as what YAML would read (`[id=1]` the number, `[on=true]` the boolean) and as
the text itself; a quoted one matches as text alone. Spaces inside the brackets do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn
from weakref import ref

from pyrsistent import pvector

from dispatch.errors import MissingIndexError, MissingKeyError, PathError, PathSyntaxError
from dispatch.frozen import VECTOR, FrozenMap
from dispatch.hints import did_you_mean
from dispatch.secrets import HIDDEN, is_secret, redact_text

__all__ = ["Path", "PathLike", "parse", "pick", "show", "trace"]

PathLike = str | list[str | int] | list[str] | tuple[str | int, ...]


class Key(NamedTuple):
    """Pick the value of a key."""

    name: str

    def __call__(self, node: Any) -> Any:
        if isinstance(node, _MAPS) and self.name in node:
            return node[self.name]
        raise MissingKeyError(f"no key {_hide(self.name)!r}{self._near(node)}")

    def _near(self, node: Any) -> str:
        if isinstance(node, _MAPS):
            hint = did_you_mean(self.name, [key for key in node if isinstance(key, str)])
            return f"; {hint}" if hint else ""
        hint = "; pick an item first, such as [0]" if isinstance(node, _LISTS) else ""
        return f" in {_kind(node)}{hint}"


class Index(NamedTuple):
    """Pick an item of a list by its number, from the end where negative."""

    number: int

    def __call__(self, node: Any) -> Any:
        items = _items(node, self)
        if not -len(items) <= self.number < len(items):
            count = f"{len(items)} item{'s' * (len(items) != 1)}"
            raise MissingIndexError(f"no item {self} in a list of {count}")
        return items[self.number]

    def __str__(self) -> str:
        return f"[{self.number}]"


class Condition(NamedTuple):
    """Whether an item holds a value under a key; `typed` is what YAML would read in `text`."""

    key: str
    text: str
    typed: Any

    def first(self, items: Any) -> int | None:
        """Return the position of the first item of which this holds."""
        positions = _positions(items, self.key)
        found = [positions.get(self.text), positions.get(_sought(self.typed))]
        return min((position for position in found if position is not None), default=None)

    def __repr__(self) -> str:
        value = _hide(self.text)
        if is_secret(self.key):
            value = HIDDEN
        elif isinstance(self.typed, str):
            value = repr(value)
        return f"{_hide(self.key)}={value}"


class Select(NamedTuple):
    """Pick the first item of a list for which one of the conditions holds."""

    conditions: tuple[Condition, ...]

    def __call__(self, node: Any) -> Any:
        items = _items(node, self)
        firsts = [condition.first(items) for condition in self.conditions]
        position = min((first for first in firsts if first is not None), default=None)
        if position is None:
            raise MissingKeyError(f"no item with {str(self)[1:-1]}{self._near(items)}")
        return items[position]

    def _near(self, items: Any) -> str:
        first = self.conditions[0]
        if is_secret(first.key):
            return ""
        there = [item.get(first.key) for item in items if isinstance(item, _MAPS)]
        known = [redact_text(it) for it in there if isinstance(it, str)]
        return f"; {did_you_mean(first.text, known)}" if known else ""

    def __str__(self) -> str:
        return f"[{' or '.join(map(repr, self.conditions))}]"


class All(NamedTuple):
    """Pick every item of a list."""

    def __call__(self, node: Any) -> Any:
        return _items(node, self)

    def __str__(self) -> str:
        return "[*]"


# The lists that were searched, by identity: where each value of a key stands first. What cannot
# change is searched once, so the next search of a long list is a lookup. It goes with the list.
_searched: dict[tuple[int, str], tuple[ref[Any], dict[Any, int]]] = {}
_SCALAR = (str, int, float, type(None))


def _positions(items: Any, key: str) -> dict[Any, int]:
    searched = id(items), key
    known = _searched.get(searched)
    if known is not None and known[0]() is items:
        return known[1]
    positions: dict[Any, int] = {}
    for position, item in enumerate(items):
        found = item.get(key, positions) if isinstance(item, _MAPS) else positions
        if isinstance(found, _SCALAR):
            positions.setdefault(_sought(found), position)
    with suppress(TypeError):  # a tuple, which cannot be referred to weakly
        gone = ref(items, lambda _: _searched.pop(searched, None))
        _searched[searched] = gone, positions
    return positions


def _sought(value: Any) -> Any:
    # In Python True is 1; to who writes a configuration it is not.
    return value if isinstance(value, str) else (isinstance(value, bool), value)


Path = tuple[Key | Index | Select | All, ...]


# Mostly what `freeze` makes; a stage of a user's own may have set a plain dict or list.
_MAPS = (FrozenMap, dict)
_LISTS: tuple[type, ...] = (*VECTOR, tuple, list)


def _items(node: Any, step: Index | Select | All) -> Any:
    if isinstance(node, _LISTS):
        return node
    raise MissingKeyError(f"{step} picks from a list, but this is {_kind(node)}")


def _kind(node: Any) -> str:
    kinds: dict[Any, str] = {_LISTS: "a list", _MAPS: "a mapping", str: "a text"}
    return next((name for kind, name in kinds.items() if isinstance(node, kind)), "a value")


def pick(tree: Any, path: PathLike) -> Any:
    """Follow a path into an immutable tree.

    >>> from dispatch.frozen import freeze
    >>> tree = freeze({"models": [{"name": "a", "model": "gpt-4o"}, {"name": "b", "model": "o3"}]})
    >>> pick(tree, "models[name=b].model"), list(pick(tree, "models[*].name"))
    ('o3', ['a', 'b'])

    Raises `PathError`: `PathSyntaxError` for a malformed path, `MissingKeyError` and
    `MissingIndexError` for a step that leads nowhere.
    """
    steps = parse(path)
    try:
        return _follow(tree, steps)
    except PathError as error:
        shown = show(path)
        raise type(error)(f"{shown}: {error}", shown) from None


def _follow(node: Any, steps: Path) -> Any:
    for position, step in enumerate(steps):
        node = step(node)
        if isinstance(step, All):
            return _follow_each(node, steps[position + 1 :])
    return node


def _follow_each(items: Any, steps: Path) -> Any:
    picked = []
    for number, item in enumerate(items):
        try:
            picked.append(_follow(item, steps))
        except PathError as error:
            raise type(error)(f"in item [{number}]: {error}") from None
    return pvector(picked)


def trace(tree: Any, path: PathLike) -> Iterator[str | int]:
    """Yield the keys and indices that a path leads through, whatever its steps look for.

    >>> list(trace({"models": [{"name": "a"}, {"name": "b"}]}, "models[name=b].name"))
    ['models', 1, 'name']
    """
    for step in parse(path if isinstance(path, str) else tuple(path)):
        below = step(tree)
        if isinstance(step, Key):
            yield step.name
        elif not isinstance(step, All):  # which, as the last step, is the list itself
            yield next(index for index, item in enumerate(tree) if item is below)
        tree = below


def parse(path: PathLike) -> Path:
    """Read a path, or a list of its parts, into the steps that it takes.

    A part is a key as it stands, dots and all, unless it holds a bracket; a number is an index.

    >>> parse("models[0].name")
    (Key(name='models'), Index(number=0), Key(name='name'))
    >>> parse(["models", 0, "v1.5", "[name=a]"])
    (Key(name='models'), Index(number=0), Key(name='v1.5'), Select(conditions=(name='a',)))
    """
    if isinstance(path, str):
        return _parse(path)
    if not isinstance(path, list | tuple):
        raise PathSyntaxError(f"a path is a text or a list of parts, not a {type(path).__name__}")
    return tuple(step for part in path for step in _parse_part(part))


def _parse_part(part: str | int) -> Path:
    if isinstance(part, str):
        return _parse(part) if "[" in part else (Key(part),)
    if isinstance(part, int) and not isinstance(part, bool):
        return (Index(part),)
    raise PathSyntaxError(f"a part of a path is a text or a number, not a {type(part).__name__}")


@lru_cache(maxsize=1024)
def _parse(path: str) -> Path:
    return _Reader(path).read()


# Keys and indices, which most paths hold alone, are read without the regular expressions of the
# rest: to compile these takes longer than all else that a first call does.
# A selector is told by what follows it: its bracket, or, where that is missing, the end.
_CLOSED = r"(?=\s*(?:]|$))"
_QUOTED = r"'([^']*)'|\"([^\"]*)\""
_QUOTED_KEY = rf"(?:{_QUOTED}){_CLOSED}"
_NAME = r"[^\s=!<>~\[\]'\"]+"
_VALUE = r"[^\s=\[\]'\"](?:(?!\s+or(?:[\s\]]|$))[^\]])*"
_OR = r"\s+or(?=[\s\]]|$)\s*"
_EQUALS = r"\s*=\s*"
_MAX_DIGITS = 18  # more than any list has items; Python refuses to read thousands of them
_SELECTOR = "expected an index, *, a quoted key or name=value"


class _Reader:
    """Reads one path from left to right; `at` is where it stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def read(self) -> Path:
        steps = [self._step("a path starts with a key")]
        while self.at < len(self.text):
            dotted = self._take(".")
            steps.append(self._step("expected a key" if dotted else "expected '.' or '['", dotted))
        return tuple(steps)

    def _step(self, complaint: str, key: bool = True) -> Any:
        if self._take("["):
            return self._selector()
        return Key(self._key(complaint)) if key else self._fail(complaint)

    def _key(self, complaint: str) -> str:
        quoted = self._quoted()
        if quoted is not None:
            return quoted
        start, self.at = self.at, self._next_of(".[]")
        return self.text[start : self.at] or self._fail(complaint)

    def _selector(self) -> Any:
        self._skip_space()
        step: Any
        if self._take("*"):
            step = All()
        elif (index := self._index()) is not None:
            step = Index(index)
        elif quoted := self._try(_QUOTED_KEY):
            step = Key(quoted[1] or quoted[2] or "")
        else:
            step = self._conditions()
        self._skip_space()
        if not self._take("]"):
            self._fail("expected ']'")
        return step

    def _index(self) -> int | None:
        written = self.text[self.at : self._next_of("]")].rstrip()
        digits = written.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal()):
            return None
        if len(digits) > _MAX_DIGITS:
            self._fail("this index is too long")
        self.at += len(written)
        return int(written)

    def _next_of(self, marks: str) -> int:
        """Return where the next of these marks is, or the end."""
        there = (self.text.find(mark, self.at) for mark in marks)
        return min((at for at in there if at >= 0), default=len(self.text))

    def _conditions(self) -> Select:
        found = [self._condition(_SELECTOR)]
        while self._try(_OR):
            found.append(self._condition('expected name=value; quote a value that holds " or "'))
        return Select(tuple(found))

    def _condition(self, complaint: str) -> Condition:
        start = self.at
        key = self._word(_NAME, complaint)
        if not self._try(_EQUALS):
            self._fail(complaint, start)
        quoted = self._quoted()
        if quoted is not None:
            return Condition(key, quoted, quoted)
        text = self._word(_VALUE, "expected a value").rstrip()
        return Condition(key, text, _typed(text))

    def _take(self, mark: str) -> bool:
        taken = self.text.startswith(mark, self.at)
        self.at += len(mark) * taken
        return taken

    def _try(self, pattern: str) -> re.Match[str] | None:
        match = re.compile(pattern).match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def _quoted(self) -> str | None:
        if not self.text.startswith(("'", '"'), self.at):
            return None
        match = self._try(_QUOTED)
        if not match:
            self._fail("this quote is never closed")
        return match[1] or match[2] or ""

    def _skip_space(self) -> None:
        rest = self.text[self.at :]
        self.at += len(rest) - len(rest.lstrip())

    def _word(self, bare: str, complaint: str) -> str:
        quoted = self._quoted()
        if quoted is not None:
            return quoted
        match = self._try(bare)
        return match[0] if match else self._fail(complaint)

    def _fail(self, complaint: str, at: int | None = None) -> NoReturn:
        before = self.text[: self.at if at is None else at]
        column = len(_hide(before)) + 1
        raise PathSyntaxError(f"malformed path: {complaint}", _hide(self.text), column)


_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
    **dict.fromkeys(("null", "~"), None),
}


def _typed(text: str) -> Any:
    """Read a bare value as YAML would: a number, true, false, null, else text."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            pass
    return text


def show(path: PathLike) -> str:
    """Write a path for a message, without the secrets that its conditions look for.

    >>> show(["models", "[api_key=sk-1]", "name"])
    'models[api_key=***].name'
    """
    if not isinstance(path, str):
        parts = [part if isinstance(part, str) else f"[{part}]" for part in path]
        path = ".".join(parts).replace(".[", "[")
    return _hide(path)


# What a name is said to be, in a path that is malformed too: so not by the grammar above.
_SAID = r"""(?x)([\w.-]+) ['"]? (?: \s*[=:!<>~]+\s* | \s+ )
        (?= ( '[^']*'? | "[^"]*"? | (?: (?!\s+or(?:[\s\]]|$)) [^\]] )+ ) )"""


def _hide(text: str) -> str:
    shown, end = "", 0
    for said in re.finditer(_SAID, text):
        if said.start(2) >= end and is_secret(said[1]):
            shown += text[end : said.start(2)] + HIDDEN
            end = said.end(2)
    return redact_text(shown + text[end:])
