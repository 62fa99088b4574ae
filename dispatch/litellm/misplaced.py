"""Keys that belong elsewhere, or that LiteLLM calls otherwise."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

from dispatch.errors import Fault
from dispatch.litellm.keys import is_known, known_keys
from dispatch.litellm.settings import SETTINGS
from dispatch.redaction import REFERENCE, is_reference, is_secret, redact

__all__ = ["find_misplaced"]

_OWN = frozenset({"name", "roles", "system_prompt", "enabled", "order", "weight", "model_info"})
_ROUTING = frozenset({"routing_strategy"})  # LiteLLM swallows it beside a model
_INFO = frozenset({
    "max_input_tokens", "mode", "litellm_provider", "deprecation_date", "access_groups",
    "supported_regions", "supported_modalities", "supported_endpoints", "health_check_model",
    "disable_background_health_check",
})  # fmt: skip
_SECTIONS = {
    **dict.fromkeys(SETTINGS, "router_settings"),
    **dict.fromkeys(("callbacks", "success_callback", "failure_callback"), "litellm_settings"),
    **dict.fromkeys(("master_key", "database_url"), "general_settings"),
}
_NAMES = {
    **dict.fromkeys(("api_url", "endpoint", "endpoint_url", "azure_endpoint", "openai_api_base",
                     "server_url", "api_endpoint", "api_host", "base_uri"), "api_base"),
    **dict.fromkeys(("rpm_limit", "requests_per_minute", "max_rpm"), "rpm"),
    **dict.fromkeys(("tpm_limit", "tokens_per_minute", "max_tpm"), "tpm"),
    **dict.fromkeys(("system_message", "sys_prompt"), "system_prompt"),
    **dict.fromkeys(("timeout_seconds", "timeout_sec", "timeout_s"), "timeout"),
    "aws_region": "aws_region_name",
    "azure_api_version": "api_version",
    "openai_organization": "organization",
    "retries": "num_retries",
}  # fmt: skip
"""Names that other tools have for keys of LiteLLM, with the same meaning."""

_NESTED = frozenset({"completion_options", "completionOptions", "default_params", "model_kwargs",
                     "generation_params", "litellm_params", "parameters", "params"})  # fmt: skip
_VARIABLE_OF = r"(.+?)_?(env|evn|environ|env_?var|envvar|env_?name|env_?key|from_env|var_?name)"
_KEY_OF = r"(env|environment)_?(key|var|variable)|key_?env(_?var)?"


def find_misplaced(model: Mapping[str, Any], own_keys: Collection[str] = ()) -> Iterator[Fault]:
    """Yield a warning for each key of a model that belongs elsewhere, or has another name.

    >>> model = {"model": "gpt-4o", "max_input_tokens": 8000, "maxTokens": 9, "api_key_env": "KEY"}
    >>> for fault in find_misplaced(model):
    ...     print(fault)
    max_input_tokens: describes the model; write model_info: {max_input_tokens: 8000}
    maxTokens: unknown key; write max_tokens
    api_key_env: unknown key; write api_key: os.environ/KEY
    """
    for key, value in model.items():
        if not isinstance(key, str) or key in own_keys or key in _OWN:
            continue
        message, hint = _find(key, value, model)
        if hint:
            yield Fault((key,), message, hint, "unknown-key", "warning")


def _find(key: str, value: Any, model: Mapping[str, Any]) -> tuple[str, str]:
    """Return what is wrong with a key, and how to write it; nothing where it may be right."""
    shown = redact(value, key) if isinstance(value, str | int | float) else "…"
    if key == "model_name":
        return "is how LiteLLM's proxy calls a role or a model", "write name: …, or roles: […]"
    if key in _NESTED and isinstance(value, Mapping):
        return "its keys stand beside the model here", "write them one level higher"
    if key == "provider" and isinstance(value, str):
        return "is no key of LiteLLM", f"write model: {shown}/…, or custom_llm_provider: {shown}"
    if key == "api_type" and isinstance(value, str):
        azure = "azure" in value.lower()
        name = str(model.get("model", "…")).removeprefix("openai/").removeprefix("azure/")
        hint = f"write model: azure/{name}" if azure else "leave it out"
        return (
            "is no key of LiteLLM",
            "leave it out" if "azure/" in f"{model.get('model')}" else hint,
        )
    if key in _ROUTING or (key in _SECTIONS and not is_known(key)):
        return "is no key of a model", f"put it under {_SECTIONS[key]}"
    if is_known(key):
        return "", ""
    if key in _INFO or key.startswith("supports_"):
        if key == "mode" and value not in (
            "chat",
            "completion",
            "embedding",
            "rerank",
            "responses",
        ):
            return "", ""
        inside = f"put it under model_info, beside {key}" if model.get("model_info") else ""
        written = f"write model_info: {{{key}: {_yaml(shown)}}}"
        return "describes the model", "put it under model_info" if inside else written
    if key in ("budget_tokens", "budgetTokens"):
        hint = f"write thinking: {{type: enabled, budget_tokens: {shown}}}"
        return "belongs to thinking", "put it under thinking" if model.get("thinking") else hint
    return "unknown key", _rename(key, value, model)


def _yaml(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _rename(key: str, value: Any, model: Mapping[str, Any]) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[-.\s]+", "_", key).lower()
    match = re.fullmatch(_VARIABLE_OF, snake)
    meant = _squashed().get(match[1].replace("_", "")) if match else None
    meant = "api_key" if re.fullmatch(_KEY_OF, snake) else meant
    if meant and is_secret(meant) and isinstance(value, str):
        variable = value.removeprefix(REFERENCE)
        named = is_reference(value) or re.fullmatch(r"[^\W\d]\w*", variable)
        written = f"{meant}: {REFERENCE}{variable if named else 'NAME'}"
        return f"{meant} is there already: remove one" if meant in model else f"write {written}"
    name = _NAMES.get(snake) or _squashed().get(snake.replace("_", ""))
    vendor = re.fullmatch(r"(?!oci)(\w+?)_(api_)?(key|token)", snake)
    if name is None and vendor and f"{model.get('model')}".startswith(f"{vendor[1]}/"):
        name = "api_key"
    if name == "api_base" and not (isinstance(value, str) and re.search(r"[:/.]", value)):
        return ""
    if name is None or name == key or (is_secret(name) and not is_secret(key)):
        return ""
    twin = {"api_base": "base_url", "base_url": "api_base"}.get(name, name)
    there = next((each for each in (name, twin) if each in model), None)
    return f"{there} is there already: remove one" if there else f"write {name}"


@lru_cache(maxsize=1)
def _squashed() -> Mapping[str, str]:
    """Return each known key of a call or of this package by its letters and digits alone."""
    return {key.replace("_", "").replace("-", "").lower(): key for key in (*known_keys(), *_OWN)}
