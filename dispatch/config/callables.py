"""What keyword arguments a callable takes, read once and never by calling it."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary, ref

from dispatch.errors import SignatureError

__all__ = ["Parameters", "identity", "read_parameters"]

_EMPTY = inspect.Parameter.empty
_BY_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The keyword arguments of a callable: `default` makes each one's default, afresh.

    `takes_any` tells that it has `**kwargs`.
    """

    defaults: Mapping[str, Callable[[], Any]]
    takes_any: bool


_known: WeakKeyDictionary[Any, Parameters] = WeakKeyDictionary()


def read_parameters(target: Any) -> Parameters:
    """Return the parameters of any callable that tells them; calls and classes alike.

    >>> read_parameters(lambda model, /, temperature=0, **kwargs: None).defaults["temperature"]()
    0

    Raises `SignatureError` for what is no callable, or a builtin that does not tell.
    """
    try:
        return _known[target]
    except (KeyError, TypeError):  # not read yet; or not to be hashed, or referred to, weakly
        pass
    parameters = _read(target)
    with contextlib.suppress(TypeError):
        _known[target] = parameters
    return parameters


def identity(target: Any) -> tuple[Any, ...]:
    """Return a key by which to remember a callable without keeping it alive.

    A bound method is a new object at each access, so its function stands for it: what a method
    takes does not depend on the instance. Raises `TypeError` for what cannot be a key.
    """
    function = getattr(target, "__func__", None)
    return (ref(target),) if function is None else (ref(function), True)


def _read(target: Any) -> Parameters:
    if typing.is_typeddict(target):
        names = typing.get_type_hints(target)
        return Parameters(MappingProxyType(dict.fromkeys(names, _nothing)), takes_any=False)
    if not callable(target):
        raise SignatureError(f"expected a callable, found a {type(target).__name__}")
    try:
        parameters = inspect.signature(target).parameters.values()
    except (ValueError, TypeError):
        name = getattr(target, "__qualname__", type(target).__name__)
        raise SignatureError(
            f"{name} does not tell its parameters; wrap it in a function that names them"
        ) from None
    defaults = {p.name: _default(target, p) for p in parameters if p.kind in _BY_KEYWORD}
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
    return Parameters(MappingProxyType(defaults), takes_any)


def _nothing() -> None:
    return None


def _default(target: Any, parameter: inspect.Parameter) -> Callable[[], Any]:
    factory = _factory(target, parameter.name)
    if factory is not None:
        return factory
    default = parameter.default
    if default is _EMPTY:
        return _nothing
    if isinstance(default, list | dict | set | bytearray):
        return lambda: copy.deepcopy(default)
    return lambda: default


def _factory(target: Any, name: str) -> Callable[[], Any] | None:
    """Return the default factory of a field, which a signature only hints at."""
    if dataclasses.is_dataclass(target):
        field = target.__dataclass_fields__.get(name)
        factory = getattr(field, "default_factory", dataclasses.MISSING)
        return None if factory is dataclasses.MISSING else factory
    fields = getattr(target, "model_fields", None)  # pydantic
    if isinstance(target, type) and isinstance(fields, dict):
        return getattr(fields.get(name), "default_factory", None)
    for attribute in getattr(target, "__attrs_attrs__", ()):  # attrs
        if attribute.name.lstrip("_") == name and hasattr(attribute.default, "factory"):
            return typing.cast("Callable[[], Any]", attribute.default.factory)
    return None
