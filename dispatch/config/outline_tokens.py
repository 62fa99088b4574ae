"""The shape of JSON and TOML texts, read by regular expressions from left to right."""

from __future__ import annotations

import json
import re
import tomllib

from dispatch.config.outline import Kind, Node, Outline, Stop
from dispatch.config.slips import MAX_DEPTH
from dispatch.errors import Step

__all__ = ["JsonOutline", "TomlOutline"]


class _Tokens(Outline):
    """What JSON and TOML share: a text is read by regular expressions from left to right."""

    space: re.Pattern[str]
    scalar: re.Pattern[str]

    def _read(self) -> None:
        try:
            self._document()
            self.complete = True
        except Stop:
            pass

    def _document(self) -> None:
        raise NotImplementedError

    def _key(self) -> tuple[int, list[str]]:
        raise NotImplementedError

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.reach)
        if match is None:
            raise Stop
        self.reach = match.end()
        return match[0]

    def _peek(self) -> str:
        self._take(self.space)
        return self.text[self.reach : self.reach + 1]

    def _taken(self, mark: str) -> bool:
        taken = self._peek() == mark
        self.reach += taken
        return taken

    def _inner(self, parent: Node, step: Step, at: int, kind: Kind = "mapping") -> Node:
        """Return what stands under a step, or the collection that is opened by naming it."""
        child = parent.children.get(step)
        return child.node if child else self._child(parent, step, at, Node(at, at, kind))

    def _value(self, parent: Node | None, step: Step, key: int | None, depth: int = 0) -> None:
        mark = self._peek()
        node = Node(self.reach)
        self._child(parent, step, self.reach if key is None else key, node)
        if mark and mark in "{[":
            if depth >= MAX_DEPTH:
                raise Stop
            self.reach += 1
            node.kind = "mapping" if mark == "{" else "list"
            self._members(node, "}" if mark == "{" else "]", depth + 1)
        else:
            node.end = node.start  # the secret of an unclosed text is past `reach`
            written = self._take(self.scalar)
            if mark not in "\"'":
                node.plain = written
        node.end = self.reach

    def _members(self, node: Node, close: str, depth: int) -> None:
        outer = len(self.open_keys)
        while not self._taken(close):
            if close == "]":
                self._value(node, len(node.children), None, depth)
            else:
                self._member(node, depth, outer)
            if not self._taken(",") and self._peek() != close:
                raise Stop
        del self.open_keys[outer:]

    def _member(self, node: Node, depth: int, outer: int) -> None:
        self._peek()
        at, keys = self._key()
        self.open_keys[outer:] = keys  # open until the next one: a stray text may be its
        for key in keys[:-1]:  # TOML's dotted keys
            node = _last_item(self._inner(node, key, at))
        self._value(node, keys[-1], at, depth)


class JsonOutline(_Tokens):
    """The shape of a JSON text."""

    space = re.compile(r"\s*")
    scalar = re.compile(r'"(?:[^"\\]|\\.)*+"|[^\s,\[\]{}":]++', re.DOTALL)

    def _document(self) -> None:
        self._value(None, 0, None)

    def _key(self) -> tuple[int, list[str]]:
        at = self.reach
        written = self._take(self.scalar)
        if not self._taken(":"):
            self.reach = at
            raise Stop
        try:
            key = str(json.loads(written))
        except ValueError:
            key = written
        self._note_key(key, at, at + len(written))
        return at, [key]


class TomlOutline(_Tokens):
    """The shape of a TOML text."""

    space = re.compile(r"(?:\s|#[^\n]*)*+")
    scalar = re.compile(
        r'"""(?:[^\\]|\\.)*?"{3,5}' r"|'''.*?'{3,5}"
        r'|"(?:[^"\\\n]|\\.)*+"' r"|'[^'\n]*'" r"|[^,\[\]{}#\n\"']++",
        re.DOTALL,
    )  # fmt: skip
    part = re.compile(r"\"(?:[^\"\\\n]|\\.)*+\"|'[^'\n]*'|[\w-]++")
    gap = re.compile(r"[ \t]*")
    rest = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)")  # of a line

    def _document(self) -> None:
        table = self.root = Node(0, 0, "mapping")
        outer = 0
        while self._peek():
            if self._taken("["):
                table = self._table()
                outer = len(self.open_keys)
            else:
                self._member(table, 0, outer)
                self._take(self.rest)

    def _table(self) -> Node:
        """Read a header, and return the table that it opens."""
        at = self.reach - 1
        several = self._taken("[")
        table = self.root
        assert table is not None  # noqa: S101  # the document is one
        self._take(self.gap)
        *outer, last = self._parts()
        self.open_keys = [*outer, last]
        for key in outer:
            table = _last_item(self._inner(table, key, at))
        table = self._inner(table, last, at, "list" if several else "mapping")
        while self._taken("]"):
            pass
        # What opens a list as a table is wrong in TOML, and must not make this stumble.
        return self._inner(table, len(table.children), at) if several else _last_item(table)

    def _key(self) -> tuple[int, list[str]]:
        at = self.reach
        parts = self._parts()
        if not self._taken("="):
            self.reach = at
            raise Stop
        return at, parts

    def _parts(self) -> list[str]:
        parts: list[str] = []
        while len(parts) <= MAX_DEPTH:
            at = self.reach
            parts.append(_unquoted(self._take(self.part)))
            self._note_key(parts[-1], at, self.reach)
            self._take(self.gap)
            if self.text[self.reach : self.reach + 1] != ".":
                return parts
            self.reach += 1
            self._take(self.gap)
        raise Stop


def _last_item(table: Node) -> Node:
    """Return the last table of an array of tables, which is what a longer header means."""
    last = table.children.get(len(table.children) - 1) if table.kind == "list" else None
    return last.node if last else table


def _unquoted(part: str) -> str:
    if part[0] not in "\"'":
        return part
    try:
        return str(tomllib.loads(f"key = {part}")["key"])
    except tomllib.TOMLDecodeError:
        return part[1:-1]
