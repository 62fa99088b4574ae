"""What looks wrong in the sections of LiteLLM's proxy, and is taken there without a word.

The names and kinds of its settings are shipped, in `settings.txt`. As another release may know
other names, one that is unknown is reported only where it resembles one, or belongs elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from dispatch.config.environment import find_unresolvable, foreign_reference
from dispatch.errors import Fault, Step
from dispatch.immutable import VECTOR, leaves
from dispatch.litellm.keys import is_known
from dispatch.litellm.settings import MAPPINGS, NESTED, SETTINGS, find_wrong_value
from dispatch.litellm.tables import table
from dispatch.litellm.values import more_foreign
from dispatch.redaction import REFERENCE, is_reference, is_secret, quote_name
from dispatch.suggestions import describe_type, did_you_mean, nearest

__all__ = [
    "LISTS",
    "advise_on_section",
    "find_dead_aliases",
    "find_dead_name",
    "find_suspicious_settings",
    "find_unnamed_credentials",
    "section_for",
    "values_at",
]

LISTS = ("credential_list", "guardrails", "vector_store_registry", "search_tools", "prompts")
"""The sections of LiteLLM's proxy that are lists."""

_LISTS: tuple[type[Any], ...] = (list, *VECTOR)
_POLICIES = {"retry_policy": "Retries", "allowed_fails_policy": "AllowedFails"}
_ERRORS = (
    "BadRequestError", "AuthenticationError", "TimeoutError", "RateLimitError", "NotFoundError",
    "ContentPolicyViolationError", "InternalServerError", "ServiceUnavailableError",
    "BadGatewayError", "Default",
)  # fmt: skip


def section_for(name: str, but: str = "") -> str:
    """Return the section in which a setting belongs; empty for an unknown one.

    >>> section_for("routing_strategy"), section_for("master_key"), section_for("temperature")
    ('router_settings', 'general_settings', '')
    """
    known = {**SETTINGS, "router_settings": SETTINGS["router_settings"].keys() - {"set_verbose"}}
    return next((each for each, names in known.items() if each != but and name in names), "")


def find_suspicious_settings(sections: Mapping[str, Any], *, own: bool = False) -> Iterator[Fault]:
    """Yield a warning for each setting that LiteLLM would not use as it is written.

    Variables of the proxy's own settings may be unset here, unless the file is its `own`.

    >>> for fault in find_suspicious_settings({"general_settings": {"masterkey": "os.environ/K"}}):
    ...     print(fault)
    general_settings.masterkey: unknown setting 'masterkey'; did you mean 'master_key'?
    """
    for section, settings in sections.items():
        if section in LISTS and settings is not None and not isinstance(settings, _LISTS):
            message = f"expected a list, found {describe_type(settings)}"
            hint = "write each as an item, with a dash before it"
            yield Fault((section,), message, hint, "wrong-section").as_warning()
        idle = section == "litellm_settings" and isinstance(settings, Mapping)
        if idle and settings.get("cache_params") and "cache" not in settings:
            hint = "write cache: true beside it"
            yield Fault((section, "cache_params"), "has no effect", hint, "idle-setting", "warning")
        if section in MAPPINGS and isinstance(settings, Mapping):
            for key, value in settings.items():
                if isinstance(key, str):
                    for fault in _find(section, key, value):
                        yield fault.as_warning()
        if section in (*MAPPINGS, "credential_list"):
            yield from _find_references(section, settings, own)
    for pattern, known in NESTED.items():
        for path, holder in values_at(sections, pattern):
            yield from (fault.as_warning() for fault in _find_in_holder(path, holder, known))


def values_at(
    value: Any, pattern: Sequence[str], path: tuple[Step, ...] = ()
) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Yield what a pattern leads to, with its path; * stands for any key or index.

    >>> list(values_at({"a": [{"b": 1}, {"c": 2}]}, ["a", "*", "b"]))
    [(('a', 0, 'b'), 1)]
    """
    if not pattern:
        yield path, value
        return
    first, *rest = pattern
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        items = value.items() if first == "*" else [(first, value[first])] if first in value else ()
    elif isinstance(value, _LISTS) and first == "*":
        items = enumerate(value)
    for step, item in items:
        yield from values_at(item, rest, (*path, step))


def _find_in_holder(
    path: tuple[Step, ...], holder: Any, known: Mapping[str, list[str]]
) -> Iterator[Fault]:
    if isinstance(holder, Mapping) and "*" not in known and path[1:]:
        missing = [key for key in known if key not in holder]
        near = {str(key): nearest(str(key), missing, 0.85) for key in holder if key not in known}
        for key, meant in near.items():
            if meant:
                hint = f"did you mean {quote_name(meant)}?"
                yield Fault((*path, key), f"unknown setting {quote_name(key)}", hint, "unknown-key")
        for key in missing:
            if known[key][0][0] == "!" and key not in near.values():
                yield Fault(path, f"has no key {key!r}", "", "wrong-setting")
    for key, (kind, *choices) in known.items():
        for where, value in values_at(holder, [key], path):
            yield from _find_value(where, value, kind.lstrip("!"), choices)


def _find_value(
    path: tuple[Step, ...], value: Any, kind: str, choices: list[str]
) -> Iterator[Fault]:
    if isinstance(value, str) and (is_reference(value) or foreign_reference(value)):
        return
    if kind == "form":
        form, *advice = table("forms")[choices[0]]
        kind, choices = "string", []
        if isinstance(value, str) and not re.fullmatch(form, value):
            message = f"unknown value {quote_name(value)}"
            yield Fault(path, message, " ".join(advice), "wrong-setting")
    elif choices[:1] == ["~"]:
        strange = isinstance(value, str) and value not in choices
        choices = choices[1:] if strange and nearest(value, choices, 0.8) else []
    yield from find_wrong_value(path, value, kind, choices if isinstance(value, str) else ())


def _find(section: str, key: str, value: Any) -> Iterator[Fault]:
    """Yield what is wrong with one setting, but for kinds of the Router's own."""
    path = (section, key)
    known = SETTINGS.get(section, {})
    home = section_for(key, section)
    if key in _POLICIES and isinstance(value, Mapping) and section == "router_settings":
        yield from _find_in_policy(path, value, _POLICIES[key])
    elif key == "model_group_retry_policy" and isinstance(value, Mapping):
        for group, policy in value.items():
            if isinstance(policy, Mapping):
                yield from _find_in_policy((*path, str(group)), policy, "Retries")
            else:
                message = f"expected a mapping, found {describe_type(policy)}"
                hint = "write a policy for each name, such as {main: {RateLimitErrorRetries: 3}}"
                yield Fault((*path, str(group)), message, hint, "wrong-setting")
    elif value is None or section == "callback_settings":
        return
    elif key not in known and home:
        yield Fault(path, f"is no setting of {section}", f"put it under {home}", "unknown-key")
    elif section == "router_settings":
        if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
            yield Fault(path, f"{value} is less than 0", "", "wrong-setting")
    elif section in SETTINGS and key in known:
        kind, *choices = known[key]
        yield from find_wrong_value(path, value, kind, choices)
    elif section in SETTINGS and (near := nearest(key, known, 0.85)):
        message, hint = f"unknown setting {quote_name(key)}", f"did you mean {quote_name(near)}?"
        yield Fault(path, message, hint, "unknown-key")


def _find_in_policy(path: tuple[Step, ...], policy: Mapping[str, Any], end: str) -> Iterator[Fault]:
    names = [f"{error}{end}" for error in _ERRORS]
    for key, value in policy.items():
        if key not in names:
            hint = did_you_mean(str(key), names)
            yield Fault((*path, str(key)), f"unknown error {quote_name(key)}", hint, "unknown-key")
        else:
            yield from find_wrong_value((*path, key), value, "integer", ())


def _find_references(section: str, settings: Any, own: bool) -> Iterator[Fault]:
    """Yield references that nothing expands, and variables that are unset."""
    shared = section in ("router_settings", "litellm_settings")
    unresolvable = list(find_unresolvable({section: settings}))
    for fault in unresolvable:
        expanded = "pass_through_endpoints" in fault.path  # there, within a string too
        if not expanded and (fault.code != "unset-variable" or shared or own):
            yield fault.as_warning()
    for path, text in leaves(settings, (section,)):
        variable = foreign_reference(text) if isinstance(text, str) else None
        if isinstance(text, str) and is_secret(str(path[-1])) and not is_reference(text):
            variable = variable or more_foreign(text)
        if variable and path not in [fault.path for fault in unresolvable]:
            hint = f"write {REFERENCE}{variable}"
            yield Fault(path, "this reference is not expanded", hint, "wrong-reference", "warning")


def find_dead_aliases(sections: Mapping[str, Any], names: Iterable[str]) -> Iterator[Fault]:
    """Yield a warning for each alias of the Router that leads to none of these names.

    >>> sections = {"router_settings": {"model_group_alias": {"gpt-4": "smrt"}}}
    >>> for fault in find_dead_aliases(sections, ["smart"]):
    ...     print(fault)
    router_settings.model_group_alias.gpt-4: no deployment is named 'smrt'; did you mean 'smart'?
    """
    settings = sections.get("router_settings")
    aliases = settings.get("model_group_alias") if isinstance(settings, Mapping) else None
    known = list(dict.fromkeys(names))
    for alias, target in aliases.items() if isinstance(aliases, Mapping) else ():
        path = ("router_settings", "model_group_alias", str(alias))
        name = target.get("model") if isinstance(target, Mapping) else target
        if isinstance(name, str):
            yield from find_dead_name(path, name, known)
        elif isinstance(name, _LISTS):
            message = f"expected the name of a deployment, found {describe_type(name)}"
            hint = "give the deployments one model_name: they share the load, or follow by order"
            yield Fault(path, message, hint, "wrong-setting", "warning")


def find_dead_name(path: tuple[Step, ...], name: str, known: Collection[str]) -> Iterator[Fault]:
    """Yield a warning for a name that no deployment has, if none may have any name.

    >>> print(*find_dead_name(("a",), "smrt", ["smart"]))
    a: no deployment is named 'smrt'; did you mean 'smart'?
    """
    any_name = any("*" in each or is_reference(each) for each in (*known, name))
    if name not in known and not any_name:
        message = f"no deployment is named {quote_name(name)}"
        yield Fault(path, message, did_you_mean(name, known), "dead-name", "warning")


def find_unnamed_credentials(
    sections: Mapping[str, Any], model: Mapping[str, Any]
) -> Iterator[Fault]:
    """Yield a warning for a credential that `credential_list` lacks."""
    name = model.get("litellm_credential_name")
    listed = sections.get("credential_list")
    listed = listed if isinstance(listed, _LISTS) else ()
    known = [str(name) for _, name in values_at(listed, ("*", "credential_name"))]
    path = ("litellm_credential_name",)
    if isinstance(name, str) and name in known:
        message = "only LiteLLM's proxy reads credential_list: run and kwargs do not"
        yield Fault(path, message, "write an api_key for them", "unread-section", "note")
    elif isinstance(name, str):
        message = f"no credential is named {quote_name(name)}"
        hint = did_you_mean(name, known) if known else "list it in credential_list"
        yield Fault(path, message, hint, "dead-name", "warning")


def advise_on_section(name: str) -> str:
    """Return where a name belongs that is no section; empty where that is unknown."""
    if home := section_for(name):
        return f"put it under {home}"
    return "put it under defaults, or in a model" if is_known(name) else ""
