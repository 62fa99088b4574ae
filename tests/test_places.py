"""Places: a fault leads back to the line that it was written in, and costs nothing before."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from pathlib import Path

import pytest

from dispatch import ConfigMorpher, ModelDispatcher, dispatch
from dispatch.config import places
from dispatch.config.places import File
from dispatch.errors import ConfigError, SuspiciousKeyWarning, UnsetVariableError

WRONG = """\
models:
  - {name: a, model: gpt-4o}
  - name: b
    model: o3
    roles: [chat]
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Read a file whose second model has an undeclared role."""
    monkeypatch.chdir(tmp_path)
    places._sources.clear()  # what earlier tests read is none of this one's files
    Path("c.yaml").write_text(WRONG)
    return ConfigMorpher("c.yaml")


def place_of(models):
    with pytest.raises(ConfigError) as caught:
        ModelDispatcher(models)
    (fault,) = caught.value.faults
    return fault.position and str(fault.position)


@pytest.mark.parametrize(
    "models",
    [
        lambda config: config.fetch("models"),
        lambda config: config.fetch(["models"]),
        lambda config: config.fetch("models[*]"),
        lambda config: config.config["models"],
        lambda config: config.fetch("models")[1:],
        lambda config: [model for model in config.fetch("models") if model["name"] == "b"],
        lambda config: [{"model": "x"}, config.fetch("models[name=b]")],
        lambda config: list(reversed(config.fetch("models"))),
        lambda config: tuple(config.fetch("models")),
    ],
)
def test_whatever_was_fetched_keeps_its_place(config, models):
    """The list, a part of it, a list of one's own, one model: all lead to the line."""
    assert place_of(models(config)) == "c.yaml:5:13"


def test_the_pipeline_tells_the_place_too(config):
    """Not only the facade."""
    with pytest.raises(ConfigError, match=r"c\.yaml:5:13"):
        dispatch(config.fetch("models"))


def test_the_configuration_need_not_be_kept(config):
    """The texts outlive the configuration that they were read for: nobody holds this one."""
    assert place_of(ConfigMorpher("c.yaml").fetch("models")) == "c.yaml:5:13"


def test_a_program_gets_the_same_as_attributes(config):
    """File, line, column, the line itself and where the caret goes."""
    with pytest.raises(ConfigError) as caught:
        ModelDispatcher(config.fetch("models"))
    position = caught.value.faults[0].position
    assert position[:3] == ("c.yaml", 5, 13)
    assert position.excerpt == "    roles: [chat]\n            ^"
    assert str(caught.value).splitlines()[1:] == ["        roles: [chat]", "                ^"]


def test_what_was_changed_since_keeps_no_place(config):
    """A place is told only where the file still says what the fault is about."""
    models = config.fetch("models")
    models[1]["roles"] = ["embed"]
    assert place_of(models) is None
    models = config.fetch("models")
    models[1]["roles"].insert(0, "embed")
    with pytest.raises(ConfigError) as caught:
        ModelDispatcher(models)
    assert [fault.position for fault in caught.value.faults] == [None, None]


def test_a_list_of_no_file_has_no_place(config):
    """Equal models that were written in Python are not said to come from a file."""
    assert place_of(copy.deepcopy(config.fetch("models"))) is None


def test_two_files_of_the_same_text_are_told_apart(tmp_path, config):
    """It is the list that was fetched that counts, not one that looks like it."""
    Path("d.yaml").write_text(WRONG)
    other = ConfigMorpher("d.yaml")
    mine, others = config.fetch("models"), other.fetch("models")
    assert place_of(mine) == "c.yaml:5:13"
    assert place_of(others) == "d.yaml:5:13"


def test_the_text_as_it_was_read_counts(config):
    """A file that changes meanwhile does not move the place, nor break it."""
    models = config.fetch("models")
    Path("c.yaml").write_text("\n\n\n" + WRONG)
    assert place_of(models) == "c.yaml:5:13"
    Path("c.yaml").unlink()
    assert place_of(models) == "c.yaml:5:13"


def test_what_was_handed_out_is_forgotten_after_a_few_more(config):
    """It is kept by the thing itself, so that no later one is mistaken for it; not for long."""

    class Marked(dict):
        pass

    marked = Marked()
    config.source.remember(marked, "models")
    gone = weakref.ref(marked)
    del marked
    for _ in range(16):
        config.fetch("models")
    gc.collect()
    assert gone() is None


def test_what_is_handed_out_is_plain(config):
    """A list and dicts, with nothing hidden in their classes."""
    models = config.fetch("models")
    assert (type(models), type(models[0])) == (list, dict)


def test_nothing_is_worked_out_before_there_is_a_fault(config):
    """On the way that succeeds no outline of a file is made."""
    Path("right.yaml").write_text("models: [{model: gpt-4o}]")
    right = ConfigMorpher("right.yaml")
    ModelDispatcher(right.fetch("models"))
    assert "outline" not in vars(right.source.files[0])
    with pytest.raises(ConfigError):
        ModelDispatcher(config.fetch("models"))
    assert "outline" in vars(config.source.files[0])


def test_a_pickled_configuration_holds_no_text(config):
    """What is sent to another process is the configuration, without its files."""
    again = pickle.loads(pickle.dumps(config))
    assert (again, again.source) == (config, None)


MORPHED = """\
defaults: &d {api_key: os.environ/NOT_SET}
models:
  - {name: a, model: gpt-4o, temprature: 0}
  - {<<: *d, name: b, model: o3}
"""


@pytest.mark.parametrize("morph", [True, False])
def test_what_is_found_when_arguments_are_built_has_its_place_too(config, monkeypatch, morph):
    """An unset variable and a misspelt key are found later: by a group, or by the configuration."""
    monkeypatch.delenv("NOT_SET", raising=False)
    Path("m.yaml").write_text(MORPHED)
    morpher = ConfigMorpher("m.yaml")
    if morph:
        morpher = ModelDispatcher(morpher.fetch("models")).for_chatcompletions
    with pytest.warns(SuspiciousKeyWarning, match=r"m\.yaml:3:30: models\[0\]\.temprature"):
        morpher.morph(complete, start_from="models[0]")
    with pytest.raises(UnsetVariableError, match=r"m\.yaml:1:24: models\[1\]\.api_key") as caught:
        morpher.morph(complete, start_from="models[1]")
    assert str(caught.value.position) == "m.yaml:1:24"


def test_a_place_that_may_be_wrong_is_not_told(config, monkeypatch):
    """Two files that hold the same model: nobody knows which of them a group came from. What is
    asked of the configuration itself is no riddle.
    """
    monkeypatch.delenv("NOT_SET", raising=False)
    for name in ("m.yaml", "n.yaml"):
        Path(name).write_text(MORPHED)
    morpher, _ = ConfigMorpher("m.yaml"), ConfigMorpher("n.yaml")
    group = ModelDispatcher(morpher.fetch("models")).for_chatcompletions
    with pytest.raises(UnsetVariableError) as caught:
        group.morph(complete, start_from="models[1]")
    assert caught.value.position is None
    with pytest.raises(UnsetVariableError, match=r"m\.yaml:1:24"):
        morpher.morph(complete, start_from="models[1]")


def complete(model, **kwargs):
    """Stand in for what models are handed to."""


@pytest.mark.parametrize(
    ("text", "offset", "shown", "caret"),
    [
        ("a: 日本 x", 3, "a: 日本 x", "   ^"),
        ("日本: x", 4, "日本: x", "      ^"),
        ("\ta: x", 1, "\ta: x", "\t^"),
        ("a: x # api_key: sk-1", 3, "a: x", "   ^"),
        ("{api_key: sk-1, b: x}", 19, "{api_key: ***, b: x}", "                  ^"),
        ("{api_key: 'sk''1', b: x}", 22, "{api_key: ***, b: x}", "                  ^"),
        ("b: https://me:pw@host/?token=t1", 3, "b: https://***@host/?token=***", "   ^"),
        ("b: x\r\nc: y\r\n", 9, "c: y", "   ^"),
    ],
)
def test_the_caret_stands_under_what_is_meant(text, offset, shown, caret):
    """Also behind what was hidden, wide characters and tabs, and before Windows line ends."""
    position = File("c.yaml", "yaml", text).position(offset)
    assert position.excerpt == f"{shown}\n{caret}"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_end_as_yaml_ends_them(newline):
    """At a carriage return too."""
    text = newline.join(["models:", "- model: m", "  roles: [chat]"])
    position = File("c.yaml", "yaml", text).position(text.index("chat"))
    assert position[:3] == ("c.yaml", 3, 11)
    assert position.excerpt == "  roles: [chat]\n          ^"


def test_each_place_in_one_line_has_its_own_caret():
    """Before, in, between and after what is hidden, whichever is asked for first."""
    text = "{a: 1, api_key: sk-1, b: 2, token: sk-2, c: 3}"
    file = File("c.yaml", "yaml", text)
    shown = "{a: 1, api_key: ***, b: 2, token: ***, c: 3}"
    for part, meant in (
        ("c:", "c:"),
        ("sk-2", "***, c"),
        ("b", "b:"),
        ("k-1", "***, b"),
        ("a", "a:"),
    ):
        position = file.position(text.index(part))
        assert (position.text, position.caret) == (shown, shown.index(meant))


def test_a_very_long_line_is_not_shown_where_a_url_in_it_holds_a_secret():
    """To find the caret in it would take a time that is quadratic in its faults."""
    text = '{"x": "https://me:pw@host", "y": "' + "y" * 10_000 + '"}'
    position = File("c.json", "json", text).position(text.index("host"))
    assert (position.column, position.excerpt) == (22, "")


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("c.yaml", 'a: 1\n"api_key: canary": x', "***: x"),
        ("c.yaml", "a: 1\n'api_key : canary': x", "***: x"),
        ("c.yaml", "{a: 1,\n? 'headers: {A: canary}' : x}", "? *** : x}"),
        ("c.yaml", "a: 1\n? |\n  api_key: canary\n: x", "? ***"),
        ("c.yaml", 'a: 1\n"x: y": x', '"x: y": x'),
        ("c.json", '{"a": 1,\n"api_key: canary": "x"}', '***: "x"}'),
        ("c.json", '{"a": 1,\n"api\\u005fkey: canary": "x"}', '***: "x"}'),
        ("c.toml", "a = 1\n'api_key: canary' = 1", "*** = 1"),
        ("c.toml", "a = 1\n['token: canary'.b]\nc = 1", "[***.b]"),
    ],
)
def test_a_key_that_holds_a_secret_is_hidden_in_its_line(name, text, shown):
    """A mapping in quotes is a key with the secret in it; other keys are shown."""
    file = File(name, name[2:], text)
    assert file.position(text.index("\n") + 1).text == shown
    assert all("canary" not in file.position(at).text for at in range(len(text)))


@pytest.mark.parametrize("text", ["{k: v}: 1", '"api_key: canary": 1\n"api_key: canary": 1'])
def test_no_error_tells_a_key_that_holds_a_secret(tmp_path, text):
    """Nor the message, nor the path, nor the line, whether the file or a model is at fault."""
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        ConfigMorpher(tmp_path / "c.yaml")
    assert "canary" not in str(caught.value)
    roles = {"api_key: canary": "x", "token: canary": {}}
    with pytest.raises(ConfigError) as caught:
        ModelDispatcher([{"model": "m", "roles": [roles], "secret: canary": object()}])
    assert "canary" not in str(caught.value)


def test_a_line_longer_than_anybody_reads_is_not_shown():
    """To look for the secrets in it would take time; its place is told all the same."""
    text = "a: [" + "x, " * 40_000 + "]\nb: 1"
    file = File("c.yaml", "yaml", text)
    assert file.position(100)[1:] == (1, 101, "", 0)
    file = File("c.yaml", "yaml", "a: x\nb: 1")
    assert file.position(3).text == "a: x"


WORDY = (
    "- {model: m, metadata: {note: a text that takes some room}, stop: [a long text, another]}\n"
)
VAST = "models:\n" + WORDY * 5_000


def test_a_vast_file_is_told_by_its_name_and_a_syntax_error_in_it_by_its_line(config):
    """To know where each of its values stands would take longer than a fault may."""
    Path("vast.yaml").write_text(VAST + "- {model: m, roles: [nobody]}\n")
    models = ConfigMorpher("vast.yaml").fetch("models")
    with pytest.raises(
        ConfigError, match=r"^vast\.yaml: models\[5000\]\.roles\[0\]: role 'nobody'"
    ):
        ModelDispatcher(models)
    Path("vast.yaml").write_text(f"{VAST}- [\n")
    with pytest.raises(ConfigError, match=r"^vast\.yaml:5003:1: invalid YAML") as caught:
        ConfigMorpher("vast.yaml")
    assert caught.value.faults[0].position.text == ""


def test_what_a_vast_file_holds_is_not_looked_for_in_those_that_it_was_merged_over(config):
    """The place of a value that it replaced would be a wrong one."""
    Path("vast.yaml").write_text(VAST)
    source = ConfigMorpher(["c.yaml", "vast.yaml"]).source
    assert source.place(("models", 1, "roles"))[:2] == ("vast.yaml", 0)


def test_a_long_line_is_cut_around_the_caret():
    """A line of JSON may be as long as the file."""
    text = '{"a": "' + "x" * 500 + '", "b": 1}'
    position = File("c.json", "json", text).position(text.index('"b"'))
    assert len(position.text) < 110
    assert position.text[position.caret :].startswith('"b": 1}')


def test_a_file_of_something_else_is_no_hindrance(config, monkeypatch):
    """Among the files last read may be any that holds no list of models."""
    monkeypatch.delenv("NOT_SET", raising=False)
    Path("m.yaml").write_text(MORPHED)
    Path("other.yaml").write_text("models: 5")
    morpher, _ = ConfigMorpher("m.yaml"), ConfigMorpher("other.yaml")
    group = ModelDispatcher(morpher.fetch("models")).for_chatcompletions
    with pytest.raises(UnsetVariableError, match=r"m\.yaml:1:24"):
        group.morph(complete, start_from="models[1]")


def test_what_keeps_the_texts_shows_none(tmp_path, monkeypatch):
    """The source of a configuration, its files and what is handed out print names alone."""
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text("models: [{model: m, api_key: sk-canary}]")
    config = ConfigMorpher("c.yaml")
    config.fetch("models")
    assert repr(config.source) == "Source(c.yaml)"
    assert "canary" not in repr((config.source.files, places._handed, places._sources))
