"""What the readers of YAML, JSON and TOML find wrong, before anybody knows the file's name."""

from __future__ import annotations

from typing import NamedTuple

from dispatch.secrets import redact_key

__all__ = [
    "MAX_DEPTH",
    "MAX_OUTLINED",
    "Slip",
    "SlipError",
    "duplicate",
    "most_values",
    "too_deep",
    "too_many",
]

MAX_DEPTH = 100
"""How deep a configuration may nest: every walk over it may then be recursive."""


MAX_OUTLINED = 30_000
"""How many values of a text are looked at to say where one stands: those of some 3,000 models.

It takes longer than to read them, and a fault is to be told within a second.
"""

_DENSEST = 6  # characters a value, in a large text: models with the shortest of keys take seven


def most_values(text: str) -> int:
    """Return how many values a text may hold: so that no work on them takes longer than its size
    lets expect.
    """
    return max(MAX_OUTLINED, len(text) // _DENSEST)


def too_many(most: int) -> Slip:
    """Return the slip of a text that is hardly more than brackets and commas."""
    return Slip(None, f"holds more than {most:,} values", "split it", "too-many-values")


class Slip(NamedTuple):
    """What is wrong, at an offset of a text; None where it is the text as a whole."""

    offset: int | None
    message: str
    hint: str = ""
    code: str = ""


class SlipError(Exception):
    """Reading cannot go on; `slips` holds all that is known to be wrong. It stays in here."""

    def __init__(self, slips: list[Slip]) -> None:
        super().__init__()
        self.slips = slips


def duplicate(offset: int | None, key: object) -> Slip:
    """Return the slip of a key that stands twice in one mapping."""
    shown = f"{redact_key(key)!r} " if isinstance(key, str) else ""
    hint = "keep one of them: of two, the first would silently be lost"
    return Slip(offset, f"the key {shown}stands here twice", hint, "duplicate-key")


def too_deep(offset: int | None = None) -> Slip:
    """Return the slip of nesting that no configuration needs."""
    return Slip(offset, f"is nested more than {MAX_DEPTH} levels deep", code="too-deep")
