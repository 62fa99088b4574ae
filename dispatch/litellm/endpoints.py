"""Whose key goes to which endpoint: one vendor's must not go to another's by mistake.

Where a model has no key of its own, LiteLLM takes the vendor's from the environment, and sends it
to whatever endpoint the model names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from dispatch.errors import Fault
from dispatch.secrets import REFERENCE

__all__ = ["VENDORS", "find_foreign_key", "has_keyless_endpoint", "key_variables"]

_AZURE = ("azure.com", "azure.us", "azure.cn", "azure-api.net")

VENDORS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "anthropic": (("anthropic.com",), ("ANTHROPIC_AUTH_TOKEN",)),
    "azure": (_AZURE, ("AZURE_OPENAI_API_KEY",)),
    "azure_ai": (_AZURE, ("AZURE_OPENAI_API_KEY", "AZURE_API_KEY")),
    "cerebras": (("cerebras.ai",), ()),
    "cohere": (("cohere.com", "cohere.ai"), ("CO_API_KEY",)),
    "dashscope": (("aliyuncs.com",), ()),
    "deepinfra": (("deepinfra.com",), ()),
    "deepseek": (("deepseek.com",), ()),
    "fireworks_ai": (
        ("fireworks.ai",),
        ("FIREWORKS_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
    ),
    "gemini": (("googleapis.com",), ("GOOGLE_API_KEY",)),
    "github": (("github.ai", "azure.com"), ()),
    "groq": (("groq.com",), ()),
    "huggingface": (("huggingface.co", "huggingface.cloud"), ("HF_TOKEN",)),
    "mistral": (("mistral.ai",), ()),
    "moonshot": (("moonshot.ai", "moonshot.cn"), ()),
    "nvidia_nim": (("nvidia.com",), ()),
    "openai": (("openai.com",), ()),
    "openrouter": (("openrouter.ai",), ("OR_API_KEY",)),
    "perplexity": (("perplexity.ai",), ("PERPLEXITYAI_API_KEY",)),
    "sambanova": (("sambanova.ai",), ()),
    "together_ai": (
        ("together.ai", "together.xyz"),
        ("TOGETHER_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"),
    ),
    "xai": (("x.ai",), ()),
}
"""By the prefix of a model: the vendor's own domains, and the variables of its key that are not
called after the prefix. A server that one runs oneself (hosted_vllm, ollama, …) has no vendor."""

_INSTEAD: Mapping[str, tuple[str, str]] = {
    "openai": ("", "Authorization"),
    "azure": ("azure_ad_token", "api-key"),
    "gemini": ("", "x-goog-api-key"),
}
"""The key of a model, and the header, that a vendor's own key gives way to; mostly nothing does."""

_UNPREFIXED = {
    "openai": re.compile(r"(chatgpt|gpt|ft:gpt|o\d)\b"),
    "anthropic": re.compile(r"claude\b"),
}


def key_variables(vendor: str) -> tuple[str, ...]:
    """Return the variables in which LiteLLM looks for a vendor's key.

    >>> key_variables("gemini")
    ('GEMINI_API_KEY', 'GOOGLE_API_KEY')
    """
    return (f"{vendor.upper()}_API_KEY", *VENDORS[vendor][1])


def has_keyless_endpoint(model: Mapping[str, Any]) -> bool:
    """Tell whether a model names an endpoint, and no key; `api_key: none` is one.

    >>> has_keyless_endpoint({"model": "gpt-4o", "api_base": "http://localhost:8000"})
    True
    """
    return bool(_endpoint(model)[1]) and not _names_key(model)


def find_foreign_key(model: Mapping[str, Any]) -> Fault | None:
    """Return a fault where, as the environment now is, a vendor's key would go to another's host.

    >>> os.environ["GROQ_API_KEY"] = "gsk-1"
    >>> print(find_foreign_key({"model": "groq/llama", "api_base": "http://localhost:8000"}))
    api_base: LiteLLM would send GROQ_API_KEY to localhost; name an api_key, or api_key: none
    >>> del os.environ["GROQ_API_KEY"]
    """
    if not has_keyless_endpoint(model):
        return None
    name, url = _endpoint(model)
    vendor, host = _vendor(model), _host(url)
    if vendor is None or host is None:
        return None
    if any(f".{host}".endswith(f".{own}") for own in VENDORS[vendor][0]):
        return None
    sent = next((name for name in key_variables(vendor) if os.environ.get(name)), None)
    if sent is None:
        return None
    hint = "name an api_key, or api_key: none"
    message = f"LiteLLM would send {sent} to {host}"
    return Fault((name,), message, hint, "foreign-key", "warning")


def _endpoint(model: Mapping[str, Any]) -> tuple[str, Any]:
    name = "api_base" if model.get("api_base") else "base_url"
    return name, model.get(name)


def _names_key(model: Mapping[str, Any]) -> bool:
    """Tell whether a model names what LiteLLM sends instead of the vendor's key: no other secret.

    A gateway's token, or a key for logs, keeps no vendor's key at home.
    """
    if model.get("api_key"):
        return True
    key, header = _INSTEAD.get(_vendor(model) or "", ("", ""))
    headers = (model.get("headers"), model.get("extra_headers"))
    return bool(model.get(key)) or any(
        isinstance(each, Mapping) and each.get(header) for each in headers
    )


def _vendor(model: Mapping[str, Any]) -> str | None:
    called = str(model.get("model", ""))
    prefix = model.get("custom_llm_provider") or called.partition("/")[0]
    if "/" in called or prefix != called:
        vendor = str(prefix).removesuffix("_chat")  # cohere_chat
        return vendor if vendor in VENDORS else None
    return next((name for name, shape in _UNPREFIXED.items() if shape.match(called)), None)


def _host(url: Any) -> str | None:
    if not isinstance(url, str):
        return None
    if url.startswith(REFERENCE):
        url = os.environ.get(url.removeprefix(REFERENCE), "")
    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname
    except ValueError:
        return None
