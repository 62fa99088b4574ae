"""Where everything stands in a text: the shape of a YAML, JSON or TOML document, with offsets.

Made only when a fault is found. It goes as far as a broken text lets it, so that even the line
of a syntax error is shown without the secrets in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from dispatch.config.slips import MAX_OUTLINED
from dispatch.errors import MOST_FAULTS, Step
from dispatch.secrets import is_reference, is_secret, redact_key

__all__ = ["Child", "Kind", "Node", "Outline", "Stop"]

Kind = Literal["scalar", "list", "mapping"]
"""What a value is."""


_GAP = re.compile(r"(?:[\s:=,?\[\]{}-]|#[^\r\n]*)*+")  # no more than marks and comments


class Node:
    """A value in a text, from `start` to `end`; `plain` is its text where it stands unquoted."""

    __slots__ = ("children", "end", "kind", "plain", "start")

    def __init__(self, start: int, end: int = -1, kind: Kind = "scalar") -> None:
        self.start, self.end, self.kind = start, end, kind
        self.plain: str | None = None
        self.children: dict[Step, Child] = {}


class Child(NamedTuple):
    """A value under a key that stands at `key`, or an item, for which that is its own start."""

    key: int
    node: Node


class Outline:
    """The shape of one document.

    `reach` is the offset up to which it was understood, `open_keys` are the keys that what follows
    may belong to, and `duplicates` the offsets of keys that stand twice. `aside` are values that
    are in the text, but not in the tree, and whether they are secrets. Once the document is
    `complete`, nothing is known of what follows it. One that is `vast` was left unread in the
    middle: no path is followed in it, as it may lead further, and none of its lines is shown, as an
    alias further down may make a secret of any value.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.root: Node | None = None
        self.reach = 0
        self.complete = False
        self.vast = False
        self.size = 0
        self.duplicates: list[tuple[int, str]] = []
        self.open_keys: list[str] = []
        self.last_key = ""
        self.aside: list[tuple[Node, bool]] = []
        self._read()

    def _read(self) -> None:
        raise NotImplementedError

    def covers(self, offset: int) -> bool:
        """Tell whether it is known where in the document an offset, such as that of a line, is.

        >>> from dispatch.config.outline_yaml import YamlOutline
        >>> YamlOutline("a: 1\\n--- {b: 2}").covers(5)
        False
        """
        if self.vast:
            return False
        if offset <= self.reach:
            return not self.complete or offset < self.reach
        return not self.complete and _GAP.fullmatch(self.text, self.reach, offset) is not None

    def find(self, path: Sequence[Step]) -> list[Child]:
        """Follow a path as far as it leads: the root, then one child for each step.

        >>> from dispatch.config.outline_yaml import YamlOutline
        >>> text = "models:\\n  - model: gpt-4o\\n"
        >>> found = YamlOutline(text).find(("models", 0, "nope"))
        >>> [child.node.start for child in found]
        [0, 10, 12]
        """
        if self.root is None or self.vast:
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
                yield node, secret and not self._refers(node)
            todo += [
                (child.node, secret or (isinstance(key, str) and is_secret(key)))
                for key, child in node.children.items()
            ]

    def _refers(self, node: Node) -> bool:
        """Tell whether a value is a reference to the environment, which tells what to mend."""
        return is_reference(self.text[node.start : node.end].strip("\"'"))

    def _child(self, parent: Node | None, step: Step, key: int, node: Node) -> Node:
        """Hang a node into the tree before it is read, so that a broken text keeps it."""
        self._count(1)
        if parent is None:
            self.root = node
        else:
            if step in parent.children:
                if len(self.duplicates) == MOST_FAULTS:
                    raise Stop
                self.duplicates.append((key, str(step)))
                self.aside.append((parent.children[step].node, self._in_secret()))
            parent.children[step] = Child(key, node)
        self.reach = max(self.reach, node.end)
        return node

    def _count(self, values: int) -> None:
        self.size += values
        if self.size > MAX_OUTLINED:
            self.vast = True
            raise Stop

    def _note_key(self, key: str, start: int, end: int) -> None:
        """Put a key aside that holds a secret itself: a mapping, or a URL, in quotes."""
        self.last_key = key
        if redact_key(key) != key:
            self.aside.append((Node(start, end), True))

    def _in_secret(self) -> bool:
        return any(map(is_secret, self.open_keys))

    def may_go_on_with_secret(self) -> bool:
        """Tell whether what follows a text that broke off may be part of a secret."""
        return self._in_secret() or is_secret(self.last_key)


class Stop(Exception):  # noqa: N818  # no error
    """The text is followed no further."""
