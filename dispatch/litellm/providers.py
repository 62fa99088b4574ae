"""Who serves a model: providers that LiteLLM does not know, and endpoints that cannot work.

Advice stays with the provider that was written: whoever follows it sends nothing to a stranger.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dispatch.errors import Fault
from dispatch.litellm.catalog import Catalog
from dispatch.litellm.endpoints import ENDPOINTS, VENDORS
from dispatch.redaction import REFERENCE, quote_name, redact_text
from dispatch.suggestions import nearest

__all__ = ["called", "endpoint_of", "find_endpoint_faults", "find_provider_faults", "is_local"]

_HERE = Path(__file__)
_ROUTING = "fallback_generalizations"  # of the map: which providers LiteLLM reads out of names

_INFERRED = frozenset({
    "ai21", "anthropic", "bedrock", "bedrock_converse", "cohere", "cohere_chat", "nlp_cloud",
    "openai", "replicate", "text", "vertex_ai", "watsonx",
})  # fmt: skip
"""Providers whose models LiteLLM knows without a prefix, as of 1.110.2 (`text-completion-openai`)."""

_COMPLETE = frozenset({"anthropic", "deepseek", "gemini", "mistral", "openai", "xai"})
"""Providers whose models LiteLLM lists in full: what is not listed there is worth a warning."""

_SERVED = r".*:[0-9a-f]{64} | ft:.+ | arn:.+ | (.+/)?\* | .*/responses/.+"  # named by their owners
_AZURE = r"(.+\.)?(openai|cognitiveservices)\.azure\.(com|us|cn)"
_LOCAL = r"""(?x)
      localhost | .+\.(local|internal|lan|localhost) | [^.]+ | \[?::1\]? | 0\.0\.0\.0
    | (127|10)\.[\d.]+ | 192\.168\.[\d.]+ | 172\.(1[6-9]|2\d|3[01])\.[\d.]+
"""
_SCHEME = r"(?i)([a-z][a-z0-9+.-]*)(:/{0,4}|/{2})(?=\S)"

# What a client adds, and which ends of a path are wrong before it: seen by asking each provider of
# LiteLLM 1.110.2 at a server on loopback.
_CHAT = ("/chat/completions", r"/(chat/completions|completions|responses|embeddings|messages)")
_OLLAMA = r"/v1(/chat/completions|/completions)?|/api|/chat/completions"
_ADDED: Mapping[str, tuple[str, str]] = {
    "anthropic": ("/v1/messages", r"/v1|(/v1)?/chat/completions|(?<!/v1)/messages"),
    "azure": ("/openai/deployments/…", r"/openai|(/openai/deployments/[^/]+)?/chat/completions"),
    "gemini": ("/models/…", r"/openai|(/openai)?/chat/completions|/models"),
    "heroku": ("/v1/chat/completions", r"/v1"),
    "mistral": ("/chat/completions", r"/(chat/completions|completions|embeddings|messages)"),
    "ollama": ("/api/generate", rf"{_OLLAMA}|/api/chat"),
    "ollama_chat": ("/api/chat", rf"{_OLLAMA}|/api/generate"),
    "oobabooga": ("/v1/chat/completions", r"/v1(/chat/completions)?"),
    "text-completion-openai": ("/completions", r"/(chat/completions|completions)"),
    **dict.fromkeys(
        """ai21 ai21_chat aiml baseten cerebras chutes codestral custom_openai dashscope databricks
        deepinfra docker_model_runner featherless_ai friendliai github hyperbolic lambda_ai
        litellm_proxy llamafile lm_studio meta_llama modelscope moonshot morph nebius novita nscale
        nvidia_nim openai ovhcloud perplexity publicai sambanova scaleway v0 vercel_ai_gateway
        volcengine wandb""".split(),
        _CHAT,
    ),
}


def endpoint_of(model: Mapping[str, Any]) -> tuple[str, str]:
    """Return the key and the URL of a model's own endpoint; empty where it names none.

    >>> endpoint_of({"api_base": "http://localhost:8000"})
    ('api_base', 'http://localhost:8000')
    """
    for key in sorted(ENDPOINTS):
        if isinstance(url := model.get(key), str) and url.strip():
            return key, url.strip()
    return "", ""


def called(model: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the name and the provider that LiteLLM is asked for; no name if only a call shows it.

    >>> called({"model": "gpt-4o"}), called({"model": "os.environ/MODEL"})
    (('gpt-4o', None), ('', None))
    """
    name, custom = model.get("model"), model.get("custom_llm_provider")
    custom = custom if isinstance(custom, str) and custom.strip() else None
    if not isinstance(name, str) or f"{custom}".startswith(REFERENCE) or "mock_response" in model:
        return "", None
    return ("" if name.startswith(REFERENCE) else name.strip()), custom


def is_local(url: str) -> bool:
    """Return whether a URL leads to this machine or its network.

    >>> is_local("http://localhost:8000/v1"), is_local("vllm:8000"), is_local("https://host.example")
    (True, True, False)
    """
    return re.fullmatch(_LOCAL, _host(url)) is not None


def _host(url: str) -> str:
    try:
        return (
            urlsplit(re.sub(_SCHEME, "//", url, count=1) if "//" in url else f"//{url}").hostname
            or ""
        )
    except ValueError:
        return ""


def _warning(key: str, message: str, hint: str, code: str = "wrong-endpoint") -> Fault:
    return Fault((key,), message, hint, code, "warning")


def find_endpoint_faults(model: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a warning for an endpoint at which no call can succeed.

    >>> model = {"model": "openai/m", "api_base": "localhost:8000/v1/chat/completions"}
    >>> for fault in find_endpoint_faults(model):
    ...     print(fault)
    api_base: has no scheme; write http://localhost:8000/v1
    """
    key, url = endpoint_of(model)
    name, custom = called(model)
    provider = custom or name.partition("/")[0]
    version = model.get("api_version")
    if provider.startswith("azure") and isinstance(version, str) and not version.strip():
        hint = "write a version, such as '2024-10-21', or leave the key out"
        yield _warning("api_version", "is empty", hint)
    if not url or re.search(r"[$%{<]|os\.environ", url):
        return  # or a reference, or something in the place of one: looked at elsewhere
    fixed = _with_scheme(url)
    if re.search(r"\s", url):
        yield _warning(key, "holds a blank", f"write {re.sub(chr(92) + 's+', '', fixed)}")
        return
    try:
        host, port = urlsplit(fixed).hostname, urlsplit(fixed).port
    except ValueError:
        host = port = None
    if not host or port == 0:
        yield _warning(key, "is no URL", "write it as http://host:port/path")
        return
    root, added = _without_added(provider, fixed, str(version))
    if fixed != url:
        problem = (
            "has no scheme"
            if not re.match(_SCHEME, url) or _is_port(url)
            else "has a broken scheme"
        )
        yield _warning(key, problem, f"write {root}")
    elif root != fixed:
        yield _warning(key, f"{provider}/ adds {added} itself", f"write {root}")
    if (
        re.fullmatch(_AZURE, host)
        and "/openai/v1" not in fixed
        and not provider.startswith("azure")
    ):
        if "/" not in name or provider in ("openai", "custom_openai"):
            deployment = name.removeprefix("openai/")
            yield _warning("model", f"{host} is Azure's", f"write azure/{deployment}")


def _is_port(url: str) -> bool:
    return re.match(r"[\w.-]+:\d", url) is not None


def _with_scheme(url: str) -> str:
    """Return a URL with a scheme that is right."""
    match = None if _is_port(url) else re.match(_SCHEME, url)
    if match is None:
        return f"{'http' if is_local(url) else 'https'}://{url.lstrip('/')}"
    scheme, rest = match[1].lower(), url[match.end() :]
    if scheme not in ("http", "https"):
        near = nearest(scheme, ("https", "http"), 0.7)
        if near is None:
            return url  # grpc, unix, …: for a server that this does not know
        scheme = near
    again = None if _is_port(rest) else re.match(r"(?i)(https?)(:/*|//)", rest)
    rest = rest[again.end() :] if again else rest
    whole = f"{scheme}://{rest}"
    return url if whole.lower() == url.lower() else whole


def _without_added(provider: str, url: str, version: str) -> tuple[str, str]:
    """Return a URL without what the client of its provider adds, and what that is."""
    added, wrong = _ADDED.get(provider, ("", ""))
    path = url.partition("?")[0].rstrip("/")
    end = re.search(rf"({wrong})$", path) if wrong else None
    if end is not None and end[0]:
        root = path[: end.start()]
        return (root, added) if urlsplit(root).hostname else (url, added)
    old = version not in ("v1", "preview", "latest")
    if provider == "azure" and old and (path.endswith("/openai/v1") or "api-version=" in url):
        return path.removesuffix("/openai/v1"), added
    return url, added


def find_provider_faults(
    model: Mapping[str, Any], catalog: Catalog, providers: Collection[str] = ()
) -> Iterator[Fault]:
    """Yield a warning for a model that no provider serves, as far as LiteLLM knows.

    `providers` are those that a program registers itself.

    >>> catalog = Catalog({"gpt-4o": {"litellm_provider": "openai"}}, ["openai", "azure"])
    >>> for fault in find_provider_faults({"model": "openai:gpt-4o"}, catalog):
    ...     print(fault)
    model: unknown provider for model 'openai:gpt-4o'; write openai/gpt-4o
    """
    name, custom = called(model)
    if not name or custom in providers or name.partition("/")[0] in providers:
        return
    known = _known(catalog)
    if custom is not None and custom not in known:
        prefix = _prefix(custom, known)
        if prefix:
            message = f"unknown provider {quote_name(custom)}"
            yield _warning("custom_llm_provider", message, f"write {prefix}", "unknown-model")
        return
    _, url = endpoint_of(model)
    prefix, slash, _ = name.partition("/")
    if custom or (slash and prefix in known):
        if not url:
            yield from _find_unlisted(name, custom, catalog)
        elif (custom or prefix) == "vllm":
            hint = f"write hosted_vllm/{name.removeprefix('vllm/')}"
            yield _warning("model", "vllm/ asks no endpoint", hint, "unknown-model")
    elif not _is_inferred(name, catalog) and _host(url) not in _compatible_hosts():
        message = f"unknown provider for model {quote_name(name)}"
        yield _warning("model", message, _advise(name, url, catalog), "unknown-model")


@lru_cache(maxsize=1)
def _known(catalog: Catalog) -> frozenset[str]:
    """Return all prefixes that LiteLLM knows: some of its providers are in the map only."""
    listed = {str(e.get("litellm_provider")) for n, e in catalog.entries.items() if "/" in n}
    return catalog.providers | {p for p in listed if p.replace("_", "").isalnum()} | {"veniceai"}


@lru_cache(maxsize=1)
def _compatible_hosts() -> frozenset[str]:
    lines = _HERE.with_name("compatible_hosts.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line[0] != "#")


@lru_cache(maxsize=1)
def _aliases() -> Mapping[str, str]:
    lines = _HERE.with_name("provider_names.txt").read_text(encoding="utf-8").splitlines()
    rows = (line.split() for line in lines if line[0] != "#")
    return {alias: prefix for prefix, *aliases in rows for alias in aliases}


def _is_inferred(name: str, catalog: Catalog) -> bool:
    """Return whether LiteLLM knows the provider of a model that names none."""
    entry = catalog.entries.get(name, {})
    provider = str(entry.get("litellm_provider", "")).partition("-")[0]
    if provider in _INFERRED or "alias_of" in entry or re.fullmatch(_SERVED, name, re.VERBOSE):
        return True
    rules = catalog.entries.get(_ROUTING, {}).get("rules") or ()
    patterns = (r["pattern"] for r in rules if "litellm_provider" in r.get("model_info", ()))
    return any(re.search(pattern, name, re.IGNORECASE) for pattern in patterns)


def _prefix(written: str, known: Collection[str]) -> str | None:
    """Return the prefix of LiteLLM that a user means by the name of a provider."""
    plain = re.sub(r"[\W_]", "", written.lower())
    same = (prefix for prefix in sorted(known) if re.sub(r"[\W_]", "", prefix) == plain)
    prefix = _aliases().get(plain) or next(same, None)
    if prefix is None and len(plain) > 4:
        prefix = nearest(written, sorted(p for p in known if p[0] == plain[0]), 0.8)
    return prefix


def _advise(name: str, url: str, catalog: Catalog) -> str:
    """Return how to name the provider of a model."""
    provider = str(catalog.entries.get(name, {}).get("litellm_provider", "")).partition("-")[0]
    host = _host(url)
    vendors = (
        v
        for v, (domains, _) in VENDORS.items()
        if f".{host}".endswith(tuple(f".{d}" for d in domains))
    )
    vendor = next(vendors, None) if host else None
    if vendor:
        return f"write {vendor}/{name}"
    split = re.fullmatch(r"([\w. -]+?)\s*(?:/|\\+|::?|\|)\s*(.+)", name)
    prefix = _prefix(split[1], _known(catalog)) if split and split[1] != "meta-llama" else None
    if split and prefix:
        served = f"openai/{name}"
        other = f", or {served} if the endpoint speaks OpenAI's API" if url else ""
        also = f", or vertex_ai/{split[2]}" if split[1] == "google" and not url else ""
        return f"write {prefix}/{split[2]}{also}" + ("" if served.startswith(prefix) else other)
    if url:
        if urlsplit(_with_scheme(url)).netloc.endswith(":11434") and "/v1" not in url:
            return f"write ollama_chat/{name}"
        return f"write openai/{name} if the endpoint speaks OpenAI's API"
    if provider in catalog.providers:
        return f"write {provider}/{name}"
    near = _near_bare(name, catalog)
    return (
        f"did you mean {quote_name(near)}?"
        if near
        else f"write its provider before it: provider/{name}"
    )


def _near_bare(name: str, catalog: Catalog) -> str | None:
    """Return the nearest name that needs no provider, of the same family, such as gpt."""
    if "/" in name or len(name) < 4:
        return None
    family = re.match(r"[a-z]*", name.lower())
    letters = family[0] if family else ""
    names = [n for n in catalog.entries if n[0] == name[0].lower() and "/" not in n]
    near = nearest(name, [n for n in names if _is_inferred(n, catalog)], 0.75)
    same = near and nearest(letters, [re.match(r"[a-z]*", near)[0]], 0.6)  # type: ignore[index]
    return near if same else None


def _find_unlisted(name: str, custom: str | None, catalog: Catalog) -> Iterator[Fault]:
    """Yield a warning for a misspelt name, and for an unlisted one where the list is complete."""
    if (
        name in catalog.entries
        or catalog.find(name, custom)
        or catalog.takes_any_name(name, custom)
    ):
        return
    if re.fullmatch(_SERVED, name, re.VERBOSE):
        return
    near = catalog.near(name, custom)
    letters = [re.sub(r"[\W\d_]", "", each.rpartition("/")[2]) for each in (name, near or "")]
    if letters[0] == letters[1]:
        return  # a version that is newer than the list
    provider = catalog.provider(name, custom)
    if near or provider in _COMPLETE:
        hint = f"did you mean {quote_name(near)}?" if near else ""
        message = f"LiteLLM's list has no model {quote_name(name)}"
        yield _warning("model", redact_text(message), hint, "unknown-model")
