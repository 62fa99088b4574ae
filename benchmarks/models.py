"""The configurations that all contestants of a job are given."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

_FILES = TemporaryDirectory()  # removed when the process ends

TASK = "review the git diff changes and checkpoint the changes to 'gitdiff.md'"


def two_roles(number: int) -> list[dict[str, Any]]:
    """Return so many models of eight keys that play both roles, the second one with a task."""
    return [
        {
            "name": f"model-{index}",
            "model": "openai/gpt-4o",
            "api_key": "sk-none",
            "api_base": "http://127.0.0.1:8000/v1",
            "temperature": 0,
            "max_tokens": 4096,
            "timeout": 30.0,
            "roles": ["chatcompletions", {"postcompletions": TASK}],
        }
        for index in range(number)
    ]


def one_role(number: int) -> list[dict[str, Any]]:
    """Return the same models, playing the first role alone."""
    return [model | {"roles": ["chatcompletions"]} for model in two_roles(number)]


def own_tasks(number: int) -> list[dict[str, Any]]:
    """Return the same models, no two with the same task."""
    return [
        model | {"roles": ["chatcompletions", {"postcompletions": f"review part {index}"}]}
        for index, model in enumerate(two_roles(number))
    ]


@cache
def yaml_file(number: int) -> str:
    """Write these models into a YAML file, and return its path."""
    path = Path(_FILES.name, f"{number}.yaml")
    path.write_text(yaml.safe_dump({"models": two_roles(number)}, sort_keys=False))
    return str(path)
