"""The stages, each alone; the laws of their composition are in test_laws."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from pyrsistent import pmap
from toolz import compose_left
from toolz.curried import map, mapcat

from dispatch import ConfigMorpher, FrozenMap, dispatch, freeze
from dispatch.errors import ConfigError, StageError
from dispatch.group import role_groups
from dispatch.pipeline import reporting
from dispatch.stages import explode_roles, freeze_model, group_by_role, normalize_roles


@pytest.mark.parametrize("kind", [dict, OrderedDict, pmap])
def test_any_mapping_is_frozen_to_the_same_model(kind):
    assert freeze_model(kind({"model": "m", "stop": ["a"]})) == freeze(
        {"model": "m", "stop": ["a"]}
    )


@pytest.mark.parametrize(
    ("model", "place", "words"),
    [
        (None, "", "expected a model, found nothing"),
        ("gpt-4o", "", "expected a model, found a text"),
        (["gpt-4o"], "", "expected a model, found a list"),
        ({}, "", "has no key 'model'"),
        ({"model": None}, "", "has no key 'model'"),
        ({"model": ""}, "model", "found an empty text"),
        ({"model": 3.1}, "model", "found a number"),
        ({"Model": "m"}, "", "'Model' looks like it"),
        ({"modle": "m"}, "", "'modle' looks like it"),
        ({"model": "m", 1: 2}, "", "a key must be a text, found a number"),
        ({"model": "m", True: 2}, "", "reads on, off, yes and no as booleans"),
    ],
)
def test_what_is_no_model_is_told(model, place, words):
    with pytest.raises(ConfigError) as caught:
        freeze_model(model)
    (fault,) = caught.value.faults
    assert fault.place == place
    assert words in str(fault)


def test_all_faults_of_a_list_come_in_one_error_in_its_order():
    models = [
        {"model": "a", "roles": "chatcompletion"},
        {"model": "b"},
        "c",
        {"name": "d", "roles": [7, "nope"]},
    ]
    with pytest.raises(ConfigError) as caught:
        dispatch(models)
    places = [fault.place for fault in caught.value.faults]
    assert places == [
        "models[0].roles",
        "models[2]",
        "models[3]",
        "models[3].roles[0]",
        "models[3].roles[1]",
    ]
    assert str(caught.value).startswith("5 faults in the configuration:\n  models[0].roles: ")


def test_a_generator_of_models_is_read_once_and_all_its_faults_are_told():
    with pytest.raises(ConfigError, match=r"models\[0\].*\n.*models\[1\]"):
        dispatch({"name": str(i)} for i in range(2))


@pytest.mark.parametrize("models", [None, {"model": "m"}, "gpt-4o", b"gpt-4o", 7])
def test_what_is_no_list_of_models_is_told(models):
    with pytest.raises(ConfigError, match="expected a list of models"):
        dispatch(models)


def test_a_model_that_contains_itself_is_told_with_its_place():
    model = {"model": "m"}
    model["self"] = model
    with pytest.raises(ConfigError, match=r"models\[1\]: nested too deep, or contains itself"):
        dispatch([{"model": "m"}, model])


def test_a_role_that_nobody_plays_has_an_empty_group():
    assert [len(models) for models in dispatch([]).values()] == [0, 0]


def test_stages_in_the_wrong_order_say_which_is_missing():
    model = freeze({"model": "m", "roles": ["chatcompletions", "postcompletions"]})
    with pytest.raises(StageError, match="normalize_roles"):
        list(explode_roles(model.remove("roles")))
    with pytest.raises(StageError, match="explode_roles"):
        group_by_role([normalize_roles(model)])


def test_grouping_names_an_undeclared_role_of_a_stage_in_between():
    copied = freeze({"model": "m", "roles": {"chatcompletion": None}})
    with pytest.raises(ConfigError, match="did you mean 'chatcompletions'"):
        group_by_role([copied])


def test_a_stage_of_ones_own_may_set_and_remove_keys():
    model = freeze_model({"name": "a", "model": "m", "tags": ["x"]})
    changed = normalize_roles(model.remove("tags").set("temperature", 0))
    assert isinstance(changed, FrozenMap)
    assert list(changed) == ["name", "model", "temperature", "roles"]


def test_a_task_of_a_wrong_type_is_told_for_frozen_roles_too():
    with pytest.raises(ConfigError, match="must be a text, found a number"):
        dispatch([{"model": "m", "roles": [{"postcompletions": 7}]}])


def test_what_a_frozen_map_is_given_is_frozen_too():
    """Neither the constructor nor `set` keeps a hold for others to change it by."""
    headers = {"X-Team": ["blue"]}
    model = FrozenMap({"model": "m", "extra_headers": headers}).set("metadata", headers)
    groups = dispatch([model.set("extra", pmap(headers))])
    before = groups["chatcompletions"][0]
    headers["X-Team"].append("red")
    after = ConfigMorpher({"models": groups["chatcompletions"]}).fetch("models[0]")
    for key in ("extra_headers", "metadata", "extra"):
        assert after[key] == {"X-Team": ["blue"]}
    assert hash(before) == hash(dispatch([before])["chatcompletions"][0])


def test_a_pipeline_of_ones_own_can_tell_all_faults_too():
    own = compose_left(
        map(freeze_model), map(normalize_roles), mapcat(explode_roles), group_by_role
    )
    wrong = [{"model": "a"}, {"model": "b", "roles": "x"}, {"name": "c"}]
    with pytest.raises(ConfigError, match=r"^roles: role 'x'"):
        own(wrong)
    with pytest.raises(ConfigError, match=r"models\[1\].roles: role 'x'.*\n.*models\[2\]"):
        reporting(own)(wrong)
    assert role_groups(own(wrong[:1]))["chatcompletions"].fetch("models[0].model") == "a"
