"""Explaining where every value comes from, and where it goes."""

from __future__ import annotations

import json

import pytest
import yaml

from dispatch import Contract, Role, explain
from dispatch.errors import ConfigError, MissingKeyError, RoleError
from dispatch.loading import read_tree
from tests.program import run

BASE = """\
defaults: &d
  timeout: 60
  temperature: 1
x-shared: &s {top_p: 0.5}
models:
  - <<: *s
    name: fast
    model: gpt-4o
    api_key: os.environ/THE_KEY
    extra_headers: {X-Team: sk-canary-0123456789abc}
    temperature: 0.7
  - name: slow
    model: o3
    order: 2
    roles:
      - postcompletions: {task: sum up, temperature: 0}
router_settings: {num_retries: 1}
log: {level: 1, to: stderr}
"""
LOCAL = """\
models: [{name: slow, seed: 1, order: 3}]
log: {level: 2}
"""


def complete(model, temperature=1, **kwargs):
    """A callable that models are passed to."""


@pytest.fixture
def config(write, monkeypatch):
    """Merge three files in a fresh directory."""
    monkeypatch.delenv("THE_KEY", raising=False)
    write("base.yaml", BASE)
    write("local.yaml", LOCAL)
    write("over.json", {"log": {"level": 3}, "models": [{"name": "slow", "seed": 2}]})
    return read_tree(["base.yaml", "local.yaml", "over.json"])


def by_path(*arguments, **keys):
    return {each.where: each for each in explain(*arguments, target=complete, **keys)}


def origins(explanation):
    return [str(place.position) for place in explanation.origins]


def test_origins(config):
    """Each value has its line, also through a merge key, and the lines that it replaced."""
    explained = by_path(config)
    expected = {
        "models[0].top_p": "base.yaml:4:22",
        "models[0].model": "base.yaml:8:12",
        "log.level": "over.json:1:19 local.yaml:2:14 base.yaml:18:14",
        "models[1].seed": "over.json:1:59 local.yaml:1:29",
        "models[1].order": "local.yaml:1:39 base.yaml:14:12",
    }
    assert {path: " ".join(origins(explained[path])) for path in expected} == expected


def test_precedence(config):
    """A role's parameter replaces the model's, which replaces a default."""
    explained = by_path(config)
    default = explained["models[1].timeout"]
    assert [place.path for place in default.origins] == [("defaults", "timeout")]
    assert origins(default) == ["base.yaml:2:12"]
    own = [place.path for place in explained["models[0].temperature"].origins]
    assert own == [("models", 0, "temperature"), ("defaults", "temperature")]
    in_role = explained["models[1].roles[0].postcompletions.temperature"]
    assert (in_role.role, in_role.fate) == ("postcompletions", "parameter")
    assert origins(in_role) == ["base.yaml:16:54", "base.yaml:3:16"]


def test_override(config):
    """A value that was set from outside has that as its origin."""
    overrides = ["models[name=fast].temperature=0.1"]
    tree = read_tree(["base.yaml", "local.yaml"], overrides=overrides)
    (each,) = explain(tree, "models[name=fast].temperature", target=complete)
    first, *replaced = origins(each)
    assert (each.value, first[:12]) == (0.1, "--set models")
    assert replaced == ["base.yaml:11:18", "base.yaml:3:16"]


def test_fates(config):
    """A value becomes a parameter or a keyword argument, or it is for the program or the Router."""
    fates = {path: each.fate for path, each in by_path(config).items()}
    assert fates == yaml.safe_load("""
        defaults.timeout: kwargs
        defaults.temperature: parameter
        x-shared.top_p: section
        models[0].top_p: kwargs
        models[0].name: reserved
        models[0].model: parameter
        models[0].api_key: kwargs
        models[0].extra_headers.X-Team: kwargs
        models[0].temperature: parameter
        models[0].timeout: kwargs
        models[1].name: reserved
        models[1].model: parameter
        models[1].order: router
        models[1].roles[0].postcompletions.task: reserved
        models[1].roles[0].postcompletions.temperature: parameter
        models[1].seed: kwargs
        models[1].timeout: kwargs
        models[1].temperature: parameter
        router_settings.num_retries: router
        log.level: section
        log.to: section
    """)


def test_messages():
    """A system prompt, and the task of what follows the conversation, are sent as messages."""

    def embed(model, **kwargs): ...

    models = [
        {"model": "m", "roles": [{"chatcompletions": "chat"}, {"postcompletions": "sum up"}]},
        {"model": "m", "roles": {"postcompletions": {"task": "review", "system_prompt": "b"}}},
        {"model": "m", "system_prompt": "c", "roles": ["postcompletions", "embed"]},
    ]
    config = {"defaults": {"system_prompt": "a"}, "models": models}
    contract = Contract(["chatcompletions", "postcompletions", Role("embed", calls=embed)])
    explained = explain(config, contract=contract)
    rows = [(each.where, each.fate) for each in explained if not each.where.endswith("model")]
    assert rows == [
        ("defaults.system_prompt", "system"),
        ("defaults.system_prompt", "reserved"),  # for embed
        ("models[0].roles[0].chatcompletions", "reserved"),
        ("models[0].roles[1].postcompletions", "task"),
        ("models[0].system_prompt", "system"),
        ("models[1].roles.postcompletions.task", "task"),
        ("models[1].roles.postcompletions.system_prompt", "system"),
        ("models[1].system_prompt", "system"),
        ("models[2].system_prompt", "system"),
        ("models[2].system_prompt", "reserved"),
        ("models[2].roles[0]", "reserved"),
        ("models[2].roles[1]", "reserved"),
    ]
    words = {each.fate: each.describe() for each in explained}
    assert words["system"] == "sent as the system message"
    assert words["task"] == "sent as the last message"


def test_ignored(config):
    """Without `**kwargs`, a key is ignored, but a named reserved one is passed."""
    explained = explain(config, "models[0]", target=lambda model, name: None)
    fates = {each.where: each.fate for each in explained}
    assert (fates["models[0].api_key"], fates["models[0].name"]) == ("ignored", "parameter")


def test_own_keys():
    """A key that the file or the program declares as its own is reserved."""
    config = {"own_keys": ["tags"], "models": [{"model": "m", "tags": "a", "price": 1}]}
    found = by_path(config, contract=Contract(own_keys=["price"]))
    for path in ("models[0].tags", "models[0].price", "own_keys[0]"):
        assert found[path].fate == "reserved"


def test_other_forms():
    """Models by name, written in Python, or switched off are explained too."""
    config = {"models": {"fast": {"model": "m", "temperature": 0}}}
    assert by_path(config, "models.fast")["models.fast.temperature"].fate == "parameter"
    (only,) = explain([{"model": "m"}], target=complete)
    assert [place.position for place in only.origins] == [None]
    assert list(by_path([{"model": "m", "enabled": False}]))[-1] == "models[0].enabled"


def test_callables_of_the_roles():
    """Without a target, models are passed to the callables of their roles."""

    def embed(model, input): ...

    roles = ["chatcompletions", Role("embed", calls=embed), Role("keep", calls=complete)]
    models = [{"model": "m", "input": 1, "temperature": 0, "roles": ["embed", "keep"]}]
    explained = explain({"models": models}, "models[0]", contract=Contract(roles))
    rows = [(each.where, each.fate, each.target.rpartition(".")[2]) for each in explained]
    assert ("models[0].input", "parameter", "embed") in rows
    assert ("models[0].input", "kwargs", "complete") in rows
    assert ("models[0].temperature", "ignored", "embed") in rows
    (both,) = [each for each in explained if each.where == "models[0].model"]
    assert " and complete" in both.describe()


def test_variable(config, monkeypatch):
    """A reference has its variable and whether that is set; its value is never shown."""
    (before,) = explain(config, "models[0].api_key", target=complete)
    assert (before.variable, before.is_set) == ("THE_KEY", False)
    words = "to complete through **kwargs; resolved from THE_KEY, which is not set"
    assert before.describe() == words
    monkeypatch.setenv("THE_KEY", "sk-canary")
    (after,) = explain(config, "models[0].api_key", target=complete)
    assert after.is_set
    assert "canary" not in repr(after)


def test_narrowing(config):
    """A path, or a role, narrows what is explained; a default has a path in each model too."""
    by_name = explain(config, "models[name=fast].model", target=complete)
    assert [each.where for each in by_name] == ["models[0].model"]
    assert [each.value for each in explain(config, "models[0].timeout", target=complete)] == [60]
    post = explain(config, target=complete, role="postcompletions")
    assert {each.path[1] for each in post} == {1}
    with pytest.raises(MissingKeyError):
        explain(config, "models[name=quick]", target=complete)
    with pytest.raises(RoleError, match="did you mean 'postcompletions'"):
        explain(config, target=complete, role="postcompletion")


def test_command(config):
    """The command takes files, then a path."""

    def lines(arguments):
        done = run("explain", *arguments.split())
        return [line.strip() for line in done.stdout.splitlines()]

    assert lines("base.yaml local.yaml models[1].timeout --for json.dumps") == [
        "models[1].timeout: 60",
        "from defaults.timeout at base.yaml:2:12",
        "to dumps through **kwargs",
    ]
    assert lines("base.yaml local.yaml models[1].order --for json.dumps")[1:] == [
        "from local.yaml:1:39, replaces base.yaml:14:12",
        "for LiteLLM's Router: not sent",
    ]
    demo = lines("--demo models[0].model --for litellm.acompletion")
    assert demo[2] == "a parameter of litellm.acompletion"


def test_json(config, write):
    """The JSON is valid even for values such as NaN, and contains no secret."""
    file = write("c.yaml", "models: [{model: m, temperature: .nan, .inf: 1}]\n")
    done = run("explain", file, "--for", "json.dumps", "--json")

    def refuse(constant):
        raise AssertionError(constant)

    rows = json.loads(done.stdout, parse_constant=refuse)
    assert [row["value"] for row in rows] == ["m", "nan", 1]
    done = run("explain", "base.yaml", "--for", "json.dumps", "--json")
    assert "canary" not in done.stdout
    assert json.loads(done.stdout)[0]["origins"][0]["position"]["file"] == "base.yaml"


def test_absent_callable(config):
    """`--for` names what can be imported."""
    done = run("explain", "base.yaml", "--for", "litellm.nope")
    assert (done.returncode, "cannot import 'litellm.nope'" in done.stderr) == (2, True)


@pytest.mark.parametrize("error", [{"models": 1}, {"defaults": 1}, {"models": ["m"]}])
def test_faulty(error):
    """A malformed configuration is an error with a location, as in a dispatcher."""
    with pytest.raises(ConfigError):
        explain({"models": [{"model": "m"}], **error}, target=complete)


def test_hidden_under_other_names(write):
    """A secret is hidden under the second name of an anchor, and in a string that lacks a space."""
    text = """\
x-shared: &k sk-canary
models:
  - {name: a, model: *k, api_key: *k}
  - model: openai/gpt-4o
    stop: ['api_key: canary-3']
    extra_body:
      api_key:sk-canary-2
"""
    found = explain(read_tree([write("c.yaml", text)]), target=complete)
    shown = {each.where: each.value for each in found}
    assert shown["x-shared"] == shown["models[0].model"] == shown["models[0].api_key"] == "***"
    assert shown["models[1].extra_body"] == "api_key:***"
    assert "canary" not in repr(shown)


def test_borrowed_role():
    """Models of a role that has none of its own are marked as borrowed."""
    config = {"models": [{"model": "m"}], "roles": {"title": {"otherwise": "chatcompletions"}}}
    (found,) = explain(config, target=json.dumps, role="title")
    assert found.describe().endswith("; borrowed from chatcompletions")
    (found,) = explain(config, "models", target=json.dumps, role="chatcompletions")
    assert "borrowed" not in found.describe()


def test_path_in_a_proxy_file():
    """The path that check prints for LiteLLM's own file is explained."""
    entry = {"model_name": "smart", "litellm_params": {"model": "openai/gpt-4o", "seed": 1}}
    config = {"model_list": [entry, {**entry, "model_name": "other"}]}
    (each,) = explain(config, "model_list[1].litellm_params.seed")
    assert (each.where, each.value, each.fate) == ("models[1].seed", 1, "parameter")
    assert len(explain(config, "model_list[0]")) == len(explain(config, "models[0]"))
