"""Tables shipped as text files, so that checks do not import LiteLLM."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

__all__ = ["rows", "table"]


@cache
def rows(section: str, file: str = "lint") -> tuple[tuple[str, ...], ...]:
    """Return the rows of a section in a shipped file, each a tuple of words.

    >>> rows("websites")[0]
    ('platform.openai.com', 'https://api.openai.com/v1')
    """
    text = Path(__file__).with_name(f"{file}.txt").read_text(encoding="utf-8")
    lines = text.partition(f"\n[{section}]")[2].partition("\n[")[0].splitlines()[1:]
    return tuple(tuple(line.split()) for line in lines if line and line[0] != "#")


@cache
def table(section: str, file: str = "lint") -> Mapping[str, tuple[str, ...]]:
    """Return a section of a shipped file as a mapping from the first word of each row."""
    return {first: tuple(rest) for first, *rest in rows(section, file)}
