"""Roles: the forms that are accepted, and the faults of others."""

from __future__ import annotations

from enum import Enum

import pytest

from dispatch import Contract, ModelDispatcher, Role, dispatch
from dispatch.errors import ConfigError, RoleError
from dispatch.roles import DEFAULT_CONTRACT, read_roles
from tests.helpers import places, raised

CHAT, POST = "chatcompletions", "postcompletions"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ([CHAT], [(CHAT, None)]),
        (CHAT, [(CHAT, None)]),
        ([{POST: "review"}], [(POST, "review")]),
        ({POST: "review"}, [(POST, "review")]),
        ({CHAT: None, POST: "review"}, [(CHAT, None), (POST, "review")]),
        ((CHAT, {POST: "a"}, {POST: "b"}), [(CHAT, None), (POST, "a"), (POST, "b")]),
        ([CHAT, CHAT], [(CHAT, None), (CHAT, None)]),
        ({POST: {"task": "review"}}, [(POST, "review")]),
        ({POST: {"temperature": 0}}, [(POST, None)]),
        (None, [(CHAT, None)]),
        ([], [(CHAT, None)]),
        ({}, [(CHAT, None)]),
    ],
)
def test_forms(written, read):
    """Every form of `roles` reads as the same pairs of role and task."""
    entries, faults = read_roles(written, DEFAULT_CONTRACT)
    assert faults == []
    assert [(entry.role, entry.task) for entry in entries] == read


@pytest.mark.parametrize(
    ("written", "where", "words"),
    [
        ("chatcompletion", "roles", "did you mean 'chatcompletions'?"),
        (["x"], "roles[0]", "known: chatcompletions, postcompletions"),
        ([7], "roles[0]", "expected a role, found a number"),
        ([True], "roles[0]", "YAML 1.1 reads on, off, yes and no as booleans"),
        ([None], "roles[0]", "expected a role, found nothing"),
        ([""], "roles[0]", "name the role, or remove the entry"),
        ([[CHAT]], "roles[0]", "found a list"),
        ([{}], "roles[0]", "found an empty mapping"),
        (False, "roles", "expected a role, found the boolean False"),
        ([{POST: 7}], "roles[0]", "must be a string, found a number; quote it"),
        ([{POST: ["a"]}], "roles[0]", "must be a string, found a list"),
        ([{CHAT: None, "x": "y"}], "roles[0].x", "role 'x' is not declared"),
        ("postcompletions: review", "roles", "as a mapping: postcompletions: 'review'"),
        ("chatcompletions, postcompletions", "roles", "write a list: roles: [chat"),
        ([{POST: {"task": "a", "roles": []}}], "roles[0].postcompletions", "parameters by name"),
        ([{POST: {"task": "a", 1: 2}}], "roles[0].postcompletions", "parameters by name"),
        (["api_key: sk-canary"], "roles[0]", "'api_key: ***' is not declared"),
    ],
)
def test_wrong_entries(written, where, words):
    """An invalid entry is reported at its location, with a hint, and no secret."""
    _, (fault,) = read_roles(written, DEFAULT_CONTRACT)
    assert (fault.where, words in str(fault)) == (where, True)


def test_all_wrong_entries():
    """One wrong entry hides neither the others nor the valid ones."""
    entries, faults = read_roles([CHAT, 7, {POST: "a"}, "x"], DEFAULT_CONTRACT)
    assert [entry.role for entry in entries] == [CHAT, POST]
    assert places(faults) == ["roles[1]", "roles[3]"]


CONTRACT = Contract([Role(CHAT, True, False, "none"), Role("post", task="required")])


@pytest.mark.parametrize(
    ("written", "where", "words"),
    [
        ([{"roles": ["post"]}], "models[0].roles[0]", "'post' needs a task"),
        ([{"roles": {"post": None}}], "models[0].roles", "'post' needs a task"),
        ([{"roles": {"post": "  "}}], "models[0].roles", "'post' needs a task"),
        ([{"roles": {CHAT: "talk"}}], "models[0].roles", "takes no task"),
        ([{"roles": {"post": "x"}}], "models", "no model plays role 'chatcompletions'"),
        ([{}, {}], "models[1].roles", "'chatcompletions' takes one model, not 2"),
    ],
)
def test_contract(written, where, words):
    """The rules of a role are checked when models are dispatched."""
    models = [{"model": "m", **model} for model in written]
    fault = raised(ConfigError, dispatch, models, contract=CONTRACT).faults[0]
    assert (fault.where, words in str(fault)) == (where, True)


def test_single_model_twice():
    """One model may play a role twice where the role takes one model."""
    contract = Contract([Role("post", multiple=False)])
    groups = dispatch([{"model": "m", "roles": [{"post": "a"}, {"post": "b"}]}], contract=contract)
    assert len(groups["post"]) == 2


def test_unplayed_role():
    """A required role that no model plays is reported next to an undeclared one."""
    models = [{"model": "m", "roles": ["pots"]}]
    error = raised(ConfigError, dispatch, models, contract=CONTRACT)
    assert [fault.code for fault in error.faults] == ["undeclared-role", "unplayed-role"]


def test_enum_member():
    """A member of an Enum of strings becomes the string that it is."""

    class Named(str, Enum):  # noqa: UP042  # StrEnum prints its value already
        CHAT = "chatcompletions"

    groups = dispatch([{"model": "m", "roles": [Named.CHAT]}], contract=Contract([Named.CHAT]))
    (copy,) = groups[CHAT]
    assert {type(role) for role in (*groups, *copy["roles"])} == {str}


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ([Role("a", task="requird")], "task: expected optional, required or none"),
        ([Role("a", required="yes")], "role 'a': required: expected true or false, found a string"),
        ([Role("a", needs=3)], "needs: expected a mapping"),
        ([Role("a", otherwise=5)], "otherwise: expected the name of a role"),
        ([Role("a", calls=5)], "calls: expected a callable"),
        ([Role("a", variables="topic")], "variables: expected a list of names"),
        ([Role("a", max_cost=-1)], "max_cost: expected a number of dollars"),
        ([Role("a", max_cost=True)], "max_cost: expected a number of dollars"),
        (["a", "a"], "declared twice"),
        ([""], "a role needs a name"),
        ([" "], "a role needs a name"),
        ([Role("a", otherwise="b")], "'b', which is not declared"),
        ([Role("a", otherwise="a")], "in a circle: a → a"),
        ([Role("a", otherwise="b"), Role("b", otherwise="a")], "in a circle: a → b → a"),
    ],
)
def test_invalid_contract(roles, words):
    """A contradictory contract is rejected when it is created."""
    with pytest.raises(ValueError, match=words):
        Contract(roles)


def test_contracts_are_values():
    """Equal contracts are equal, and hash alike, by roles and own keys; one name is one role."""
    one, other = (Contract([Role("a", needs={"mode": "chat"})], ["tags"]) for _ in range(2))
    assert one == other
    assert len({one, other, Contract(["a"]), Contract([Role("a")], ["price"])}) == 3
    assert list(Contract("embed")) == ["embed"]


def test_borrowed_models():
    """A role that no model plays borrows the models of another, through a chain."""
    roles = [CHAT, Role("title", otherwise="summary"), Role("summary", otherwise=CHAT)]
    dispatcher = ModelDispatcher([{"name": "a", "model": "m", "temperature": 0}], roles=roles)
    title = dispatcher.for_role("title")
    assert (len(title), title.borrowed_from, title.tasks) == (1, CHAT, (None,))
    assert dispatcher.for_chatcompletions.borrowed_from is None
    assert [model["name"] for model in dispatcher] == ["a"]


def test_required_role_may_borrow():
    """A required role is satisfied by the models that it borrows."""
    roles = [CHAT, Role("title", required=True, otherwise=CHAT)]
    assert len(ModelDispatcher([{"model": "m"}], roles=roles).for_role("title")) == 1
    with pytest.raises(ConfigError, match="no model plays role 'title'"):
        ModelDispatcher([], roles=roles)


VARIABLES = [CHAT, Role("title", variables=("topic", "style"))]


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("about {topik}", "no variable 'topik'; did you mean 'topic'?"),
        ("about {topic.__class__}", "no variable"),
        ("about {0}", "no variable '0'"),
        ("about {topic", "braces of this task do not match"),
    ],
)
def test_wrong_variables(task, words):
    """A variable that the program does not fill in is a fault at the task."""
    models = [{"model": "m", "roles": {"title": task}}]
    (fault,) = raised(ConfigError, ModelDispatcher, models, roles=VARIABLES).faults
    assert (fault.path, words in str(fault)) == (("models", 0, "roles"), True)


def test_fill_in_variables():
    """A task is filled in by name; a missing or unknown value is an error."""
    roles = {"title": "{topic}, {{literally}}", CHAT: "write {json"}
    dispatcher = ModelDispatcher([{"model": "m", "roles": roles}], roles=VARIABLES)
    group = dispatcher.for_role("title")
    assert group.task(topic="tea") == "tea, {literally}"
    with pytest.raises(RoleError, match="needs topic"):
        group.task(style="plain")
    with pytest.raises(RoleError, match="no variable 'topik'; did you mean 'topic'"):
        group.task(topik="tea")
    assert dispatcher.for_chatcompletions.task() == "write {json"  # without variables
