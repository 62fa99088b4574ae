"""Configuration files: YAML, JSON and TOML, read strictly and merged."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import Any, NoReturn, cast

from dispatch.config.positions import File, Format, Source, toml_starts
from dispatch.config.yaml import Problem, duplicate_key, find_duplicates, read_yaml
from dispatch.errors import ConfigError, Fault, FileError, Position
from dispatch.immutable import FrozenMap, Origin, freeze, with_origin
from dispatch.suggestions import describe_type

__all__ = ["MAX_BYTES", "SUFFIXES", "Format", "decode", "load_files", "merge", "parse", "read"]

PathName = str | os.PathLike[str] | File

MAX_BYTES = 4_000_000
"""How large a file may be, unless `DISPATCH_MAX_BYTES` in the environment says otherwise."""

MAX_DEPTH = 100
"""How deep a configuration may be nested, so that every walk over it may be recursive."""

_MOST = 1000  # problems that are reported of one file
_MOST_BITS = 14_000  # of a number: Python writes none of more than 4,300 digits
SUFFIXES: Mapping[str, Format] = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".toml": "toml",
}


def load_files(
    paths: PathName | Iterable[PathName], format: Format | None = None
) -> FrozenMap[str, Any]:
    """Read files and merge them, from left to right, later ones winning.

    The suffix of a file determines its format, unless `format` is given. Raises `FileError` with
    the faults of all files.
    """
    data, files = read(paths, format)
    return with_origin(freeze(reduce(merge, data)), Origin((), Source(files)))


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge mappings deeply into a new one: the later value wins, and lists are replaced.

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


def read(
    paths: PathName | Iterable[PathName], format: Format | None = None
) -> tuple[list[dict[str, Any]], list[File]]:
    """Read files, each into plain containers. A `File` is taken as it is.

    Raises `FileError` with the faults of all files.
    """
    if isinstance(paths, str | os.PathLike | File):
        paths = [paths]
    elif not isinstance(paths, Iterable):
        message = f"expected a mapping, or the path of a file, found {describe_type(paths)}"
        raise ConfigError([Fault((), message, code="no-file")])
    files: list[File] = []
    data: list[dict[str, Any]] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            files.append(path if isinstance(path, File) else _open(path, format))
            data.append(parse(files[-1]))
        except FileError as error:
            faults += error.faults
    if not files and not faults:
        faults.append(Fault((), "no configuration file is given", code="no-file"))
    if faults:
        raise FileError(faults)
    return data, files


def _open(path: object, format: Format | None) -> File:
    if not isinstance(path, str | os.PathLike):
        message = f"expected the path of a file, found {describe_type(path)}"
        raise FileError([Fault((), message, code="no-file")])
    name = str(path)
    suffix = Path(name).suffix.lower()
    known = format or SUFFIXES.get(suffix)
    if os.path.isfile(name):
        if known is None:
            hint = f"name it {', '.join(f'*{suffix}' for suffix in SUFFIXES)}"
            _refuse(name, f"unknown file type {suffix!r}", hint, "unknown-format")
    elif os.path.exists(name):  # a pipe may never end, a device never does
        kind = "a directory" if os.path.isdir(name) else "not a regular file"
        _refuse(name, f"is {kind}", code="unreadable")
    try:
        with open(name, "rb") as stream:
            content = stream.read(_max_bytes() + 1)
    except (OSError, ValueError) as error:  # ValueError: of a name that no file can have
        reason = getattr(error, "strerror", "it is not the path of a file")
    else:
        return decode(name, content, cast("Format", known))
    _refuse(name, f"cannot be read: {reason}", code="unreadable")


def _max_bytes() -> int:
    setting = os.environ.get("DISPATCH_MAX_BYTES", "")
    return int(setting) if setting.isdecimal() else MAX_BYTES


def decode(name: str, content: bytes, format: Format) -> File:
    """Make a `File` of bytes that were read, from standard input for example.

    Raises `FileError` for one that is too large, or is not UTF-8.
    """
    limit = _max_bytes()
    if len(content) > limit:
        hint = "raise the limit: export DISPATCH_MAX_BYTES=…"
        _refuse(name, f"is larger than {limit:,} bytes", hint, "too-large")
    try:
        return File(name, format, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        start = error.start
    # Raised out here: the error's `__context__` would hold what it failed on.
    hint = "save it as UTF-8" + ("; it looks like UTF-16" if b"\0" in content[:4] else "")
    _refuse(name, f"is not UTF-8, at byte {start}", hint, "not-utf-8")


def _refuse(name: str, message: str, hint: str = "", code: str = "") -> NoReturn:
    raise FileError([Fault((), message, hint, code, position=Position(name))])


def parse(file: File) -> dict[str, Any]:
    """Read the text of a file into plain containers.

    Raises `FileError` with every problem, each at its place: what does not parse, duplicate keys,
    no mapping at the top.
    """
    read_text = {"yaml": read_yaml, "json": _read_json, "toml": _read_toml}[file.format]
    data, problems = read_text(file.text)
    if not problems:
        problems = list(_find_problems(data, file))
    if problems:
        faults = []
        for offset, message, hint, code in problems[:_MOST]:
            position = Position(file.name) if offset is None else file.position(offset)
            faults.append(Fault((), message, hint, code, position=position))
        raise FileError(faults)
    return data  # type: ignore[no-any-return]


def _find_problems(data: Any, file: File) -> Iterator[Problem]:
    if data is None:
        hint = "it should hold a mapping with the key 'models'"
        yield Problem(None, "is empty", hint, "empty-file")
    elif not isinstance(data, dict):
        message = f"expected a mapping at the top, found {describe_type(data)}"
        hint = "put it under 'models:'" if isinstance(data, list) else ""
        yield Problem(file.root.start if file.root else None, message, hint, "no-mapping")
    level = [data]
    for _ in range(MAX_DEPTH):  # level by level: recursion would end before the nesting does
        level = [
            item
            for holder in level
            if isinstance(holder, dict | list)
            for item in (holder.values() if isinstance(holder, dict) else holder)
        ]
        if any(isinstance(item, int) and item.bit_length() > _MOST_BITS for item in level):
            yield Problem(None, "a number is too long", code="too-long")
    if any(isinstance(item, dict | list) for item in level):
        yield Problem(None, f"nested more than {MAX_DEPTH} levels deep", code="too-deep")


_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F])|.)", re.DOTALL
)


def _read_json(text: str) -> tuple[Any, list[Problem]]:
    if not text.strip():
        return None, []
    constants: list[str] = []
    problems: list[Problem] = []

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(pairs)
        if len(built) < len(pairs) and not problems:
            problems.extend(find_duplicates(text) or [duplicate_key(None, None)])
        return built

    try:
        data = json.loads(text, object_pairs_hook=build, parse_constant=constants.append)
    except json.JSONDecodeError as error:
        before = text[: error.pos].rstrip()  # at the comma before it, as in Python 3.13
        offset = len(before) - 1 if before.endswith(",") else error.pos
        return None, [Problem(offset, f"invalid JSON: {error.msg}", _hint("json", text[offset:]))]
    except RecursionError:
        return None, [Problem(None, "nested too deep", code="too-deep")]
    except ValueError:  # Python reads no number of thousands of digits
        return None, [Problem(None, "invalid JSON: a number is too long")]
    if constants:
        return None, [Problem(None, f"invalid JSON: {constants[0]} is not a JSON number")]
    half = next((match.start() for match in _ESCAPE.finditer(text) if match["half"]), None)
    if half is not None:  # what no encoding can write, no message and no request could hold
        hint = "write the character itself, or both halves of its escape"
        return None, [Problem(half, "half of a character, which no encoding can write", hint)]
    return data, problems


_TOML_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


def _read_toml(text: str) -> tuple[Any, list[Problem]]:
    import tomllib  # takes a while to import

    try:
        return tomllib.loads(text) or None, []
    except RecursionError:
        return None, [Problem(None, "nested too deep", code="too-deep")]
    except ValueError as error:
        message = str(error)
    place = _TOML_PLACE.search(message)
    if place is None:
        return None, [Problem(None, "invalid TOML: a number is too long")]
    offset = len(text.rstrip())
    if place[1]:
        lines = [0, *(match.end() for match in re.finditer("\n", text))]
        offset = lines[int(place[1]) - 1] + int(place[2]) - 1
    written = [(at, path) for path, at in toml_starts(text).items() if at < offset]
    start, path = max(written, default=(0, ()))
    if re.search("overwrite|twice|mutate|Duplicate", message) is None:
        message = f"invalid TOML: {message[: place.start()]}"
        if re.search("Unclosed|Unterminated", message):
            opened = max((at for at, path in written if isinstance(path[-1], str)), default=0)
            return None, [Problem(offset if place[1] else opened, message, "close it")]
        return None, [Problem(offset, message, _hint("toml", text[offset:]))]
    if not text.startswith("[", start):
        inline = message.split("'")[1] if "Duplicate" in message else path[-1]
        return None, [duplicate_key(start, inline)]
    hint = "write [[name]] for the next table of a list, and any other table once"
    return None, [Problem(start, "duplicate table", hint, "duplicate-key")]


# By format: what is found where a file does not parse, and what a person can do.
_HINTS = {
    "json": (
        (r"//|#|/\*", "JSON has no comments: remove it, or write YAML"),
        ("'", "JSON allows only double quotes"),
        (",", "remove the comma before the closing bracket"),
        ("(True|False|None)\\b", "JSON has true, false and null, in lower case"),
    ),
    "toml": (
        (r"(True|False|None|null|on|off|yes|no)\b",
         "TOML has true and false, in lower case, and no null"),
        ("[A-Za-z]", "quote the string"),
        (":", "TOML writes key = value"),
    ),
}  # fmt: skip


def _hint(format: Format, rest: str) -> str:
    return next((hint for pattern, hint in _HINTS[format] if re.match(pattern, rest)), "")
