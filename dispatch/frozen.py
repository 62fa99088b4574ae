"""Immutable data: a `PMap` that keeps the order written, and shows no secret.

pyrsistent's own map iterates in an order that follows PYTHONHASHSEED, and prints all that it
holds. `FrozenMap` is that map with the two differences that a configuration needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast

from pyrsistent import PMap, PSet, PVector, pmap, pset, pvector

from dispatch.errors import ConfigError, Fault
from dispatch.secrets import redact

__all__ = ["FrozenMap", "freeze", "thaw"]

K = TypeVar("K")
V = TypeVar("V")


class FrozenMap(PMap[K, V]):
    """A `PMap` that iterates in the order written and redacts its repr.

    All that a `PMap` does, it does: `set`, `remove`, `update` and `transform` give another
    `FrozenMap`, in which a replaced key keeps its place and a new one comes last.

    >>> model = freeze({"name": "fast", "model": "gpt-4o", "api_key": "sk-1"})
    >>> model.set("name", "quick")
    FrozenMap({'name': 'quick', 'model': 'gpt-4o', 'api_key': '***'})
    """

    __slots__ = ("_order",)

    _size: int
    _buckets: PVector[Any]
    _order: tuple[K, ...]

    def __new__(cls, size: int, buckets: PVector[Any], order: tuple[K, ...]) -> FrozenMap[K, V]:
        self = object.__new__(cls)
        self._size = size
        self._buckets = buckets
        self._order = order
        return self

    @classmethod
    def of(cls, items: dict[K, V]) -> FrozenMap[K, V]:
        """Make a map of these items as they are; `freeze` goes all the way down."""
        made: Any = pmap(items)  # whose stubs tell nothing of its slots
        return FrozenMap(made._size, made._buckets, tuple(items))

    def iterkeys(self) -> Iterator[K]:
        return iter(self._order)

    def iteritems(self) -> Iterator[tuple[K, V]]:
        items = dict(PMap.iteritems(self))
        return ((key, items[key]) for key in self._order)

    # The views of PMap print their values; those of Mapping print the redacted map.
    keys = Mapping.keys
    values = Mapping.values
    items = Mapping.items

    def set(self, key: K, val: V) -> FrozenMap[K, V]:
        if key in self:
            return _Replaced(self, key, val)
        changed: FrozenMap[K, V] = self.evolver().set(key, val).persistent()
        return changed

    def evolver(self) -> _Evolver:
        return _Evolver(self)

    def __repr__(self) -> str:
        return f"FrozenMap({redact(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return freeze, (dict(self.iteritems()),)


class _Replaced(FrozenMap[K, V]):
    """A map with one value replaced, which shares all the rest with the map that it came from.

    A model has a copy for each role that it plays. `PMap.set` would give each a bucket vector of
    its own, more than a dict copy takes; this takes a third of one. Replacing the same key again
    goes back to the shared map, so that layers never pile up.
    """

    __slots__ = ("_base", "_key", "_value")

    _base: FrozenMap[K, V]
    _key: K
    _value: V

    def __new__(cls, base: FrozenMap[K, V], key: K, value: V) -> _Replaced[K, V]:
        self = object.__new__(cls)
        self._size = base._size
        self._order = base._order
        self._base = base
        self._key = key
        self._value = value
        return self

    @property
    def _buckets(self) -> PVector[Any]:  # type: ignore[override]  # PMap reads it, nobody writes
        # For what PMap does with its buckets. A round trip by the evolver: `set` would come here.
        return self._base.evolver().set(self._key, self._value).persistent()._buckets

    def __getitem__(self, key: K) -> V:
        return self._value if key == self._key else self._base[key]

    def __contains__(self, key: object) -> bool:
        return key in self._base

    def iteritems(self) -> Iterator[tuple[K, V]]:
        replaced = self._key
        return (
            (key, self._value if key == replaced else val) for key, val in self._base.iteritems()
        )

    def set(self, key: K, val: V) -> FrozenMap[K, V]:
        if key == self._key:
            return _Replaced(self._base, key, val)
        changed: FrozenMap[K, V] = self.evolver().set(key, val).persistent()
        return changed


class _Evolver(PMap._Evolver):  # type: ignore[name-defined,misc]  # the stubs leave it out
    """PMap's evolver, which also carries the order of the keys."""

    __slots__ = ("_order",)

    def __init__(self, original: FrozenMap[Any, Any]) -> None:
        super().__init__(original)
        self._order = dict.fromkeys(original._order)

    def set(self, key: Any, val: Any) -> _Evolver:
        self._order.setdefault(key)
        super().set(key, val)
        return self

    def remove(self, key: Any) -> _Evolver:
        super().remove(key)
        del self._order[key]
        return self

    def persistent(self) -> FrozenMap[Any, Any]:
        if self.is_dirty():
            made = super().persistent()  # a plain PMap, which it also keeps for a next call
            self.__init__(FrozenMap(made._size, made._buckets, tuple(self._order)))  # type: ignore[misc]
        return cast("FrozenMap[Any, Any]", self._original_pmap)


_ATOMS = frozenset({str, int, float, bool, type(None), FrozenMap, _Replaced})


def freeze(value: Any) -> Any:
    """Turn a value into immutable containers, all the way down; inputs are never touched.

    Mappings (subclasses of dict and plain `PMap`s too) become `FrozenMap`, lists `PVector`, sets
    `PSet`; tuples stay tuples. Anything else is kept as it is, by reference.

    >>> freeze({"roles": ["chatcompletions"]})
    FrozenMap({'roles': ['chatcompletions']})

    Raises `ConfigError` for a value that contains itself, or is nested too deep for Python.
    """
    try:
        return value if type(value) in _ATOMS else _freeze(value)
    except RecursionError:
        fault = Fault((), "nested too deep, or contains itself", code="too-deep")
        raise ConfigError([fault]) from None


def _freeze(value: Any) -> Any:
    if isinstance(value, Mapping):
        return FrozenMap.of({k: v if type(v) in _ATOMS else _freeze(v) for k, v in value.items()})
    if isinstance(value, list | PVector):
        return pvector([v if type(v) in _ATOMS else _freeze(v) for v in value])
    if type(value) is tuple:
        return tuple(map(_freeze, value))
    if isinstance(value, set | frozenset | PSet):
        return pset(value)
    return value


_PLAIN = frozenset({str, int, float, bool, type(None)})


def thaw(value: Any) -> Any:
    """Copy immutable containers into fresh dicts, lists and sets, in the order written.

    >>> thaw(freeze({"b": [1, {"c": 2}], "a": 3}))
    {'b': [1, {'c': 2}], 'a': 3}
    """
    if isinstance(value, PMap):
        return {k: v if type(v) in _PLAIN else thaw(v) for k, v in value.iteritems()}
    if isinstance(value, PVector | list):
        return [v if type(v) in _PLAIN else thaw(v) for v in value]
    if isinstance(value, dict):
        return {k: thaw(v) for k, v in value.items()}
    if type(value) is tuple:
        return tuple(map(thaw, value))
    if isinstance(value, PSet):
        return set(value)
    return value
