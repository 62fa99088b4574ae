"""Offline knowledge about models agrees with the installed LiteLLM."""

from __future__ import annotations

import json

import litellm
import pytest
from litellm.types.utils import LlmProviders

from dispatch.litellm import catalog as module
from dispatch.litellm.catalog import Catalog, needs, read_catalog

CATALOG = read_catalog()


def test_providers():
    """The providers are those of LiteLLM, read from its files without importing it."""
    listed = {provider.value for provider in LlmProviders}
    assert listed <= CATALOG.providers
    for name in CATALOG.providers - listed:
        assert litellm.get_llm_provider(f"{name}/some-model")[1] == name


@pytest.mark.parametrize(
    "name", ["gpt-4o", "openai/gpt-4o", "gemini/gemini-2.5-flash", "groq/llama", "ft:gpt-4o:x"]
)
def test_provider_of_a_model(name):
    """A prefix or the map gives the same provider as LiteLLM."""
    assert CATALOG.provider(name) == litellm.get_llm_provider(name)[1]


@pytest.mark.parametrize(
    "name",
    ["gpt-4o", "openai/gpt-4o", "openai/responses/gpt-4o", "azure/gpt-4", "gemini/gemini-2.5-pro"],
)
def test_find(own_map, name):
    """A model is found however its provider is written."""
    assert read_catalog().find(name)["mode"] == "chat"


@pytest.mark.parametrize(
    "name",
    ["nvidia_nim/meta/llama3-70b", "fireworks_ai/accounts/mine/models/m", "ft:gpt-4o:mine::1",
     "openrouter/@preset/mine", "azure/my-deployment", "openai/*"],
)  # fmt: skip
def test_any_name(name):
    """Names that users choose are in no list, and are not faults."""
    assert CATALOG.takes_any_name(name)


PROVIDERS = """
    openai anthropic gemini groq mistral openrouter deepseek xai cohere together_ai perplexity
    cerebras deepinfra nebius novita voyage moonshot dashscope volcengine ai21 replicate wandb
"""


@pytest.mark.parametrize("provider", PROVIDERS.split())
def test_needs(monkeypatch, provider):
    """The variables that a provider needs are those that LiteLLM lists as missing."""
    known = {variable for need in needs(provider, {}) for variable in need.variables}
    for variable in known:
        monkeypatch.delenv(variable, raising=False)
    missing = litellm.validate_environment(f"{provider}/x")["missing_keys"]
    assert missing
    assert known.issuperset(missing)


def test_nearest(own_map):
    """A typo never suggests another provider's model, and only the first names are looked up."""
    catalog = read_catalog()
    assert catalog.near("gemini/gemini-2.5-flsh") == "gemini/gemini-2.5-flash"
    assert catalog.near("gpt-4oo") == "gpt-4o"
    assert catalog.near("zzzzzzzzzzzzzzzzz") is None
    catalog = Catalog({"gpt-4o": {"litellm_provider": "openai"}}, ["openai"])
    found = [catalog.near(f"gpt-4o{number}") for number in range(60)]
    assert 0 < len([near for near in found if near]) < 60


@pytest.mark.parametrize(
    ("name", "value"), [("_MAP", "not-there.json"), ("find_spec", lambda name: None)]
)
def test_no_map(monkeypatch, name, value):
    """Without LiteLLM, or with one of another layout, nothing is known."""
    monkeypatch.setattr(module, name, value)
    read_catalog.cache_clear()
    assert read_catalog() is None
    read_catalog.cache_clear()


def test_map_is_json(own_map):
    """The map is the file of the wheel, parsed."""
    with open(module._MAP, encoding="utf-8") as file:
        assert read_catalog().entries == json.load(file)
