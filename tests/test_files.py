"""Reading files: strictly, in bounded time and memory, and never beyond this package's errors."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dispatch import ConfigMorpher
from dispatch.config.files import load, merge
from dispatch.config.strict_yaml import read_yaml
from dispatch.errors import ConfigError, FileError, MissingKeyError


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write files into a fresh working directory, so that messages name them shortly."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, content: str | bytes) -> str:
        content = content.encode() if isinstance(content, str) else content
        Path(name).write_bytes(content)
        return name

    return write


def fails(*paths: str) -> FileError:
    with pytest.raises(FileError) as caught:
        load(paths)
    return caught.value


@pytest.mark.parametrize("name", ["c.yaml", "c.yml", "c.json", "c.YAML"])
def test_the_suffix_tells_the_format(write, name):
    """YAML and JSON by their suffix, in any case of letters."""
    assert load(write(name, '{"models": []}')) == {"models": []}


def test_a_named_format_wins_over_the_suffix(write):
    """`from_toml` reads TOML from a file of any name."""
    assert ConfigMorpher.from_toml(write("c.conf", "a = 1")).config == {"a": 1}


def test_a_byte_order_mark_is_accepted_in_every_format(write):
    """What Windows editors write first is no part of the text."""
    assert load(write("a.yaml", b"\xef\xbb\xbfa: 1")) == {"a": 1}
    assert load(write("a.json", b'\xef\xbb\xbf{"a": 1}')) == {"a": 1}
    assert load(write("a.toml", b"\xef\xbb\xbfa = 1")) == {"a": 1}


def test_several_files_merge_deeply_and_the_later_wins(write):
    """Mappings merge, a list is replaced whole; formats mix."""
    base = write("a.yaml", "x: {a: 1, b: [1, 2]}\ny: 1")
    over = write("b.toml", "[x]\nb = [3]")
    assert load([base, over]) == {"x": {"a": 1, "b": [3]}, "y": 1}


def test_the_faults_of_all_files_are_told_at_once(write):
    """One broken file hides not the next."""
    names = [write("a.yaml", "a: ["), write("b.json", "{"), "absent.toml", write("c.yaml", "c: 1")]
    told = [fault.position.file for fault in fails(*names).faults]
    assert told == ["a.yaml", "b.json", "absent.toml"]


def test_merging_leaves_both_mappings_as_they_are():
    """A merge makes a new mapping."""
    base, over = {"a": {"b": 1}}, {"a": {"c": 2}}
    assert merge(base, over) == {"a": {"b": 1, "c": 2}}
    assert (base, over) == ({"a": {"b": 1}}, {"a": {"c": 2}})


def test_no_error_keeps_the_text_in_its_context(write):
    """PyYAML's, json's and the decoder's errors hold what they failed on: none may be chained."""
    broken = {"a.yaml": "api_key: 'sk-canary", "a.json": '{"api_key": sk-canary', "a.toml": "="}
    for name, text in broken.items():
        error = fails(write(name, text))
        assert error.__cause__ is None
        assert error.__context__ is None
        assert "canary" not in f"{error!r} {error}"
    assert fails(write("b.yaml", b"\xffsk-canary")).__context__ is None


@pytest.mark.parametrize(
    "text",
    [
        "password: *canary",
        "password: !canary",
        "password: canary: x",
        'password: "canary',
        "password: 'canary' canary",
        "headers: {\nX-Team: canary ]",
        "headers:\n  X-Team: canary\n bad: x",
        "password: [canary, canary}",
        "api_key: >\n  canary\n canary: [",
        "x: &k canary\napi_key: *k\nx: 2",
        "api_key: canary # and canary\napi_key: canary",
        "a: 1 # canary was it\na: 2 # canary",
        "models: [{api_key: canary, api_key: canary}]",
        "api_base: https://me:canary@host: x",
        "api_key:\n- canary\n- 'x\n",
        "? [api_key, canary]\n: x\n? [api_key, canary]\n: x",
        "<<: {api_key: canary}\napi_key: x\napi_key: y",
        "? api_key\n: canary\n? api_key\n: canary",
    ],
)
def test_the_line_of_a_broken_file_shows_no_secret(write, text):
    """However the line is broken, what may be a secret in it is hidden."""
    error = fails(write("c.yaml", text))
    assert "canary" not in str(error)
    assert error.faults[0].position.file == "c.yaml"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.json", '{"api_key": "canary" "canary"}'),
        ("c.json", '{"headers": {"x": "canary"} "canary"}'),
        ("c.json", '{"a": 1, "api_key": canary}'),
        ("c.json", '[{"api_key": "canary", "api_key": "canary",}]'),
        ("c.json", '{"models": [{"api_key": "canary", "api_key": "canary"}]}'),
        ("c.toml", "api_key = 'canary' canary"),
        ("c.toml", "[headers]\nx = canary"),
        ("c.toml", "[headers]\nx = 'canary'\nx = 'canary'"),
        ("c.toml", "headers = {x = 'canary', x = 'canary'}"),
        ("c.toml", "headers.x = 'canary' canary\n"),
        ("c.toml", 'api_key = """\ncanary\ncanary'),
        ("c.toml", "a = 1 # canary\na = 1 # canary"),
        ("c.toml", "a = {api_key = 'canary' canary}"),
    ],
)
def test_the_line_of_broken_json_and_toml_shows_no_secret(write, name, text):
    """The same for the other formats."""
    assert "canary" not in str(fails(write(name, text)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.json", '{"models": []}\n{"api_key": "canary"}'),
        ("c.json", '{"models": []} canary'),
        ("c.json", '{"models": [], "api\\u005fkey" "canary"}'),
        ("c.yaml", "models: []\n--- {api_key: canary}"),
        ("c.yaml", "models: []\n... canary"),
        ("c.yaml", "vertex_credentials: |\n  a\n  canary\x1b\n"),
        ("c.yaml", 'api_key: "a\n  canary\x1b"\n'),
        ("c.yaml", 'headers: {\n  A: "canary\x1b"}\n'),
        ("c.yaml", 'password: "a\n  canary \\d"\n'),
    ],
)
def test_a_line_of_which_nothing_is_known_is_not_shown(write, name, text):
    """Past the end of a document, or where its parser stopped early: the place alone is told."""
    error = fails(write(name, text))
    assert "canary" not in str(error)
    assert error.faults[0].position.line == 1 + text[: text.index("canary")].count("\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.json", '{"api_base": "https:\\/\\/me:canary@h", "x" 1}'),
        ("c.json", '{"https:\\/\\/me:canary@h": 1, "x" 1}'),
        ("c.json", '{"x": 1, "x": 1, "y": "redis\\u003a//:canary\\u0040h"}'),
        ("c.yaml", '{x: 1, x: 1, api_base: "https:\\/\\/me:canary@h"}'),
        ("c.yaml", 'x: "https://me:\\\n  canary@h"\nx: 1'),
        ("c.toml", 'api_base = "https:\\u002f/me:canary@h" x'),
    ],
)
def test_a_url_that_is_escaped_shows_no_secret(write, name, text):
    """What a text means counts, not how it is written."""
    assert "canary" not in str(fails(write(name, text)))


@pytest.mark.parametrize("escape", ["\\ud83d", "\\udc00\\ud83d", "\\\\\\uD83D", "\\ud83dx\\ude00"])
def test_half_a_character_is_no_text(write, escape):
    """JSON can escape what no encoding can write: no message, and no request, could hold it."""
    error = fails(write("c.json", f'{{"temperature{escape}": 1}}'))
    assert "half a character" in str(error)
    assert str(error.faults[0].position) == f"c.json:1:{14 + escape.startswith(chr(92) * 2) * 2}"


def test_whole_characters_may_be_escaped(write):
    """Both halves of one, and what only looks like an escape."""
    name = write("c.json", '{"a": "\\ud83d\\ude00", "b": "\\\\ud83d"}')
    assert load(name) == {"a": "😀", "b": "\\ud83d"}


def test_a_list_of_tables_that_is_opened_as_a_table_is_told(write):
    """Found by fuzzing: what TOML forbids must not make the look for its place stumble."""
    text = "[[models]]\na = 1\n[models]\nb = 1\n[models.roles]\nc[models.roles]\n"
    assert "stands here twice" in str(fails(write("c.toml", text)))


def test_no_control_character_reaches_the_terminal(write):
    """An escape sequence in a shown line would be obeyed by the terminal."""
    assert "\x1b" not in str(fails(write("c.json", '{"a": "\x1b[31m"}')))


def test_a_file_without_end_is_read_no_further_than_the_limit():
    """A device, or a pipe, tells no size: reading stops past the limit."""
    with pytest.raises(FileError, match="larger than 1,000,000 bytes"):
        ConfigMorpher.from_yaml("/dev/zero")


def test_the_size_limit_can_be_raised_and_lowered(write, monkeypatch):
    """By an argument, or by the environment for a whole program."""
    name = write("c.yaml", "a: 12345678")
    with pytest.raises(FileError, match="larger than 5 bytes; raise the limit"):
        load(name, max_bytes=5)
    monkeypatch.setenv("DISPATCH_MAX_BYTES", "5")
    with pytest.raises(FileError, match="larger than 5 bytes"):
        load(name)
    assert load(name, max_bytes=11) == {"a": 12345678}


def test_toml_has_a_limit_of_its_own(write, monkeypatch):
    """A fifth, since `tomllib` takes long; it can be raised like the other one."""
    name = write("c.toml", "a = 1\n" + "#" * 1_000_000)
    with pytest.raises(FileError, match="larger than 200,000 bytes"):
        load(name)
    monkeypatch.setenv("DISPATCH_MAX_BYTES", "2000000")
    assert load(name) == {"a": 1}


@pytest.mark.parametrize("number", ["1:" * 300 + "1", "9" * 500, "0." + "1" * 500])
def test_a_number_is_no_longer_than_anybody_writes(write, number):
    """PyYAML would take a time that is quadratic in its length; quoted, it is a text."""
    assert "a number is too long; quote it" in str(fails(write("c.yaml", f"a: {number}")))
    assert load(write("d.yaml", f"a: '{number}'")) == {"a": number}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.yaml", "{" + "a: 1, " * 3000 + "}"),
        ("c.yaml", "[" + "!x 1, " * 3000 + "]"),
        ("c.json", '{"a": 1' + ', "a": 1' * 3000 + "}"),
    ],
)
def test_a_thousand_slips_of_one_text_are_told(write, name, text):
    """More of them take time, and are no use."""
    assert len(fails(write(name, text)).faults) == 1000


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.yaml", "a: [" + "x," * 40_000 + "]"),
        ("c.json", '{"a": [' + "1," * 40_000 + "1]}"),
        ("c.toml", "a = [" + "1," * 40_000 + "]"),
    ],
)
def test_a_text_that_is_hardly_more_than_commas_is_refused(write, name, text):
    """What no model looks like is no work for all that follows."""
    assert str(fails(write(name, text))) == f"{name}: holds more than 30,000 values; split it"


def test_as_many_values_are_right_where_they_say_something(write):
    """It is how dense a text is that counts, so the limit grows with its size."""
    text = '{"a": [' + '"a text",' * 40_000 + "1]}"
    assert len(load(write("c.json", text))["a"]) == 40_001


def test_a_key_that_stands_twice_in_a_vast_file_is_named(write):
    """No outline reaches it, so it has no line."""
    text = '{"a": [' + '{"x": "a long text"}, ' * 30_000 + '{}], "k": 1, "k": 2}'
    error = fails(write("c.json", text))
    assert str(error).startswith("c.json: the key 'k' stands here twice")


def test_aliases_may_repeat_what_a_large_configuration_repeats(write):
    """A thousand models that merge one mapping of defaults are no bomb."""
    models = "".join(f"  - {{<<: *d, model: m{n}}}\n" for n in range(1000))
    config = load(write("c.yaml", f"d: &d {{a: 1, b: {{c: [1, 2]}}}}\nmodels:\n{models}"))
    assert config["models"][999] == {"a": 1, "b": {"c": [1, 2]}, "model": "m999"}


def test_a_missing_key_of_a_file_names_the_file(write):
    """`fetch` of what a file should hold says in which file it is missing."""
    config = ConfigMorpher(write("c.yaml", "model: []"))
    with pytest.raises(MissingKeyError, match=r"c\.yaml: models: no key 'models'; did you mean"):
        config.fetch("models")


@pytest.mark.parametrize(
    "wrong", [5, None, [5], [None], [{"api_key": "canary"}], ["a\0b.yaml"], [], b"\xff", object()]
)
def test_what_is_no_path_is_an_error_of_this_package(wrong):
    """Whatever is given in the place of a path."""
    with pytest.raises(ConfigError) as caught:
        ConfigMorpher(wrong)
    assert "canary" not in str(caught.value)


YAML_TEXTS = [
    "a: 1\nb: [1, 2.5, true, null, ~, 'x', \"y\", x y]\nc: {d: 0x1f, e: 1_000, f: 0o17, g: 017}",
    "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {y: 4, <<: *a}\nd: {<<: [{x: 5}, *a], z: 1}",
    "a: |\n  two\n  lines\nb: >-\n  folded\n  text\nc: 2024-01-31\nd: 2024-01-31 10:00:00\n",
    "? a\n: b\n? 1\n: yes\nno: .inf\nx: !!str 1\ny: !!int '3'\nz: ! 4\nbin: !!binary aGk=",
    "--- # a comment\na: 'it''s'\nb: \"tab\\t\\u00e9\"\n...\n",
    "a: [&x {k: v}, *x]\nb: &y [1, *x]\nc: *y",
    "2: a\ntrue: b\nnull: c\n1.5: d\n2024-01-01: e",
    "a:\n- 1\n- - 2\n  - 3\n- {}\n- []\n-\n",
]


@pytest.mark.parametrize("text", YAML_TEXTS)
def test_a_right_file_reads_as_the_safe_loader_reads_it(text):
    """Strictness changes no value, and no order of keys."""
    expected = yaml.safe_load(text)
    assert repr(read_yaml(text)) == repr(expected)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_all_that_yaml_can_write_reads_back(value):
    """The law behind the table above: dump and read give the same value."""
    assert read_yaml(yaml.safe_dump(value)) == value
