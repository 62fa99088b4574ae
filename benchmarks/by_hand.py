"""The baselines: what somebody would write for this one job, without this package.

They do no more than the job: no checks, no errors, no copies that the job does not ask for.
"""

from __future__ import annotations

import inspect
import re
from functools import cache
from typing import Any

import litellm
import yaml
from pyrsistent import pmap

from benchmarks.models import TASK

Models = list[dict[str, Any]]
Groups = dict[str, list[Any]]

OWN = {"name", "roles", "system_prompt"}
NAMED = frozenset(inspect.signature(litellm.completion).parameters)  # cached: read once


def group_dicts(models: Models) -> Groups:
    """Dispatch by a plain loop over dicts."""
    groups: Groups = {"chatcompletions": [], "postcompletions": []}
    for model in models:
        for entry in model["roles"]:
            if isinstance(entry, str):
                groups[entry].append({**model, "roles": {entry: None}})
            else:
                for role, task in entry.items():
                    groups[role].append({**model, "roles": {role: task}})
    return groups


CHAT = pmap({"chatcompletions": None})
REVIEW = pmap({"postcompletions": TASK})


def group_pmaps(models: Models) -> Groups:
    """Make each model a PMap and set `roles` twice, to constants: what immutability alone costs."""
    chat, post = [], []
    for model in models:
        frozen = pmap(model)
        chat.append(frozen.set("roles", CHAT))
        post.append(frozen.set("roles", REVIEW))
    return {"chatcompletions": chat, "postcompletions": post}


def group_pmaps_with_tasks(models: Models) -> Groups:
    """The same where each model has a task of its own, which needs a map of its own."""
    chat, post = [], []
    for model in models:
        frozen = pmap(model)
        chat.append(frozen.set("roles", CHAT))
        post.append(frozen.set("roles", pmap(model["roles"][1])))
    return {"chatcompletions": chat, "postcompletions": post}


def kwargs(model: dict[str, Any]) -> dict[str, Any]:
    """Take what `litellm.completion` takes, by a cached signature: a dict comprehension."""
    return {key: value for key, value in model.items() if key in NAMED or key not in OWN}


def kwargs_of_first(models: Models) -> list[dict[str, Any]]:
    """From models to the arguments of the first one of each role."""
    return [kwargs(group[0]) for group in group_dicts(models).values()]


def kwargs_of_all(models: Models) -> list[dict[str, Any]]:
    """From models to the arguments of every one of each role."""
    return [kwargs(model) for group in group_dicts(models).values() for model in group]


@cache
def compiled(path: str) -> tuple[str | int, ...]:
    """Compile `models[0].name` into `('models', 0, 'name')`, once for each path."""
    steps = re.findall(r"\[(\d+)\]|([^.\[\]]+)", path)
    return tuple(int(index) if index else key for index, key in steps)


def follow(config: Any, path: str) -> Any:
    """Follow a path that is compiled by its string."""
    for step in compiled(path):
        config = config[step]
    return config


def find_model(models: Models, name: str) -> Any:
    """Search for a name with a literal loop."""
    for model in models:
        if model["name"] == name:
            return model["model"]
    raise LookupError(name)


def parse_yaml(text: str) -> Any:
    """Parse YAML with PyYAML's C loader, and nothing else."""
    return yaml.load(text, yaml.CSafeLoader)


def model_list(groups: Groups) -> list[dict[str, Any]]:
    """Build what `litellm.Router` takes from groups of plain dicts, by one list comprehension."""
    return [
        {
            "model_name": role,
            "litellm_params": {
                **{key: value for key, value in model.items() if key not in OWN},
                "order": order,
            },
            "model_info": {
                "id": name if role == "chatcompletions" else f"{name}:{role}:{order}",
                "roles": [role],
                **({} if task is None else {"task": task}),
            },
        }
        for role, models in groups.items()
        for order, model in enumerate(models, 1)
        for name, task in [(model["name"], model["roles"][role])]
    ]
