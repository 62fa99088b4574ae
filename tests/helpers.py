"""What several tests share: the error of a call, Python as a process, places of faults."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from dispatch.errors import Fault

__all__ = ["ROOT", "USER", "places", "python", "raised", "without_keys"]

ROOT = Path(__file__).parent.parent
USER = {"role": "user", "content": "hi"}

Error = TypeVar("Error", bound=BaseException)


def raised(kind: type[Error], function: Callable[..., object], *given: Any, **keys: Any) -> Error:
    """Return the error of a kind that a call raises."""
    with pytest.raises(kind) as caught:
        function(*given, **keys)
    return caught.value


def places(faults: Iterable[Fault]) -> list[str]:
    """Return where each fault is."""
    return [fault.where for fault in faults]


def python(*arguments: object, check: bool = True, **options: Any) -> subprocess.CompletedProcess:
    """Run Python as a process, from the root of the project; one argument is its code."""
    line = ["-c", *arguments] if len(arguments) == 1 else list(map(str, arguments))
    environment = {**os.environ, **options.pop("env", {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    options = {"cwd": ROOT, "text": True, "env": environment, **pipes, **options}
    return subprocess.run([sys.executable, *line], check=check, **options)


def without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take each variable away that a provider would look for."""
    for name in list(os.environ):
        if "KEY" in name or name.startswith(("AWS_", "AZURE_", "GOOGLE_", "VERTEX", "LITELLM_D")):
            monkeypatch.delenv(name)
