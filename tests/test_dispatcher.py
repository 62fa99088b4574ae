"""The facade, and what role groups add to `ConfigMorpher`."""

from __future__ import annotations

import copy
import pickle

import pytest

from dispatch import ConfigMorpher, ModelDispatcher, Role, RoleGroup
from dispatch.errors import RoleError
from tests.helpers import USER


@pytest.fixture
def models():
    return [
        {"name": "a", "model": "gpt-4o", "stop": ["x"], "roles": ["chatcompletions"]},
        {"name": "b", "model": "o3", "roles": ["chatcompletions", {"postcompletions": "review"}]},
    ]


def complete(model, **kwargs): ...


def test_groups(models):
    """Groups are ConfigMorphers with a role; the given list is unchanged."""
    dispatcher = ModelDispatcher(models)
    assert dispatcher.models is models
    group = dispatcher.for_postcompletions
    assert isinstance(group, ConfigMorpher)
    assert (group.role, len(group), group.tasks) == ("postcompletions", 1, ("review",))
    assert [model["name"] for model in group] == ["b"]


def test_empty_group(models):
    """An empty group is false, any other one true."""
    dispatcher = ModelDispatcher(models[:1])
    assert dispatcher.for_chatcompletions
    assert not dispatcher.for_postcompletions
    assert dispatcher.for_postcompletions.fetch("models") == []
    with pytest.raises(RoleError, match="no model plays role 'postcompletions'"):
        dispatcher.for_postcompletions.morph(complete)


def test_no_morphing(models):
    """Without morphing, groups are fresh plain dicts."""
    dispatcher = ModelDispatcher(models, morph=False)
    group = dispatcher.for_chatcompletions
    assert type(group) is dict
    assert group == {"models": [{**m, "roles": {"chatcompletions": None}} for m in models]}
    assert [list(m) for m in group["models"]] == [list(m) for m in models]
    group["models"][0]["stop"].append("y")
    group["models"].clear()
    assert dispatcher.for_chatcompletions["models"][0]["stop"] == ["x"] == models[0]["stop"]


def test_own_morpher(models):
    """A callable morphs each group from a plain dict, once."""
    seen = []
    dispatcher = ModelDispatcher(models, morph=lambda config: seen.append(config) or len(seen))
    assert (dispatcher.for_chatcompletions, dispatcher.for_postcompletions) == (1, 2)
    assert dispatcher.for_chatcompletions == 1
    assert [type(config) for config in seen] == [dict, dict]
    assert [m["name"] for m in seen[1]["models"]] == ["b"]


def test_dispatch_again(models):
    """Dispatching again changes only the form."""
    dispatcher = ModelDispatcher(models)
    models.append({"model": "later"})
    dispatcher.dispatch(morph=False)
    assert dispatcher.morph is False
    assert len(dispatcher.for_chatcompletions["models"]) == 2
    dispatcher.dispatch()
    assert dispatcher.morph is True
    assert isinstance(dispatcher.for_chatcompletions, RoleGroup)


def test_own_roles():
    """A program declares its own roles, each with an attribute."""
    models = [{"model": "m", "roles": ["embed", "chatcompletions"]}]
    dispatcher = ModelDispatcher(models, roles=("chatcompletions", "embed"))
    assert len(dispatcher.for_role("embed")) == 1
    assert dispatcher.for_embed is dispatcher.for_role("embed")
    with pytest.raises(RoleError, match="'postcompletions' is not declared"):
        _ = dispatcher.for_postcompletions
    with pytest.raises(RoleError, match="did you mean 'embed'"):
        dispatcher.for_role("embedd")
    with pytest.raises(AttributeError, match="did you mean 'for_embed'"):
        _ = dispatcher.for_embedd
    with pytest.raises(AttributeError, match="no attribute 'fetch'"):
        _ = dispatcher.fetch


def test_reprs(models):
    """Reprs name roles and models."""
    groups = "RoleGroup(chatcompletions: a, b), RoleGroup(postcompletions: b)"
    assert repr(ModelDispatcher(models)) == f"ModelDispatcher({groups})"
    assert repr(ModelDispatcher([])).count("RoleGroup(") == 2


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))]
)
def test_copies(models, copied):
    """A dispatcher and its groups survive copying and pickling."""
    dispatcher = ModelDispatcher(models)
    assert copied(dispatcher).groups == dispatcher.groups
    group = copied(dispatcher.for_postcompletions)
    assert (group.role, group.config) == ("postcompletions", dispatcher.for_postcompletions.config)
    assert group.morph(complete) == {"model": "o3"}


def test_kwargs():
    """A role's callable determines the keyword arguments, by number or by name."""

    def embed(model, input=None, dimensions=None): ...

    models = [
        {"name": "a", "model": "m", "temperature": 0, "roles": "embed"},
        {"name": "b", "model": "n", "dimensions": 9, "roles": "embed"},
    ]
    roles = [Role("embed", calls=embed), Role("x", calls="no.where")]
    group = ModelDispatcher(models, roles=roles).for_role("embed")
    assert group.kwargs() == {"model": "m"}
    for which in (1, -1, "b"):
        assert group.kwargs(which) == {"model": "n", "dimensions": 9}
    with pytest.raises(RoleError, match="is named 'c'; known: a, b"):
        group.kwargs("c")
    with pytest.raises(RoleError, match="has 2 models, and no model 2"):
        group.kwargs(2)
    absent = ModelDispatcher([{"model": "m", "roles": "x"}], roles=roles).for_role("x")
    with pytest.raises(RoleError, match=r"calls 'no\.where': ModuleNotFoundError"):
        absent.kwargs()


def test_messages(monkeypatch):
    """The system prompt of the model comes first, resolved."""
    monkeypatch.setenv("PROMPT", "Be terse.")
    models = [{"model": "m", "system_prompt": "os.environ/PROMPT"}, {"name": "b", "model": "n"}]
    group = ModelDispatcher(models).for_chatcompletions
    system = {"role": "system", "content": "Be terse."}
    assert group.messages("hi") == group.messages([USER]) == [system, USER]
    assert group.messages("hi", model="b") == [USER]


def test_items(models):
    """A group is indexed by number and by name."""
    group = ModelDispatcher(models).for_chatcompletions
    assert group[1] is group["b"] is group.models[1]
    with pytest.raises(RoleError, match="did you mean 'b'"):
        group["bb"]
