"""Tables shipped as text files, so that checks do not import LiteLLM."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

__all__ = ["rows", "table"]


@cache
def _read(file: str | Path) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Return all sections of a file."""
    text = Path(__file__).parent.joinpath(f"{file}.txt").read_text(encoding="utf-8")
    return {
        head.partition("]")[0]: tuple(tuple(e.split()) for e in lines if e and e[0] != "#")
        for head, *lines in map(str.splitlines, text.split("\n[")[1:])
    }


@cache
def rows(section: str, file: str | Path = "lint") -> tuple[tuple[str, ...], ...]:
    """Return the rows of a section of a shipped file, each a tuple of words.

    `file` is the name of a file in this package, or the path of another, without its suffix.

    >>> rows("websites")[0]
    ('platform.openai.com', 'https://api.openai.com/v1')
    """
    return _read(file).get(section, ())


@cache
def table(section: str, file: str = "lint") -> Mapping[str, tuple[str, ...]]:
    """Return a section of a shipped file as a mapping from the first word of each row."""
    return {first: tuple(rest) for first, *rest in rows(section, file)}
