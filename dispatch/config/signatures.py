"""Which keyword arguments a callable takes, found without calling it."""

from __future__ import annotations

import contextlib
import inspect
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, MutableMapping, MutableSequence, MutableSet
from copy import deepcopy
from functools import lru_cache, partial
from types import FunctionType
from typing import Any, NamedTuple

from dispatch.errors import SignatureError

__all__ = ["Parameters", "default_factory", "is_of_module", "read_parameters"]

_EMPTY = inspect.Parameter.empty
_BY_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Parameters(NamedTuple):
    """The keyword arguments of a callable, each with its default.

    `filled` are those that a `functools.partial` has already given by position.
    """

    defaults: Mapping[str, Any]
    has_var_keyword: bool = False
    positional_only: frozenset[str] = frozenset()
    filled: frozenset[str] = frozenset()

    @property
    def required(self) -> list[str]:
        """The names without a default."""
        return [name for name, default in self.defaults.items() if default is _EMPTY]


def read_parameters(target: Any) -> Parameters:
    """Return the parameters of a callable, a class or a `TypedDict`.

    >>> parameters = read_parameters(lambda model, /, temperature=0, **kwargs: None)
    >>> list(parameters.defaults), parameters.has_var_keyword, sorted(parameters.positional_only)
    (['temperature'], True, ['model'])

    Raises `SignatureError` for what is no callable, or a builtin without a signature.
    """
    return _read(target) if is_of_module(target) else _read.__wrapped__(target)


def is_of_module(target: Any) -> bool:
    """Return whether a function lives as long as its module, so that a cache may hold it.

    >>> is_of_module(read_parameters), is_of_module(lambda: None)
    (True, False)
    """
    if type(target) is not FunctionType:
        return False
    module = sys.modules.get(target.__module__)
    return getattr(module, target.__qualname__, None) is target


@lru_cache(maxsize=256)
def _read(target: Any) -> Parameters:
    target = typing.get_origin(target) or target  # Box[int] takes what Box takes
    if typing.is_typeddict(target):
        return Parameters(dict.fromkeys(target.__annotations__, _EMPTY))
    if not callable(target):
        raise SignatureError(f"expected a callable, found a {type(target).__name__}")
    parameters = _signature(target)
    if parameters.keys() == {"args", "kwargs"} and type(target) is FunctionType:
        # Where `aembed` says nothing, the function `embed` of the same module does.
        twin = getattr(sys.modules.get(target.__module__), target.__name__.removeprefix("a"), None)
        if isinstance(twin, FunctionType) and inspect.iscoroutinefunction(target):
            parameters = _signature(twin)
    kinds = {name: parameter.kind for name, parameter in parameters.items()}
    keywords = {n: p.default for n, p in parameters.items() if kinds[n] in _BY_KEYWORD}
    inner = read_parameters(target.func) if isinstance(target, partial) else Parameters({})
    return Parameters(
        keywords,
        inspect.Parameter.VAR_KEYWORD in kinds.values(),
        frozenset(n for n, kind in kinds.items() if kind is inspect.Parameter.POSITIONAL_ONLY),
        inner.filled.union(inner.defaults.keys() - keywords.keys()),
    )


def _signature(target: Any) -> Mapping[str, inspect.Parameter]:
    with contextlib.suppress(ValueError, TypeError):
        return inspect.signature(target).parameters
    name = getattr(target, "__qualname__", type(target).__name__)
    raise SignatureError(
        f"{name} has no signature; wrap it in a function that names its parameters"
    )


def default_factory(target: Any, name: str) -> Callable[[], Any]:
    """Return a function that returns the default of a parameter, a fresh copy if it is mutable.

    >>> def complete(messages=[]): ...
    >>> make = default_factory(complete, "messages")
    >>> make(), make() is make()
    ([], False)
    """
    default = read_parameters(target).defaults[name]
    # A signature only hints at a default factory, by a private object of each library.
    if type(default).__name__ in ("_HAS_DEFAULT_FACTORY_CLASS", "_Nothing"):
        target = typing.get_origin(target) or target
        while isinstance(target, partial):
            target = target.func
        return dict(_factories(target)).get(name) or (lambda: None)
    if isinstance(default, MutableMapping | MutableSequence | MutableSet):
        return lambda: deepcopy(default)
    return lambda: None if default is _EMPTY else default


def _factories(cls: Any) -> Iterator[tuple[object, Callable[[], Any] | None]]:
    """Yield the default factories of a dataclass, a pydantic model or an attrs class.

    A factory that needs the object, which does not exist yet, is left out.
    """
    cls = cls if isinstance(cls, type) else object
    for field in getattr(cls, "__dataclass_fields__", {}).values():
        # In a dataclass of pydantic, the default is a field that has the factory.
        yield field.name, getattr(field.default, "default_factory", field.default_factory)
    for name, field in getattr(cls, "model_fields", {}).items():
        if not getattr(field, "default_factory_takes_validated_data", False):
            for known in (name, field.alias, field.validation_alias):
                yield str(known), field.default_factory
    for attribute in getattr(cls, "__attrs_attrs__", ()):
        if not getattr(attribute.default, "takes_self", True):
            yield attribute.alias, attribute.default.factory
