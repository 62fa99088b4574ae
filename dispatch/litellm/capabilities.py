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
from typing import Any, TypeGuard

from dispatch.errors import Fault
from dispatch.immutable import LISTS
from dispatch.litellm.catalog import Catalog
from dispatch.litellm.providers import called, endpoint_of, is_openais
from dispatch.litellm.tables import table
from dispatch.redaction import quote_name

__all__ = ["find_end_of_life", "find_refused", "find_wrong_tokens"]

_GPT_5 = r"(.*/)?gpt-[56](?!-chat)(?!.*search).*"
_SUCCESSIONS = 5  # of models whose successors are at their end too


def find_refused(
    model: Mapping[str, Any], catalog: Catalog, *, drop_params: bool = False
) -> Iterator[Fault]:
    """Yield a warning for each parameter that LiteLLM, or the model, refuses.

    `drop_params` is that of `litellm_settings`.

    >>> catalog = Catalog({"o3": {"litellm_provider": "openai", "supports_reasoning": True}}, [])
    >>> for fault in find_refused({"model": "o3", "temperature": 0.2, "top_p": 0.9}, catalog):
    ...     print(fault)
    temperature: 'o3' takes no temperature but 1; leave it out, or set drop_params: true
    top_p: 'o3' takes no top_p; leave it out, or set drop_params: true
    """
    name, custom = called(model)
    dropped = model.get("drop_params", drop_params) is True or os.environ.get("LITELLM_DROP_PARAMS")
    if not name or dropped or "/responses/" in name:
        return
    lists = (model.get("additional_drop_params"), model.get("allowed_openai_params"))
    spared = [key for keys in lists if isinstance(keys, LISTS) for key in keys]
    provider = (catalog.provider(name, custom) or "").partition("-")[0].removesuffix("_converse")
    for key in dict.fromkeys(_refused(model, name, provider, catalog)):
        value = model.get(key)
        if value is None or key in spared or (key in ("temperature", "n") and value == 1):
            continue
        what = {"temperature": "temperature but 1", "reasoning_effort": f"{key}: {value}"}
        message = f"{quote_name(name)} takes no {what.get(key, key)}"
        hint = "leave it out, or set drop_params: true"
        yield Fault((key,), message, hint, "refused-parameter", "warning")


def _refused(model: Mapping[str, Any], name: str, provider: str, catalog: Catalog) -> Iterator[str]:
    """Yield the parameters that a model refuses, with the values that they have here."""
    entry = catalog.find(name, called(model)[1]) or {}
    refused, known = table("refused"), table("providers")
    claude = provider in known["sampling"] and "claude" in name
    yield from refused["claude"] if claude else refused.get(provider, ())
    if entry.get("supports_sampling_params") is False and provider in known["sampling"]:
        yield from ("temperature", "top_p", "top_k")
    if entry.get("supports_function_calling") is False:
        yield from ("tools", "tool_choice", "functions")
    wanted = model.get("response_format")
    wanted = wanted.get("type") if isinstance(wanted, Mapping) else None
    if entry.get("supports_response_schema") is False and wanted == "json_schema":
        yield "response_format"
    if provider in known["reasoning"] and entry and not entry.get("supports_reasoning"):
        yield "reasoning_effort"
    if provider not in ("openai", "azure", "azure_ai"):
        return
    entry = {**catalog.entries.get(name.partition("/")[2], {}), **entry}  # azure's twin
    bare = name.rpartition("/")[2]
    if re.fullmatch(_GPT_5, name):
        yield from _refused_by_gpt_5(model, provider, entry, catalog)
    elif re.match(r"o\d", bare) and entry.get("supports_reasoning"):
        yield from ("temperature", *refused["o-series"])
    elif re.match(r"(chatgpt|gpt)-[34]", bare) and not entry.get("supports_reasoning"):
        yield "reasoning_effort"


def _refused_by_gpt_5(
    model: Mapping[str, Any], provider: str, entry: Mapping[str, Any], catalog: Catalog
) -> Iterator[str]:
    """Yield what gpt-5 and later refuse: sampling, unless they do not reason."""
    yield from table("refused")["gpt-5"]
    described = model.get("model_info")
    described = described.keys() if isinstance(described, Mapping) else ()
    if "base_model" in described or "reasoning_effort_levels" in described:
        return
    effort = model.get("reasoning_effort")
    effort = effort.get("effort") if isinstance(effort, Mapping) else effort
    calm = entry.get("supports_none_reasoning_effort") is True
    default = entry.get("default_reasoning_effort", "" if _has_defaults(catalog) else "none")
    if not calm or (effort or default) != "none":
        logged = table("refused")["reasoning-gpt-5"]
        yield from ("temperature", *(logged if provider == "openai" else ("top_p",)))
    flag = entry.get(f"supports_{effort}_reasoning_effort")
    opt_in = ("xhigh",) if provider == "openai" else ("xhigh", "none")
    if entry and effort != "max" and (flag is False or (effort in opt_in and not flag)):
        yield "reasoning_effort"


@lru_cache(maxsize=1)
def _has_defaults(catalog: Catalog) -> bool:
    return any("default_reasoning_effort" in entry for entry in catalog.entries.values())


def find_wrong_tokens(model: Mapping[str, Any], catalog: Catalog | None) -> Iterator[Fault]:
    """Yield a warning for more tokens than a model gives, and for what does not go together.

    >>> thinking = {"type": "enabled", "budget_tokens": 500}
    >>> for fault in find_wrong_tokens({"model": "claude-opus-4-5", "thinking": thinking}, None):
    ...     print(fault)
    thinking.budget_tokens: 500 is less than the 1024 tokens that Claude thinks with; write 1024
    """
    both = all(model.get(key) is not None for key in ("max_tokens", "max_completion_tokens"))
    openai = is_openais(model)
    if both and openai:
        message = "is refused beside max_completion_tokens"
        yield Fault(("max_tokens",), message, "keep one of the two", "refused-parameter", "warning")
    if openai and model.get("top_logprobs") is not None and not model.get("logprobs"):
        message, hint = "is refused without logprobs", "write logprobs: true beside it"
        yield Fault(("top_logprobs",), message, hint, "refused-parameter", "warning")
    thinking = model.get("thinking")
    entry = _entry(model, catalog) if catalog else {}
    limit = entry.get("max_output_tokens") or entry.get("max_tokens")
    asked = {key: model.get(key) for key in ("max_tokens", "max_completion_tokens")}
    counts = {key: count for key, count in asked.items() if _is_count(count)}
    for key, count in counts.items():
        if isinstance(limit, int | float) and count > limit:
            message = f"{count} is more than the {int(limit)} tokens in LiteLLM's list"
            hint = f"ask for at most {int(limit)}"
            yield Fault((key,), message, hint, "too-many-tokens", "warning")
    if "claude" not in called(model)[0] or not isinstance(thinking, Mapping):
        return
    heat = model.get("temperature")
    if thinking.get("type") == "enabled" and isinstance(heat, int | float) and heat != 1:
        message, hint = "Claude thinks at no temperature but 1", "leave it out"
        yield Fault(("temperature",), message, hint, "refused-parameter", "warning")
    misspelt = [key for key in thinking if str(key).startswith("budget_t")]  # reported elsewhere
    budget, kind = thinking.get("budget_tokens", misspelt or None), thinking.get("type")
    if kind is None or (kind == "enabled" and budget is None):
        lacks = "type" if kind is None else "budget_tokens"
        hint = f"such as {{type: enabled, budget_tokens: {budget if _is_count(budget) else 2000}}}"
        yield Fault(("thinking",), f"has no {lacks}", hint, "refused-parameter", "warning")
    if not _is_count(budget):
        return
    path, most = ("thinking", "budget_tokens"), min(counts.values(), default=budget + 1)
    if budget < 1024:
        message = f"{budget} is less than the 1024 tokens that Claude thinks with"
        yield Fault(path, message, "write 1024", "refused-parameter", "warning")
    elif budget >= most:
        message = f"{budget} leaves no token of {most} for the answer"
        yield Fault(path, message, f"write less than {most}", "refused-parameter", "warning")


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


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
    >>> today = datetime.date(2026, 1, 9)
    >>> for fault in find_end_of_life({"model": "openai/gpt-4"}, catalog, today):
    ...     print(fault)
    model: will be deprecated on 2026-01-31; use openai/gpt-5
    """
    entry = _entry(model, catalog)
    days = min(ahead, (datetime.date.max - today).days)
    ends, limit = _end(entry), (today + datetime.timedelta(days=days)).isoformat()
    if not ends or ends > limit:
        return
    successor = str(entry.get("successor_model") or "")
    for _ in range(_SUCCESSIONS):  # it may end as soon
        after = catalog.entries.get(successor, {})
        if "" < _end(after) <= limit:
            successor = str(after.get("successor_model") or successor)
    prefix, slash, _ = called(model)[0].partition("/")
    known = successor in catalog.entries
    same = catalog.entries.get(successor, {}).get("mode") == entry.get("mode")
    if known and same and prefix in catalog.providers and not successor.startswith(f"{prefix}/"):
        successor = f"{prefix}{slash}{successor}"
    verb = "was" if ends <= today.isoformat() else "will be"
    hint = f"use {successor}" if known else ""
    yield Fault(("model",), f"{verb} deprecated on {ends}", hint, "deprecated-model", "warning")


def _end(entry: Mapping[str, Any]) -> str:
    date = str(entry.get("deprecation_date") or "")
    return date if re.fullmatch(r"\d{4}-\d\d-\d\d", date) else ""
