"""Reading files: strictly, and never beyond the errors of this package."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dispatch import ConfigError, ConfigMorpher, FileError
from dispatch.config.files import MAX_BYTES, decode, load_files, merge, parse, read
from dispatch.config.positions import File
from dispatch.config.yaml import MAX_REPEATED, read_yaml
from dispatch.errors import MissingKeyError
from tests.helpers import raised


def error_of(*paths: object) -> FileError:
    return raised(FileError, load_files, paths)


def error_in(text: str, format: str = "yaml") -> FileError:
    return raised(FileError, parse, File("c", format, text))


def faults_of(text: str, format: str = "yaml") -> list[str]:
    return [str(fault) for fault in error_in(text, format).faults]


# files


@pytest.mark.parametrize("name", ["c.yaml", "c.yml", "c.json", "c.YAML"])
def test_suffix(write, name):
    """The suffix determines the format, in any case, unless a format is given."""
    assert load_files(write(name, '{"models": []}')) == {"models": []}
    assert ConfigMorpher.from_toml(write(f"{name}.conf", "a = 1")).config == {"a": 1}


@pytest.mark.parametrize(
    ("name", "text"), {"a.yaml": "a: 1", "a.json": '{"a": 1}', "a.toml": "a = 1"}.items()
)
def test_byte_order_mark(write, name, text):
    """A byte order mark is not part of the text."""
    assert load_files(write(name, b"\xef\xbb\xbf" + text.encode())) == {"a": 1}


def test_merging_files(write):
    """Mappings merge, lists are replaced, and formats mix; the inputs are unchanged."""
    base = write("a.yaml", "x: {a: 1, b: [1, 2]}\ny: 1")
    over = write("b.toml", "[x]\nb = [3]")
    assert load_files([base, over]) == {"x": {"a": 1, "b": [3]}, "y": 1}
    base, over = {"a": {"b": 1}}, {"a": {"c": 2}}
    assert merge(base, over) == {"a": {"b": 1, "c": 2}}
    assert (base, over) == ({"a": {"b": 1}}, {"a": {"c": 2}})


def test_all_files_are_reported(write):
    """The faults of all files are raised at once."""
    texts = {"a.yaml": "a: [", "b.json": "{", "c.yaml": "c: 1"}
    names = [write(name, text) for name, text in texts.items()]
    faults = error_of(*names[:2], "absent.toml", names[2]).faults
    assert [fault.position.file for fault in faults] == ["a.yaml", "b.json", "absent.toml"]


def test_file_object(write):
    """Text that was read elsewhere, such as from standard input, is merged with files."""
    given = decode("-", b"a: {c: 2}", "yaml")
    data, files = read([write("c.yaml", "a: {b: 1}"), given])
    assert (data, files[1]) == ([{"a": {"b": 1}}, {"a": {"c": 2}}], given)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: \xff", "c.yaml: is not UTF-8, at byte 3; save it as UTF-8"),
        ("a: 1".encode("utf-16"), "c.yaml: is not UTF-8, at byte 0; save it as UTF-8; it looks"),
        (b"", "c.yaml: is empty; it should hold a mapping with the key 'models'"),
        (b"# nothing", "c.yaml: is empty"),
        (b"- a", "c.yaml:1:1: expected a mapping at the top, found a list; put it under 'models:'"),
        (b"# text\n5", "c.yaml:2:1: expected a mapping at the top, found a number"),
        (b"a: " + b"[" * 101 + b"]" * 101, "c.yaml: nested more than 100 levels deep"),
        (b"a: " + b"[" * 5000, "c.yaml:1:1003: invalid YAML: nested too deep"),
    ],
)
def test_unusable_content(write, content, message):
    """Each kind of invalid content has its own message."""
    assert str(error_of(write("c.yaml", content))).startswith(message)


def test_unreadable(write):
    """Anything but a regular file is rejected before it is opened: a pipe would hang."""
    os.mkfifo("pipe.yaml")
    Path("d.yaml").mkdir()
    Path("device.json").symlink_to("/dev/zero")
    write("c.txt", "")
    for line in (
        "pipe.yaml: is not a regular file",
        "device.json: is not a regular file",
        "d.yaml: is a directory",
        "e.yaml: cannot be read: No such file or directory",
        "c.txt: unknown file type '.txt'; name it *.yaml, *.yml, *.json, *.toml",
    ):
        assert str(error_of(line.partition(":")[0])) == line


@pytest.mark.parametrize(
    "wrong", [5, None, [5], [None], [{"api_key": "canary"}], ["a\0b.yaml"], [], b"\xff", object()]
)
def test_wrong_path(wrong):
    """Any invalid path ends in an error of this package."""
    assert "canary" not in str(raised(ConfigError, ConfigMorpher, wrong))


def test_size_limit(write, monkeypatch):
    """One limit holds for every format, and the environment can move it."""
    large = b"#" * (MAX_BYTES + 1)
    for name in ("c.yaml", "c.json", "c.toml"):
        message = f"{name}: is larger than 4,000,000 bytes; raise the limit: export DISPATCH_"
        assert str(error_of(write(name, large))).startswith(message)
    monkeypatch.setenv("DISPATCH_MAX_BYTES", "5")
    assert "larger than 5 bytes" in str(error_of(write("c.yaml", "a: 123")))
    monkeypatch.setenv("DISPATCH_MAX_BYTES", "6")
    assert load_files("c.yaml") == {"a": 123}


def test_no_text_in_errors(write):
    """No error is chained to a parser's or decoder's, which contains the text."""
    broken = {"a.yaml": "api_key: 'sk-canary", "a.json": '{"api_key": sk-canary', "a.toml": "="}
    for name, text in {**broken, "b.yaml": b"\xffsk-canary"}.items():
        error = error_of(write(name, text))
        assert error.__cause__ is error.__context__ is None
        assert "canary" not in f"{error!r} {error}"


def test_missing_key_names_the_file(write):
    """`fetch` names the file in which a key is missing."""
    config = ConfigMorpher(write("c.yaml", "model: []"))
    with pytest.raises(MissingKeyError, match=r"c\.yaml: models: no key 'models'; did you mean"):
        config.fetch("models")


@pytest.mark.slow
def test_many_models(write):
    """20,000 short models load."""
    model = "- {name: m%d, model: openai/gpt-4o, roles: [a, b]}\n"
    file = write("c.yaml", "models:\n" + "".join(model % n for n in range(20_000)))
    assert len(load_files(file)["models"]) == 20_000


# YAML


YAML_TEXTS = [
    "a: 1\nb: [1, 2.5, true, null, ~, 'x', \"y\", x y]\nc: {d: 0x1f, e: 1_000, f: 0o17, g: 017}",
    "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {y: 4, <<: *a}\nd: {<<: [{x: 5}, *a], z: 1}",
    "a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {!!merge <<: *b, x: 3}\nd: {'<<': 1, !!merge k: *a}",
    "a: |\n  two\n  lines\nb: >-\n  folded\n  text\nc: 2024-01-31\nd: 2024-01-31 10:00:00\n",
    "? a\n: b\n? 1\n: yes\nno: .inf\nx: !!str 1\ny: !!int '3'\nz: ! 4\nbin: !!binary aGk=",
    "--- # a comment\na: 'it''s'\nb: \"tab\\t\\u00e9\"\n...\n",
    "a: [&x {k: v}, *x]\nb: &y [1, *x]\nc: *y",
    "2: a\ntrue: b\nnull: c\n1.5: d\n2024-01-01: e",
    "a:\n- 1\n- - 2\n  - 3\n- {}\n- []\n-\n",
]


@pytest.mark.parametrize("text", YAML_TEXTS)
def test_yaml_as_pyyaml(text):
    """A valid file gives what PyYAML gives, its keys in the same order."""
    assert repr(read_yaml(text)) == repr((yaml.safe_load(text), []))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_yaml_round_trip(value):
    """Whatever PyYAML writes reads back as the same value."""
    assert read_yaml(yaml.safe_dump(value)) == (value, [])


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (
            "a: 1\na: 2\nb: {c: 1, 'c': 2}\na: 3",
            ["c:2:1: duplicate key 'a'", "c:3:11: duplicate key 'c'", "c:4:1: duplicate key 'a'"],
        ),
        ("1: a\n1.0: b", ["c:2:1: duplicate key"]),
        ("d: &d {x: 1, x: 2}\ne: {<<: *d, x: 3}", ["c:1:14: duplicate key 'x'"]),
        ("a: &a {}\nb: {<<: *a, <<: *a}", ["c:2:13: a second merge key"]),
        ("a: &a [*a, *a]", ["c:1:8: this alias is inside"] * 2),
        ("a: &a {b: &b [*a]}\nc: *b", ["c:1:15: this alias is inside"]),
        ("a: &n <<\nb: {*n : x}", ["c:2:10: '<<' merges what is not a mapping"]),
        ("a: {!!merge <<: x}", ["c:1:17: '<<' merges what is not a mapping"]),
        ("a: {<<: [{x: 1}, 2]}", ["c:1:9: '<<' merges what is not a mapping"]),
        ("a: {b: 1}: c", ["c:1:10: invalid YAML"]),
        ("? {b: 1}\n: c\n? [1]\n: 2", ["c:1:3: a key must be a string", "c:3:3: a key must be"]),
        ("a: !!int x\nb: 2024-13-01", ["c:1:4: looks like a YAML int", "c:2:4: looks like a YAML"]),
        ("a: !x 1\nb: !!python/name:os {}", ["c:1:4: a tag that", "c:2:4: a tag that"]),
        ("a: &a 1\nb: &a 2", ["c:2:4: invalid YAML: this anchor is defined twice"]),
        ("a: b\x1b", ["c:1:5: the character U+001B is not allowed"]),
        ("a: " + "9" * 5000, ["c:1:4: looks like a YAML int"]),
    ],
)
def test_yaml_problems(text, faults):
    """Everything that PyYAML reads silently, or fails on in its own way, is reported at once."""
    found = faults_of(text)
    assert all(fault.startswith(start) for fault, start in zip(found, faults, strict=True)), found


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("!env OPENAI_API_KEY", "write os.environ/OPENAI_API_KEY"),
        ("!ENV ${OPENAI_API_KEY}", "write os.environ/OPENAI_API_KEY"),
        ("!env_var OPENAI_API_KEY", "write os.environ/OPENAI_API_KEY"),
        ("!env ${OPENAI_API_KEY:-canary}", "write os.environ/NAME"),
        ("!ENV [OPENAI_API_KEY, canary]", "write os.environ/NAME"),
        ("!vault canary", "remove the tag, or quote a string that starts with '!'"),
    ],
)
def test_env_tag(tag, hint):
    """The error for another tool's tag for a variable has the reference to write."""
    (fault,) = faults_of(f"models:\n- api_key: {tag}")
    assert fault == f"c:2:12: a tag that configurations do not support; {hint}"


def test_alias_bomb():
    """Aliases may repeat as much as a large configuration does, but not billions of times."""
    models = "".join(f"  - {{<<: *d, model: m{n}}}\n" for n in range(1000))
    config, problems = read_yaml(f"d: &d {{a: 1, b: {{c: [1, 2]}}}}\nmodels:\n{models}")
    assert config["models"][999] == {"a": 1, "b": {"c": [1, 2]}, "model": "m999"}
    assert not problems
    wide = ", ".join(f"k{n}: 1" for n in range(1000))
    bomb = f"d: &d {{{wide}}}\ne: [{'{<<: *d},' * (MAX_REPEATED // 1000 + 1)}]"
    words = "c: aliases repeat more than 1,000,000 values; write fewer aliases of aliases"
    assert faults_of(bomb) == [words]


def test_python_loader(monkeypatch):
    """Where PyYAML has no libyaml, its own loader reads the same."""
    monkeypatch.setattr("dispatch.config.yaml._LOADER", yaml.SafeLoader)
    for text in YAML_TEXTS:
        assert repr(read_yaml(text)) == repr((yaml.safe_load(text), []))
    expected = "c:2:1: duplicate key 'a'; keep one: the first would be lost silently"
    assert faults_of("a: 1\na: [2]") == [expected]


# JSON and TOML


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a": 1,\n "a": {"b": 2, "b": 3}}', "c:2:2: duplicate key 'a'"),
        ('{"\\ud83d\\ude00": 1, "a": "\x7f", "a": "\\/"}', "c:1:31: duplicate key 'a'"),
        ('{"a": NaN}', "c: invalid JSON: NaN is not a JSON number"),
        ('{"a": ' + "9" * 5000 + "}", "c: invalid JSON: a number is too long"),
        ('{"a": ' + "[" * 90_000, "c: nested too deep"),
    ],
)
def test_json_problems(text, fault):
    """What `json` reads silently, or fails on in its own way, is reported."""
    assert fault in "\n".join(faults_of(text, "json"))


@pytest.mark.parametrize("escape", ["\\ud83d", "\\udc00\\ud83d", "\\\\\\uD83D", "\\ud83dx\\ude00"])
def test_half_a_character(escape):
    """JSON can escape characters that cannot be encoded in a message or request."""
    (fault,) = faults_of(f'{{"temperature{escape}": 1}}', "json")
    assert fault.startswith(f"c:1:{14 + escape.startswith(chr(92) * 2) * 2}: half of a character")


def test_escaped_characters():
    """Surrogate pairs, and text that only looks like an escape, are read."""
    read = parse(File("c", "json", '{"a": "\\ud83d\\ude00", "b": "\\\\ud83d"}'))
    assert read == {"a": "😀", "b": "\\ud83d"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[a]\nb = 1\nb = 2\nc = {d = 1, d = 2}", "c:3:1: duplicate key 'b'"),
        ("x = 1\nc = {d = 1, d = 2}", "c:2:13: duplicate key 'd'"),
        ("[[models]]\na = 1\n[models]\nb = 1", "c:3:1: duplicate table; write [[name]]"),
        ("a.b = 1\n[a]\nc = 1", "c:2:1: duplicate table"),
        ("a = 1\n'b' = [\n1]\n b = 2 # c\n\n", "c:4:2: duplicate key 'b'"),
        ("a = 1\nb = [1,\n2", "c:2:1: invalid TOML: Unclosed array; close it"),
        ('a = 1\nb = """x\ny', "c:2:1: invalid TOML: Unterminated string"),
        ("x = 1\na", "c:2:2: invalid TOML: Expected '=' after a key"),
        ("a = " + "9" * 5000, "c: invalid TOML: a number is too long"),
        ("a = 0x" + "f" * 5000, "c: a number is too long"),
        ("a = " + "[" * 5000, "c: nested too deep"),
    ],
)
def test_toml_problems(text, fault):
    """What `tomllib` rejects is reported where it starts."""
    assert faults_of(text, "toml")[0].startswith(fault)


# secrets


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("yaml", "password: *canary"),
        ("yaml", "password: !canary"),
        ("yaml", "password: canary: x"),
        ("yaml", 'password: "canary'),
        ("yaml", "password: 'canary' canary"),
        ("yaml", "headers: {\nAuthorization: canary ]"),
        ("yaml", "password: [canary, canary}"),
        ("yaml", "api_key: >\n  canary\n canary: ["),
        ("yaml", "credentials:\n  x: 1\n  y: 2\n  z: canary: x"),
        ("yaml", "x: &k canary\napi_key: *k\nx: 2"),
        ("yaml", "api_key: canary # and canary\napi_key: canary"),
        ("yaml", "a: 1 # canary was it\na: 2 # canary"),
        ("yaml", "models: [{api_key: canary, api_key: canary}]"),
        ("yaml", "api_base: https://me:canary@host: x"),
        ("yaml", "api_key:\n- canary\n- 'x\n"),
        ("yaml", "? [api_key, canary]\n: x\n? [api_key, canary]\n: x"),
        ("yaml", "{k: v}: 1\n'api_key: canary': 1\n'api_key: canary': 1"),
        ("yaml", "<<: {api_key: canary}\napi_key: x\napi_key: y"),
        ("yaml", "? api_key\n: canary\n? api_key\n: canary"),
        ("yaml", "models: []\n--- {api_key: canary}"),
        ("yaml", "models: []\n... canary"),
        ("yaml", "vertex_credentials: |\n  a\n  canary\x1b\n"),
        ("yaml", 'password: "a\n  canary \\d"\n'),
        ("yaml", 'a: "\n# -----BEGIN PRIVATE KEY-----\n# canary\n  canary: "canary"'),
        ("yaml", '{x: 1, x: 1, api_base: "https:\\/\\/me:canary@h"}'),
        ("yaml", 'x: "https://me:\\\n  canary@h"\nx: 1'),
        ("json", '{"api_key": "canary" "canary"}'),
        ("json", '{"headers": {"x": "canary"} "canary"}'),
        ("json", '{"a": 1, "api_key": canary}'),
        ("json", '[{"api_key": "canary", "api_key": "canary",}]'),
        ("json", '{"models": []}\n{"api_key": "canary"}'),
        ("json", '{"models": []} canary'),
        ("json", '{"models": [], "api\\u005fkey" "canary"}'),
        ("json", '{"api_base": "https:\\/\\/me:canary@h", "x" 1}'),
        ("json", '{"x": 1, "x": 1, "y": "redis\\u003a//:canary\\u0040h"}'),
        ("toml", "api_key = 'canary' canary"),
        ("toml", "headers = {x = 'canary', x = 'canary'}"),
        ("toml", "headers.x = 'canary' canary\n"),
        ("toml", 'api_key = """\ncanary\ncanary'),
        ("toml", "a = 1 # canary\na = 1 # canary"),
        ("toml", "a = {api_key = 'canary' canary}"),
        ("toml", 'a = """\n-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\nb = 1'),
    ],
)
def test_parse_errors_show_no_secret(format, text):
    """However a file is broken, no line that may be part of a secret is shown."""
    error = error_in(text, format)
    assert "canary" not in str(error)
    assert error.faults[0].position.line


@pytest.mark.parametrize(
    ("format", "text", "shown"),
    [
        ("yaml", "a: 1\n- b", "- b"),
        ("yaml", "models:\n  - api_key: os.environ/KEY\n    model: x: y", "    model: x: y"),
        ("json", '{"models": [\n  {"model": "m"},\n]}', '  {"model": "m"},'),
        ("toml", "[[models]]\nmodel = gpt-4o", "model = gpt-4o"),
    ],
)
def test_harmless_lines_are_shown(format, text, shown):
    """A line of one key, one item or brackets is shown, also below references."""
    assert error_in(text, format).faults[0].position.text == shown


def test_no_control_character_reaches_the_terminal():
    """An escape sequence in a message would drive the terminal."""
    assert "\x1b" not in "".join(faults_of('{"a\x1b[31m": 1, "a": "\x1b[31m"}', "json"))
