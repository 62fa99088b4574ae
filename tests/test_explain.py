"""Explaining: for every value where it came from, and where it goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dispatch import ConfigMorpher
from dispatch.check import check
from dispatch.cli import app
from dispatch.errors import ConfigError, MissingKeyError, RoleError
from dispatch.explain import explain

BASE = """\
defaults: &d
  temperature: 0
models:
  - <<: *d
    name: fast
    model: gpt-4o
    api_key: os.environ/THE_KEY
    extra_headers: {X-Team: sk-canary}
  - model: o3
    roles: {postcompletions: sum up}
log: {level: 1, to: stderr}
"""


def complete(model, temperature=1, **kwargs):
    """Stand in for what models are handed to."""


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Merge two files in a fresh directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THE_KEY", raising=False)
    Path("base.yaml").write_text(BASE)
    Path("over.json").write_text('{"log": {"level": 2}}')
    return ConfigMorpher(["base.yaml", "over.json"])


def by_place(explained):
    return {each.place: each for each in explained}


def test_each_value_tells_where_it_was_written(config):
    """The line itself, also through a merge key; and what it was merged over."""
    explained = by_place(explain(config, target=complete))
    assert [str(at) for at in explained["models[0].temperature"].origins] == ["base.yaml:2:16"]
    assert [str(at) for at in explained["models[0].model"].origins] == ["base.yaml:6:12"]
    over = explained["log.level"].origins
    assert [str(at) for at in over] == ["over.json:1:19", "base.yaml:11:14"]


def test_each_value_tells_where_it_goes(config):
    """By name, through `**kwargs`, or nowhere since it is the dispatcher's own."""
    fates = {place: each.fate for place, each in by_place(explain(config, target=complete)).items()}
    assert fates == {
        "defaults.temperature": "outside",
        "models[0].temperature": "named",
        "models[0].name": "kept",
        "models[0].model": "named",
        "models[0].api_key": "passed",
        "models[0].extra_headers.X-Team": "passed",
        "models[1].model": "named",
        "models[1].roles.postcompletions": "kept",
        "log.level": "outside",
        "log.to": "outside",
    }


def test_what_a_callable_does_not_take_is_told(config):
    """Without `**kwargs` a key is dropped, and an own key that is named is handed over."""

    def strict(model, name): ...

    fates = {each.place: each.fate for each in explain(config, "models[0]", target=strict)}
    assert fates["models[0].api_key"] == "dropped"
    assert fates["models[0].name"] == "named"


def test_a_reference_tells_its_variable_and_whether_that_is_set(config, monkeypatch):
    """Resolved from NAME, which is set or unset; its value is never told."""
    (before,) = explain(config, "models[0].api_key", target=complete)
    assert (before.variable, before.is_set) == ("THE_KEY", False)
    assert before.told() == "to complete through **kwargs; resolved from THE_KEY, which is unset"
    monkeypatch.setenv("THE_KEY", "sk-canary")
    (after,) = explain(config, "models[0].api_key", target=complete)
    assert after.is_set
    assert "canary" not in repr(after)


def test_no_secret_is_explained(config):
    """Values are redacted, and so are the lines that they come from."""
    assert "canary" not in repr(explain(config, target=complete))


def test_a_path_or_a_role_narrows_what_is_explained(config):
    """Any path that `fetch` takes; a role stands for the models that play it."""
    by_name = explain(config, "models[name=fast].model", target=complete)
    assert [each.place for each in by_name] == ["models[0].model"]
    post = explain(config, target=complete, role="postcompletions")
    assert {each.path[1] for each in post} == {1}
    with pytest.raises(MissingKeyError):
        explain(config, "models[name=slow]", target=complete)
    with pytest.raises(RoleError, match="did you mean 'postcompletions'"):
        explain(config, target=complete, role="postcompletion")


def test_a_configuration_from_no_file_has_no_origins():
    """A mapping is explained too: only nobody knows where it was written."""
    (only,) = explain(ConfigMorpher({"models": [{"model": "m"}]}), target=complete)
    assert only.origins == ()


def test_the_command_tells_the_same(config):
    """Files first, then a path; `--for` names the callable, `--json` is for machines."""
    told = CliRunner().invoke(
        app,
        ["explain", "base.yaml", "over.json", "models[0].api_key", "--for", "litellm.acompletion"],
    )
    assert told.output.splitlines() == [
        'models[0].api_key: "os.environ/THE_KEY"',
        "    from base.yaml:7:14",
        "    a parameter of litellm.acompletion; resolved from THE_KEY, which is unset",
    ]
    plain = CliRunner().invoke(app, ["explain", "base.yaml", "--for", "json.dumps", "--json"])
    assert "canary" not in plain.output
    assert json.loads(plain.output)[0]["origins"][0]["file"] == "base.yaml"


def test_a_callable_that_is_not_there_is_an_error_of_this_package(config):
    """`--for` names what can be imported."""
    told = CliRunner().invoke(app, ["explain", "base.yaml", "--for", "litellm.nope"])
    assert isinstance(told.exception, ConfigError)
    assert "cannot import 'litellm.nope'" in str(told.exception)


def test_a_secret_is_hidden_under_a_plain_name_too(tmp_path):
    """An anchor gives one value two names; a missing space makes a text of a mapping."""
    file = tmp_path / "c.yaml"
    file.write_text(
        "x-shared: &k sk-canary\n"
        "models:\n"
        "  - {name: a, model: *k, api_key: *k}\n"
        "  - model: openai/gpt-4o\n"
        "    extra_body:\n"
        "      api_key:sk-canary-2\n"
    )
    config = ConfigMorpher(file)
    told = {each.place: each.value for each in explain(config, target=lambda **rest: None)}
    assert told["x-shared"] == told["models[0].model"] == told["models[0].api_key"] == "***"
    assert told["models[1].extra_body"] == "api_key:***"
    report = check(config)
    assert "LiteLLM cannot tell who serves '***'" in [fault.message for fault in report.warnings]
    assert "canary" not in "".join(
        f"{f.message}{f.hint}" for f in (*report.faults, *report.warnings)
    )
