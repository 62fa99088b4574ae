"""The configuration of a LiteLLM proxy as input: its deployments become models with roles.

A name that clients ask for is a role; the deployments of that name are the models that play it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyrsistent import pvector

from dispatch.errors import ConfigError, Fault, Step, format_path
from dispatch.immutable import VECTOR, FrozenMap, Origin, freeze, locate, origin_of, with_origin
from dispatch.litellm.keys import is_known
from dispatch.redaction import quote_name
from dispatch.suggestions import describe_type, did_you_mean, nearest

__all__ = ["find_proxy_faults", "from_litellm", "is_proxy_file"]

Entry = FrozenMap[str, Any]

_ENTRY_KEYS = ("model_name", "litellm_params", "model_info", "blocked")
_ALIASES = ("router_settings", "model_group_alias")
_RESERVED = {
    "name": "LiteLLM would send it; write it as the id in model_info",
    "roles": "LiteLLM's own roles, of a prompt template, have no place beside those of a program",
    "enabled": "LiteLLM would send it; write blocked: true beside litellm_params",
    "system_prompt": "LiteLLM would send it; write litellm_system_prompt",
}
"""Keys of litellm_params that mean something else in a model, and what to do."""


def is_proxy_file(tree: Mapping[str, Any]) -> bool:
    """Return whether a configuration is one of LiteLLM's proxy.

    >>> is_proxy_file({"model_list": []}), is_proxy_file({"model_list": [], "models": []})
    (True, False)
    """
    return "model_list" in tree and "models" not in tree


def from_litellm(tree: FrozenMap[str, Any]) -> FrozenMap[str, Any]:
    """Return the configuration of a LiteLLM proxy with `models` in place of its `model_list`.

    Each deployment is a model: `model_name` its role, which is declared, `litellm_params` its
    keys, the id in `model_info` its name. Deployments of one name share the load, as they do in
    LiteLLM, unless their `order` says otherwise. All other sections stay. Each value keeps the
    place where it was written.

    >>> entry = {"model_name": "smart", "litellm_params": {"model": "o3"}}
    >>> tree = from_litellm(freeze({"model_list": [entry]}))
    >>> tree
    FrozenMap({'models': [{'model': 'o3', 'roles': 'smart'}], 'roles': {'smart': None}})
    >>> print(locate(Fault(("model",), "is old"), tree["models"][0]))
    model_list[0].litellm_params.model: is old

    Raises `ConfigError` for entries of the wrong shape, and for keys that it could not keep.
    """
    entries = tree["model_list"]
    faults = list(_find_faults(entries))
    if faults:
        raise ConfigError(locate(fault, tree) for fault in faults)
    origin = origin_of(tree) or Origin(())
    entries = entries or pvector()
    shares = _shares(entries)
    models = pvector(
        _model(entry, share, Origin((*origin.path, "model_list", index), origin.source))
        for index, (entry, share) in enumerate(zip(entries, shares, strict=True))
    )
    sections = {("models" if k == "model_list" else k): v for k, v in tree.to_dict().items()}
    sections["models"] = models
    declared = sections.get("roles") or {}
    names = freeze(dict.fromkeys(entry["model_name"] for entry in entries))
    if isinstance(declared, VECTOR):
        declared = FrozenMap.of(dict.fromkeys(declared))
    if isinstance(declared, Mapping):  # anything else is reported where roles are read
        sections["roles"] = names.update(declared)
    moved = {"models": ("model_list",), **({} if "roles" in tree else {"roles": ("model_list",)})}
    return with_origin(FrozenMap.of(sections), origin._replace(moved={**origin.moved, **moved}))


def _model(entry: Entry, share: Mapping[str, Any], origin: Origin) -> FrozenMap[str, Any]:
    name = entry["model_name"]
    params = entry["litellm_params"].to_dict()
    noted = params.pop("model_info", None) or {}
    info = {**noted, **(entry.get("model_info") or {})}
    roles: Any = name
    if info.get("roles") == pvector([name]):  # what an export of this program notes
        del info["roles"]
        roles = freeze({name: info.pop("task")}) if "task" in info else name
    identity = info.pop("id", None)
    if "litellm_system_prompt" in params:
        params["system_prompt"] = params.pop("litellm_system_prompt")
    paths: dict[str, tuple[Step, ...]] = {key: ("litellm_params", key) for key in (*params, *share)}
    paths |= {"roles": ("model_name",), "name": ("model_info", "id"), "enabled": ("blocked",)}
    if "system_prompt" in params:
        paths["system_prompt"] = ("litellm_params", "litellm_system_prompt")
    if noted and "model_info" not in entry:
        paths |= {"model_info": ("litellm_params", "model_info")}
        paths |= {"name": ("litellm_params", "model_info", "id")}
    model = {
        **({} if identity is None else {"name": str(identity)}),
        **params,
        **share,
        **({"model_info": freeze(info)} if info else {}),
        **({"enabled": False} if entry.get("blocked") is True else {}),
        "roles": roles,
    }
    moved = {key: (*origin.path, *path) for key, path in paths.items()}
    return with_origin(FrozenMap.of(model), origin._replace(moved=moved))


def _shares(entries: Any) -> list[dict[str, Any]]:
    """Return, for each deployment, the order and the weight that LiteLLM means by leaving it out.

    Those without an order share the load, after those that have one; one without a weight, beside
    others that have one, has none.
    """
    shares: list[dict[str, Any]] = [{} for _ in entries]
    groups: dict[str, list[int]] = {}
    for index, entry in enumerate(entries):
        groups.setdefault(entry["model_name"], []).append(index)
    for indices in groups.values():
        params = {index: entries[index]["litellm_params"] for index in indices}
        unordered = [index for index in indices if params[index].get("order") is None]
        last = max((o for p in params.values() if type(o := p.get("order")) is int), default=0)
        for index in unordered if len(unordered) > 1 else ():
            shares[index]["order"] = last + 1
        orders = {index: shares[index].get("order", params[index].get("order")) for index in params}
        weighed = {orders[index] for index in indices if params[index].get("weight") is not None}
        for index in indices:
            if orders[index] in weighed and params[index].get("weight") is None:
                shares[index]["weight"] = 0
    return shares


def _find_faults(entries: Any) -> Iterator[Fault]:
    """Yield what makes a list of deployments unreadable."""
    if entries is not None and not isinstance(entries, VECTOR):
        message = f"expected a list of deployments, found {describe_type(entries)}"
        hint = "write each as an item: - model_name: …" if isinstance(entries, Mapping) else ""
        yield Fault(("model_list",), message, hint, "wrong-models")
        return
    for index, entry in enumerate(entries or ()):
        for fault in _find_entry_faults(entry):
            yield fault.under("model_list", index)


def _find_entry_faults(entry: Any) -> Iterator[Fault]:
    example = "such as {model_name: smart, litellm_params: {model: openai/gpt-4o}}"
    if not isinstance(entry, Mapping):
        message = f"expected a deployment, found {describe_type(entry)}"
        yield Fault((), message, example, "wrong-model")
        return
    name, params = entry.get("model_name"), entry.get("litellm_params")
    if name is None:
        yield Fault((), "has no key 'model_name'", _near(entry, "model_name"), "missing-model-name")
    elif not isinstance(name, str) or not name.strip():
        message = f"expected the name that clients ask for, found {describe_type(name)}"
        hint = "quote it" if isinstance(name, int | float) else ""
        yield Fault(("model_name",), message, hint, "wrong-model-name")
    if params is None:
        hint = "put the keys of the call under it" if "model" in entry else ""
        hint = hint or _near(entry, "litellm_params") or example
        yield Fault((), "has no key 'litellm_params'", hint, "missing-params")
    elif not isinstance(params, Mapping):
        message = f"expected a mapping, found {describe_type(params)}"
        hint = "remove the dash before each key" if isinstance(params, VECTOR) else ""
        yield Fault(("litellm_params",), message, hint, "wrong-params")
    else:
        if params.get("model") is None:
            hint = _near(params, "model") or "name the model that LiteLLM calls"
            yield Fault(("litellm_params",), "has no key 'model'", hint, "missing-model")
        for key, hint in _RESERVED.items():
            if key in params:
                yield Fault(("litellm_params", key), "cannot be kept", hint, "reserved-key")
    for path, holder in (((), entry), (("litellm_params",), params)):
        info = holder.get("model_info") if isinstance(holder, Mapping) else None
        if info is not None and not isinstance(info, Mapping):
            message = f"expected a mapping, found {describe_type(info)}"
            yield Fault((*path, "model_info"), message, "such as {id: first}", "wrong-model-info")


def _near(entry: Mapping[str, Any], key: str) -> str:
    near = nearest(key, [each for each in entry if isinstance(each, str) and each != key], 0.75)
    return f"{quote_name(near)} looks like it: write {key!r}" if near else ""


def find_proxy_faults(tree: FrozenMap[str, Any]) -> Iterator[Fault]:
    """Yield a warning, located, for what LiteLLM's proxy takes without a word, and does not use.

    These are keys in the wrong place, deployments that are written twice or that are never asked,
    and names of what is not there: of a credential, or behind an alias.

    >>> params = {"model": "openai/gpt-4o"}
    >>> entry = {"model_name": "smart", "litellm_params": params, "rpm": 5}
    >>> for fault in find_proxy_faults(freeze({"model_list": [entry]})):
    ...     print(fault)
    model_list[0].rpm: LiteLLM does not read it here; put it under litellm_params
    """
    entries = tree.get("model_list")
    found: list[Fault] = []
    if "model_list" in tree and "models" in tree:
        message = "is not read, as the configuration has models"
        found.append(Fault(("model_list",), message, "keep one of the two", "unread-section"))
    elif not list(_find_faults(entries)):
        entries = entries or ()
        found += _find_unread(entries)
        found += _find_unasked(entries)
        if not _has_more(tree):
            found += _find_unnamed(tree, entries)
    if tree.get("include"):
        hint = "LiteLLM reads these files; check each by itself"
        found.append(Fault(("include",), "is not read here", hint, "unread-section"))
    return (locate(fault.as_warning(), tree) for fault in found)


def _has_more(tree: Mapping[str, Any]) -> bool:
    """Return whether the proxy has models and credentials that no file holds."""
    general = tree.get("general_settings")
    in_database = isinstance(general, Mapping) and general.get("store_model_in_db")
    return bool(in_database or tree.get("include"))


def _find_unread(entries: Any) -> Iterator[Fault]:
    for index, entry in enumerate(entries):
        for key in entry:
            if key in _ENTRY_KEYS or str(key).startswith("x-"):
                continue
            near = nearest(str(key), _ENTRY_KEYS, 0.75)
            hint = "put it under litellm_params" if is_known(str(key)) else ""
            hint = f"did you mean {near!r}?" if near else hint or "keep notes under model_info"
            path = ("model_list", index, str(key))
            yield Fault(path, "LiteLLM does not read it here", hint, "unknown-key")


def _find_unasked(entries: Any) -> Iterator[Fault]:
    """Yield deployments that are the same as an earlier one, or that no request reaches."""
    first: dict[tuple[str, Entry], int] = {}
    for index, (entry, share) in enumerate(zip(entries, _shares(entries), strict=True)):
        earlier = first.setdefault((entry["model_name"], entry["litellm_params"]), index)
        if earlier != index:
            message = f"the same deployment as {format_path(('model_list', earlier))}"
            yield Fault(("model_list", index), message, "remove one", "duplicate-deployment")
        if share.get("weight") == 0:
            message = "is never asked, as others of its name have a weight"
            path = ("model_list", index, "litellm_params")
            yield Fault(path, message, "give it a weight too", "idle-deployment")


def _find_unnamed(tree: Mapping[str, Any], entries: Any) -> Iterator[Fault]:
    """Yield names of credentials, and targets of aliases, that nothing has."""
    listed = tree.get("credential_list")
    if isinstance(listed, VECTOR):
        known = [str(each.get("credential_name")) for each in listed if isinstance(each, Mapping)]
        for index, entry in enumerate(entries):
            name = entry["litellm_params"].get("litellm_credential_name")
            if isinstance(name, str) and name not in known:
                message = f"no credential is named {quote_name(name)}"
                path = ("model_list", index, "litellm_params", "litellm_credential_name")
                yield Fault(path, message, did_you_mean(name, known), "dead-name")
    settings = tree.get("router_settings")
    aliases = settings.get("model_group_alias") if isinstance(settings, Mapping) else None
    names = [entry["model_name"] for entry in entries]
    if isinstance(aliases, Mapping) and not any("*" in name for name in names):
        for alias, target in aliases.items():
            name = target.get("model") if isinstance(target, Mapping) else target
            if isinstance(name, str) and name not in names:
                message = f"no deployment is named {quote_name(name)}"
                hint = did_you_mean(name, dict.fromkeys(names))
                yield Fault((*_ALIASES, str(alias)), message, hint, "dead-name")
