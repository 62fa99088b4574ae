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
from dispatch.immutable import SCALARS, VECTOR
from dispatch.redaction import REFERENCE, is_reference, is_secret

__all__ = ["Types", "ValueType", "find_unresolvable", "foreign_reference", "references", "refers",
           "resolve"]  # fmt: skip

ValueType = Literal["string", "number", "integer", "boolean"]
"""What a key takes, in the words of JSON Schema. In a "string", a reference is never a part."""

Path = tuple[Step, ...]
Types = Mapping[str, ValueType]

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
_MAPS = (dict, PMap)
_LISTS: tuple[type[Any], ...] = (list, tuple, *VECTOR)
_UNSET = "unset-variable"


def foreign_reference(value: str) -> str | None:
    """Return the variable that a string refers to in the way of another tool: nothing expands it.

    >>> foreign_reference("${OPENAI_API_KEY}"), foreign_reference("os.getenv('OPENAI_API_KEY')")
    ('OPENAI_API_KEY', 'OPENAI_API_KEY')
    >>> foreign_reference("os.environ/OPENAI_API_KEY")
    """
    match = re.fullmatch(_FOREIGN, value.strip())
    return match[match.lastgroup or 0] if match else None


def references(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield each place where a value refers to the environment, and the variable.

    >>> list(references({"headers": {"X-Key": "os.environ/TEAM_KEY"}}))
    [(('headers', 'X-Key'), 'TEAM_KEY')]
    """
    found: list[tuple[Path, str]] = []

    def note(text: str, path: Path, *_: object) -> None:
        if is_reference(text):
            found.append((path, text.removeprefix(REFERENCE)))

    _rebuild(value, note, path)
    return iter(found)


def refers(value: Any, name: object = "", types: Types | None = None) -> bool:
    """Return whether `resolve` would change the value of a key, or refuse it.

    >>> refers("os.environ/KEY"), refers("Bearer ${KEY}", "authorization"), refers("gpt-4o")
    (True, True, False)
    """
    found: list[object] = []

    def note(text: str, path: Path, _: object, strict: bool) -> None:
        if is_reference(text) or _find_misuse(text, path, strict):
            found.append(text)

    _rebuild(value, note, (), *_rule(name, types or {}))
    return bool(found)


def find_unresolvable(value: Any, *, types: Types | None = None) -> Iterator[Fault]:
    """Yield the faults that `resolve` would raise; an unset variable is a warning.

    >>> for fault in find_unresolvable({"api_key": "$OPENAI_API_KEY"}):
    ...     print(fault)
    api_key: $OPENAI_API_KEY is not expanded; write os.environ/OPENAI_API_KEY
    """
    faults, _ = _resolve(value, (), types)
    return (fault.as_warning() if fault.code == _UNSET else fault for fault in faults)
