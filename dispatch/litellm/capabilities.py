"""What a model refuses, and when it ends, by the map of models that LiteLLM ships.

LiteLLM raises an error for a parameter that it knows a model to refuse, before it sends anything,
unless `drop_params` is set.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pyrsistent import PVector

from dispatch.errors import Fault
from dispatch.litellm.catalog import Catalog
from dispatch.litellm.providers import called, endpoint_of
from dispatch.redaction import quote_name
from dispatch.suggestions import nearest

__all__ = ["find_end_of_life", "find_refused", "find_token_faults"]

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max", "default")
_PENALTIES = ("frequency_penalty", "presence_penalty")
_LOGPROBS = ("logprobs", "top_logprobs")
_CLAUDE = (*_PENALTIES, *_LOGPROBS, "logit_bias", "seed")
_NEVER: Mapping[str, tuple[str, ...]] = {
    "anthropic": _CLAUDE,
    "cerebras": (*_PENALTIES, *_LOGPROBS, "logit_bias", "parallel_tool_calls"),
    "cohere_chat": (*_LOGPROBS, "logit_bias", "parallel_tool_calls"),
    "databricks": (*_PENALTIES, *_LOGPROBS, "logit_bias", "seed", "parallel_tool_calls"),
    "deepinfra": (*_LOGPROBS, "seed", "parallel_tool_calls"),
    "gemini": ("logit_bias",),
    "mistral": (*_PENALTIES, *_LOGPROBS, "logit_bias"),
    "perplexity": (*_LOGPROBS, "logit_bias", "seed", "stop", "parallel_tool_calls"),
    "zai": (*_PENALTIES, *_LOGPROBS, "logit_bias", "seed", "parallel_tool_calls"),
}
"""What LiteLLM 1.110.2 refuses for every chat model of a provider."""

_FIXED = frozenset({"anthropic", "azure_ai", "bedrock", "bedrock_mantle", "gemini", "vertex_ai"})
"""Providers for whose models LiteLLM heeds `supports_sampling_params`."""

_PLAIN = frozenset({"deepinfra", "mistral", "moonshot", "xai"})
"""Providers for which LiteLLM takes `reasoning_effort` only where the map has `supports_reasoning`."""

_LISTS = (list, tuple, PVector)
_GPT = r"(.*/)?gpt-[56](?!-chat)(?!.*search).*"
_SUCCESSIONS = 5  # of models whose successors are at their end too


def find_refused(
    model: Mapping[str, Any], catalog: Catalog, *, drop_params: bool = False
) -> Iterator[Fault]:
    """Yield a warning for each parameter that LiteLLM, or the model, refuses.

    `drop_params` is what `litellm_settings` say, where they do.

    >>> catalog = Catalog({"o3": {"litellm_provider": "openai", "supports_reasoning": True}}, [])
    >>> for fault in find_refused({"model": "o3", "temperature": 0.2, "top_p": 0.9}, catalog):
    ...     print(fault)
    temperature: 'o3' takes no temperature but 1; leave it out, or set drop_params: true
    top_p: 'o3' takes no top_p; leave it out, or set drop_params: true
    """
    name, custom = called(model)
    if not name or "/responses/" in name:
        return
    yield from _find_wrong_thinking(model, name)
    dropped = model.get("drop_params", drop_params)
    if dropped is True or os.environ.get("LITELLM_DROP_PARAMS"):
        return
    entry = catalog.find(name, custom) or {}
    provider = catalog.provider(name, custom) or ""
    lists = (model.get("additional_drop_params"), model.get("allowed_openai_params"))
    spared = {key for keys in lists if isinstance(keys, _LISTS) for key in keys}
    shown, hint = quote_name(name), "leave it out, or set drop_params: true"
    for key in dict.fromkeys(_refused(model, name, provider.partition("-")[0], entry, catalog)):
        if key in model and key not in spared and model[key] is not None:
            but = " but 1" if key == "temperature" else ""
            effort = key == "reasoning_effort" and isinstance(model[key], str)
            what = f"{key}: {model[key]}" if effort else f"{key}{but}"
            yield Fault((key,), f"{shown} takes no {what}", hint, "refused-parameter", "warning")


def _refused(
    model: Mapping[str, Any], name: str, provider: str, entry: Mapping[str, Any], catalog: Catalog
) -> Iterator[str]:
    """Yield the parameters that a model refuses, with the values that they have in `model`."""
    heated = model.get("temperature") != 1
    bare = name.rpartition("/")[2]
    claude = provider in ("azure_ai", "bedrock", "vertex_ai") and "claude" in name
    yield from _CLAUDE if claude else _NEVER.get(provider.removesuffix("_converse"), ())
    if (
        entry.get("supports_sampling_params") is False
        and provider.removesuffix("_converse") in _FIXED
    ):
        yield from ("temperature",) * heated
        yield from ("top_p", "top_k")
    if entry.get("supports_function_calling") is False:
        yield from ("tools", "tool_choice", "functions", "parallel_tool_calls")
    wanted = model.get("response_format")
    wanted = wanted.get("type") if isinstance(wanted, Mapping) else None
    if entry.get("supports_response_schema") is False and wanted == "json_schema":
        yield "response_format"
    if provider in ("openai", "azure"):
        entry = {**catalog.entries.get(bare, {}), **entry}  # many flags are noted there only
        if re.fullmatch(r"o\d.*", bare) and entry.get("supports_reasoning"):
            yield from ("temperature",) * heated
            yield from ("top_p", *_PENALTIES, *_LOGPROBS)
        elif re.fullmatch(_GPT, name):
            yield from _refused_by_gpt(model, provider, entry, heated, catalog)
        elif re.match(r"(chatgpt|gpt)-[34]", bare) and not entry.get("supports_reasoning"):
            yield "reasoning_effort"
    elif provider in _PLAIN and entry and entry.get("supports_reasoning") is not True:
        yield "reasoning_effort"


def _refused_by_gpt(
    model: Mapping[str, Any],
    provider: str,
    entry: Mapping[str, Any],
    heated: bool,
    catalog: Catalog,
) -> Iterator[str]:
    """Yield what gpt-5 and later refuse: sampling, unless they do not reason."""
    yield from (*_PENALTIES, "stop", "logit_bias")
    described = model.get("model_info")
    if isinstance(described, Mapping) and described.keys() & {
        "base_model",
        "reasoning_effort_levels",
    }:
        return
    effort = model.get("reasoning_effort")
    effort = effort.get("effort") if isinstance(effort, Mapping) else effort
    calm = entry.get("supports_none_reasoning_effort") is True
    default = entry.get("default_reasoning_effort", "none" if not _has_defaults(catalog) else "")
    if not calm or (effort or default) != "none":
        yield from ("temperature",) * heated
        yield from ("top_p", *_LOGPROBS)
    flag = entry.get(f"supports_{effort}_reasoning_effort")
    opt_in = ("xhigh", "none") if provider == "azure" else ("xhigh",)
    if entry and effort != "max" and (flag is False or (effort in opt_in and flag is not True)):
        yield "reasoning_effort"


@lru_cache(maxsize=1)
def _has_defaults(catalog: Catalog) -> bool:
    return any("default_reasoning_effort" in entry for entry in catalog.entries.values())


def _find_wrong_thinking(model: Mapping[str, Any], name: str) -> Iterator[Fault]:
    effort, thinking = model.get("reasoning_effort"), model.get("thinking")
    if (
        isinstance(effort, str)
        and effort not in _EFFORTS
        and (near := nearest(effort, _EFFORTS, 0.7))
    ):
        message, hint = f"unknown effort {quote_name(effort)}", f"did you mean {near!r}?"
        yield Fault(("reasoning_effort",), message, hint, "wrong-value", "warning")
    budget = thinking.get("budget_tokens") if isinstance(thinking, Mapping) else None
    if "claude" not in name or not isinstance(budget, int) or isinstance(budget, bool):
        return
    path = ("thinking", "budget_tokens")
    limit = model.get("max_tokens") or model.get("max_completion_tokens")
    if budget < 1024:
        message = f"{budget} is less than the 1024 tokens that Claude needs to think"
        yield Fault(path, message, "ask for at least 1024", "refused-parameter", "warning")
    elif isinstance(limit, int) and budget >= limit:
        message = f"{budget} leaves no token of the {limit} in max_tokens for the answer"
        yield Fault(path, message, f"ask for less than {limit}", "refused-parameter", "warning")


def find_token_faults(model: Mapping[str, Any], catalog: Catalog) -> Iterator[Fault]:
    """Yield a warning where more tokens are asked for than the list says that a model gives."""
    entry = _entry(model, catalog)
    limit = entry.get("max_output_tokens") or entry.get("max_tokens")
    for key in ("max_tokens", "max_completion_tokens"):
        asked = model.get(key)
        if isinstance(asked, int) and isinstance(limit, int | float) and asked > limit:
            message = f"{asked} is more than the {int(limit)} tokens in LiteLLM's list"
            hint = f"ask for at most {int(limit)}"
            yield Fault((key,), message, hint, "too-many-tokens", "warning")


def _entry(model: Mapping[str, Any], catalog: Catalog) -> Mapping[str, Any]:
    """Return what the map holds on a model at its vendor's own endpoint, or at Azure's."""
    name, custom = called(model)
    if not name or (endpoint_of(model)[1] and catalog.provider(name, custom) != "azure"):
        return {}
    return catalog.find(name, custom) or {}


def find_end_of_life(
    model: Mapping[str, Any], catalog: Catalog, today: datetime.date, ahead: int = 30
) -> Iterator[Fault]:
    """Yield a warning for a model that has ended, or will within `ahead` days.

    >>> old = {"litellm_provider": "openai", "deprecation_date": "2026-01-31"}
    >>> catalog = Catalog({"gpt-4": {**old, "successor_model": "gpt-5"}, "gpt-5": {}}, ["openai"])
    >>> for fault in find_end_of_life({"model": "openai/gpt-4"}, catalog, datetime.date(2026, 1, 9)):
    ...     print(fault)
    model: will be deprecated on 2026-01-31; use openai/gpt-5
    """
    entry = _entry(model, catalog)
    ends, limit = _end(entry), (today + datetime.timedelta(days=ahead)).isoformat()
    if not ends or ends > limit:
        return
    name, custom = called(model)
    successor = str(entry.get("successor_model") or "")
    for _ in range(_SUCCESSIONS):  # it may end as soon
        after = catalog.entries.get(successor, {})
        if after.get("successor_model") and "" < _end(after) <= limit:
            successor = str(after["successor_model"])
    prefix = f"{catalog.provider(name, custom)}/"
    if custom is None and name.startswith(prefix) and not successor.startswith(prefix):
        successor = f"{prefix}{successor}" if successor else ""
    known = successor in catalog.entries or successor.removeprefix(prefix) in catalog.entries
    verb = "was" if ends <= today.isoformat() else "will be"
    hint = f"use {successor}" if known else ""
    yield Fault(("model",), f"{verb} deprecated on {ends}", hint, "deprecated-model", "warning")


def _end(entry: Mapping[str, Any]) -> str:
    date = str(entry.get("deprecation_date") or "")
    return date if re.fullmatch(r"\d{4}-\d\d-\d\d", date) else ""
