"""References to the environment: `os.environ/NAME`, the convention of LiteLLM.

A reference stays a string wherever a configuration is held or shown; it is resolved when keyword
arguments are built for a call. Nothing else is expanded: no `${NAME}`, no part of a string.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any, Literal

from pyrsistent import PMap

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
Change = Callable[[str, Path, Kind], Any]

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
    """Return the variable that a string refers to in the way of another tool: nothing expands it.

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
    """Return whether `resolve` would change the value of a key, or refuse it.

    >>> refers("os.environ/KEY"), refers("Bearer ${KEY}", "authorization"), refers("gpt-4o")
    (True, True, False)
    """
    return bool(unresolved_items({name: value}, types))


def unresolved_items(values: Mapping[Any, Any], types: Types = _NO_TYPES) -> dict[Any, Any]:
    """Return the items that `resolve` would change, or refuse."""
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
    """Copy containers, with every reference replaced by what the environment holds.

    >>> os.environ["HEAT"] = "0.2"
    >>> resolve({"temperature": "os.environ/HEAT"}, types={"temperature": "number"})
    {'temperature': 0.2}
    >>> del os.environ["HEAT"]

    Raises `UnsetVariableError` if all that is wrong is variables that are unset or empty, else
    `ConfigError`; `locate` gives faults their place.
    """
    found: list[Any] = []

    def change(*string: Any) -> Any:
        found.append(_resolve(*string))
        return found[-1]

    resolved = _rebuild(value, change, path, types=types)
    faults = [locate(each) for each in found if isinstance(each, Fault)]
    if not faults:
        return resolved
    if all(fault.code == _UNSET for fault in faults):
        raise UnsetVariableError(faults, faults[0].message.partition(" ")[0])
    raise ConfigError(faults)


def _strings(value: Any, types: Types = _NO_TYPES) -> list[tuple[str, Path, Kind]]:
    found: list[tuple[str, Path, Kind]] = []
    _rebuild(value, lambda *string: found.append(string), types=types)
    return found


def _rebuild(
    value: Any, change: Change, path: Path = (), kind: Kind = None, types: Types = _NO_TYPES
) -> Any:
    """Copy containers, with their strings changed; `types` is for the outermost mapping."""
    if isinstance(value, str):
        return change(value, path, kind)
    if type(value) in SCALARS:
        return value
    kind = kind if kind == "string" else None
    if isinstance(value, dict | PMap):
        rebuilt = {}
        for key, item in value.items():
            # What is secret is a string.
            own = types.get(key) or ("string" if isinstance(key, str) and is_secret(key) else None)
            rebuilt[key] = _rebuild(item, change, (*path, key), kind or own)
        return rebuilt
    if isinstance(value, LISTS):
        items = [_rebuild(item, change, (*path, i), kind) for i, item in enumerate(value)]
        # A tuple may have names for its items.
        return getattr(value, "_make", tuple)(items) if isinstance(value, tuple) else items
    if isinstance(value, Set):
        return {_rebuild(item, change, path, kind) for item in value}
    return value


def _resolve(text: str, path: Path, kind: Kind) -> Any:
    """Return what a string stands for, or a fault."""
    if not is_reference(text):
        return _find_misuse(text, path, kind) or text
    name = text.removeprefix(REFERENCE)
    value = os.environ.get(name, "")
    bare, hint = value.strip(), ""
    if not bare:
        message = f"{name} is {'empty' if name in os.environ else 'not set'}"
        return Fault(path, message, f"set it: export {name}=…", _UNSET)
    if bare[0] == bare[-1] in "'\"" and len(bare) > 1:
        problem, hint = "is wrapped in quotes", "set it without the quotes"
    elif value != bare and len(bare.splitlines()) == 1:  # no PEM file, and no prompt
        problem, hint = "has blanks around it", "set it without the blanks"
        if value[-1] in "\r\n":
            problem, hint = "ends in a line break", "set it without the line break"
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
    if not strict and not value.startswith((REFERENCE, "${")):
        return None
    name = foreign_reference(value)
    if value.startswith(REFERENCE) and not is_reference(value):
        message = "refers to what cannot be the name of a variable"
        hint = f"write {REFERENCE}NAME, letters, digits and underscores"
    elif name and (strict or value == f"${{{name}}}"):
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
