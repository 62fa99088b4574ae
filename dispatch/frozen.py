"""Immutable data: a `PMap` that keeps the order written, and shows no secret.

pyrsistent's own map iterates in an order that follows PYTHONHASHSEED, and prints all that it
holds. `FrozenMap` is that map with the two differences that a configuration needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from pyrsistent import PMap, PSet, PVector, pmap, pset, pvector

from dispatch.errors import ConfigError, Fault
from dispatch.secrets import redact

__all__ = ["PLAIN", "VECTOR", "FrozenMap", "freeze", "thaw"]

VECTOR: tuple[type[PVector[Any]], ...] = (type(pvector()), PVector)
"""For `isinstance`: the type itself comes first, as the abstract one takes ten times longer."""

K = TypeVar("K")
V = TypeVar("V")


class FrozenMap(PMap[K, V]):
    """A `PMap` that iterates in the order written and redacts its repr.

    All that a `PMap` does, it does: `set`, `remove`, `update` and `transform` give another
    `FrozenMap`, in which a replaced key keeps its place and a new one comes last. What it is given
    is frozen too, all the way down: so no change of it, from wherever, can reach a `FrozenMap`.

    >>> model = FrozenMap({"name": "fast", "model": "gpt-4o", "api_key": "sk-1"})
    >>> model.set("name", "quick")
    FrozenMap({'name': 'quick', 'model': 'gpt-4o', 'api_key': '***'})

    It is read far more often than it is built upon. So the items stay in a dict of its own, and
    pyrsistent's structure is made of them only by what edits many keys, in `evolver`.
    """

    __slots__ = ("_items",)

    _items: dict[K, V]

    def __new__(cls, items: Mapping[K, V]) -> FrozenMap[K, V]:
        frozen: FrozenMap[K, V] = freeze(items if isinstance(items, Mapping) else dict(items))
        return frozen

    @classmethod
    def of(cls, items: dict[K, V]) -> FrozenMap[K, V]:
        """Make a map of a dict that nobody else holds, its values as they are: for what is no data,
        or is frozen already.
        """
        self: FrozenMap[K, V] = object.__new__(cls)
        self._items = items
        return self

    def view(self) -> dict[K, V]:
        """All items as a plain dict, which is read faster, and which nobody may change."""
        return self._items

    def __getitem__(self, key: K) -> V:
        return self._items[key]

    def get(self, key: object, default: Any = None) -> Any:
        return self._items.get(key, default)  # type: ignore[arg-type]  # any key may be asked

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    iterkeys = __iter__

    def iteritems(self) -> Iterator[tuple[K, V]]:
        return iter(self.view().items())

    # The views of PMap print their values; those of Mapping print the redacted map.
    keys = Mapping.keys
    values = Mapping.values
    items = Mapping.items

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FrozenMap):
            return self.view() == other.view()
        return self.view() == dict(other) if isinstance(other, Mapping) else NotImplemented

    __hash__ = PMap.__hash__

    def set(self, key: K, val: V) -> FrozenMap[K, V]:
        val = freeze(val)
        if key in self._items:
            return _Replaced(self._items, key, val)
        return FrozenMap.of({**self.view(), key: val})

    def evolver(self) -> _Evolver:
        return _Evolver(self)

    def __repr__(self) -> str:
        return f"FrozenMap({redact(self.view())!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenMap, (self.view(),)


class _Replaced(FrozenMap[K, V]):
    """A map with one value replaced, which shares all the rest with the map that it came from.

    A model has a copy for each role that it plays: this takes a third of what a dict copy does.
    """

    __slots__ = ("_key", "_value")

    _key: K
    _value: V

    def __new__(cls, shared: dict[K, V], key: K, value: V) -> _Replaced[K, V]:
        self = object.__new__(cls)
        self._items = shared
        self._key = key
        self._value = value
        return self

    def view(self) -> dict[K, V]:
        return {**self._items, self._key: self._value}

    def __getitem__(self, key: K) -> V:
        return self._value if key == self._key else self._items[key]

    def get(self, key: object, default: Any = None) -> Any:
        return self._value if key == self._key else super().get(key, default)

    def set(self, key: K, val: V) -> FrozenMap[K, V]:
        if key != self._key:
            return FrozenMap.of(self.view()).set(key, val)
        return _Replaced(self._items, key, freeze(val))


class _Evolver(PMap._Evolver):  # type: ignore[name-defined,misc]  # the stubs leave it out
    """PMap's evolver, which also carries the order of the keys."""

    __slots__ = ("_order", "_original")

    def __init__(self, original: FrozenMap[Any, Any]) -> None:
        self._original = original
        self._order = dict.fromkeys(original)
        super().__init__(pmap(original.view()))

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
            made = super().persistent()
            self._original = FrozenMap({key: made[key] for key in self._order})
        return self._original


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
    frozen = _FREEZERS.get(type(value))
    if frozen is not None:
        return frozen(value)
    for kind, freezer in _FREEZERS_OF_SUBCLASSES:
        if isinstance(value, kind):
            return freezer(value)
    return value


def _freeze_map(value: Mapping[Any, Any]) -> FrozenMap[Any, Any]:
    frozen = {k: v if type(v) in _ATOMS else _freeze(v) for k, v in value.items()}
    if len(frozen) == 1:
        ((key, item),) = frozen.items()
        if type(key) is str:
            return _Replaced(_lone(key), key, item)
    return FrozenMap.of(frozen)


@lru_cache(maxsize=256)
def _lone(key: str) -> dict[str, None]:
    """The dict that all maps of this one key share: `{role: task}` is the commonest of maps."""
    return {key: None}


def _freeze_list(value: Iterable[Any]) -> PVector[Any]:
    return pvector([v if type(v) in _ATOMS else _freeze(v) for v in value])


def _freeze_vector(value: PVector[Any]) -> PVector[Any]:
    return value if _ATOMS.issuperset(map(type, value)) else _freeze_list(value)


def _freeze_tuple(value: tuple[Any, ...]) -> tuple[Any, ...]:
    return _like(value, [v if type(v) in _ATOMS else _freeze(v) for v in value])


def _like(value: tuple[Any, ...], items: list[Any]) -> tuple[Any, ...]:
    """Put items into a tuple like `value`, which may have names for them."""
    if type(value) is tuple:
        return tuple(items)
    make = getattr(value, "_make", None)
    return value if make is None else make(items)


_FREEZERS: dict[type, Callable[[Any], Any]] = {
    dict: _freeze_map,
    list: _freeze_list,
    tuple: _freeze_tuple,
    set: pset,
    frozenset: pset,
    type(pvector()): _freeze_vector,
}
# Looked through in turn, and so only for what is no builtin.
_FREEZERS_OF_SUBCLASSES: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (Mapping, _freeze_map),
    (PVector, _freeze_vector),
    (list, _freeze_list),
    ((set, frozenset, PSet), pset),
    (tuple, _freeze_tuple),
)


PLAIN = frozenset({str, int, float, bool, type(None)})
"""The types of values that cannot change, and so are handed out as they are."""


def thaw(value: Any) -> Any:
    """Copy immutable containers into fresh dicts, lists and sets, in the order written.

    >>> thaw(freeze({"b": [1, {"c": 2}], "a": 3}))
    {'b': [1, {'c': 2}], 'a': 3}
    """
    if isinstance(value, PMap):
        return {k: v if type(v) in PLAIN else thaw(v) for k, v in value.iteritems()}
    if isinstance(value, PVector | list):
        return [v if type(v) in PLAIN else thaw(v) for v in value]
    if isinstance(value, dict):
        return {k: thaw(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return _like(value, [thaw(v) for v in value])
    if isinstance(value, PSet):
        return set(value)
    return value
