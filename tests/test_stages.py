"""The stages, each alone; the laws of their composition are in test_laws."""

from __future__ import annotations

from functools import partial

import pytest
from pyrsistent import pmap
from toolz import compose_left
from toolz.curried import filter, map

from dispatch import (
    ConfigMorpher,
    Contract,
    FrozenMap,
    ModelDispatcher,
    dispatch,
    each,
    freeze,
    pipeline,
    thaw,
)
from dispatch.errors import ConfigError, Fault, StageError
from dispatch.immutable import origin_of
from dispatch.sections import read_sections
from dispatch.stages import (
    apply_defaults,
    explode_roles,
    freeze_models,
    group_by_role,
    normalize_roles,
)
from tests.helpers import places, raised


@pytest.mark.parametrize(
    ("model", "where", "words"),
    [
        (None, "models[0]", "expected a model, found nothing"),
        ("gpt-4o", "models[0]", "expected a model, found a string"),
        (["gpt-4o"], "models[0]", "expected a model, found a list"),
        ({}, "models[0]", "has no key 'model'"),
        ({"model": None}, "models[0]", "has no key 'model'"),
        ({"model": ""}, "models[0].model", "found an empty string"),
        ({"model": 3.1}, "models[0].model", "found a number; quote it"),
        ({"Model": "m"}, "models[0]", "'Model' looks like it"),
        ({"modle": "m"}, "models[0]", "'modle' looks like it"),
        ({"model": "m", 1: 2}, "models[0]", "a key must be a string, found a number"),
        ({"model": "m", True: 2}, "models[0]", "reads on, off, yes and no as booleans"),
        ({"model": "m", "enabled": "no"}, "models[0].enabled", "expected true or false"),
    ],
)
def test_invalid_model(model, where, words):
    """An invalid model is reported with its location and a hint."""
    (fault,) = raised(ConfigError, dispatch, [model]).faults
    assert (fault.where, words in str(fault)) == (where, True)


def test_generator_of_models():
    """A generator is read once, and all its faults are reported."""
    error = raised(ConfigError, dispatch, ({"name": str(i)} for i in range(2)))
    assert places(error.faults) == ["models[0]", "models[1]"]


def test_all_faults():
    """All faults of all models come in one error, in their order."""
    models = [{"model": "a", "roles": "chatcompletion"}, {"model": "b"}, "c"]
    error = raised(ConfigError, dispatch, [*models, {"name": "d", "roles": [7, "nope"]}])
    found = ["models[0].roles", "models[2]", "models[3]", "models[3].roles[0]"]
    assert places(error.faults) == [*found, "models[3].roles[1]"]
    assert str(error).startswith("5 faults in the configuration:\n  models[0].roles: ")


@pytest.mark.parametrize("models", [None, {"model": "m"}, "gpt-4o", b"gpt-4o", 7])
def test_no_list_of_models(models):
    """Anything but a list of models is rejected."""
    with pytest.raises(ConfigError, match="expected a list of models"):
        dispatch(models)


def test_model_in_itself():
    """A model that contains itself is reported with its location."""
    model = {"model": "m"}
    model["self"] = model
    with pytest.raises(ConfigError, match=r"models\[1\]: nested too deep, or contains itself"):
        dispatch([{"model": "m"}, model])


def test_wrong_order():
    """Stages in the wrong order say which one is missing."""
    model = freeze({"model": "m", "roles": ["chatcompletions", "postcompletions"]})
    with pytest.raises(StageError, match="normalize_roles"):
        list(explode_roles(model.remove("roles")))
    with pytest.raises(StageError, match="explode_roles"):
        group_by_role([normalize_roles(model)])


def returns_none(model):
    """A stage with a missing return."""


@pytest.mark.parametrize("stage", [returns_none, dict, lambda _: "m", lambda _: [{}]])
def test_stage_returns_the_wrong_type(stage):
    """A stage that returns no model is named in the error."""
    for each_stage in (each(stage), each(partial(stage))):
        with pytest.raises(StageError, match=f"stage {stage.__name__} returned"):
            pipeline(models=each_stage)([{"model": "m"}])


def test_stage_over_all_models_returns_none():
    """A stage over all models that returns none is reported where its result is taken."""
    with pytest.raises(StageError, match="the stage before normalize_roles returned None"):
        pipeline(models=returns_none)([{"model": "m"}])
    with pytest.raises(StageError, match="the stage before group_by_role returned a FrozenMap"):
        pipeline(copies=next)([{"model": "m"}])


def test_mapped_instead_of_each():
    """A stage that yields many models is named where it is mapped."""
    own = compose_left(freeze_models, map(normalize_roles), map(explode_roles), group_by_role)
    with pytest.raises(StageError, match=r"the iterator of explode_roles.*use each"):
        own([{"model": "m"}])
    with pytest.raises(StageError, match=r"normalize_roles takes a model .* not None"):
        list(map(normalize_roles, map(returns_none, freeze_models([{"model": "m"}]))))


def test_faults_of_own_stages():
    """Faults that a stage raises have the location of its model, sorted among the others."""

    def no_slow(model):
        if model.get("model") == "slow":
            raise ConfigError([Fault(("model",), "is slow")])
        return model

    models = [{"model": "slow"}, {"model": "a", "roles": "x"}, {"model": "slow"}, {"name": "b"}]
    error = raised(ConfigError, pipeline(models=each(no_slow)), models)
    assert [(fault.where, fault.message[:7]) for fault in error.faults] == [
        ("models[0].model", "is slow"),
        ("models[1].roles", "role 'x"),
        ("models[2].model", "is slow"),
        ("models[3]", "has no "),
    ]


def test_undeclared_role_of_an_own_stage():
    """Grouping names an undeclared role that a stage in between has set."""
    with pytest.raises(ConfigError, match="did you mean 'chatcompletions'"):
        group_by_role([freeze({"model": "m", "roles": {"chatcompletion": None}})])


def test_own_stages():
    """Custom stages filter models, change copies and change groups."""
    run = pipeline(
        models=filter(lambda model: "fast" in model.get("tags", ())),
        copies=each(lambda copy: copy.discard("tags")),
        groups=lambda groups: {role: len(models) for role, models in groups.items()},
    )
    models = [{"model": "a", "tags": ["fast"]}, {"model": "b", "tags": ["slow"]}, {"model": "c"}]
    assert run(models) == {"chatcompletions": 1, "postcompletions": 0}


def test_own_stage_keeps_the_origin():
    """A stage may set and remove keys; the model still knows its place."""
    (model,) = freeze_models([{"name": "a", "model": "m", "tags": ["x"]}])
    changed = normalize_roles(model.remove("tags").set("temperature", 0))
    assert isinstance(changed, FrozenMap)
    assert list(changed) == ["name", "model", "temperature", "roles"]
    assert origin_of(changed).path == ("models", 0)


def test_frozen_copies():
    """Neither the constructor nor `set` keeps a reference through which others could change it."""
    headers = {"X-Team": ["blue"]}
    model = FrozenMap({"model": "m", "extra_headers": headers}).set("metadata", headers)
    groups = dispatch([model.set("extra", pmap(headers))])
    (before,) = groups["chatcompletions"]
    headers["X-Team"].append("red")
    for key in ("extra_headers", "metadata", "extra"):
        assert thaw(before)[key] == {"X-Team": ["blue"]}
    assert hash(before) == hash(dispatch([before])["chatcompletions"][0])


def test_defaults():
    """Defaults fill in what a model lacks, and a fault in one is at its place in the defaults."""
    (model,) = freeze_models([{"model": "m", "timeout": 5}])
    changed = apply_defaults(model, {"timeout": 60, "seed": 1})
    assert dict(changed) == {"model": "m", "timeout": 5, "seed": 1}
    assert origin_of(changed).of(("seed",)).path == ("defaults", "seed")
    assert origin_of(changed).of(("timeout",)).path == ("models", 0, "timeout")
    assert apply_defaults(model, {"timeout": 60}) is model


def test_origin_of_role_parameters():
    """A parameter of a role entry is at its place in that entry."""
    roles = ["chatcompletions", {"postcompletions": {"seed": 1}}]
    (model,) = freeze_models([{"model": "m", "roles": roles}])
    _, copy = explode_roles(normalize_roles(model))
    path = ("models", 0, "roles", 1, "postcompletions", "seed")
    assert origin_of(copy).of(("seed",)).path == path


def test_thawed_roles():
    """The normal form of roles with parameters reads as the same roles again."""
    roles = [{"postcompletions": {"task": "a", "seed": 1}}, "chatcompletions"]
    once = normalize_roles(freeze({"model": "m", "roles": roles}))
    assert normalize_roles(freeze(thaw(once))) == once


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: tree.set("models", [{"model": "m", "roles": ["nope"]}]),
        lambda tree: tree.transform(["models", 0, "roles"], ["nope"]),
        lambda tree: tree.update({"models": [tree["models"][0].set("roles", "nope")]}),
        lambda tree: ConfigMorpher(tree.set("models", {"a": {"model": "m", "roles": "nope"}})),
    ],
)
def test_no_line(change, tmp_path):
    """What a program writes into the configuration of a file is not found in that file."""
    (tmp_path / "c.yaml").write_text("models:\n- model: m\n  roles: [chatcompletions]\n")
    tree = ConfigMorpher(tmp_path / "c.yaml").tree
    (fault,) = raised(ConfigError, lambda: ModelDispatcher(change(tree))).faults
    assert fault.path[0] == "models"
    assert fault.position is None


def test_no_line_of_a_stage(tmp_path):
    """A value that a stage writes has no line; those that it leaves alone keep theirs."""
    (tmp_path / "c.yaml").write_text("models:\n- model: m\n  seed: 1\n  roles: [x]\n")
    models = read_sections(ConfigMorpher(tmp_path / "c.yaml").tree, roles=["x"]).models

    def refuse(model):
        raise ConfigError([Fault((key,), "is wrong") for key in ("seed", "stop")])

    run = pipeline(models=compose_left(each(lambda m: m.set("stop", "a")), each(refuse)))
    seed, stop = raised(ConfigError, lambda: run(models)).faults
    assert seed.position.line == 3
    assert stop.position is None


@pytest.mark.parametrize("make", [lambda: ModelDispatcher([{}]), lambda: Contract(["a", "a"])])
def test_repr_of_what_is_refused(make):
    """An object whose constructor failed can be shown in a debugger."""
    error = raised(ValueError, make)
    assert repr(error.__traceback__.tb_next.tb_next.tb_frame.f_locals["self"]).endswith(")")
