"""Where in its files a configuration was written: worked out only when a fault is shown."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import suppress
from functools import cached_property
from typing import Any, Literal, NamedTuple

from dispatch.errors import Fault, Position, Step
from dispatch.redaction import is_secret, mentions_secret, printable, redact_key, secret_values

__all__ = ["File", "Format", "Node", "Problem", "Scanner", "Source", "duplicate_key"]

Format = Literal["yaml", "json", "toml"]
Path = tuple[Step, ...]
Child = tuple[int, "Node"]  # the offset of a key (of an item, its own), and the value

_KEY_CODES = frozenset(  # of faults that are about a key
    {
        "unknown-key",
        "undeclared-role",
        "task-in-string",
        "needless-task",
        "missing-task",
        "dead-source",
    }
)
_WIDTH = 100  # characters of a line that are shown
_LONGEST = 1000  # a longer line is not shown, as all of it is searched for secrets
_WINDOW = 10_000  # characters above a parse error that are searched: more than a private key has
_MOST = 1000  # secrets of a file: with more of them, none of its lines is shown
_ESCAPED = r"\\|\w''"  # a secret may be written otherwise than it reads
_PITFALL = r"[\s\[{,:][-+]?(\d+(\.\d*)?[eE][-+]?\d|0[0-7_]|[1-9][\d_]*:[0-5]?\d)"  # maybe
_REFERENCE = r"""[\w.-]+["']?\s*[:=]\s*["']?os\.environ/\w+"""
_HARMLESS = r"""(?x) \s* (?: (?: -\ + | [{\[]\ * )+ | (?= ["'\w] [\w.-]+ ["']? \s* [:=] ) | [}\]] )
    (?: (["']?) [\w.-]+ \1 \s* [:=] (?= \s | $) \s* )?
    (?: [\w\ ./:@+,*&!%\[{-]* | "[\w\ ./:@+-]*" | '[\w\ ./:@+-]*' ) [}\]]* ,?"""


class Problem(NamedTuple):
    """What is wrong with the text of a file, at an offset; None for the whole of it."""

    offset: int | None
    message: str
    hint: str = ""
    code: str = "syntax"


def duplicate_key(offset: int | None, key: object) -> Problem:
    """Return the problem of a key that its mapping has already."""
    message = f"duplicate key {redact_key(key)!r}" if isinstance(key, str) else "duplicate key"
    return Problem(offset, message, "keep one: the first would silently be lost", "duplicate-key")


class Node:
    """A value in a text: where it starts, and what it holds, by key or index."""

    def __init__(self, start: int, kind: str = "scalar") -> None:
        self.start, self.kind = start, kind
        self.children: dict[Step, Child] = {}


class YamlNode(Node):
    """A node of PyYAML's, whose children are looked at when they are asked for."""

    def __init__(self, node: Any, key: int | None = None) -> None:
        self.node, self.kind = node, node.id
        empty = node.start_mark.index == node.end_mark.index
        self.start = key if empty and key is not None else node.start_mark.index

    @cached_property
    def children(self) -> dict[Step, Child]:  # type: ignore[override]
        if self.kind != "mapping":
            items = map(YamlNode, self.node.value if self.kind == "sequence" else ())
            return {index: (item.start, item) for index, item in enumerate(items)}
        own: dict[Step, Child] = {}
        merged: dict[Step, Child] = {}
        for key, value in self.node.value:
            at = key.start_mark.index
            if key.tag != "tag:yaml.org,2002:merge":
                own[str(key.value)] = at, YamlNode(value, at)
                continue
            for mapping in reversed(value.value) if value.id == "sequence" else (value,):
                merged |= YamlNode(mapping).children
        return merged | own


class Scanner:
    r"""The keys and values of a JSON or TOML document, as far as it can be read.

    >>> scanner = Scanner("[[models]]\nmodel = 'gpt-4o'", "toml")
    >>> scanner.root.children["models"][1].children[0][1].children["model"][0]
    11
    """

    _space = re.compile(r"(?:\s|#[^\n]*)*+")
    _key = re.compile(r"\"(?:[^\"\\\n]|\\.)*+\"|'[^'\n]*'|[\w-]++")
    _scalar = re.compile(
        r"""(?xs) "{3}(?:[^\\]|\\.)*?"{3,5} | '{3}.*?'{3,5}
          | "(?!"")(?:[^"\\\n]|\\.)*+" | '(?!'')[^'\n]*' | [^,\[\]{}\#\n"']++"""
    )

    def __init__(self, text: str, format: Format) -> None:
        self.text, self.at = text, 0
        self.root = Node(0, "mapping")
        self.duplicates: list[tuple[int, str]] = []
        with suppress(ValueError, RecursionError):
            if format == "json":
                self.root = self._read_value()
            while format == "toml" and self._peek():
                self._read_table()

    def _peek(self) -> str:
        self._take(self._space)
        return self.text[self.at : self.at + 1]

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError
        self.at = match.end()
        return match[0]

    def _read_value(self) -> Node:
        mark = self._peek()
        node = Node(self.at, {"{": "mapping", "[": "sequence"}.get(mark, "scalar"))
        if node.kind == "scalar":
            self._take(self._scalar)
            return node
        self.at += 1
        while self._peek() not in ("", "}", "]"):
            if mark == "{":
                self._read_member(node)
            else:
                item = self._read_value()
                node.children[len(node.children)] = item.start, item
            self.at += self._peek() == ","
        self.at += 1
        return node

    def _read_member(self, table: Node) -> None:
        self._peek()
        at = self.at
        *outer, last = self._read_keys()
        for key in outer:
            table = self._enter(table, key, at)
        self.at += 1  # past = or :
        if last in table.children:
            self.duplicates.append((at, last))
        table.children[last] = at, self._read_value()

    def _read_keys(self) -> list[str]:
        keys: list[str] = []
        while not keys or self._peek() == ".":
            self.at += bool(keys)
            self._peek()
            key = self._take(self._key)
            with suppress(ValueError):  # TOML has escapes that JSON has not
                key = json.loads(key) if key[0] == '"' else key.strip("'")
            keys.append(key)
        return keys

    def _enter(self, table: Node, key: str, at: int) -> Node:
        """Return the table under a key; of an array of tables, the last one."""
        node = table.children.setdefault(key, (at, Node(at, "mapping")))[1]
        _, last = node.children.get(len(node.children) - 1, (at, node))
        return last if node.kind == "sequence" else node

    def _read_table(self) -> None:
        """Read a header, if there is one, and the keys below it."""
        table, at = self.root, self.at
        brackets = 2 if self.text.startswith("[[", at) else self.text.startswith("[", at)
        if brackets:
            self.at += brackets
            *outer, last = self._read_keys()
            for key in outer:
                table = self._enter(table, key, at)
            if brackets == 2:
                _, array = table.children.setdefault(last, (at, Node(at, "sequence")))
                array.children[len(array.children)] = at, Node(at, "mapping")
            table = self._enter(table, last, at)
            self.at += brackets
        while self._peek() not in ("", "["):
            self._read_member(table)


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
        """Where everything is in a text that can be read; None for an empty one."""
        if self.format != "yaml":
            return Scanner(self.text, self.format).root
        from dispatch.config.yaml import compose  # PyYAML takes a while to import

        root = compose(self.text)
        return None if root is None else YamlNode(root)

    @cached_property
    def _secrets(self) -> Set[str]:
        """What the file holds as secrets, and the long words of these."""
        if isinstance(self.root, YamlNode):
            from dispatch.config.yaml import read_yaml  # as above

            data, _ = read_yaml(self.text, self.root.node)
        else:
            import tomllib  # takes a while to import

            data = json.loads(self.text) if self.format == "json" else tomllib.loads(self.text)
        secrets = secret_values(data, min_length=4)
        return secrets.union(w for secret in secrets for w in secret.split() if len(w) >= 6)

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer(r"\r\n?|\n", self.text))]

    def find(self, path: Iterable[Step]) -> list[Child]:
        """Follow a path as far as it leads: the root, then a key and a value for each step."""
        found = [(self.root.start, self.root)] if self.root else []
        for step in path if found else ():
            child = found[-1][1].children.get(step)
            if child is None:
                break
            found.append(child)
        return found

    def position(self, offset: int, path: Path | None = None) -> Position:
        """Return the position of an offset, with its line unless that may show a secret.

        Without the `path` of a value, the file does not parse, so any line may be part of a secret
        that begins further up: only what looks harmless is shown.
        """
        number = bisect_right(self._lines, offset)
        start = self._lines[number - 1]
        end = self._lines[number] if number < len(self._lines) else len(self.text)
        position = Position(self.name, number, offset - start + 1)
        line = self.text[start:end].rstrip()
        if len(line) > _LONGEST or mentions_secret(line) or _is_secret(path or ()):
            return position
        if not (self._is_harmless(line, start) if path is None else self._is_public(line)):
            return position
        comment = re.compile(r"\s#").search(line, offset - start)
        return position._replace(**_cut(line[: comment and comment.start()], offset - start))

    def _is_public(self, line: str) -> bool:
        if re.search(_ESCAPED, line) or len(self._secrets) > _MOST:
            return False
        return not any(secret in line for secret in self._secrets)

    def _is_harmless(self, line: str, start: int) -> bool:
        above = self.text[max(0, start - _WINDOW) : start]
        return bool(re.fullmatch(_HARMLESS, line)) and not mentions_secret(
            re.sub(_REFERENCE, "", above)
        )


def _is_secret(path: Path) -> bool:
    return any(isinstance(step, str) and is_secret(step) for step in path)


def _cut(line: str, caret: int) -> dict[str, Any]:
    """Cut a line to what is around the caret."""
    caret = min(caret, len(line))
    left = max(0, min(caret - _WIDTH // 2, len(line) - _WIDTH))
    cut = "…" * (left > 0) + line[left : left + _WIDTH] + "…" * (left + _WIDTH < len(line))
    return {"text": printable(cut), "caret": caret - left + (left > 0)}


class Source:
    """The files that a configuration was merged from, from left to right.

    Where models were merged by name, `models` has for each of them the files, by number, that it
    was written in, each with its path there: `((0, ("models", 1)), (1, ("models", "fast")))`.
    """

    def __init__(
        self, files: Iterable[File], models: Sequence[Sequence[tuple[int, Path]]] = ()
    ) -> None:
        self.files, self.models = tuple(files), tuple(models)

    def __repr__(self) -> str:
        return f"Source({self.name!r})"

    @property
    def name(self) -> str:
        """The names of all files."""
        return " + ".join(file.name for file in self.files)

    def position(self, path: Path, code: str = "") -> Position | None:
        """Return where the value at a path was written, or what should hold it.

        Where the code of a fault is about a key, it is where that was written.
        """
        nearest: tuple[File, list[Child], bool] = self.files[-1], [], False
        for file, inside in self._candidates(path):
            found = file.find(inside)
            whole = len(found) > len(inside)
            if len(found) > len(nearest[1]):
                nearest = file, found, whole
            if whole or (found and found[-1][1].kind != "mapping"):
                break  # a list, or a single value, replaces what earlier files hold
        file, found, whole = nearest
        if not found:
            return Position(file.name)
        key, node = found[-1]
        about_key = whole and code in _KEY_CODES and path[-1] != "roles"
        return file.position(key if about_key else node.start, path)

    def positions(self, path: Path) -> list[Position]:
        """Return every place where exactly this value was written, the one that wins first."""
        found = [(file, file.find(inside), inside) for file, inside in self._candidates(path)]
        return [
            file.position(nodes[-1][1].start, path)
            for file, nodes, inside in found
            if len(nodes) > len(inside)
        ]

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
        suspects = {f for f in self.files if f.format == "yaml" and re.search(_PITFALL, f.text)}
        if not suspects:
            return
        from dispatch.config.yaml import find_pitfall  # as above

        models: list[Path] = [("models", index) for index in range(len(self.models))]
        seen: set[Any] = set()
        for top in (*(models or [("models",)]), ("model_list",), ("defaults",)):
            for file, inside in self._candidates(top):
                found = file.find(inside)
                if len(found) <= len(inside):
                    continue
                node = found[-1][1]
                for path, value in _walk(node, top, seen) if file in suspects else ():
                    tagged = file.text.startswith("!", value.start)
                    pitfall = None if tagged or path in known_paths else find_pitfall(value.node)
                    position = self.position(path) if pitfall else None
                    # A later file may hold something else there.
                    if pitfall and position and position[:3] == file.position(value.start)[:3]:
                        written, reading, hint = pitfall
                        if _is_secret(path):
                            written, hint = "this", "quote it"
                        message = f"YAML 1.1 reads {written} as {reading}"
                        yield Fault(path, message, hint, "yaml-pitfall", "warning", position)
                if node.kind != "mapping":
                    break  # what earlier files hold was replaced


def _walk(node: Any, path: Path, seen: set[Any]) -> Iterator[tuple[Path, Any]]:
    """Yield every value below a node of YAML, once, however many aliases repeat it."""
    if node.node not in seen:
        seen.add(node.node)
        yield path, node
        for step, (_, child) in node.children.items():
            yield from _walk(child, (*path, step), seen)
