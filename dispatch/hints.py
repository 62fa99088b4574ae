"""Words for what a user wrote: what it is, and what was meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dispatch.frozen import VECTOR
from dispatch.nearest import nearest
from dispatch.secrets import redact_key

__all__ = ["did_you_mean", "kind"]

_LISTS: tuple[type, ...] = (list, tuple, *VECTOR)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Phrase the nearest spelling as a question, or list what there is, without secrets in it.

    >>> did_you_mean("tempratur", ["temperature", "model"])
    "did you mean 'temperature'?"
    >>> did_you_mean("zzz", ["temperature", "model"])
    'known: temperature, model'
    """
    known = tuple(known)
    near = nearest(word, known)
    if near is not None:
        return f"did you mean {redact_key(near)!r}?"
    return f"known: {', '.join(map(redact_key, known))}" if known else ""


def kind(value: Any) -> str:
    """Name what a value is, in the words of somebody who writes YAML; never its content.

    >>> kind(True), kind([1]), kind({"a": 1})
    ('the boolean True', 'a list', 'a mapping')
    """
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the boolean {value}"
        case str():
            return "a text" if value.strip() else "an empty text"
        case int() | float():
            return "a number"
        case Mapping():
            return "a mapping" if value else "an empty mapping"
        case _ if isinstance(value, _LISTS):
            return "a list" if value else "an empty list"
        case _:
            return f"a {type(value).__name__}"
