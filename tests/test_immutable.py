"""`FrozenMap` against a dict, `freeze` and `thaw` against each other."""

from __future__ import annotations

import collections
import copy
import enum
import io
import math
import operator
import pickle
import pprint
import time
import types
import typing

import pytest
import rich.console
from hypothesis import given
from hypothesis import strategies as st
from pyrsistent import PMap, PSet, PVector, pmap, pset, pvector
from toolz import dissoc

from dispatch import FrozenMap, freeze, thaw
from dispatch.errors import ConfigError
from tests.helpers import raised
from tests.models import values

keys = st.sampled_from(["a", "b", "c", "ab", "", "é"]) | st.integers(-1, 2) | st.booleans()
keys |= st.none() | st.tuples(st.integers(0, 1), st.text(max_size=1))
items = st.dictionaries(keys, values, max_size=6)


def pickled(value):
    return pickle.loads(pickle.dumps(value))


def assert_same(frozen, plain):
    """Check that both are equal, including the order and types of keys."""
    assert isinstance(frozen, FrozenMap)
    expected = [(key, type(key), value) for key, value in plain.items()]
    assert [(key, type(key), value) for key, value in frozen.items()] == expected
    assert list(frozen) == list(frozen.keys()) == list(frozen.iterkeys()) == list(plain)
    assert list(frozen.values()) == list(frozen.itervalues()) == list(plain.values())
    assert list(frozen.iteritems()) == list(plain.items()) == list(dict(frozen).items())
    assert len(frozen) == len(plain)
    assert list({**frozen}.items()) == list(plain.items())
    for key, value in plain.items():
        assert key in frozen
        assert frozen[key] == frozen.get(key) == value
    assert "nowhere" not in frozen
    assert frozen.get("nowhere") is None
    assert frozen.get("nowhere", 7) == 7
    with pytest.raises(KeyError):
        frozen["nowhere"]
    for equal in (plain, pmap(plain), FrozenMap(plain), collections.OrderedDict(plain)):
        assert frozen == equal
        assert equal == frozen
        assert not frozen != equal  # noqa: SIM202  # another method than ==
    for other in ({**plain, "more": 1}, pmap({**plain, "more": 1}), list(plain.items()), None):
        assert frozen != other
        assert other != frozen


def set_item(frozen, plain, key, value):
    return frozen.set(key, value), {**plain, key: value}


def remove(frozen, plain, key, _value):
    if key in plain:
        return frozen.remove(key), dissoc(plain, key)
    raised(KeyError, frozen.remove, key)
    return frozen, plain


def discard(frozen, plain, key, _value):
    return frozen.discard(key), dissoc(plain, key)


def update(frozen, plain, key, value):
    more = {key: value, "new": key, "a": 0}
    return frozen.update(more, {"b": value}), plain | more | {"b": value}


def add(frozen, plain, key, value):
    return frozen + {key: value} | pmap({key: [value]}), plain | {key: [value]}


def update_with(frozen, plain, key, value):
    changed = frozen.update_with(lambda left, right: [left, right], {key: value})
    return changed, plain | {key: [plain[key], value] if key in plain else value}


def transform(frozen, plain, key, value):
    expected = plain | ({key: [plain[key], value]} if key in plain else {})
    return frozen.transform([lambda each: each == key], lambda found: [found, value]), expected


def go_round(frozen, plain, key, _value):
    """Copies and pickles, which must behave like the original."""
    how = {"a": copy.copy, "b": copy.deepcopy, "c": PMap.copy}
    return how.get(key, pickled)(frozen), plain


def evolve(frozen, plain, key, value):
    evolver = frozen.evolver()
    evolver[key] = value
    evolver.set("last", 1)
    assert (evolver.is_dirty(), evolver[key]) == (True, value)
    halfway = evolver.persistent()
    assert_same(halfway, plain | {key: value, "last": 1})
    del evolver["last"]
    evolver.set("a", value)
    assert_same(halfway, plain | {key: value, "last": 1})
    return evolver.persistent(), dissoc(plain | {key: value}, "last") | {"a": value}


edits = [set_item, remove, discard, update, add, update_with, transform, evolve, go_round]


@given(items, st.lists(st.tuples(st.sampled_from(edits), keys, values), max_size=8))
def test_edits(start, steps):
    """After any edits it equals a dict, and no earlier state changes."""
    frozen, plain = FrozenMap(start), dict(start)
    states = [(frozen, dict(plain))]
    for edit, key, value in steps:
        frozen, plain = edit(frozen, plain, key, value)
        states.append((frozen, dict(plain)))
    for state, expected in states:
        assert_same(state, expected)


@given(items, st.lists(st.tuples(keys, values), max_size=4))
def test_hashes(start, steps):
    """Equal maps have equal hashes, however they were made; a plain `pmap` of the same too."""
    frozen, plain = freeze(start), dict(start)
    for key, value in steps:
        frozen, plain = frozen.set(key, freeze(value)), {**plain, key: value}
    same = pmap(dict(frozen))
    backwards = freeze(dict(reversed(plain.items())))
    assert frozen == backwards
    assert hash(frozen) == hash(backwards) == hash(pickled(frozen)) == hash(same)
    assert {frozen: 1}[same] == 1


def test_order():
    """A replaced key keeps its place, and a new one comes last."""
    frozen = freeze({"b": 1, "a": 2, "c": 3})
    assert list(frozen.set("b", 1)) == ["b", "a", "c"]
    assert list(frozen.set("a", 9).set("b", 8)) == ["b", "a", "c"]
    assert list(frozen.remove("b").set("b", 1)) == ["a", "c", "b"]
    assert frozen.update({}) == frozen
    assert frozen.copy() is frozen


@pytest.mark.parametrize(
    ("error", "change"),
    [
        (TypeError, lambda frozen: operator.setitem(frozen, "a", 1)),
        (TypeError, lambda frozen: operator.delitem(frozen, "a")),
        (AttributeError, lambda frozen: setattr(frozen, "a", 1)),
        (TypeError, lambda frozen: operator.setitem(frozen["a"]["b"], 0, 2)),
        (AttributeError, lambda frozen: frozen.clear()),
    ],
)
def test_immutable(error, change):
    """It cannot be changed in place."""
    frozen = freeze({"a": {"b": [1]}})
    raised(error, change, frozen)
    dict(frozen).clear()
    assert frozen == {"a": {"b": [1]}}


def test_matching():
    """It matches as a mapping, and supports attribute access like a `PMap`."""
    match freeze({"a": {"b": 1}, "c": 2}):
        case {"a": {"b": found}, **rest}:
            assert (found, rest) == (1, {"c": 2})
        case _:
            pytest.fail("is no mapping")
    assert freeze({"a": {"b": 1}}).a.b == 1


SECRET = "sk-canary"
HELD = {
    "name": "fast",
    "api_key": SECRET,
    "list": [{"token": SECRET}],
    "headers": {"X-Api-Key": SECRET},
    "api_base": f"https://me:{SECRET}@host/v1",
}


def rich_text(value):
    out = io.StringIO()
    rich.console.Console(file=out, width=300).print(value)
    return out.getvalue()


MADE = {
    "frozen": freeze(HELD),
    "replaced": freeze({**HELD, "name": "x"}).set("api_key", SECRET),
    "beside": freeze(HELD).set("name", "x"),
    "updated": freeze(HELD).update({"more": {"password": SECRET}}),
    "nested": freeze({"models": [HELD]}),
    "pickled": pickled(freeze(HELD)),
}


@pytest.mark.parametrize(
    "form",
    [repr, str, format, pprint.pformat, rich_text, "{0}".format, lambda each: f"{each!a}"],
    ids=["repr", "str", "format", "pprint", "rich", "str.format", "ascii"],
)
@pytest.mark.parametrize("made", MADE)
def test_printing(form, made):
    """No way to print it shows a secret."""
    made = MADE[made]
    for shown in (made, made.keys(), made.values(), made.items(), [made], (made, 1), {"k": made}):
        assert SECRET not in form(shown)
    assert "***" in form(made)


@pytest.mark.parametrize(
    ("error", "ask"),
    [
        (KeyError, lambda held: held["nope"]),
        (AttributeError, lambda held: held.nope),
        (KeyError, lambda held: held.remove("no")),
    ],
)
def test_errors(error, ask):
    """Its errors show no value."""
    found = raised(error, ask, freeze(HELD))
    assert SECRET not in f"{found!r} {found.__cause__!r}"


# freeze and thaw


@given(values)
def test_round_trip(value):
    """Thawing a frozen value restores it, including order and types."""
    before = repr(value)
    frozen = freeze(value)
    assert repr(thaw(frozen)) == repr(value) == before
    assert freeze(frozen) == frozen
    assert repr(thaw(freeze(thaw(frozen)))) == before
    hash(frozen)  # no part of it can change


@given(st.dictionaries(st.text(max_size=3), values, min_size=1))
def test_fresh_containers(value):
    """Thawing twice shares no container."""
    frozen = freeze(value)
    first, second = thaw(frozen), thaw(frozen)
    containers = list(walk(first)) + list(walk(second)) + list(walk(value))
    assert len({id(each) for each in containers}) == len(containers)


def walk(value):
    if isinstance(value, dict | list):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from walk(item)


OwnDict = type("OwnDict", (dict,), {})
OwnList = type("OwnList", (list,), {})


class Kind(enum.StrEnum):
    A = "a"


@pytest.mark.parametrize(
    ("written", "frozen", "plain"),
    [
        (OwnDict(a=1), FrozenMap, {"a": 1}),
        (collections.OrderedDict(b=1, a=2), FrozenMap, {"b": 1, "a": 2}),
        (collections.defaultdict(list, a=[1]), FrozenMap, {"a": [1]}),
        (collections.Counter("aab"), FrozenMap, {"a": 2, "b": 1}),
        (collections.ChainMap({"a": 1}, {"b": 2}), FrozenMap, {"b": 2, "a": 1}),
        (collections.UserDict(a=1), FrozenMap, {"a": 1}),
        (types.MappingProxyType({"a": [1]}), FrozenMap, {"a": [1]}),
        (pmap({"a": pvector([1])}), FrozenMap, {"a": [1]}),
        ({1: "int", None: "none", (1, 2): "tuple", 1.5: "float"}, FrozenMap, None),
        ([OwnDict(a=OwnList([1]))], PVector, [{"a": [1]}]),
        (OwnList([1, [2]]), PVector, [1, [2]]),
        (pvector([{"a": 1}]), PVector, [{"a": 1}]),
        (([1], {"a": 2}), tuple, ([1], {"a": 2})),
        ({1, 2}, PSet, {1, 2}),
        (frozenset({1}), PSet, {1}),
        (pset([1]), PSet, {1}),
        (Kind.A, Kind, Kind.A),
        ("text", str, "text"),
        (b"bytes", bytes, b"bytes"),
        (1.5, float, 1.5),
        (True, bool, True),
        (None, type(None), None),
    ],
    ids=lambda each: type(each).__name__,
)
def test_forms(written, frozen, plain):
    """Each container has one frozen and one plain form."""
    plain = written if plain is None else plain
    assert isinstance(freeze(written), frozen)
    again = thaw(freeze({"in": [written]}))["in"][0]
    assert again == plain
    assert type(again) is type(plain)
    if isinstance(plain, dict):
        assert list(again) == list(plain)


def test_unknown_objects():
    """Objects of unknown types are kept by reference."""
    held = {"client": object(), "own": types.SimpleNamespace(a=1), "class": OwnDict}
    held["tuple"] = time.gmtime(0)  # a subclass of tuple
    for key, value in thaw(freeze(held)).items():
        assert value is held[key]


class Pair(typing.NamedTuple):
    left: list
    right: str


def test_named_tuple():
    """A named tuple keeps its names, and shares nothing."""
    written = Pair([1], "a")
    frozen = freeze({"pair": written})
    for thawed in (thaw(frozen), thaw(frozen)):
        assert type(thawed["pair"]) is Pair
        assert thawed["pair"] == ([1], "a")
        thawed["pair"].left.append(2)
    written.left.append(3)
    assert thaw(frozen) == {"pair": ([1], "a")}
    hash(frozen)


def circles():
    """Values that contain themselves, in three ways, or are too deep."""
    itself, listed, circle, deep = {}, [], {"list": [{"tuple": ()}]}, []
    itself["self"] = itself
    listed.append(listed)
    circle["list"][0]["tuple"] = (circle,)
    for _ in range(100_000):
        deep = [deep]
    return [itself, listed, circle, deep]


def test_circles():
    """A value that contains itself, or is too deep, is a fault of the configuration."""
    for value in circles():
        error = raised(ConfigError, freeze, value)
        assert "nested too deep, or contains itself" in str(error)
        assert isinstance(error, ValueError)


def test_odd_lists():
    """Mutable values are copied, including a deque, a bytearray and other lists."""
    given = {"d": collections.deque([1]), "b": bytearray(b"x"), "u": collections.UserList([{}])}
    frozen = freeze(given)
    given["d"].append(2)
    given["u"].append(3)
    assert thaw(frozen) == {"d": [1], "b": b"x", "u": [{}]}
    assert thaw(freeze({frozenset({1})})) == {frozenset({1})}


def test_not_a_number_as_key():
    """A key that equals nothing, not even itself, is found as dict finds it."""
    frozen = FrozenMap({math.nan: 1})
    assert list(frozen.items()) == [(math.nan, 1)]
