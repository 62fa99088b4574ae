"""Who serves a model: providers that LiteLLM does not know, and endpoints that cannot work.

Advice stays with the provider that was written, so that following it sends nothing to a stranger.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from dispatch.errors import Fault
from dispatch.litellm.catalog import Catalog
from dispatch.litellm.endpoints import VENDORS, called, endpoint_of, host_of, is_local, vendors_at
from dispatch.litellm.tables import rows, table
from dispatch.redaction import REFERENCE, quote_name
from dispatch.suggestions import nearest

__all__ = ["find_endpoint_faults", "find_provider_faults"]

_ROUTING = "fallback_generalizations"  # of the map: which providers LiteLLM reads out of names
_SERVED = r"""(?x)  # named by their owners
      .*:[0-9a-f]{64} | .+\#.+ | ft:.+ | arn:.+ | .*\* | .*/responses/.+
"""
_AZURE = r"(.+\.)?(openai|cognitiveservices)\.azure\.(com|us|cn)"
_HOST = r"[\w-]+(\.[\w-]+)*\.?|[\da-f:.%]+"
_GUESSES = ("", "/v1", "/api", "/openai", "/v1beta", "/api/openai/v1")
_GEMINI = "generativelanguage.googleapis.com"
_PORTS = {"11434": ("openai",), "1234": ("openai",)}
_VERSION = r"\d{4}-(0[1-9]|1[0-2])-[0-3]\d(-preview)?|v1|preview|latest|os\.environ/.+|[${%].*"
_BELOW_V1 = ("hosted_vllm", "lm_studio")  # servers that answer there alone
_ENDPOINTS_OF_AWS = ("aws_bedrock_runtime_endpoint", "aws_sts_endpoint")
_SCHEMES = ("https", "http")
_SCHEME = r"(?i)([a-z][a-z0-9+.-]*)(:/{0,2}|[;,.]?//)(?=\S)"
_HOST_AND_PORT = r"[\w.-]+:\d"
_PART = r"([\w. -]+?)\s*(?:/|\\+|::?|\|)\s*(.+)"  # a provider, and what follows it


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
    family = _family(name) if re.search(r"\d", name) else ""
    provider = custom or (name.partition("/")[0] if "/" in name else family)
    version = model.get("api_version")
    if provider == "azure" and isinstance(version, str) and not re.fullmatch(_VERSION, version):
        hint = "write a version, such as '2024-10-21', or leave the key out"
        yield _warning("api_version", "is no version" if version.strip() else "is empty", hint)
    region, area = model.get("aws_region_name"), name.rpartition("/")[2].partition(".")[0]
    elsewhere = table("areas").get(area, ()) if provider == "bedrock" else ()
    if elsewhere and isinstance(region, str) and region.startswith(elsewhere):
        message = f"{region} does not serve names that begin with {area}."
        hint = "write a region of theirs, or the name for that region"
        yield _warning("aws_region_name", message, hint)
    for name_of_endpoint in _ENDPOINTS_OF_AWS:
        value = model.get(name_of_endpoint)
        if isinstance(value, str) and re.match(r"[\w-]+\.[\w.-]+(/|:|$)", value):
            yield _warning(name_of_endpoint, "has no scheme", f"write https://{value}")
    if wrapped := re.fullmatch(r"(?s)<(.+)>|'(.+)'|\"(.+)\"|`(.+)`", url):
        bare = next(filter(None, wrapped.groups()))
        yield _warning(key, "is wrapped in quotes or brackets", f"write {bare}")
        return
    if not url or re.search(r"[$%{<]|os\.environ", url):
        return  # or something in the place of a part: looked at elsewhere
    whole = _with_scheme("".join(url.split()).replace("\\", "/"))
    if not whole.lower().startswith(("http://", "https://")):
        return  # grpc, unix, …: for a server that this does not know
    try:
        host, port = urlsplit(whole).hostname or "", urlsplit(whole).port
    except ValueError:
        host, port = "", 0
    if host in table("websites"):
        hint = f"write {table('websites')[host][0]}"
        yield _warning(key, "leads to a web page, not to an API", hint)
    elif provider in VENDORS and provider not in ("openai", *table("owners").get(host, [provider])):
        yield _warning(key, f"{host} does not speak the API of {provider}/", "leave it out")
    elif re.search(r"[\s,;|]https?://", url):
        yield _warning(key, "holds several URLs", "list the model once for each endpoint")
    elif re.search(r"\s", url):
        yield _warning(key, "holds a blank", f"write {whole}")
    elif "//" in (path := urlsplit(whole).path) and "://" not in path:
        hint = f"write {whole.replace(path, re.sub('//+', '/', path))}"
        yield _warning(key, "has two slashes in its path", hint)
    elif not re.fullmatch(_HOST, host) or port == 0:
        yield _warning(key, "is no URL", "write it as http://host:port/path")
    else:
        root, added = _root(provider, whole, str(version))
        if whole != url:
            bare = re.match(_HOST_AND_PORT, url) or not re.match(_SCHEME, url)
            problem = "has no scheme" if bare else "has a broken scheme"
            yield _warning(key, problem, f"write {root}")
        elif root != whole:
            problem = f"{provider}/ adds {added} itself" if added else "leads to no API"
            yield _warning(key, problem, f"write {root}")
        elif whole.lower().startswith("http://") and vendors_at(host):
            yield _warning(key, "sends the key without encryption", f"write https{whole[4:]}")
        openai = provider in ("", "openai", "custom_openai") and "/openai/v1" not in whole
        other = provider in VENDORS.keys() - {"openai", "azure", "azure_ai"}
        if (openai or other) and re.fullmatch(_AZURE, host):
            hint = f"write azure/{name.removeprefix(f'{provider}/')}"
            yield _warning("model", f"{host} is Azure's", hint)


def _with_scheme(url: str) -> str:
    """Return a URL with a scheme that is right; as it is where that is right already."""
    match = None if re.match(_HOST_AND_PORT, url) else re.match(_SCHEME, url)
    if match is None:
        return f"{'http' if is_local(url) else 'https'}://{url.lstrip('/')}"
    scheme: str | None = match[1].lower()
    scheme = scheme if scheme in _SCHEMES else nearest(match[1], _SCHEMES, 0.7)
    if scheme is None:
        return url
    whole = f"{scheme}://" + re.sub(r"(?i)^https?:?//", "", url[match.end() :])
    return url if whole.lower() == url.lower() else whole


def _root(provider: str, url: str, version: str) -> tuple[str, str]:
    """Return a URL as a client wants it, and what the client adds to it."""
    added, wrong = next(((a, w) for a, w, *known in rows("added") if provider in known), ("", ""))
    path = url.partition("?")[0].rstrip("/")
    end = re.search(rf"({wrong})$", path) if wrong else None
    if end is not None and urlsplit(path[: end.start()]).hostname:
        return path[: end.start()], added
    host, openai = urlsplit(url).netloc, added in ("/chat/completions", "")
    root = table("roots").get(host, ("",))[0] if openai and provider != "mistral" else ""
    root = "/v1beta" if provider == "gemini" and host == _GEMINI else root
    local = provider in _BELOW_V1 and is_local(url)
    own = "/v1" if local or provider in _PORTS.get(host.rpartition(":")[2], ()) else ""
    start = path.removesuffix(urlsplit(path).path)
    at_root = urlsplit(path).path in (_GUESSES if root else ("", "/api"))
    if (root or own) and at_root and path != start + (root or own):
        return start + (root or own), ""
    old = provider == "azure" and version not in ("v1", "preview", "latest")
    if old and (path.endswith("/openai/v1") or "api-version=" in url):
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
    prefix, slash, rest = name.partition("/")
    if not name or custom in providers or prefix in providers:
        return
    url, listed = endpoint_of(model)[1], catalog.providers
    asked = custom or (slash and prefix)
    known = listed if not asked or asked in listed else _known(catalog)  # which reads all models
    if custom is not None and custom not in known:
        if meant := _prefix(custom, known):
            message = f"unknown provider {quote_name(custom)}"
            yield _warning("custom_llm_provider", message, f"write {meant}", "unknown-model")
    elif slash and prefix in known and not rest.strip():
        hint = f"write it behind {prefix}/"
        yield _warning("model", "names no model", hint, "unknown-model")
    elif custom or (slash and prefix in known):
        if url and prefix == "vllm":
            hint = f"write hosted_vllm/{rest}"
            yield _warning("model", "vllm/ asks no endpoint", hint, "unknown-model")
        elif not any(re.search(r"(?i)base|url|endpoint", str(key)) for key in model if model[key]):
            yield from _find_unlisted(name, custom, catalog)
    elif re.match(r"gemini-", name) and model.get("api_key") and not url:
        message, hint = "LiteLLM takes it to Vertex AI, and there is a key", f"write gemini/{name}"
        yield _warning("model", message, hint, "unknown-model")
    elif not url and "/" not in name and (same := _same(name, None, catalog)) not in (None, name):
        message = f"LiteLLM's list has no model {quote_name(name)}"
        yield _warning("model", message, f"did you mean {same!r}?", "unknown-model")
    elif not _is_inferred(name, catalog) and host_of(url) not in table("hosts")["hosts"]:
        message = f"unknown provider for model {quote_name(name)}"
        yield _warning("model", message, _advise(name, url, catalog), "unknown-model")


def _find_unlisted(name: str, custom: str | None, catalog: Catalog) -> Iterator[Fault]:
    """Yield a warning for a misspelt name, and for an unlisted one where the list is complete."""
    bare = name.removeprefix("openrouter/")
    if bare != name and "/" not in bare and (vendor := _family(bare)):
        hint = f"write openrouter/{vendor}/{bare}"
        yield _warning("model", "the names of OpenRouter have a vendor", hint, "unknown-model")
    if (
        name in catalog.entries
        or re.fullmatch(_SERVED, name)
        or catalog.find(name, custom)
        or catalog.takes_any_name(name, custom)
    ):
        return
    provider = custom or name.partition("/")[0]
    if same := _same(name, provider, catalog) or _beginning(name, provider, catalog):
        message = f"LiteLLM's list has no model {quote_name(name)}"
        yield _warning("model", message, f"did you mean {quote_name(same)}?", "unknown-model")
        return
    complete = provider in table("providers")["complete"]
    latest = _listed_versions(catalog, provider).get(_letters(name))
    newer = latest is not None and (not complete or _version(name) > latest)  # than the list
    if newer or os.environ.get(f"{provider.upper()}_API_BASE"):
        return
    cutoff = 0.75 if complete else 0.9  # of the others, the list has a part only
    near = catalog.near(name, custom, cutoff) if provider in catalog.providers else None
    if near or complete:
        message = f"LiteLLM's list has no model {quote_name(name)}"
        hint = f"did you mean {quote_name(near)}?" if near else ""
        yield _warning("model", message, hint, "unknown-model")


def _same(name: str, provider: str | None, catalog: Catalog) -> str | None:
    """Return the listed name that differs in marks, in capitals or in the order of its parts.

    >>> catalog = Catalog({"gpt-4o": {"litellm_provider": "openai", "mode": "chat"}}, ["openai"])
    >>> _same("openai//GPT4o", "openai", catalog), _same("gpt-4", None, catalog)
    ('openai/gpt-4o', None)
    """
    prefix, names = f"{provider}/", _by_plain_name(catalog, provider)
    bare = name.removeprefix(prefix).removeprefix(prefix).replace("models/", "")
    listed = names.get(_plain(bare)) or names.get(_parts(bare))
    return f"{provider}/{listed}" if listed and name.startswith(f"{provider}/") else listed


@lru_cache(maxsize=64)
def _by_plain_name(catalog: Catalog, provider: str | None) -> Mapping[str, str]:
    """Return the names that a provider has in the list by their letters and digits, and parts."""
    listed = catalog.entries.items()
    names = [n for n, e in listed if str(e.get("litellm_provider")).startswith(f"{provider}")]
    names = [n.removeprefix(f"{provider}/") for n in names] if provider else [*_bare_names(catalog)]
    return {form(name): name for form in (_parts, _plain) for name in names[::-1]}


def _beginning(name: str, provider: str, catalog: Catalog) -> str | None:
    """Return the listed name of Bedrock that goes on where this one ends."""
    if provider != "bedrock":
        return None
    vendor, _, rest = name.rpartition("/")[2].rpartition(".")
    listed = _by_plain_name(catalog, "bedrock").values()
    names = (n for n in listed if "/" not in n and f".{n}".find(f".{rest}-") >= 0)
    fitting = [n for n in names if not vendor or n.startswith(vendor)]
    return f"bedrock/{min(fitting, key=len)}" if fitting else None


def _letters(name: str) -> str:
    return re.sub(r"[\W\d_]", "", name.rpartition("/")[2])


def _version(name: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", name.rpartition("/")[2])))


@lru_cache(maxsize=64)
def _listed_versions(catalog: Catalog, provider: str) -> Mapping[str, tuple[int, ...]]:
    """Return the latest version that a provider has in the list of each name without its digits."""
    served = ((name, str(e.get("litellm_provider"))) for name, e in catalog.entries.items())
    latest: dict[str, tuple[int, ...]] = {}
    for name in (name for name, each in served if each.startswith(provider)):
        letters = _letters(name)
        latest[letters] = max(latest.get(letters, ()), _version(name))
    return latest


@lru_cache(maxsize=1)
def _known(catalog: Catalog) -> frozenset[str]:
    """Return all prefixes that LiteLLM knows: some of its providers are in the map only."""
    listed = {str(e.get("litellm_provider")) for n, e in catalog.entries.items() if "/" in n}
    names = {each for each in listed if each.replace("_", "").isalnum()}
    return catalog.providers.union(names)


def _is_inferred(name: str, catalog: Catalog) -> bool:
    """Return whether LiteLLM knows the provider of a model that names none."""
    entry = catalog.entries.get(name, {})
    provider = str(entry.get("litellm_provider", "")).partition("-")[0]
    known = provider in table("providers")["inferred"] or "alias_of" in entry
    if known or re.fullmatch(_SERVED, name):
        return True
    rules = catalog.entries.get(_ROUTING, {}).get("rules") or ()
    patterns = [r["pattern"] for r in rules if "litellm_provider" in r.get("model_info", ())]
    return any(re.search(each, name, re.IGNORECASE) for each in patterns)


def _family(name: str) -> str:
    """Return the provider of models that one company serves, by the beginning of their names."""
    families = (prefix for prefix, *starts in rows("families") if name.startswith(tuple(starts)))
    return next(families, "")


def _parts(name: str) -> str:
    """Return the words and numbers of a name in an order of their own."""
    return " ".join(sorted(re.findall(r"[a-z]+|\d+", name.lower())))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())


@lru_cache(maxsize=256)
def _prefix(written: str, known: frozenset[str]) -> str | None:
    """Return the prefix in LiteLLM of what a user calls a provider."""
    plain = _plain(written)
    same = [prefix for prefix, *aliases in rows("names") if plain in aliases]
    same += sorted(prefix for prefix in known if _plain(prefix) == plain)
    if not same and len(plain) > 4:
        return nearest(written, sorted(p for p in known if p[0] == plain[0]), 0.8)
    return same[0] if same else None


def _advise(name: str, url: str, catalog: Catalog) -> str:
    """Return how to name the provider of a model."""
    if vendors := vendors_at(host_of(url)):
        return f"write {vendors[0]}/{name}"
    known = _known(catalog)
    name = name.removeprefix("models/")
    split = re.fullmatch(_PART, name)
    prefix = _prefix(split[1], known) if split and split[1] != "meta-llama" else None
    if split and prefix:
        also = f", or vertex_ai/{split[2]}" if split[1] == "google" and not url else ""
        if url and prefix != "openai":
            also = f", or openai/{name} if the endpoint speaks OpenAI's API"
        return f"write {prefix}/{split[2]}{also}"
    if re.search(r"[,|\s]", name):
        many = len(re.split(r"[,|]|\bor\b", name)) > 1
        return "list each model as an entry of its own" if many else "a name has no blank"
    if url and not (url.startswith(REFERENCE) and _family(name)):
        ollama = url.rstrip("/").endswith(":11434")
        hint = f"openai/{name} if the endpoint speaks OpenAI's API"
        return f"write ollama_chat/{name}" if ollama else f"write {hint}"
    first, _, rest = name.partition(".")
    if first in known and {f"{first}/{rest}", rest} & catalog.entries.keys():
        return f"write {first}/{rest}"
    prefix = _prefix(re.split(r"[^a-z]", name.lower())[0], known)
    if prefix and {f"{prefix}/{name}", name} & catalog.entries.keys():
        return f"write {prefix}/{name}"
    near, family = None if "/" in name else _near_bare(name, catalog), _family(name)
    if near and not (family and _letters(near) == _letters(name)):
        return f"did you mean {near!r}?"
    return f"write {family}/{name}" if family else "write its provider before it, and a slash"


@lru_cache(maxsize=1)
def _bare_names(catalog: Catalog) -> tuple[str, ...]:
    """Return the names of models that chat and need no provider."""
    chats = (n for n, e in catalog.entries.items() if e.get("mode") in ("chat", "responses"))
    return tuple(name for name in chats if "/" not in name and _is_inferred(name, catalog))


@lru_cache(maxsize=256)
def _near_bare(name: str, catalog: Catalog) -> str | None:
    """Return the nearest name that needs no provider, of the same family, such as gpt."""
    first = re.split(r"[^a-z]", name.lower())[0]
    form = rf"{re.escape(name[0].lower())}[a-z]{{{max(len(first) - 2, 0)},{len(first)}}}([^a-z]|$)"
    return nearest(name, [each for each in _bare_names(catalog) if re.match(form, each)], 0.75)
