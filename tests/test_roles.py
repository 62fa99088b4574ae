"""Roles: how they may be written, and what is told of those that may not."""

from __future__ import annotations

from enum import Enum

import pytest
from pyrsistent import pvector

from dispatch import Contract, ModelRoleType, Role, dispatch
from dispatch.errors import ConfigError
from dispatch.roles import DEFAULT_CONTRACT, read_roles


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["chatcompletions"], [("chatcompletions", None)]),
        ("chatcompletions", [("chatcompletions", None)]),
        ([{"postcompletions": "review"}], [("postcompletions", "review")]),
        ({"postcompletions": "review"}, [("postcompletions", "review")]),
        ([{"postcompletions": None}], [("postcompletions", None)]),
        (None, [("chatcompletions", None)]),
        ([], [("chatcompletions", None)]),
        ({}, [("chatcompletions", None)]),
        (("chatcompletions",), [("chatcompletions", None)]),
        (pvector(["chatcompletions"]), [("chatcompletions", None)]),
        (
            [{"postcompletions": "b", "chatcompletions": "a"}],
            [("postcompletions", "b"), ("chatcompletions", "a")],
        ),
        (
            [{"postcompletions": "one"}, {"postcompletions": "two"}],
            [("postcompletions", "one"), ("postcompletions", "two")],
        ),
        (["chatcompletions", "chatcompletions"], [("chatcompletions", None)] * 2),
    ],
)
def test_each_way_to_write_roles_becomes_assignments_in_the_order_written(written, read):
    entries, faults = read_roles(written, DEFAULT_CONTRACT)
    assert [pair for entry in entries for pair in entry.items()] == read
    assert faults == []


@pytest.mark.parametrize(
    ("written", "place", "words"),
    [
        (7, "roles", "expected a role, found a number"),
        (True, "roles", "on, off, yes and no"),
        ([7], "roles[0]", "expected a role, found a number"),
        (["chatcompletions", True], "roles[1]", "found the boolean True"),
        ([""], "roles[0]", "found an empty text"),
        (["  "], "roles[0]", "found an empty text"),
        ("", "roles", "found an empty text"),
        ([None], "roles[0]", "found nothing"),
        ([{}], "roles[0]", "found an empty mapping"),
        ([["chatcompletions"]], "roles[0]", "found a list"),
        ([{"postcompletions": 7}], "roles[0]", "must be a text, found a number"),
        ([{"postcompletions": ["review"]}], "roles[0]", "must be a text, found a list"),
        ([{True: "review"}], "roles[0]", "found the boolean True"),
        (["chatcompletion"], "roles[0]", "did you mean 'chatcompletions'?"),
        (["ChatCompletions"], "roles[0]", "did you mean 'chatcompletions'?"),
        (["review"], "roles[0]", "known: chatcompletions, postcompletions"),
        (["postcompletions: review it"], "roles[0]", "postcompletions: 'review it'"),
        ("postcompletions: review it", "roles", "a mapping, not one string"),
        ([{"postcompletions": "a", "embed": "b"}], "roles[0].embed", "is not declared"),
    ],
)
def test_what_is_no_role_is_told_with_its_place_and_the_way_to_mend_it(written, place, words):
    _, faults = read_roles(written, DEFAULT_CONTRACT)
    (fault,) = faults
    assert fault.place == place
    assert words in str(fault)


def test_good_entries_beside_a_bad_one_are_all_read():
    entries, faults = read_roles(["chatcompletions", 7, "postcompletions"], DEFAULT_CONTRACT)
    assert len(entries) == 2
    assert [fault.place for fault in faults] == ["roles[1]"]


def test_the_role_names_are_constants_of_the_class_and_of_an_instance():
    assert ModelRoleType.chatcompletions == ModelRoleType().chatcompletions == "chatcompletions"
    assert ModelRoleType.postcompletions == ModelRoleType().postcompletions == "postcompletions"
    with pytest.raises(AttributeError):
        ModelRoleType().chatcompletions = "other"  # type: ignore[misc]  # that it raises is the test


CONTRACT = Contract(
    [
        Role("chatcompletions", required=True, several=False, task="none"),
        Role("post", task="required"),
    ]
)


@pytest.mark.parametrize(
    ("written", "place", "words"),
    [
        ([{"roles": ["post"]}], "models[0].roles[0]", "'post' needs a task"),
        ([{"roles": {"post": None}}], "models[0].roles", "'post' needs a task"),
        ([{"roles": {"post": "  "}}], "models[0].roles", "'post' needs a task"),
        ([{"roles": {"chatcompletions": "talk"}}], "models[0].roles", "takes no task"),
        ([{"roles": {"post": "x"}}], "models", "no model plays role 'chatcompletions'"),
        ([{}, {}], "models[1].roles", "'chatcompletions' takes one model, and 2 play it"),
    ],
)
def test_a_contract_is_enforced(written, place, words):
    models = [{"model": "m", **model} for model in written]
    with pytest.raises(ConfigError) as caught:
        dispatch(models, contract=CONTRACT)
    fault = caught.value.faults[0]
    assert fault.place == place
    assert words in str(fault)


def test_a_required_role_that_nobody_plays_is_told_beside_the_faults_of_models():
    with pytest.raises(ConfigError) as caught:
        dispatch([{"model": "m", "roles": ["pots"]}], contract=CONTRACT)
    assert [fault.code for fault in caught.value.faults] == ["undeclared-role", "unplayed-role"]


def test_a_role_with_its_key_in_one_string_is_told_without_the_key():
    with pytest.raises(ConfigError) as caught:
        dispatch([{"model": "m", "roles": ["api_key: sk-canary"]}])
    assert "'api_key: ***' is not declared" in str(caught.value)


def test_a_member_of_an_enum_of_texts_is_the_text_that_it_is():
    class Named(str, Enum):  # noqa: UP042  # whose `str` is not its value, as StrEnum's is
        CHAT = "chatcompletions"

    groups = dispatch([{"model": "m", "roles": [Named.CHAT]}], contract=Contract([Named.CHAT]))
    (copy,) = groups["chatcompletions"]
    assert {type(role) for role in (*groups, *copy["roles"])} == {str}


@pytest.mark.parametrize("task", ["requird", None])
def test_a_role_says_what_it_asks_of_a_task_in_known_words(task):
    with pytest.raises(ValueError, match="optional or required or none"):
        Contract([Role("a", task=task)])


@pytest.mark.parametrize("roles", [["a", "a"], [""], [" "]])
def test_a_contract_needs_distinct_names(roles):
    with pytest.raises(ValueError, match="role"):
        Contract(roles)


def test_a_contract_of_one_name_is_no_contract_of_its_letters():
    assert list(Contract("embed")) == ["embed"]
