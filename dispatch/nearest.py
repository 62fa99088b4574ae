"""The nearest right spelling."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known word that is nearest to `word`, or None where none is near.

    >>> nearest("chatcompletion", ["chatcompletions", "postcompletions"])
    'chatcompletions'
    """
    wanted = word.casefold()
    by_fold = {name.casefold(): name for name in known}
    able = _able(wanted, by_fold, cutoff)
    if not able:
        return None
    from difflib import get_close_matches  # only where one may be near: it takes 1 ms

    close = get_close_matches(wanted, able, n=1, cutoff=cutoff)
    return by_fold[close[0]] if close else None


def _able(wanted: str, names: Iterable[str], cutoff: float) -> list[str]:
    """Leave out, cheaply, the names that cannot reach the cutoff: too short, too long, or with too
    many letters that are not in the word. difflib takes ten times longer to find that.
    """
    size, letters = len(wanted), frozenset(wanted)
    least, most = size * cutoff / (2 - cutoff), size * (2 - cutoff) / cutoff
    return [
        name
        for name in names
        if least <= len(name) <= most
        and 2 * (len(name) - len({*name} - letters)) >= cutoff * (size + len(name))
    ]
