"""Configuration files: YAML, JSON and TOML, read and merged."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from dispatch.errors import Fault, FileError

__all__ = ["Format", "load", "merge", "read"]

Format = Literal["yaml", "json", "toml"]
PathName = str | os.PathLike[str]


def load(paths: PathName | Iterable[PathName], format: Format | None = None) -> dict[str, Any]:
    """Read one file, or several that are merged from left to right, later ones winning.

    The suffix tells the format, unless `format` does. Raises `FileError` naming the file.
    """
    files = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not files:
        raise FileError([Fault((), "no configuration file is given", code="no-file")])
    merged: dict[str, Any] = {}
    for file in files:
        merged = merge(merged, read(file, format))
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


def read(path: PathName, format: Format | None = None) -> dict[str, Any]:
    """Read one file into plain containers.

    Raises `FileError`, which names the file, for one that cannot be opened, does not parse, or
    whose top level is no mapping.
    """
    file = Path(path)
    name = str(path)
    parse = _PARSERS.get(format or _SUFFIXES.get(file.suffix.lower(), ""))
    if parse is None:
        hint = f"name it {', '.join(f'*{suffix}' for suffix in _SUFFIXES)}"
        raise _error(name, f"unknown kind of file {file.suffix!r}", hint)
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _error(name, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise _error(name, f"is not UTF-8 at byte {error.start}") from None
    data = parse(text, name)
    if data is None:
        raise _error(name, "is empty", "it should hold a mapping with the key 'models'")
    if not isinstance(data, dict):
        found = "a list" if isinstance(data, list) else "a single value"
        raise _error(
            name, f"expected a mapping at the top, found {found}", "put it under 'models:'"
        )
    return data


def _error(name: str, message: str, hint: str = "") -> FileError:
    return FileError([Fault((), f"{name}: {message}", hint, code="file")])


def _parse_yaml(text: str, name: str) -> Any:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(text, loader)  # noqa: S506  # it is the safe one
    except yaml.YAMLError as error:
        # Neither the message in full nor the line: PyYAML's error echoes both, secrets included.
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "does not parse"
        at = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise _error(name + at, f"invalid YAML: {problem}") from None
    except (RecursionError, ValueError) as error:
        raise _error(name, f"invalid YAML: {type(error).__name__}") from None


def _parse_json(text: str, name: str) -> Any:
    import json

    try:
        return json.loads(text) if text.strip() else None
    except json.JSONDecodeError as error:
        at = f"{name}:{error.lineno}:{error.colno}"
        raise _error(at, f"invalid JSON: {error.msg}") from None
    except RecursionError:
        raise _error(name, "invalid JSON: nested too deep") from None


def _parse_toml(text: str, name: str) -> Any:
    import tomllib

    try:
        return tomllib.loads(text) or None
    except tomllib.TOMLDecodeError as error:
        raise _error(name, f"invalid TOML: {error}") from None
    except RecursionError:
        raise _error(name, "invalid TOML: nested too deep") from None


_PARSERS: Mapping[str, Callable[[str, str], Any]] = {
    "yaml": _parse_yaml,
    "json": _parse_json,
    "toml": _parse_toml,
}
_SUFFIXES = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".toml": "toml"}
