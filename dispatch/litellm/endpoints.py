"""Whose key goes to which endpoint: one vendor's must not go to another's by mistake.

For a model without a key, LiteLLM takes the vendor's from the environment, and sends it to
whatever endpoint the model names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from dispatch.errors import Fault
from dispatch.litellm.tables import rows
from dispatch.redaction import REFERENCE

__all__ = ["ENDPOINTS", "VENDORS", "find_credential_leak", "find_foreign_key", "key_variables",
           "vendor_of"]  # fmt: skip

ENDPOINTS = frozenset({"api_base", "base_url"})
"""The keys of a model that name an endpoint."""

VENDORS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    vendor: (tuple(n for n in names if "." in n), tuple(n for n in names if "." not in n))
    for vendor, *names in rows("vendors")
}
"""By the prefix of a model: the domains of its vendor, and the further variables of its key."""

_INSTEAD: Mapping[str, tuple[str, str]] = {
    "openai": ("", "Authorization"),
    "azure": ("azure_ad_token", "api-key"),
    "gemini": ("", "x-goog-api-key"),
}
"""The key of a model and the header that LiteLLM sends instead of a vendor's key."""

_RESELLERS = ("azure", "azure_ai", "github", "huggingface", "openrouter", "together_ai")
_UNPREFIXED = {"openai": r"(chatgpt|gpt|ft:gpt|o\d)\b", "anthropic": r"claude\b"}


def key_variables(vendor: str) -> tuple[str, ...]:
    """Return the variables in which LiteLLM looks for a vendor's key.

    >>> key_variables("gemini")
    ('GEMINI_API_KEY', 'GOOGLE_API_KEY')
    """
    return (f"{vendor.upper()}_API_KEY", *VENDORS[vendor][1])


def find_credential_leak(model: Mapping[str, Any]) -> Fault | None:
    """Return a warning if a vendor's key, from the environment, would go to another's endpoint.

    >>> os.environ["GROQ_API_KEY"] = "gsk-1"
    >>> print(find_credential_leak({"model": "groq/llama", "api_base": "http://localhost:8000"}))
    api_base: LiteLLM would send GROQ_API_KEY to localhost; name an api_key, or api_key: none
    >>> del os.environ["GROQ_API_KEY"]
    """
    key = "api_base" if model.get("api_base") else "base_url"
    url = model.get(key)
    if model.get("api_key") or not url or not isinstance(url, str):
        return None
    vendor, host = vendor_of(model), _host(_resolved(url))
    token, header = _INSTEAD.get(vendor, ("", ""))
    headers = (model.get("headers"), model.get("extra_headers"))
    if model.get(token) or any(isinstance(h, Mapping) and h.get(header) for h in headers):
        return None
    if not vendor or not host or f".{host}".endswith(tuple(f".{d}" for d in VENDORS[vendor][0])):
        return None
    for variable in key_variables(vendor):
        if os.environ.get(variable):
            message = f"LiteLLM would send {variable} to {host}"
            hint = "name an api_key, or api_key: none"
            return Fault((key,), message, hint, "credential-leak", "warning")
    return None


def find_foreign_key(model: Mapping[str, Any]) -> Fault | None:
    """Return a warning if the variable of one vendor's key is named for another vendor.

    >>> model = {"model": "anthropic/claude-opus-4-8", "api_key": "os.environ/OPENAI_API_KEY"}
    >>> print(find_foreign_key(model))
    api_key: is a key of openai, not of anthropic; write os.environ/ANTHROPIC_API_KEY
    """
    vendor, key = vendor_of(model), str(model.get("api_key"))
    if not vendor or vendor in _RESELLERS or any(model.get(each) for each in ENDPOINTS):
        return None
    names = {f"{REFERENCE}{name}": each for each in VENDORS for name in key_variables(each)}
    own = key_variables(vendor)
    if key not in names or key.removeprefix(REFERENCE) in own:
        return None
    message, hint = f"is a key of {names[key]}, not of {vendor}", f"write {REFERENCE}{own[0]}"
    return Fault(("api_key",), message, hint, "foreign-key", "warning")


def vendor_of(model: Mapping[str, Any]) -> str:
    """Return whose key LiteLLM would send; empty where that is unknown.

    >>> vendor_of({"model": "claude-opus-4-8"}), vendor_of({"model": "ollama/llama3"})
    ('anthropic', '')
    """
    name = _resolved(str(model.get("model", "")))
    prefix = model.get("custom_llm_provider") or name.partition("/")[0]
    if "/" in name or prefix != name:
        vendor = str(prefix).removesuffix("_chat")  # cohere_chat
        return vendor if vendor in VENDORS else ""
    return next((vendor for vendor, form in _UNPREFIXED.items() if re.match(form, name)), "")


def _host(url: str) -> str | None:
    from urllib.parse import urlsplit  # takes a while to import

    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname
    except ValueError:
        return None


def _resolved(value: str) -> str:
    name = value.removeprefix(REFERENCE)
    return value if name == value else os.environ.get(name, "")
