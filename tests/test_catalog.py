"""What is known of models offline agrees with what the installed LiteLLM says."""

from __future__ import annotations

import json

import litellm
import pytest
from litellm.types.utils import LlmProviders

from dispatch.llm import catalog as module
from dispatch.llm.catalog import Catalog, needs, read_catalog

CATALOG = read_catalog()


def test_a_model_is_found_in_the_text_as_in_the_parsed_map():
    """Each entry is parsed alone; a sample of all, compared with the map parsed whole."""
    whole = json.loads(CATALOG.text)
    names = [name for name in whole if name != "sample_spec"][::40]
    assert len(names) > 50
    catalog = Catalog(CATALOG.text, [])
    assert [catalog.entry(name) for name in names] == [whole[name] for name in names]
    assert catalog.entry("nobody-has-this") == {}


def test_the_whole_map_is_parsed_only_for_a_configuration_that_asks_for_many():
    """A few entries are found in the text; many searches of it would take longer."""
    catalog = Catalog(CATALOG.text, ["hosted_vllm"])
    assert catalog.find("gpt-4o")
    assert "_entries" not in vars(catalog)
    assert not any(catalog.find(f"hosted_vllm/my-{index}") for index in range(30))
    assert "_entries" in vars(catalog)
    assert catalog.find("gpt-4o-mini") == Catalog(CATALOG.text, []).find("gpt-4o-mini")


def test_the_providers_are_those_of_litellm():
    """Read from its source, without importing it."""
    assert CATALOG.providers == {provider.value for provider in LlmProviders}


@pytest.mark.parametrize(
    "name", ["gpt-4o", "openai/gpt-4o", "gemini/gemini-2.5-flash", "groq/llama", "ft:gpt-4o:x"]
)
def test_a_provider_is_who_litellm_says(name):
    """By the prefix, or by the map."""
    assert CATALOG.provider(name) == litellm.get_llm_provider(name)[1]


@pytest.mark.parametrize(
    "provider",
    ["openai", "anthropic", "gemini", "groq", "mistral", "openrouter", "deepseek", "xai", "cohere",
     "together_ai", "perplexity", "cerebras", "deepinfra", "nebius", "novita", "voyage", "moonshot",
     "dashscope", "volcengine", "ai21", "replicate", "wandb"],
)  # fmt: skip
def test_the_variables_of_a_provider_are_those_that_litellm_misses(monkeypatch, provider):
    """What `validate_environment` lists as missing is what a model is warned of."""
    for need in needs(provider, {}):
        for variable in need.variables:
            monkeypatch.delenv(variable, raising=False)
    missing = litellm.validate_environment(f"{provider}/x")["missing_keys"]
    known = {variable for need in needs(provider, {}) for variable in need.variables}
    assert missing
    assert known.issuperset(missing)


def test_the_nearest_name_is_of_the_same_provider():
    """A slip in a name of one provider is not mended with a model of another."""
    assert CATALOG.near("gemini/gemini-2.5-flsh") == "gemini/gemini-2.5-flash"
    assert CATALOG.near("gpt-4oo") == "gpt-4o"
    assert CATALOG.near("zzzzzzzzzzzzzzzzz") is None


def test_without_a_map_nothing_is_known(monkeypatch, tmp_path):
    """A LiteLLM of another layout, or none: the check goes without."""
    monkeypatch.setattr(module, "_MAP", "not-there.json")
    read_catalog.cache_clear()
    assert read_catalog() is None
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    read_catalog.cache_clear()
    assert read_catalog() is None
    read_catalog.cache_clear()


def test_names_that_json_escapes_are_found():
    """A name is looked for as JSON writes it."""
    text = json.dumps({'odd "name"': {"litellm_provider": "openai"}}, indent=4)
    assert Catalog(text, ["openai"]).find('odd "name"') == {"litellm_provider": "openai"}
