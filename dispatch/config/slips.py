"""What the readers of YAML, JSON and TOML find wrong, before anybody knows the file's name."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MAX_DEPTH", "MAX_SLIPS", "Slip", "SlipError", "duplicate", "too_deep"]

MAX_DEPTH = 100
"""How deep a configuration may nest: every walk over it may then be recursive."""


MAX_SLIPS = 1000
"""How many are told of one text: nobody mends more by hand."""


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


def duplicate(offset: int, key: object) -> Slip:
    """Return the slip of a key that stands twice in one mapping."""
    shown = f"{key!r} " if isinstance(key, str) else ""
    hint = "keep one of them: of two, the first would silently be lost"
    return Slip(offset, f"the key {shown}stands here twice", hint, "duplicate-key")


def too_deep(offset: int | None = None) -> Slip:
    """Return the slip of nesting that no configuration needs."""
    return Slip(offset, f"is nested more than {MAX_DEPTH} levels deep", code="too-deep")
