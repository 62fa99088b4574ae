"""The settings of LiteLLM's Router and proxy in a configuration.

Their names and types are shipped in `settings.txt`. If LiteLLM is loaded, the names that its Router
defines are known too. As other releases may know other names, an unknown Router setting is an error
only if LiteLLM is loaded, and an unknown proxy setting is reported only if it resembles a known one
or belongs elsewhere.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, cast, get_args

from dispatch.config.environment import Types, find_unresolvable, foreign_reference, resolve
from dispatch.errors import Fault, Step
from dispatch.immutable import LISTS as LIST_TYPES
from dispatch.immutable import FrozenMap, leaves, locate, thaw
from dispatch.litellm.keys import is_known
from dispatch.litellm.tables import rows, table
from dispatch.litellm.values import find_misfit, more_foreign
from dispatch.redaction import REFERENCE, is_reference, is_secret, quote_name
from dispatch.suggestions import describe_type, did_you_mean, nearest

__all__ = [
    "FALLBACKS", "LISTS", "MAPPINGS", "NESTED", "SECTIONS", "SETTINGS", "advise_on_section",
    "find_settings_faults", "find_suspicious_settings", "router_settings", "section_for",
    "values_at",
]  # fmt: skip

Path = tuple[Step, ...]
Known = Mapping[str, Sequence[str]]

SECTIONS = tuple(table("sections", "settings"))
"""The sections other than models that LiteLLM's proxy documents or reads, 1.100.0 to 1.110.2."""

MAPPINGS, LISTS = (
    tuple(name for name, kind in rows("sections", "settings") if kind == of)
    for of in ("object", "array")
)
"""The sections that are mappings, and those that are lists."""

SETTINGS: Mapping[str, Known] = {name: table(name, "settings") for name in MAPPINGS[:3]}
"""The JSON Schema type of each setting in a section, followed by its known values."""

FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
"""The settings that define fallbacks of a role or model."""


def _read_nested() -> Mapping[tuple[str, ...], Known]:
    (callbacks,) = rows("callbacks", "settings")
    holders: dict[tuple[str, ...], dict[str, Sequence[str]]] = {}
    for path, kind, *values in rows("nested", "settings"):
        *above, last = path.split(".")
        if kind == "names":
            holders.setdefault((*above, last), {}).update((name, ("any",)) for name in values)
        else:
            values = [*values[:-1], *callbacks] if values[-1:] == ["$callbacks"] else values
            holders.setdefault((*above,), {})[last] = (kind, *values)
    return holders


NESTED = _read_nested()
"""Nested settings: for the path of each mapping, its keys with their types and values."""

_ROUTER = SETTINGS["router_settings"]
_SHARED = {
    **{name: name for name in (*FALLBACKS, "default_fallbacks")},
    **{name: name for name in ("num_retries", "max_fallbacks", "allowed_fails")},
    "request_timeout": "timeout",
}
"""Settings that the proxy's Router reads from `litellm_settings`, with the Router's names."""
_CONVERTED = ("integer", "number", "boolean")
_FIRST_KINDS = {name: words[0].partition("|")[0] for name, words in _ROUTER.items()}
_TYPES = cast("Types", {"request_timeout": "number"} | {
    name: kind for name, kind in _FIRST_KINDS.items() if kind in _CONVERTED
})  # fmt: skip
_SCALAR = {*_CONVERTED, "string"}
_PLAIN = (str, bytes, int, float, date, Mapping, *LIST_TYPES)


def find_settings_faults(section: Any, name: str = "router_settings") -> Iterator[Fault]:
    """Yield a fault for each name or value in a section of settings that LiteLLM does not accept.

    An unknown name is only a warning unless LiteLLM is loaded, as another release may know it.

    >>> for fault in find_settings_faults({"timeout": "30s"}):
    ...     print(fault)
    router_settings.timeout: expected a number, found a string; write 30
    """
    if section is None or name not in MAPPINGS:
        return
    if not isinstance(section, Mapping):
        message = f"expected a mapping, found {describe_type(section)}"
        yield Fault((name,), message, code="wrong-section")
        return
    live = _live()
    for key, value in section.items():
        setting = {"router_settings": key, "litellm_settings": _SHARED.get(key)}.get(name)
        if not isinstance(key, str):
            message = f"expected a name, found {describe_type(key)} as a key"
            yield Fault((name,), message, code="wrong-section")
        elif name == "router_settings" and key not in _ROUTER and key not in live:
            fault = _unknown((name, key), nearest(key, _ROUTER, 0.75))
            yield fault if live else fault.as_warning()
        elif setting is not None:
            kind, *choices = _ROUTER.get(setting, ("any",))
            choices += (each for each in get_args(live.get(setting)) if isinstance(each, str))
            yield from _find_wrong_value((name, key), value, kind, dict.fromkeys(choices))


def _live() -> Mapping[str, Any]:
    """Return the annotations of the Router's parameters, once LiteLLM is loaded."""
    module = sys.modules.get("litellm.router")
    if module is None:
        return {}
    parameters = inspect.signature(module.Router.__init__).parameters
    return {n: p.annotation for n, p in parameters.items() if n not in ("self", "model_list")}


def _unknown(path: Path, near: str | None) -> Fault:
    hint = f"did you mean {quote_name(near)}?" if near else ""
    return Fault(path, f"unknown setting {quote_name(path[-1])}", hint, "unknown-key")


def _find_wrong_value(
    path: Path, value: Any, kind: str, choices: Collection[str] = ()
) -> Iterator[Fault]:
    """Yield a fault for a value that is not of a type such as `integer|string`, or no choice."""
    kinds = kind.split("|")
    refers = isinstance(value, str) and (is_reference(value) or foreign_reference(value))
    if kind == "any" or (refers and not _SCALAR.isdisjoint(kinds)) or not isinstance(value, _PLAIN):
        return  # also for objects of a program, and references
    if kind == "integer|string" and isinstance(value, str) and not value.strip().isdecimal():
        kinds = ["integer"]  # with or without quotes
    named = "array" if path[-1] in FALLBACKS else "strings"
    like = [named if each == "array" else each for each in kinds]
    if problem := find_misfit(str(path[-1]), kinds, value, like):
        yield Fault(path, *problem, "wrong-setting")
    elif choices and value not in choices:
        word = str(value).lower().replace("_", "-")
        meant = (each for each, *names in rows("strategies") if word in names and each in choices)
        hint = did_you_mean(next(meant, str(value)), choices)
        yield Fault(path, f"unknown value {quote_name(value)}", hint, "wrong-setting")


def router_settings(
    sections: Mapping[str, Any], given: Mapping[str, Any] = FrozenMap({})
) -> dict[str, Any]:
    """Return the settings for a Router that behaves like the proxy with these sections.

    Settings that are missing in `router_settings` come from `litellm_settings`, such as
    `fallbacks`; `given` overrides both. References to environment variables are resolved, and
    converted to numbers or booleans if the setting requires it.

    >>> router_settings({"litellm_settings": {"num_retries": 0, "drop_params": True}})
    {'num_retries': 0}

    Raises `UnsetVariableError` for an unset variable, and `ConfigError` for one whose value cannot
    be converted.
    """
    written = thaw(sections.get("router_settings") or {})
    own = {name: value for name, value in written.items() if name not in given}
    shared = {
        name: value
        for name, value in (sections.get("litellm_settings") or {}).items()
        if (meant := _SHARED.get(name)) and meant not in given
        if value is not None and written.get(meant) in (None, [])
    }
    place = partial(locate, value=sections)
    own = resolve(own, ("router_settings",), types=_TYPES, locate=place)
    shared = resolve(shared, ("litellm_settings",), types=_TYPES, locate=place)
    given = resolve(dict(given), ("router_settings",), types=_TYPES)
    return {**own, **{_SHARED[name]: value for name, value in shared.items()}, **given}


def section_for(name: str, but: str = "") -> str:
    """Return the section to which a setting belongs; empty if it is unknown.

    >>> section_for("routing_strategy"), section_for("master_key"), section_for("temperature")
    ('router_settings', 'general_settings', '')
    """
    known = {**SETTINGS, "router_settings": _ROUTER.keys() - {"set_verbose"}}
    return next((each for each, names in known.items() if each != but and name in names), "")


def advise_on_section(name: str) -> str:
    """Return where an unknown section belongs; empty if that is unknown."""
    if home := section_for(name):
        return f"put it under {home}"
    return "put it under defaults, or in a model" if is_known(name) else ""


def find_suspicious_settings(sections: Mapping[str, Any], *, own: bool = False) -> Iterator[Fault]:
    """Yield a warning for each setting that LiteLLM would not use as written.

    Variables in the proxy's own settings may be unset here, unless the file is its `own`.

    >>> for fault in find_suspicious_settings({"general_settings": {"masterkey": "os.environ/K"}}):
    ...     print(fault)
    general_settings.masterkey: unknown setting 'masterkey'; did you mean 'master_key'?
    """
    return (fault.as_warning() for fault in _find_suspicious(sections, own))


def _find_suspicious(sections: Mapping[str, Any], own: bool) -> Iterator[Fault]:
    for section, settings in sections.items():
        if section in LISTS and settings is not None and not isinstance(settings, LIST_TYPES):
            message = f"expected a list, found {describe_type(settings)}"
            hint = "write each as an item, with a dash before it"
            yield Fault((section,), message, hint, "wrong-section")
        known = settings if section in MAPPINGS and isinstance(settings, Mapping) else {}
        if section == "litellm_settings" and known.get("cache_params") and "cache" not in known:
            hint = "add cache: true"
            yield Fault((section, "cache_params"), "has no effect", hint, "idle-setting")
        for pattern, end in rows("policies", "settings"):
            for path, policy in values_at({section: known}, pattern.split(".")):
                yield from _find_in_policy(path, policy, end)
        for key, value in known.items():
            if isinstance(key, str) and value is not None and section in SETTINGS:
                yield from _find_in_setting(section, key, value)
        if section in (*MAPPINGS, *LISTS) and section != "prompts":
            yield from _find_references(section, settings, own)
    lists = {name for name in LISTS if isinstance(sections.get(name), Mapping)}  # reported above
    sections = {name: each for name, each in sections.items() if name not in lists}
    for holder_at, keys in NESTED.items():
        for path, holder in values_at(sections, holder_at):
            yield from _find_in_holder(path, holder, keys)


def _find_in_setting(section: str, key: str, value: Any) -> Iterator[Fault]:
    """Yield the faults of one setting, except for types of Router settings."""
    path, known = (section, key), SETTINGS.get(section, {})
    if key not in known and (home := section_for(key, section)):
        yield Fault(path, f"is not a setting of {section}", f"put it under {home}", "unknown-key")
    elif section == "router_settings":
        if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
            yield Fault(path, f"{value} is less than 0", "", "wrong-setting")
    elif key in known:
        kind, *choices = known[key]
        yield from _find_wrong_value(path, value, kind, choices)
    elif key in MAPPINGS:
        yield Fault(path, "is a section", "move it to the top level", "unknown-key")
    elif near := nearest(key, known, 0.85):
        yield _unknown(path, near)


def _find_references(section: str, settings: Any, own: bool) -> Iterator[Fault]:
    """Yield a fault for each reference that is not expanded, and each unset variable."""
    shared = section in ("router_settings", "litellm_settings")
    unresolvable = list(find_unresolvable({section: settings}))
    for fault in unresolvable:
        expanded = "pass_through_endpoints" in fault.path  # expanded even within strings
        if not expanded and (fault.code != "unset-variable" or shared or own):
            yield fault
    for path, text in leaves(settings, (section,)):
        variable = foreign_reference(text) if isinstance(text, str) else None
        if isinstance(text, str) and is_secret(str(path[-1])) and not is_reference(text):
            variable = variable or more_foreign(text)
        if variable and path not in [fault.path for fault in unresolvable]:
            hint = f"write {REFERENCE}{variable}"
            yield Fault(path, "this reference is not expanded", hint, "wrong-reference")


def values_at(value: Any, pattern: Sequence[str], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the values that match a pattern, with their paths; * matches any key or index.

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
    elif isinstance(value, LIST_TYPES) and first == "*":
        items = enumerate(value)
    for step, item in items:
        yield from values_at(item, rest, (*path, step))


def _find_in_policy(path: Path, policy: Any, end: str) -> Iterator[Fault]:
    if isinstance(path[-1], int):
        return  # in a list, which is reported as a whole
    if not isinstance(policy, Mapping):
        if path[2:]:  # otherwise reported as a setting
            message = f"expected a mapping, found {describe_type(policy)}"
            hint = "write a policy for each name, such as {main: {RateLimitErrorRetries: 3}}"
            yield Fault(path, message, hint, "wrong-setting")
        return
    names = [f"{error}{end}" for error in rows("errors", "settings")[0]]
    for key, value in policy.items():
        if key in names:
            yield from _find_wrong_value((*path, key), value, "integer")
        else:
            hint = did_you_mean(str(key), names)
            yield Fault((*path, str(key)), f"unknown error {quote_name(key)}", hint, "unknown-key")


def _find_in_holder(path: Path, holder: Any, known: Known) -> Iterator[Fault]:
    if isinstance(holder, Mapping) and "*" not in known and path[1:]:
        missing = [key for key in known if key not in holder]
        near = {str(key): nearest(str(key), missing, 0.85) for key in holder if key not in known}
        yield from (_unknown((*path, key), meant) for key, meant in near.items() if meant)
        for key in missing:
            if known[key][0][0] == "!" and key not in near.values():
                yield Fault(path, f"has no key {key!r}", "", "wrong-setting")
    for key, (kind, *choices) in known.items():
        for where, value in values_at(holder, [key], path):
            yield from _find_nested_value(where, value, kind.lstrip("!"), choices)


def _find_nested_value(path: Path, value: Any, kind: str, choices: list[str]) -> Iterator[Fault]:
    refers = isinstance(value, str) and (is_reference(value) or foreign_reference(value))
    if refers and kind not in ("object", "array"):
        return
    if kind == "form":
        form, *advice = table("forms")[choices[0]]
        kind, choices = "string", []
        if isinstance(value, str) and not re.fullmatch(form, value):
            message = f"unknown value {quote_name(value)}"
            yield Fault(path, message, " ".join(advice), "wrong-setting")
    elif choices[:1] == ["~"]:
        strange = isinstance(value, str) and value not in choices
        begun = any(each.startswith(f"{value}_") for each in choices)
        choices = choices[1:] if strange and (begun or nearest(value, choices, 0.8)) else []
    yield from _find_wrong_value(path, value, kind, choices if isinstance(value, str) else ())
