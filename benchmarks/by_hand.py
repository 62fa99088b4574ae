"""The baselines: what one would write for this one job, without this package.

They do no more than the job: no checks, no errors, no copies that the job does not ask for.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import litellm
from pyrsistent import PMap, pmap, pvector

Models = list[dict[str, Any]]

TASK = "review the git diff changes and checkpoint the changes to 'gitdiff.md'"
RESERVED = {"name", "roles", "system_prompt"}
NAMED = frozenset(inspect.signature(litellm.completion).parameters)  # cached: read once


def make_models(number: int, *, roles: int = 2) -> Models:
    """Return models of eight keys that play both roles, one with a task; or the first alone."""
    return [
        {
            "name": f"model-{index}",
            "model": "openai/gpt-4o",
            "api_key": "sk-none",
            "api_base": "http://127.0.0.1:8000/v1",
            "temperature": 0,
            "max_tokens": 4096,
            "timeout": 30.0,
            "roles": ["chatcompletions", {"postcompletions": TASK}][:roles],
        }
        for index in range(number)
    ]


def group(models: Models) -> dict[str, list[PMap[str, Any]]]:
    """Dispatch with pyrsistent alone: freeze, normalize the roles, and set each copy's."""
    groups: dict[str, list[PMap[str, Any]]] = {"chatcompletions": [], "postcompletions": []}
    for model in models:
        entries = [{each: None} if isinstance(each, str) else each for each in model["roles"]]
        frozen = pvector([pmap(entry) for entry in entries])
        normal = pmap(model).set("roles", frozen)
        for entry, its_pmap in zip(entries, frozen, strict=True):
            for role in entry:
                groups[role].append(normal.set("roles", its_pmap))
    return groups


def to_kwargs(model: Mapping[str, Any]) -> dict[str, Any]:
    """Take what `litellm.completion` takes, by a cached signature: a dict comprehension."""
    return {key: value for key, value in model.items() if key in NAMED or key not in RESERVED}


def group_to_kwargs(models: Models) -> list[dict[str, Any]]:
    """From models to the arguments of every model of each role, with pyrsistent alone."""
    return [to_kwargs(model) for copies in group(models).values() for model in copies]
