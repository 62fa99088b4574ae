"""YAML, read strictly in one pass over the events of the C parser.

PyYAML's own loader keeps the last of two equal keys, follows an alias into itself, and leaves a
deeply nested text to the stack. Reading the events instead costs no more, and each of these ends
in a `Slip` that knows its offset in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from typing import Any, NoReturn

import yaml
from yaml import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent

from dispatch.config.slips import (
    MAX_DEPTH,
    Slip,
    SlipError,
    duplicate,
    most_values,
    too_deep,
    too_many,
)
from dispatch.errors import MOST_FAULTS

__all__ = ["MAX_PLAIN", "MAX_REPEATED", "read_yaml"]

MAX_REPEATED = 250_000
"""How many values aliases may repeat, all in all: a few lines could ask for billions."""

MAX_PLAIN = 400
"""How long a number may be: PyYAML takes a time that is quadratic in it for one such as 1:1:1."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TAG = "tag:yaml.org,2002:"
_COLLECTIONS = {None, "!", f"{_TAG}map", f"{_TAG}seq"}
_TEXTS = {f"{_TAG}{name}" for name in ("str", "value", "merge")}
_NUMBERS = {f"{_TAG}int", f"{_TAG}float"}
_MERGE = "<<"
_OPEN: Any = object()  # stands for an anchored collection whose end is not read yet


def read_yaml(text: str) -> Any:
    """Read a YAML document into plain containers; None for an empty one.

    >>> read_yaml("defaults: &d {temperature: 0}\\nmodel: {<<: *d, model: gpt-4o}")
    {'defaults': {'temperature': 0}, 'model': {'temperature': 0, 'model': 'gpt-4o'}}

    Raises `SlipError`.
    """
    try:
        reader = _Reader(text)
        data = reader.document()
    except yaml.YAMLError as error:
        slips = [_explain(error, text)]
    except RecursionError:
        slips = [too_deep()]
    else:
        slips = reader.slips
    if slips:
        raise SlipError(slips)
    return data


class _Reader:
    """Builds values from events. `slips` gathers what is wrong but lets the reading go on."""

    def __init__(self, text: str) -> None:
        self.loader = LOADER(text)
        self.next: Callable[[], Any] = self.loader.get_event
        self.slips: list[Slip] = []
        self.plain: dict[str, Any] = {}  # what each plain text stands for
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.count = 0  # of values, those that aliases repeat included
        self.repeated = 0
        self.most = most_values(text)

    def document(self) -> Any:
        self.next()  # the start of the stream
        if type(self.next()) is yaml.StreamEndEvent:
            return None
        data = self._value(self.next(), 0)
        self.next()  # the end of the document
        extra = self.next()
        if type(extra) is not yaml.StreamEndEvent:
            message = "a second document starts here"
            self._slip(extra, message, "keep one document a file")
        return data

    def _value(self, event: Any, depth: int) -> Any:
        kind = type(event)
        if kind is AliasEvent:
            return self._alias(event)
        self.count += 1
        if self.count - self.repeated > self.most:
            self._stop(too_many(self.most))
        anchor = event.anchor
        if kind is ScalarEvent:
            value = self._scalar(event)
            if anchor is not None:
                self.anchors[anchor] = value, 1
            return value
        if depth >= MAX_DEPTH:
            self._stop(too_deep(event.start_mark.index))
        if event.tag not in _COLLECTIONS:
            self._slip(event, "has a tag that a configuration does not take", "leave the !tag out")
        before = self.count
        if anchor is not None:
            self.anchors[anchor] = _OPEN, 0
        read = self._mapping if kind is MappingStartEvent else self._sequence
        value = read(depth + 1)
        if anchor is not None:
            self.anchors[anchor] = value, self.count - before + 1
        return value

    def _sequence(self, depth: int) -> list[Any]:
        items = []
        while type(event := self.next()) is not SequenceEndEvent:
            items.append(self._value(event, depth))
        return items

    def _mapping(self, depth: int) -> dict[Any, Any]:
        own: dict[Any, Any] = {}
        merged: dict[Any, Any] | None = None
        while type(event := self.next()) is not MappingEndEvent:
            key = self._value(event, depth)
            if key == _MERGE and event.implicit[0]:
                if merged is not None:
                    hint = "write one with a list: <<: [*one, *other]"
                    self._slip(event, "a second merge key", hint, "duplicate-key")
                merged = self._merged(self.next(), depth)
                continue
            if not isinstance(key, Hashable):
                self._slip(event, "a key must be a text, not a list or a mapping", "", "wrong-key")
                key = None
            if key in own:
                self._note(duplicate(event.start_mark.index, key))
            own[key] = self._value(self.next(), depth)
        return own if merged is None else merged | own

    def _merged(self, event: Any, depth: int) -> dict[Any, Any]:
        value = self._value(event, depth)
        merged: dict[Any, Any] = {}
        for mapping in reversed(value) if isinstance(value, list) else (value,):  # the first wins
            if isinstance(mapping, dict):
                merged |= mapping
            else:
                hint = "merge a mapping, or a list of mappings: <<: *defaults"
                self._slip(event, "'<<' merges what is no mapping", hint, "wrong-merge")
        return merged

    def _alias(self, event: Any) -> Any:
        at = event.start_mark.index
        value, weight = self.anchors.get(event.anchor, (None, 0))
        if not weight:
            if value is _OPEN:
                self._stop(Slip(at, "this alias stands inside of what it repeats", "", "cycle"))
            hint = "define it further up with &, or quote a text that starts with *"
            self._stop(Slip(at, "nothing is anchored under this alias", hint, "unknown-alias"))
        self.count += weight
        self.repeated += weight
        if self.repeated > MAX_REPEATED:
            message = f"aliases repeat more than {MAX_REPEATED:,} values"
            self._stop(Slip(at, message, "write fewer aliases of aliases", "alias-bomb"))
        return value

    def _scalar(self, event: Any) -> Any:
        text = event.value
        if event.tag is not None and event.tag != "!":
            return self._tagged(event, event.tag, text)
        if not event.implicit[0]:
            return text
        try:
            return self.plain[text]
        except KeyError:
            tag = self.loader.resolve(yaml.ScalarNode, text, event.implicit)
            value = self.plain[text] = self._tagged(event, tag, text)
            return value

    def _tagged(self, event: Any, tag: str, text: str) -> Any:
        if tag in _TEXTS:
            return text
        construct = self.loader.yaml_constructors.get(tag)
        if len(text) > MAX_PLAIN and tag in _NUMBERS:
            return self._slip(event, "a number is too long", "quote it")
        if construct is None or tag in _COLLECTIONS:
            hint = "quote a text that starts with '!'"
            return self._slip(event, "has a tag that a configuration does not take", hint)
        try:
            return construct(self.loader, yaml.ScalarNode(tag, text))
        except Exception:  # each of PyYAML's constructors fails in ways of its own
            what = tag.removeprefix(_TAG)
            return self._slip(event, f"looks like a YAML {what}, but is none", "quote it")

    def _slip(self, event: Any, message: str, hint: str = "", code: str = "") -> None:
        self._note(Slip(event.start_mark.index, message, hint, code))

    def _note(self, slip: Slip) -> None:
        if len(self.slips) == MOST_FAULTS:
            raise SlipError(self.slips)
        self.slips.append(slip)

    def _stop(self, slip: Slip) -> NoReturn:
        raise SlipError([*self.slips, slip])


# What libyaml says, where that holds only before certain characters, and what a person can do.
_ADVICE = (
    (r"tab|token", "\t", "a tab where YAML takes spaces only", "indent with spaces"),
    (r"token", "@`%", "a text cannot start with this character", "quote it"),
    (r"mapping values", "", "a key cannot stand here", "quote a text that holds ': '; else a "
     "line above lacks its colon, or this one is indented too far"),
    (r"sequence entries", "", "a list cannot start here", "put '- ' on a line of its own"),
    (r"could not find expected ':'", "", "a key without its colon", "write 'key: value'"),
    (r"quoted scalar.*escape", "", "an escape that YAML does not know",
     "use single quotes, or double the backslash"),
    (r"quoted scalar", "", "this quote is never closed", "close it"),
    (r"flow (sequence|mapping)", "", "a comma or a closing bracket is missing",
     "close what [ or { opens"),
    (r"block (collection|mapping)", "", "this does not line up with what stands above",
     "check the indentation, and for text after a closing quote"),
    (r"node content", "", "a value cannot start with this character", "quote it"),
    (r"tag|directive", "", "a tag or directive that YAML does not know", "quote the text"),
    (r"alphabetic", "", "expected a name after & or *", "quote a text that starts with & or *"),
)  # fmt: skip


# Not where it was noticed, but where it starts: at an open quote, a key without colon, an alias.
_STARTS_BEFORE = re.compile("quoted scalar|simple key|an alias|an anchor")


def _explain(error: yaml.YAMLError, text: str) -> Slip:
    """Say what PyYAML found in words of our own: its own would repeat what stands there."""
    unprintable = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if isinstance(error, yaml.reader.ReaderError) and unprintable:
        message = f"the character U+{ord(unprintable[0]):04X} is not allowed in YAML"
        return Slip(unprintable.start(), message, "remove it")
    said = f"{getattr(error, 'context', '')} {getattr(error, 'problem', '')}"
    marks = [getattr(error, name, None) for name in ("problem_mark", "context_mark")]
    if _STARTS_BEFORE.search(said) and "escape" not in said:
        marks.reverse()
    offset = next((mark.index for mark in marks if mark), 0)
    for pattern, before, message, hint in _ADVICE:
        if re.search(pattern, said) and (not before or text[offset : offset + 1] in before):
            return Slip(offset, f"invalid YAML: {message}", hint)
    return Slip(offset, "invalid YAML")
