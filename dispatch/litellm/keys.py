"""The keys of a model and their types, from shipped lists, so that checks need no LiteLLM.

If a program has loaded LiteLLM, the lists of that release count too. With another LiteLLM
installed, `python -m dispatch.litellm.keys` adds the keys of that release to `known_keys.txt`, and
updates the annotated types in `key_kinds.txt`.
"""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from dispatch.config.environment import ValueType
from dispatch.litellm.tables import rows

__all__ = [
    "FILE",
    "KEY_KINDS",
    "VALUE_TYPES",
    "is_known",
    "kinds_of",
    "known_keys",
    "live_keys",
    "new_keys",
    "read_annotations",
]

FILE = Path(__file__).with_name("known_keys.txt")

_LIVE = (
    ("litellm.types.router", "LiteLLM_Params"),
    ("litellm.types.utils", "all_litellm_params"),
    ("litellm.constants", "OPENAI_CHAT_COMPLETION_PARAMS"),
)
_BASES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (Mapping, "object"),
    (Sequence, "array"),
)

KEY_KINDS: Mapping[str, tuple[str, ...]] = {
    key: tuple(kind for kind in kinds.split("|") if kind != "-")
    for section in ("annotated", "written")
    for key, kinds in rows(section, "key_kinds")
}
"""The types of each key, from `key_kinds.txt`."""

_CONVERTED = {("number",), ("integer",), ("boolean",)}
VALUE_TYPES = cast("Mapping[str, ValueType]", {
    "api_base": "string", "base_url": "string", "model": "string", "weight": "number",
    "order": "integer", "logprobs": "boolean", "input_cost_per_token": "number",
    "output_cost_per_token": "number",
} | {key: kinds[0] for key, kinds in KEY_KINDS.items()
     if kinds in _CONVERTED and "." not in key})  # fmt: skip
"""The types to which environment variables are converted, by key."""


@lru_cache(maxsize=4096)
def kinds_of(key: str) -> tuple[str, ...]:
    """Return the types of a key, by its name or a prefix of it; empty if they are unknown.

    >>> kinds_of("stop"), kinds_of("extra_headers.X-Team"), kinds_of("input_cost_per_token_flex")
    (('string', 'strings'), ('string',), ('number',))
    """
    if key not in KEY_KINDS and "cost" in key.split("_") and is_known(key):
        return ("number",)
    prefixes = (star for star in KEY_KINDS if star[-1] == "*" and key.startswith(star[:-1]))
    return KEY_KINDS.get(key) or KEY_KINDS.get(next(prefixes, ""), ())


@lru_cache(maxsize=1)
def known_keys() -> frozenset[str]:
    """Return every key that LiteLLM, or a provider that it forwards to, is known to accept.

    >>> {"temperature", "api_base", "num_ctx", "mock_tool_calls"} <= known_keys()
    True
    """
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line[:1] != "#")


def live_keys() -> Iterator[Collection[str]]:
    """Yield the lists of keys in the loaded LiteLLM; none if it is not loaded."""
    for module, name in _LIVE:
        listed = getattr(sys.modules.get(module), name, ())
        yield getattr(listed, "model_fields", listed)


def is_known(key: str) -> bool:
    """Return whether LiteLLM, or a provider that it forwards to, knows a key.

    Variants of a known price are known too; their suffix is the kind of request.

    >>> is_known("num_ctx"), is_known("input_cost_per_token_flex"), is_known("temprature")
    (True, True, False)
    """
    return _is_known(key, "litellm" in sys.modules)


@lru_cache(maxsize=2048)
def _is_known(key: str, live: bool) -> bool:
    listed = key in known_keys() or key.startswith(_prices())
    return listed or (live and any(key in listed for listed in live_keys()))


@lru_cache(maxsize=1)
def _prices() -> tuple[str, ...]:
    return tuple(f"{key}_" for key in known_keys() if "cost" in key.split("_"))


def new_keys() -> list[str]:
    """Return the keys of the loaded LiteLLM that the shipped list lacks."""
    listed = {key for keys in live_keys() for key in keys if not key.startswith("_")}
    return sorted(key for key in listed - {"self", "kwargs"} if not _is_known(key, live=False))


def read_annotations(annotations: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each key with the types in its annotation, if they are plain data.

    A string next to a number or a boolean is for references, which every type allows.

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
    """Add the keys of the installed LiteLLM to the shipped list, and update the annotated types."""
    import inspect
    from importlib.metadata import version

    import litellm
    from litellm.types.router import LiteLLM_Params

    release = f"LiteLLM {version('litellm')}"
    if keys := new_keys():
        with FILE.open("a", encoding="utf-8") as file:
            file.write("\n".join((f"# {release}", *keys, "")))
    parameters = inspect.signature(litellm.completion).parameters.items()
    annotations = {key: each.annotation for key, each in parameters if key != "messages"}
    annotations |= {key: each.annotation for key, each in LiteLLM_Params.model_fields.items()}
    lines = sorted(f"{k} {kind}" for k, kind in read_annotations(annotations) if "cost" not in k)
    kinds = FILE.with_name("key_kinds.txt")
    head, _, rest = kinds.read_text(encoding="utf-8").partition("[annotated]  #")
    written = rest.partition("[written]\n")[2]
    section = "\n".join((f"[annotated]  # {release}", *lines))
    kinds.write_text(f"{head}{section}\n\n[written]\n{written}", encoding="utf-8")


if __name__ == "__main__":
    main()
