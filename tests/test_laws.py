"""The laws of dispatching, as properties of any valid list of models."""

from __future__ import annotations

import copy
import json

from hypothesis import given
from hypothesis import strategies as st
from toolz import compose_left, concat, dissoc
from toolz.curried import map, mapcat

from dispatch import ModelDispatcher, dispatch, freeze, pipeline, thaw
from dispatch.loading import merge_models
from dispatch.stages import (
    apply_defaults,
    explode_roles,
    freeze_models,
    group_by_role,
    morph_groups,
    normalize_roles,
)
from tests.helpers import python
from tests.models import models, plain_dispatch, scalars

lists = st.lists(models(), max_size=4)


def as_text(value: object) -> str:
    """Compare including order and types, which dict equality ignores."""
    return json.dumps(value)


@given(lists)
def test_plain_loop(written):
    """It agrees with a plain loop over dicts, the order of keys included."""
    assert as_text(thaw(dispatch(written))) == as_text(plain_dispatch(written))


@given(lists)
def test_inputs_unmodified(written):
    """Inputs are never modified."""
    before = copy.deepcopy(written)
    dispatcher = ModelDispatcher(written)
    for role in dispatcher.groups:
        dispatcher.for_role(role).fetch("models").clear()
    assert as_text(written) == as_text(before)


@given(lists)
def test_groups_unmodified(written):
    """Later changes to the input affect no group."""
    dispatcher = ModelDispatcher(written)
    before = as_text(thaw(dispatcher.groups))
    for model in written:
        for value in list(model.values()):
            if isinstance(value, list | dict):
                value.clear()
        model.clear()
    assert as_text(thaw(dispatcher.groups)) == before


@given(lists)
def test_assignments(written):
    """No assignment is lost or invented."""

    def assignments(groups):
        return [pair for group in groups.values() for m in group for pair in m["roles"].items()]

    assert assignments(dispatch(written)) == assignments(plain_dispatch(written))


@given(lists)
def test_idempotent(written):
    """Dispatching the result again gives the same groups."""
    groups = dispatch(written)
    again = dispatch(list(concat(groups.values())))
    assert again == groups == ModelDispatcher(ModelDispatcher(written)).groups
    assert as_text(thaw(again)) == as_text(thaw(groups))


@given(lists)
def test_form_of_groups(written):
    """Changing the form of the groups changes nothing else."""
    dispatcher = ModelDispatcher(written)
    before = dispatcher.groups
    dispatcher.dispatch(morph=False)
    plain = {role: dispatcher.for_role(role) for role in before}
    dispatcher.dispatch(morph=True)
    assert dispatcher.groups is before
    assert {role: dispatcher.for_role(role).config for role in before} == plain


@given(lists)
def test_composition(written):
    """The stages, composed by hand from toolz alone, are the pipeline."""
    by_hand = compose_left(
        freeze_models,
        map(normalize_roles),
        mapcat(explode_roles),
        group_by_role,
    )
    outputs = [thaw(run(written)) for run in (by_hand, pipeline(), dispatch)]
    assert len(set(map(as_text, outputs))) == 1


@given(models())
def test_normalizing(written):
    """Normalizing twice is normalizing once."""
    once = normalize_roles(freeze(written))
    assert normalize_roles(once) == once


@given(models())
def test_exploding(written):
    """Exploding keeps everything but the roles."""
    normal = normalize_roles(freeze(written))
    for copied in explode_roles(normal):
        assert copied.remove("roles") == normal.remove("roles")
        assert list(copied) == list(normal)


parameters = st.dictionaries(st.sampled_from("abcd"), scalars, max_size=4)


@given(parameters, parameters, parameters)
def test_precedence(defaults, model, entry):
    """A role entry overrides the model, and the model overrides the defaults."""
    written = {**model, "model": "m", "roles": {"postcompletions": {"task": "t", **entry}}}
    (copied,) = pipeline(defaults=defaults)([written])["postcompletions"]
    expected = {**defaults, **model, "model": "m", **entry, "roles": {"postcompletions": "t"}}
    assert dict(copied) == expected


@given(lists)
def test_no_defaults(written):
    """Defaults that every model overrides change nothing."""
    for model in map(freeze, written):
        assert apply_defaults(model, model) is model


names = st.none() | st.sampled_from("abc")
named = st.builds(
    lambda name, more: {**({"name": name} if name else {}), **more}, names, parameters
)


@st.composite
def files(draw):
    """Possible files: models with distinct names, in a list or by name."""
    drawn = draw(st.lists(named, max_size=3, unique_by=lambda model: model.get("name", id(model))))
    if draw(st.booleans()):
        return {"models": drawn}
    return {"models": {m["name"]: dissoc(m, "name") for m in drawn if "name" in m}}


@given(files(), files(), files())
def test_merging_is_associative(one, two, three):
    """Merging files from the left gives what merging the last two first gives."""

    def merge(*held):
        return merge_models(held)[0]

    def listed(merged):
        found = merged["models"]
        return found if isinstance(found, list) else [{"name": n, **m} for n, m in found.items()]

    left = listed(merge(merge(one, two), three))
    right = listed(merge(one, merge(two, three)))
    assert left == right == listed(merge(one, two, three))


@given(lists)
def test_morpher(written):
    """A morpher receives a fresh plain dict."""
    groups = dispatch(written)
    morph = morph_groups(lambda group: group)
    first, second = morph(groups), morph(groups)
    assert as_text(dict(first.items())) == as_text(dict(second.items()))
    for role in groups:
        first[role]["models"].clear()
    assert thaw(second) == {role: {"models": thaw(group)} for role, group in groups.items()}


SEEDED = """
import json, sys
from dispatch import ModelDispatcher
from dispatch.errors import DispatchError
models = json.load(sys.stdin)
def complete(model, messages=(), **kwargs): ...
d = ModelDispatcher(models)
print(repr(d), list(d.groups), d.groups)
print(ModelDispatcher([models[0] | {'tags': {'red', 'green', 'blue', 'grey'}}]).groups)
for role in d.groups:
    group = d.for_role(role)
    print(json.dumps(group.config), repr(group), [list(m.items()) for m in group])
    print([json.dumps(group.morph(complete, f"models[{i}]")) for i in range(len(group))])
try:
    wrong = {"model": "m", "roles": ["chatcompletion", {"a": 1, "b": 2}]}
    ModelDispatcher([{"modell": 1, 2: 3}, wrong])
except DispatchError as error:
    print(error)
"""


def test_hash_seeds():
    """Every hash seed gives the same bytes."""
    written = [
        {"name": f"m{i}", "temperature": 0, "model": "gpt-4o",
         "zeta": {"b": 1, "a": [{"d": 1, "c": 2}]}, "api_key": "sk-1",
         "extra_headers": {"x": "1", "a": "2"},
         "roles": ["chatcompletions", {"postcompletions": "review", "chatcompletions": "talk"}]}
        for i in range(3)
    ]  # fmt: skip
    envs = [{"PYTHONHASHSEED": seed} for seed in ("0", "1", "77")]
    (output,) = {python(SEEDED, input=json.dumps(written), env=env).stdout for env in envs}
    assert output
