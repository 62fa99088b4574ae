"""TOML, read as `tomllib` does, in bounded time, and told in words that say what to mend."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from dispatch.config.slips import MAX_DEPTH, Slip, SlipError, duplicate, too_deep

if TYPE_CHECKING:
    from dispatch.config.places import File

__all__ = ["read_toml"]

_CHAIN = re.compile(
    r"""(?:^|[\[{,])[ \t]*+(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+)"""
    f"{{{MAX_DEPTH}}}",
    re.MULTILINE,
)
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_TWICE = re.compile("overwrite|twice|mutate|Duplicate")


def read_toml(file: File) -> Any:
    """Read a TOML document; None for an empty one. Raises `SlipError`.

    >>> from dispatch.config.places import File
    >>> read_toml(File("c.toml", "toml", "[[models]]\\nmodel = 'gpt-4o'"))
    {'models': [{'model': 'gpt-4o'}]}
    """
    text = file.text
    chain = _CHAIN.search(text)
    if chain:  # a key of many parts takes tomllib a time that is quadratic in them
        raise SlipError([too_deep(chain.start())])
    try:
        return tomllib.loads(text) or None
    except tomllib.TOMLDecodeError as error:
        slip = _explain(str(error), file)
    except RecursionError:
        slip = too_deep()
    except ValueError:
        slip = Slip(None, "invalid TOML: a number or a date is out of range")
    raise SlipError([slip])


def _explain(said: str, file: File) -> Slip:
    text = file.text
    place = _PLACE.search(said)
    line, column = (int(number or 0) for number in place.groups()) if place else (0, 0)
    offset = _offset(text, line, column) if line else _end(file)
    if _TWICE.search(said):
        found = file.outline.duplicates
        return duplicate(*found[0]) if found and "declare" not in said else _again(text, offset)
    message = said[: place.start()] if place else said
    return Slip(offset, f"invalid TOML: {message}", _advice(text[offset:]))


def _end(file: File) -> int:
    """Return the offset of what is never closed, or else that of the end, where it was missed."""
    return len(file.text) if file.outline.vast else file.outline.reach


def _offset(text: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = text.index("\n", start) + 1
    return start + column - 1


def _again(text: str, offset: int) -> Slip:
    """Return the slip of a table that is opened again."""
    start = text.rfind("\n", 0, offset) + 1
    hint = "write [[name]] for the next table of a list, and any other table once"
    return Slip(start, "this table stands here twice", hint, "duplicate-key")


def _advice(rest: str) -> str:
    if re.match(r"(True|False|None|null|on|off|yes|no)\b", rest):
        return "TOML knows true and false, in small letters, and no null"
    if re.match(r"[A-Za-z]", rest):
        return "quote a text"
    return "TOML writes key = value" if rest.startswith(":") else ""
