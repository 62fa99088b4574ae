"""Positions: a fault points to its line, and costs nothing until there is one."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from dispatch import ConfigError, ConfigMorpher, ModelDispatcher, load, make_router, proxy_config
from dispatch.config.files import load_files
from dispatch.config.positions import File, Source
from dispatch.errors import (
    CredentialLeakWarning,
    SecretError,
    UnknownKeyWarning,
    UnsetVariableError,
    UnsetVariableWarning,
)
from dispatch.immutable import origin_of
from dispatch.litellm.deployments import model_list
from tests.helpers import raised


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("ABSENT", "TEAM", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def at(source, *path, code=""):
    return str(source.position(path, code) if code else source.position(path))


def source_of(*texts: tuple[str, str], models=()) -> Source:
    files = [File(name, name.rpartition(".")[2], text) for name, text in texts]
    return Source(files, models)


# the same configuration in each format

TEXTS = {
    "c.yaml": """\
defaults: &d {timeout: 5}
models:
- name: a
  <<: *d
  roles: [x, {y: z}]
- name: 😀
  params: {k.k: [1, [2]]}
  stop:
""",
    "c.json": """\
{"defaults": {"timeout": 5},
"models": [
 {"name": "a",
  "n": 1, "timeout": 5,
  "roles":["x",{"y":"z"}]},
 {"name":"\\ud83d\\ude00",
  "params": {"k\\u002ek": [1, [2]]},
  "stop": null}]}
""",
    "c.toml": """\
defaults = {timeout = 5}
# models
[[models]]
name = "a"
roles = ["x", {y = 'z'}] # [ "
[[ models ]]
params."k.k" = [1, [2]]
stop = '''
[models]
''' \n""",
}
PLACES = [  # a path, and where it is in YAML, JSON and TOML
    (("models", 0, "name"), "3:9 3:11 4:1"),
    (("models", 0, "roles"), "5:10 5:11 5:1"),
    (("models", 0, "roles", 0), "5:11 5:12 5:10"),
    (("models", 0, "roles", 1, "y"), "5:18 5:21 5:15"),
    (("models", 0, "absent"), "3:3 3:2 3:1"),
    (("models", 1), "6:3 6:2 6:1"),
    (("models", 1, "params", "k.k", 1, 0), "7:22 7:31 7:20"),
    (("models", 1, "stop"), "8:3 8:11 8:1"),
    (("models", 2), "3:1 2:11 3:1"),
    (("absent",), "1:1 1:1 1:1"),
]


@pytest.mark.parametrize(("path", "places"), PLACES)
def test_each_format(path, places):
    """The deepest part of a path that was written is found; in TOML, as far as items of arrays."""
    found = [at(source_of((name, text)), *path) for name, text in TEXTS.items()]
    assert found == [f"{name}:{at}" for name, at in zip(TEXTS, places.split(), strict=True)]


def test_keys():
    """A fault about a key is at the key, any other one at the value."""
    source = source_of(("c.yaml", "models: [{modle: m, roles: {chat: x}, stop: }]"))
    assert at(source, "models", 0, "modle") == "c.yaml:1:18"
    assert at(source, "models", 0, "modle", code="unknown-key") == "c.yaml:1:11"
    assert at(source, "models", 0, "roles", code="undeclared-role") == "c.yaml:1:28"
    assert at(source, "models", 0, "roles", "chat", code="undeclared-role") == "c.yaml:1:29"
    assert at(source, "models", 0, "stop") == "c.yaml:1:39", "nothing is written there"


def test_merge_keys():
    """Through a merge key the place is that of the value: own keys win, then the first merged."""
    text = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, y: 2, z: 2}\nc: {<<: [*b, *a], z: 3}"
    source = source_of(("c.yaml", text))
    places = [at(source, "c", key) for key in "xyz"]
    assert places == ["c.yaml:1:11", "c.yaml:2:19", "c.yaml:3:22"]


def test_empty_file():
    """If nothing was written there, only the file is named."""
    assert at(source_of(("c.yaml", "# nothing")), "models") == "c.yaml"


def test_merged_files():
    """The file that wins is named, and `positions` names those that it replaced."""
    source = source_of(
        ("a.yaml", "log: {level: 1, name: x}\nmodels: [{model: m}, {model: n}]"),
        ("b.toml", "log = {level = 2}"),
        ("c.json", '{"models": [{"model": "o"}]}'),
    )
    assert source.name == "a.yaml + b.toml + c.json"
    assert at(source, "log", "level") == "b.toml:1:1"
    assert at(source, "log", "name") == "a.yaml:1:23"
    assert at(source, "log", "absent") == "b.toml:1:1"
    assert at(source, "models", 1, "model") == "c.json:1:12", "the list was replaced"
    places = map(str, source.positions(("log", "level")))
    assert list(places) == ["b.toml:1:1", "a.yaml:1:14"]
    assert source.positions(("log", "absent")) == []


def test_models_merged_by_name():
    """A model is looked for in each file that it was written in, the last one first."""
    source = source_of(
        ("a.yaml", "models:\n- {name: a}\n- {name: b, model: m, stop: [x], seed: 1}"),
        ("b.yaml", "models:\n  b: {stop: [], temperature: 1e-7}\n  c: {model: n}"),
        models=(
            ((0, ("models", 0)),),
            ((0, ("models", 1)), (1, ("models", "b"))),
            ((1, ("models", "c")),),
        ),
    )
    assert at(source, "models", 1, "seed") == "a.yaml:3:40"
    assert at(source, "models", 1, "stop", 0) == "b.yaml:2:13"
    assert at(source, "models", 1, "temperature") == "b.yaml:2:30"
    assert at(source, "models", 2, "model") == "b.yaml:3:14"
    assert at(source, "models", 3) == "b.yaml:2:3"
    places = map(str, source.positions(("models", 1, "stop")))
    assert list(places) == ["b.yaml:2:13", "a.yaml:3:29"]
    (fault,) = source.pitfalls()
    assert (fault.path, str(fault.position)) == (("models", 1, "temperature"), "b.yaml:2:30")


# lines that are shown


@pytest.mark.parametrize(
    ("text", "offset", "shown", "caret"),
    [
        ("a: 日本 x", 3, "a: 日本 x", "   ^"),
        ("日本: x", 4, "日本: x", "      ^"),
        ("{\ta: x}", 2, "{\ta: x}", " \t^"),
        ("a: x # a note", 3, "a: x", "   ^"),
        ("a: x\u200by", 3, "a: x\ufffdy", "   ^"),
        ("b: x\r\nc: y\r\n", 9, "c: y", "   ^"),
    ],
)
def test_caret(text, offset, shown, caret):
    """The caret is under what is meant, also behind wide characters and tabs."""
    position = File("c.yaml", "yaml", text).position(offset, ("a",))
    assert position.excerpt == f"{shown}\n{caret}"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends(newline):
    """Lines end as YAML ends them."""
    text = newline.join(["models:", "- model: m", "  roles: [chat]"])
    position = File("c.yaml", "yaml", text).position(text.index("chat"))
    assert position[:3] == ("c.yaml", 3, 11)
    assert position.excerpt == "  roles: [chat]\n          ^"


def test_long_line():
    """A long line is not shown."""
    assert File("c.yaml", "yaml", f"a: {'x ' * 100}").position(3, ("a",)).text == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.yaml", "{api_key: canary, b: x}"),
        ("c.yaml", "b: x # api_key: canary"),
        ("c.yaml", "b: x # my canary"),
        ("c.yaml", "b: {x: sk-proj-canary-canary}"),
        ("c.yaml", "b: https://me:canary@host"),
        ("c.yaml", 'b: "https:\\/\\/me:canary@host"'),
        ("c.yaml", "b: &k canary\napi_key: *k"),
        ("c.yaml", "b: &k it''s canary\napi_key: *k"),
        ("c.yaml", "{api_key:\n  [canary,\n  x], b: x}"),
        ("c.yaml", "{api_key: 'a\n canary', b: x}"),
        ("c.yaml", "api_key: canary\nb: as canary says"),
        ("c.json", '{"api_key": "canary", "b": 1}'),
        ("c.json", '{"api\\u005fkey": "canary", "b": 1}'),
        ("c.json", '{"password":\n"canary", "b": 1}'),
        ("c.toml", "b = 1 # canary"),
        ("c.toml", "[x]\napi_key = '''\ncanary'''\nb = 1"),
    ],
)
def test_lines_show_no_secret(name, text):
    """A line is left out where it mentions a secret, or holds one of the file."""
    file = File(name, name[2:], text)
    offsets = [0, *(at + 1 for at, character in enumerate(text) if character == "\n")]
    assert "canary" not in "".join(file.position(at, ("a",)).text for at in offsets)


def test_secret_path():
    """The line of a value under a secret key is left out, wherever the value was written."""
    source = source_of(("c.yaml", "x: &x {a: 5}\ncredentials: *x\nb: *x"))
    assert source.position(("credentials", "a")) == ("c.yaml", 1, 11, "", 0)
    assert source.position(("b", "a")).text == "x: &x {a: 5}"


def test_source_shows_names():
    """Objects that keep the text of files do not print it."""
    source = source_of(("c.yaml", "api_key: sk-canary"))
    assert repr(source) == "Source('c.yaml')"
    assert repr(source.files) == "[File('c.yaml', 'yaml')]"


# what YAML 1.1 reads otherwise


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("1e-7", "1e-7 as a string, YAML 1.2 as a number; write 1.0e-7, or quote it"),
        ("1e5", "1e5 as a string, YAML 1.2 as a number; write 1.0e+5, or quote it"),
        ("-2.5E3", "-2.5E3 as a string, YAML 1.2 as a number; write -2.5e+3, or quote it"),
        ("0100", "0100 as an octal number; write 100, or quote it"),
        ("-0_17", "-0_17 as an octal number; write -17, or quote it"),
        ("1:30", "1:30 as a number in base 60; quote it"),
    ],
)
def test_pitfalls(written, says):
    """The hint of a pitfall writes the user's own number, as YAML 1.1 reads it."""
    (fault,) = source_of(("c.yaml", f"models: [{{a: {written}}}]")).pitfalls()
    assert (fault.path, fault.severity) == (("models", 0, "a"), "warning")
    assert str(fault) == f"c.yaml:1:14: models[0].a: YAML 1.1 reads {says}"


@pytest.mark.parametrize(
    "written",
    ["'1e-7'", "!!str 1e-7", "1.0e-7", "1.5e+3", "0", "00", "0x1f", "12:ab", "0o17", "1e"],
)
def test_no_pitfall(written):
    """Values that are quoted, tagged or read as they look are not pitfalls."""
    assert not list(source_of(("c.yaml", f"models: [{{a: {written}}}]")).pitfalls())


def test_pitfalls_once():
    """A value that aliases repeat is reported once, a known or a replaced one not at all."""
    first = "x: &x {n: 010}\ndefaults: {<<: *x, api_key: 0123}\nmodels: [*x, *x]"
    source = source_of(("a.yaml", first), ("b.yaml", "models: [{n: 1}]"), ("c.json", '{"a": 1}'))
    faults = [str(fault) for fault in source.pitfalls()]
    assert faults == [
        "a.yaml:1:11: defaults.n: YAML 1.1 reads 010 as an octal number; write 10, or quote it",
        "a.yaml:2:29: defaults.api_key: YAML 1.1 reads this as an octal number; quote it",
    ]
    assert len(list(source.pitfalls({("defaults", "n")}))) == 1


# through dispatch

FILE = """\
x-defaults: &defaults
  temperature: 0
  {key}
models:
  - name: fast
    model: openai/gpt-4o
    <<: *defaults
    roles: [chatcompletions, postcompletions: sum up]
  - name: other
    model: openai/gpt-4o
"""


def write(key: str, old: str = "", new: str = "") -> ConfigMorpher:
    Path("c.yaml").write_text(FILE.replace("{key}", key).replace(old or "\0", new))
    return ConfigMorpher("c.yaml")


WAYS = {
    "dispatch": lambda models: None,
    "call": lambda models: models.for_chatcompletions.morph(call, "models[0]", strict=True),
    "list": lambda models: model_list(models.groups),
    "router": make_router,
    "export": lambda models: proxy_config(models.groups),
}


def call(**kwargs):
    """Stand in for a callable that a group's models are passed to."""


@pytest.mark.parametrize(
    ("key", "way", "error", "column"),
    [
        ("roles: [chat]", "dispatch", ConfigError, 11),
        ("messages: []", "list", ConfigError, 13),
        ("model_info: {id: mine}", "list", ConfigError, 20),
        ("headers: {X-Team: [os.environ/TEAM]}", "list", ConfigError, 22),
        ("api_key: ''", "list", ConfigError, 12),
        ("system_prompt: ${PROMPT}", "router", ConfigError, 18),
        ("stop: [os.environ/STOP]", "export", ConfigError, 10),
        ("api_key: sk-canary", "export", SecretError, 12),
        ("api_key: $MINE", "call", ConfigError, 12),
        ("api_key: os.environ/ABSENT", "call", UnsetVariableError, 12),
        ("max_token: 1", "call", ConfigError, 3),
    ],
)
def test_errors(key, way, error, column):
    """Whatever finds a fault in a model, through a merge key, names its line."""
    own_roles = ("    roles: [chatc", "    x: [") if way == "dispatch" else ("", "")
    config = write(key, *own_roles)
    with pytest.raises(error) as caught:
        WAYS[way](ModelDispatcher(config))
    fault = caught.value.faults[0]
    assert fault.path[:2] == ("models", 0)
    assert fault.position[:3] == ("c.yaml", 3, column)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "category", "column"),
    [
        ("max_token: 1", UnknownKeyWarning, 3),
        ("api_base: http://127.0.0.1:9/v1", CredentialLeakWarning, 13),
        ("api_key: os.environ/ABSENT", UnsetVariableWarning, 12),
    ],
)
def test_warnings(monkeypatch, key, category, column):
    """Every warning of a Router names its line."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    with pytest.warns(category) as caught:
        make_router(ModelDispatcher(write(key)))
    fault = next(each.message.args[0] for each in caught if each.category is category)
    assert fault.position[:3] == ("c.yaml", 3, column)


@pytest.mark.parametrize("read", [ModelDispatcher, lambda _: load("c.yaml")])
def test_duplicate_names(read):
    """Of two models of one name, the second is named."""
    models = read(write("top_p: 1", "name: other", "name: fast"))
    error = raised(ConfigError, model_list, models.groups)
    assert [fault.position.line for fault in error.faults] == [9]


def test_own_section():
    """A configuration that is no list of models knows its lines too."""
    Path("c.yaml").write_text("search:\n  tool: {api_key: $KEY}\n")
    source = origin_of(load_files("c.yaml")).source
    assert at(source, "search", "tool", "api_key") == "c.yaml:2:19"


def test_models_of_python():
    """Models that were written in Python have no position, whatever files were read before."""
    models = [*write("top_p: 1").fetch("models"), {"name": "b"}]
    (fault,) = raised(ConfigError, ModelDispatcher, models).faults
    assert (fault.path, fault.position) == (("models", 2), None)


def test_text_as_it_was_read():
    """A file that changes meanwhile, or vanishes, moves no position."""
    config = write("messages: []")
    Path("c.yaml").unlink()
    with pytest.raises(ConfigError, match=r"^c\.yaml:3:13: models\[0\]\.messages"):
        model_list(ModelDispatcher(config).groups)


def test_nothing_before_a_fault():
    """Nothing is composed for positions as long as there is no fault."""
    config = write("top_p: 1")
    ModelDispatcher(config).for_chatcompletions.morph(call, "models[0]")
    (file,) = config.source.files
    assert not {"root", "_lines", "_secrets"} & vars(file).keys()
    config.source.position(("models", 0))
    assert "root" in vars(file)


def test_pickling():
    """A pickle contains the configuration, without the text of its files."""
    again = pickle.loads(pickle.dumps(config := write("top_p: 0.5")))
    assert (again, again.source) == (config, None)


def test_many_faults():
    """A fault in each of 500 models is at its place."""
    models = "".join(f"- {{name: m{n}, model: gpt-4o, roles: [r{n}]}}\n" for n in range(500))
    Path("c.yaml").write_text(f"models:\n{models}")
    with pytest.raises(ConfigError, match=r"c\.yaml:101:\d+: models\[99\]") as caught:
        ModelDispatcher(ConfigMorpher("c.yaml"))
    assert len(caught.value.faults) == 500
