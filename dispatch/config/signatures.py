"""What keyword arguments a callable takes, read once and never by calling it."""

from __future__ import annotations

import contextlib
import inspect
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, MutableMapping, MutableSequence, MutableSet
from functools import partial
from types import FunctionType
from typing import Any, NamedTuple
from weakref import ref

from dispatch.errors import SignatureError
from dispatch.llm.keys import OWN_KEYS

__all__ = ["Parameters", "default_maker", "read_parameters"]

_EMPTY = inspect.Parameter.empty
_BY_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_NOTHING_TOLD = {"args", "kwargs"}  # the names that a wrapper has, which says no more
_REMEMBERED = 1024  # how many callables


class Parameters(NamedTuple):
    """The keyword arguments of a callable, each with the default that its signature tells.

    `takes_any` tells that it has `**kwargs`, which bring it all but what is `withheld`: the
    program's own keys, unless it names them, and what it has already been given by position.
    """

    defaults: Mapping[str, Any]
    takes_any: bool = False
    withheld: frozenset[str] = frozenset()


_known: dict[int, tuple[ref[Any], Parameters]] = {}


def read_parameters(target: Any) -> Parameters:
    """Return the parameters of any callable that tells them; calls and classes alike.

    They are remembered for as long as the callable lives: one whose signature is changed in
    place is not read again.

    >>> list(read_parameters(lambda model, /, temperature=0, **kwargs: None).defaults)
    ['temperature']

    Raises `SignatureError` for what is no callable, or a builtin that does not tell.
    """
    # By identity, not equality: two callables may compare equal and take different arguments.
    known = _known.get(id(target))
    if known is not None and known[0]() is target:
        return known[1]
    parameters = _read(target)
    if len(_known) >= _REMEMBERED:
        _known.clear()
    with contextlib.suppress(TypeError):  # not to be referred to weakly
        _known[id(target)] = ref(target), parameters
    return parameters


def _read(target: Any) -> Parameters:
    target = typing.get_origin(target) or target  # Box[int] takes what Box takes
    if typing.is_typeddict(target):
        return Parameters(dict.fromkeys(target.__annotations__, _EMPTY))
    if not callable(target):
        raise SignatureError(f"expected a callable, found a {type(target).__name__}")
    signature = _signature(target)
    if signature.parameters.keys() == _NOTHING_TOLD:
        signature = _signature(_sync_twin(target) or target)
    defaults, takes_any = {}, False
    for parameter in signature.parameters.values():
        kind = parameter.kind
        if kind in _BY_KEYWORD:
            defaults[parameter.name] = parameter.default
        elif kind is inspect.Parameter.VAR_KEYWORD:
            takes_any = True
    return Parameters(defaults, takes_any, (OWN_KEYS | _filled(target)).difference(defaults))


def _signature(target: Any) -> inspect.Signature:
    try:
        return inspect.signature(target)
    except (ValueError, TypeError):
        name = getattr(target, "__qualname__", type(target).__name__)
        raise SignatureError(
            f"{name} does not tell its parameters; wrap it in a function that names them"
        ) from None


def _sync_twin(target: Any) -> Any:
    """Return `embedding` for `aembedding`, which says more than `**kwargs` in LiteLLM."""
    if not isinstance(target, FunctionType) or not inspect.iscoroutinefunction(target):
        return None
    a, name = target.__name__[:1], target.__name__[1:]
    twin = getattr(sys.modules.get(target.__module__), name, None)
    return twin if a == "a" and isinstance(twin, FunctionType) else None


def _filled(target: Any) -> frozenset[str]:
    if not isinstance(target, partial):
        return frozenset()
    signature = _signature(target.func)
    filled = signature.bind_partial(*target.args).arguments
    return frozenset(name for name in filled if signature.parameters[name].kind in _BY_KEYWORD)


def _nothing() -> None:
    return None


def default_maker(target: Any, name: str) -> Callable[[], Any]:
    """Return what makes the default of a parameter, afresh where it could be changed.

    >>> def complete(messages=[]): ...
    >>> make = default_maker(complete, "messages")
    >>> make(), make() is make()
    ([], False)
    """
    default = read_parameters(target).defaults[name]
    if default is _EMPTY:
        return _nothing
    if type(default).__name__ in _FACTORY_SIGNS:
        return _factory(target, name)
    if isinstance(default, MutableMapping | MutableSequence | MutableSet):
        return partial(_copied, default)
    return lambda: default


def _copied(default: Any) -> Any:
    from copy import deepcopy  # few callables have such a default

    return deepcopy(default)


# A signature only hints at a default factory, by a private object of each library's own.
_FACTORY_SIGNS = frozenset({"_HAS_DEFAULT_FACTORY_CLASS", "_Nothing"})


def _factory(target: Any, name: str) -> Callable[[], Any]:
    target = typing.get_origin(target) or target
    while isinstance(target, partial):
        target = target.func
    factories = dict(_factories(target)) if isinstance(target, type) else {}
    return factories.get(name) or _nothing


def _factories(cls: Any) -> Iterator[tuple[object, Callable[[], Any] | None]]:
    """Yield the default factories of a dataclass, a pydantic model or an attrs class.

    One that wants the object, which is not there, is left out.
    """
    for field in getattr(cls, "__dataclass_fields__", {}).values():
        factory = field.default_factory
        # A dataclass of pydantic's hides it one step further.
        yield field.name, getattr(field.default, "default_factory", factory)
    for name, field in getattr(cls, "model_fields", {}).items():
        if not getattr(field, "default_factory_takes_validated_data", False):
            for known in (name, field.alias, field.validation_alias):
                yield str(known), field.default_factory
    for attribute in getattr(cls, "__attrs_attrs__", ()):
        if not getattr(attribute.default, "takes_self", True):
            yield attribute.alias, attribute.default.factory
