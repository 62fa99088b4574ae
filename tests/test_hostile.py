"""Malicious files, and files of a broken program: each ends in an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from dispatch import ConfigMorpher, ModelDispatcher, check
from dispatch.errors import DispatchError

MODELS = {
    "yaml": """\
  - name: model-%d
    model: openai/gpt-4o
    api_key: os.environ/OPENAI_API_KEY
    roles: [chatcompletions, {postcompletions: review it}]
""",
    "json": """\
  {"name": "model-%d", "model": "openai/gpt-4o", "api_key": "os.environ/OPENAI_API_KEY",
   "roles": ["chatcompletions", {"postcompletions": "review it"}]},
""",
    "toml": """\
[[models]]
name = "model-%d"
model = "openai/gpt-4o"
api_key = "os.environ/OPENAI_API_KEY"
roles = ["chatcompletions", {postcompletions = "review it"}]
""",
}

# By name: what comes first, what is repeated, with its number for %d, and what comes last.
HOSTILE = {
    # valid for long, and then wrong
    "wrong-end.yaml": ("models:\n", MODELS["yaml"], " x: ["),
    "fault-end.yaml": ("models:\n", MODELS["yaml"], "  - {model: m, roles: [undeclared]}\n"),
    "crlf.yaml": ("models:\r\n", MODELS["yaml"].replace("\n", "\r\n"), " x: ["),
    "control.yaml": ("models:\n", MODELS["yaml"], "\x1b"),
    "wrong-end.json": ('{"models": [\n', MODELS["json"], " x"),
    "wrong-end.toml": ("", MODELS["toml"], "x = ["),
    "crlf.toml": ("", MODELS["toml"].replace("\n", "\r\n"), "x = ["),
    # many faults, or a long line
    "pairs.yaml": ("models: [{", "a%d: some text, ", "}] ]"),
    "urls.yaml": ("a: [", '"https:\\/\\/me:pw@h", ', "\x1b"),
    "duplicates.yaml": ("", "a: 1\n", ""),
    "secrets.yaml": ("{", "api_key: sk-%d, ", "}"),
    "undeclared.yaml": ("models:\n", "- {model: one of many, roles: [undeclared %d]}\n", ""),
    "near.yaml": ("models: [{model: m, roles: [", "chatcompletion%d, ", "]}]"),
    "tags.yaml": ("a: [", "!x 1, ", "]"),
    "secrets.json": ("{", '"api_key":"sk-%d",', '"b":1}'),
    "undeclared.json": ('{"models": [{"model":"m","roles":{', '"r%d":"",', '"x":""}}]}'),
    "no-model.toml": ("", "[[models]]\n", ""),
    "duplicates.toml": ("", "a%d=1\n", "a0=1"),
    "inline.toml": ("models = {", "a%d=1,", "a0=1}"),
    # one thing that is too long, too deep, or too often
    "aliases.yaml": ("a: &m {x: y}\nmodels: [", "*m,", "]"),
    "cycle.yaml": ("a: &a\n  b: &b [", "*a, ", "*b]\n"),
    "cycle-merge.yaml": ("a: &a\n", "  <<: *a\n", ""),
    "anchors.yaml": ("a: [", "&a%d ,", "]]"),
    "flow.yaml": ("a: ", "[", ""),
    "block.yaml": ("", "- ", ""),
    "keys.yaml": ("", "? ", ""),
    "digits.yaml": ("a: ", "9", ""),
    "colons.yaml": ("a: ", "1:", "1"),
    "folded.yaml": ("a: >\n", " x\n", "]"),
    "nul.yaml": ("", "\0", ""),
    "documents.yaml": ("", "---\n", ""),
    "surrogates.json": ('{"a":"', "\\ud83d\\ude00", '\\ud83d"}'),
    "flow.json": ('{"a":', "[", ""),
    "digits.json": ('{"a":', "9", "}"),
    "tables.toml": ("", "[" + "a." * 98 + "a%d]\n", "x"),
    "dotted.toml": ("x = {", "a." * 98 + "a%d = 1, ", "x = 1"),
    "digits.toml": ("a = ", "9", ""),
    "quote.toml": ('a = """', "\\n", '\\q"""'),
}


def text_of(before: str, unit: str, after: str, size: int) -> str:
    count = (size - len(before) - len(after)) // len(unit)
    return before + "".join(unit.replace("%d", str(number)) for number in range(count)) + after


def error_of(name: str, text: str) -> str:
    """Return the error of a file, after checking it too."""
    Path(name).write_text(text, "utf-8", newline="")
    try:
        check(ConfigMorpher(name))
        ModelDispatcher(ConfigMorpher(name))
    except DispatchError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("size", [4_000, pytest.param(60_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file(name, size, tmp_path, monkeypatch):
    """A file of each kind ends in an error that names it."""
    monkeypatch.chdir(tmp_path)
    assert name in error_of(name, text_of(*HOSTILE[name], size))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format", "size"), [("yaml", 3_900_000), ("json", 900_000), ("toml", 900_000)]
)
def test_large_valid_file(format, size, tmp_path, monkeypatch):
    """A valid file of nearly 4 MB, some 18,000 models, is read, checked and dispatched."""
    monkeypatch.chdir(tmp_path)
    ends = {"yaml": ("models:\n", ""), "json": ('{"models": [\n', '  {"model": "last"}\n]}')}
    before, after = ends.get(format, ("", ""))
    text = text_of(before, MODELS[format], after, size)
    assert error_of(f"valid.{format}", text) == ""
