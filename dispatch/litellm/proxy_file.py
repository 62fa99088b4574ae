"""LiteLLM's proxy files as input: the deployments become models with roles.

Each `model_name` becomes a role, and the deployments of that name the models that play it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyrsistent import pvector

from dispatch.errors import ConfigError, Fault, format_path
from dispatch.immutable import VECTOR, FrozenMap, Origin, freeze, locate, origin_of, with_origin
from dispatch.litellm.keys import is_known
from dispatch.litellm.names import find_dead_names
from dispatch.litellm.settings import SECTIONS
from dispatch.redaction import quote_name
from dispatch.suggestions import describe_type, nearest

__all__ = ["ENTRY_KEYS", "find_proxy_faults", "from_litellm", "has_more", "is_proxy_file"]

Entry = FrozenMap[str, Any]

_LIMITS = ("rpm", "tpm")  # LiteLLM also reads them outside of the parameters
ENTRY_KEYS = ("model_name", "litellm_params", "model_info", "blocked", *_LIMITS)
"""The keys that LiteLLM's proxy reads in an entry of its `model_list`."""
_OURS = {"litellm_system_prompt": "system_prompt"}
_RESERVED = {
    "name": "LiteLLM would send it; write it as the id in model_info",
    "roles": "LiteLLM uses it for the roles of a prompt template; models have other roles here",
    "enabled": "LiteLLM would send it; write blocked: true next to litellm_params",
    "system_prompt": "LiteLLM would send it; write litellm_system_prompt",
}
"""Keys of litellm_params that mean something else in a model, and what to do."""


def is_proxy_file(tree: Mapping[str, Any]) -> bool:
    """Return whether a configuration is for LiteLLM's proxy.

    >>> is_proxy_file({"model_list": []}), is_proxy_file({"model_list": [], "models": []})
    (True, False)
    """
    alone = bool(tree) and tree.keys() <= {*SECTIONS}  # models are in a database
    return "models" not in tree and ("model_list" in tree or has_more(tree) or alone)


def from_litellm(tree: FrozenMap[str, Any], *, skip_wrong: bool = False) -> FrozenMap[str, Any]:
    """Return the configuration of a LiteLLM proxy with `models` in place of its `model_list`.

    Each deployment becomes a model: `model_name` is its role, which is declared, `litellm_params`
    are its keys, and the id in `model_info` is its name. Deployments of one name share the load, as
    in LiteLLM, unless their `order` differs. All other sections stay. Values keep their original
    location.

    >>> entry = {"model_name": "smart", "litellm_params": {"model": "o3"}}
    >>> tree = from_litellm(freeze({"model_list": [entry]}))
    >>> tree
    FrozenMap({'models': [{'model': 'o3', 'roles': 'smart'}], 'roles': {'smart': None}})
    >>> print(locate(Fault(("model",), "is old"), tree["models"][0]))
    model_list[0].litellm_params.model: is old

    Raises `ConfigError` for entries of the wrong shape and keys that cannot be kept; if
    `skip_wrong`, these entries are left out instead.
    """
    listed = tree.get("model_list")
    faults = list(_find_faults(listed))
    if faults and not skip_wrong:
        raise ConfigError(locate(fault, tree) for fault in faults)
    wrong = {fault.path[:2] for fault in faults}
    written = () if ("model_list",) in wrong else listed or ()
    places = [("model_list", n) for n in range(len(written)) if ("model_list", n) not in wrong]
    entries = [written[number] for _, number in places]
    origin = origin_of(tree) or Origin(())
    models = [
        _model(entry, share, origin.of(place))
        for place, entry, share in zip(places, entries, _shares(entries), strict=True)
    ]
    sections = {("models" if k == "model_list" else k): v for k, v in tree.to_dict().items()}
    sections["models"] = pvector(models)
    roles = sections.get("roles") or {}
    roles = dict.fromkeys(roles) if isinstance(roles, VECTOR) else roles
    if isinstance(roles, Mapping):  # other types are reported later
        names = dict.fromkeys(entry["model_name"] for entry in entries)
        sections["roles"] = FrozenMap.of({**names, **roles})
    moved = {name: ("model_list",) for name in ("models", "roles") if name not in tree}
    return with_origin(FrozenMap.of(sections), origin._replace(moved={**origin.moved, **moved}))


def _model(entry: Entry, share: dict[str, Any], origin: Origin) -> FrozenMap[str, Any]:
    roles: Any = entry["model_name"]
    beside = {key: (key,) for key in _LIMITS if key in entry and key not in entry["litellm_params"]}
    params = {**entry["litellm_params"].to_dict(), **{key: entry[key] for key in beside}}
    info = {**(params.pop("model_info", None) or {}), **(entry.get("model_info") or {})}
    if info.get("roles") == pvector([roles]):  # added by an export of dispatch
        del info["roles"]
        roles = freeze({roles: info.pop("task")}) if "task" in info else roles
    identity = info.pop("id", None)
    named = identity not in (None, entry["model_name"])  # otherwise it names the role
    model: dict[str, Any] = {"name": str(identity)} if named else {}
    model |= {_OURS.get(key, key): value for key, value in params.items()} | share
    model |= {"model_info": freeze(info)} if info else {}
    model |= {"enabled": False} if entry.get("blocked") is True else {}
    paths = {_OURS.get(key, key): ("litellm_params", key) for key in (*params, *share)} | beside
    places = {"name": ("model_info", "id"), "enabled": ("blocked",), "roles": ("model_name",)}
    moved = {key: (*origin.path, *path) for key, path in {**paths, **places}.items()}
    return with_origin(FrozenMap.of({**model, "roles": roles}), origin._replace(moved=moved))


def _shares(entries: Any) -> list[dict[str, Any]]:
    """Return LiteLLM's implied order and weight for each deployment without them.

    Deployments without an order share the load, after those with one. One without a weight gets 0
    if another of its order has one.
    """
    shares: list[dict[str, Any]] = [{} for _ in entries]
    groups: dict[str, list[tuple[dict[str, Any], Entry]]] = {}
    for entry, share in zip(entries, shares, strict=True):
        groups.setdefault(entry["model_name"], []).append((share, entry["litellm_params"]))
    for group in groups.values():
        orders = [params["order"] for _, params in group if params.get("order") is not None]
        last = max((order for order in orders if type(order) is int), default=0)
        if len(orders) < len(group) > 1:
            for share, params in group:
                share |= {"order": last + 1} if params.get("order") is None else {}
        merged = [(share, {**params, **share}) for share, params in group]
        weighed = {each.get("order") for _, each in merged if each.get("weight") is not None}
        for share, each in merged:
            if each.get("weight") is None and each.get("order") in weighed:
                share["weight"] = 0
    return shares


def _find_faults(entries: Any) -> Iterator[Fault]:
    """Yield a fault for each malformed entry in a list of deployments."""
    if entries is not None and not isinstance(entries, VECTOR):
        message = f"expected a list of deployments, found {describe_type(entries)}"
        hint = "write each as an item: - model_name: …" if isinstance(entries, Mapping) else ""
        yield Fault(("model_list",), message, hint, "wrong-models")
        return
    for index, entry in enumerate(entries or ()):
        for fault in _find_entry_faults(entry):
            yield fault.under("model_list", index)


def _find_entry_faults(entry: Any) -> Iterator[Fault]:
    example = "write {model_name: smart, litellm_params: {model: openai/gpt-4o}}"
    if not isinstance(entry, Mapping):
        message = f"expected a deployment, found {describe_type(entry)}"
        yield Fault((), message, example, "wrong-model")
        return
    name, params = entry.get("model_name"), entry.get("litellm_params")
    if name is None:
        hint = "write model_name, not name" if "name" in entry else _near(entry, "model_name")
        yield Fault((), "has no key 'model_name'", hint, "missing-model-name")
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
    """Yield a located warning for everything that LiteLLM's proxy accepts but does not use.

    These are misplaced keys, deployments that are duplicates or rarely asked, and names of
    credentials and alias targets that do not exist.

    >>> params = {"model": "openai/gpt-4o"}
    >>> entry = {"model_name": "smart", "litellm_params": params, "seed": 5}
    >>> for fault in find_proxy_faults(freeze({"model_list": [entry]})):
    ...     print(fault)
    model_list[0].seed: is not a key of a deployment; put it under litellm_params
    """
    entries = tree.get("model_list")
    found: list[Fault] = []
    if "model_list" in tree and "models" in tree:
        message = "is not read, because the configuration has models"
        found.append(Fault(("model_list",), message, "keep one of the two", "unread-section"))
    elif isinstance(entries, VECTOR):
        found += _find_unread(entries)
        if not list(_find_faults(entries)):
            found += _find_unasked(entries)
            found += () if has_more(tree) else find_dead_names(tree)
    if tree.get("include"):
        hint = "LiteLLM reads these files; check each by itself"
        found.append(Fault(("include",), "is not read here", hint, "unread-section"))
    return (locate(fault.as_warning(), tree) for fault in found)


def has_more(tree: Mapping[str, Any]) -> bool:
    """Return whether the proxy has models and credentials outside of this file.

    >>> has_more({"general_settings": {"store_model_in_db": True}}), has_more({"model_list": []})
    (True, False)
    """
    general = tree.get("general_settings")
    in_database = isinstance(general, Mapping) and general.get("store_model_in_db")
    return bool(in_database or tree.get("include"))


def _find_unread(entries: Any) -> Iterator[Fault]:
    for index, entry in enumerate(entries):
        complete = isinstance(entry, Mapping) and {"model_name", "litellm_params"} <= entry.keys()
        for key in entry if complete else ():  # otherwise a misspelled key is reported already
            if key in ENTRY_KEYS or str(key).startswith("x-"):
                continue
            near = nearest(str(key), ENTRY_KEYS, 0.75)
            hint = "put it under litellm_params" if is_known(str(key)) else ""
            hint = f"did you mean {near!r}?" if near else hint or "keep notes under model_info"
            path = ("model_list", index, str(key))
            yield Fault(path, "is not a key of a deployment", hint, "unknown-key")


def _find_unasked(entries: Any) -> Iterator[Fault]:
    """Yield a fault for deployments that are duplicates, or asked only if others fail."""
    first: dict[tuple[str, Entry], int] = {}
    for index, (entry, share) in enumerate(zip(entries, _shares(entries), strict=True)):
        earlier = first.setdefault((entry["model_name"], entry["litellm_params"]), index)
        if earlier != index:
            message = f"the same deployment as {format_path(('model_list', earlier))}"
            yield Fault(("model_list", index), message, "remove one", "duplicate-deployment")
        if share.get("weight") == 0:
            message = "is asked only if others of its name fail, because they have a weight"
            path = ("model_list", index, "litellm_params")
            yield Fault(path, message, "give it a weight too", "idle-deployment")
