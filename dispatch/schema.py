"""A JSON Schema of a contract's configurations, so that editors complete roles and keys."""

from __future__ import annotations

from typing import Any

from dispatch.roles import CHATCOMPLETIONS, DEFAULT_CONTRACT, POSTCOMPLETIONS, Contract, Role

__all__ = ["schema"]

_TEXT = {"type": "string", "pattern": r"\S"}
_TASKS: dict[str, dict[str, Any]] = {
    "optional": {"type": ["string", "null"]},
    "required": {"type": "string"},
    "none": {"type": "null"},
}
_ABOUT = {
    CHATCOMPLETIONS: "the main conversation and its tool calls",
    POSTCOMPLETIONS: "what follows the conversation, each with its task",
}

# What a model may hold besides its roles. Any other key is passed on to LiteLLM, so none is wrong.
_KEYS: dict[str, dict[str, Any]] = {
    "model": {**_TEXT, "description": "What LiteLLM calls: provider/name, or the name alone."},
    "name": {"type": "string", "description": "What you call it. Never sent to a provider."},
    "system_prompt": {"type": ["string", "null"], "description": "For your program, never sent."},
    "api_key": {"type": ["string", "null"], "description": "Best as os.environ/NAME."},
    "api_base": {"type": ["string", "null"], "description": "An endpoint of your own."},
    "base_url": {"type": ["string", "null"], "description": "The same as api_base."},
    "api_version": {"type": ["string", "null"], "description": "Quoted: it reads as a date."},
    "temperature": {"type": ["number", "null", "string"]},
    "top_p": {"type": ["number", "null", "string"]},
    "max_tokens": {"type": ["integer", "null", "string"]},
    "max_completion_tokens": {"type": ["integer", "null", "string"]},
    "timeout": {"type": ["number", "null", "string"]},
    "num_retries": {"type": ["integer", "null", "string"]},
    "stop": {"type": ["string", "array", "null"]},
    "extra_headers": {"type": ["object", "null"]},
    "extra_body": {"type": ["object", "null"]},
}


def schema(contract: Contract = DEFAULT_CONTRACT) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the configurations that fit a contract.

    >>> from dispatch import Contract
    >>> made = schema(Contract(["embed"]))
    >>> made["$defs"]["role"]["enum"]
    ['embed']
    """
    model = {
        "type": "object",
        "required": ["model"],
        "properties": {**_KEYS, **_known(), "roles": {"$ref": "#/$defs/roles"}},
    }
    if CHATCOMPLETIONS not in contract:  # nothing stands for the default role
        model["required"] = ["model", "roles"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Models, and the roles that they play",
        "type": "object",
        "required": ["models"],
        "properties": {"models": {"type": "array", "items": {"$ref": "#/$defs/model"}}},
        "$defs": {
            "model": model,
            "roles": _roles(contract),
            "role": {"enum": [role.name for role in contract.values() if role.task != "required"]},
            "tasks": _tasks(contract),
        },
    }


def _known() -> dict[str, Any]:
    """Every key that LiteLLM knows, for completion: of any type."""
    from dispatch.llm.keys import known_keys

    return {key: True for key in sorted(known_keys()) if key not in _KEYS}


def _roles(contract: Contract) -> dict[str, Any]:
    entry = [{"$ref": "#/$defs/role"}, {"$ref": "#/$defs/tasks"}]
    several: list[dict[str, Any]] = [{"type": "array", "items": {"anyOf": entry}}]
    if CHATCOMPLETIONS in contract:
        several.append({"type": "null"})
        several.append({"type": "object", "maxProperties": 0})
    else:
        several[0]["minItems"] = 1
    return {"description": "The roles that it plays.", "anyOf": [*entry, *several]}


def _tasks(contract: Contract) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {role.name: _task(role) for role in contract.values()},
        "additionalProperties": False,
        "minProperties": 1,
    }


def _task(role: Role) -> dict[str, Any]:
    about = _ABOUT.get(role.name)
    return _TASKS[role.task] | ({"description": f"The task; {about}."} if about else {})
