"""Hooks that run before and after each call, to trace, cache, guard, or record it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

from pyrsistent import PVector

from dispatch.redaction import is_secret, json_object, redact, scrub

__all__ = ["After", "Before", "Kept", "Secrets", "reveal", "sees_secrets", "with_secrets"]

Before = Callable[[str, dict[str, Any]], Any]
"""A hook that gets the role and the arguments, and returns arguments or an `Answer`."""
After = Callable[[Any], Any]
"""A hook that gets each `Answer`."""


def with_secrets(before: Before) -> Before:
    """Return a hook that sees the secrets in its arguments.

    >>> def before(role, kwargs):
    ...     return kwargs
    >>> sees_secrets(before), sees_secrets(with_secrets(before))
    (False, True)
    """
    return _WithSecrets(before)


class _WithSecrets(partial[Any]): ...


def sees_secrets(before: Before | None) -> bool:
    """Return whether a hook asks for the secrets."""
    return isinstance(before, _WithSecrets)


class _Hidden(str):
    """A string with its secrets hidden; copies are the same object, so it can be found."""

    __slots__ = ()

    def __deepcopy__(self, _: object) -> _Hidden:
        return self


Kept = dict[int, tuple[_Hidden, Any]]
"""Hidden values by the `id` of the string shown instead: that string and the value."""


class Secrets:
    """The secrets of a dispatcher, kept out of its repr and pickle.

    >>> secrets, kept = Secrets({"sk-1234"}), {}
    >>> shown = secrets.hide({"content": "my key: sk-1234", "api_key": "blue"}, kept=kept)
    >>> shown
    {'content': 'my key: ***', 'api_key': '***'}
    >>> reveal({**shown, "temperature": 0}, kept)
    {'content': 'my key: sk-1234', 'api_key': 'blue', 'temperature': 0}
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values = frozenset(values)
        # Each call sees the history again.
        self._clean = lru_cache(maxsize=1024, typed=True)(self._find_clean)

    def hide(self, value: Any, name: str = "", kept: Kept | None = None) -> Any:
        """Return a copy in plain containers, with all secrets hidden."""
        if hasattr(value, "model_dump") and not isinstance(value, type):  # such as LiteLLM's own
            value = value.model_dump(mode="json", exclude_none=True)
        if isinstance(value, Mapping):
            own = name if is_secret(name) else ""
            return {key: self.hide(item, own or str(key), kept) for key, item in value.items()}
        if isinstance(value, list | tuple | PVector):
            return [self.hide(item, name, kept) for item in value]
        clean = self._clean(value, name) if isinstance(value, str | int | float) else value
        if clean == value or kept is None:
            return clean
        hidden = _Hidden(clean)
        kept[id(hidden)] = hidden, value
        return hidden

    def _find_clean(self, value: Any, name: str) -> Any:
        found = json_object(value) if isinstance(value, str) else None  # such as tool arguments
        if found is not None:
            hidden = self.hide(found, name)
            return value if hidden == found else json.dumps(hidden)
        clean = redact(value, name)
        return scrub(clean, self._values) if isinstance(clean, str) else clean

    def __copy__(self, _: object = None) -> Secrets:
        return self

    __deepcopy__ = __copy__

    def __reduce__(self) -> tuple[Any, ...]:
        return Secrets, ()  # a pickle may leave the process


def reveal(value: Any, kept: Kept) -> Any:
    """Return a copy with the hidden values restored."""
    if isinstance(value, dict):
        return {key: reveal(item, kept) for key, item in value.items()}
    if isinstance(value, list):
        return [reveal(item, kept) for item in value]
    return kept[id(value)][1] if id(value) in kept else value
