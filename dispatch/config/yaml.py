"""YAML, read strictly: duplicate keys, cycles and alias bombs are problems with a position.

libyaml composes the nodes if PyYAML was built with it. They are turned into values here, because
PyYAML silently keeps the last of two equal keys, and follows an alias into itself.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import yaml
from yaml import MappingNode, Node, ScalarNode

from dispatch.redaction import redact_key

__all__ = ["MAX_REPEATED", "Problem", "compose", "duplicate_key", "find_duplicates", "find_pitfall",
           "read_yaml"]  # fmt: skip

MAX_REPEATED = 1_000_000
"""How many values aliases may repeat, all in all: a few lines could ask for billions."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_STR, _MERGE = f"{_TAG}str", f"{_TAG}merge"
_COLLECTIONS = {f"{_TAG}map", f"{_TAG}seq"}
_STRINGS = {_STR, _MERGE, f"{_TAG}value"}  # << and = are no more than that where no key is
_SCALARS = {f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "binary", "timestamp")}


class Problem(NamedTuple):
    """What is wrong with the text of a file, at an offset, or None for the whole file."""

    offset: int | None
    message: str
    hint: str = ""
    code: str = "syntax"


def duplicate_key(offset: int | None, key: object) -> Problem:
    """Return the problem of a duplicate key."""
    message = f"duplicate key {redact_key(key)!r}" if isinstance(key, str) else "duplicate key"
    return Problem(offset, message, "keep one: the first would be lost silently", "duplicate-key")


@contextmanager
def _paused_gc() -> Iterator[None]:
    """Pause garbage collection: over many new nodes it takes four times as long as the rest."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


# What JSON may hold and YAML not: both halves of a character, and control characters.
_JSON_ONLY = rf"\\u[dD][89abAB]..\\u....|{yaml.reader.Reader.NON_PRINTABLE.pattern}"


@_paused_gc()
def compose(text: str, format: str = "yaml") -> Node | None:
    """Return the root node of a document; None for an empty one, and for JSON that is no YAML.

    Raises `yaml.YAMLError` for YAML that does not parse.
    """
    if format == "json":
        text = re.sub(_JSON_ONLY, lambda match: "_" * len(match[0]), text)
    try:
        return yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError:
        if format == "json":
            return None
        raise


@_paused_gc()
def read_yaml(text: str, root: Node | None = None) -> tuple[Any, list[Problem]]:
    r"""Read a document into plain containers, None if it is empty; also return all problems.

    `root` is what `compose` returned for the text, if that was called before.

    >>> read_yaml("defaults: &d {temperature: 0}\nmodel: {<<: *d, model: gpt-4o}")[0]
    {'defaults': {'temperature': 0}, 'model': {'temperature': 0, 'model': 'gpt-4o'}}
    """
    reader = _Reader(text)
    try:
        root = root or compose(text)
        return (None if root is None else reader.build(root)), reader.problems
    except yaml.YAMLError as error:
        return None, [_explain(error, text)]
    except RecursionError:
        return None, [Problem(None, "nested too deep", code="too-deep")]


def find_duplicates(text: str) -> list[Problem]:
    """Return the keys of a JSON document that their objects have already."""
    root = compose(text, "json")
    problems = [] if root is None else read_yaml(text, root)[1]
    return [problem for problem in problems if problem.code == "duplicate-key"]


class _Reader:
    """Builds values from nodes, and gathers all problems with them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[Problem] = []
        self.built: dict[Node, tuple[Any, int]] = {}  # each collection, and how much it holds
        self.count = self.repeated = 0
        self.loader = _LOADER("")

    def add(self, offset: int | None, message: str, hint: str = "", code: str = "syntax") -> None:
        self.problems.append(Problem(offset, message, hint, code))

    def build(self, node: Node) -> Any:
        if isinstance(node, ScalarNode):
            return node.value if node.tag in _STRINGS else self.build_scalar(node)
        if node in self.built:
            return self.build_alias(node)
        if node.tag not in _COLLECTIONS:
            self.add_tag(node)
        self.built[node] = None, 0
        before = self.count
        self.count += len(node.value) + 1
        if isinstance(node, MappingNode):
            value: Any = self.build_mapping(node)
        else:
            value = [self.build(item) for item in node.value]
        self.built[node] = value, self.count - before
        return value

    def build_alias(self, node: Node) -> Any:
        value, size = self.built[node]
        if not size:  # it is still open; its anchor is written at its start
            start = node.start_mark.index
            anchor = re.compile(r"(?:!\S*\s+)?&([^\s,\[\]{}]+)").match(self.text, start)
            at = self.text.find(f"*{anchor[1]}", start) if anchor else start
            self.add(at, "this alias is inside the value it repeats", code="cycle")
        self.count += size
        self.repeated += size
        if self.repeated <= MAX_REPEATED:
            return value
        if self.repeated - size <= MAX_REPEATED:
            message = f"aliases repeat more than {MAX_REPEATED:,} values"
            self.add(None, message, "write fewer aliases of aliases", "alias-bomb")
        return type(value)()

    def build_mapping(self, node: MappingNode) -> dict[Any, Any]:
        own: dict[Any, Any] = {}
        merged: dict[Any, Any] | None = None
        for key_node, value_node in node.value:
            at = key_node.start_mark.index
            if key_node.tag == _MERGE:
                if merged is not None:
                    hint = "write one with a list: <<: [*one, *other]"
                    self.add(at, "a second merge key", hint, "duplicate-key")
                merged = self.build_merged(key_node, value_node)
                continue
            if not isinstance(key_node, ScalarNode):
                hint = "quote a string that starts with '{{'" if self.text[at - 1] == "{" else ""
                self.add(at, "a key must be a string, not a list or a mapping", hint, "wrong-key")
                continue
            key = self.build(key_node)
            if key in own:
                self.problems.append(duplicate_key(at, key))
            own[key] = self.build(value_node)
        return {**(merged or {}), **own}

    def build_merged(self, key: Node, node: Node) -> dict[Any, Any]:
        value = self.build(node)
        merged: dict[Any, Any] = {}
        for mapping in reversed(value) if isinstance(value, list) else (value,):  # the first wins
            if isinstance(mapping, dict):
                merged |= mapping
            else:
                after, at = key.end_mark.index, node.start_mark.index
                at = at if at >= after else self.text.find("*", after)
                hint = "merge a mapping, or a list of mappings: <<: *defaults"
                self.add(at, "'<<' merges what is not a mapping", hint, "wrong-merge")
        return merged

    def build_scalar(self, node: ScalarNode) -> Any:
        if node.tag not in _SCALARS:
            return self.add_tag(node)
        name = node.tag.removeprefix(_TAG)
        try:
            return self.loader.yaml_constructors[node.tag](self.loader, node)
        except Exception:  # each of PyYAML's constructors fails in its own way
            what = f"looks like a YAML {name}, but cannot be read as one"
            return self.add(node.start_mark.index, what, "quote it")

    def add_tag(self, node: Node) -> None:
        hint = "remove the tag, or quote a string that starts with '!'"
        if re.fullmatch("!env(_?var)?", node.tag, re.IGNORECASE):
            name = re.fullmatch(r"\$?\{?([A-Z_][A-Z\d_]*)\}?", str(node.value))
            hint = f"write os.environ/{name[1] if name else 'NAME'}"
        self.add(node.start_mark.index, "a tag that configurations do not support", hint)


# What libyaml says, where that holds only before certain characters, and what a person can do.
_ADVICE = (
    (r"another document", "", "a second document starts here", "keep one document in a file"),
    (r"undefined alias", "", "no anchor has the name of this alias",
     "define it further up with &, or quote a string that starts with *"),
    (r"duplicate anchor", "", "this anchor is defined twice", "rename one of them"),
    (r"maximum nesting", "", "nested too deep", ""),
    (r"tab|token", "\t", "a tab where YAML allows only spaces", "indent with spaces"),
    (r"token", "@`%", "a string cannot start with this character", "quote it"),
    (r"mapping values", "", "a key cannot appear here", "quote a string that contains ': '; else a "
     "line above lacks its colon, or this one is indented too far"),
    (r"sequence entries", "", "a list cannot start here", "put '- ' on a line of its own"),
    (r"could not find expected ':'", "", "a key without its colon", "write 'key: value'"),
    (r"quoted scalar.*escape", "", "an escape that YAML does not know",
     "use single quotes, or double the backslash"),
    (r"quoted scalar", "", "this quote is never closed", "close it"),
    (r"flow (sequence|mapping)", "", "a comma or a closing bracket is missing",
     "close what [ or { opens"),
    (r"block (collection|mapping)", "", "this does not line up with what is above",
     "check the indentation, and for text after a closing quote"),
    (r"node content", "", "a value cannot start with this character", "quote it"),
    (r"tag|directive", "", "a tag or directive that YAML does not know", "quote the string"),
    (r"alphabetic", "", "expected a name after & or *", "quote a string that starts with & or *"),
)  # fmt: skip
# Reported not where it was noticed, but where it starts: an open quote, a key without its colon.
_STARTS_BEFORE = "quoted scalar|simple key|an alias|an anchor"


def _explain(error: yaml.YAMLError, text: str) -> Problem:
    """Describe what PyYAML found, without quoting the text as PyYAML does."""
    unprintable = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if isinstance(error, yaml.reader.ReaderError) and unprintable:
        message = f"the character U+{ord(unprintable[0]):04X} is not allowed in YAML"
        return Problem(unprintable.start(), message, "remove it")
    said = f"{getattr(error, 'context', '')} {getattr(error, 'problem', '')}"
    marks = [getattr(error, name, None) for name in ("problem_mark", "context_mark")]
    if re.search(_STARTS_BEFORE, said) and "escape" not in said:
        marks.reverse()
    offset = next((mark.index for mark in marks if mark), 0)
    for pattern, before, message, hint in _ADVICE:
        if re.search(pattern, said) and (not before or text[offset : offset + 1] in before):
            return Problem(offset, f"invalid YAML: {message}", hint)
    return Problem(offset, "invalid YAML")


_EXPONENT = r"(?P<base>[-+]?\d+(?:\.\d*)?)[eE](?P<sign>[-+]?)(?P<power>\d+)"
_OCTAL = r"[-+]?0[0-7_]+"
_SEXAGESIMAL = r"[-+]?[1-9][\d_]*(?::[0-5]?\d)+(?:\.\d*)?"


def find_pitfall(node: Node) -> tuple[str, str, str] | None:
    """Return a value that YAML 1.1 misreads, how it reads it, and how to write it instead.

    >>> find_pitfall(compose("1e-7"))
    ('1e-7', 'a string, YAML 1.2 as a number', 'write 1.0e-7, or quote it')
    """
    if not isinstance(node, ScalarNode) or node.style:
        return None
    written = node.value
    if (number := re.fullmatch(_EXPONENT, written)) and node.tag == _STR:
        base = number["base"] if "." in number["base"] else f"{number['base']}.0"
        right = f"{base}e{number['sign'] or '+'}{number['power']}"
        return written, "a string, YAML 1.2 as a number", f"write {right}, or quote it"
    if re.fullmatch(_OCTAL, written) and written.strip("+-0_"):
        right = re.sub("^([-+]?)[0_]+", r"\1", written)
        return written, "an octal number", f"write {right}, or quote it"
    if re.fullmatch(_SEXAGESIMAL, written):
        return written, "a number in base 60", "quote it"
    return None
