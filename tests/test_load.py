"""Files to a dispatcher: merging by name, defaults, declared roles, overrides."""

from __future__ import annotations

import warnings

import pytest

from dispatch import ConfigMorpher, Contract, ModelDispatcher, Role, check, load
from dispatch.errors import ConfigError, FileError
from dispatch.loading import read_tree
from tests.helpers import raised

BASE = """\
defaults: {timeout: 60}
own_keys: [tags]
roles:
  title: {description: names a conversation, otherwise: chatcompletions, multiple: false}
models:
  - name: a
    model: gpt-4o
    tags: [fast]
    metadata: {team: blue, keys: [1, 2]}
  - name: b
    model: gpt-4.1
    timeout: 5
router_settings: {num_retries: 2}
"""
LOCAL = """\
models:
  - {name: b, temperature: 0.5}
  - name: a
    metadata: {keys: [3]}
  - {name: c, model: o3, enabled: false}
"""


@pytest.fixture(autouse=True)
def files(write, monkeypatch):
    """Write the two files."""
    monkeypatch.delenv("DISPATCH_SET", raising=False)
    write("base.yaml", BASE)
    write("local.yaml", LOCAL)


def models_of(dispatcher):
    return {model["name"]: dict(model) for model in dispatcher.for_chatcompletions}


def test_merge_by_name():
    """A later file changes models of known names deeply, and adds the others."""
    models = models_of(load("base.yaml", "local.yaml"))
    assert list(models) == ["a", "b"]
    assert models["b"]["temperature"] == 0.5
    assert models["a"]["metadata"] == {"team": "blue", "keys": [3]}
    assert [models[name]["timeout"] for name in "ab"] == [60, 5]
    # `ConfigMorpher` alone merges mappings, and replaces lists.
    assert len(ConfigMorpher(["base.yaml", "local.yaml"]).fetch("models")) == 3


def test_sections():
    """Declared roles apply, own keys reach no call, and other sections are available."""
    dispatcher = load("base.yaml")
    assert list(dispatcher.contract) == ["chatcompletions", "postcompletions", "title"]
    assert dispatcher.contract.own_keys == {"tags"}
    assert dispatcher.for_title.borrowed_from == "chatcompletions"
    assert dict(dispatcher.sections) == {"router_settings": {"num_retries": 2}}
    taken = dispatcher.for_chatcompletions.morph(lambda **kwargs: None)
    metadata = {"team": "blue", "keys": [1, 2]}
    assert taken == {"model": "gpt-4o", "metadata": metadata, "timeout": 60}


@pytest.mark.parametrize(
    "make", [lambda config: load(config.config), load, ModelDispatcher], ids=["dict", "load", "own"]
)
def test_other_sources(make):
    """A mapping and a ConfigMorpher give what the file gives."""
    assert make(ConfigMorpher("base.yaml")).groups == load("base.yaml").groups


def test_models_by_name(write):
    """Models may be written as a mapping of names."""
    write("named.yaml", "models:\n  fast: {model: gpt-4o-mini}\n  deep: {model: o3}\n")
    assert list(models_of(load("named.yaml"))) == ["fast", "deep"]
    for text in ("models:\n  deep: {seed: 1}\n", "models:\n  - {name: deep, seed: 1}\n"):
        more = write("more.yaml", text)
        assert models_of(load("named.yaml", more))["deep"]["seed"] == 1


def test_optional_files():
    """An optional file may be absent; any other may not."""
    assert load("base.yaml", optional=["absent.yaml"]).groups == load("base.yaml").groups
    merged = load("base.yaml", optional=["local.yaml"])
    assert merged.groups == load("base.yaml", "local.yaml").groups
    with pytest.raises(FileError, match=r"absent\.yaml"):
        load("absent.yaml")


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("models[name=b].temperature=0", "models[1].temperature", 0),
        ("models[0].model=o3", "models[0].model", "o3"),
        ("models[name=a].metadata.team=red", "models[0].metadata.team", "red"),
        ("models[0].stop=[a, b]", "models[0].stop", ["a", "b"]),
        ("models[0].system_prompt=a=b", "models[0].system_prompt", "a=b"),
        ("models[0].metadata.keys[1]=9", "models[0].metadata.keys", [1, 9]),
        ("models[0].seed=", "models[0].seed", None),
        ("defaults.seed=1", "models[1].seed", 1),
    ],
)
def test_overrides(override, path, value):
    """An override sets one value, typed as YAML reads it."""
    assert load("base.yaml", overrides=[override]).for_chatcompletions.fetch(path) == value


@pytest.mark.parametrize("path", ["models[name=a].seed", "models.a.seed"])
@pytest.mark.parametrize("models", [{"a": {"model": "m"}}, [{"name": "a", "model": "m"}]])
def test_override_by_name(models, path):
    """An override can name a model in either form; its section may be new."""
    overrides = [f"{path}=1", "router_settings.num_retries=0"]
    dispatcher = load({"models": models}, overrides=overrides)
    assert dispatcher.for_chatcompletions.kwargs() == {"model": "m", "seed": 1}
    assert dispatcher.sections == {"router_settings": {"num_retries": 0}}


def test_overrides_from_the_environment(monkeypatch):
    """DISPATCH_SET contains overrides, one per line; those of the call override them."""
    monkeypatch.setenv("DISPATCH_SET", "models[0].seed=1\nmodels[0].top_p=1\n")
    group = load("base.yaml", overrides=["models[0].seed=2"]).for_chatcompletions
    assert (group.fetch("models[0].seed"), group.fetch("models[0].top_p")) == (2, 1)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("models[name=bb].seed=1", "did you mean 'b'"),
        ("modles[0].seed=1", "did you mean 'models'"),
        ("models[7].seed=1", "no item"),
        ("models[0].name.x=1", "leads to no key"),
        ("models[0].seed", "takes path=value"),
        ("models[0].seed=[", "invalid YAML"),
        ("models[0", "malformed path|takes path=value"),
        ("models[0].api_key", r"takes path=value"),
    ],
)
def test_wrong_overrides(override, words, monkeypatch):
    """An override that leads nowhere is an error with the nearest name, and its source."""
    monkeypatch.setenv("DISPATCH_SET", override)
    with pytest.raises(ConfigError, match=words) as caught:
        load("base.yaml", overrides=[override])
    found = [str(fault).split()[0] for fault in caught.value.faults]
    assert found == ["DISPATCH_SET", "--set"]


@pytest.mark.parametrize(
    ("overrides", "wins"),
    [
        (["models[name=a].seed=3"], ["models[name=a].seed"]),
        (["models[name=a].extra_body.x=3"], ["models[name=a].extra_body.x"]),
        (["models[name=a].seed=3", "models[0].roles[1].postcompletions.seed=4"], []),
        (["models[name=a].top_p=1", "models[name=b].seed=3", "defaults.seed=3"], []),
    ],
)
def test_idle_override(overrides, wins, write):
    """A role entry wins over an override of its model's key, with a warning at its place."""
    entry = "{postcompletions: {seed: 2, extra_body: {}}}"
    text = f"""\
models:
  - {{name: a, model: m, seed: 1, extra_body: {{}}, roles: [chatcompletions, {entry}]}}
  - {{name: b, model: m, seed: 1}}
"""
    file = write("c.yaml", text)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        group = load(file, overrides=overrides).for_postcompletions
    checked = check(read_tree([file], overrides=overrides)).warnings
    messages = [str(each.message) for each in caught]
    assert [fault.message for fault in checked if fault.code == "idle-override"] == [
        f"wins over --set {path}" for path in wins
    ]
    assert len(messages) == len(wins)
    for message, path in zip(messages, wins, strict=True):
        assert f": wins over --set {path}; to replace it, override this path" in message
        assert message.startswith("c.yaml:2:")
    assert group.fetch("models[0].seed") == (2 if wins or "top_p" in overrides[0] else 4)


def test_place_of_an_override(monkeypatch):
    """A fault in a value that was overridden is at the override."""
    monkeypatch.setenv("DISPATCH_SET", "models[0].roles=chat")
    overrides = ["models[1].roles=chat", "models[0].api_key=sk-canary"]
    error = raised(ConfigError, load, "base.yaml", overrides=overrides)
    places = [str(fault.position) for fault in error.faults]
    assert places == ["DISPATCH_SET models[0].roles", "--set models[1].roles"]
    assert "sk-canary" not in str(error)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("- {name: b, roles: [chat]}", "local.yaml:2:21: models[1].roles[0]"),
        ("- {name: new, roles: [chat]}", "local.yaml:2:3: models[2]"),
        ("- {name: a, model: 7}", "local.yaml:2:20: models[0].model"),
    ],
)
def test_places_in_merged_files(write, text, place):
    """A fault in a merged model is at the line of the file that wrote it."""
    local = write("local.yaml", f"models:\n{text}\n")
    error = raised(ConfigError, load, "base.yaml", local)
    assert str(error.faults[0]).startswith(place)


def test_place_in_defaults_and_role_entries(write):
    """A fault in a default or in a role's parameter is at the line there."""
    roles = "[chatcompletions, postcompletions: {task: a, api_key: ''}]"
    text = f"defaults:\n  api_key: ''\nmodels:\n- {{model: gpt-4o, roles: {roles}}}\n"
    dispatcher = load(write("c.yaml", text))
    for group, place in (
        (dispatcher.for_chatcompletions, "c.yaml:2:12: defaults.api_key"),
        (dispatcher.for_postcompletions, "c.yaml:4:80: models[0].roles[1].postcompletions.api_key"),
    ):
        error = raised(ConfigError, group.morph, lambda **kwargs: None)
        assert str(error.faults[0]).startswith(place)


@pytest.mark.parametrize(
    ("section", "where", "words"),
    [
        ("roles: {title: {requird: true}}", "roles.title.requird", "did you mean 'required'"),
        ("roles: {title: {required: 1}}", "roles.title.required", "expected true or false"),
        ("roles: {title: {task: maybe}}", "roles.title.task", "optional, required or none"),
        ("roles: {title: yes}", "roles.title", "expected a mapping"),
        ("roles: {title: {otherwise: x}}", "roles.title.otherwise", "'x', which is not declared"),
        ("roles: 7", "roles", "expected a mapping of roles"),
        ("defaults: [1]", "defaults", "expected a mapping of keys"),
        ("defaults: {roles: []}", "defaults.roles", "cannot be the same for all models"),
        ("own_keys: tags", "own_keys", "expected a list of keys"),
    ],
)
def test_wrong_sections(write, section, where, words):
    """A section of the wrong shape is reported with its location."""
    file = write("c.yaml", f"models: [{{model: gpt-4o}}]\n{section}\n")
    error = raised(ConfigError, load, file)
    assert words in str(error)
    assert (error.faults[0].where, error.faults[0].position.line) == (where, 2)


def test_program_wins_over_the_file():
    """A program's declaration of a role overrides the file; other roles are added."""
    roles = Contract([Role("chatcompletions"), Role("title", description="mine")], ["price"])
    contract = load("base.yaml", roles=roles).contract
    assert contract["title"].description == "mine"
    assert contract.own_keys == {"price", "tags"}
    with pytest.raises(ConfigError, match="the program has no role 'title'"):
        load("base.yaml", roles=["chatcompletions"], strict=True)


@pytest.mark.parametrize("read", [load, ModelDispatcher])
def test_one_own_key(read):
    """One own key may be given as a string, whatever form the configuration has."""
    config = {"models": [{"model": "gpt-4o"}], "own_keys": ["price"]}
    assert read(config, own_keys="tags").contract.own_keys == {"price", "tags"}
    assert ModelDispatcher(config["models"], own_keys="tags").contract.own_keys == {"tags"}


def test_a_path_is_no_list_of_models():
    """A dispatcher that is given a path names the function that reads it."""
    with pytest.raises(ConfigError, match=r"call dispatch\.load\(path\)"):
        ModelDispatcher("base.yaml")
    with pytest.raises(ConfigError, match="has no key 'models'"):
        ModelDispatcher(ConfigMorpher({"model": []}))
