"""Faults that are found long after a file was read are still told with the line to mend."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from dispatch import ConfigMorpher, ModelDispatcher, dispatch, thaw
from dispatch.errors import (
    ConfigError,
    ForeignKeyWarning,
    SecretError,
    SuspiciousKeyWarning,
    UnsetVariableError,
    UnsetVariableWarning,
)
from dispatch.llm.deployments import model_list
from dispatch.llm.proxy import proxy_config
from dispatch.llm.router import make_router
from dispatch.origins import locator

FILE = """\
defaults: &defaults
  temperature: 0
  {key}
  user: {test}
models:
  - name: fast
    model: openai/gpt-4o
    <<: *defaults
    roles: [chatcompletions, postcompletions: sum up]
  - name: other
    model: openai/gpt-4o
"""


@pytest.fixture
def groups_of(tmp_path):
    def read(key):
        file = tmp_path / "c.yaml"
        # No two tests read the same model: of one in two files, nobody knows which is meant.
        file.write_text(FILE.replace("{key}", key).replace("{test}", tmp_path.name))
        return ModelDispatcher(ConfigMorpher(file).fetch("models")).groups

    return read


@pytest.mark.parametrize(
    ("key", "refuse", "error", "column"),
    [
        ("order: 3", model_list, ConfigError, 10),
        ("messages: []", model_list, ConfigError, 13),
        ("model_info: {id: mine}", model_list, ConfigError, 20),
        ("headers: {X-Team: [os.environ/TEAM]}", model_list, ConfigError, 22),
        ("api_key: ''", model_list, ConfigError, 12),
        ("headers: {authorization: ''}", model_list, ConfigError, 28),
        ("system_prompt: ${PROMPT}", make_router, ConfigError, 18),
        ("system_prompt: ${PROMPT}", proxy_config, ConfigError, 18),
        ("stop: [os.environ/STOP]", proxy_config, ConfigError, 10),
        ("api_key: sk-canary", proxy_config, SecretError, 12),
        ("model_info: {password: sk-canary}", proxy_config, SecretError, 26),
    ],
)
def test_what_the_router_or_the_proxy_refuses_is_told_with_its_line(
    groups_of, key, refuse, error, column
):
    """Through a merge key, for a model in two roles, once."""
    with pytest.raises(error) as caught:
        refuse(groups_of(key))
    (fault,) = caught.value.faults
    assert fault.path[:2] == ("models", "[name=fast]")
    assert (fault.position.line, fault.position.column) == (3, column)
    assert fault.position.file.endswith("c.yaml")
    assert "sk-canary" not in str(caught.value)


def test_two_models_of_one_name_are_told_at_the_second(groups_of, tmp_path):
    groups_of("top_p: 1")
    file = tmp_path / "c.yaml"
    file.write_text(file.read_text().replace("name: other", "name: fast"))
    with pytest.raises(ConfigError) as caught:
        model_list(ModelDispatcher(ConfigMorpher(file).fetch("models")).groups)
    assert [fault.position.line for fault in caught.value.faults] == [10]


@pytest.mark.parametrize(
    ("key", "category", "column"),
    [
        ("temprature: 1", SuspiciousKeyWarning, 3),
        ("api_base: http://127.0.0.1:9/v1", ForeignKeyWarning, 13),
        ("api_key: os.environ/ABSENT", UnsetVariableWarning, 12),
    ],
)
def test_what_a_router_warns_of_is_told_with_its_line(
    groups_of, monkeypatch, key, category, column
):
    monkeypatch.delenv("ABSENT", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    with pytest.warns(category) as caught:
        make_router(groups_of(key))
    fault = caught[0].message.args[0]
    assert (fault.position.line, fault.position.column) == (3, column)


def test_an_unset_variable_is_told_with_its_line_when_a_call_is_prepared(groups_of, monkeypatch):
    monkeypatch.delenv("ABSENT", raising=False)
    group = ModelDispatcher(groups_of("headers: {X-Team: os.environ/ABSENT}")["chatcompletions"])
    with pytest.raises(UnsetVariableError) as caught:
        group.for_chatcompletions.morph(lambda **kwargs: None, "models[0]")
    assert (caught.value.position.line, caught.value.position.column) == (3, 21)
    assert caught.value.where == "models[0].headers.X-Team"


def test_a_wrong_reference_is_told_with_its_line_when_a_call_is_prepared(groups_of):
    group = ModelDispatcher(groups_of("api_key: $MINE")["chatcompletions"]).for_chatcompletions
    with pytest.raises(ConfigError) as caught:
        group.morph(lambda **kwargs: None, "models[0]")
    (fault,) = caught.value.faults
    assert (fault.path, fault.position.line) == (("models[0]", "api_key"), 3)


def test_a_model_that_no_file_holds_has_no_place(groups_of):
    """Nor does one that was changed meanwhile, or holds what no file can."""
    written = thaw(groups_of("top_k: 7")["chatcompletions"][0])
    assert locator(written)(("top_k",), "").line == 3
    assert locator(written | {"top_k": 2})(("top_k",), "") is None
    assert locator(written | {"top_k": {(1, 2): set()}})(("top_k",), "") is None
    assert locator(written | {"top_k": bytearray()})(("top_k",), "") is None


def test_nothing_is_said_of_places_where_no_file_was_read():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConfigError) as caught:
            model_list(dispatch([{"model": "nobody-wrote-this", "order": 1}]))
    assert caught.value.faults[0].position is None


TWICE = """\
models:
  - {model: gpt-4o, api_key: os.environ/ABSENT}
  - {model: gpt-4o, api_key: os.environ/ABSENT, roles: postcompletions}
search:
  tool: {api_key: os.environ/ABSENT}
api_key: os.environ/ABSENT
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [("models[0]", 2, 30), ("models[-1]", 3, 30), ("search.tool", 5, 19), (None, 6, 10)],
)
def test_a_configuration_knows_its_own_lines_by_their_path(
    tmp_path, monkeypatch, path, line, column
):
    """Also where two models hold the same, and for what is no model."""
    monkeypatch.delenv("ABSENT", raising=False)
    file = tmp_path / "c.yaml"
    file.write_text(TWICE)
    with pytest.raises(UnsetVariableError) as caught:
        ConfigMorpher(file).morph(lambda api_key: None, path)
    assert caught.value.position[:3] == (str(file), line, column)


def test_a_key_that_would_go_astray_is_told_with_its_line_when_a_call_is_prepared(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    file = tmp_path / "c.yaml"
    file.write_text("models:\n- {model: gpt-4o, api_base: 'http://127.0.0.1:9'}\n")
    with pytest.warns(ForeignKeyWarning) as caught:
        ConfigMorpher(file).morph(lambda **kwargs: None, "models[0]")
    assert caught[0].message.args[0].position[:3] == (str(file), 2, 29)


SETTINGS = """\
models: [{model: gpt-4o, mock_response: hi}]
router_settings:
  redis_password: os.environ/RP
  redis_host: os.environ/ABSENT
"""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "c.yaml", "hello"], "c.yaml:4:15: router_settings.redis_host: environment"),
        (
            ["export", "c.yaml", "--to", "litellm-proxy", "--redis-password-from", "a b"],
            "--redis-password-from takes the name of an environment variable",
        ),
        (["init", "c.toml"], "c.toml: is no name of a YAML file; name it *.yaml"),
    ],
)
def test_the_command_line_blames_what_is_to_blame(tmp_path, monkeypatch, arguments, told):
    """A line of the file for what stands there, an option for what was given with it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RP", "pw")
    monkeypatch.delenv("ABSENT", raising=False)
    Path("c.yaml").write_text(SETTINGS)
    done = subprocess.run(
        [sys.executable, "-m", "dispatch", *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {told}")
