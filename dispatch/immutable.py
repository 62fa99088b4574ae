"""Immutable data: a `PMap` that keeps its keys in order, knows its origin and shows no secret.

pyrsistent's own map iterates in an order that depends on PYTHONHASHSEED, and prints everything it
holds. `FrozenMap` is that map, buckets and all, with two more slots.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableSequence
from itertools import chain
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from pyrsistent import PMap, PSet, PVector, pmap, pset, pvector

from dispatch.errors import ConfigError, Fault, Position, Step
from dispatch.redaction import redact, redact_path

__all__ = [
    "LISTS", "SCALARS", "VECTOR", "FrozenMap", "Origin", "Source", "freeze", "leaves", "locate",
    "origin_of", "reshape", "thaw", "with_origin",
]  # fmt: skip

VECTOR: tuple[type[PVector[Any]], ...] = (type(pvector()), PVector)
"""For `isinstance`: the type itself comes first, as the abstract one takes ten times longer."""

LISTS: tuple[type[Any], ...] = (list, tuple, *VECTOR)
"""What counts as a list, for `isinstance`."""

SCALARS = frozenset({str, int, float, bool, type(None)})
"""The types of values that cannot change, and so are handed out as they are."""

K = TypeVar("K")
V = TypeVar("V")

Path = tuple[Step, ...]


class Source(Protocol):
    """The files of a configuration, as `dispatch.config.positions` reads them."""

    def position(self, path: Path, code: str = "") -> Position | None:
        """Return where the value at a path was written, or its key if the fault is about that."""


class Origin(NamedTuple):
    """Where a map was written: its path in the user's configuration, and the files it came from.

    `moved` holds the keys that were written elsewhere: each with the path of its value, such as in
    `defaults` or in a role entry, or None if a program wrote it.

    >>> Origin(("models", 2), moved={"timeout": ("defaults", "timeout")}).of(("timeout",)).path
    ('defaults', 'timeout')
    """

    path: Path
    source: Source | None = None
    moved: Mapping[Any, Path | None] = {}

    def of(self, steps: Path) -> Origin:
        """Return where a value in this map was written."""
        if not steps or steps[0] not in self.moved:
            return Origin((*self.path, *steps), self.source)
        place = self.moved[steps[0]]
        if place is None:
            return Origin((*self.path, *steps))
        return Origin((*place, *steps[1:]), self.source)

    def move(self, keys: Iterable[str], path: Path) -> Origin:
        """Return the origin of a map that took these keys over from another one at `path`."""
        return self._replace(moved={**self.moved, **{key: (*path, key) for key in keys}})

    def locate(self, fault: Fault) -> Fault:
        """Give a fault, whose path starts in this map, its full path and its position."""
        path, source, _ = self.of(fault.path)
        position = fault.position
        if position is None and source is not None:
            position = source.position(path, fault.code)
        return fault._replace(path=redact_path(path), position=position)

    def __reduce__(self) -> tuple[Any, ...]:
        return Origin, (self.path, None, dict(self.moved))  # without the text of files


_ABSENT: Any = object()


class FrozenMap(PMap[K, V]):
    """A `PMap` that iterates in insertion order and redacts its repr.

    It does everything that a `PMap` does: `set`, `remove`, `update` and `transform` return another
    `FrozenMap`, in which a replaced key keeps its place and a new one comes last. Whatever it is
    given is frozen too, all the way down.

    >>> model = FrozenMap({"name": "fast", "model": "gpt-4o", "api_key": "sk-1"})
    >>> model.set("name", "quick")
    FrozenMap({'name': 'quick', 'model': 'gpt-4o', 'api_key': '***'})
    """

    __slots__ = ("_order", "_origin")

    _size: int
    _buckets: Any  # pyrsistent's: a vector of lists of pairs, or None
    _order: tuple[K, ...]
    _origin: Origin | None

    def __new__(cls, items: Mapping[K, V]) -> FrozenMap[K, V]:
        frozen: FrozenMap[K, V] = freeze(items if isinstance(items, Mapping) else dict(items))
        return frozen

    @classmethod
    def of(cls, items: Mapping[K, V]) -> FrozenMap[K, V]:
        """Make a map of values as they are: frozen already, or no data at all."""
        return cls._make(cast("Any", pmap(items))._buckets, tuple(items), None)

    @classmethod
    def _make(cls, buckets: Any, order: tuple[Any, ...], origin: Origin | None) -> FrozenMap[K, V]:
        self: FrozenMap[K, V] = object.__new__(cls)
        self._size = len(order)
        self._buckets = buckets
        self._order = order
        self._origin = origin
        return self

    def to_dict(self) -> dict[K, V]:
        """Return the items, frozen as they are, as a fresh dict in the order written."""
        items: dict[K, V] = dict(chain.from_iterable(filter(None, self._buckets)))
        return {key: items[key] for key in self._order}

    def __getitem__(self, key: Any) -> Any:
        value = self.get(key, _ABSENT)
        if value is _ABSENT:
            raise KeyError(key)
        return value

    def get(self, key: Any, default: Any = None) -> Any:
        buckets = self._buckets  # PMap's own method catches a KeyError, which is slow
        for known, value in buckets[hash(key) % len(buckets)] or ():
            if known is key or known == key:
                return value
        return default

    def __iter__(self) -> Iterator[K]:
        return iter(self._order)

    iterkeys = __iter__

    def iteritems(self) -> Iterator[tuple[K, V]]:
        return iter(self.to_dict().items())

    # The views of PMap print their values; those of Mapping print the redacted map.
    keys = Mapping.keys
    values = Mapping.values
    items = Mapping.items

    def evolver(self) -> _Evolver:
        return _Evolver(self)

    def __copy__(self) -> FrozenMap[K, V]:
        return self

    def __deepcopy__(self, memo: Any) -> FrozenMap[K, V]:
        return self

    def __repr__(self) -> str:
        return f"FrozenMap({redact(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.to_dict(), self._origin)


class _Evolver(PMap._Evolver):  # type: ignore[name-defined,misc]  # the stubs leave it out
    """PMap's evolver, which also carries the order of the keys and the origin."""

    __slots__ = ("_changed", "_order")

    def __init__(self, original: FrozenMap[Any, Any]) -> None:
        super().__init__(original)
        self._order: dict[Any, None] | None = None  # made once the keys change
        written = original._origin is not None and original._origin.source is not None
        self._changed: dict[Any, None] | None = {} if written else None

    def set(self, key: Any, val: Any) -> _Evolver:
        size = self._size
        super().set(key, freeze(val))
        if self._size != size:
            self._keys().setdefault(key)
        if self._changed is not None:
            self._changed[key] = None
        return self

    def remove(self, key: Any) -> _Evolver:
        super().remove(key)
        self._keys().pop(key)
        return self

    def _keys(self) -> dict[Any, None]:
        if self._order is None:
            self._order = dict.fromkeys(self._original_pmap._order)
        return self._order

    def persistent(self) -> FrozenMap[Any, Any]:
        original: FrozenMap[Any, Any] = self._original_pmap  # type: ignore[has-type]
        if not self._buckets_evolver.is_dirty():
            return original
        order = original._order if self._order is None else tuple(self._order)
        buckets = self._buckets_evolver.persistent()
        origin = original._origin
        if origin is not None and self._changed:
            origin = origin._replace(moved={**origin.moved, **self._changed})
        made: FrozenMap[Any, Any] = FrozenMap._make(buckets, order, origin)
        self._original_pmap = made  # type: ignore[misc]  # a slot of PMap's evolver
        return made


def _restore(items: dict[Any, Any], origin: Origin | None) -> FrozenMap[Any, Any]:
    return with_origin(FrozenMap.of(items), origin)


def origin_of(value: Any) -> Origin | None:
    """Return where a map was written; None if a program made it."""
    return value._origin if isinstance(value, FrozenMap) else None


def with_origin(value: FrozenMap[K, V], origin: Origin | None) -> FrozenMap[K, V]:
    """Return the same map with an origin, which `set` and `remove` pass on.

    A key that `set` changes has no position from then on.

    >>> model = with_origin(freeze({"model": "gpt-4o"}), Origin(("models", 2)))
    >>> origin_of(model.set("temperature", 0)).path
    ('models', 2)
    """
    return FrozenMap._make(value._buckets, value._order, origin)


def reshape(value: FrozenMap[K, V], key: K, item: V) -> FrozenMap[K, V]:
    """Set a key to another form of its value, which was written where the old one was.

    >>> model = with_origin(freeze({"roles": "chat"}), Origin(("models", 2)))
    >>> reshape(model, "roles", ["chat"])
    FrozenMap({'roles': ['chat']})
    """
    if key not in value:
        return with_origin(cast("FrozenMap[K, V]", value.set(key, item)), value._origin)
    frozen = freeze(item)  # PMap's own way, with an evolver, takes twice as long
    index = hash(key) % len(value._buckets)
    bucket = [(k, frozen if k == key else v) for k, v in value._buckets[index]]
    return FrozenMap._make(value._buckets.set(index, bucket), value._order, value._origin)


def locate(fault: Fault, value: Any) -> Fault:
    """Give a fault, whose path starts in a map, its place in the user's configuration.

    >>> model = with_origin(freeze({"model": "gpt-4o"}), Origin(("models", 2)))
    >>> print(locate(Fault(("stop",), "is empty"), model))
    models[2].stop: is empty
    """
    origin = origin_of(value)
    return fault if origin is None else origin.locate(fault)


_ATOMS = frozenset({*SCALARS, FrozenMap})


def freeze(value: Any) -> Any:
    """Turn a value into immutable containers, all the way down; inputs are never touched.

    Mappings (subclasses of dict and plain `PMap`s too) become `FrozenMap`, lists and the like
    `PVector`, sets `PSet`; tuples stay tuples. Anything else is kept as it is, by reference.

    >>> freeze({"roles": ["chatcompletions"]})
    FrozenMap({'roles': ['chatcompletions']})

    Raises `ConfigError` for a value that contains itself, or is nested too deep for Python.
    """
    try:
        return _freeze(value)
    except RecursionError:
        fault = Fault((), "nested too deep, or contains itself", code="too-deep")
        raise ConfigError([fault]) from None


def _freeze(value: Any) -> Any:
    if type(value) in _ATOMS:
        return value
    if isinstance(value, dict):
        return FrozenMap.of({k: v if type(v) in _ATOMS else _freeze(v) for k, v in value.items()})
    if isinstance(value, list):
        return pvector(map(_freeze, value))
    if isinstance(value, VECTOR):
        return value if _ATOMS.issuperset(map(type, value)) else pvector(map(_freeze, value))
    if isinstance(value, tuple):
        return _like(value, [_freeze(item) for item in value])
    if isinstance(value, set | frozenset | PSet):
        return pset(value)
    if isinstance(value, Mapping):
        return _freeze(dict(value))
    if isinstance(value, bytearray):
        return bytes(value)
    return pvector(map(_freeze, value)) if isinstance(value, MutableSequence) else value


def _like(value: tuple[Any, ...], items: list[Any]) -> tuple[Any, ...]:
    """Put items into a tuple like `value`, which may have names for them."""
    if type(value) is tuple:
        return tuple(items)
    make = getattr(value, "_make", None)
    return value if make is None else cast("tuple[Any, ...]", make(items))


def thaw(value: Any) -> Any:
    """Copy immutable containers into fresh dicts, lists and sets, in the same order.

    >>> thaw(freeze({"b": [1, {"c": 2}], "a": 3}))
    {'b': [1, {'c': 2}], 'a': 3}
    """
    if isinstance(value, FrozenMap):
        return {k: v if type(v) in SCALARS else thaw(v) for k, v in value.to_dict().items()}
    if isinstance(value, PVector | list):
        return [v if type(v) in SCALARS else thaw(v) for v in value]
    if isinstance(value, dict | PMap):
        return {k: thaw(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return _like(value, [thaw(v) for v in value])
    return set(value) if isinstance(value, PSet) else value


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield each single value with its path; an empty container is one.

    >>> list(leaves({"a": [1, {"b": 2}], "c": {}}))
    [(('a', 0), 1), (('a', 1, 'b'), 2), (('c',), {})]
    """
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, LISTS) and value:
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value
