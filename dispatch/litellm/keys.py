"""The keys that a model may hold: a shipped list, so that no check imports LiteLLM.

Where a program has loaded LiteLLM, the lists of that release count too. With another LiteLLM
installed, `python -m dispatch.litellm.keys` adds the keys of that release to `known_keys.txt`.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import cast

from dispatch.config.environment import ValueType

__all__ = [
    "FILE",
    "KEY_KINDS",
    "KINDS",
    "VALUE_TYPES",
    "is_known",
    "known_keys",
    "live_keys",
    "new_keys",
    "parse_kinds",
]

FILE = Path(__file__).with_name("known_keys.txt")
KINDS = FILE.with_name("key_kinds.txt")

_LIVE = (
    ("litellm.types.router", "LiteLLM_Params"),
    ("litellm.types.utils", "all_litellm_params"),
    ("litellm.constants", "OPENAI_CHAT_COMPLETION_PARAMS"),
)


def parse_kinds(text: str) -> dict[str, tuple[str, ...]]:
    r"""Return what each key of a table takes.

    >>> parse_kinds("[written]\nstop string|strings\n")
    {'stop': ('string', 'strings')}
    """
    pairs = (line.split() for line in text.splitlines() if line and line[0] not in "#[")
    return {key: tuple(kind for kind in kinds.split("|") if kind != "-") for key, kinds in pairs}


KEY_KINDS: Mapping[str, tuple[str, ...]] = parse_kinds(KINDS.read_text(encoding="utf-8"))
"""What each key takes, as `key_kinds.txt` says."""

_CONVERTED = {("number",), ("integer",), ("boolean",)}
VALUE_TYPES = cast("Mapping[str, ValueType]", {
    "api_base": "string", "base_url": "string", "model": "string", "weight": "number",
    "order": "integer", "max_parallel_requests": "integer", "logprobs": "boolean",
    "input_cost_per_token": "number", "output_cost_per_token": "number",
} | {key: kinds[0] for key, kinds in KEY_KINDS.items()
     if kinds in _CONVERTED and "." not in key})  # fmt: skip
"""What keys take: to read variables of the environment."""


@lru_cache(maxsize=1)
def known_keys() -> frozenset[str]:
    """Return every key that LiteLLM is known to take, or to forward to a provider that does.

    >>> {"temperature", "api_base", "num_ctx", "mock_tool_calls"} <= known_keys()
    True
    """
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line[:1] != "#")


def live_keys() -> Iterator[Collection[str]]:
    """Yield the lists of keys in the LiteLLM that is loaded; none if it is not."""
    for module, name in _LIVE:
        listed = getattr(sys.modules.get(module), name, ())
        yield getattr(listed, "model_fields", listed)


def is_known(key: str) -> bool:
    """Return whether LiteLLM, or a provider that it forwards to, knows a key.

    Variants of a known price are known: what follows its name is the kind of request.

    >>> is_known("num_ctx"), is_known("input_cost_per_token_flex"), is_known("temprature")
    (True, True, False)
    """
    return _is_known(key, "litellm" in sys.modules)


@lru_cache(maxsize=2048)
def _is_known(key: str, live: bool) -> bool:
    listed = key in known_keys() or key.startswith(_prices())
    return listed or (live and any(key in listed for listed in live_keys()))


@lru_cache(maxsize=1)
def _prices() -> tuple[str, ...]:
    return tuple(f"{key}_" for key in known_keys() if "cost" in key.split("_"))


def new_keys() -> list[str]:
    """Return the keys of the LiteLLM that is loaded which the shipped list lacks."""
    listed = {key for keys in live_keys() for key in keys if not key.startswith("_")}
    return sorted(key for key in listed - {"self", "kwargs"} if not _is_known(key, live=False))


def main() -> None:
    """Add the keys of the installed LiteLLM to the shipped list."""
    from importlib.metadata import version

    import litellm  # noqa: F401  # its lists count once it is loaded

    if keys := new_keys():
        with FILE.open("a", encoding="utf-8") as file:
            file.write("\n".join((f"# LiteLLM {version('litellm')}", *keys, "")))


if __name__ == "__main__":
    main()
