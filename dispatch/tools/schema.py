"""A JSON Schema of the configurations of a contract, so that editors complete and check them."""

from __future__ import annotations

import json
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
    """Describe a value of one of these kinds; numbers and booleans may be references."""
    types = ["array" if kind == "strings" else kind for kind in kinds]
    if not types or "any" in types:
        return {}
    if "string" in types or {"number", "integer", "boolean"}.isdisjoint(types):
        return {"type": [*types, "null"]}
    return {"type": [*types, "null", "string"], "pattern": _REFERENCE["pattern"]}


_STRING, _OBJECT, _ARRAY = map(_typed, ("string", "object", "array"))

# The types of keys that `key_kinds.txt` lacks or defines otherwise; `_STRINGS` by name.
_TYPES: Schema = {"model": _NOT_BLANK, "enabled": {"type": "boolean"}, "name": _STRING,
                  "model_info": _OBJECT, "api_version": {}}  # fmt: skip
_STRINGS = r"""(?x)
    ^(?!.+_(forward|call)_).+_(name|url|id|path|file|region|project|location)$
    | _(username|provider|host|endpoint|scope|subject|audience|duration)$"""
_LINES = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()[1:]
_ABOUT = dict(line.split(": ", 1) for line in _LINES)
_TEXT = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
_STATIC: Schema = json.loads(_TEXT)
"""The parts of both schemas that do not depend on the contract; copies are filled in."""


def schema(contract: Contract = DEFAULT_CONTRACT, *, overlay: bool = False) -> Schema:
    """Return the JSON Schema (2020-12) for configurations of a contract.

    A dispatcher accepts what the schema accepts, except for rules that JSON Schema cannot express:
    that the variables of a task are known, or, if models are written as a mapping, that at most one
    plays a role. The schema also checks the types of common keys. In a file that declares roles
    itself, models may play any role. `overlay` is for files that change other files and may leave
    anything out.

    >>> from dispatch import Contract, Role
    >>> made = schema(Contract([Role("embed", required=True)]))
    >>> made["$defs"]["role"]["enum"], made["required"]
    (['embed'], ['models'])
    """
    default = contract.get(CHATCOMPLETIONS)  # the role of models without `roles`
    made: Schema = json.loads(_TEXT)["models"]
    sections, parts = made["properties"], made["$defs"]
    counts = [] if overlay else list(_counts(contract))
    sections["models"] |= {"allOf": counts} if counts else {}
    sections["roles"]["additionalProperties"]["properties"]["calls"]["pattern"] = f"^{CALLABLE}$"
    sections |= {name: _settings(name) for name in MAPPINGS}
    parts["keys"]["properties"] = _keys()
    if overlay:
        made |= {"required": [], "if": True}
        parts["model"]["else"]["required"] = parts["any model"]["else"]["required"] = []
    elif default is None or default.task == "required":
        parts["model"]["else"]["required"] = ["model", "roles"]
        parts["roles"] = _STATIC["some roles"]
    played = [role.name for role in contract.values() if role.task != "required"]
    parts["role"] = {"enum": played, "description": "\n\n".join(map(_about, contract.values()))}
    parts["tasks"]["properties"] = parts["any tasks"]["properties"] = {
        role.name: {**_STATIC["tasks"][role.task], "description": _about(role)}
        for role in contract.values()
    }
    parts |= {f"plays {role.name}": _plays(role) for role in contract.values()}
    return made


def proxy_schema() -> Schema:
    """Return the JSON Schema (2020-12) for configurations of LiteLLM's proxy.

    Sections and keys of a deployment that LiteLLM does not read are rejected unless their names
    start with `x-`; known settings and parameters are checked for their type.

    >>> made = proxy_schema()
    >>> made["properties"]["model_list"]["items"]["required"]
    ['model_name', 'litellm_params']
    """
    made: Schema = json.loads(_TEXT)["proxy"]
    entry = made["properties"]["model_list"]["items"]["properties"]
    params = _keys() | dict.fromkeys(("name", "roles", "enabled", "system_prompt"), False)
    named = {"litellm_params": {"type": "object", "required": ["model"], "properties": params}}
    entry |= {key: {} for key in ENTRY_KEYS} | entry | named | {"model_info": _OBJECT}
    made["properties"] |= {name: {} for name in SECTIONS} | dict.fromkeys(LISTS, _ARRAY)
    made["properties"] |= {name: _settings(name) for name in MAPPINGS}
    return made


def _settings(section: str) -> Schema:
    """Describe a section of settings by the names and types that LiteLLM accepts."""
    properties = {}
    for name, (kind, *choices) in SETTINGS.get(section, {}).items():
        chosen = {"anyOf": [{"enum": [*choices, None]}, _REFERENCE]}
        properties[name] = chosen if choices else _typed(*kind.split("|"))
    known = {"properties": properties} if properties else {}
    return {**_STATIC["models"]["properties"][section], **_OBJECT, **known}


def _keys() -> Schema:
    """Describe the type of every known key of a model, and the purpose of common ones."""
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


def _counts(contract: Contract) -> Iterator[Schema]:
    """Yield the rules of a contract for all models together."""
    for role in contract.values():
        plays = _ref(f"plays {role.name}")
        if role.required:
            lenders = [_ref(f"plays {name}") for name in contract.lenders(role.name)]
            player = {"anyOf": [plays, *lenders]} if lenders else plays
            named = {"type": "object", "not": {"additionalProperties": {"not": player}}}
            yield {"anyOf": [{"type": "array", "contains": player}, named]}
        if not role.multiple:
            # `minContains: 0` is shorter, but editors that ignore it would require a match.
            yield {"if": {"contains": plays}, "then": {"contains": plays, "maxContains": 1}}


def _plays(role: Role) -> Schema:
    names = {"anyOf": [{"const": role.name}, {"type": "object", "required": [role.name]}]}
    roles = {"anyOf": [names, {"type": "array", "contains": names}]}
    plays: Schema = {"properties": {"roles": roles}, "required": ["roles"]}
    if role.name == CHATCOMPLETIONS:  # also played by models without roles
        roles["anyOf"] += [{"enum": [None, [], {}]}]
        del plays["required"]
    return {"type": "object", "not": _STATIC["models"]["$defs"]["model"]["if"], **plays}


def _about(role: Role) -> str:
    """Describe the purpose of a role and its rules."""
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
    """Refer to a definition, escaping the name of its role."""
    return {"$ref": f"#/$defs/{quote(definition.replace('~', '~0').replace('/', '~1'))}"}
