"""Files that somebody wrote to do harm, or a program wrote by mistake: a table of their makers.

Each is as large as it is asked to be, and wrong somewhere. The tests show that each ends in an
error, in bounded memory; the benchmarks, how long that takes beside a right file of its size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

__all__ = ["HOSTILE", "VALID", "Hostile"]


class Hostile(NamedTuple):
    """A file by its name, whose suffix tells the format, and what makes its text of a size."""

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
WIDE = "{" + ", ".join(f"k{number}: 1" for number in range(50)) + "}"
JSON_LAST = '  {"model": "last"}\n]}'

VALID = {
    "yaml": filled(YAML_MODEL, "models:\n"),
    "json": filled(JSON_MODEL, '{"models": [\n', JSON_LAST),
    "toml": filled(TOML_MODEL),
}
"""Right files, for each format."""

YAML = {
    # Right for long, and then wrong.
    "wrong-end": filled(YAML_MODEL, "models:\n", " x: ["),
    "wrong-start": filled(YAML_MODEL, "x: y: z\nmodels:\n"),
    "fault-end": filled(YAML_MODEL, "models:\n", "  - {model: m, roles: [nobody]}\n"),
    "fault-start": filled(YAML_MODEL, "models:\n  - {model: m, roles: [nobody]}\n"),
    "crlf": filled(YAML_MODEL.replace("\n", "\r\n"), "models:\r\n", " x: ["),
    "cr": filled(YAML_MODEL.replace("\n", "\r"), "models:\r", " x: ["),
    "control": filled(YAML_MODEL, "models:\n", "\x1b"),
    "line-control": filled("x, ", "models: [", "]\x1b"),
    "line-control-first": filled("x, ", "models: [\x1b", "]"),
    "line-open": filled("x, ", "models: ["),
    "line-maps": filled("{},", "models: [", "]"),
    "line-pairs": filled("a%d: some text, ", "models: [{", "}] ]"),
    "line-quoted": filled("'',", "models: [", "'"),
    "line-keys": filled("k: ", ""),
    "urls": filled('"https:\\/\\/me:pw@h", ', "a: [", "\x1b"),
    "tiny": filled("- \n", "", "x: ["),
    "lines": filled("a%d: some text\n", "", "]"),
    "comments": filled("# api_key: x\n", "", "a: ["),
    "comment": filled("#", "", "\na: ["),
    "blank": filled("\n", "", "a: ["),
    "spaces": filled(" ", "a:", "]"),
    # Many faults.
    "duplicates": filled("a: 1\n"),
    "line-duplicates": filled("a: 1, ", "{", "}"),
    "secret-duplicates": filled("api_key: sk-%d, ", "{", "}"),
    "undeclared": filled("- {model: one of many, roles: [nobody in particular %d]}\n", "models:\n"),
    "undeclared-one": filled("r%d, ", "models: [{model: m, roles: [", "]}]"),
    "undeclared-map": filled("nobody-%d: a task, ", "models: [{model: m, roles: {", "}}]"),
    "undeclared-near": filled("chatcompletion%d, ", "models: [{model: m, roles: [", "]}]"),
    "no-model": filled("- {name: one that has no model %d}\n", "models:\n"),
    "no-model-near": filled("modle%d: a text, ", "models: [{", "}]"),
    "no-mapping": filled("- x\n", "models:\n"),
    "aliases": filled("*m,", "a: &m {x: y}\nmodels: [", "]"),
    "aliases-few": lambda size: YAML["aliases"](size // 4),
    "line-models": filled("{x: y},", "models: [", "]"),
    "wrong-keys": filled("%d: some text, ", "models: [{", "}]"),
    "tags": filled("!x 1, ", "a: [", "]"),
    # One thing that is too long, too deep, or too often.
    "bomb": levels(f"a: &a [{'x, ' * 9}]", f"%b: &%b [{'%a, ' * 9}]"),
    "merges": levels("a: &a {k1: 1, k2: 2}", f"%b: &%b {{<<: [{'%a, ' * 99}]}}"),
    "cycle": lambda _: "a: &a\n  b: &b [*a, *b]\n",
    "cycle-merge": lambda _: "a: &a\n  <<: *a\n",
    "merge-keys": filled("<<: {}, ", "a: {", "}"),
    "merge-wide": filled("- {<<: *d, model: x}\n", f"d: &d {WIDE}\nmodels:\n"),
    "anchors": filled("&a%d ,", "a: [", "]]"),
    "anchors-one": filled("&a ", "a: "),
    "flow": filled("[", "a: "),
    "maps": filled("{a: ", "a: "),
    "block": filled("- "),
    "keys": filled("? "),
    "stairs": stairs,
    "flow-closed": nested("[", "", "]"),
    "digits": filled("9", "a: "),
    "colons": filled("1:", "a: ", "1"),
    "dates": filled("9999-99-99, ", "a: [", "]"),
    "word": filled("x", "models: [{model: m, roles: [", "]}]"),
    "key": filled("x", "models: [{model: m, roles: {", ": {}}}]"),
    "long-keys": filled("x", "models: [{? ", " : x}]"),
    "escapes": filled("\\n", 'a: "', "\\q"),
    "quote": filled("''", "a: '"),
    "folded": filled(" x\n", "a: >\n", "]"),
    "nul": filled("\0"),
    "indicators": filled("%"),
    "documents": filled("---\n"),
    "bools": filled("yes: no, ", "models: [{", "}]"),
}  # fmt: skip

JSON = {
    "wrong-end": filled(JSON_MODEL, '{"models": [\n', " x"),
    "wrong-start": filled(JSON_MODEL, '{"models": [x\n', JSON_LAST),
    "fault-end": filled(JSON_MODEL, '{"models": [\n', '{"model": "m", "roles": "nobody"}]}'),
    "fault-start": filled(
        JSON_MODEL, '{"models": [{"model": "m", "roles": "nobody"},\n', JSON_LAST
    ),
    "cr": filled(JSON_MODEL.replace("\n", "\r"), '{"models": [\r', " x"),
    "line": filled(JSON_MODEL.replace("\n", ""), '{"models": [', " x"),
    "line-items": filled("1,", '{"models": [', "1]"),
    "line-open": filled("1,", '{"models": ['),
    "line-maps": filled("{},", '{"models": [', "1]}"),
    "line-control": filled("1,", '{"models": [', '"\x1b"]}'),
    "urls": filled('"https:\\/\\/me:pw@h",', '{"a": [', "x"),
    "duplicates": filled('"a":1,', "{", '"b":1}'),
    "duplicates-end": filled('"a%d":1,', "{", '"a0":1}'),
    "secret-duplicates": filled('"api_key":"sk-%d",', "{", '"b":1}'),
    "duplicates-each": filled('{"a":1,"a":1},', '{"a": [', "{}]}"),
    "undeclared": filled('{"model":"m","roles":["nobody%d"]},\n', '{"models": [', "{}]}"),
    "undeclared-one": filled('"r%d",', '{"models": [{"model":"m","roles":[', '"x"]}]}'),
    "undeclared-map": filled('"r%d":"",', '{"models": [{"model":"m","roles":{', '"x":""}}]}'),
    "no-model": filled('{"x":1},', '{"models": [', "{}]}"),
    "no-model-near": filled('"modle%d":1,', '{"models": [{', '"x":1}]}'),
    "surrogates": filled("\\ud83d\\ude00", '{"a":"', '\\ud83d"}'),
    "escapes": filled('\\"', '{"a":"', "\\q"),
    "flow": filled("[", '{"a":'),
    "maps": filled('{"a":'),
    "flow-closed": nested("[", "1", "]"),
    "digits": filled("9", '{"a":', "}"),
    "many-digits": filled("9" * 4000 + ",", '{"models": [', "1]}"),
    "word": filled("x", '{"models": [{"model":"m","roles":["', '"]}]}'),
    "spaces": filled(" ", '{"a":', "x"),
    "bare": filled("x"),
    "quotes": filled('"'),
    "nan": filled("1,", '{"a": [', "NaN]}"),
}

TOML = {
    "wrong-end": filled(TOML_MODEL, "", "x = ["),
    "wrong-start": filled(TOML_MODEL, "x == 1\n"),
    "fault-end": filled(TOML_MODEL, "", "[[models]]\nmodel = 'm'\nroles = 'nobody'\n"),
    "fault-start": filled(TOML_MODEL, "[[models]]\nmodel = 'm'\nroles = 'nobody'\n"),
    "crlf": filled(TOML_MODEL.replace("\n", "\r\n"), "", "x = ["),
    "tables": filled("[a%d]\n", "", "x"),
    "tables-twice": filled("[a%d]\n", "", "[a0]"),
    "tables-deep": filled("[" + "a." * 98 + "a%d]\n", "", "x"),
    "arrays": filled("[[a]]\n", "", "x"),
    "arrays-deep": filled("[[" + "a." * 98 + "a]]\n", "", "x"),
    "dotted": filled("a." * 98 + "a%d = 1\n", "", "x"),
    "dotted-once": filled("a.", "", "a = 1"),
    "header": filled("a.", "[", "a]"),
    "dotted-inline": filled("a." * 98 + "a%d = 1, ", "x = {", "x = 1"),
    "line-items": filled("1,", "models = [", "1]"),
    "line-open": filled("1,", "models = ["),
    "line-maps": filled("{},", "models = [", "x"),
    "line-pairs": filled("a%d=1,", "models = {", "x"),
    "pairs-twice": filled("a%d=1,", "models = {", "a0=1}"),
    "lines": filled("a%d=1\n", "", "x"),
    "duplicates": filled("a=1\n"),
    "duplicates-end": filled("a%d=1\n", "", "a0=1"),
    "undeclared": filled("[[models]]\nmodel='m'\nroles='nobody%d'\n"),
    "undeclared-one": filled("'r%d',", "[[models]]\nmodel='m'\nroles=[", "]"),
    "undeclared-map": filled("r%d='',", "[[models]]\nmodel='m'\nroles={", "x=''}"),
    "no-model": filled("[[models]]\n"),
    "comments": filled("# x\n", "", "x"),
    "blank": filled("\n", "", "x"),
    "spaces": filled(" ", "a =", "x"),
    "flow": filled("[", "a = "),
    "maps": filled("{a = ", "a = "),
    "flow-closed": nested("[", "1", "]"),
    "digits": filled("9", "a = "),
    "many-digits": filled("9" * 4000 + ",", "models = [", "1]"),
    "dates": filled("1979-05-27T07:32:00Z,", "a = [", "x"),
    "quote": filled("\\n", 'a = """', '\\q"""'),
    "literal": filled("'", "a = '''"),
    "quoted-keys": filled('"\\u0061%d"=1\n', "", "x"),
    "word": filled("x", "[[models]]\nmodel='m'\nroles='", "'"),
    "bare": filled("x"),
}

HOSTILE = [
    Hostile(f"{name}.{suffix}", make)
    for suffix, makers in {"yaml": YAML, "json": JSON, "toml": TOML}.items()
    for name, make in makers.items()
]
