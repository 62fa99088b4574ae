"""Find providers that LiteLLM does not know, and endpoints that cannot work.

Hints keep the provider that the user wrote, so that following them sends no data to another one.
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

_ROUTING = "fallback_generalizations"  # in the map: how LiteLLM infers providers from names
_SERVED = r"""(?x)  # named by their owners
      .*:[0-9a-f]{64} | .+\#.+ | ft:.+ | arn:.+ | .*\* | .*/responses/.+
"""
_AZURE = r"(.+\.)?(openai|cognitiveservices)\.azure\.(com|us|cn)"
_HOST = r"[\w-]+(\.[\w-]+)*\.?|[\da-f:.%]+"
_GUESSES = ("", "/v1", "/v2", "/api", "/api/v1", "/openai", "/v1beta", "/api/openai/v1")
_VERSION = r"\d{4}-(0[1-9]|1[0-2])-[0-3]\d(-preview)?|v1|preview|latest|os\.environ/.+|[${%].*"
_SCHEMES = ("https", "http")
_OTHER_SCHEMES = r"(?i)(wss?|file|s?ftp|tcp|udp|ssh|redis|postgres(ql)?)://"
_SCHEME = r"(?i)([a-z][a-z0-9+.-]*)(:/{0,2}|[;,.]?//)(?=\S)"
_HOST_AND_PORT = r"[\w.-]+:\d"
_OLLAMAS = r"[\w.-]+:(\d+(\.\d+)?b([-\w.]*)|latest)"  # a model and its tag
_PART = r"([\w. -]+?)\s*(?:/|\\+|::?|\|)\s*(.+)"  # a provider and the rest


def _fault(key: str, message: str, hint: str) -> Fault:
    return Fault((key,), message, hint, "wrong-endpoint")


def find_endpoint_faults(model: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault for an endpoint at which every call fails.

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
        yield _fault("api_version", "is not a version" if version.strip() else "is empty", hint)
    region, area = model.get("aws_region_name"), name.rpartition("/")[2].partition(".")[0]
    elsewhere = table("areas").get(area, ()) if provider == "bedrock" else ()
    if elsewhere and isinstance(region, str) and region.startswith(elsewhere):
        message = f"{region} does not serve names that begin with {area}."
        hint = "write a region of theirs, or the name for that region"
        yield _fault("aws_region_name", message, hint)
    for endpoint in ("aws_bedrock_runtime_endpoint", "aws_sts_endpoint"):
        value = model.get(endpoint)
        if isinstance(value, str) and re.match(r"[\w-]+\.[\w.-]+(/|:|$)", value):
            yield _fault(endpoint, "has no scheme", f"write https://{value}")
    if wrapped := re.fullmatch(r"(?s)<(.+)>|'(.+)'|\"(.+)\"|`(.+)`", url):
        bare = next(filter(None, wrapped.groups()))
        yield _fault(key, "is wrapped in quotes or brackets", f"write {bare}")
        return
    info = model.get("model_info")
    mode = info.get("mode") if isinstance(info, Mapping) else ""
    if provider == "azure" and ("/responses/" in name or mode == "responses"):
        url = re.sub(r"/openai/responses(\?.*)?$", "", url)  # which LiteLLM replaces
    if not url or provider == "nvidia_riva" or re.search(r"[$%{<]|os\.environ", url):
        return  # by gRPC, without a scheme; or with placeholders, which are checked elsewhere
    whole = _with_scheme("".join(url.split()).replace("\\", "/"))
    if re.match(_OTHER_SCHEMES, whole) and "realtime" not in name:
        yield _fault(
            key, "has a scheme that LiteLLM does not call", "write it with http:// or https://"
        )
    if not whole.lower().startswith(("http://", "https://")):
        return  # grpc, unix, …: unknown servers
    try:
        parts = urlsplit(whole)
        host, port, path = parts.hostname or "", parts.port, parts.path
    except ValueError:
        host, port, path = "", 0, ""
    if host in table("websites"):
        hint = f"write {table('websites')[host][0]}"
        yield _fault(key, "is the URL of a web page, not of an API", hint)
    elif provider in VENDORS and provider not in ("openai", *table("owners").get(host, [provider])):
        yield _fault(key, f"{host} does not speak the API of {provider}/", "leave it out")
    elif re.search(r"[\s,;|]https?://", url):
        yield _fault(key, "contains several URLs", "list the model once for each endpoint")
    elif re.search(r"\s|[,;]$", url):
        problem = "contains a space" if re.search(r"\s", url) else "ends in punctuation"
        yield _fault(key, problem, f"write {whole.rstrip(',;')}")
    elif "//" in path and "://" not in path:
        hint = f"write {whole.replace(path, re.sub('//+', '/', path))}"
        yield _fault(key, "has two slashes in its path", hint)
    elif not re.fullmatch(_HOST, host) or port == 0:
        yield _fault(key, "is not a URL", "write it as http://host:port/path")
    else:
        chats = mode != "rerank"  # which has paths of its own
        root, added = _root(provider, whole, str(version)) if chats else (whole, "")
        if whole != url:
            bare = re.match(_HOST_AND_PORT, url) or not re.match(_SCHEME, url)
            problem = "has no scheme" if bare else "has a broken scheme"
            yield _fault(key, problem, f"write {root}")
        elif root != whole:
            problem = f"{provider}/ adds {added} itself" if added else "is not the URL of an API"
            yield _fault(key, problem, f"write {root}")
        elif whole.lower().startswith("http://") and vendors_at(host):
            yield _fault(key, "sends the key without encryption", f"write https{whole[4:]}")
        openai = provider in ("", "openai", "custom_openai") and "/openai/v1" not in whole
        other = provider in VENDORS.keys() - {"openai", "azure", "azure_ai"}
        if (openai or other) and re.fullmatch(_AZURE, host):
            hint = f"write azure/{name.removeprefix(f'{provider}/')}"
            yield _fault("model", f"{host} is Azure's", hint)


def _with_scheme(url: str) -> str:
    """Return a URL with a valid scheme; unchanged if it has one."""
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
    """Return the URL that a client expects, and the path that the client adds."""
    added, wrong = next(((a, w) for a, w, *known in rows("added") if provider in known), ("", ""))
    whole = url.partition("?")[0].rstrip("/")
    without = re.sub(rf"({wrong})$", "", whole) if wrong else whole
    if without != whole and urlsplit(without).hostname:
        return without, added
    host, path = urlsplit(whole).netloc, urlsplit(whole).path
    openai = added in ("/chat/completions", "") and provider != "mistral"
    domain = ".".join(host.split(".")[-2:])
    places = (host, domain, f":{host.rpartition(':')[2]}", "local" if is_local(url) else "")
    for at, root, *providers in rows("roots"):
        if at in places and (provider in providers if providers else openai):
            if path != root and path in (_GUESSES if at == host else ("", "/api")):
                return whole.removesuffix(path) + root, ""
            break
    old = provider == "azure" and version not in ("v1", "preview", "latest")
    if old and (path.endswith("/openai/v1") or "api-version=" in url):
        return whole.removesuffix("/openai/v1"), added
    return url, added


def find_provider_faults(
    model: Mapping[str, Any], catalog: Catalog, providers: Collection[str] = ()
) -> Iterator[Fault]:
    """Yield a fault for a model that no provider known to LiteLLM serves.

    `providers` are those that the program registers.

    >>> catalog = Catalog({"gpt-4o": {"litellm_provider": "openai"}}, ["openai", "azure"])
    >>> for fault in find_provider_faults({"model": "openai:gpt-4o"}, catalog):
    ...     print(fault)
    model: unknown provider for model 'openai:gpt-4o'; write openai/gpt-4o
    """
    name, custom = called(model)
    prefix, slash, _ = name.partition("/")
    if not name or custom in providers or prefix in providers:
        return
    asked, listed = custom or (slash and prefix), catalog.providers
    info = model.get("model_info")
    base = info.get("base_model") if isinstance(info, Mapping) else None
    if isinstance(base, str) and (same := _same(base, None, catalog)) and same != base:
        yield Fault(("model_info", "base_model"), *_unlisted(base, same), "unknown-model")
    known = listed if not asked or asked in listed else _known(catalog)  # reads all models
    if custom is None or custom in known:
        if found := _find_in_name(model, known, catalog):
            yield Fault(("model",), *found, "unknown-model")
    else:
        message, meant = f"unknown provider {quote_name(custom)}", _prefix(custom, known)
        hint = "write openai if the endpoint speaks OpenAI's API" if endpoint_of(model)[1] else ""
        hint = f"write {meant}" if meant else hint
        yield Fault(("custom_llm_provider",), message, hint, "unknown-model")


def _find_in_name(
    model: Mapping[str, Any], known: Collection[str], catalog: Catalog
) -> tuple[str, str] | None:
    """Return the problem of a model name, and a hint."""
    (name, custom), (_, url) = called(model), endpoint_of(model)
    prefix, slash, rest = name.partition("/")
    if slash and prefix in known and not rest.strip():
        return "does not name a model", f"write it after {prefix}/"
    if custom or (slash and prefix in known):
        if url and prefix == "vllm":
            return "vllm/ does not use an endpoint", f"write hosted_vllm/{rest}"
        if any(re.search(r"(?i)base|url|endpoint", str(key)) for key in model if model[key]):
            return None
        return _find_unlisted(name, custom, catalog)
    if name.startswith("gemini-") and model.get("api_key") and not url:
        return "LiteLLM would send it to Vertex AI, but there is a key", f"write gemini/{name}"
    same = name if url or slash else _same(name, None, catalog)
    if same and same != name:
        return _unlisted(name, same)
    if _is_inferred(name, catalog) or host_of(url) in table("hosts")["hosts"]:
        return None
    hint, family = _advise(name, url, catalog), _family(name)
    full = f"{family}/{name}"
    if hint == f"write {full}" and (unlisted := _find_unlisted(full, None, catalog)):
        return unlisted
    return f"unknown provider for model {quote_name(name)}", hint


def _unlisted(name: str, near: str | None) -> tuple[str, str]:
    hint = f"did you mean {quote_name(near)}?" if near else ""
    return f"LiteLLM's list has no model {quote_name(name)}", hint


def _find_unlisted(name: str, custom: str | None, catalog: Catalog) -> tuple[str, str] | None:
    """Return the problem of a misspelled name, or an unlisted one if the list is complete."""
    bare = name.removeprefix("openrouter/")
    if bare != name and "/" not in bare and (vendor := _family(bare)):
        return "OpenRouter's names start with a vendor", f"write openrouter/{vendor}/{bare}"
    if (
        name in catalog.entries
        or re.fullmatch(_SERVED, name)
        or catalog.find(name, custom)
        or catalog.takes_any_name(name, custom)
    ):
        return None
    provider = custom or name.partition("/")[0]
    if same := _same(name, provider, catalog):
        return _unlisted(name, same)
    complete = provider in table("providers")["complete"]
    (letters, version), listed = _version(name), _by_plain_name(catalog, provider).values()
    versions = [numbers for each, numbers in map(_version, listed) if each == letters]
    newer = versions and (not complete or version > max(versions))  # than any in the list
    if newer or os.environ.get(f"{provider.upper()}_API_BASE"):
        return None
    cutoff = 0.75 if complete else 0.9  # the list of the others is partial
    near = catalog.near(name, custom, cutoff) if provider in catalog.providers else None
    return _unlisted(name, near) if near or complete else None


def _same(name: str, provider: str | None, catalog: Catalog) -> str | None:
    """Return the listed name that differs only in punctuation, case or the order of parts.

    >>> catalog = Catalog({"gpt-4o": {"litellm_provider": "openai", "mode": "chat"}}, ["openai"])
    >>> _same("openai//GPT4o", "openai", catalog), _same("gpt-4", None, catalog)
    ('openai/gpt-4o', None)
    """
    prefix, names = f"{provider}/", _by_plain_name(catalog, provider)
    bare = name.removeprefix(prefix).removeprefix(prefix).replace("models/", "")
    listed = names.get(_plain(bare)) or names.get(_parts(bare))
    if not listed and provider == "bedrock":
        return _beginning(bare, catalog)
    return f"{provider}/{listed}" if listed and name.startswith(f"{provider}/") else listed


@lru_cache(maxsize=64)
def _by_plain_name(catalog: Catalog, provider: str | None) -> Mapping[str, str]:
    """Return the listed names of a provider, by letters and digits and by sorted parts."""
    listed = catalog.entries.items()
    names = [n for n, e in listed if str(e.get("litellm_provider")).startswith(f"{provider}")]
    names = [n.removeprefix(f"{provider}/") for n in names] if provider else [*_bare_names(catalog)]
    return {form(name): name for form in (_parts, _plain) for name in names[::-1]}


def _beginning(name: str, catalog: Catalog) -> str | None:
    """Return the listed Bedrock name that starts with this one."""
    bare = re.sub(r"(?<=\d)\.(?=\d)", "-", name.rpartition("/")[2])
    vendor, _, rest = bare.rpartition(".")
    listed = [name for name in _by_plain_name(catalog, "bedrock").values() if "/" not in name]
    fitting = [n for n in listed if n.startswith(vendor) and f".{rest}-" in f".{n}"]
    return f"bedrock/{min(fitting, key=len)}" if fitting else None


@lru_cache(maxsize=4096)
def _version(name: str) -> tuple[str, tuple[int, ...]]:
    """Return the letters and the numbers of a name."""
    last = name.rpartition("/")[2]
    return re.sub(r"[\W\d_]", "", last), tuple(map(int, re.findall(r"\d+", last)))


@lru_cache(maxsize=1)
def _known(catalog: Catalog) -> frozenset[str]:
    """Return all prefixes that LiteLLM knows, as some providers are only in the map."""
    listed = {str(e.get("litellm_provider")) for n, e in catalog.entries.items() if "/" in n}
    names = {each for each in listed if each.replace("_", "").isalnum()}
    return catalog.providers.union(names)


def _is_inferred(name: str, catalog: Catalog) -> bool:
    """Return whether LiteLLM infers the provider of a model name without one."""
    entry = catalog.entries.get(name, {})
    provider = str(entry.get("litellm_provider", "")).partition("-")[0]
    known = provider in table("providers")["inferred"] or "alias_of" in entry
    if known or re.fullmatch(_SERVED, name):
        return True
    rules = catalog.entries.get(_ROUTING, {}).get("rules") or ()
    patterns = [r["pattern"] for r in rules if "litellm_provider" in r.get("model_info", ())]
    return any(re.search(each, name, re.IGNORECASE) for each in patterns)


def _family(name: str) -> str:
    """Return the provider of a model family that one company serves, by the start of a name."""
    families = (prefix for prefix, *starts in rows("families") if name.startswith(tuple(starts)))
    return next(families, "")


def _parts(name: str) -> str:
    """Return the words and numbers of a name, sorted."""
    return " ".join(sorted(re.findall(r"[a-z]+|\d+", name.lower())))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())


@lru_cache(maxsize=256)
def _prefix(written: str, known: frozenset[str]) -> str | None:
    """Return LiteLLM's prefix for a provider as users write it."""
    plain = _plain(written)
    same = [prefix for prefix, *aliases in rows("names") if plain in aliases]
    same += sorted(prefix for prefix in known if _plain(prefix) == plain)
    if not same and len(plain) > 4:
        return nearest(written, sorted(p for p in known if p[0] == plain[0]), 0.8)
    return same[0] if same else None


def _advise(name: str, url: str, catalog: Catalog) -> str:
    """Return a hint on how to name the provider of a model."""
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
        meant = f"{prefix}/{split[2]}"
        return f"write {_same(meant, prefix, catalog) or meant}{also}"
    if re.search(r"[,|\s]", name):
        many = len(re.split(r"[,|]|\bor\b", name)) > 1
        return "list each model as a separate entry" if many else "a name contains no spaces"
    if re.fullmatch(_OLLAMAS, name):
        return f"write ollama_chat/{name}"
    if url and not (url.startswith(REFERENCE) and _family(name)):
        ollama = url.rstrip("/").endswith(":11434")
        hint = f"openai/{name} if the endpoint speaks OpenAI's API"
        return f"write ollama_chat/{name}" if ollama else f"write {hint}"
    first, _, rest = name.partition(".")
    word = re.split(r"[^a-z]", name.lower())[0]
    for prefix, bare in ((first if first in known else None, rest), (_prefix(word, known), name)):
        if prefix and {f"{prefix}/{bare}", bare} & catalog.entries.keys():
            return f"write {prefix}/{bare}"
    near, family = None if "/" in name else _near_bare(name, catalog), _family(name)
    if near and not (family and _version(near)[0] == _version(name)[0]):
        return f"did you mean {near!r}?"
    return f"write {family}/{name}" if family else "write its provider and a slash before it"


@lru_cache(maxsize=1)
def _bare_names(catalog: Catalog) -> tuple[str, ...]:
    """Return the names of chat models that need no provider."""
    chats = (n for n, e in catalog.entries.items() if e.get("mode") in ("chat", "responses"))
    return tuple(name for name in chats if "/" not in name and _is_inferred(name, catalog))


@lru_cache(maxsize=256)
def _near_bare(name: str, catalog: Catalog) -> str | None:
    """Return the nearest name that needs no provider, of the same family, such as gpt."""
    first = re.split(r"[^a-z]", name.lower())[0]
    form = rf"{re.escape(name[0].lower())}[a-z]{{{max(len(first) - 2, 0)},{len(first)}}}([^a-z]|$)"
    return nearest(name, [each for each in _bare_names(catalog) if re.match(form, each)], 0.75)
