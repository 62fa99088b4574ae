"""References to the environment: `os.environ/NAME`, LiteLLM's own convention.

A reference stays text wherever a configuration is held or shown, and is resolved when keyword
arguments are built for a call.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Set
from typing import Any

from pyrsistent import PVector

from dispatch.errors import ConfigError, Fault, Step, UnsetVariableError, place
from dispatch.secrets import REFERENCE, is_reference, is_secret

__all__ = ["references", "refers", "resolve"]

_SHELL = r"\$\{(\w+)\}"
_EMBEDDED = r"\$\{\w+\}|os\.environ/"


def references(value: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Yield where a value refers to the environment, and to which variable.

    >>> list(references({"headers": {"X-Key": "os.environ/TEAM_KEY"}}))
    [(('headers', 'X-Key'), 'TEAM_KEY')]
    """
    if isinstance(value, str):
        if is_reference(value):
            yield path, value.removeprefix(REFERENCE)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from references(item, (*path, key))
    elif isinstance(value, list | tuple | PVector):
        for index, item in enumerate(value):
            yield from references(item, (*path, index))


def refers(value: Any, name: object = "") -> bool:
    """Tell whether `resolve` would change this value of a key, or complain of it.

    >>> refers("os.environ/KEY"), refers("Bearer ${KEY}", "authorization"), refers("gpt-4o")
    (True, True, False)
    """
    if not isinstance(value, str) or not (REFERENCE in value or "${" in value):
        return False
    if value.startswith((REFERENCE, "${")):
        return True
    return re.search(_EMBEDDED, value) is not None and isinstance(name, str) and is_secret(name)


def resolve(value: Any, path: tuple[Step, ...] = (), *, secret: bool = False) -> Any:
    """Copy plain containers with every reference replaced by what the environment holds.

    `secret` tells that the value stands under a key that holds secrets.

    >>> os.environ["TEAM"] = "blue"
    >>> resolve({"headers": {"X-Team": "os.environ/TEAM"}, "tags": ["a"]})
    {'headers': {'X-Team': 'blue'}, 'tags': ['a']}

    Raises `UnsetVariableError` where a variable is unset or empty, and `ConfigError` for what
    nothing would ever expand: `${NAME}`, or a reference that is only part of a secret.
    """
    if isinstance(value, str):
        return _resolve_text(value, path, secret)
    if isinstance(value, dict):
        return {
            key: resolve(
                item, (*path, key), secret=secret or (isinstance(key, str) and is_secret(key))
            )
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        items = (resolve(item, (*path, at), secret=secret) for at, item in enumerate(value))
        return getattr(value, "_make", type(value))(items)  # a named tuple takes its items apart
    if isinstance(value, Set):
        return {resolve(item, path, secret=secret) for item in value}
    return value


def _resolve_text(value: str, path: tuple[Step, ...], secret: bool) -> str:
    if is_reference(value):
        name = value.removeprefix(REFERENCE)
        found = os.environ.get(name, "")
        if not found.strip():
            raise UnsetVariableError(name, place(path))
        return found
    if value.startswith(REFERENCE):
        hint = f"write {REFERENCE}NAME, letters, digits and underscores"
        raise _wrong(path, "refers to what cannot be the name of a variable", hint)
    shell = re.fullmatch(_SHELL, value)
    if shell:
        raise _wrong(path, f"{value} is not expanded", f"write {REFERENCE}{shell[1]}")
    if secret and re.search(_EMBEDDED, value):
        hint = "put the whole value into a variable"
        raise _wrong(path, "a reference stands alone: here it would be sent as it is", hint)
    return value


def _wrong(path: tuple[Step, ...], message: str, hint: str) -> ConfigError:
    return ConfigError([Fault(path, message, hint, "wrong-reference")])
