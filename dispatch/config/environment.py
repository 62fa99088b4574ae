"""References to the environment: `os.environ/NAME`, LiteLLM's own convention.

A reference stays text wherever a configuration is held or shown, and is resolved when keyword
arguments are built for a call.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pyrsistent import PVector

from dispatch.errors import ConfigError, Fault, Step, UnsetVariableError, place
from dispatch.secrets import REFERENCE

__all__ = ["references", "resolve"]

_SHELL = re.compile(r"\$\{(\w+)\}")


def references(value: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Yield where a value refers to the environment, and to which variable.

    >>> list(references({"headers": {"X-Key": "os.environ/TEAM_KEY"}}))
    [(('headers', 'X-Key'), 'TEAM_KEY')]
    """
    if isinstance(value, str):
        if value.startswith(REFERENCE):
            yield path, value.removeprefix(REFERENCE)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from references(item, (*path, key))
    elif isinstance(value, list | tuple | PVector):
        for index, item in enumerate(value):
            yield from references(item, (*path, index))


def resolve(value: Any, path: tuple[Step, ...] = ()) -> Any:
    """Copy plain containers with every reference replaced by what the environment holds.

    Raises `UnsetVariableError` where a variable is unset or empty, and `ConfigError` for a
    `${NAME}`, which nothing would ever expand.
    """
    if isinstance(value, str):
        return _resolve_text(value, path)
    if isinstance(value, dict):
        return {key: resolve(item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(resolve(item, (*path, index)) for index, item in enumerate(value))
    return value


def _resolve_text(value: str, path: tuple[Step, ...]) -> str:
    if value.startswith(REFERENCE):
        name = value.removeprefix(REFERENCE)
        found = os.environ.get(name, "")
        if not found.strip():
            raise UnsetVariableError(name, place(path))
        return found
    shell = _SHELL.fullmatch(value)
    if shell:
        hint = f"write {REFERENCE}{shell[1]}"
        fault = Fault(path, f"{value} is not expanded", hint, "shell-reference")
        raise ConfigError([fault])
    return value
