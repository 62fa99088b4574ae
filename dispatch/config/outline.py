"""Where everything stands in a text: the shape of a YAML, JSON or TOML document, with offsets.

Made only when a fault is found. It goes as far as a broken text lets it, so that even the line
of a syntax error is shown without the secrets in it.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dispatch.config.slips import MAX_DEPTH
from dispatch.errors import Step
from dispatch.secrets import is_secret

__all__ = ["Child", "Node", "Outline", "outline"]

Kind = Literal["scalar", "list", "mapping"]


@dataclass(slots=True, eq=False)
class Node:
    """A value in a text, from `start` to `end`; `plain` is its text where it stands unquoted."""

    start: int
    end: int = -1
    kind: Kind = "scalar"
    plain: str | None = None
    children: dict[Step, Child] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Child:
    """A value under a key that stands at `key`, or an item, for which that is its own start."""

    key: int
    node: Node


class Outline:
    """The shape of one document.

    `reach` is the offset up to which it was understood, `open_keys` are the keys that what follows
    may belong to, and `duplicates` the offsets of keys that stand twice. `aside` are values that
    are in the text, but not in the tree, and whether they are secrets.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.root: Node | None = None
        self.reach = 0
        self.duplicates: list[tuple[int, str]] = []
        self.open_keys: list[str] = []
        self.aside: list[tuple[Node, bool]] = []
        self._read()

    def _read(self) -> None:
        raise NotImplementedError

    def find(self, path: Sequence[Step]) -> list[Child]:
        """Follow a path as far as it leads: the root, then one child for each step.

        >>> found = outline("models:\\n  - model: gpt-4o\\n", "yaml").find(("models", 0, "nope"))
        >>> [child.node.start for child in found]
        [0, 10, 12]
        """
        if self.root is None:
            return []
        found = [Child(self.root.start, self.root)]
        for step in path:
            child = found[-1].node.children.get(step)
            if child is None:
                break
            found.append(child)
        return found

    def leaves(self) -> Iterator[tuple[Node, bool]]:
        """Yield each value that holds no others, once, and whether it is a secret."""
        seen: set[tuple[int, bool]] = set()
        todo = [*self.aside, *([(self.root, False)] if self.root else [])]
        while todo:
            node, secret = todo.pop()
            if (id(node), secret) in seen:
                continue
            seen.add((id(node), secret))
            if not node.children:
                yield node, secret
            todo += [
                (child.node, secret or (isinstance(key, str) and is_secret(key)))
                for key, child in node.children.items()
            ]

    def _child(self, parent: Node | None, step: Step, key: int, node: Node) -> Node:
        """Hang a node into the tree before it is read, so that a broken text keeps it."""
        if parent is None:
            self.root = node
        else:
            if step in parent.children:
                self.duplicates.append((key, str(step)))
                self.aside.append((parent.children[step].node, self._in_secret()))
            parent.children[step] = Child(key, node)
        self.reach = max(self.reach, node.end)
        return node

    def _in_secret(self) -> bool:
        return any(map(is_secret, self.open_keys))


class _Stop(Exception):  # noqa: N818  # no error: the text is followed no further
    pass


class _Yaml(Outline):
    def _read(self) -> None:
        import yaml

        from dispatch.config.strict_yaml import LOADER

        self.yaml: Any = yaml
        self.kinds: dict[type, Kind] = {
            yaml.ScalarEvent: "scalar",
            yaml.SequenceStartEvent: "list",
            yaml.MappingStartEvent: "mapping",
        }
        self.anchors: dict[str, Node] = {}
        try:
            self.next: Callable[[], Any] = LOADER(self.text).get_event
            while not isinstance(event := self.next(), self.yaml.NodeEvent):
                if isinstance(event, self.yaml.StreamEndEvent):
                    return
            self._value(event, None, 0, event.start_mark.index, 0)
            self.reach = len(self.text)
        except (yaml.YAMLError, _Stop):
            pass

    def _value(self, event: Any, parent: Node | None, step: Step, key: int, depth: int) -> Node:
        yaml: Any = self.yaml
        start: int = event.start_mark.index
        if isinstance(event, yaml.AliasEvent):
            node = self.anchors.get(event.anchor) or Node(start, event.end_mark.index)
            self.reach = event.end_mark.index
            return self._child(parent, step, key, node)
        node = Node(start, event.end_mark.index)
        node.kind = self.kinds[type(event)]
        if event.anchor:
            self.anchors[event.anchor] = node
        self._child(parent, step, key, node)
        if isinstance(event, yaml.ScalarEvent):
            if event.implicit[0] and event.tag is None:
                node.plain = event.value
            return node
        if depth >= MAX_DEPTH:
            raise _Stop
        if isinstance(event, yaml.MappingStartEvent):
            self._mapping(node, depth + 1)
        else:
            self._sequence(node, depth + 1)
        return node

    def _sequence(self, node: Node, depth: int) -> None:
        while not isinstance(event := self.next(), self.yaml.SequenceEndEvent):
            self._value(event, node, len(node.children), event.start_mark.index, depth)
        node.end = self.reach = event.end_mark.index

    def _mapping(self, node: Node, depth: int) -> None:
        merged: dict[Step, Child] = {}
        self.open_keys.append("")  # a key is open until the next one: a stray text may be its
        while not isinstance(event := self.next(), self.yaml.MappingEndEvent):
            key, at = self._key(event, depth), event.start_mark.index
            self.open_keys[-1] = key
            if key == "<<" and event.implicit[0]:
                target = self._value(self.next(), Node(at), key, at, depth)
                self.aside.append((target, self._in_secret()))
                merged = _merged(target) | merged
            else:
                self._value(self.next(), node, key, at, depth)
        self.open_keys.pop()
        node.children = merged | node.children
        node.end = self.reach = event.end_mark.index

    def _key(self, event: Any, depth: int) -> str:
        if isinstance(event, self.yaml.ScalarEvent):
            self.reach = event.end_mark.index
            return str(event.value)
        self.aside.append((self._value(event, Node(0), "", 0, depth), True))
        return ""


def _merged(target: Node) -> dict[Step, Child]:
    """Return what a merge key brings: the keys of a mapping, or of several, the first winning."""
    if 0 not in target.children:
        return dict(target.children)
    merged: dict[Step, Child] = {}
    for child in reversed(target.children.values()):
        merged |= child.node.children
    return merged


class _Tokens(Outline):
    """What JSON and TOML share: a text is read by regular expressions from left to right."""

    space: re.Pattern[str]
    scalar: re.Pattern[str]

    def _read(self) -> None:
        try:
            self._document()
            self.reach = len(self.text)
        except _Stop:
            pass

    def _document(self) -> None:
        raise NotImplementedError

    def _key(self) -> tuple[int, list[str]]:
        raise NotImplementedError

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.reach)
        if match is None:
            raise _Stop
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
                raise _Stop
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
                raise _Stop
        del self.open_keys[outer:]

    def _member(self, node: Node, depth: int, outer: int) -> None:
        self._peek()
        at, keys = self._key()
        self.open_keys[outer:] = keys  # open until the next one: a stray text may be its
        for key in keys[:-1]:  # TOML's dotted keys
            node = self._inner(node, key, at)
        self._value(node, keys[-1], at, depth)


class _Json(_Tokens):
    space = re.compile(r"\s*")
    scalar = re.compile(r'"(?:[^"\\]|\\.)*+"|[^\s,\[\]{}":]++', re.DOTALL)

    def _document(self) -> None:
        self._value(None, 0, None)

    def _key(self) -> tuple[int, list[str]]:
        at = self.reach
        written = self._take(self.scalar)
        if not self._taken(":"):
            self.reach = at
            raise _Stop
        try:
            return at, [str(json.loads(written))]
        except ValueError:
            return at, [written]


class _Toml(_Tokens):
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
        if several:
            table = self._inner(table, len(table.children), at)
        while self._taken("]"):
            pass
        return table

    def _key(self) -> tuple[int, list[str]]:
        at = self.reach
        parts = self._parts()
        if not self._taken("="):
            self.reach = at
            raise _Stop
        return at, parts

    def _parts(self) -> list[str]:
        parts: list[str] = []
        while len(parts) <= MAX_DEPTH:
            parts.append(_unquoted(self._take(self.part)))
            self._take(self.gap)
            if self.text[self.reach : self.reach + 1] != ".":
                return parts
            self.reach += 1
            self._take(self.gap)
        raise _Stop


def _last_item(table: Node) -> Node:
    """Return the last table of an array of tables, which is what a longer header means."""
    return table.children[len(table.children) - 1].node if 0 in table.children else table


def _unquoted(part: str) -> str:
    if part[0] not in "\"'":
        return part
    try:
        return str(tomllib.loads(f"key = {part}")["key"])
    except tomllib.TOMLDecodeError:
        return part[1:-1]


def outline(text: str, format: str) -> Outline:
    """Read the shape of a text.

    >>> outline('{"models": []}', "json").find(("models",))[-1].key
    1
    """
    return {"yaml": _Yaml, "json": _Json, "toml": _Toml}[format](text)
