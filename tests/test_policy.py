"""Which keys look wrong: slips are told, what a provider may take is passed on in silence."""

from __future__ import annotations

import datetime
import subprocess
import sys
import warnings

import litellm
import pytest

from dispatch import ConfigMorpher, ModelDispatcher, dispatch
from dispatch.check import check
from dispatch.errors import ConfigError, SuspiciousKeyWarning
from dispatch.llm.deployments import model_list
from dispatch.llm.keys import find_misspelt, known_keys, live_keys

LIVE = frozenset().union(*live_keys())

SLIPS = {
    "temprature": "temperature",
    "max_token": "max_tokens",
    "apikey": "api_key",
    "apiKey": "api_key",
    "api-key": "api_key",
    "baseURL": "base_url",
    "api_bases": "api_base",
    "topP": "top_p",
    "steam": "stream",
    "frequency_penality": "frequency_penalty",
    "num_retry": None,  # too far from num_retries to be sure of
    "extra_header": "extra_headers",
    "system_promt": "system_prompt",
    "role": "roles",
    "rolse": "roles",
    "rolez": "roles",
    "rules": "roles",
    "nmae": None,
    "aws_region_nane": "aws_region_name",
    "vertex_projects": "vertex_project",
    "safety_setings": "safety_settings",
    "tempratüre": "temperature",
}

# Keys of providers that LiteLLM's own lists lack, in the spelling of each provider's pages.
PASSED = """
    top_k num_ctx extra_body safety_settings keep_alive mock_tool_calls min_p repetition_penalty
    guided_json chat_template_kwargs stop_sequences mcp_servers guardrailConfig performanceConfig
    generationConfig thinkingConfig num_predict repeat_penalty mirostat top_a transforms provider
    top_n typical_p x_internal_flag weird-flag zzz größe
"""


def complete(model, messages=(), **kwargs):
    """Stands for a program's own function."""


def test_the_shipped_list_holds_all_that_the_installed_litellm_lists():
    """When this fails, add the names that it tells to `dispatch/llm/known.py`."""
    internal = {"self", "kwargs"}
    missing = {key for key in LIVE if not key.startswith("_")} - internal - known_keys()
    assert not missing, f"add to LITELLM: {' '.join(sorted(missing))}"


def test_what_is_listed_for_providers_is_not_in_litellms_lists_anyhow():
    from dispatch.llm import known

    assert not set(known.PROVIDERS.split()) & set(known.LITELLM.split())


@pytest.mark.parametrize(("slip", "meant"), SLIPS.items())
def test_a_slip_is_passed_on_with_a_warning_that_names_the_place_and_the_right_key(slip, meant):
    config = ConfigMorpher({"models": [{"model": "gpt-4o", slip: "1"}]})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert config.morph(complete, "models[0]")[slip] == "1"
    told = [str(each.message) for each in caught]
    expected = f"models[0].{slip}: nobody knows this key; did you mean '{meant}'?"
    assert told == ([expected] if meant else [])


@pytest.mark.parametrize("key", PASSED.split())
@pytest.mark.parametrize("target", [complete, litellm.completion, litellm.acompletion])
def test_a_providers_own_key_is_passed_on_in_silence(key, target):
    config = ConfigMorpher({"model": "gpt-4o", key: 1})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert config.morph(target, strict=True)[key] == 1


def test_no_key_that_litellm_lists_is_ever_suspicious():
    internal = {key for key in LIVE if key.startswith("_")} | {"self", "kwargs"}
    assert list(find_misspelt(LIVE - internal, {"model"})) == []
    assert list(find_misspelt(internal, {"model"}, live=True)) == []


def test_the_warning_points_at_the_line_that_morphed_and_holds_the_fault():
    with pytest.warns(SuspiciousKeyWarning) as caught:
        ModelDispatcher([{"model": "m", "temprature": 0}]).for_chatcompletions.morph(
            complete, start_from="models[0]"
        )
    assert caught[0].filename == __file__
    assert caught[0].message.args[0].path == ("models[0]", "temprature")


def test_strict_makes_all_slips_one_error():
    config = ConfigMorpher({"models": [{"model": "m", "temprature": 0, "apikey": "sk-1"}]})
    with pytest.raises(ConfigError) as caught:
        config.morph(complete, "models[0]", strict=True)
    assert [fault.path[-1] for fault in caught.value.faults] == ["temprature", "apikey"]
    assert {fault.severity for fault in caught.value.faults} == {"error"}


def test_being_strict_once_does_not_make_the_next_call_strict():
    config = ConfigMorpher({"model": "m", "temprature": 0})
    with pytest.raises(ConfigError):
        config.morph(complete, strict=True)
    with pytest.warns(SuspiciousKeyWarning):
        assert config.morph(complete) == {"model": "m", "temprature": 0}


def test_a_node_and_a_callable_are_looked_at_once():
    config = ConfigMorpher({"model": "m", "temprature": 0})
    with pytest.warns(SuspiciousKeyWarning):
        config.morph(complete)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config.morph(complete)


def test_a_key_that_one_of_several_callables_names_is_no_slip():
    def second(temprature=None): ...

    config = ConfigMorpher({"model": "m", "temprature": 0})
    assert config.morph([complete, second], strict=True)[1] == {"temprature": 0}


def test_what_is_no_model_is_compared_with_the_signature_alone():
    def build_tool(label, **options): ...

    config = ConfigMorpher({"tool": {"tag": 1, "usr": 2}, "slip": {"labell": "x"}})
    assert config.morph(build_tool, "tool", strict=True) == {"tag": 1, "usr": 2}
    with pytest.raises(ConfigError, match="did you mean 'label'"):
        config.morph(build_tool, "slip", strict=True)


def test_a_slip_that_a_callable_without_kwargs_would_lose_is_told_too():
    def call(model, temperature=1): ...

    with pytest.warns(SuspiciousKeyWarning, match="did you mean 'temperature'"):
        ConfigMorpher({"model": "m", "temprature": 0}).morph(call)


def test_knowing_the_keys_imports_no_litellm():
    code = """
import sys, warnings
from dispatch import ConfigMorpher
warnings.simplefilter("ignore")
def litellm_like(model, **kwargs): ...
litellm_like.__module__ = "litellm.main"
ConfigMorpher({"model": "m", "temprature": 0, "api_base": "http://h"}).morph(litellm_like)
assert "litellm" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("api_key", 83, "a number"),
        ("api_base", 5, "a number"),
        ("api_version", datetime.date(2024, 10, 21), "a date"),
        ("custom_llm_provider", True, "the boolean True"),
        ("x-api-key", 1.5, "a number"),
    ],
)
def test_what_must_be_a_text_is_refused_before_it_is_sent(key, value, found):
    """`api_key: 0123` is 83 in YAML: `check` says so, and a call and a Router refuse it too."""
    model = {"model": "gpt-4o", key: value}
    expected = f"{key}: expected a text, found {found}; quote it"
    (fault,) = check(ConfigMorpher({"models": [model]})).faults
    assert str(fault) == f"models[0].{expected}"
    with pytest.raises(ConfigError, match="expected a text") as caught:
        ModelDispatcher([model]).for_chatcompletions.morph(complete, start_from="models[0]")
    assert str(caught.value) == f"models[0].{expected}"
    with pytest.raises(ConfigError, match="expected a text"):
        model_list(dispatch([model]))


def test_numbers_elsewhere_are_numbers():
    model = {"model": "gpt-4o", "temperature": 0, "max_tokens": 5, "metadata": {"api_key": 1}}
    assert ModelDispatcher([model]).for_chatcompletions.morph(complete, "models[0]") == model
