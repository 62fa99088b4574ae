"""Words for what a user wrote: the closest known spelling, and the kind of a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dispatch.immutable import LISTS
from dispatch.redaction import quote_name, type_name

__all__ = ["KINDS", "describe_type", "did_you_mean", "nearest"]

KINDS: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "string": ("a string", (str,)),
    "number": ("a number", (int, float)),
    "integer": ("a whole number", (int,)),
    "boolean": ("true or false", (bool,)),
    "object": ("a mapping", (Mapping,)),
    "array": ("a list", LISTS),
    "strings": ("a list of strings", LISTS),
}
"""Kinds of values, mostly in the words of JSON Schema: the words of a message, and the types."""

_LISTED = 20  # names in a hint


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known word closest to `word`, or None if none is close.

    >>> nearest("chatcompletion", ["chatcompletions", "postcompletions"])
    'chatcompletions'
    """
    from difflib import get_close_matches  # 3 ms to import, and needed only for a fault

    by_fold = {name.casefold(): name for name in known if not _are_opposites(word, name)}
    close = get_close_matches(word.casefold(), by_fold, n=1, cutoff=cutoff)
    return by_fold[close[0]] if close else None


def _are_opposites(one: str, other: str) -> bool:
    """Return whether one of two names enables what the other disables."""
    return ("enable" in one and "disable" in other) or ("disable" in one and "enable" in other)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the closest spelling as a question, or else the known names.

    >>> did_you_mean("tempratur", ["temperature", "model"])
    "did you mean 'temperature'?"
    >>> did_you_mean("zzz", ["temperature", "model"])
    'known: temperature, model'
    """
    known = tuple(known)
    near = nearest(word, known)
    if near is not None:
        return f"did you mean {quote_name(near)}?"
    names = [quote_name(name).strip("'") for name in known[:_LISTED]]
    names += ["…"] * (len(known) > _LISTED)
    return f"known: {', '.join(names)}" if names else ""


def describe_type(value: Any) -> str:
    """Describe the kind of a value, in the words of YAML, never its content.

    >>> describe_type(True), describe_type([1]), describe_type({"a": 1})
    ('the boolean True', 'a list', 'a mapping')
    """
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the boolean {value}"
        case str():
            return "a string" if value.strip() else "an empty string"
        case int() | float():
            return "a number"
        case bytes():
            return "binary data"
        case Mapping():
            return "a mapping" if value else "an empty mapping"
        case _ if isinstance(value, LISTS):
            return "a list" if value else "an empty list"
        case _:
            return type_name(value)
