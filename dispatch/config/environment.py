"""References to the environment: `os.environ/NAME`, the convention of LiteLLM.

A reference remains a string wherever a configuration is kept or shown; it is resolved when keyword
arguments are built for a call. Nothing else is expanded, neither `${NAME}` nor parts of a string.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from pyrsistent import PMap, PSet

from dispatch.config.paths import read_scalar
from dispatch.errors import ConfigError, Fault, Step, UnsetVariableError
from dispatch.immutable import LISTS, SCALARS
from dispatch.redaction import REFERENCE, is_reference, is_secret
from dispatch.suggestions import KINDS

__all__ = ["Types", "ValueType", "find_unresolvable", "foreign_reference", "references", "refers",
           "resolve", "unresolved_items"]  # fmt: skip

ValueType = Literal["string", "number", "integer", "boolean"]
"""What a key takes, in the words of JSON Schema. In a "string", a reference is never a part."""

Path = tuple[Step, ...]
Types = Mapping[str, ValueType]
Kind = ValueType | None

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
_SIGN = "[$%{]|env|ENV"  # each of these forms has one
_EMBEDDED = r"\$\{\w+[:}]|os\.environ/"
_NO_TYPES: Types = {}
_UNSET = "unset-variable"


def foreign_reference(value: str) -> str | None:
    """Return the variable that a string refers to in another tool's syntax, which nothing expands.

    >>> foreign_reference("${OPENAI_API_KEY}"), foreign_reference("os.getenv('OPENAI_API_KEY')")
    ('OPENAI_API_KEY', 'OPENAI_API_KEY')
    >>> foreign_reference("os.environ/OPENAI_API_KEY")
    """
    match = re.search(_SIGN, value) and re.fullmatch(_FOREIGN, value.strip())
    return match[match.lastgroup or 0] if match else None


def references(value: Any) -> Iterator[tuple[Path, str]]:
    """Yield each place where a value refers to the environment, and the variable.

    >>> list(references({"headers": {"X-Key": "os.environ/TEAM_KEY"}}))
    [(('headers', 'X-Key'), 'TEAM_KEY')]
    """
    strings = _strings(value)
    return ((path, text.removeprefix(REFERENCE)) for text, path, _ in strings if is_reference(text))


def refers(value: Any, name: object = "", types: Types = _NO_TYPES) -> bool:
    """Return whether `resolve` would change or reject the value of a key.

    >>> refers("os.environ/KEY"), refers("Bearer ${KEY}", "authorization"), refers("gpt-4o")
    (True, True, False)
    """
    return bool(unresolved_items({name: value}, types))


def unresolved_items(values: Mapping[Any, Any], types: Types = _NO_TYPES) -> dict[Any, Any]:
    """Return the items that `resolve` would change or reject."""
    strings = _strings(values, types)
    keys = {p[0] for text, p, kind in strings if is_reference(text) or _find_misuse(text, p, kind)}
    return {key: value for key, value in values.items() if key in keys}


def find_unresolvable(value: Any, *, types: Types = _NO_TYPES) -> Iterator[Fault]:
    """Yield the faults that `resolve` would raise; an unset variable is a warning.

    >>> for fault in find_unresolvable({"api_key": "$OPENAI_API_KEY"}):
    ...     print(fault)
    api_key: $OPENAI_API_KEY is not expanded; write os.environ/OPENAI_API_KEY
    """
    for string in _strings(value, types):
        if isinstance(fault := _resolve(*string), Fault):
            yield fault.as_warning() if fault.code == _UNSET else fault


def resolve(
    value: Any,
    path: Path = (),
    *,
    types: Types = _NO_TYPES,
    locate: Callable[[Fault], Fault] = lambda fault: fault,
) -> Any:
    """Copy containers with every reference replaced by its value in the environment.

    >>> os.environ["HEAT"] = "0.2"
    >>> resolve({"temperature": "os.environ/HEAT"}, types={"temperature": "number"})
    {'temperature': 0.2}
    >>> del os.environ["HEAT"]

    Raises `UnsetVariableError` if all that is wrong is variables that are unset or empty, else
    `ConfigError`; `locate` gives faults their place.
    """
    faults: list[Fault] = []

    def change(text: str, at: Path) -> Any:
        found = _resolve(text, at, _kind(at, types))
        if isinstance(found, Fault):
            faults.append(locate(found.under(*path)))
        return found

    resolved = _rebuild(value, change)
    if not faults:
        return resolved
    if all(fault.code == _UNSET for fault in faults):
        raise UnsetVariableError(faults, faults[0].message.partition(" ")[0])
    raise ConfigError(faults)


def _strings(value: Any, types: Types = _NO_TYPES) -> list[tuple[str, Path, Kind]]:
    found: list[tuple[str, Path, Kind]] = []
    _rebuild(value, lambda text, path: found.append((text, path, _kind(path, types))))
    return found


def _rebuild(value: Any, change: Callable[[str, Path], Any], path: Path = ()) -> Any:
    """Copy containers, with their strings changed."""
    if isinstance(value, str):
        return change(value, path)
    if isinstance(value, dict | PMap):
        rebuilt = dict(value.items())
        for key, item in rebuilt.items():
            if type(item) is str or type(item) not in SCALARS:
                rebuilt[key] = _rebuild(item, change, (*path, key))
        return rebuilt
    if isinstance(value, LISTS):
        items = [_rebuild(item, change, (*path, i)) for i, item in enumerate(value)]
        # A tuple may have names for its items.
        return getattr(value, "_make", tuple)(items) if isinstance(value, tuple) else items
    if isinstance(value, set | frozenset | PSet):
        return {change(item, path) if isinstance(item, str) else item for item in value}
    return value


def _kind(path: Path, types: Types) -> Kind:
    """Return what belongs at a path: `types` are those of its first key; a secret is a string."""
    first = types.get(path[0]) if path else None  # type: ignore[arg-type]  # of an odd key, none
    if len(path) == 1 and first:
        return first
    secret = any(isinstance(step, str) and is_secret(step) for step in path)
    return "string" if secret or first == "string" else None


def _resolve(text: str, path: Path, kind: Kind) -> Any:
    """Return the value of a string, or a fault."""
    if not is_reference(text):
        return _find_misuse(text, path, kind) or text
    name = text.removeprefix(REFERENCE)
    value = os.environ.get(name, "")
    bare, hint = value.strip(), ""
    if not bare:
        message = f"{name} is {'empty' if name in os.environ else 'not set'}"
        near = name.upper() if os.environ.get(name.upper(), "").strip() else ""
        hint = f"write {REFERENCE}{near}" if near else f"set it: export {name}=…"
        return Fault(path, message, hint, _UNSET)
    if bare[0] == bare[-1] in "'\"" and len(bare) > 1:
        problem, hint = "is wrapped in quotes", "set it without the quotes"
    elif value != bare and len(bare.splitlines()) == 1:  # no PEM file, and no prompt
        problem, hint = "has spaces around it", "set it without the spaces"
        if value[-1] in "\r\n":
            problem, hint = "ends in a line break", "set it without the line break"
    elif path[-1:] == ("api_key",) and len(bare.splitlines()) > 1 and bare[0] not in "-{":
        problem, hint = "contains a line break", "set it on one line"
    elif kind is None or kind == "string":
        return value
    else:
        expected, accepted = KINDS[kind]
        number = kind != "boolean" or bare not in ("0", "1")
        typed: Any = read_scalar(bare) if number else bare == "1"
        if type(typed) in accepted and -math.inf < typed < math.inf:
            return typed
        problem = f"is not {expected}"
    return Fault(path, f"the value of {name} {problem}", hint, "wrong-value")


def _find_misuse(value: str, path: Path, kind: Kind) -> Fault | None:
    """Return a fault for what looks like a reference, and would be sent as it is."""
    strict = kind == "string"
    if not (re.search(_SIGN, value) if strict else value.startswith((REFERENCE, "${"))):
        return None
    name = foreign_reference(value)
    if value.startswith(REFERENCE) and not is_reference(value):
        message = "does not refer to the name of a variable"
        words = re.fullmatch(r"\W*([A-Z]+(?:[-._ ][A-Z]+)+)\W*", value.removeprefix(REFERENCE))
        meant = re.sub(r"\W", "_", words[1]) if words else "NAME, letters, digits and underscores"
        hint = f"write {REFERENCE}{meant}"
    elif name and (strict or value == f"${{{name}}}"):
        # The default in ${NAME:-…} may be a secret.
        plain = value in (f"${name}", f"${{{name}}}", f"env:{name}")
        message = f"{value if plain else 'this reference'} is not expanded"
        hint = f"write {REFERENCE}{name}"
    elif strict and re.search(_EMBEDDED, value):
        message = "contains a reference, which is only resolved if it is the whole value"
        hint = "put the whole value into a variable"
        alone = re.fullmatch(rf"""['"]?(?:bearer\s+)?({REFERENCE}{_NAME})['"]?""", value, re.I)
        if alone and path[-1] == "api_key":
            hint = f"write {alone[1]}"
    else:
        return None
    return Fault(path, message, hint, "wrong-reference")
