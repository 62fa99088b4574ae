"""What to suggest where a name is not known."""

from __future__ import annotations

from collections.abc import Iterable

from dispatch.nearest import nearest
from dispatch.secrets import redact_key

__all__ = ["did_you_mean"]


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
