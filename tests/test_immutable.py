"""`FrozenMap` against a dict, `freeze` and `thaw` against each other."""

from __future__ import annotations

import collections
import copy
import enum
import io
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

from dispatch import FrozenMap, freeze, thaw
from dispatch.errors import ConfigError
from tests.helpers import raised
from tests.models import values

keys = st.sampled_from(["a", "b", "c", "ab", "", "é"]) | st.integers(-1, 2) | st.booleans()
keys |= st.none() | st.tuples(st.integers(0, 1), st.text(max_size=1))
items = st.dictionaries(keys, values, max_size=6)


def assert_same(frozen, plain):
    """Check that both read alike, order and types of keys included."""
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
        return frozen.remove(key), {k: v for k, v in plain.items() if k != key}
    with pytest.raises(KeyError):
        frozen.remove(key)
    return frozen, plain


def discard(frozen, plain, key, _value):
    return frozen.discard(key), {k: v for k, v in plain.items() if k != key}


def update(frozen, plain, key, value):
    more = {key: value, "new": key, "a": 0}
    return frozen.update(more, {"b": value}), plain | more | {"b": value}


def add(frozen, plain, key, value):
    return frozen + {key: value} | pmap({key: [value]}), plain | {key: [value]}


def update_with(frozen, plain, key, value):
    changed = frozen.update_with(lambda left, right: [left, right], {key: value})
    return changed, plain | {key: [plain[key], value] if key in plain else value}


def transform(frozen, plain, key, value):
    def change(found):
        return [found, value]

    expected = plain | ({key: [plain[key], value]} if key in plain else {})
    return frozen.transform([lambda each: each == key], change), expected


def evolve(frozen, plain, key, value):
    evolver = frozen.evolver()
    evolver[key] = value
    evolver.set("last", 1)
    assert evolver.is_dirty()
    assert evolver[key] == value
    halfway = evolver.persistent()
    assert_same(halfway, plain | {key: value, "last": 1})
    del evolver["last"]
    evolver.set("a", value)
    expected = {k: v for k, v in (plain | {key: value}).items() if k != "last"}
    assert_same(halfway, plain | {key: value, "last": 1})
    return evolver.persistent(), expected | {"a": value}


def go_round(frozen, plain, key, _value):
    """Copies and pickles, which no later edit may tell from what they were made of."""
    how = {"a": copy.copy, "b": copy.deepcopy, "c": PMap.copy}
    return how.get(key, lambda each: pickle.loads(pickle.dumps(each)))(frozen), plain


edits = st.sampled_from(
    [set_item, remove, discard, update, add, update_with, transform, evolve, go_round]
)


@given(items, st.lists(st.tuples(edits, keys, values), max_size=8))
def test_edits(start, steps):
    """After any edits it holds what a dict would, and no earlier state changes."""
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
    backwards = freeze(dict(reversed(plain.items())))
    assert frozen == backwards
    assert hash(frozen) == hash(backwards) == hash(pickle.loads(pickle.dumps(frozen)))
    # A plain `pmap` of the same is the same, and found under the same key.
    plain_pmap = pmap(dict(frozen))
    assert hash(frozen) == hash(plain_pmap)
    assert {frozen: 1}[plain_pmap] == 1


def test_order():
    """A replaced key keeps its place, and a new one comes last."""
    frozen = freeze({"b": 1, "a": 2, "c": 3})
    assert list(frozen.set("b", 1)) == ["b", "a", "c"]
    assert list(frozen.set("a", 9).set("b", 8)) == ["b", "a", "c"]
    assert list(frozen.remove("b").set("b", 1)) == ["a", "c", "b"]
    assert frozen.update({}) == frozen
    assert frozen.copy() is frozen


def test_immutable():
    """It cannot be changed in place."""
    frozen = freeze({"a": {"b": [1]}})
    with pytest.raises(TypeError):
        frozen["a"] = 1
    with pytest.raises(TypeError):
        del frozen["a"]
    with pytest.raises(AttributeError):
        frozen.a = 1
    with pytest.raises(TypeError):
        frozen["a"]["b"][0] = 2
    with pytest.raises(AttributeError):
        frozen.clear()
    dict(frozen).clear()
    assert frozen == {"a": {"b": [1]}}


def test_matching():
    """It matches as a mapping, and reads by dots as a `PMap` does."""
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


@pytest.mark.parametrize(
    "form",
    [repr, str, format, pprint.pformat, rich_text, "{0}".format, lambda each: f"{each!a}"],
    ids=["repr", "str", "format", "pprint", "rich", "str.format", "ascii"],
)
@pytest.mark.parametrize(
    "made",
    [
        freeze(HELD),
        freeze({**HELD, "name": "x"}).set("api_key", SECRET),
        freeze(HELD).set("name", "x"),
        freeze(HELD).update({"more": {"password": SECRET}}),
        freeze({"models": [HELD]}),
        pickle.loads(pickle.dumps(freeze(HELD))),
    ],
    ids=["frozen", "replaced", "beside", "updated", "nested", "pickled"],
)
def test_printing(form, made):
    """No way to print it shows a secret."""
    for shown in (made, made.keys(), made.values(), made.items(), [made], (made, 1), {"k": made}):
        assert SECRET not in form(shown)
    assert "***" in form(made)


def test_errors():
    """Its errors show no value."""
    for ask in (lambda held: held["nope"], lambda held: held.nope, lambda held: held.remove("no")):
        error = raised((KeyError, AttributeError), ask, freeze(HELD))
        assert SECRET not in f"{error!r} {error.__cause__!r}"


# freeze and thaw


@given(values)
def test_round_trip(value):
    """Thawing what was frozen gives the same again, order and types included."""
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


class OwnDict(dict):
    pass


class OwnList(list):
    pass


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
    client, own = object(), types.SimpleNamespace(a=1)
    frozen = freeze({"client": client, "own": own, "class": OwnDict})
    thawed = thaw(frozen)
    assert (thawed["client"], thawed["own"], thawed["class"]) == (client, own, OwnDict)
    assert thawed["own"] is own


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


def test_tuple_subclass():
    """Any other subclass of tuple is kept as it is."""
    moment = time.gmtime(0)
    assert thaw(freeze([moment]))[0] is moment


def a_dict_in_itself():
    value = {}
    value["self"] = value
    return value


def a_list_in_itself():
    value = []
    value.append(value)
    return value


def a_circle():
    value = {"list": [{"tuple": ()}]}
    value["list"][0]["tuple"] = (value,)
    return value


def a_deep_one():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize("make", [a_dict_in_itself, a_list_in_itself, a_circle, a_deep_one])
def test_circles(make):
    """A value that contains itself, or is too deep, is a fault of the configuration."""
    with pytest.raises(ConfigError, match="nested too deep, or contains itself") as caught:
        freeze(make())
    assert isinstance(caught.value, ValueError)
