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
from dispatch.origins import Locate
from dispatch.origins import place as place_faults
from dispatch.secrets import REFERENCE, is_reference, is_secret, label

__all__ = ["find_unresolvable", "references", "refers", "resolve", "resolve_of_model"]

# `re` compiles these when they are first asked, and keeps them: to import them costs nothing.
_SHELL = r"\$\{(?P<name>[^\W\d]\w*)\}"
_OTHER = (  # the default in ${NAME:-…} may be a secret
    r"(?x) \$\{ (env:)? (?P<name>[^\W\d]\w*) ([:?=+-][^}]*)? \}"
    r" | \$(?P<bare>[A-Z_][A-Z0-9_]*) | env: (?P<env>[^\W\d]\w*)"
)
_EMBEDDED = r"\$\{\w+(:[^}]*)?\}|os\.environ/"


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
    if not isinstance(value, str) or not ("$" in value or "env" in value):
        return False  # told fast, as it is of nearly all
    return value.startswith((REFERENCE, "${")) or _looks_like_one(value, name)


_HOLDERS = (str, Mapping, list, tuple, PVector)  # of what may refer to a variable


def _looks_like_one(value: str, name: object) -> bool:
    if not isinstance(name, str) or not is_secret(name):
        return False
    return bool(re.search(_EMBEDDED, value) or re.fullmatch(_OTHER, value))


def find_unresolvable(
    value: Any, path: tuple[Step, ...] = (), *, secret: bool = False
) -> Iterator[Fault]:
    """Yield what `resolve` would raise: a warning for what is unset, a fault for what is wrong.

    >>> for fault in find_unresolvable({"api_key": "$OPENAI_API_KEY"}):
    ...     print(fault)
    api_key: $OPENAI_API_KEY is not expanded; write os.environ/OPENAI_API_KEY
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, _HOLDERS):
                inside = secret or (isinstance(key, str) and is_secret(key))
                yield from find_unresolvable(item, (*path, key), secret=inside)
    elif isinstance(value, list | tuple | PVector):
        for index, item in enumerate(value):
            yield from find_unresolvable(item, (*path, index), secret=secret)
    elif refers(value, "api_key" if secret else ""):
        try:
            resolve(value, path, secret=secret)
        except UnsetVariableError as error:
            message = f"environment variable {error.variable} is unset or empty"
            hint = f"set it: export {error.variable}=…"
            yield Fault(path, message, hint, "unset-variable", "warning")
        except ConfigError as error:
            yield from error.faults


def resolve(value: Any, path: tuple[Step, ...] = (), *, secret: bool = False) -> Any:
    """Copy plain containers with every reference replaced by what the environment holds.

    `secret` tells that the value stands under a key that holds secrets.

    >>> os.environ["TEAM"] = "blue"
    >>> resolve({"headers": {"X-Team": "os.environ/TEAM"}, "tags": ["a"]})
    {'headers': {'X-Team': 'blue'}, 'tags': ['a']}

    Raises `UnsetVariableError` where a variable is unset or empty, and `ConfigError` for what
    nothing would ever expand: `${NAME}`, or a reference that is only part of a secret. As the
    whole of a secret, `$NAME`, `${NAME:-x}` and `env:NAME` are such too.
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


def resolve_of_model(
    given: dict[str, Any], model: Mapping[str, Any], locate: Locate
) -> dict[str, Any]:
    """Resolve what is given of a model; an error names the model, and where it was written.

    >>> from dispatch.origins import locator
    >>> model = {"model": "gpt-4o", "api_key": "os.environ/NOT_SET"}
    >>> try:
    ...     resolve_of_model(model, model, locator(model))
    ... except UnsetVariableError as error:
    ...     print(error.where, error.model, error.variable)
    api_key gpt-4o NOT_SET
    """
    try:
        resolved: dict[str, Any] = resolve(given)
    except UnsetVariableError as error:
        known = (at for at, variable in references(given) if variable == error.variable)
        position = locate(next(known, ()), "unset-variable")
        raise UnsetVariableError(error.variable, error.where, label(model), "", position) from None
    except ConfigError as error:
        raise ConfigError(place_faults(error.faults, locate)) from None
    return resolved


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
    other = re.fullmatch(_OTHER, value) if secret else re.fullmatch(_SHELL, value)
    if other:
        name = next(filter(None, other.groupdict().values()))
        shown = value if value.rstrip("}").endswith(name) else "a reference with a default"
        raise _wrong(path, f"{shown} is not expanded", f"write {REFERENCE}{name}")
    if secret and re.search(_EMBEDDED, value):
        hint = "put the whole value into a variable"
        raise _wrong(path, "a reference stands alone: here it would be sent as it is", hint)
    return value


def _wrong(path: tuple[Step, ...], message: str, hint: str) -> ConfigError:
    return ConfigError([Fault(path, message, hint, "wrong-reference")])
