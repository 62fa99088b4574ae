"""References to the environment: strings in configurations, values in calls."""

from __future__ import annotations

from collections import namedtuple

import litellm
import pytest
import yaml
from pyrsistent import pset

from dispatch import ConfigMorpher, ModelDispatcher, freeze
from dispatch.config.environment import (
    find_unresolvable,
    foreign_reference,
    references,
    refers,
    resolve,
)
from dispatch.errors import ConfigError, UnsetVariableError
from tests.helpers import places, raised

MODELS = yaml.safe_load("""
- {name: first, model: gpt-4o, api_key: os.environ/FIRST_KEY}
- name: second
  model: gpt-4o
  extra_headers: {X-Keys: [os.environ/SECOND_KEY, plain]}
  extra_body: {a: [{b: {c: os.environ/SECOND_KEY}}]}
  roles: [chatcompletions, {postcompletions: review}]
""")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv("FIRST_KEY", raising=False)
    monkeypatch.setenv("SECOND_KEY", "sk-second")


@pytest.fixture
def chat():
    return ModelDispatcher(MODELS).for_chatcompletions


def test_any_depth(chat, monkeypatch):
    """A reference is resolved at any depth, each time keyword arguments are built."""
    for value in ("sk-second", "sk-rotated"):
        monkeypatch.setenv("SECOND_KEY", value)
        kwargs = chat.morph(litellm.completion, "models[1]")
        assert kwargs["extra_headers"] == {"X-Keys": [value, "plain"]}
        assert kwargs["extra_body"] == {"a": [{"b": {"c": value}}]}


def test_elsewhere(chat):
    """Elsewhere it stays a reference; a key pasted after os.environ/ is not one, and hidden."""
    assert chat.fetch("models[0].api_key") == "os.environ/FIRST_KEY"
    assert chat.config["models"][1]["extra_body"]["a"][0]["b"]["c"] == "os.environ/SECOND_KEY"
    assert "os.environ/FIRST_KEY" in repr(chat.models[0])
    assert "sk-second" not in repr(chat.models[1])
    assert "sk-proj" not in repr(ConfigMorpher({"api_key": "os.environ/sk-proj-1"}))


@pytest.mark.parametrize(("value", "problem"), [(None, "not set"), ("", "empty"), ("  ", "empty")])
def test_unset(chat, monkeypatch, value, problem):
    """An unset or empty variable is an error for the model that refers to it, and no other."""
    if value is not None:
        monkeypatch.setenv("FIRST_KEY", value)
    assert chat.morph(litellm.completion, "models[1]")["model"] == "gpt-4o"
    error = raised(UnsetVariableError, chat.morph, litellm.completion, "models[0]")
    assert error.variable == "FIRST_KEY"
    assert isinstance(error, LookupError)
    assert str(error) == (f"models[0].api_key: FIRST_KEY is {problem}; set it: export FIRST_KEY=…")


def test_all_faults_at_once(monkeypatch):
    """Every fault of a model is reported; only if all are unset variables, the error says so."""
    monkeypatch.delenv("THIRD", raising=False)
    unset = {"a": "os.environ/FIRST_KEY", "b": ["os.environ/THIRD"]}
    assert places(raised(UnsetVariableError, resolve, unset).faults) == ["a", "b[0]"]
    mixed = unset | {"api_key": "$THIRD"}
    error = raised(ConfigError, resolve, mixed)
    assert (type(error), len(error.faults)) == (ConfigError, 3)
    found = list(find_unresolvable(freeze(mixed)))
    assert [fault.severity for fault in found] == ["warning", "warning", "error"]


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("${FIRST_KEY:-sk-proj-1}", "write os.environ/FIRST_KEY"),
        ("Bearer ${FIRST_KEY:-sk-proj-1}", "put the whole value into a variable"),
        ("Bearer ${FIRST_KEY}", "put the whole value into a variable"),
        ("Bearer os.environ/FIRST_KEY", "put the whole value into a variable"),
        ("os.environ/sk-proj-1", "write os.environ/NAME"),
        ("os.environ/", "write os.environ/NAME"),
        ("os.environ/FIRST KEY", "write os.environ/FIRST_KEY"),
    ],
)
def test_misuse(value, hint):
    """Text that looks like a reference but would be sent unchanged is an error."""
    config = ConfigMorpher({"models": [{"model": "m", "headers": {"Authorization": value}}]})
    message = str(raised(ConfigError, config.morph, litellm.completion, "models[0]"))
    assert message.startswith("models[0].headers.Authorization: ")
    assert hint in message
    assert "sk-proj" not in message


FOREIGN = """
    $X ${X} ${X:-d} ${env:X} ${oc.env:X} env:X {env:X} env/X %X% ${{secrets.X}} {{X}} {{env.X}}
    os.getenv('X') os.environ['X'] os.environ.get("X") os.environ.X process.env.X
"""
SPACED = ["${{ secrets.X }}", "{{ env.X }}", "os.getenv('X', 'd')"]
PASSWORDS = ["sk-1", "$ecret", "pa$$word", "env", "{}", "100%", "os.environ/X"]


@pytest.mark.parametrize("value", [*FOREIGN.split(), *SPACED])
def test_foreign_reference(value):
    """Other tools' references are rejected as a whole secret, with the right form."""
    assert foreign_reference(value) == "X"
    with pytest.raises(ConfigError, match=r"is not expanded; write os.environ/X$"):
        resolve({"api_key": value})
    with pytest.raises(ConfigError, match=r"is not expanded; write os.environ/X$"):
        resolve({"api_base": value}, types={"api_base": "string"})
    assert refers(value, "api_key")


@pytest.mark.parametrize("value", PASSWORDS)
def test_no_foreign_reference(value):
    """A password may contain the characters of references."""
    assert foreign_reference(value) is None


@pytest.mark.parametrize(
    "text", ["explain ${HOME} and os.environ/PATH", "$PATH", "env:PATH", "${A:-b}"]
)
def test_strings_about_variables(text):
    """A string that is not a secret may mention variables."""
    assert resolve({"extra_body": {"prompt": text}}) == {"extra_body": {"prompt": text}}
    assert not refers(text, "prompt")


# fmt: off
TYPES = [
    ("temperature", "0.2", 0.2), ("temperature", "1", 1), ("timeout", "1e1", 10.0),
    ("max_tokens", "100", 100), ("rpm", "60", 60), ("weight", "9", 9), ("order", "2", 2),
    ("stream", "true", True), ("drop_params", "0", False), ("user", "7", "7"),
    ("model", "gpt-4o", "gpt-4o"),
]
WRONG = [
    ("temperature", "hot-canary", "is not a number"), ("temperature", "nan", "is not a number"),
    ("temperature", "true", "is not a number"), ("timeout", "10s-canary", "is not a number"),
    ("max_tokens", "1.5", "is not a whole number"), ("max_tokens", "null", "is not a whole number"),
    ("stream", "canary", "is not true or false"), ("stream", "2", "is not true or false"),
    ("user", "canary\n", "ends in a line break; set it without the line break"),
    ("api_key", "canary\nother", "contains a line break; set it on one line"),
    ("user", " canary", "has spaces around it; set it without the spaces"),
    ("user", "'canary'", "is wrapped in quotes; set it without the quotes"),
    ("user", '"canary"', "is wrapped in quotes; set it without the quotes"),
]
# fmt: on


@pytest.mark.parametrize(("key", "text", "value"), TYPES)
def test_types(key, text, value, monkeypatch):
    """A variable becomes a number or a boolean if its key requires it."""
    monkeypatch.setenv("VALUE", text)

    def call(weight=None, order=None, **kwargs): ...

    group = ModelDispatcher([{"model": "m"} | {key: "os.environ/VALUE"}]).for_chatcompletions
    resolved = group.morph(call)[key]
    assert (type(resolved), resolved) == (type(value), value)


@pytest.mark.parametrize(("key", "text", "problem"), WRONG)
def test_wrong_values(key, text, problem, monkeypatch):
    """A variable with an unusable value is an error, which never shows the value."""
    monkeypatch.setenv("VALUE", text)
    group = ModelDispatcher([{"model": "m", key: "os.environ/VALUE"}]).for_chatcompletions
    error = raised(ConfigError, group.morph, litellm.completion)
    assert str(error) == f"models[0].{key}: the value of VALUE {problem}"


def test_containers():
    """Containers keep their kind."""
    Pair = namedtuple("Pair", "a b")
    key, value = "os.environ/SECOND_KEY", "sk-second"
    assert resolve(Pair(key, 1)) == Pair(value, 1)
    assert resolve((key, 1)) == (value, 1)
    assert resolve({"a": pset([key])}) == {"a": {value}}
    assert resolve(freeze([key])) == [value]


def test_unusual(monkeypatch):
    """A value of multiple lines may end in a line break; names beyond ASCII are names."""
    monkeypatch.setenv("SCHLÜSSEL", "-----BEGIN\nx\n")
    assert resolve({"api_key": "os.environ/SCHLÜSSEL"}) == {"api_key": "-----BEGIN\nx\n"}


def test_references():
    """`references` yields every location."""
    assert list(references(MODELS)) == [
        ((0, "api_key"), "FIRST_KEY"),
        ((1, "extra_headers", "X-Keys", 0), "SECOND_KEY"),
        ((1, "extra_body", "a", 0, "b", "c"), "SECOND_KEY"),
    ]
