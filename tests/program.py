"""The program `dispatch`, run in this process: as `python -m dispatch` does, but far faster."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from unittest import mock

import pytest

from dispatch.cli import main
from dispatch.litellm.logs import LOGGERS

__all__ = ["Done", "run"]


class Done(NamedTuple):
    """What a run printed, and how it ended."""

    returncode: int
    stdout: str
    stderr: str


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def run(
    *arguments: object, stdin: str | None = None, tty: bool = False, **environment: str
) -> Done:
    """Run the program with arguments, text in a pipe, and variables added to the environment.

    With `tty`, stdout and stderr are taken for a terminal.
    """
    stream = _Terminal if tty else io.TextIOWrapper
    out, err = (stream(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("default")
        patch.setattr(sys, "argv", ["dispatch", *map(str, arguments)])
        patch.setattr(sys.modules["__main__"], "__package__", None, raising=False)  # so is a script
        if stdin is not None:
            patch.setattr(sys, "stdin", stream(io.BytesIO(stdin.encode()), "utf-8"))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        with (
            mock.patch.dict(os.environ, {"COLUMNS": "120", "NO_COLOR": "1", **environment}),
            _log_levels_kept(),
        ):
            code = _exit_code()
    return Done(code, _text(out), _text(err))


@contextmanager
def _log_levels_kept() -> Iterator[None]:
    """Restore the levels of LiteLLM's loggers, which `dispatch run` raises for its process."""
    levels = {logger: logger.level for logger in map(logging.getLogger, LOGGERS)}
    yield
    for logger, level in levels.items():
        logger.setLevel(level)


def _exit_code() -> int:
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()
