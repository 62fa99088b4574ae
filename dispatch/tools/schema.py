"""A JSON Schema of the configurations of a contract, so that editors complete and check them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dispatch.litellm.keys import VALUE_TYPES, kinds_of, known_keys
from dispatch.litellm.policy import RESERVED_KEYS
from dispatch.litellm.proxy_file import ENTRY_KEYS
from dispatch.litellm.settings import LISTS, MAPPINGS, SECTIONS, SETTINGS
from dispatch.redaction import is_secret
from dispatch.roles import CHATCOMPLETIONS, DEFAULT_CONTRACT, Contract, Role
from dispatch.sections import CALLABLE

__all__ = ["proxy_schema", "schema"]

Schema = dict[str, Any]

_NOT_BLANK: Schema = {"type": "string", "pattern": r"\S"}
_REFERENCE: Schema = {"type": "string", "pattern": r"^os\.environ/"}


def _typed(*kinds: str) -> Schema:
    """Describe a value of one of these kinds; a reference serves for a number or a boolean."""
    types = ["array" if kind == "strings" else kind for kind in kinds]
    if not types or "any" in types:
        return {}
    if "string" in types or {"number", "integer", "boolean"}.isdisjoint(types):
        return {"type": [*types, "null"]}
    return {"type": [*types, "null", "string"], "pattern": _REFERENCE["pattern"]}


_STRING, _OBJECT, _ARRAY = map(_typed, ("string", "object", "array"))

# Of keys of which `key_kinds.txt` says nothing, or something else; by their names, the strings.
_TYPES: Schema = {"model": _NOT_BLANK, "enabled": {"type": "boolean"}, "name": _STRING,
                  "model_info": _OBJECT, "api_version": {}}  # fmt: skip
_STRINGS = r"""(?x)
    ^(?!.+_(forward|call)_).+_(name|url|id|path|file|region|project|location)$
    | _(username|provider|host|endpoint|scope|subject|audience|duration)$"""
_LINES = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()[1:]
_ABOUT = dict(line.split(": ", 1) for line in _LINES)
_DECLARATION: Schema = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "properties": {
        "required": {"type": "boolean", "description": "At least one model must play it."},
        "multiple": {"type": "boolean", "description": "More than one model may play it."},
        "task": {"enum": ["optional", "required", "none"], "description": "Whether it has a task."},
        "description": {"type": "string", "description": "What it is for."},
        "otherwise": {**_NOT_BLANK, "description": "The role to borrow models from."},
        "needs": {"type": "object", "description": "Capabilities, as in LiteLLM's model map."},
        "calls": {
            "type": "string",
            "pattern": f"^{CALLABLE}$",
            "description": "LiteLLM's callable, such as litellm.embedding.",
        },
        "variables": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What the program fills into a task.",
        },
        "max_cost": {"type": "number", "minimum": 0, "description": "In US dollars, by process."},
    },
}
_TASKS: dict[str, Schema] = {
    "optional": _STRING,
    "required": _NOT_BLANK,
    "none": {"type": ["string", "null"], "pattern": r"^\s*$"},
}
_CLOSED: Schema = {"patternProperties": {"^x-": True}, "additionalProperties": False}
_SINGULAR = ("name", "model", "roles")  # what no default can give to all models
_DISABLED = {"required": ["enabled"], "properties": {"enabled": {"const": False}}}
_SECTIONS = {
    "litellm_settings": "Settings of LiteLLM's proxy for each call.",
    "general_settings": "Settings of LiteLLM's proxy itself.",
    "environment_variables": "Variables that LiteLLM's proxy sets.",
    "callback_settings": "Settings of the callbacks of LiteLLM's proxy.",
    "router_settings": "Settings of LiteLLM's Router, such as fallbacks.",
}


def schema(contract: Contract = DEFAULT_CONTRACT, *, overlay: bool = False) -> Schema:
    """Return the JSON Schema (2020-12) of the configurations that suit a contract.

    What it accepts a dispatcher accepts, except for what JSON Schema cannot say: that the
    variables of a task are known, or that at most one model plays a role where models are written
    as a mapping. It also wants common keys to have values of their type. In a file that declares
    roles itself, models may play any. `overlay` is for files that change others: they may leave
    anything out.

    >>> from dispatch import Contract, Role
    >>> made = schema(Contract([Role("embed", required=True)]))
    >>> made["$defs"]["role"]["enum"], made["required"]
    (['embed'], ['models'])
    """
    default = contract.get(CHATCOMPLETIONS)  # what a model without `roles` plays
    optional = overlay or (default is not None and default.task != "required")
    required = [] if overlay else ["model", *([] if optional else ["roles"])]
    counts = [] if overlay else list(_counts(contract))
    played = [role.name for role in contract.values() if role.task != "required"]
    about = "\n\n".join(map(_about, contract.values()))
    declared = {"type": ["object", "array"], "minProperties": 1, "minItems": 1}
    declares = {"required": ["roles"], "properties": {"roles": declared}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Models, and the roles that they play",
        "type": "object",
        "required": [] if overlay else ["models"],
        "properties": {
            "models": {
                "description": "Your models; those of one role serve in this order.",
                "type": ["array", "object"],
                "properties": {"model": False},
                **({"allOf": counts} if counts else {}),
            },
            "defaults": {
                "description": "Keys that every model starts from.",
                "anyOf": [{"type": "null"}, _ref("keys")],
                "properties": dict.fromkeys(_SINGULAR, False),
            },
            "roles": {
                "description": "Roles that this file declares.",
                "type": ["object", "array", "null"],
                "items": _NOT_BLANK,
                "propertyNames": {"pattern": r"\S"},
                "additionalProperties": _DECLARATION,
            },
            "own_keys": {
                "description": "Keys of models that are the program's own; never sent.",
                "type": ["array", "null"],
                "items": {"type": "string"},
            },
            **{name: _settings(name) for name in _SECTIONS},
        },
        "if": True if overlay else declares,
        "then": {"properties": {"models": _each("any model")}},
        "else": {"properties": {"models": _each("model")}},
        "$defs": {
            "model": _model(required, "roles"),
            "any model": _model([key for key in required if key == "model"], "any roles"),
            "keys": {"type": "object", "properties": _keys()},
            "parameters": {
                "allOf": [_ref("keys")],
                "properties": {"roles": False, "enabled": False},
            },
            "roles": _roles("role", "tasks", optional),
            "any roles": _roles("any role", "any tasks", True),
            "role": {"enum": played, "description": about},
            "any role": {"anyOf": [_ref("role"), _NOT_BLANK]},
            "tasks": _tasks(contract, False),
            "any tasks": _tasks(contract, _task("optional")),
            **{f"plays {role.name}": _plays(role) for role in contract.values()},
        },
    }


def proxy_schema() -> Schema:
    """Return the JSON Schema (2020-12) of the configurations of LiteLLM's proxy.

    Sections and keys of a deployment that LiteLLM does not read are refused, unless their names
    start with `x-`; of settings and parameters the types are checked where they are known.

    >>> made = proxy_schema()
    >>> made["properties"]["model_list"]["items"]["required"]
    ['model_name', 'litellm_params']
    """
    others: Schema = {name: {} for name in SECTIONS} | dict.fromkeys(LISTS, _ARRAY)
    others |= {name: _settings(name) for name in MAPPINGS}
    params = _keys() | dict.fromkeys(("name", "roles", "enabled", "system_prompt"), False)
    entry: Schema = {key: {} for key in ENTRY_KEYS} | {
        "model_name": {**_NOT_BLANK, "description": "The name that clients ask for."},
        "litellm_params": {"type": "object", "required": ["model"], "properties": params},
        "model_info": _OBJECT,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration of a LiteLLM proxy",
        "type": "object",
        "properties": {
            "model_list": {
                "description": "The deployments; those of one name share the load.",
                "type": ["array", "null"],
                "items": {
                    "type": "object",
                    "required": ["model_name", "litellm_params"],
                    "properties": entry,
                    **_CLOSED,
                },
            },
            **others,
        },
        **_CLOSED,
    }


def _settings(section: str) -> Schema:
    """Describe a section of settings by the names and the kinds that LiteLLM takes."""
    properties = {}
    for name, (kind, *choices) in SETTINGS.get(section, {}).items():
        chosen = {"anyOf": [{"enum": [*choices, None]}, _REFERENCE]}
        properties[name] = chosen if choices else _typed(*kind.split("|"))
    about = {"description": _SECTIONS[section]} if section in _SECTIONS else {}
    return {**about, **_OBJECT, **({"properties": properties} if properties else {})}


def _keys() -> Schema:
    """Describe every known key of a model: its type, and what the common ones are for."""
    others = sorted((known_keys() | VALUE_TYPES.keys() | RESERVED_KEYS) - _ABOUT.keys() - {"roles"})
    return {
        key: _type_of(key) | ({"description": _ABOUT[key]} if key in _ABOUT else {})
        for key in (*_ABOUT, *others)
    }


def _type_of(key: str) -> Schema:
    if key in _TYPES:
        return _TYPES[key]  # type: ignore[no-any-return]
    if kinds := kinds_of(key) or tuple(filter(None, [VALUE_TYPES.get(key)])):
        return _typed(*kinds)
    secret = is_secret(key) and "credentials" not in key  # these may be a mapping
    return _STRING if secret or re.search(_STRINGS, key) else {}


def _each(definition: str) -> Schema:
    return {"items": _ref(definition), "additionalProperties": _ref(definition)}


def _model(required: list[str], roles: str) -> Schema:
    """Describe a model; nothing is required of one that is left out."""
    return {
        "if": _DISABLED,
        "then": {"type": "object"},
        "else": {
            "required": required,
            "allOf": [_ref("keys")],
            "properties": {"roles": _ref(roles)},
        },
    }


def _counts(contract: Contract) -> Iterator[Schema]:
    """Yield what a contract demands of all models together."""
    for role in contract.values():
        plays = _ref(f"plays {role.name}")
        if role.required:
            lenders = [_ref(f"plays {name}") for name in contract.lenders(role.name)]
            player = {"anyOf": [plays, *lenders]} if lenders else plays
            named = {"type": "object", "not": {"additionalProperties": {"not": player}}}
            yield {"anyOf": [{"type": "array", "contains": player}, named]}
        if not role.multiple:
            # `minContains: 0` would be shorter, but editors that do not know it would want one.
            yield {"if": {"contains": plays}, "then": {"contains": plays, "maxContains": 1}}


def _plays(role: Role) -> Schema:
    names = {"anyOf": [{"const": role.name}, {"type": "object", "required": [role.name]}]}
    roles = {"anyOf": [names, {"type": "array", "contains": names}]}
    plays: Schema = {"properties": {"roles": roles}, "required": ["roles"]}
    if role.name == CHATCOMPLETIONS:  # so does a model without roles
        roles["anyOf"] += [{"enum": [None, [], {}]}]
        del plays["required"]
    return {"type": "object", "not": _DISABLED, **plays}


def _roles(role: str, tasks: str, optional: bool) -> Schema:
    entry = [_ref(role), _ref(tasks)]
    about = "The roles that it plays: one, a mapping of roles to tasks, or a list of both."
    listed: Schema = {"type": "array", "items": {"anyOf": entry}}
    if not optional:
        return {"description": about, "anyOf": [*entry, {**listed, "minItems": 1}]}
    about += f" Without any it plays {CHATCOMPLETIONS}."
    return {"description": about, "anyOf": [*entry, listed, {"enum": [None, {}]}]}


def _tasks(contract: Contract, others: Schema | bool) -> Schema:
    return {
        "type": "object",
        "minProperties": 1,
        "properties": {
            role.name: {**_task(role.task), "description": _about(role)}
            for role in contract.values()
        },
        "additionalProperties": others,
    }


def _task(task: str) -> Schema:
    """Describe a task, or a mapping of a task and of parameters that hold in this role only."""
    required = {"required": ["task"]} if task == "required" else {}
    mapping = {"allOf": [_ref("parameters")], "properties": {"task": _TASKS[task]}, **required}
    return {"if": {"type": "object"}, "then": mapping, "else": _TASKS[task]}


def _about(role: Role) -> str:
    """Describe what a role is for and what a program asks of it."""
    said = (
        role.description,
        "at least one model must play it" if role.required else "",
        "" if role.multiple else "only one model may play it",
        {"required": "always with a task", "none": "never with a task"}.get(role.task),
        f"otherwise it borrows the models of {role.otherwise}" if role.otherwise else "",
        f"variables of its task: {', '.join(role.variables)}" if role.variables else "",
    )
    about = "; ".join(filter(None, said))
    return f"{role.name}: {about}." if about else f"{role.name}."


def _ref(definition: str) -> Schema:
    """Refer to a definition, whatever characters are in the name of its role."""
    return {"$ref": f"#/$defs/{quote(definition.replace('~', '~0').replace('/', '~1'))}"}
