"""What LiteLLM knows about models, without a network and without importing it.

LiteLLM's wheel includes a map of prices and capabilities, which is read as a JSON file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from dispatch.litellm.endpoints import VENDORS, key_variables
from dispatch.litellm.tables import rows, table
from dispatch.suggestions import nearest

__all__ = ["OPERATIONS", "Catalog", "Need", "needs", "read_catalog"]

OPERATIONS: Mapping[str, str] = {mode: name for mode, (name,) in table("operations").items()}
"""LiteLLM's function for each mode of models other than chat."""


Entry = Mapping[str, Any]

_MAP = "model_prices_and_context_window_backup.json"
_PROVIDERS = Path("types", "utils.py")
_LIKE_OPENAI = Path("llms", "openai_like", "providers.json")

_ANY_SHAPE = r"""(?x)
      (.+/)? \*                                        # a wildcard
    | bedrock/ (.+/)? (arn:.+ | agent/.+)
    | vertex_ai/ (\d+ | gemini/.+ | openai/.+)         # a deployed endpoint or a tuned model
    | fireworks_ai/ accounts/ (?!fireworks/models/) .+
    | openrouter/ @preset/.+
    | (openai/)? ft:.+
"""
_BEDROCK_ROUTE = r"((converse|invoke|[a-z]{2}(-[a-z]+)+-\d)/)+"
_FIREWORKS = "accounts/fireworks/models/"  # LiteLLM prepends it to short names
_MOST_SOUGHT = 20  # names to look up the nearest for, each of which takes 40 ms


class Catalog:
    """The models and the providers that an installed LiteLLM knows.

    >>> Catalog({"gpt-4o": {"litellm_provider": "openai"}}, ["openai"]).find("openai/gpt-4o")
    {'litellm_provider': 'openai'}
    """

    def __init__(self, entries: Mapping[str, Entry], providers: Iterable[str]) -> None:
        self.entries = entries
        self.providers = frozenset(providers)
        self._sought = 0

    def provider(self, name: str, custom: str | None = None) -> str | None:
        """Return the provider of a model, from `custom`, its prefix or the map."""
        prefix, slash, _ = name.partition("/")
        if custom or (slash and prefix in self.providers):
            return custom or prefix
        if name.startswith("ft:"):
            return "openai"
        return self.entries.get(name, {}).get("litellm_provider")

    def find(self, name: str, custom: str | None = None) -> Entry | None:
        """Return the entry of a model in the map, with or without its provider in the name."""
        provider = self.provider(name, custom)
        bare = name.removeprefix(f"{provider}/")
        if provider == "bedrock":
            bare = re.sub(_BEDROCK_ROUTE, "", bare, count=1)
        if provider == "openai":
            bare = bare.removeprefix("responses/")
        for known in (f"{provider}/{bare}", name, bare, f"{provider}/{_FIREWORKS}{bare}"):
            entry = self.entries.get(known, {})
            if str(entry.get("litellm_provider", "")).startswith(str(provider)):
                return entry
        return None

    def takes_any_name(self, name: str, custom: str | None = None) -> bool:
        """Return whether a provider serves models under names that users choose."""
        provider = self.provider(name, custom)
        full = name if name.startswith(f"{provider}/") else f"{provider}/{name}"
        shaped = any(re.fullmatch(_ANY_SHAPE, each) for each in (name, full))
        return shaped or provider in table("providers")["named"] or not self._names(provider)

    @lru_cache(maxsize=1024)  # noqa: B019  # one catalog per process
    def near(self, name: str, custom: str | None = None, cutoff: float = 0.75) -> str | None:
        """Return the nearest known name, of the same provider if that is known.

        Only the first twenty names are looked up.
        """
        self._sought += 1
        if self._sought > _MOST_SOUGHT:
            return None
        provider = self.provider(name, custom)
        names = self._names(provider)
        bare = name.removeprefix(f"{provider}/")
        near = nearest(name, names, cutoff) or nearest(bare, names, cutoff)
        prefixed = near and name.startswith(f"{provider}/") and not near.startswith(f"{provider}/")
        return f"{provider}/{near}" if prefixed else near

    @lru_cache(maxsize=64)  # noqa: B019
    def _names(self, provider: str | None) -> tuple[str, ...]:
        """Return the names of all models of a provider, or of all providers for None."""
        return tuple(
            name
            for name, entry in self.entries.items()
            if provider in (None, entry.get("litellm_provider")) and name != "sample_spec"
        )


@lru_cache(maxsize=1)
def read_catalog() -> Catalog | None:
    """Read the map of the installed LiteLLM; None if it is not installed.

    >>> "openai" in read_catalog().providers
    True
    """
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        return None
    home = Path(spec.submodule_search_locations[0])
    try:
        entries = json.loads((home / _MAP).read_bytes())
        source = (home / _PROVIDERS).read_bytes().decode()
        like_openai = json.loads((home / _LIKE_OPENAI).read_bytes())
    except (OSError, ValueError):  # another layout, of which nothing is known
        return None
    listed = source.partition("class LlmProviders(")[2].partition("\nclass ")[0]
    providers = re.findall(r'^    \w+ = "([^"]+)"', listed, re.MULTILINE)
    return Catalog(entries, [*providers, *like_openai])


class Need(NamedTuple):
    """A requirement of a provider: one of these variables, or one of these keys of a model."""

    variables: tuple[str, ...]
    keys: tuple[str, ...] = ("api_key",)


def needs(provider: str, model: Mapping[str, Any]) -> Iterator[Need]:
    """Yield the needs of a provider that a model does not meet.

    >>> [need.variables for need in needs("gemini", {"model": "gemini/gemini-2.5-flash"})]
    [('GEMINI_API_KEY', 'GOOGLE_API_KEY')]
    >>> list(needs("gemini", {"api_key": "os.environ/MINE"}))
    []
    """
    own = (row for of, *row in rows("needs") if of == provider)
    wanted = [Need(*(tuple(words.split(",")) for words in row)) for row in own]
    if not wanted and provider in VENDORS:
        wanted = [Need(key_variables(provider))]
    return (need for need in wanted if not any(model.get(key) for key in need.keys))
