"""Find everything in one model that will probably fail, or not do what it seems to do.

Unsupported parameters and the end of life are looked up in LiteLLM's map of models. Before it sends
anything, LiteLLM raises an error for a parameter that it knows to be unsupported, unless
`drop_params` is set. If importing it is allowed, it is asked about each parameter separately, so
that faults have a location. No request is made, and no key is needed.
"""

from __future__ import annotations

import datetime
import inspect
import os
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any, TypeGuard

from dispatch.errors import Fault
from dispatch.immutable import LISTS, thaw
from dispatch.litellm.catalog import Catalog
from dispatch.litellm.endpoints import called, endpoint_of, find_foreign_key, is_openais
from dispatch.litellm.misplaced import find_misplaced
from dispatch.litellm.policy import find_value_faults
from dispatch.litellm.providers import find_endpoint_faults, find_provider_faults
from dispatch.litellm.tables import rows, table
from dispatch.litellm.values import find_reference_faults, find_wrong_values
from dispatch.redaction import is_reference, quote_name, scrub, secret_values

__all__ = ["find_end_of_life", "find_refused", "find_refused_by_litellm", "find_suspicious",
           "find_wrong_tokens"]  # fmt: skip

_GPT_5 = r"(.*/)?gpt-[56](?!-chat)(?!.*search).*"
_SAMPLING = ("temperature", "top_p")
_ONE_OF_TWO = r"claude-(opus-4-[15]|sonnet-4-5|haiku-4-5)"  # which accept either of the two
_SUCCESSIONS = 5  # to follow if successors have reached their end too
_ASKING = frozenset({"github_copilot", "chatgpt", "ollama", "ollama_chat", "lemonade"})
"""Providers for which LiteLLM asks a server or the user before a call."""
_HOW = frozenset({"drop_params", "additional_drop_params", "allowed_openai_params", "model_info"})
_GIVEN = frozenset({"model", "custom_llm_provider", "messages", "kwargs", "api_version", *_HOW})
_DROP = "leave it out, or set drop_params: true"


def find_suspicious(
    model: Mapping[str, Any],
    catalog: Catalog | None,
    *,
    ahead: int = 30,
    today: datetime.date | None = None,
    own_keys: Collection[str] = (),
    providers: Collection[str] = (),
    drop_params: bool = False,
    secrets: Collection[str] = (),
) -> Iterator[Fault]:
    """Yield a warning for everything in a model that looks wrong; paths start at the model.

    A model is reported `ahead` days before the end of its life. `providers` are those that the
    program adds, as in `custom_provider_map`, and `drop_params` is that of `litellm_settings`.
    `secrets` are those of the whole configuration, to be hidden.

    >>> for fault in find_suspicious({"model": "gpt-4o", "maxTokens": 10}, None):
    ...     print(fault)
    maxTokens: unknown key; did you mean 'max_tokens'?
    """
    sent = {k: v for k, v in model.items() if isinstance(k, str) and k not in own_keys}
    found = [
        find_misplaced(sent),
        find_wrong_values(sent),
        find_reference_faults(sent),
        find_endpoint_faults(sent),
        find_foreign_key(sent),
        find_wrong_tokens(sent, catalog),
    ]
    if catalog is not None:
        found += [
            find_provider_faults(sent, catalog, providers),
            find_refused(sent, catalog, drop_params=drop_params),
            find_end_of_life(sent, catalog, today or datetime.date.today(), ahead),
        ]
    seen = {fault.path for fault in find_value_faults(sent)}  # already rejected
    for fault in chain.from_iterable(found):
        if fault.path not in seen:
            seen.add(fault.path)
            hidden = secrets or secret_values(sent) if fault.code == "unknown-model" else ()
            if any(each in fault.message for each in hidden):  # a secret as the model name
                fault = fault._replace(message=scrub(fault.message, hidden), hint="")
            yield fault.as_warning()


def find_refused(
    model: Mapping[str, Any], catalog: Catalog, *, drop_params: bool = False
) -> Iterator[Fault]:
    """Yield a fault for each parameter that LiteLLM or the model rejects.

    `drop_params` is that of `litellm_settings`.

    >>> catalog = Catalog({"o3": {"litellm_provider": "openai", "supports_reasoning": True}}, [])
    >>> for fault in find_refused({"model": "o3", "temperature": 0.2, "top_p": 0.9}, catalog):
    ...     print(fault)
    temperature: 'o3' does not support any temperature but 1; leave it out, or set drop_params: true
    top_p: 'o3' does not support top_p; leave it out, or set drop_params: true
    """
    name, custom = called(model)
    dropped = model.get("drop_params", drop_params) is True or os.environ.get("LITELLM_DROP_PARAMS")
    if not name or dropped or "/responses/" in name:
        return
    lists = (model.get("additional_drop_params"), model.get("allowed_openai_params"))
    spared = [key for keys in lists if isinstance(keys, LISTS) for key in keys]
    for key in dict.fromkeys(_refused(model, name, custom, catalog)):
        value = model.get(key)
        schema = isinstance(value, Mapping) and value.get("type") == "json_schema"
        harmless = {"temperature": value == 1, "n": value == 1, "response_format": not schema}
        if value is None or key in spared or harmless.get(key):
            continue
        what = {"temperature": "any temperature but 1", "reasoning_effort": f"{key}: {value}"}
        message = f"{quote_name(name)} does not support {what.get(key, key)}"
        yield _clash(message, _DROP, key)


def _refused(
    model: Mapping[str, Any], name: str, custom: str | None, catalog: Catalog
) -> Iterator[str]:
    """Yield the parameters that a model rejects with their current values."""
    provider = (catalog.provider(name, custom) or "").partition("-")[0].removesuffix("_converse")
    entry = catalog.find(name, custom) or {}
    refused, known = table("refused"), table("providers")
    claude = provider in known["sampling"] and "claude" in name
    listed = str(entry.get("litellm_provider"))  # may be bedrock_converse or cohere_chat
    for each in ("claude",) if claude else (provider, listed):
        yield from refused.get(each, ())
    for flag, whose, *keys in rows("unsupported"):
        if entry.get(flag) is False and (whose == "any" or provider in known[whose]):
            yield from keys
    if provider in known["reasoning"] and entry and not entry.get("supports_reasoning"):
        yield "reasoning_effort"
    if provider not in ("openai", "azure", "azure_ai"):
        return
    entry = {**catalog.entries.get(name.partition("/")[2], {}), **entry}  # the same model at Azure
    bare = name.rpartition("/")[2]
    if re.fullmatch(_GPT_5, name):
        yield from _refused_by_gpt_5(model, provider, entry, catalog)
    elif re.match(r"o\d", bare) and entry.get("supports_reasoning"):
        yield from ("temperature", *refused["o-series"])
    elif re.match(r"(chatgpt|gpt)-[34]", bare) and not entry.get("supports_reasoning"):
        yield from refused["gpt-4"]


def _refused_by_gpt_5(
    model: Mapping[str, Any], provider: str, entry: Mapping[str, Any], catalog: Catalog
) -> Iterator[str]:
    """Yield the parameters that gpt-5 and later reject: sampling, unless reasoning is off."""
    yield from table("refused")["gpt-5"]
    described = model.get("model_info")
    described = described if isinstance(described, Mapping) else {}
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
    """Yield a fault for too many tokens, and for parameters that conflict.

    >>> thinking = {"type": "enabled", "budget_tokens": 500}
    >>> for fault in find_wrong_tokens({"model": "claude-opus-4-5", "thinking": thinking}, None):
    ...     print(fault)
    thinking.budget_tokens: 500 is less than the minimum of 1024 tokens; write 1024
    """
    asked = {key: model.get(key) for key in ("max_tokens", "max_completion_tokens")}
    counts = {key: count for key, count in asked.items() if _is_count(count)}
    openai = is_openais(model)
    if openai and None not in asked.values():
        hint = "keep one of the two"
        yield _clash("is rejected together with max_completion_tokens", hint, "max_tokens")
    if openai and model.get("top_logprobs") is not None and not model.get("logprobs"):
        hint = "add logprobs: true"
        yield _clash("is rejected without logprobs", hint, "top_logprobs")
    logged = model.get("logprobs")
    if openai and _is_count(logged):
        hint = f"write logprobs: true, top_logprobs: {logged}"
        yield _clash("is a boolean for chats", hint, "logprobs")
    if re.search(_ONE_OF_TWO, called(model)[0]) and None not in map(model.get, _SAMPLING):
        yield _clash("Claude rejects it together with temperature", "keep one of the two", "top_p")
    entry = _entry(model, catalog) if catalog else {}
    limit = entry.get("max_output_tokens") or entry.get("max_tokens")
    for key, count in counts.items():
        if isinstance(limit, int | float) and count > limit:
            message = f"{count} is more than the {int(limit)} tokens in LiteLLM's list"
            yield Fault((key,), message, f"ask for at most {int(limit)}", "too-many-tokens")
    thinking = model.get("thinking")
    if "claude" in called(model)[0] and isinstance(thinking, Mapping):
        yield from _find_wrong_thinking(thinking, model.get("temperature"), counts.values())


def _find_wrong_thinking(
    thinking: Mapping[str, Any], heat: Any, counts: Collection[int]
) -> Iterator[Fault]:
    """Yield a fault for each value that Claude rejects together with `thinking`."""
    kind = thinking.get("type")
    if kind == "enabled" and isinstance(heat, int | float) and heat != 1:
        yield _clash("Claude requires temperature 1 for thinking", "leave it out", "temperature")
    misspelt = [key for key in thinking if str(key).startswith("budget_t")]  # reported elsewhere
    budget = thinking.get("budget_tokens", misspelt or None)
    if kind is None or (kind == "enabled" and budget is None):
        lacks = "type" if kind is None else "budget_tokens"
        hint = f"write {{type: enabled, budget_tokens: {budget if _is_count(budget) else 2000}}}"
        yield _clash(f"has no {lacks}", hint, "thinking")
    if not _is_count(budget):
        return
    most, path = min(counts, default=budget + 1), ("thinking", "budget_tokens")
    if budget < 1024:
        message = f"{budget} is less than the minimum of 1024 tokens"
        yield _clash(message, "write 1024", *path)
    elif budget >= most:
        message = f"{budget} leaves none of the {most} tokens for the answer"
        yield _clash(message, f"write less than {most}", *path)


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _entry(model: Mapping[str, Any], catalog: Catalog) -> Mapping[str, Any]:
    """Return the map's entry for a model at its vendor's own endpoint, or at Azure's."""
    name, custom = called(model)
    if not name or (endpoint_of(model)[1] and catalog.provider(name, custom) != "azure"):
        return {}
    return catalog.find(name, custom) or {}


def find_end_of_life(
    model: Mapping[str, Any], catalog: Catalog, today: datetime.date, ahead: int = 30
) -> Iterator[Fault]:
    """Yield a fault for a model that is deprecated, or will be within `ahead` days.

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
    for _ in range(_SUCCESSIONS):  # it may be deprecated as soon
        after = catalog.entries.get(successor, {})
        if "" < _end(after) <= limit:
            successor = str(after.get("successor_model") or successor)
    prefix, slash, _ = called(model)[0].partition("/")
    known = catalog.entries.get(successor)
    if (
        known is not None
        and known.get("mode") == entry.get("mode")
        and prefix in catalog.providers
        and not successor.startswith(f"{prefix}/")
    ):
        successor = f"{prefix}{slash}{successor}"
    verb = "was" if ends <= today.isoformat() else "will be"
    hint = "" if known is None else f"use {successor}"
    yield Fault(("model",), f"{verb} deprecated on {ends}", hint, "deprecated-model")


def _end(entry: Mapping[str, Any]) -> str:
    date = str(entry.get("deprecation_date") or "")
    return date if re.fullmatch(r"\d{4}-\d\d-\d\d", date) else ""


def find_refused_by_litellm(
    model: Mapping[str, Any], mode: str = "chat", *, drop_params: bool = False
) -> Iterator[Fault]:
    """Yield a warning for each parameter that LiteLLM rejects for a mode of call.

    This imports LiteLLM and asks its `get_optional_params`. `drop_params` is that of
    `litellm_settings`.

    >>> for fault in find_refused_by_litellm({"model": "gpt-5-mini", "temperature": 0.2}):
    ...     print(fault)
    temperature: LiteLLM rejects it for 'gpt-5-mini'; leave it out, or set drop_params: true
    """
    name, custom = called(model)
    provider = custom or name.partition("/")[0]
    if not name or provider in _ASKING or mode not in ("chat", "embedding"):
        return
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # or the import makes a request
    import litellm
    from litellm.exceptions import BadRequestError
    from litellm.utils import get_optional_params_embeddings

    ask = litellm.get_optional_params if mode == "chat" else get_optional_params_embeddings
    known = frozenset(inspect.signature(ask).parameters)
    how = {key: thaw(model[key]) for key in _HOW & known & model.keys()}
    how.setdefault("drop_params", drop_params or None)

    def refuses(params: Mapping[str, Any]) -> bool:
        try:
            ask(model=bare, custom_llm_provider=provider, **how, **params)
        except Exception:  # of any class, as values may have any type
            return True
        return False

    params = {k: thaw(v) for k, v in model.items() if k in known - _GIVEN and _is_given(v)}
    found = []
    quiet, litellm.suppress_debug_info = litellm.suppress_debug_info, True
    try:
        _, url = endpoint_of(model)
        base = None if is_reference(url) else url or None
        bare, provider, *_ = litellm.get_llm_provider(name, custom, api_base=base)
        if params and refuses(params):
            efforts = {k: v for k, v in params.items() if k in ("reasoning_effort", "thinking")}
            beside = {k: v for k, v in efforts.items() if not refuses({k: v})}  # others need these
            keys = [key for key, value in params.items() if refuses({**beside, key: value})]
            message = f"LiteLLM rejects it for {quote_name(name)}"
            found = [_clash(message, _DROP, key) for key in keys]
            if not found:
                message = f"LiteLLM rejects the combination of {', '.join(params)}"
                found = [_clash(message, "set drop_params: true", "model")]
    except BadRequestError:
        message, hint = f"unknown provider for model {quote_name(name)}", "write it before the name"
        found = [Fault(("model",), message, hint, "unknown-model")]
    finally:
        litellm.suppress_debug_info = quiet
    yield from (fault.as_warning() for fault in found)


def _is_given(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and is_reference(value))


def _clash(message: str, hint: str, *path: str) -> Fault:
    return Fault(path, message, hint, "refused-parameter")
