"""The shipped tables of what keys take and what providers do, so that no check imports LiteLLM.

With another LiteLLM installed, `python -m dispatch.litellm.tables` renews the annotated kinds.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from dispatch.litellm.keys import KEY_KINDS, KINDS, is_known

__all__ = ["kinds_of", "read_annotations", "rows", "table"]

_HEADER = """\
# What keys of a model take: string, number, integer, boolean, object (a mapping), array (a list) or
# strings (a list of them); - is looked at elsewhere. A key within a mapping has a point; one that
# ends in * is a prefix. `python -m dispatch.litellm.tables` renews [annotated] from LiteLLM's
# annotations. [written] is for keys without one, or with one too wide or too narrow; it wins.

[annotated]  # LiteLLM {}
"""
_BASES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (Mapping, "object"),
    (Sequence, "array"),
)


@lru_cache(maxsize=16)
def rows(section: str) -> tuple[tuple[str, ...], ...]:
    """Return the rows of a section of `lint.txt`, each a tuple of words.

    >>> rows("roots")[0]
    ('api.openai.com', '/v1')
    """
    text = KINDS.with_name("lint.txt").read_text(encoding="utf-8")
    lines = text.partition(f"\n[{section}]")[2].partition("\n[")[0].splitlines()[1:]
    return tuple(tuple(line.split()) for line in lines if line and line[0] != "#")


@lru_cache(maxsize=16)
def table(section: str) -> Mapping[str, tuple[str, ...]]:
    """Return a section of `lint.txt` by the first word of each row."""
    return {first: tuple(rest) for first, *rest in rows(section)}


@lru_cache(maxsize=4096)
def kinds_of(key: str) -> tuple[str, ...]:
    """Return what a key takes, by its name or by a prefix of it; nothing where that is unknown.

    >>> kinds_of("stop"), kinds_of("extra_headers.X-Team"), kinds_of("input_cost_per_token_flex")
    (('string', 'strings'), ('string',), ('number',))
    """
    if key not in KEY_KINDS and "cost" in key.split("_") and is_known(key):
        return ("number",)
    prefixes = (star for star in KEY_KINDS if star[-1] == "*" and key.startswith(star[:-1]))
    return KEY_KINDS.get(key) or KEY_KINDS.get(next(prefixes, ""), ())


def read_annotations(annotations: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each key with what its annotation says that it takes, where that is plain data.

    A string beside a number or a boolean is there for references, which every kind takes.

    >>> dict(read_annotations({"n": int | None, "timeout": float | str, "tags": list[str]}))
    {'n': 'integer', 'timeout': 'number', 'tags': 'strings'}
    """
    for key, annotation in annotations.items():
        kinds = dict.fromkeys(_read(annotation))
        if kinds.keys() & {"number", "integer", "boolean"}:
            kinds.pop("string", None)
        if kinds and "" not in kinds:
            yield key, "|".join(kinds)


def _read(annotation: Any) -> list[str]:
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return [kind for arg in args for kind in _read(arg)]
    if origin is typing.Literal or (origin is list and args == (str,)):
        return ["strings" if origin is list else "string"]
    base = origin or annotation
    if getattr(base, "__name__", "") in ("NoneType", "Timeout"):
        return []
    bases = [kind for each, kind in _BASES if isinstance(base, type) and issubclass(base, each)]
    return [*bases, ""][:1]


def main() -> None:
    """Renew the annotated kinds from the installed LiteLLM."""
    import inspect
    from importlib.metadata import version

    import litellm
    from litellm.types.router import LiteLLM_Params

    parameters = inspect.signature(litellm.completion).parameters.items()
    annotations = {key: each.annotation for key, each in parameters if key != "messages"}
    annotations |= {key: each.annotation for key, each in LiteLLM_Params.model_fields.items()}
    lines = sorted(f"{k} {kind}" for k, kind in read_annotations(annotations) if "cost" not in k)
    written = KINDS.read_text(encoding="utf-8").partition("[written]\n")[2]
    text = _HEADER.format(version("litellm")) + "\n".join(lines) + f"\n\n[written]\n{written}"
    KINDS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
