"""The shape of YAML texts, read from the events of the parser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dispatch.config.outline import Child, Kind, Node, Outline, Stop
from dispatch.config.slips import MAX_DEPTH
from dispatch.errors import Step

__all__ = ["YamlOutline"]


class YamlOutline(Outline):
    """The shape of a YAML text."""

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
            self.complete = True
        except (yaml.YAMLError, Stop):
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
            raise Stop
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
                self._count(len(merged))
            else:
                self._value(self.next(), node, key, at, depth)
        self.open_keys.pop()
        node.children = merged | node.children
        node.end = self.reach = event.end_mark.index

    def _key(self, event: Any, depth: int) -> str:
        if isinstance(event, self.yaml.ScalarEvent):
            self.reach = event.end_mark.index
            self._note_key(event.value, event.start_mark.index, self.reach)
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
