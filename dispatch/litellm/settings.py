"""The settings of LiteLLM's Router, as a configuration holds them beside its models.

Their names and kinds are shipped, in `settings.txt`, with those of the proxy. Where LiteLLM is
loaded, the names that its Router has beside these count too.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

from dispatch.config.environment import Types, foreign_reference, resolve
from dispatch.errors import Fault, Step
from dispatch.immutable import LISTS, FrozenMap, locate, thaw
from dispatch.litellm.deployments import Groups
from dispatch.litellm.tables import rows
from dispatch.litellm.values import fits, how_to_write
from dispatch.redaction import is_reference, quote_name
from dispatch.suggestions import KINDS, describe_type, did_you_mean, nearest

__all__ = [
    "MAPPINGS", "NESTED", "SECTIONS", "SETTINGS", "aliases_in", "fallback_sources",
    "find_dead_fallbacks", "find_settings_faults", "find_wrong_value", "router_settings",
]  # fmt: skip

MAPPINGS = (
    "router_settings", "litellm_settings", "general_settings", "environment_variables",
    "callback_settings",
)  # fmt: skip
"""The sections of LiteLLM's proxy that are mappings of names."""

SECTIONS = (
    *MAPPINGS, "credential_list", "guardrails", "mcp_servers", "mcp_tools",
    "vector_store_registry", "search_tools", "sandbox_tools", "prompts", "policies",
    "policy_attachments", "agents", "agent_list", "assistant_settings", "files_settings",
    "finetune_settings", "default_vertex_config", "worker_registry", "model_group_alias", "include",
)  # fmt: skip
"""The sections beside the models that LiteLLM's proxy documents or reads, of 1.100.0 to 1.110.2."""

_TEXT = Path(__file__).with_name("settings.txt").read_text(encoding="utf-8")
_PARTS = {
    part.partition("]")[0]: [line for line in part.splitlines()[1:] if line and line[0] != "#"]
    for part in _TEXT.split("\n[")[1:]
}

SETTINGS: Mapping[str, Mapping[str, list[str]]] = {
    section: {name: words for name, *words in map(str.split, _PARTS[section])}
    for section in MAPPINGS[:3]
}
"""What each setting of a section takes, in the words of JSON Schema, then the values it knows."""


def _read_nested(lines: Iterable[str]) -> Mapping[tuple[str, ...], Mapping[str, list[str]]]:
    holders: dict[tuple[str, ...], dict[str, list[str]]] = {}
    callbacks = _PARTS["callbacks"][0]
    for path, kind, *values in (line.replace("$callbacks", callbacks).split() for line in lines):
        *above, last = path.split(".")
        if kind == "names":
            holders.setdefault((*above, last), {}).update((name, ["any"]) for name in values)
        else:
            holders.setdefault((*above,), {})[last] = [kind, *values]
    return holders


NESTED = _read_nested(_PARTS["nested"])
"""What is deeper in the sections: by the path of what holds it, the keys and what each takes."""

_ROUTER = SETTINGS["router_settings"]
_FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
_SHARED = {
    **{name: name for name in (*_FALLBACKS, "default_fallbacks")},
    **{name: name for name in ("num_retries", "max_fallbacks", "allowed_fails")},
    "request_timeout": "timeout",
}
"""What the proxy's Router takes from `litellm_settings`, and the Router's name for it."""
_CONVERTED = ("integer", "number", "boolean")
_KINDS_OF = {name: words[0].split("|") for name, words in _ROUTER.items()}
_TYPES = cast("Types", {name: of[0] for name, of in _KINDS_OF.items() if of[0] in _CONVERTED})

_SCALAR = {*_CONVERTED, "string"}
_PLAIN = (str, int, float, bool, Mapping, *LISTS)


def find_settings_faults(section: Any, name: str = "router_settings") -> Iterator[Fault]:
    """Yield what is wrong with a section of settings, by the names and kinds that LiteLLM takes.

    An unknown name is a warning until LiteLLM is loaded, as another release may know it.

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
            near = nearest(key, _ROUTER, 0.75)
            hint = f"did you mean {quote_name(near)}?" if near else ""
            fault = Fault((name, key), f"unknown setting {quote_name(key)}", hint, "unknown-key")
            yield fault if live else fault.as_warning()
        elif setting is not None:
            kind, *choices = _ROUTER.get(setting, ("any",))
            choices += (each for each in get_args(live.get(setting)) if isinstance(each, str))
            yield from find_wrong_value((name, key), value, kind, dict.fromkeys(choices))


def find_wrong_value(
    path: tuple[Step, ...], value: Any, kind: str, choices: Collection[str]
) -> Iterator[Fault]:
    """Yield a fault for a value that is not of a kind, such as `integer|string`, or no choice.

    >>> for fault in find_wrong_value(("cache",), "yes", "boolean", ()):
    ...     print(fault)
    cache: expected true or false, found a string; remove the quotes: write true
    """
    kinds = kind.split("|")
    refers = isinstance(value, str) and (is_reference(value) or foreign_reference(value))
    if kind == "any" or (refers and not _SCALAR.isdisjoint(kinds)) or not isinstance(value, _PLAIN):
        return  # also for an object that a program made, and for what the environment holds
    if not any(fits(value, each) for each in kinds):
        expected = " or ".join(KINDS[each][0] for each in kinds)
        named = "array" if path[-1] in _FALLBACKS else "strings"
        like = tuple(named if each == "array" else each for each in kinds)
        hint = how_to_write(str(path[-1]), like, value)
        message = f"expected {expected}, found {describe_type(value)}"
        yield Fault(path, message, hint, "wrong-setting")
    elif choices and value not in choices:
        word = str(value).lower().replace("_", "-")
        meant = (each for each, *names in rows("strategies") if word in names and each in choices)
        hint = did_you_mean(next(meant, str(value)), choices)
        yield Fault(path, f"unknown value {quote_name(value)}", hint, "wrong-setting")


def _live() -> Mapping[str, Any]:
    """Return the annotations of the Router's parameters, once LiteLLM is loaded."""
    module = sys.modules.get("litellm.router")
    if module is None:
        return {}
    parameters = inspect.signature(module.Router.__init__).parameters
    return {n: p.annotation for n, p in parameters.items() if n not in ("self", "model_list")}


def router_settings(
    sections: Mapping[str, Any], given: Mapping[str, Any] = FrozenMap({})
) -> dict[str, Any]:
    """Return the settings of a Router that behaves as the proxy with these sections would.

    What `router_settings` leaves out and `litellm_settings` has, such as `fallbacks`, counts; what
    is `given` wins over both. References to the environment are resolved, to numbers where a
    setting takes a number.

    >>> router_settings({"litellm_settings": {"num_retries": 0, "drop_params": True}})
    {'num_retries': 0}

    Raises `UnsetVariableError` for a variable that is unset, and `ConfigError` for one that holds
    no number.
    """
    own = thaw(sections.get("router_settings") or {})
    shared = {
        name: value
        for name, value in (sections.get("litellm_settings") or {}).items()
        if name in _SHARED and own.get(_SHARED[name]) in (None, []) and value is not None
    }
    types = {name: _TYPES[_SHARED[name]] for name in shared if _SHARED[name] in _TYPES}
    own = {name: value for name, value in own.items() if name not in given}
    shared = {name: value for name, value in shared.items() if _SHARED[name] not in given}
    place = partial(locate, value=sections)
    own = resolve(own, ("router_settings",), types=_TYPES, locate=place)
    shared = resolve(shared, ("litellm_settings",), types=types, locate=place)
    given = resolve(dict(given), ("router_settings",), types=_TYPES)
    return {**own, **{_SHARED[name]: value for name, value in shared.items()}, **given}


def find_dead_fallbacks(
    sections: Mapping[str, Any], groups: Groups, aliases: Iterable[str] = ()
) -> Iterator[Fault]:
    """Yield a fault for each fallback from or to what no role and no model is named.

    LiteLLM takes them without a word, and fails when they are needed. Those in `router_settings`
    and in `litellm_settings` are looked at. `aliases` are further names that the Router knows.

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
    wild = [each for each in known if "*" in each]  # as in a proxy that answers for openai/*
    if any(is_reference(each) for each in known):  # which may be any name
        wild = ["*"]
    for section in ("router_settings", "litellm_settings"):
        settings = sections.get(section)
        for path, name in _named(settings) if isinstance(settings, Mapping) else ():
            if not isinstance(name, str):
                hint = "write a list of mappings such as {chatcompletions: [backup]}"
                yield Fault((section, *path), "is no list of fallbacks", hint, "wrong-fallback")
            elif name in known or name in ids or any(fnmatchcase(name, each) for each in wild):
                continue
            elif name in played:
                message = f"no model plays role {quote_name(name)}"
                yield Fault((section, *path), message, code="dead-fallback")
            else:
                message = f"no role or model is named {quote_name(name)}"
                code = "dead-source" if path[-1] == name else "dead-fallback"
                yield Fault((section, *path), message, did_you_mean(name, known), code)


def fallback_sources(sections: Mapping[str, Any]) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Yield whatever fallbacks are for, and where that is written.

    >>> list(fallback_sources({"router_settings": {"fallbacks": [{"chat": ["backup"]}]}}))
    [(('router_settings', 'fallbacks', 0, 'chat'), 'chat')]
    """
    for section in ("router_settings", "litellm_settings"):
        settings = sections.get(section)
        for path, name in _named(settings) if isinstance(settings, Mapping) else ():
            if isinstance(name, str) and path[-1] == name:
                yield (section, *path), name


def aliases_in(sections: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names that the Router answers for beside the roles.

    >>> aliases_in({"router_settings": {"model_group_alias": {"gpt-4o": "chatcompletions"}}})
    ('gpt-4o',)
    """
    settings = sections.get("router_settings")
    aliases = settings.get("model_group_alias") if isinstance(settings, Mapping) else None
    return tuple(aliases) if isinstance(aliases, Mapping) else ()


def _named(settings: Mapping[str, Any]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Yield each role or model that fallbacks name, and where; None where none can be."""
    default = settings.get("default_fallbacks")
    if isinstance(default, LISTS):
        yield from _targets(default, ("default_fallbacks",))
    for key in _FALLBACKS:
        entries = settings.get(key)  # absent, or the wrong kind of setting
        for index, entry in enumerate(entries if isinstance(entries, LISTS) else ()):
            if not isinstance(entry, Mapping):
                yield (key, index), None
                continue
            for source, targets in entry.items():
                if source != "*":
                    yield (key, index, str(source)), source
                yield from _targets(targets, (key, index, str(source)))


def _targets(targets: Any, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    if not isinstance(targets, LISTS):
        yield path, None
        return
    for index, target in enumerate(targets):
        yield (*path, index), target.get("model") if isinstance(target, Mapping) else target
