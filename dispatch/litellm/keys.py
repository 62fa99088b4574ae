"""The keys that a model may hold: a shipped list, so that no check imports LiteLLM.

Where a program has loaded LiteLLM, the lists of that release count too. With another LiteLLM
installed, `python -m dispatch.litellm.keys` adds the keys of that release to `known_keys.txt`.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from dispatch.config.environment import ValueType

__all__ = ["FILE", "VALUE_TYPES", "KnownKeys", "add", "is_known", "known_keys", "live_keys",
           "parse", "render"]  # fmt: skip

FILE = Path(__file__).with_name("known_keys.txt")

_HEADER = """\
# The keys that a model may hold. Releases of LiteLLM: {}.
# `python -m dispatch.litellm.keys` adds those of the installed release.
#
# [litellm] is the union of LiteLLM's own lists, without its internal names. A name that ends in *
# is known alone and with any suffix: input_cost_per_token* covers input_cost_per_token_batches.
# [providers] is written by hand: keys that providers take and those lists lack; LiteLLM forwards
# them as they are.
"""
_INTERNAL = frozenset({"self", "kwargs"})
_LIVE = (
    ("litellm.types.router", "LiteLLM_Params"),
    ("litellm.types.utils", "all_litellm_params"),
    ("litellm.constants", "OPENAI_CHAT_COMPLETION_PARAMS"),
)

_TYPES: Mapping[ValueType, str] = {
    "string": "api_base base_url model",
    "number": """
        frequency_penalty input_cost_per_token keepalive_seconds max_budget min_p
        output_cost_per_token presence_penalty repetition_penalty stream_timeout temperature timeout
        top_p typical_p weight""",
    "integer": """
        dimensions itpm max_completion_tokens max_parallel_requests max_retries max_tokens
        min_tokens n num_ctx num_predict num_retries order otpm rpd rpm seed top_k top_logprobs tpd
        tpm""",
    "boolean": """
        caching drop_params enable_json_schema_validation ensure_alternating_roles logprobs
        merge_reasoning_content_in_choices parallel_tool_calls store stream turn_off_message_logging
        use_chat_completions_api use_in_pass_through use_litellm_proxy verbose""",
}
VALUE_TYPES: Mapping[str, ValueType] = {
    key: kind for kind, keys in _TYPES.items() for key in keys.split()
}
"""What well-known keys take, as of LiteLLM 1.110.2: to read variables of the environment."""


class KnownKeys(NamedTuple):
    """The keys of LiteLLM and of providers, and the prefixes of names that follow a pattern."""

    releases: tuple[str, ...]
    litellm: frozenset[str]
    providers: frozenset[str]
    prefixes: tuple[str, ...]


@lru_cache(maxsize=1)
def read() -> KnownKeys:
    """Read the shipped list."""
    return parse(FILE.read_text(encoding="utf-8"))


def known_keys() -> frozenset[str]:
    """Return every key that LiteLLM is known to take, or to forward to a provider that does.

    >>> {"temperature", "api_base", "num_ctx", "mock_tool_calls"} <= known_keys()
    True
    """
    return read().litellm | read().providers


def live_keys() -> Iterator[Collection[str]]:
    """Yield the lists of keys in the LiteLLM that is loaded; none if it is not."""
    for module, name in _LIVE:
        listed = getattr(sys.modules.get(module), name, ())
        yield getattr(listed, "model_fields", listed)


def is_known(key: str) -> bool:
    """Return whether LiteLLM, or a provider that it forwards to, knows a key.

    >>> is_known("num_ctx"), is_known("input_cost_per_token_flex"), is_known("temprature")
    (True, True, False)
    """
    return _is_known(key, "litellm" in sys.modules)


@lru_cache(maxsize=2048)
def _is_known(key: str, live: bool) -> bool:
    keys = read()
    listed = key in keys.litellm or key in keys.providers or key.startswith(keys.prefixes)
    return listed or (live and any(key in listed for listed in live_keys()))


def parse(text: str) -> KnownKeys:
    r"""Read a list in the form that `render` writes.

    >>> parse("# Releases of LiteLLM: 1.2.\n[litellm]\na\nb*\n[providers]\nc\n").prefixes
    ('b_',)
    """
    releases = text.partition(" of LiteLLM: ")[2].partition("\n")[0].removesuffix(".")
    litellm, _, providers = text.partition("[litellm]\n")[2].partition("[providers]\n")
    names = litellm.split()
    return KnownKeys(
        tuple(releases.split(", ")),
        frozenset(name.removesuffix("*") for name in names),
        frozenset(providers.split()),
        tuple(name.replace("*", "_") for name in names if name.endswith("*")),
    )


def render(keys: KnownKeys) -> str:
    """Write a list as the text of a file, one name a line.

    >>> keys = KnownKeys(("1.2",), frozenset({"b", "a"}), frozenset({"c"}), ("b_",))
    >>> render(keys).splitlines()[-6:]
    ['[litellm]', 'a', 'b*', '', '[providers]', 'c']
    """
    marked = (f"{name}*" if f"{name}_" in keys.prefixes else name for name in sorted(keys.litellm))
    sections = ("", "[litellm]", *marked, "", "[providers]", *sorted(keys.providers), "")
    return _HEADER.format(", ".join(keys.releases)) + "\n".join(sections)


def add(keys: KnownKeys, listed: Iterable[str], release: str) -> KnownKeys:
    """Add what a release lists. Names that it lacks stay: other releases take them.

    >>> keys = KnownKeys(("1.1",), frozenset({"a"}), frozenset({"b"}), ())
    >>> keys = add(keys, ["b", "x_cost", "x_cost_flex", "_internal"], "1.2")
    >>> sorted(keys.litellm), sorted(keys.providers), keys.prefixes
    (['a', 'b', 'x_cost'], [], ('x_cost_',))
    """
    names = keys.litellm | {name for name in listed if not name.startswith("_")} - _INTERNAL
    prices = sorted(name for name in names if "cost" in name.split("_"))
    bases = [p for p in prices if not any(p.startswith(f"{other}_") for other in prices)]
    prefixes = tuple(f"{base}_" for base in bases)
    releases = {*keys.releases, release}
    return KnownKeys(
        tuple(sorted(releases, key=lambda each: [int(part) for part in each.split(".")])),
        frozenset(name for name in names if not name.startswith(prefixes)),
        keys.providers - names,
        prefixes,
    )


def main() -> None:
    """Add the keys of the installed LiteLLM to the shipped list."""
    from importlib.metadata import version

    import litellm  # noqa: F401  # its lists count once it is loaded

    listed = frozenset().union(*live_keys())
    FILE.write_text(render(add(read(), listed, version("litellm"))), encoding="utf-8")


if __name__ == "__main__":
    main()
