"""Configuration files: YAML, JSON and TOML, read strictly and merged.

Strictly: two equal keys, a text that is no UTF-8, nesting without end, aliases of aliases and a
file of hundreds of megabytes each end in a `FileError` that names the file, and the line.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from dispatch.config.loaded import Loaded
from dispatch.config.places import File, Source
from dispatch.config.slips import MAX_DEPTH, Slip, SlipError, most_values, too_deep, too_many
from dispatch.errors import ConfigError, Fault, FileError, Position

__all__ = ["MAX_BYTES", "Format", "load", "merge", "parse", "parse_all", "read"]

Format = Literal["yaml", "json", "toml"]
PathName = str | os.PathLike[str]

MAX_BYTES = 1_000_000
"""How large a file may be (some 6,000 models), unless `DISPATCH_MAX_BYTES` in the environment,
or an argument, says otherwise. What is wrong at its end is told within a second."""

MAX_TOML_BYTES = 200_000
"""The same for TOML (some 1,300 models), which takes `tomllib` a time that is longer, and for some
texts quadratic."""


def load(
    paths: PathName | Iterable[PathName],
    format: Format | None = None,
    *,
    max_bytes: int | None = None,
) -> Loaded:
    """Read one file, or several that are merged from left to right, later ones winning.

    The suffix tells the format, unless `format` does. Raises `FileError` with the faults of all
    files, each naming its file.
    """
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    elif not isinstance(paths, Iterable):
        message = f"expected a mapping, or the path of a file, found a {type(paths).__name__}"
        raise ConfigError([Fault((), message, code="no-file")])
    files: list[File] = []
    held: list[dict[str, Any]] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            files.append(read(path, format, max_bytes=max_bytes))
            held.append(parse(files[-1]))
        except FileError as error:
            faults += error.faults
    if not files and not faults:
        faults.append(Fault((), "no configuration file is given", code="no-file"))
    if faults:
        raise FileError(faults)
    loaded = Loaded(_merge_all(held))
    loaded.source = Source(files, parse_all)
    return loaded


def parse_all(files: Sequence[File]) -> dict[str, Any]:
    """Parse texts and merge what they hold."""
    return _merge_all([parse(file) for file in files])


def _merge_all(held: list[dict[str, Any]]) -> dict[str, Any]:
    merged, *others = held
    for over in others:
        merged = merge(merged, over)
    return merged


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge mappings deeply into a new one: the later value wins, a list is replaced whole.

    >>> merge({"a": {"x": 1, "y": [1, 2]}}, {"a": {"y": [3]}})
    {'a': {'x': 1, 'y': [3]}}
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = merge(below, value)
        merged[key] = value
    return merged


def read(path: PathName, format: Format | None = None, *, max_bytes: int | None = None) -> File:
    """Read the text of one file, and tell its format.

    Raises `FileError` for one that cannot be opened, is too large, or is no UTF-8.
    """
    if not isinstance(path, str | os.PathLike):
        message = f"expected the path of a file, found a {type(path).__name__}"
        raise FileError([Fault((), message, code="no-file")])
    name = str(path)
    try:
        known = format or _format_of(name)
        return File(name, known, _decode(_read_bytes(name, _limit(max_bytes, known))))
    except SlipError as error:
        slips = error.slips
    except OSError as error:
        slips = [Slip(None, f"cannot be read: {error.strerror}", code="unreadable")]
    except ValueError:  # of a name that no file can have
        slips = [Slip(None, "is not the path of a file", code="unreadable")]
    # Raised out here, since an error's `__context__` would keep the text that it failed on.
    raise FileError([_fault(slip, Position(name)) for slip in slips])


def _fault(slip: Slip, position: Position) -> Fault:
    return Fault((), slip.message, slip.hint, slip.code or "file", position=position)


def _limit(max_bytes: int | None, format: Format) -> int:
    if max_bytes is not None:
        return max_bytes
    written = os.environ.get("DISPATCH_MAX_BYTES", "")
    if written.isdecimal():
        return int(written)
    return MAX_TOML_BYTES if format == "toml" else MAX_BYTES


def _read_bytes(name: str, limit: int) -> bytes:
    with open(name, "rb", buffering=0) as stream:
        content = b""
        while len(content) <= limit and (more := stream.read(limit + 1 - len(content))):
            content += more
    if len(content) > limit:
        hint = "raise the limit: export DISPATCH_MAX_BYTES=…"
        raise SlipError([Slip(None, f"is larger than {limit:,} bytes", hint, "too-large")])
    return content


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "save it as UTF-8" + ("; it looks like UTF-16" if b"\0" in content[:4] else "")
        raise SlipError(
            [Slip(None, f"is not UTF-8, at byte {error.start}", hint, "not-utf-8")]
        ) from None


_SUFFIXES: Mapping[str, Format] = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".toml": "toml",
}


def _format_of(name: str) -> Format:
    suffix = Path(name).suffix.lower()
    if suffix not in _SUFFIXES:
        hint = f"name it {', '.join(f'*{known}' for known in _SUFFIXES)}"
        raise SlipError([Slip(None, f"unknown kind of file {suffix!r}", hint, "unknown-format")])
    return _SUFFIXES[suffix]


def parse(file: File) -> dict[str, Any]:
    """Parse one text into plain containers.

    Raises `FileError`, with places, for one that does not parse, holds two equal keys or too many
    values, is nested too deep, is empty, or has no mapping at its top.
    """
    try:
        data = _READERS[file.format](file)
        if not isinstance(data, dict):
            raise SlipError([_no_mapping(data, file)])
        deeper, values = _extent(data)
        if deeper:
            raise SlipError([too_deep()])
        most = most_values(file.text)
        if values > most and file.format != "yaml":  # which counts them as it reads, but no alias
            raise SlipError([too_many(most)])
        return data
    except SlipError as error:
        slips = error.slips
    raise FileError([_fault(slip, _position(file, slip.offset)) for slip in slips])


def _position(file: File, offset: int | None) -> Position:
    return Position(file.name) if offset is None else file.position(offset)


def _no_mapping(data: Any, file: File) -> Slip:
    if data is None:
        hint = "it should hold a mapping with the key 'models'"
        return Slip(None, "is empty", hint, "empty-file")
    found = "a list" if isinstance(data, list) else "a single value"
    start = file.outline.root.start if file.outline.root else None
    message = f"expected a mapping at the top, found {found}"
    return Slip(start, message, "put it under 'models:'", "no-mapping")


def _extent(data: dict[str, Any]) -> tuple[bool, int]:
    """Tell whether containers nest deeper than they may, and how many values they hold up to there;
    by level, not by recursion.
    """
    level: list[Any] = [data]
    values = 0
    for _ in range(MAX_DEPTH):
        values += sum(map(len, level))
        level = [
            item
            for holder in level
            for item in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(item, dict | list)
        ]
    return bool(level), values


def _read_yaml(file: File) -> Any:
    from dispatch.config.strict_yaml import read_yaml

    return read_yaml(file.text)


def _read_json(file: File) -> Any:
    from dispatch.config.strict_json import read_json

    return read_json(file)


def _read_toml(file: File) -> Any:
    from dispatch.config.strict_toml import read_toml

    return read_toml(file)


_READERS = {"yaml": _read_yaml, "json": _read_json, "toml": _read_toml}
