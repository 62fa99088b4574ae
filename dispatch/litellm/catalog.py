"""What is known of models without a network, and without importing litellm.

LiteLLM's wheel carries a map of prices and capabilities; it is read as the JSON file that it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from dispatch.nearest import nearest

__all__ = ["Catalog", "Need", "needs", "read_catalog"]

_MAP = "model_prices_and_context_window_backup.json"
_PROVIDERS = Path("types", "utils.py")

_OWN_NAMES = """
    aiohttp_openai azure azure_ai azure_text baseten custom custom_openai databricks
    docker_model_runner hosted_vllm huggingface infinity lemonade litellm_proxy llamafile lm_studio
    nlp_cloud ollama ollama_chat oobabooga openai_like petals predibase ragflow replicate sagemaker
    sagemaker_chat sagemaker_nova triton vllm watsonx watsonx_text xinference
"""
"""Providers where a model is called what its owner calls it: no list can know the names."""

# Compiled when they are asked for, which most configurations never do.
_OWN_SHAPES = r"""(?x)
      (.+/)? \*                                        # a wildcard
    | bedrock/ (.+/)? (arn:.+ | agent/.+)
    | vertex_ai/ (\d+ | gemini/.+ | openai/.+)         # a deployed endpoint, a tuned model
    | fireworks_ai/ accounts/.+/deployedModels/.+
    | ft:.+
"""
_BEDROCK_ROUTE = r"((converse|invoke|[a-z]{2}(-[a-z]+)+-\d)/)+"
_FIREWORKS = "accounts/fireworks/models/"  # LiteLLM puts it before a short name
_FEW = 20  # searches of the text take as long as parsing all of it
_MOST_SOUGHT = 100  # searches for the nearest of thousands of names: each takes milliseconds


class Catalog:
    """The models and the providers that an installed LiteLLM knows.

    The map is 3 MB of JSON, of which a configuration asks for a few entries: each is found in the
    text, and parsed alone. Only for one that asks for many is the whole map parsed, once.
    """

    def __init__(self, text: str, providers: Iterable[str]) -> None:
        self.text = text
        self.providers = frozenset(providers)
        self._asked = 0
        self._sought = 0

    @cached_property
    def _entries(self) -> Mapping[str, Mapping[str, Any]]:
        entries: Mapping[str, Mapping[str, Any]] = json.loads(self.text)
        return entries

    @lru_cache(maxsize=1024)  # noqa: B019  # there is one catalog in a process
    def entry(self, name: str) -> Mapping[str, Any]:
        """Return what the map holds under exactly this name; nothing where it does not."""
        self._asked += 1
        if self._asked > _FEW:
            return self._entries.get(name, {})
        start = self.text.find(f"\n    {json.dumps(name)}: {{")
        if start < 0:
            return {}
        found: Mapping[str, Any]
        found, _ = json.JSONDecoder().raw_decode(self.text, self.text.index("{", start))
        return found

    def provider(self, name: str, custom: str | None = None) -> str | None:
        """Return who serves a model: as `custom` says, or its prefix, or the map."""
        prefix = name.partition("/")[0]
        if custom or ("/" in name and prefix in self.providers):
            return custom or prefix
        if name.startswith("ft:"):
            return "openai"
        return self.entry(name).get("litellm_provider")

    def find(self, name: str, custom: str | None = None) -> Mapping[str, Any] | None:
        """Return what the map holds on a model, however its provider is written.

        >>> text = '{\\n    "gpt-4o": {"litellm_provider": "openai"}\\n}'
        >>> Catalog(text, ["openai"]).find("openai/gpt-4o")
        {'litellm_provider': 'openai'}
        """
        provider = self.provider(name, custom)
        bare = name.removeprefix(f"{provider}/")
        if provider == "bedrock":
            bare = re.sub(_BEDROCK_ROUTE, "", bare, count=1)
        short = f"{provider}/{_FIREWORKS}{bare}" if provider == "fireworks_ai" else bare
        for known in (f"{provider}/{bare}", name, bare, short):
            entry = self.entry(known)
            if str(entry.get("litellm_provider", "")).startswith(str(provider)):
                return entry
        return None

    def takes_any_name(self, name: str, custom: str | None = None) -> bool:
        """Tell whether a provider serves models under names of one's own."""
        provider = self.provider(name, custom)
        full = name if name.startswith(f"{provider}/") else f"{provider}/{name}"
        own = re.fullmatch(_OWN_SHAPES, name) or re.fullmatch(_OWN_SHAPES, full)
        return provider in _OWN_NAMES.split() or own is not None or not self._served(provider)

    @lru_cache(maxsize=1024)  # noqa: B019
    def near(self, name: str, custom: str | None = None) -> str | None:
        """Return the known name that is nearest, of the same provider where that is known.

        It is sought for the first hundred names alone.
        """
        self._sought += 1
        if self._sought > _MOST_SOUGHT:
            return None
        provider = self.provider(name, custom)
        names = self._served(provider)
        bare = name.removeprefix(f"{provider}/")
        near = nearest(name, names, 0.75) or nearest(bare, names, 0.75)
        prefixed = near and name.startswith(f"{provider}/") and not near.startswith(f"{provider}/")
        return f"{provider}/{near}" if prefixed else near

    def _served(self, provider: str | None) -> list[str]:
        """Return the names of all models of a provider; of every one, without a provider."""
        return self._names.get(provider, [])

    @cached_property
    def _names(self) -> Mapping[str | None, list[str]]:
        """Every name in the map, by its provider: only a name that it lacks asks for all."""
        names: dict[str | None, list[str]] = {None: []}
        for name, entry in self._entries.items():
            if name != "sample_spec":
                names[None].append(name)
                names.setdefault(entry.get("litellm_provider"), []).append(name)
        return names


@lru_cache(maxsize=1)
def read_catalog() -> Catalog | None:
    """Read the map of the LiteLLM that is installed; None where there is none.

    >>> read_catalog().find("gpt-4o")["supports_function_calling"]
    True
    """
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        return None
    home = Path(spec.submodule_search_locations[0])
    try:
        text = (home / _MAP).read_bytes().decode()  # as text it would be searched for newlines
        source = (home / _PROVIDERS).read_bytes().decode()
    except (OSError, ValueError):  # another layout: then nothing is known
        return None
    listed = source.partition("class LlmProviders(")[2].partition("\nclass ")[0]
    return Catalog(text, re.findall(r'^    \w+ = "([^"]+)"', listed, re.MULTILINE))


class Need(NamedTuple):
    """What a provider must be told: by one of these variables, or one of these keys of a model."""

    variables: tuple[str, ...]
    keys: tuple[str, ...] = ("api_key",)


_NEEDS: Mapping[str, tuple[Need, ...]] = {
    "azure": (
        Need(
            ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_AD_TOKEN", "AZURE_CLIENT_SECRET"),
            ("api_key", "azure_ad_token", "azure_ad_token_provider", "client_secret"),
        ),
        Need(("AZURE_API_BASE",), ("api_base", "base_url")),
    ),
    "replicate": (Need(("REPLICATE_API_KEY", "REPLICATE_API_TOKEN")),),
}  # fmt: skip
# Bedrock, SageMaker and Vertex need no variable: a profile, a role or a login may serve.
_KEYED = ("ai21", "dashscope", "inception", "modelscope", "nebius", "novita", "openrouter",
          "volcengine", "voyage", "wandb")  # fmt: skip


def needs(provider: str, model: Mapping[str, Any]) -> Iterator[Need]:
    """Yield what a provider needs and a model does not say.

    >>> [need.variables for need in needs("gemini", {"model": "gemini/gemini-2.5-flash"})]
    [('GEMINI_API_KEY', 'GOOGLE_API_KEY')]
    >>> list(needs("gemini", {"api_key": "os.environ/MINE"}))
    []
    """
    wanted = _NEEDS.get(provider) or _keys_of(provider)
    return (need for need in wanted if not any(model.get(key) for key in need.keys))


def _keys_of(provider: str) -> Iterable[Need]:
    from dispatch.llm.endpoints import VENDORS, key_variables

    if provider in VENDORS:
        return (Need(key_variables(provider)),)
    return (Need((f"{provider.upper()}_API_KEY",)),) if provider in _KEYED else ()
