"""Where in its files a configuration was written; worked out only when a fault is shown."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from functools import cached_property
from typing import Any, Literal, NamedTuple

from dispatch.config.yaml import compose, find_pitfall, read_yaml
from dispatch.errors import Fault, Position, Step
from dispatch.redaction import is_secret, mentions_secret, printable, secret_values

__all__ = ["File", "Format", "Node", "Source", "toml_starts"]

Format = Literal["yaml", "json", "toml"]
Path = tuple[Step, ...]

_KEY_CODES = ("unknown-key", "undeclared-role", "task-in-string", "needless-task", "missing-task",
              "dead-source")  # fmt: skip  # of faults that are about a key
_LONGEST = 200  # a line of more characters is not shown
_WINDOW = 10_000  # characters above a parse error that are searched: more than a private key has
_ESCAPED = r"\\|\w''"  # a secret may be written otherwise than it reads
_PITFALL = r"[\s\[{,:][-+]?(\d+(\.\d*)?[eE][-+]?\d|0[0-7_]|[1-9][\d_]*:[0-5]?\d)"  # maybe
_REFERENCE = r"""[\w.-]+["']?\s*[:=]\s*["']?os\.environ/\w+"""
_HARMLESS = r"""(?x) \s* (?: (?: -\ + | [{\[]\ * )+ | (?= ["'\w] [\w.-]+ ["']? \s* [:=] ) | [}\]] )
    (?: (["']?) [\w.-]+ \1 \s* [:=] (?= \s | $) \s* )?
    (?: [\w\ ./:@+,*&!%\[{-]* | "[\w\ ./:@+-]*" | '[\w\ ./:@+-]*' ) [}\]]* ,?"""


class Node:
    """A value in a text: where it starts, and its key, and what it holds, by key or index."""

    def __init__(self, start: int, kind: str = "scalar") -> None:
        self.start, self.key, self.kind = start, start, kind
        self.children: dict[Step, Node] = {}


class YamlNode(Node):
    """A node of PyYAML's, whose children are looked at when they are asked for."""

    def __init__(self, node: Any, key: int | None = None) -> None:
        self.node, self.kind, start = node, node.id, node.start_mark.index
        self.key = start if key is None else key
        self.start = self.key if start == node.end_mark.index else start  # nothing is written

    @cached_property
    def children(self) -> dict[Step, Node]:  # type: ignore[override]
        if self.kind != "mapping":
            items = self.node.value if self.kind == "sequence" else ()
            return dict(enumerate(map(YamlNode, items)))
        own: dict[Step, Node] = {}
        merged: dict[Step, Node] = {}
        for key, value in self.node.value:
            if key.tag != "tag:yaml.org,2002:merge":
                own[str(key.value)] = YamlNode(value, key.start_mark.index)
                continue
            for mapping in reversed(value.value) if value.id == "sequence" else (value,):
                merged |= YamlNode(mapping).children
        return merged | own


_TOML_KEY = r"""(?:[\w-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
# A header or a key at the start of a line, or else what may hold such a line and is none.
_TOML = rf"""(?xsm)
    ^[ \t]* (?P<at> (?P<open> \[\[? )? [ \t]*
      (?P<keys> {_TOML_KEY} (?: [ \t]* \. [ \t]* {_TOML_KEY} )* ) ) [ \t]* (?(open) \]+ | =)
  | "{{3}} (?:[^\\]|\\.)*? (?:"{{3,5}}|\Z) | '{{3}} .*? (?:'{{3,5}}|\Z)
  | "(?:[^"\\\n]|\\.)*" | '[^'\n]*' | \#[^\n]* | (?P<mark> [\[\]{{}},] )"""
_TOML_SPACE = re.compile(r"(?:\s|#[^\n]*)*")


def toml_starts(text: str) -> dict[Path, int]:
    r"""Return where tables, keys and the items of arrays start in a TOML document, line by line.

    >>> toml_starts("[[models]]\nmodel = 'gpt-4o'")
    {('models',): 0, ('models', 0): 0, ('models', 0, 'model'): 11}
    """
    starts: dict[Path, int] = {}
    counts: dict[Path, int] = {}  # of the tables in arrays of tables
    table: Path = ()
    path, depth, index = table, 0, 0
    for match in re.finditer(_TOML, text):
        mark = match["mark"]
        if mark or depth:  # in the value of a key
            depth += (mark in ("[", "{")) - (mark in ("]", "}"))
            if depth == 1 and mark in ("[", ","):
                space = _TOML_SPACE.match(text, match.end())
                starts[*path, index] = space.end() if space else match.end()
                index += 1
            continue
        path, index = () if match["open"] else table, 0
        keys = re.findall(_TOML_KEY, match["keys"] or "")
        for number, key in enumerate(keys, 1):
            with suppress(ValueError):  # TOML has escapes that JSON has not
                key = json.loads(key) if key[0] == '"' else key.strip("'")
            path = (*path, key)
            starts.setdefault(path, match.start("at"))
            if number == len(keys) and match["open"] == "[[":
                counts[path] = counts.get(path, 0) + 1
            if path in counts:
                path = (*path, counts[path] - 1)
        if keys:
            starts[path] = match.start("at")
            table = path if match["open"] else table
    return starts


def _toml_node(value: Any, starts: Mapping[Path, int], path: Path = (), start: int = 0) -> Node:
    node = Node(starts.get(path, start))
    if isinstance(value, dict | list):
        node.kind = "mapping" if isinstance(value, dict) else "sequence"
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            node.children[step] = _toml_node(item, starts, (*path, step), node.start)
    return node


class File:
    r"""The text of a file, under its name.

    >>> print(File("c.yaml", "yaml", "models:\n  - model: gpt-4o").position(12))
    c.yaml:2:5
    """

    def __init__(self, name: str, format: Format, text: str) -> None:
        self.name, self.text = name, text
        self.format: Format = format

    def __repr__(self) -> str:
        return f"File({self.name!r}, {self.format!r})"  # the text may hold secrets

    @cached_property
    def root(self) -> Node | None:
        """The root of what the text contains; None for an empty text."""
        if self.format == "toml":
            return _toml_node(self._data, toml_starts(self.text))
        root = compose(self.text, self.format)
        return None if root is None else YamlNode(root)

    @cached_property
    def _data(self) -> Any:
        if self.format == "yaml":
            return read_yaml(self.text, getattr(self.root, "node", None))[0]
        import tomllib  # takes a while to import

        return json.loads(self.text) if self.format == "json" else tomllib.loads(self.text)

    @cached_property
    def _secrets(self) -> Set[str]:
        """What the file holds as secrets, and the long words of these."""
        secrets = secret_values(self._data, min_length=4)
        return secrets.union(w for secret in secrets for w in secret.split() if len(w) >= 6)

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer(r"\r\n?|\n", self.text))]

    def find(self, path: Iterable[Step]) -> list[Node]:
        """Follow a path as far as it leads: return the root, then a value for each step."""
        found = [self.root] if self.root else []
        for step in path if found else ():
            if step not in found[-1].children:
                break
            found.append(found[-1].children[step])
        return found

    def position(self, offset: int, path: Path | None = None) -> Position:
        """Return the position of an offset, with its line unless that may contain a secret.

        Without the `path` of a value, the file could not be parsed, so any line may be part of a
        secret that begins further up; only what looks harmless is shown.
        """
        number = bisect_right(self._lines, offset)
        start = self._lines[number - 1]
        end = self._lines[number] if number < len(self._lines) else len(self.text)
        position = Position(self.name, number, offset - start + 1)
        line = self.text[start:end].rstrip()
        if len(line) > _LONGEST or mentions_secret(line) or _is_secret(path or ()):
            return position
        if path is None:
            above = re.sub(_REFERENCE, "", self.text[max(0, start - _WINDOW) : start])
            shown = bool(re.fullmatch(_HARMLESS, line)) and not mentions_secret(above)
        else:
            shown = not re.search(_ESCAPED, line) and not any(s in line for s in self._secrets)
        if not shown:
            return position
        comment = re.compile(r"\s#").search(line, offset - start)
        line = printable(line[: comment and comment.start()])
        return position._replace(text=line, caret=min(offset - start, len(line)))


def _is_secret(path: Path) -> bool:
    return any(isinstance(step, str) and is_secret(step) for step in path)


class Source(NamedTuple):
    """The files that a configuration was merged from, from left to right.

    Where models were merged by name, `models` has for each of them the files, by number, that it
    was written in, each with its path there: `((0, ("models", 1)), (1, ("models", "fast")))`.
    `overrides` are the values that were set on the command line, or the like, the last one first,
    each with a label.
    """

    files: Sequence[File]
    models: Sequence[Sequence[tuple[int, Path]]] = ()
    overrides: tuple[tuple[Path, str], ...] = ()

    def __repr__(self) -> str:
        return f"Source({self.name!r})"

    @property
    def name(self) -> str:
        """The names of all files."""
        return " + ".join(file.name for file in self.files)

    def position(self, path: Path, code: str = "") -> Position | None:
        """Return where the value at a path was written, or what should hold it.

        If the code of a fault is about a key, that is the position of the key.
        """
        if overriding := self._overriding(path):
            return overriding[0]
        if not self.files:
            return None
        nearest: tuple[File, list[Node], bool] = self.files[-1], [], False
        for file, inside in self._candidates(path):
            found = file.find(inside)
            whole = len(found) > len(inside)
            if len(found) > len(nearest[1]):
                nearest = file, found, whole
            if whole or (found and found[-1].kind != "mapping"):
                break  # a list, or a single value, replaces what earlier files hold
        file, found, whole = nearest
        if not found:
            return Position(file.name)
        about_key = whole and code in _KEY_CODES and path[-1] != "roles"
        return file.position(found[-1].key if about_key else found[-1].start, path)

    def positions(self, path: Path) -> list[Position]:
        """Return every place where exactly this value was written, the one that wins first."""
        found = self._overriding(path)
        for file, inside in self._candidates(path):
            nodes = file.find(inside)
            if len(nodes) > len(inside):
                found.append(file.position(nodes[-1].start, path))
        return found

    def _overriding(self, path: Path) -> list[Position]:
        return [Position(label) for at, label in self.overrides if path[: len(at)] == at]

    def _candidates(self, path: Path) -> list[tuple[File, Path]]:
        """Return the files that may hold a value, those that win first, and its path in each."""
        match path:
            case ("models" | "model_list", int(index), *rest) if index < len(self.models):
                written = reversed(self.models[index])
                return [(self.files[number], (*base, *rest)) for number, base in written]
        return [(file, path) for file in reversed(self.files)]

    def pitfalls(self, known_paths: Set[Path] = frozenset()) -> Iterator[Fault]:
        """Yield, as warnings, what YAML 1.1 reads otherwise than it looks; not at known paths.

        >>> source = Source([File("c.yaml", "yaml", "models: [{model: m, seed: 0100}]")])
        >>> print(*source.pitfalls())
        c.yaml:1:27: models[0].seed: YAML 1.1 reads 0100 as an octal number; write 100, or quote it
        """
        for number, file in enumerate(self.files):
            if file.format != "yaml" or not file.root or not re.search(_PITFALL, file.text):
                continue
            merged: dict[Path, Path] = {
                path: ("models", index)
                for index, places in enumerate(self.models)
                for at, path in places
                if at == number
            }
            for inside, value in _walk(file.root, (), set()):
                path = (*merged.get(inside[:2], inside[:2]), *inside[2:])
                tagged = file.text.startswith("!", value.start) or path in known_paths
                pitfall = None if tagged else find_pitfall(value.node)
                position = self.position(path) if pitfall else None
                # A later file may hold something else there.
                if pitfall and position and position[:3] == file.position(value.start)[:3]:
                    written, reading, hint = pitfall
                    if _is_secret(path):
                        written, hint = "this", "quote it"
                    message = f"YAML 1.1 reads {written} as {reading}"
                    yield Fault(path, message, hint, "yaml-pitfall", "warning", position)


def _walk(node: Any, path: Path, seen: set[Any]) -> Iterator[tuple[Path, Any]]:
    """Yield every value that models have, once, however many aliases repeat it."""
    if node.node not in seen:
        seen.add(node.node)
        yield path, node
        for step, child in node.children.items():
            if path or step in ("models", "model_list", "defaults"):
                yield from _walk(child, (*path, step), seen)
