"""References to the environment: `os.environ/NAME`, the convention of LiteLLM.

A reference stays a string wherever a configuration is held or shown; it is resolved when keyword
arguments are built for a call. Nothing else is expanded: no `${NAME}`, no part of a string.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Set
from functools import lru_cache
from typing import Any, Literal

from pyrsistent import PMap

from dispatch.errors import ConfigError, Fault, Step, UnsetVariableError
from dispatch.immutable import SCALARS, VECTOR
from dispatch.redaction import REFERENCE, is_reference, is_secret

__all__ = [
    "ValueType",
    "find_unresolvable",
    "foreign_reference",
    "references",
    "refers",
    "resolve",
]

ValueType = Literal["string", "number", "integer", "boolean"]
"""What a key takes, in the words of JSON Schema. In a "string", a reference is never a part."""

Path = tuple[Step, ...]
Types = Mapping[str, ValueType]
Problem = tuple[Fault, str]
"""A fault, and the variable where that is unset."""

_NAME = r"[^\W\d]\w*"
_FOREIGN = rf"""(?x)  # a whole string, the way other tools write a reference
      \$ (?P<shell> [A-Z_][A-Z0-9_]*)
    | \$\{{ \s* (?:(?:env|oc\.env)[:.])? (?P<braces> {_NAME}) (?:[:?=+,-][^}}]*)? \}}
    | \$? \{{\{{ \s* (?:(?:env|secrets|vars)\.)? (?P<template> {_NAME}) \s* \}}\}}
    | \{{? (?:env|ENV) : (?P<prefix> {_NAME}) \}}?
    | env/ (?P<slash> {_NAME})
    | % (?P<percent> {_NAME}) %
    | os\.(?:getenv|environ(?:\.get)?) [(\[] \s* ['"] (?P<call> {_NAME}) ['"] [^)\]]* [)\]]
    | (?:os\.environ|process\.env) [.:] (?P<attribute> {_NAME})
"""
_EMBEDDED = r"\$\{\w+[:}]|os\.environ/"
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True,
             "false": False, "no": False, "off": False, "0": False}  # fmt: skip
_EXPECTED = {"number": "a number", "integer": "an integer", "boolean": "true or false"}
_MAPS = (dict, PMap)
_LISTS: tuple[type[Any], ...] = (list, tuple, *VECTOR)
_ITEMS: tuple[type[Any], ...] = (*_LISTS, Set)


def references(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield each place where a value refers to the environment, and the variable.

    >>> list(references({"headers": {"X-Key": "os.environ/TEAM_KEY"}}))
    [(('headers', 'X-Key'), 'TEAM_KEY')]
    """
    if isinstance(value, str):
        if is_reference(value):
            yield path, value.removeprefix(REFERENCE)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from references(item, (*path, key))
    elif isinstance(value, _LISTS):
        for index, item in enumerate(value):
            yield from references(item, (*path, index))


def foreign_reference(value: str) -> str | None:
    """Return the variable that a string refers to in the way of another tool: nothing expands it.

    >>> foreign_reference("${OPENAI_API_KEY}"), foreign_reference("os.getenv('OPENAI_API_KEY')")
    ('OPENAI_API_KEY', 'OPENAI_API_KEY')
    >>> foreign_reference("os.environ/OPENAI_API_KEY")
    """
    match = re.fullmatch(_FOREIGN, value.strip())
    return match[match.lastgroup or 0] if match else None


def refers(value: Any, name: object = "", types: Types | None = None) -> bool:
    """Return whether `resolve` would change the value of a key, or refuse it.

    >>> refers("os.environ/KEY"), refers("Bearer ${KEY}", "authorization"), refers("gpt-4o")
    (True, True, False)
    """
    if type(value) in SCALARS and type(value) is not str:
        return False
    strict = _is_strict(name, types or {})
    if isinstance(value, str):
        return is_reference(value) or _find_misuse(value, (), strict) is not None
    if isinstance(value, Mapping):
        return any(refers(item, name if strict else key) for key, item in value.items())
    return isinstance(value, _ITEMS) and any(refers(item, name) for item in value)


def find_unresolvable(
    value: Any, path: Path = (), *, secret: bool = False, types: Types | None = None
) -> Iterator[Fault]:
    """Yield the faults that `resolve` would raise; an unset variable is a warning.

    >>> for fault in find_unresolvable({"api_key": "$OPENAI_API_KEY"}):
    ...     print(fault)
    api_key: $OPENAI_API_KEY is not expanded; write os.environ/OPENAI_API_KEY
    """
    problems: list[Problem] = []
    _resolve(value, None, path, secret, types or {}, problems)
    return (fault.as_warning() if variable else fault for fault, variable in problems)


def resolve(
    value: Any,
    path: Path = (),
    *,
    secret: bool = False,
    types: Types | None = None,
    locate: Callable[[Fault], Fault] = lambda fault: fault,
) -> Any:
    """Copy containers, with every reference replaced by what the environment holds.

    `secret`: the value is that of a key that holds secrets. `types`: what keys take; under such a
    key, the value of a variable becomes a number or a boolean. `locate` gives faults their place.

    >>> os.environ["TEAM"], os.environ["HEAT"] = "blue", "0.2"
    >>> resolve({"a": ["os.environ/TEAM"], "b": "os.environ/HEAT"}, types={"b": "number"})
    {'a': ['blue'], 'b': 0.2}
    >>> del os.environ["TEAM"], os.environ["HEAT"]

    Raises `UnsetVariableError` for variables that are unset or empty, and `ConfigError` for other
    faults: a variable of the wrong type, or in quotes; `${NAME}`; and, under a key that is secret
    or takes a "string", any reference of another tool, or one that is only a part of the value.
    """
    problems: list[Problem] = []
    resolved = _resolve(value, None, path, secret, types or {}, problems)
    if not problems:
        return resolved
    faults = [locate(fault) for fault, _ in problems]
    if all(variable for _, variable in problems):
        raise UnsetVariableError(faults, problems[0][1])
    raise ConfigError(faults)


def _resolve(
    value: Any, key: object, path: Path, strict: bool, types: Types, problems: list[Problem]
) -> Any:
    """Resolve the value of a key, which is None for an item of a list, or the outermost value."""
    if isinstance(value, str):
        if value.startswith(REFERENCE) and (name := _variable(value)):
            return _read(name, path, types.get(key) if isinstance(key, str) else None, problems)
        if misuse := _find_misuse(value, path, strict or _is_strict(key, types)):
            problems.append((misuse, ""))
        return value
    if type(value) in SCALARS:
        return value
    strict = strict or _is_strict(key, types)
    types = types if key is None else {}  # those of the outermost mapping
    if isinstance(value, _MAPS):
        return {k: _resolve(v, k, (*path, k), strict, types, problems) for k, v in value.items()}
    if isinstance(value, _LISTS):
        items = [_resolve(v, None, (*path, i), strict, {}, problems) for i, v in enumerate(value)]
        if not isinstance(value, tuple):
            return items
        make = getattr(value, "_make", tuple)  # of a named tuple
        return make(items)
    if isinstance(value, Set):
        return {_resolve(item, None, path, strict, {}, problems) for item in value}
    return value


@lru_cache(maxsize=1024)
def _variable(value: str) -> str:
    return value.removeprefix(REFERENCE) if is_reference(value) else ""


def _is_strict(key: object, types: Types) -> bool:
    """Return whether no reference may be a part of the value of a key."""
    return isinstance(key, str) and (types.get(key) == "string" or is_secret(key))


def _find_misuse(value: str, path: Path, strict: bool) -> Fault | None:
    """Return a fault for what looks like a reference, and would be sent as it is."""
    if not strict and not value.startswith((REFERENCE, "${")):
        return None
    if value.startswith(REFERENCE) and not is_reference(value):
        message = "refers to what cannot be the name of a variable"
        hint = f"write {REFERENCE}NAME, letters, digits and underscores"
    elif (name := foreign_reference(value)) and (strict or value == f"${{{name}}}"):
        # The default in ${NAME:-…} may be a secret.
        plain = value in (f"${name}", f"${{{name}}}", f"env:{name}")
        message = f"{value if plain else 'this reference'} is not expanded"
        hint = f"write {REFERENCE}{name}"
    elif strict and re.search(_EMBEDDED, value):
        message = "contains a reference, which is only resolved if it is the whole value"
        hint = "put the whole value into a variable"
    else:
        return None
    return Fault(path, message, hint, "wrong-reference")


def _read(name: str, path: Path, kind: ValueType | None, problems: list[Problem]) -> Any:
    """Read a variable, as the type that its key takes."""
    text = os.environ.get(name, "")
    stripped = text.strip()
    if not stripped:
        message = f"{name} is {'empty' if name in os.environ else 'not set'}"
        fault = Fault(path, message, f"set it: export {name}=…", "unset-variable")
        problems.append((fault, name))
        return None
    problem = hint = ""
    if stripped[0] == stripped[-1] in "'\"" and len(stripped) > 1:
        problem, hint = "is wrapped in quotes", "set it without the quotes"
    elif text != stripped and len(stripped.splitlines()) == 1:  # no PEM file, and no prompt
        problem, hint = "has blanks around it", "set it without the blanks"
        if text[-1] in "\r\n":
            problem, hint = "ends in a line break", "set it without the line break"
    elif kind is not None and kind != "string":
        value = _convert(text, kind)
        if value is not None:
            return value
        problem = f"is not {_EXPECTED[kind]}"
    if problem:
        fault = Fault(path, f"the value of {name} {problem}", hint, "wrong-value")
        problems.append((fault, ""))
    return text


def _convert(text: str, kind: ValueType) -> bool | float | None:
    if kind == "boolean":
        return _BOOLEANS.get(text.lower())
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if kind == "number" and math.isfinite(number) else None
