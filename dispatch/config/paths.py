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
from typing import Any, NamedTuple

from pyrsistent import pvector

from dispatch.errors import MissingIndexError, MissingKeyError, PathError, PathSyntaxError, Step
from dispatch.immutable import LISTS, FrozenMap
from dispatch.redaction import HIDDEN, is_secret, quote_name, redact_key, redact_text
from dispatch.suggestions import describe_type, did_you_mean

__all__ = ["REQUIRED", "Condition", "Index", "Key", "PathLike", "Select", "get", "parse",
           "read_scalar", "show_path", "trace", "walk"]  # fmt: skip

_MAPS = (FrozenMap, dict)  # `FrozenMap.of` may hold a plain dict or list too
_SCALARS = (str, int, float, type(None))
_LONGEST = 200  # characters of a path that are shown

_ABSENT: Any = object()
REQUIRED: Any = object()
"""As a default: there is none, so a step that leads nowhere raises."""


class Key(NamedTuple):
    """The value of a key."""

    name: str

    def __str__(self) -> str:
        return self.name


class Index(NamedTuple):
    """An item of a list by its number, counted from the end where negative."""

    number: int

    def __str__(self) -> str:
        return f"[{self.number}]"


class Condition(NamedTuple):
    """A value under a key of an item; `typed` is what YAML would read in `text`."""

    key: str
    text: str
    typed: Any

    def matches(self, item: Any) -> bool:
        value = item.get(self.key, _ABSENT) if isinstance(item, _MAPS) else _ABSENT
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
    """The first item of a list that meets one of the conditions; without conditions, every item."""

    conditions: tuple[Condition, ...]

    def __str__(self) -> str:
        return f"[{' or '.join(map(repr, self.conditions)) or '*'}]"


_ALL = Select(())

Path = tuple[Step, ...]
PathStep = Key | Index | Select
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


def trace(tree: Any, path: PathLike) -> Path:
    """Return the keys and indices that a path leads through.

    >>> trace({"models": [{"name": "a"}, {"name": "b"}]}, "models[name=b].name")
    ('models', 1, 'name')
    """
    return walk(tree, path)[0]


def walk(tree: Any, path: PathLike, default: Any = REQUIRED) -> tuple[Path, Any]:
    """Follow a path; return the keys and indices it leads through, up to a `[*]`, and the value."""
    steps = parse(path)
    try:
        return _follow(tree, steps)
    except LookupError as error:
        found, node = error.args
    if default is not REQUIRED:  # as for most callers, which need no words
        return (), default
    shown, step = show_path(path), steps[len(found)]
    inside = f"in {show_path(found)}: " if _ALL in steps[: len(found)] else ""
    missing_item = isinstance(step, Index) and isinstance(node, LISTS)
    category: type[PathError] = MissingIndexError if missing_item else MissingKeyError
    raise category(f"{shown}: {inside}{_explain(step, node)}", shown)


def _follow(node: Any, steps: Sequence[PathStep], found: Path = ()) -> tuple[Path, Any]:
    for step in steps[len(found) :]:
        if step == _ALL and isinstance(node, LISTS):
            items = [_follow(item, steps, (*found, i))[1] for i, item in enumerate(node)]
            return found, pvector(items)
        hit = _find(step, node)
        if hit is None:
            raise LookupError(found, node)
        key, node = hit
        found = (*found, key)
    return found, node


def _find(step: PathStep, node: Any) -> tuple[Step, Any] | None:
    if isinstance(step, Key):
        value = node.get(step.name, _ABSENT) if isinstance(node, _MAPS) else _ABSENT
        return None if value is _ABSENT else (step.name, value)
    if isinstance(step, Index) and isinstance(node, LISTS):
        in_range = -len(node) <= step.number < len(node)
        return (step.number % len(node), node[step.number]) if in_range else None
    if isinstance(step, Select) and isinstance(node, LISTS):
        for index, item in enumerate(node):
            if any(condition.matches(item) for condition in step.conditions):
                return index, item
    return None


def _explain(step: Any, node: Any) -> str:
    if isinstance(step, Key):
        message, hint = f"no key {quote_name(step.name)}", ""
        if isinstance(node, _MAPS):
            hint = did_you_mean(step.name, [key for key in node if isinstance(key, str)])
        else:
            message += f" in {describe_type(node)}"
            hint = "pick an item first, such as [0]" if isinstance(node, LISTS) else ""
    elif not isinstance(node, LISTS):
        return f"{step} picks from a list, but this is {describe_type(node)}"
    elif isinstance(step, Index):
        return f"no item {step} in a list of {len(node)} item{'s' * (len(node) != 1)}"
    else:
        key, text, _ = step.conditions[0]
        values = [item.get(key) for item in node if isinstance(item, _MAPS)]
        known = [value for value in values if isinstance(value, str) and not is_secret(key)]
        message, hint = f"no item with {str(step)[1:-1]}", did_you_mean(text, dict.fromkeys(known))
    return f"{message}; {hint}" if hint else message


def parse(path: PathLike) -> tuple[PathStep, ...]:
    """Read a path, or a list of its parts, into steps.

    A part is a whole key, including dots, unless it contains a bracket; a number is an index.

    >>> parse("models[0].name")
    (Key(name='models'), Index(number=0), Key(name='name'))
    >>> parse(["models", 0, "v1.5", "[name=a]"])
    (Key(name='models'), Index(number=0), Key(name='v1.5'), Select(conditions=(name='a',)))
    """
    if isinstance(path, str):
        return _parse(path)
    if not isinstance(path, list | tuple):
        raise PathSyntaxError(f"a path is a string or a list of parts, not a {type(path).__name__}")
    steps: list[PathStep] = []
    for part in path:
        if isinstance(part, str):
            steps += _parse(part) if "[" in part else [Key(part)]
        elif isinstance(part, int) and not isinstance(part, bool):
            steps.append(Index(part))
        elif isinstance(part, PathStep):
            steps.append(part)
        else:
            kind = type(part).__name__
            raise PathSyntaxError(f"a part of a path is a string or a number, not a {kind}")
    return tuple(steps)


_QUOTED = r"'[^']*'|\"[^\"]*\""
_NAME = rf"({_QUOTED}|[^\s=!<>~\[\]'\"]+)\s*=\s*"
_CONDITION = rf"{_NAME}({_QUOTED}|[^\s=\[\]'\"](?:(?!(?<!\s)\s+or(?:[\s\]]|$))[^\]])*)"
_OR = r"\s+or(?=[\s\]]|$)\s*"
# Matches a step, or else as much of it as is well-formed.
_STEP = rf"""(?x)
    (?P<dot> (?!\A)\. )? (?:
        (?(dot)|\A) (?P<key> {_QUOTED} | [^.\[\]'"][^.\[\]]* )
      | (?P<open> \[\s* ) (?:
            (?P<conditions> {_CONDITION} (?:{_OR}{_CONDITION})* ) (?: \s*] | {_OR}(?:{_NAME})? )?
          | {_NAME}
          | (?: \* | (?P<index> -?[0-9]{{1,99}} ) | (?P<quoted> {_QUOTED} ) ) \s*]?
        )?
    )?
"""


@lru_cache(maxsize=1024)
def _parse(path: str) -> tuple[PathStep, ...]:
    steps: list[PathStep] = []
    for step in re.finditer(_STEP, path):
        if steps and step.start() == len(path):
            break
        key = step["key"] or step["quoted"]
        if not step["key"] and not step[0].endswith("]"):
            problem = "expected an index, *, a quoted key or name=value, and ]"
            if not step["open"]:
                problem = "expected a key" if step["dot"] or not steps else "expected '.' or '['"
            column = len(show_path(path[: step.end()])) + 1
            raise PathSyntaxError(f"malformed path: {problem}", show_path(path), column)
        if key:
            steps.append(Key(_unquote(key)))
        elif step["index"]:
            steps.append(Index(int(step["index"])))
        else:
            pairs = re.findall(_CONDITION, step["conditions"] or "")
            found = [(_unquote(key), value.rstrip()) for key, value in pairs]
            steps.append(Select(tuple(Condition(k, _unquote(v), read_scalar(v)) for k, v in found)))
    return tuple(steps)


def _unquote(text: str) -> str:
    return text[1:-1] if text[0] in "'\"" else text


_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False,
          "null": None, "~": None}  # fmt: skip


def read_scalar(text: str) -> str | float | None:
    """Read a bare value as YAML would: a number, true, false or null, else a string."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            pass
    return text


# A name, and behind it what may be a value, however the condition is malformed.
_VALUE_OF = r"(?<![\w-])([\w-]+)['\"]?(?:\s*[=:!<>~]+\s*|\s+)(?=[^\s\]])"


def show_path(path: PathLike) -> str:
    """Write a path for a message; it is cut off at a condition on a secret.

    >>> show_path(["models", 0, "name"]), show_path("models[api_key=sk-1].name")
    ('models[0].name', 'models[api_key=***…')
    """
    if not isinstance(path, str):
        parts = [f"[{part}]" if isinstance(part, int) else str(part) for part in path]
        path = ".".join(parts).replace(".[", "[")
    shown = path[:_LONGEST]
    for name in re.finditer(_VALUE_OF, shown):
        if is_secret(name[1]):
            return f"{redact_text(shown[: name.end(1)])}={HIDDEN}…"
    return redact_text(shown) + "…" * (len(path) > _LONGEST)
