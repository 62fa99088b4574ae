"""The settings of LiteLLM's Router: names, types, and those read from the proxy's."""

from __future__ import annotations

import datetime
import inspect
import re
import typing
import warnings

import pytest
from litellm.router import Router

from dispatch.errors import ConfigError, UnsetVariableError
from dispatch.immutable import Origin, freeze, with_origin
from dispatch.litellm.settings import (
    SETTINGS,
    find_settings_faults,
    router_settings,
)
from tests.helpers import places, python

ROUTER = SETTINGS["router_settings"]
PARAMETERS = {
    name: parameter.annotation
    for name, parameter in inspect.signature(Router.__init__).parameters.items()
    if name not in ("self", "model_list")
}


def test_names():
    """A name that the installed Router has and the shipped list lacks is reported, no failure."""
    for name in sorted(PARAMETERS.keys() - ROUTER.keys()):
        warnings.warn(f"LiteLLM's Router has a setting {name}: add it", stacklevel=1)


@pytest.mark.parametrize("name", [name for name, (_, *choices) in ROUTER.items() if choices])
def test_choices(name):
    """The values that the installed Router takes are known."""
    assert set(typing.get_args(PARAMETERS[name])) <= set(ROUTER[name][1:])


WORDS = {
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "string": "str|Literal",
    "array": "list|Sequence",
    "object": "dict|litellm|Policy",
    "any": "litellm",
}


@pytest.mark.parametrize("name", sorted(ROUTER.keys() & PARAMETERS))
def test_kinds(name):
    """The type of a setting agrees with the annotation in the installed Router."""
    words = "|".join(WORDS[kind] for kind in ROUTER[name][0].split("|"))
    assert re.search(words, str(PARAMETERS[name]))


@pytest.mark.parametrize(
    "settings",
    [
        None,
        {},
        {"num_retries": 2, "timeout": 30, "cooldown_time": 1.5, "cache_responses": False},
        {"timeout": None, "redis_port": "os.environ/REDIS_PORT", "redis_password": "os.environ/P"},
        {"redis_port": " 6379 "},
        {"routing_strategy": "least-busy", "debug_level": "os.environ/LEVEL"},
        {"retry_policy": {"TimeoutErrorRetries": 2}, "fallbacks": [{"a": ["b"]}]},
        {"retry_policy": object(), "plugins": [object()]},
        {"enable_pre_call_checks": True, "optional_pre_call_checks": ["prompt_caching"]},
    ],
)
def test_right_settings(settings):
    """What LiteLLM takes has no fault, written in Python or in a file."""
    assert not list(find_settings_faults(settings))
    assert not list(find_settings_faults(freeze(settings)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ([1], "router_settings: expected a mapping, found a list"),
        ({1: 2}, "router_settings: expected a name, found a number as a key"),
        ({"num_retries": "2"}, "a whole number, found a string; remove the quotes: write 2"),
        ({"num_retries": 1.5}, "expected a whole number, found a number"),
        ({"cooldown_time": "1.5 sec"}, "expected a number, found a string; write 1.5"),
        ({"cache_responses": "on"}, "expected true or false, found a string"),
        ({"redis_host": 5}, "expected a string, found a number"),
        ({"redis_port": "abc"}, "expected a whole number, found a string; write a whole number"),
        ({"routing_strategy": "zzz"}, "unknown value 'zzz'; known: simple-shuffle, "),
        ({"retry_policy": [1]}, "expected a mapping, found a list"),
        ({"fallbacks": "a"}, "router_settings.fallbacks: expected a list, found a string"),
        ({"fallbacks": datetime.date(2026, 1, 2)}, "expected a list, found a date"),
        ({"fallbacks": b"x"}, "expected a list, found binary data"),
    ],
)
def test_wrong_settings(settings, message):
    """A wrong value is an error that says what is expected."""
    (fault,) = find_settings_faults(settings)
    assert message in str(fault)
    assert fault.severity == "error"


def test_litellm_settings():
    """Proxy settings are checked if the Router reads them; others are not."""
    settings = {"num_retries": "two", "request_timeout": "9", "drop_params": "yes", "mine": 1}
    found = places(find_settings_faults(settings, "litellm_settings"))
    assert found == ["litellm_settings.num_retries", "litellm_settings.request_timeout"]
    assert not list(find_settings_faults([{"credential_name": "a"}], "credential_list"))


def test_unknown_name_offline():
    """Without LiteLLM, an unknown name is a warning: another release may know it."""
    find = "from dispatch.litellm.settings import find_settings_faults as find"
    done = python(f"{find}\n(fault,) = find({{'num_retrys': 2}})\nprint(fault.severity, fault)")
    unknown = "warning router_settings.num_retrys: unknown setting 'num_retrys'"
    assert done.stdout == f"{unknown}; did you mean 'num_retries'?\n"


def test_as_the_proxy():
    """`litellm_settings` fill in missing Router settings, and given ones override both."""
    fallbacks = [{"a": ["b"]}]
    router = {"num_retries": 0, "fallbacks": [], "cooldown_time": 1}
    general = {"num_retries": 5, "fallbacks": fallbacks, "request_timeout": 9, "drop_params": True}
    sections = {"router_settings": router, "litellm_settings": general}
    expected = {"num_retries": 0, "fallbacks": fallbacks, "cooldown_time": 1, "timeout": 9}
    assert router_settings(freeze(sections)) == expected
    given = {"fallbacks": [{"c": ["d"]}], "timeout": 1}
    assert router_settings(sections, given) == expected | given


def test_references(monkeypatch):
    """References become what the setting takes; a fault names the section that it is in."""
    monkeypatch.setenv("PORT", "6380")
    monkeypatch.setenv("SECONDS", "2.5")
    monkeypatch.delenv("ABSENT", raising=False)
    sections = {
        "router_settings": {"redis_port": "os.environ/PORT"},
        "litellm_settings": {"request_timeout": "os.environ/SECONDS"},
    }
    assert router_settings(sections) == {"redis_port": 6380, "timeout": 2.5}
    sections["litellm_settings"] = {"request_timeout": "os.environ/ABSENT"}
    placed = with_origin(freeze(sections), Origin(()))
    with pytest.raises(UnsetVariableError, match=r"^litellm_settings\.request_timeout: ABSENT"):
        router_settings(placed)
    assert router_settings(placed, {"timeout": 1})["timeout"] == 1
    monkeypatch.setenv("PORT", "many")
    with pytest.raises(ConfigError, match=r"^router_settings\.redis_port: "):
        router_settings(with_origin(freeze(sections), Origin(())), {"timeout": 1})
