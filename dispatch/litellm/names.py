"""Find names in sections and deployments that do not exist, which LiteLLM accepts silently."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from dispatch.errors import Fault, Step
from dispatch.immutable import LISTS
from dispatch.litellm.deployments import Groups
from dispatch.litellm.settings import FALLBACKS, values_at
from dispatch.litellm.tables import rows
from dispatch.redaction import is_reference, quote_name
from dispatch.suggestions import describe_type, did_you_mean

__all__ = [
    "aliases_in",
    "fallback_sources",
    "find_dead_aliases",
    "find_dead_fallbacks",
    "find_dead_names",
    "find_unnamed_credentials",
]

Named = Iterator[tuple[tuple[Step, ...], Any]]
"""Paths, each with the name written there."""

_ALIASES = ("router_settings", "model_group_alias")


def find_dead_fallbacks(
    sections: Mapping[str, Any], groups: Groups, aliases: Iterable[str] = ()
) -> Iterator[Fault]:
    """Yield a fault for each fallback from or to a name that no role and no model has.

    LiteLLM accepts them silently, and fails when they are needed. Both `router_settings` and
    `litellm_settings` are checked. `aliases` are further names that the Router knows.

    >>> sections = {"router_settings": {"fallbacks": [{"chat": ["backup"]}]}}
    >>> for fault in find_dead_fallbacks(sections, {"chat": [{"name": "a"}]}):
    ...     print(fault)
    router_settings.fallbacks[0].chat[0]: no role or model is named 'backup'; known: chat, a
    """
    played = {role: tuple(models) for role, models in groups.items()}
    known = dict.fromkeys(role for role, models in played.items() if models)
    known |= dict.fromkeys((*aliases, *aliases_in(sections)))
    ids = set()
    for role, models in played.items():
        for number, name in enumerate((model.get("name") for model in models), 1):
            name = name if isinstance(name, str) else ""
            ids.add(f"{name}:{role}:{number}".lstrip(":"))
            known |= {name: None} if name else {}
    wild = [each for each in known if "*" in each]  # such as openai/* in a proxy
    if any(is_reference(each) for each in known):  # may be any name
        wild = ["*"]
    for path, name in _fallbacks(sections):
        if not isinstance(name, str):
            hint = "write a list of mappings such as {chatcompletions: [backup]}"
            yield Fault(path, "is not a list of fallbacks", hint, "wrong-fallback")
        elif name in known or name in ids or any(fnmatchcase(name, each) for each in wild):
            continue
        elif name in played:
            yield Fault(path, f"no model plays role {quote_name(name)}", code="dead-fallback")
        else:
            code = "dead-source" if path[-1] == name else "dead-fallback"
            message = f"no role or model is named {quote_name(name)}"
            yield Fault(path, message, did_you_mean(name, known), code)


def fallback_sources(sections: Mapping[str, Any]) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Yield the sources of all fallbacks, with their paths.

    >>> list(fallback_sources({"router_settings": {"fallbacks": [{"chat": ["backup"]}]}}))
    [(('router_settings', 'fallbacks', 0, 'chat'), 'chat')]
    """
    named = _fallbacks(sections)
    return ((path, name) for path, name in named if isinstance(name, str) and path[-1] == name)


def _fallbacks(sections: Mapping[str, Any]) -> Named:
    """Yield the path and name of each role or model in fallbacks; None for a malformed entry."""
    for section in ("router_settings", "litellm_settings"):
        for path, default in values_at(sections, (section, "default_fallbacks")):
            yield from _targets(default, path) if isinstance(default, LISTS) else ()
        for key in FALLBACKS:
            for path, entries in values_at(sections, (section, key)):
                for index, entry in enumerate(entries if isinstance(entries, LISTS) else ()):
                    if not isinstance(entry, Mapping):
                        yield (*path, index), None
                        continue
                    for source, targets in entry.items():
                        if source != "*":
                            yield (*path, index, str(source)), source
                        yield from _targets(targets, (*path, index, str(source)))


def _targets(targets: Any, path: tuple[Step, ...]) -> Named:
    if not isinstance(targets, LISTS):
        yield path, None
        return
    for index, target in enumerate(targets):
        yield (*path, index), target.get("model") if isinstance(target, Mapping) else target


def aliases_in(sections: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names other than roles that the Router answers for.

    >>> aliases_in({"router_settings": {"model_group_alias": {"gpt-4o": "chatcompletions"}}})
    ('gpt-4o',)
    """
    return tuple(_aliases(sections))


def _aliases(sections: Mapping[str, Any]) -> Mapping[str, Any]:
    held = next((aliases for _, aliases in values_at(sections, _ALIASES)), None)
    return held if isinstance(held, Mapping) else {}


def find_dead_aliases(sections: Mapping[str, Any], names: Iterable[str]) -> Iterator[Fault]:
    """Yield a warning for each target of an alias or a policy that is not one of these names.

    >>> sections = {"router_settings": {"model_group_alias": {"gpt-4": "smrt"}}}
    >>> for fault in find_dead_aliases(sections, ["smart"]):
    ...     print(fault)
    router_settings.model_group_alias.gpt-4: no deployment is named 'smrt'; did you mean 'smart'?
    """
    known = tuple(dict.fromkeys(names))
    for path, policies in values_at(sections, ("router_settings", "model_group_retry_policy")):
        for name, policy in policies.items() if isinstance(policies, Mapping) else ():
            if isinstance(policy, Mapping):
                yield from _find_dead_name((*path, str(name)), name, (*known, *_aliases(sections)))
    for alias, target in _aliases(sections).items():
        path = (*_ALIASES, str(alias))
        name = target.get("model") if isinstance(target, Mapping) else target
        yield from _find_dead_name(path, name, known)
        if isinstance(name, LISTS):
            message = f"expected the name of a deployment, found {describe_type(name)}"
            hint = "give the deployments one model_name: they share the load, or follow by order"
            yield Fault(path, message, hint, "wrong-setting", "warning")


def _find_dead_name(path: tuple[Step, ...], name: Any, known: Collection[str]) -> Iterator[Fault]:
    """Yield a warning for a name that no deployment has, unless a name is a wildcard."""
    if not isinstance(name, str) or name in known:
        return
    if not any("*" in each or is_reference(each) for each in (*known, name)):
        message = f"no deployment is named {quote_name(name)}"
        yield Fault(path, message, did_you_mean(name, known), "dead-name", "warning")


def find_dead_names(tree: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a warning for each credential, alias or route in a proxy file that does not exist.

    >>> entry = {"model_name": "a", "litellm_params": {"auto_router_default_model": "b"}}
    >>> print(*find_dead_names({"model_list": [entry]}))
    model_list[0].litellm_params.auto_router_default_model: no deployment is named 'b'; known: a
    """
    params = ("model_list", "*", "litellm_params")
    for path, model in values_at(tree, params) if tree.get("credential_list") else ():
        faults = find_unnamed_credentials(tree, model)
        yield from (fault.under(*path) for fault in faults if fault.severity == "warning")
    names = [name for _, name in values_at(tree, ("model_list", "*", "model_name"))]
    yield from find_dead_aliases(tree, names)
    ids = values_at(tree, ("model_list", "*", "model_info", "id"))
    names += [*aliases_in(tree), *(str(each) for _, each in ids)]
    for (pattern,) in rows("routed", "settings"):
        for path, name in values_at(tree, (*params, *pattern.split("."))):
            yield from _find_dead_name(path, name, names)


def find_unnamed_credentials(
    sections: Mapping[str, Any], model: Mapping[str, Any]
) -> Iterator[Fault]:
    """Yield a warning for a credential that is not in `credential_list`."""
    name = model.get("litellm_credential_name")
    if not isinstance(name, str):
        return
    listed = sections.get("credential_list")
    listed = listed if isinstance(listed, LISTS) else ()
    known = [str(name) for _, name in values_at(listed, ("*", "credential_name"))]
    path = ("litellm_credential_name",)
    if name in known:
        message = "only LiteLLM's proxy reads credential_list: run and kwargs do not"
        yield Fault(path, message, "write an api_key for them", "unread-section", "note")
    else:
        message = f"no credential is named {quote_name(name)}"
        hint = did_you_mean(name, known) if known else "list it in credential_list"
        yield Fault(path, message, hint, "dead-name", "warning")
