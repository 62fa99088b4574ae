"""Paths into a configuration: `models[0].roles.postcompletions`, `models[name=fast].model`.

The grammar, in full::

    path      := step { step }
    step      := [ "." ] key  |  [ "." ] "[" selector "]"
    key       := bare text without . [ ]    |  'quoted'  |  "quoted"
    selector  := index  |  "*"  |  quoted key  |  condition { " or " condition }
    index     := [ "-" ] digits
    condition := key "=" value
    value     := bare text (dots and slashes belong to it)  |  'quoted'  |  "quoted"

A bare value matches as what YAML would read (`[id=1]` the number, `[on=true]` the boolean) and as
the text itself; a quoted one matches as text alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from pyrsistent import PVector, pvector

from dispatch.errors import MissingIndexError, MissingKeyError, PathError, PathSyntaxError
from dispatch.nearest import did_you_mean
from dispatch.secrets import HIDDEN, is_secret

__all__ = ["Path", "parse", "pick"]

PathLike = str | Sequence[str | int]


@dataclass(frozen=True, slots=True)
class Key:
    """Pick the value of a key."""

    name: str

    def __call__(self, node: Any) -> Any:
        if not isinstance(node, Mapping):
            hint = "pick an item first, such as [0]" if isinstance(node, PVector) else ""
            raise MissingKeyError(f"no key {self.name!r} in {_kind(node)}; {hint}".rstrip("; "))
        if self.name not in node:
            hint = did_you_mean(self.name, [key for key in node if isinstance(key, str)])
            raise MissingKeyError(f"no key {self.name!r}; {hint}".rstrip("; "))
        return node[self.name]


@dataclass(frozen=True, slots=True)
class Index:
    """Pick an item of a list by its number, from the end where negative."""

    number: int

    def __call__(self, node: Any) -> Any:
        items = _items(node, f"[{self.number}]")
        if not -len(items) <= self.number < len(items):
            count = f"{len(items)} item{'s' * (len(items) != 1)}"
            raise MissingIndexError(f"no item [{self.number}] in a list of {count}")
        return items[self.number]


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether an item holds a value under a key; `typed` is what YAML would read in `text`."""

    key: str
    text: str
    typed: Any

    def holds(self, item: Any) -> bool:
        if not isinstance(item, Mapping) or self.key not in item:
            return False
        found = item[self.key]
        return bool(found == (self.text if isinstance(found, str) else self.typed)) and (
            isinstance(found, str) or isinstance(found, bool) == isinstance(self.typed, bool)
        )

    def __str__(self) -> str:
        return f"{self.key}={HIDDEN if is_secret(self.key) else self.text}"


@dataclass(frozen=True, slots=True)
class Select:
    """Pick the first item of a list for which one of the conditions holds."""

    conditions: tuple[Condition, ...]

    def __call__(self, node: Any) -> Any:
        wanted = " or ".join(map(str, self.conditions))
        for item in _items(node, f"[{wanted}]"):
            if any(condition.holds(item) for condition in self.conditions):
                return item
        raise MissingKeyError(f"no item with {wanted}; {self._near(node)}".rstrip("; "))

    def _near(self, node: Any) -> str:
        first = self.conditions[0]
        if is_secret(first.key):
            return ""
        there = [
            item[first.key] for item in node if isinstance(item, Mapping) and first.key in item
        ]
        return did_you_mean(first.text, [value for value in there if isinstance(value, str)])


@dataclass(frozen=True, slots=True)
class All:
    """Pick every item of a list."""

    def __call__(self, node: Any) -> Any:
        return _items(node, "[*]")


Path = tuple[Key | Index | Select | All, ...]


def _items(node: Any, step: str) -> Any:
    if isinstance(node, PVector | tuple):
        return node
    raise MissingKeyError(f"{step} picks from a list, but this is {_kind(node)}")


def _kind(node: Any) -> str:
    kinds = {PVector: "a list", tuple: "a list", Mapping: "a mapping", str: "a text"}
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
    steps = parse(path if isinstance(path, str) else tuple(path))
    try:
        return _follow(tree, steps)
    except PathError as error:
        shown = _show(path)
        raise type(error)(f"{shown}: {error}", shown) from None


def _follow(node: Any, steps: Path) -> Any:
    for position, step in enumerate(steps):
        node = step(node)
        if isinstance(step, All):
            rest = steps[position + 1 :]
            return pvector([_follow(item, rest) for item in node])
    return node


@lru_cache(maxsize=1024)
def parse(path: str | tuple[str | int, ...]) -> Path:
    """Read a path, or a list of its parts, into the steps that it takes.

    >>> parse("models[0].name")
    (Key(name='models'), Index(number=0), Key(name='name'))
    """
    if isinstance(path, str):
        return _Reader(path).read()
    return tuple(step for part in path for step in _read_part(part))


def _read_part(part: str | int) -> Path:
    if isinstance(part, int):
        return (Index(part),)
    return parse(part) if "[" in part or not part else (Key(part),)


_BARE = re.compile(r"[^.\[\]'\"][^.\[\]]*")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_NUMBER = re.compile(r"-?\d+")
_NAME = re.compile(r"[^\s=\[\]'\"]+")
_VALUE = re.compile(r"[^\[\]'\"](?:(?!\s+or\s+[^\s=\[\]]+\s*=)[^\]])*")
_SPACE = re.compile(r"\s*")
_OR = re.compile(r"\s+or\s+")


class _Reader:
    """Reads one path from left to right; `at` is where it stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def read(self) -> Path:
        steps: list[Any] = []
        while self.at < len(self.text) or not steps:
            steps.append(self._step(first=not steps))
        return tuple(steps)

    def _step(self, first: bool) -> Any:
        dotted = self._take(".")
        if dotted and first:
            self._fail("a path starts with a key", self.at - 1)
        if self._take("["):
            return self._selector()
        if not (first or dotted):
            self._fail("expected '.' or '['")
        return Key(self._quoted() or self._match(_BARE, "expected a key"))

    def _selector(self) -> Any:
        self._match(_SPACE, "")
        quoted = self._quoted()
        if quoted is not None and not self._ahead("="):
            step: Any = Key(quoted)
        elif quoted is None and self._take("*"):
            step = All()
        elif quoted is None and (number := _NUMBER.match(self.text, self.at)):
            self.at = number.end()
            step = Index(int(number[0]))
            if self._ahead("="):  # a key that is a number: [1=x]
                self.at = number.start()
                step = self._conditions(None)
        else:
            step = self._conditions(quoted)
        self._match(_SPACE, "")
        if not self._take("]"):
            self._fail("expected ']'")
        return step

    def _conditions(self, key: str | None) -> Select:
        found = [self._condition(key)]
        while self._try(_OR):
            found.append(self._condition(None))
        return Select(tuple(found))

    def _condition(self, key: str | None) -> Condition:
        if key is None:
            key = self._quoted() or self._match(_NAME, "expected an index, * or key=value")
        self._match(_SPACE, "")
        if not self._take("="):
            self._fail("expected an index, * or key=value", self.at - len(key))
        self._match(_SPACE, "")
        quoted = self._quoted()
        if quoted is not None:
            return Condition(key, quoted, quoted)
        text = self._match(_VALUE, "expected a value").rstrip()
        return Condition(key, text, _typed(text))

    def _take(self, mark: str) -> bool:
        taken = self.text.startswith(mark, self.at)
        self.at += len(mark) * taken
        return taken

    def _ahead(self, mark: str) -> bool:
        return self.text[self.at :].lstrip().startswith(mark)

    def _quoted(self) -> str | None:
        if not self.text.startswith(("'", '"'), self.at):
            return None
        start = self.at
        match = self._try(_QUOTED)
        if match is None:
            self._fail("this quote is never closed", start)
        return match[1] if match[1] is not None else match[2]

    def _try(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def _match(self, pattern: re.Pattern[str], complaint: str) -> str:
        match = self._try(pattern)
        if match is None:
            self._fail(complaint)
        return match[0]

    def _fail(self, complaint: str, at: int | None = None) -> NoReturn:
        at = self.at if at is None else at
        column = len(_show(self.text[:at])) + 1
        raise PathSyntaxError(f"malformed path: {complaint}", _show(self.text), column)


def _typed(text: str) -> Any:
    """Read a bare value as YAML and JSON both would: a number, true, false, null, else text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float | None) else text


_CONDITION = re.compile(r"([^\s=\[\]'\"]+)(['\"]?\s*=\s*)((?:(?!\s+or\s)[^\]])+)")


def _show(path: PathLike) -> str:
    """Write a path for a message, without the secrets that its conditions look for."""
    if not isinstance(path, str):
        parts = [part if isinstance(part, str) else f"[{part}]" for part in path]
        path = ".".join(parts).replace(".[", "[")
    return _CONDITION.sub(lambda m: m[0] if not is_secret(m[1]) else m[1] + m[2] + HIDDEN, path)
