"""What each key of a model takes: a shipped table, so that no check imports LiteLLM.

With another LiteLLM installed, `python -m dispatch.litellm.kinds` renews its first part.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from dispatch.litellm.keys import is_known

__all__ = ["FILE", "kinds_of", "parse", "read_annotations"]

FILE = Path(__file__).with_name("key_kinds.txt")

_HEADER = """\
# What keys of a model take: string, number, integer, boolean, object (a mapping), array (a list) or
# strings (a list of them). A key within a mapping has a point; one that ends in * is a prefix.
# `python -m dispatch.litellm.kinds` renews [litellm] from the annotations of the installed release.
# [hand] is for keys without an annotation, or with one that is too wide or too narrow; it wins.

[litellm {}]
"""
_BASES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (Mapping, "object"),
    (Sequence, "array"),
)


def parse(text: str) -> dict[str, tuple[str, ...]]:
    r"""Read a table; what stands last wins.

    >>> parse("[litellm 1.2]\nstop string\n[hand]\nstop string|strings\n")
    {'stop': ('string', 'strings')}
    """
    rows = (line.split() for line in text.splitlines() if line and line[0] not in "#[")
    return {key: tuple(kinds.split("|")) for key, kinds in rows}


@lru_cache(maxsize=1)
def _table() -> dict[str, tuple[str, ...]]:
    return parse(FILE.read_text(encoding="utf-8"))


@lru_cache(maxsize=4096)
def kinds_of(key: str) -> tuple[str, ...]:
    """Return what a key takes, by its name or by a prefix of it; nothing where that is unknown.

    >>> kinds_of("stop"), kinds_of("extra_headers.X-Team"), kinds_of("input_cost_per_token_flex")
    (('string', 'strings'), ('string',), ('number',))
    """
    table = _table()
    if key in table:
        return table[key]
    if "cost" in key.split("_") and is_known(key):
        return ("number",)
    prefixes = (star for star in table if star[-1] == "*" and key.startswith(star[:-1]))
    return table.get(next(prefixes, ""), ())


def read_annotations(annotations: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each key with what its annotation says that it takes, where that is plain data.

    A string beside a number or a boolean is there for references, which every kind takes.

    >>> dict(read_annotations({"n": int | None, "timeout": float | str, "tags": list[str]}))
    {'n': 'integer', 'timeout': 'number', 'tags': 'strings'}
    """
    for key, annotation in annotations.items():
        kinds = dict.fromkeys(_kinds(annotation))
        if kinds.keys() & {"number", "integer", "boolean"}:
            kinds.pop("string", None)
        if kinds and "" not in kinds:
            yield key, "|".join(kinds)


def _kinds(annotation: Any) -> Iterator[str]:
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        for arg in args:
            yield from _kinds(arg)
    elif origin is typing.Literal:
        yield "string"
    elif typing.is_typeddict(annotation):
        yield "object"
    elif origin is list and args == (str,):
        yield "strings"
    elif isinstance(origin or annotation, type):
        if (base := origin or annotation) is not types.NoneType and base.__name__ != "Timeout":
            yield next((kind for each, kind in _BASES if issubclass(base, each)), "")
    else:
        yield ""


def main() -> None:
    """Renew the first part of the table from the installed LiteLLM."""
    import inspect
    from importlib.metadata import version

    import litellm
    from litellm.types.router import LiteLLM_Params

    called = inspect.signature(litellm.completion).parameters.items()
    fields = LiteLLM_Params.model_fields.items()
    annotations = {key: parameter.annotation for key, parameter in called if key != "messages"}
    annotations |= {key: field.annotation for key, field in fields}
    rows = sorted(f"{k} {kind}" for k, kind in read_annotations(annotations) if "cost" not in k)
    hand = FILE.read_text(encoding="utf-8").partition("[hand]\n")[2]
    text = _HEADER.format(version("litellm")) + "\n".join(rows) + f"\n\n[hand]\n{hand}"
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
