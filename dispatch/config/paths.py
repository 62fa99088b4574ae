"""Paths into a configuration: `models[0].roles.postcompletions`, `models[name=fast].model`.

The grammar::

    path      := ( key | selector ) { "." key | [ "." ] selector }
    key       := quoted  |  bare text without . [ ]
    selector  := "[" ( index | "*" | quoted key | condition { " or " condition } ) "]"
    index     := [ "-" ] digits
    condition := key "=" value
    value     := quoted  |  bare text without ] or the word "or"; dots and slashes belong to it
    quoted    := '…'  |  "…"

A bare value matches what YAML would read (`[id=1]` the number, `[on=true]` the boolean) and the
string itself; a quoted one matches the string alone. Spaces inside the brackets do not count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

from pyrsistent import pvector

from dispatch.errors import MissingIndexError, MissingKeyError, PathError, PathSyntaxError, Step
from dispatch.immutable import VECTOR, FrozenMap
from dispatch.redaction import HIDDEN, is_secret, quote_name, redact_key, redact_text
from dispatch.suggestions import describe_type, did_you_mean

__all__ = ["REQUIRED", "All", "Index", "Key", "PathLike", "Select", "get", "parse", "show_path",
           "trace", "walk"]  # fmt: skip

# Mostly what `freeze` makes; `FrozenMap.of` may hold a plain dict or list too.
_MAPS = (FrozenMap, dict)
_LISTS: tuple[type[Any], ...] = (*VECTOR, tuple, list)
_SCALARS = (str, int, float, type(None))

_ABSENT: Any = object()
REQUIRED: Any = object()
"""As a default: there is none, so a step that leads nowhere raises."""


class Missing(Exception):  # noqa: N818  # it never leaves this module
    """A step that leads nowhere, without words: most callers have a default and need none."""

    def __init__(self, step: PathStep, node: Any) -> None:
        super().__init__()
        self.step, self.node = step, node
        self.where = ""


class Key(NamedTuple):
    """The value of a key."""

    name: str

    def find(self, node: Any) -> tuple[Step, Any]:
        value = node.get(self.name, _ABSENT) if isinstance(node, _MAPS) else _ABSENT
        if value is _ABSENT:
            raise Missing(self, node)
        return self.name, value

    def explain(self, node: Any) -> str:
        message = f"no key {quote_name(self.name)}"
        if not isinstance(node, _MAPS):
            hint = "; pick an item first, such as [0]" if isinstance(node, _LISTS) else ""
            return f"{message} in {describe_type(node)}{hint}"
        hint = did_you_mean(self.name, [key for key in node if isinstance(key, str)])
        return f"{message}; {hint}" if hint else message


class Index(NamedTuple):
    """An item of a list by its number, counted from the end where negative."""

    number: int

    def find(self, node: Any) -> tuple[Step, Any]:
        if not isinstance(node, _LISTS) or not -len(node) <= self.number < len(node):
            raise Missing(self, node)
        return self.number % len(node), node[self.number]

    def explain(self, node: Any) -> str:
        if not isinstance(node, _LISTS):
            return _not_a_list(self, node)
        return f"no item {self} in a list of {len(node)} item{'s' * (len(node) != 1)}"

    def __str__(self) -> str:
        return f"[{self.number}]"


class Condition(NamedTuple):
    """A value under a key of an item; `typed` is what YAML would read in `text`."""

    key: str
    text: str
    typed: Any

    def matches(self, value: Any) -> bool:
        if isinstance(value, str):
            return value == self.text
        # In Python, True equals 1; in a configuration it does not.
        same_type = isinstance(value, bool) == isinstance(self.typed, bool)
        return isinstance(value, _SCALARS) and same_type and bool(value == self.typed)

    def __repr__(self) -> str:
        value = HIDDEN if is_secret(self.key) else redact_key(self.text[:_LONGEST])
        quoted = isinstance(self.typed, str) and value != HIDDEN
        return f"{redact_text(self.key)}={repr(value) if quoted else value}"


class Select(NamedTuple):
    """The first item of a list that meets one of the conditions."""

    conditions: tuple[Condition, ...]

    def find(self, node: Any) -> tuple[Step, Any]:
        for index, item in enumerate(node if isinstance(node, _LISTS) else ()):
            for condition in self.conditions if isinstance(item, _MAPS) else ():
                if condition.matches(item.get(condition.key, _ABSENT)):
                    return index, item
        raise Missing(self, node)

    def explain(self, node: Any) -> str:
        if not isinstance(node, _LISTS):
            return _not_a_list(self, node)
        key, text, _ = self.conditions[0]
        values = [item.get(key) for item in node if isinstance(item, _MAPS)]
        known = [value for value in values if isinstance(value, str) and not is_secret(key)]
        hint = did_you_mean(text, dict.fromkeys(known))
        return f"no item with {str(self)[1:-1]}" + (f"; {hint}" if hint else "")

    def __str__(self) -> str:
        return f"[{' or '.join(map(repr, self.conditions))}]"


class All(NamedTuple):
    """Every item of a list."""

    def explain(self, node: Any) -> str:
        return _not_a_list(self, node)

    def __str__(self) -> str:
        return "[*]"


def _not_a_list(step: PathStep, node: Any) -> str:
    return f"{step} picks from a list, but this is {describe_type(node)}"


PathStep = Key | Index | Select | All
PathLike = str | Sequence[str | int | PathStep]


def get(tree: Any, path: PathLike, default: Any = REQUIRED) -> Any:
    """Follow a path into an immutable tree.

    >>> from dispatch.immutable import freeze
    >>> tree = freeze({"models": [{"name": "a", "model": "gpt-4o"}, {"name": "b", "model": "o3"}]})
    >>> get(tree, "models[name=b].model"), list(get(tree, "models[*].name"))
    ('o3', ['a', 'b'])

    Raises `PathError`: `PathSyntaxError` for a malformed path, even where there is a default; else
    `MissingKeyError` or `MissingIndexError` for a step that leads nowhere.
    """
    return walk(tree, path, default)[1]


def trace(tree: Any, path: PathLike) -> tuple[Step, ...]:
    """Return the keys and indices that a path leads through, whatever its steps look for.

    >>> trace({"models": [{"name": "a"}, {"name": "b"}]}, "models[name=b].name")
    ('models', 1, 'name')
    """
    return walk(tree, path)[0]


def walk(tree: Any, path: PathLike, default: Any = REQUIRED) -> tuple[tuple[Step, ...], Any]:
    """Follow a path; return the keys and indices it leads through, up to a `[*]`, and the value."""
    steps = parse(path)
    try:
        return _follow(tree, steps)
    except Missing as error:
        missing = error
    if default is not REQUIRED:
        return (), default
    in_list = isinstance(missing.step, Index) and isinstance(missing.node, _LISTS)
    category: type[PathError] = MissingIndexError if in_list else MissingKeyError
    shown = show_path(path)
    raise category(f"{shown}: {missing.where}{missing.step.explain(missing.node)}", shown)


def _follow(node: Any, steps: Sequence[PathStep]) -> tuple[tuple[Step, ...], Any]:
    found: list[Step] = []
    for position, step in enumerate(steps):
        if isinstance(step, All):
            if not isinstance(node, _LISTS):
                raise Missing(step, node)
            rest = steps[position + 1 :]
            return tuple(found), pvector([_in_item(*item, rest) for item in enumerate(node)])
        key, node = step.find(node)
        found.append(key)
    return tuple(found), node


def _in_item(index: int, item: Any, steps: Sequence[PathStep]) -> Any:
    try:
        return _follow(item, steps)[1]
    except Missing as missing:
        missing.where = f"in item [{index}]: {missing.where}"
        raise


def parse(path: PathLike) -> tuple[PathStep, ...]:
    """Read a path, or a list of its parts, into steps.

    A part is a whole key, dots and all, unless it holds a bracket; a number is an index.

    >>> parse("models[0].name")
    (Key(name='models'), Index(number=0), Key(name='name'))
    >>> parse(["models", 0, "v1.5", "[name=a]"])
    (Key(name='models'), Index(number=0), Key(name='v1.5'), Select(conditions=(name='a',)))
    """
    if isinstance(path, str):
        return _parse(path)
    if not isinstance(path, list | tuple):
        raise PathSyntaxError(f"a path is a string or a list of parts, not a {type(path).__name__}")
    return tuple(step for part in path for step in _parse_part(part))


def _parse_part(part: str | int | PathStep) -> tuple[PathStep, ...]:
    match part:
        case Key() | Index() | Select() | All():
            return (part,)
        case str():
            return _parse(part) if "[" in part else (Key(part),)
        case int() if not isinstance(part, bool):
            return (Index(part),)
    raise PathSyntaxError(f"a part of a path is a string or a number, not a {type(part).__name__}")


@lru_cache(maxsize=1024)
def _parse(path: str) -> tuple[PathStep, ...]:
    return _Reader(path).read()


_QUOTED = r"'([^']*)'|\"([^\"]*)\""
_QUOTED_KEY = rf"(?:{_QUOTED})(?=\s*(?:]|$))"
_INDEX = r"-?[0-9]{1,99}(?=\s*(?:]|$))"  # Python refuses to read thousands of digits
_NAME = r"[^\s=!<>~\[\]'\"]+"
_VALUE = r"[^\s=\[\]'\"](?:(?!(?<!\s)\s+or(?:[\s\]]|$))[^\]])*"
_OR = r"\s+or(?=[\s\]]|$)\s*"
_EXPECTED = "expected an index, *, a quoted key or name=value"
_EXPECTED_MORE = 'expected name=value; quote a value that contains " or "'


class _Reader:
    """Reads one path from left to right; `at` is the offset that comes next."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def read(self) -> tuple[PathStep, ...]:
        steps: list[PathStep] = []
        while not steps or self.at < len(self.text):
            at_key = not steps or self.match(r"\.")
            if self.match(r"\[\s*"):
                steps.append(self.selector())
            elif at_key:
                steps.append(Key(self.word(r"[^.\[\]]+", "expected a key")))
            else:
                self.fail("expected '.' or '['")
        return tuple(steps)

    def selector(self) -> PathStep:
        step: PathStep
        if self.match(r"\*"):
            step = All()
        elif index := self.match(_INDEX):
            step = Index(int(index[0]))
        elif quoted := self.match(_QUOTED_KEY):
            step = Key(quoted[1] or quoted[2] or "")
        else:
            conditions = [self.condition(_EXPECTED)]
            while self.match(_OR):
                conditions.append(self.condition(_EXPECTED_MORE))
            step = Select(tuple(conditions))
        self.match(r"\s*")
        return step if self.match("]") else self.fail("expected ']'")

    def condition(self, problem: str) -> Condition:
        start = self.at
        key = self.word(_NAME, problem)
        if not self.match(r"\s*=\s*"):
            self.at = start
            self.fail(problem)
        if self.at_quote():
            text = self.word("", "")
            return Condition(key, text, text)
        text = self.word(_VALUE, "expected a value").rstrip()
        return Condition(key, text, _read_scalar(text))

    def at_quote(self) -> bool:
        return self.text.startswith(("'", '"'), self.at)

    def word(self, bare: str, problem: str) -> str:
        if self.at_quote():
            match = self.match(_QUOTED) or self.fail("this quote is never closed")
            return match[1] or match[2] or ""
        match = self.match(bare) or self.fail(problem)
        return match[0]

    def match(self, pattern: str) -> re.Match[str] | None:
        match = re.compile(pattern).match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match

    def fail(self, problem: str) -> NoReturn:
        column = len(show_path(self.text[: self.at])) + 1
        raise PathSyntaxError(f"malformed path: {problem}", show_path(self.text), column)


_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
    **dict.fromkeys(("null", "~"), None),
}


def _read_scalar(text: str) -> Any:
    """Read a bare value as YAML would: a number, true, false or null, else a string."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            pass
    return text


_LONGEST = 200  # characters of a path that are shown
_VALUE_OF = r"(?<![\w-])([\w-]+)['\"]?(?:\s*[=:!<>~]+\s*|\s+)(?=[^\s\]])"


def show_path(path: PathLike) -> str:
    """Write a path for a message: it ends where a condition asks for a secret.

    >>> show_path(["models", 0, "name"]), show_path("models[api_key=sk-1].name")
    ('models[0].name', 'models[api_key=***…')
    """
    if not isinstance(path, str):
        parts = [f"[{part}]" if isinstance(part, int) else _show_part(part) for part in path]
        path = ".".join(parts).replace(".[", "[")
    end = "…" if len(path) > _LONGEST else ""
    path = path[:_LONGEST]
    for name in re.finditer(_VALUE_OF, path):
        if is_secret(name[1]):
            return f"{redact_text(path[: name.end(1)])}={HIDDEN}…"
    return redact_text(path) + end


def _show_part(part: str | PathStep) -> str:
    return part.name if isinstance(part, Key) else str(part)
