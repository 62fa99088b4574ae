"""The facade."""

from __future__ import annotations

import pickle

import pytest

from dispatch import ConfigMorpher, ModelDispatcher, Role, RoleGroup
from dispatch.errors import ConfigError, RoleError, UnsetVariableError


@pytest.fixture
def models():
    return [
        {"name": "a", "model": "gpt-4o", "stop": ["x"], "roles": ["chatcompletions"]},
        {"name": "b", "model": "o3", "roles": ["chatcompletions", {"postcompletions": "review"}]},
    ]


def test_the_list_given_is_the_list_kept(models):
    assert ModelDispatcher(models).models is models


def test_groups_are_config_morphers_that_know_their_role(models):
    group = ModelDispatcher(models).for_postcompletions
    assert isinstance(group, ConfigMorpher)
    assert (group.role, len(group), group.tasks) == ("postcompletions", 1, ("review",))
    assert [model["name"] for model in group] == ["b"]


def test_an_empty_group_is_false_and_a_played_one_true(models):
    dispatcher = ModelDispatcher(models[:1])
    assert dispatcher.for_chatcompletions
    assert not dispatcher.for_postcompletions
    assert dispatcher.for_postcompletions.fetch("models") == []


def test_without_morphing_groups_are_fresh_plain_dicts(models):
    dispatcher = ModelDispatcher(models, morph=False)
    group = dispatcher.for_chatcompletions
    assert type(group) is dict
    assert group == {"models": [{**m, "roles": {"chatcompletions": None}} for m in models]}
    assert [list(m) for m in group["models"]] == [list(m) for m in models]
    group["models"][0]["stop"].append("y")
    group["models"].clear()
    assert dispatcher.for_chatcompletions["models"][0]["stop"] == ["x"] == models[0]["stop"]


def test_a_callable_morphs_each_group_from_a_plain_dict(models):
    seen = []

    class Morpher:
        def __init__(self, config):
            seen.append(config)

    dispatcher = ModelDispatcher(models, morph=Morpher)
    assert isinstance(dispatcher.for_chatcompletions, Morpher)
    assert dispatcher.for_chatcompletions is dispatcher.for_chatcompletions
    assert [type(config) for config in seen] == [dict, dict]
    assert [m["name"] for m in seen[1]["models"]] == ["b"]


def test_dispatching_again_changes_only_the_form(models):
    dispatcher = ModelDispatcher(models)
    models.append({"model": "later"})
    dispatcher.dispatch(morph=False)
    assert dispatcher.morph is False
    assert len(dispatcher.for_chatcompletions["models"]) == 2
    dispatcher.dispatch()
    assert dispatcher.morph is True
    assert isinstance(dispatcher.for_chatcompletions, RoleGroup)


def test_a_program_declares_roles_of_its_own():
    models = [{"model": "m", "roles": ["embed", "chatcompletions"]}]
    dispatcher = ModelDispatcher(models, roles=("chatcompletions", "embed"))
    assert len(dispatcher.for_role("embed")) == 1
    with pytest.raises(RoleError, match="'postcompletions' is not declared"):
        _ = dispatcher.for_postcompletions
    with pytest.raises(RoleError, match="did you mean 'embed'"):
        dispatcher.for_role("embedd")


def test_a_contract_may_be_given_as_roles():
    with pytest.raises(ConfigError, match="no model plays role 'embed'"):
        ModelDispatcher([], roles=[Role("embed", required=True)])


def test_reprs_name_roles_and_models(models):
    assert (
        repr(ModelDispatcher(models)) == "ModelDispatcher("
        "RoleGroup(chatcompletions: a, b), RoleGroup(postcompletions: b))"
    )
    assert repr(ModelDispatcher([])).count("RoleGroup(") == 2


def test_an_unset_variable_is_told_with_model_and_role_and_blocks_no_other(models, monkeypatch):
    monkeypatch.delenv("MISSING_KEY", raising=False)
    models[0]["api_key"] = "os.environ/MISSING_KEY"
    group = ModelDispatcher(models).for_chatcompletions

    def complete(model, **kwargs): ...

    assert group.morph(complete, start_from="models[1]") == {"model": "o3"}
    assert group.fetch("models[0].api_key") == "os.environ/MISSING_KEY"
    with pytest.raises(UnsetVariableError) as caught:
        group.morph(complete, start_from="models[0]")
    assert str(caught.value).startswith(
        "models[0].api_key of model 'a' in role 'chatcompletions': "
        "environment variable MISSING_KEY is unset or empty"
    )
    monkeypatch.setenv("MISSING_KEY", "sk-1")
    assert group.morph(complete, start_from="models[0]")["api_key"] == "sk-1"
    monkeypatch.setenv("MISSING_KEY", "sk-2")
    assert group.morph(complete, start_from="models[0]")["api_key"] == "sk-2"


@pytest.mark.parametrize("morph", [True, False])
def test_a_dispatcher_survives_pickling(models, morph):
    dispatcher = ModelDispatcher(models, morph=morph)
    again = pickle.loads(pickle.dumps(dispatcher))
    assert repr(again) == repr(dispatcher)
    assert again.for_chatcompletions == dispatcher.for_chatcompletions


def test_a_morpher_that_raises_leaves_the_groups_as_they_were(models):
    def broken(group):
        raise RuntimeError("no")

    dispatcher = ModelDispatcher(models, morph=False)
    with pytest.raises(RuntimeError):
        dispatcher.dispatch(broken)
    assert dispatcher.morph is False
    assert type(dispatcher.for_chatcompletions) is dict


def test_an_iterator_of_models_is_kept_as_a_list(models):
    assert ModelDispatcher(iter(models)).models == models
