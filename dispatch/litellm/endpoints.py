"""Which model is asked at which endpoint, and with whose key.

For a model without a key, LiteLLM takes the vendor's key from the environment and sends it to the
endpoint that the model names. One vendor's key must not go to another's endpoint by mistake.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from dispatch.errors import Fault
from dispatch.litellm.tables import rows
from dispatch.redaction import REFERENCE

__all__ = [
    "ENDPOINTS",
    "VENDORS",
    "called",
    "endpoint_of",
    "find_credential_leak",
    "find_foreign_key",
    "host_of",
    "is_local",
    "is_openais",
    "key_variables",
    "provider_of",
    "vendor_of",
    "vendors_at",
]

ENDPOINTS = frozenset({"api_base", "base_url"})
"""The keys of a model that name an endpoint."""

VENDORS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    vendor: (tuple(n for n in names if "." in n), tuple(n for n in names if "." not in n))
    for vendor, *names in rows("vendors")
}
"""By model prefix: the vendor's domains, and further variables for its key."""

_INSTEAD: Mapping[str, tuple[str, str]] = {
    "openai": ("", "Authorization"),
    "azure": ("azure_ad_token", "api-key"),
    "gemini": ("", "x-goog-api-key"),
}
"""The key and header of a model that LiteLLM sends instead of a vendor's key."""

_RESELLERS = ("azure", "azure_ai", "github", "huggingface", "openrouter", "together_ai")
_UNPREFIXED = {"openai": r"(chatgpt|gpt|ft:gpt|o\d)\b", "anthropic": r"claude\b"}
_NO_HOST = r"https?|.*[<>{}$].*|"  # a scheme that was written twice, or a placeholder
_LOCAL = r"""(?x)
      .+\.(local|internal|lan|localhost) | [^.]+ | 0\.0\.0\.0
    | (127|10)\.[\d.]+ | 192\.168\.[\d.]+ | 172\.(1[6-9]|2\d|3[01])\.[\d.]+
"""


def endpoint_of(model: Mapping[str, Any]) -> tuple[str, str]:
    """Return the key and the URL of a model's own endpoint; empty if it names none.

    >>> endpoint_of({"api_base": "http://localhost:8000"})
    ('api_base', 'http://localhost:8000')
    """
    for key in ("api_base", "base_url"):
        if isinstance(url := model.get(key), str) and url.strip():
            return key, url.strip()
    return "", ""


def called(model: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the model name and provider for LiteLLM; an empty name if only a call knows it.

    >>> called({"model": "gpt-4o"}), called({"model": "os.environ/MODEL"})
    (('gpt-4o', None), ('', None))
    """
    name, custom = model.get("model"), model.get("custom_llm_provider")
    custom = custom if isinstance(custom, str) and custom.strip() else None
    hidden = {"mock_response", "litellm_params"} & model.keys() or f"{custom}".startswith(REFERENCE)
    if hidden or not isinstance(name, str) or name.startswith(REFERENCE):
        return "", None
    return name.strip(), custom


def provider_of(model: Mapping[str, Any]) -> str:
    """Return the provider as written in a model; OpenAI for a name without one.

    >>> provider_of({"model": "groq/llama"}), provider_of({"model": "gpt-4o"})
    ('groq', 'openai')
    """
    name, custom = called(model)
    return custom or (name.partition("/")[0] if "/" in name else "openai")


def is_openais(model: Mapping[str, Any]) -> bool:
    """Return whether a model is served by OpenAI itself.

    >>> is_openais({"model": "gpt-4o"}), is_openais({"model": "openai/m", "api_base": "http://h"})
    (True, False)
    """
    return vendor_of(model) == "openai" and not endpoint_of(model)[1]


def vendor_of(model: Mapping[str, Any]) -> str:
    """Return the vendor whose key LiteLLM would send; empty if that is unknown.

    >>> vendor_of({"model": "claude-opus-4-8"}), vendor_of({"model": "ollama/llama3"})
    ('anthropic', '')
    """
    name = _resolved(str(model.get("model", "")))
    prefix = model.get("custom_llm_provider") or name.partition("/")[0]
    if "/" in name or prefix != name:
        vendor = str(prefix).removesuffix("_chat")  # cohere_chat
        return vendor if vendor in VENDORS else ""
    return next((vendor for vendor, form in _UNPREFIXED.items() if re.match(form, name)), "")


def _resolved(value: str) -> str:
    name = value.removeprefix(REFERENCE)
    return value if name == value else os.environ.get(name, "")


def host_of(url: str) -> str:
    """Return the host of a URL with or without a scheme; empty if there is none.

    >>> host_of("https://api.openai.com/v1"), host_of("localhost:8000")
    ('api.openai.com', 'localhost')
    """
    from urllib.parse import urlsplit  # slow to import

    try:
        return urlsplit("//" + re.sub(r"^([^/]*:|\w*\W{0,2})//", "", url)).hostname or ""
    except ValueError:
        return ""


def is_local(url: str) -> bool:
    """Return whether a URL points to this machine or its network.

    >>> is_local("http://localhost:8000/v1"), is_local("vllm:8000"), is_local("https://host.example")
    (True, True, False)
    """
    return re.fullmatch(_LOCAL, host_of(url)) is not None


@lru_cache(maxsize=256)  # each call of a model without a key asks
def vendors_at(host: str) -> tuple[str, ...]:
    """Return the vendors whose domains include a host.

    >>> vendors_at("api.openai.com"), vendors_at("localhost")
    (('openai',), ())
    """
    return tuple(
        vendor
        for vendor, (domains, _) in VENDORS.items()
        if f".{host}".endswith(tuple(f".{domain}" for domain in domains))
    )


def key_variables(vendor: str) -> tuple[str, ...]:
    """Return the environment variables that LiteLLM reads for a vendor's key.

    >>> key_variables("gemini")
    ('GEMINI_API_KEY', 'GOOGLE_API_KEY')
    """
    return (f"{vendor.upper()}_API_KEY", *VENDORS[vendor][1])


def find_credential_leak(model: Mapping[str, Any]) -> Fault | None:
    """Return a warning if a vendor's key in the environment would go to another's endpoint.

    >>> os.environ["GROQ_API_KEY"] = "gsk-1"
    >>> print(find_credential_leak({"model": "groq/llama", "api_base": "http://localhost:8000"}))
    api_base: LiteLLM would send GROQ_API_KEY to localhost; name an api_key, or api_key: none
    >>> del os.environ["GROQ_API_KEY"]
    """
    if model.get("api_key"):
        return None
    key, url = endpoint_of(model)
    vendor = vendor_of(model) if url else ""
    host = host_of(_resolved(url)) if vendor else ""
    if re.fullmatch(_NO_HOST, host) or vendor in vendors_at(host):
        return None
    token, header = _INSTEAD.get(vendor, ("", ""))
    headers = (model.get("headers"), model.get("extra_headers"))
    if model.get(token) or any(isinstance(h, Mapping) and h.get(header) for h in headers):
        return None
    for variable in key_variables(vendor):
        if os.environ.get(variable):
            message = f"LiteLLM would send {variable} to {host}"
            hint = "name an api_key, or api_key: none"
            return Fault((key,), message, hint, "credential-leak", "warning")
    return None


def find_foreign_key(model: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault if a model names the variable of another vendor's key.

    >>> model = {"model": "anthropic/claude-opus-4-8", "api_key": "os.environ/OPENAI_API_KEY"}
    >>> print(*find_foreign_key(model))
    api_key: is a key of openai, not of anthropic; write os.environ/ANTHROPIC_API_KEY
    """
    vendor, key = vendor_of(model), str(model.get("api_key"))
    if not vendor or vendor in _RESELLERS or any(model.get(each) for each in ENDPOINTS):
        return
    names = {f"{REFERENCE}{name}": each for each in VENDORS for name in key_variables(each)}
    own = key_variables(vendor)
    starts = (of for of, start in rows("starts") if key.startswith(start))
    owner, found = (names[key], "is") if key in names else (next(starts, vendor), "looks like")
    if owner != vendor and key.removeprefix(REFERENCE) not in own:
        message, hint = f"{found} a key of {owner}, not of {vendor}", f"write {REFERENCE}{own[0]}"
        yield Fault(("api_key",), message, hint, "foreign-key")
