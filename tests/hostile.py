"""Files that were written to do harm, or by a broken program: a table of their makers.

Each is as large as it is asked to be, and wrong somewhere: it must end in an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

__all__ = ["HOSTILE", "VALID", "Hostile"]


class Hostile(NamedTuple):
    """A file by its name, whose suffix is the format, and what makes its text of a size."""

    name: str
    make: Callable[[int], str]


def filled(unit: str, before: str = "", after: str = "") -> Callable[[int], str]:
    """Make texts that repeat one part, in which `%d` is its number, between two others."""

    def make(size: int) -> str:
        room = size - len(before) - len(after)
        if "%d" not in unit:
            return before + unit * (room // len(unit)) + after
        return before + "".join(_numbered(unit, room)) + after

    return make


def _numbered(unit: str, room: int) -> Iterator[str]:
    for number in count():
        part = unit.replace("%d", str(number))
        room -= len(part)
        if room < 0:
            return
        yield part


def nested(opened: str, middle: str, closed: str) -> Callable[[int], str]:
    """Make texts that open what they close again, as deep as their size allows."""

    def make(size: int) -> str:
        depth = (size - len(middle)) // len(opened + closed)
        return opened * depth + middle + closed * depth

    return make


def levels(first: str, level: str) -> Callable[[int], str]:
    """Make texts of eight anchors, each of which repeats the one above: `%a` in `%b`."""

    def make(size: int) -> str:
        lines = [first]
        for above, here in zip("abcdefgh", "bcdefghi", strict=True):
            lines.append(level.replace("%a", f"*{above}").replace("%b", here))
        return "\n".join(lines)

    return make


def stairs(size: int) -> str:
    """Indent each line by one more space."""
    return "".join(" " * level + "a:\n" for level in range(int((2 * size) ** 0.5) - 3))


YAML_MODEL = """\
  - name: model-%d
    model: openai/gpt-4o
    api_key: os.environ/OPENAI_API_KEY
    temperature: 0.5
    roles: [chatcompletions, {postcompletions: review it}]
"""
JSON_MODEL = """\
  {"name": "model-%d", "model": "openai/gpt-4o", "api_key": "os.environ/OPENAI_API_KEY",
   "temperature": 0.5, "roles": ["chatcompletions", {"postcompletions": "review it"}]},
"""
TOML_MODEL = """\
[[models]]
name = "model-%d"
model = "openai/gpt-4o"
api_key = "os.environ/OPENAI_API_KEY"
roles = ["chatcompletions", {postcompletions = "review it"}]
"""
WIDE = "{" + ", ".join(f"k{number}: 1" for number in range(20)) + "}"
JSON_LAST = '  {"model": "last"}\n]}'

VALID = {
    "yaml": filled(YAML_MODEL, "models:\n"),
    "json": filled(JSON_MODEL, '{"models": [\n', JSON_LAST),
    "toml": filled(TOML_MODEL),
}
"""Valid files, for each format."""

YAML = {
    # Valid for long, and then wrong; or the reverse.
    "wrong-end": filled(YAML_MODEL, "models:\n", " x: ["),
    "wrong-start": filled(YAML_MODEL, "x: y: z\nmodels:\n"),
    "fault-end": filled(YAML_MODEL, "models:\n", "  - {model: m, roles: [undeclared]}\n"),
    "crlf": filled(YAML_MODEL.replace("\n", "\r\n"), "models:\r\n", " x: ["),
    "control": filled(YAML_MODEL, "models:\n", "\x1b"),
    "line-open": filled("x, ", "models: ["),
    "line-maps": filled("{},", "models: [", "]"),
    "line-pairs": filled("a%d: some text, ", "models: [{", "}] ]"),
    "line-quoted": filled("'',", "models: [", "'"),
    "line-keys": filled("k: ", ""),
    "urls": filled('"https:\\/\\/me:pw@h", ', "a: [", "\x1b"),
    "comments": filled("# api_key: x\n", "", "a: ["),
    "blank": filled("\n", "", "a: ["),
    "spaces": filled(" ", "a:", "]"),
    # Many faults.
    "duplicates": filled("a: 1\n"),
    "secret-duplicates": filled("api_key: sk-%d, ", "{", "}"),
    "undeclared": filled("- {model: one of many, roles: [undeclared %d]}\n", "models:\n"),
    "undeclared-map": filled("undeclared-%d: a task, ", "models: [{model: m, roles: {", "}}]"),
    "undeclared-near": filled("chatcompletion%d, ", "models: [{model: m, roles: [", "]}]"),
    "no-model-near": filled("modle%d: a text, ", "models: [{", "}]"),
    "aliases": filled("*m,", "a: &m {x: y}\nmodels: [", "]"),
    "wrong-keys": filled("%d: some text, ", "models: [{", "}]"),
    "tags": filled("!x 1, ", "a: [", "]"),
    # One thing that is too long, too deep, or too often.
    "bomb": levels(f"a: &a [{'x, ' * 9}]", f"%b: &%b [{'%a, ' * 9}]"),
    "merges": levels("a: &a {k1: 1, k2: 2}", f"%b: &%b {{<<: [{'%a, ' * 99}]}}"),
    "cycle": lambda _: "a: &a\n  b: &b [*a, *b]\n",
    "cycle-merge": lambda _: "a: &a\n  <<: *a\n",
    "merge-keys": filled("<<: {}, ", "a: {", "}"),
    "merge-wide": filled("- {<<: *d, roles: x}\n", f"d: &d {WIDE}\nmodels:\n"),
    "anchors": filled("&a%d ,", "a: [", "]]"),
    "flow": filled("[", "a: "),
    "block": filled("- "),
    "keys": filled("? "),
    "stairs": stairs,
    "flow-closed": nested("[", "", "]"),
    "digits": filled("9", "a: "),
    "colons": filled("1:", "a: ", "1"),
    "dates": filled("9999-99-99, ", "a: [", "]"),
    "word": filled("x", "models: [{model: m, roles: [", "]}]"),
    "key": filled("x", "models: [{? ", " : x}]"),
    "escapes": filled("\\n", 'a: "', "\\q"),
    "folded": filled(" x\n", "a: >\n", "]"),
    "nul": filled("\0"),
    "documents": filled("---\n"),
}  # fmt: skip

JSON = {
    "wrong-end": filled(JSON_MODEL, '{"models": [\n', " x"),
    "fault-end": filled(JSON_MODEL, '{"models": [\n', '{"model": "m", "roles": "undeclared"}]}'),
    "line-items": filled("1,", '{"models": [', "1]"),
    "line-open": filled("1,", '{"models": ['),
    "urls": filled('"https:\\/\\/me:pw@h",', '{"a": [', "x"),
    "duplicates": filled('"a":1,', "{", '"b":1}'),
    "duplicates-end": filled('"a%d":1,', "{", '"a0":1}'),
    "secret-duplicates": filled('"api_key":"sk-%d",', "{", '"b":1}'),
    "undeclared-map": filled('"r%d":"",', '{"models": [{"model":"m","roles":{', '"x":""}}]}'),
    "no-model": filled('{"x":1},', '{"models": [', "{}]}"),
    "surrogates": filled("\\ud83d\\ude00", '{"a":"', '\\ud83d"}'),
    "flow": filled("[", '{"a":'),
    "flow-closed": nested('{"a":', "1", "}"),
    "digits": filled("9", '{"a":', "}"),
    "many-digits": filled("9" * 4000 + ",", '{"models": [', "1]}"),
    "spaces": filled(" ", '{"a":', "x"),
    "quotes": filled('"'),
    "nan": filled("1,", '{"a": [', "NaN]}"),
}

TOML = {
    "wrong-end": filled(TOML_MODEL, "", "x = ["),
    "fault-end": filled(TOML_MODEL, "", "[[models]]\nmodel = 'm'\nroles = 'undeclared'\n"),
    "crlf": filled(TOML_MODEL.replace("\n", "\r\n"), "", "x = ["),
    "tables-twice": filled("[a%d]\n", "", "[a0]"),
    "tables-deep": filled("[" + "a." * 98 + "a%d]\n", "", "x"),
    "arrays-deep": filled("[[" + "a." * 98 + "a]]\n", "", "x"),
    "dotted": filled("a." * 98 + "a%d = 1\n", "", "x"),
    "dotted-inline": filled("a." * 98 + "a%d = 1, ", "x = {", "x = 1"),
    "line-open": filled("1,", "models = ["),
    "pairs-twice": filled("a%d=1,", "models = {", "a0=1}"),
    "duplicates-end": filled("a%d=1\n", "", "a0=1"),
    "undeclared": filled("[[models]]\nmodel='m'\nroles='undeclared%d'\n"),
    "no-model": filled("[[models]]\n"),
    "flow-closed": nested("[", "1", "]"),
    "digits": filled("9", "a = "),
    "dates": filled("1979-05-27T07:32:00Z,", "a = [", "x"),
    "quote": filled("\\n", 'a = """', '\\q"""'),
    "quoted-keys": filled('"\\u0061%d"=1\n', "", "x"),
}

HOSTILE = [
    Hostile(f"{name}.{suffix}", make)
    for suffix, makers in {"yaml": YAML, "json": JSON, "toml": TOML}.items()
    for name, make in makers.items()
]
