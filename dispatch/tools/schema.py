"""A JSON Schema of a contract's configurations, so that editors complete roles and keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from dispatch.roles import CHATCOMPLETIONS, DEFAULT_CONTRACT, POSTCOMPLETIONS, Contract, Role

__all__ = ["schema"]

_TEXT = {"type": "string", "pattern": r"\S"}
_NUMBER = {"type": ["number", "null", "string"]}  # a text may refer to a variable
_INTEGER = {"type": ["integer", "null", "string"]}
_OBJECT = {"type": ["object", "null"]}
_TASKS: dict[str, dict[str, Any]] = {
    "optional": {"type": ["string", "null"]},
    "required": _TEXT,
    "none": {"type": "null"},
}
_ABOUT = {
    CHATCOMPLETIONS: "the main conversation and its tool calls",
    POSTCOMPLETIONS: "what follows the conversation, each with its task",
}
_ABOUT_TASK = {"required": "each time with a task", "none": "never with a task"}

# What a model may hold besides its roles. Any other key is passed on to LiteLLM, so none is wrong.
_KEYS: dict[str, dict[str, Any]] = {
    "model": {**_TEXT, "description": "What LiteLLM calls: provider/name, or the name alone."},
    "name": {"type": ["string", "null"], "description": "What you call it, never sent."},
    "system_prompt": {"type": ["string", "null"], "description": "For your program, never sent."},
    "api_key": {"type": ["string", "null"], "description": "Best as os.environ/NAME."},
    "api_base": {"type": ["string", "null"], "description": "An endpoint of your own."},
    "base_url": {"type": ["string", "null"], "description": "The same as api_base."},
    "api_version": {"type": ["string", "null"], "description": "Quoted: it reads as a date."},
    "temperature": {**_NUMBER, "description": "How freely it answers; 0 is the steadiest."},
    "top_p": {**_NUMBER, "description": "It picks from the likeliest words, up to this share."},
    "max_tokens": {**_INTEGER, "description": "How long an answer may be."},
    "max_completion_tokens": {**_INTEGER, "description": "The same, with what it thinks."},
    "timeout": {**_NUMBER, "description": "Seconds to wait for an answer."},
    "num_retries": {**_INTEGER, "description": "How often to ask again where a call fails."},
    "stop": {"type": ["string", "array", "null"], "description": "Texts that end an answer."},
    "extra_headers": {**_OBJECT, "description": "HTTP headers that go along."},
    "extra_body": {**_OBJECT, "description": "Keys that go into the request as they are."},
}


def schema(contract: Contract = DEFAULT_CONTRACT) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the configurations that fit a contract.

    It refuses what a dispatcher refuses, down to how often a role is played, but for keys that
    stand twice or are no text: JSON has none of these. Beyond that it asks well-known keys for
    values of their type, such as a text for `name: 3.10`, where a dispatcher takes any.

    >>> from dispatch import Contract, Role
    >>> made = schema(Contract([Role("embed", required=True)]))
    >>> made["$defs"]["role"]["enum"], made["properties"]["models"]["allOf"]
    (['embed'], [{'contains': {'$ref': '#/$defs/plays%20embed'}}])
    """
    model = {
        "type": "object",
        "required": ["model"],
        "properties": {**_KEYS, **_known(), "roles": {"$ref": "#/$defs/roles"}},
    }
    if not _has_default(contract):
        model["required"] = ["model", "roles"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Models, and the roles that they play",
        "type": "object",
        "required": ["models"],
        "properties": {"models": _models(contract)},
        "$defs": {
            "model": model,
            "roles": _roles(contract),
            "role": _role(contract),
            "tasks": _tasks(contract),
            **dict(_players(contract)),
        },
    }


def _known() -> dict[str, Any]:
    """Every key that LiteLLM knows, for completion: of any type."""
    from dispatch.llm.keys import known_keys

    return {key: True for key in sorted(known_keys()) if key not in _KEYS}


def _has_default(contract: Contract) -> bool:
    """Tell whether a model may do without roles, and plays the default one."""
    default = contract.get(CHATCOMPLETIONS)
    return default is not None and default.task != "required"


def _models(contract: Contract) -> dict[str, Any]:
    asked = [{"contains": _ref("plays", role)} for role in contract.values() if role.required]
    asked += [_at_most_one("plays", role) for role in contract.values() if not role.several]
    return {
        "description": "Your models; those of one role serve in this order.",
        "type": "array",
        "items": {"$ref": "#/$defs/model"},
    } | ({"allOf": asked} if asked else {})


def _roles(contract: Contract) -> dict[str, Any]:
    entry = [{"$ref": "#/$defs/role"}, {"$ref": "#/$defs/tasks"}]
    several: list[dict[str, Any]] = [{"type": "array", "items": {"anyOf": entry}}]
    about = "The roles that it plays: one, a mapping of roles to tasks, or a list of both."
    if _has_default(contract):
        about += f" Without any it plays {CHATCOMPLETIONS}."
        several.append({"type": "null"})
        several.append({"type": "object", "maxProperties": 0})
    else:
        several[0]["minItems"] = 1
    # To play a role twice, with a task each, counts as two models.
    single = [_at_most_one("names", role) for role in contract.values() if not role.several]
    if single:
        several[0]["allOf"] = single
    return {"description": about, "anyOf": [*entry, *several]}


def _role(contract: Contract) -> dict[str, Any]:
    told = list(filter(None, map(_about, contract.values())))
    names = [role.name for role in contract.values() if role.task != "required"]
    return {"enum": names} | ({"description": "\n\n".join(told)} if told else {})


def _tasks(contract: Contract) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {role.name: _task(role) for role in contract.values()},
        "additionalProperties": False,
        "minProperties": 1,
    }


def _task(role: Role) -> dict[str, Any]:
    about = _about(role)
    return _TASKS[role.task] | ({"description": about} if about else {})


def _about(role: Role) -> str:
    """Tell what a role is for and what a program asks of it, where there is anything to tell."""
    told = (
        _ABOUT.get(role.name),
        "some model must play it" if role.required else "",
        "" if role.several else "one model at most plays it",
        _ABOUT_TASK.get(role.task),
    )
    about = "; ".join(filter(None, told))
    return f"{role.name}: {about}." if about else ""


def _players(contract: Contract) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what it is to name a role, and to play it, for each role whose players count."""
    for role in contract.values():
        if role.required or not role.several:
            mapping = {"type": "object", "required": [role.name]}
            yield f"names {role.name}", {"anyOf": [{"const": role.name}, mapping]}
            yield f"plays {role.name}", _plays(role)


def _plays(role: Role) -> dict[str, Any]:
    names = _ref("names", role)
    written = [names, {"type": "array", "contains": names}]
    if role.name != CHATCOMPLETIONS:
        plays = {"properties": {"roles": {"anyOf": written}}, "required": ["roles"]}
    else:  # so does a model without any
        plays = {"properties": {"roles": {"anyOf": [*written, {"enum": [None, [], {}]}]}}}
    return {"type": "object", **plays}


def _at_most_one(does: str, role: Role) -> dict[str, Any]:
    """Allow one item that does something with a role.

    `minContains: 0` would say it shorter. Editors that know no `minContains` would ask for one.
    """
    item = _ref(does, role)
    return {"if": {"contains": item}, "then": {"contains": item, "maxContains": 1}}


def _ref(does: str, role: Role) -> dict[str, str]:
    """Refer to a definition of `_players`, whatever characters are in the name of the role."""
    name = role.name.replace("~", "~0").replace("/", "~1")
    return {"$ref": f"#/$defs/{quote(f'{does} {name}')}"}
