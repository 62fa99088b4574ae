"""Contestants that are a process of their own: what is imported, or run, starts from nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from benchmarks.measure import Contestant

__all__ = ["process", "statement"]

ROOT = Path(__file__).parent.parent


def process(*arguments: str) -> Contestant:
    """Run Python with these arguments: the whole process counts."""

    def run() -> float:
        start = perf_counter()
        _run(arguments)
        return perf_counter() - start

    return Contestant(run, reports=True)


def statement(code: str, after: str = "pass") -> Contestant:
    """Run one statement, `after` others that do not count, in a fresh process."""
    clock = f"{after}\nimport time\nstart = time.perf_counter()\n{code}\n"
    script = clock + "print(time.perf_counter() - start)"
    return Contestant(lambda: float(_run(("-c", script))), reports=True)


def _run(arguments: tuple[str, ...]) -> str:
    # Bytecode is kept, as it is where pip installed a package: a first round compiles it.
    environment = {key: value for key, value in os.environ.items() if key not in _IN_THE_WAY}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return done.stdout


_IN_THE_WAY = ("PYTHONDONTWRITEBYTECODE", "PYTHONPROFILEIMPORTTIME")
