"""The laws of dispatching, as properties of any valid list of models."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from toolz import compose_left, concat
from toolz.curried import map, mapcat

from dispatch import ModelDispatcher, dispatch, thaw
from dispatch.pipeline import pipeline
from dispatch.roles import DEFAULT_CONTRACT
from dispatch.stages import (
    explode_roles,
    freeze_model,
    group_by_role,
    morph_groups,
    normalize_roles,
)
from tests.models import models, plain_dispatch

lists = st.lists(models(), max_size=4)


def as_text(value: object) -> str:
    """Compare with order and types: equality of dicts would forgive both."""
    return json.dumps(value)


@given(lists)
def test_it_agrees_with_a_plain_loop_over_dicts_key_order_included(written):
    assert as_text(thaw(dispatch(written))) == as_text(plain_dispatch(written))


@given(lists)
def test_inputs_are_never_modified(written):
    before = copy.deepcopy(written)
    dispatcher = ModelDispatcher(written)
    for role in dispatcher.groups:
        dispatcher.for_role(role).fetch("models").clear()
    assert as_text(written) == as_text(before)


@given(lists)
def test_later_changes_of_the_input_reach_no_group(written):
    dispatcher = ModelDispatcher(written)
    before = as_text(thaw(dispatcher.groups))
    for model in written:
        for value in list(model.values()):
            if isinstance(value, list | dict):
                value.clear()
        model.clear()
    assert as_text(thaw(dispatcher.groups)) == before


@given(lists)
def test_no_assignment_is_lost_or_invented(written):
    def assignments(groups):
        return [pair for group in groups.values() for m in group for pair in m["roles"].items()]

    assert assignments(dispatch(written)) == assignments(plain_dispatch(written))


@given(lists)
def test_dispatching_what_was_dispatched_gives_the_same(written):
    groups = dispatch(written)
    again = dispatch(list(concat(groups.values())))
    assert again == groups == ModelDispatcher(ModelDispatcher(written)).groups
    assert as_text(thaw(again)) == as_text(thaw(groups))


@given(lists)
def test_changing_the_form_of_the_groups_changes_nothing_else(written):
    dispatcher = ModelDispatcher(written)
    before = dispatcher.groups
    dispatcher.dispatch(morph=False)
    plain = {role: dispatcher.for_role(role) for role in before}
    dispatcher.dispatch(morph=True)
    assert dispatcher.groups is before
    assert {role: dispatcher.for_role(role).config for role in before} == plain


@given(lists)
def test_the_stages_compose_to_the_pipeline(written):
    by_hand = compose_left(
        map(freeze_model),
        map(partial(normalize_roles, contract=DEFAULT_CONTRACT)),
        mapcat(explode_roles),
        group_by_role,
    )
    outputs = [thaw(run(written)) for run in (by_hand, pipeline(), dispatch)]
    assert len(set(map(as_text, outputs))) == 1


@given(models())
def test_normalizing_twice_is_normalizing_once(written):
    once = normalize_roles(freeze_model(written))
    assert normalize_roles(once) == once


@given(models())
def test_exploding_keeps_all_but_the_roles(written):
    normal = normalize_roles(freeze_model(written))
    for copied in explode_roles(normal):
        assert copied.remove("roles") == normal.remove("roles")
        assert list(copied) == list(normal)


@given(lists)
def test_a_morpher_gets_a_fresh_plain_dict(written):
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


def test_every_hash_seed_gives_the_same_bytes():
    written = [
        {"name": f"m{i}", "temperature": 0, "model": "gpt-4o",
         "zeta": {"b": 1, "a": [{"d": 1, "c": 2}]}, "api_key": "sk-1",
         "extra_headers": {"x": "1", "a": "2"},
         "roles": ["chatcompletions", {"postcompletions": "review", "chatcompletions": "talk"}]}
        for i in range(3)
    ]  # fmt: skip
    outputs = {
        subprocess.run(
            [sys.executable, "-c", SEEDED],
            input=json.dumps(written),
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent.parent,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1", "2", "77", "4242")
    }
    assert len(outputs) == 1
    assert outputs.pop()
