"""JSON, read strictly: a key that stands twice, and what is no JSON number, are slips."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NoReturn

from dispatch.config.slips import Slip, SlipError, duplicate, too_deep

if TYPE_CHECKING:
    from dispatch.config.places import File

__all__ = ["read_json"]


def read_json(file: File) -> Any:
    """Read a JSON document; None for an empty one. Raises `SlipError`.

    >>> from dispatch.config.places import File
    >>> read_json(File("c.json", "json", '{"models": []}'))
    {'models': []}
    """
    text = file.text
    if not text.strip():
        return None
    twice: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(found)
        if len(made) < len(found) and not twice:
            twice.append(Counter(key for key, _ in found).most_common(1)[0][0])
        return made

    try:
        data = json.loads(text, object_pairs_hook=pairs, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        slip = Slip(error.pos, f"invalid JSON: {error.msg}", _advice(text, error.pos))
        raise SlipError([slip]) from None
    except RecursionError:
        raise SlipError([too_deep()]) from None
    except ValueError:  # Python reads no number of thousands of digits
        raise SlipError([Slip(None, "invalid JSON: a number is too long")]) from None
    lone = _lone_surrogate(text)
    if lone is not None:
        hint = "write the character itself, or both halves of its escape"
        raise SlipError([Slip(lone, "half a character, which no text can hold", hint)])
    if twice:
        slips = [duplicate(*found) for found in file.outline.duplicates]
        raise SlipError(
            slips or [duplicate(None, twice[0])]
        )  # an outline of a vast file ends early
    return data


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<lone>u[dD][89a-fA-F])|.)", re.DOTALL
)


def _lone_surrogate(text: str) -> int | None:
    """Return the offset of an escape that is half a character: nothing could print its text."""
    if not _SURROGATE.search(text):
        return None
    escapes = _ESCAPE.finditer(text)  # of JSON that is right, so each stands in a string
    return next((escape.start() for escape in escapes if escape["lone"]), None)


def _no_constant(name: str) -> NoReturn:
    raise SlipError([Slip(None, f"invalid JSON: {name} is no JSON number")])


def _advice(text: str, offset: int) -> str:
    rest = text[offset:]
    if rest.startswith(("//", "#", "/*")):
        return "JSON has no comments: remove it, or write YAML"
    if rest.startswith("'"):
        return "JSON takes double quotes only"
    if text[:offset].rstrip().endswith(","):
        return "remove the comma before the closing bracket"
    return ""
