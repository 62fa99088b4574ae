"""References to the environment: text wherever they are held, values where a call is built."""

from __future__ import annotations

from collections import namedtuple

import litellm
import pytest
from pyrsistent import pset

from dispatch import ConfigMorpher, ModelDispatcher
from dispatch.environment import references, resolve
from dispatch.errors import ConfigError, UnsetVariableError

MODELS = [
    {"name": "first", "model": "gpt-4o", "api_key": "os.environ/FIRST_KEY"},
    {
        "name": "second",
        "model": "gpt-4o",
        "extra_headers": {"X-Keys": ["os.environ/SECOND_KEY", "plain"]},
        "extra_body": {"a": [{"b": {"c": "os.environ/SECOND_KEY"}}]},
        "roles": ["chatcompletions", {"postcompletions": "review"}],
    },
]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv("FIRST_KEY", raising=False)
    monkeypatch.setenv("SECOND_KEY", "sk-second")


@pytest.fixture
def chat():
    return ModelDispatcher(MODELS).for_chatcompletions


def test_a_reference_is_resolved_at_any_depth_when_kwargs_are_built(chat):
    kwargs = chat.morph(litellm.completion, "models[1]")
    assert kwargs["extra_headers"] == {"X-Keys": ["sk-second", "plain"]}
    assert kwargs["extra_body"] == {"a": [{"b": {"c": "sk-second"}}]}


def test_everywhere_else_it_stays_a_reference(chat):
    assert chat.fetch("models[0].api_key") == "os.environ/FIRST_KEY"
    assert chat.config["models"][1]["extra_body"]["a"][0]["b"]["c"] == "os.environ/SECOND_KEY"
    assert "os.environ/FIRST_KEY" in repr(chat.models[0])
    assert "sk-second" not in repr(chat.models[1])


def test_what_the_environment_holds_is_read_at_each_call(chat, monkeypatch):
    chat.morph(litellm.completion, "models[1]")
    monkeypatch.setenv("SECOND_KEY", "sk-rotated")
    kwargs = chat.morph(litellm.completion, "models[1]")
    assert kwargs["extra_headers"]["X-Keys"][0] == "sk-rotated"


@pytest.mark.parametrize("held", [None, "", "  "])
def test_an_unset_or_empty_variable_is_an_error_for_the_model_asked_for_alone(
    chat, monkeypatch, held
):
    if held is not None:
        monkeypatch.setenv("FIRST_KEY", held)
    assert chat.morph(litellm.completion, "models[1]")["model"] == "gpt-4o"
    with pytest.raises(UnsetVariableError) as caught:
        chat.morph(litellm.completion, "models[0]")
    error = caught.value
    assert (error.variable, error.model, error.role) == ("FIRST_KEY", "first", "chatcompletions")
    assert error.where == "models[0].api_key"
    assert all(word in str(error) for word in ("FIRST_KEY", "'first'", "'chatcompletions'"))
    assert isinstance(error, LookupError)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("${FIRST_KEY}", "write os.environ/FIRST_KEY"),
        ("${FIRST_KEY:-sk-proj-1}", "write os.environ/FIRST_KEY"),
        ("$FIRST_KEY", "write os.environ/FIRST_KEY"),
        ("env:FIRST_KEY", "write os.environ/FIRST_KEY"),
        ("${env:FIRST_KEY}", "write os.environ/FIRST_KEY"),
        ("Bearer ${FIRST_KEY:-sk-proj-1}", "put the whole value into a variable"),
        ("Bearer ${FIRST_KEY}", "put the whole value into a variable"),
        ("Bearer os.environ/FIRST_KEY", "put the whole value into a variable"),
        ("os.environ/sk-proj-1", "write os.environ/NAME"),
        ("os.environ/", "write os.environ/NAME"),
        ("os.environ/FIRST KEY", "write os.environ/NAME"),
    ],
)
def test_what_would_be_sent_as_it_is_is_an_error_with_the_right_spelling(wrong, told):
    config = ConfigMorpher({"models": [{"model": "m", "headers": {"Authorization": wrong}}]})
    with pytest.raises(ConfigError) as caught:
        config.morph(litellm.completion, "models[0]")
    assert str(caught.value).startswith("models[0].headers.Authorization: ")
    assert told in str(caught.value)
    assert "sk-proj" not in str(caught.value)


def test_a_pasted_key_is_no_reference_and_is_hidden():
    assert "sk-proj" not in repr(ConfigMorpher({"api_key": "os.environ/sk-proj-1"}))


def test_a_text_that_is_no_secret_may_speak_of_variables():
    for text in ("explain ${HOME} and os.environ/PATH", "$PATH", "env:PATH", "${A:-b}"):
        assert resolve({"extra_body": {"prompt": text}}) == {"extra_body": {"prompt": text}}


def test_containers_keep_their_kind():
    Pair = namedtuple("Pair", "a b")
    assert resolve(Pair("os.environ/SECOND_KEY", 1)) == Pair("sk-second", 1)
    assert resolve(("os.environ/SECOND_KEY", 1)) == ("sk-second", 1)
    assert resolve({"a": pset(["os.environ/SECOND_KEY"])}) == {"a": {"sk-second"}}


def test_names_beyond_ascii_are_names(monkeypatch):
    monkeypatch.setenv("SCHLÜSSEL", "sk-ü")
    assert resolve({"api_key": "os.environ/SCHLÜSSEL"}) == {"api_key": "sk-ü"}


def test_references_tells_every_place():
    assert list(references(MODELS)) == [
        ((0, "api_key"), "FIRST_KEY"),
        ((1, "extra_headers", "X-Keys", 0), "SECOND_KEY"),
        ((1, "extra_body", "a", 0, "b", "c"), "SECOND_KEY"),
    ]
