"""The JSON Schema accepts what the dispatcher accepts, and complains of what the check finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from dispatch import ConfigMorpher, Contract, ModelDispatcher, Role
from dispatch.cli import app
from dispatch.errors import ConfigError, FileError
from dispatch.schema import schema

BROKEN = yaml.safe_load((Path(__file__).parent / "broken.yaml").read_text("utf-8"))
SHAPES = {
    "missing-models",
    "wrong-models",
    "wrong-model",
    "missing-model",
    "wrong-model-name",
    "undeclared-role",
    "task-in-string",
    "wrong-role",
    "wrong-task",
    "needless-task",
    "missing-task",
    "unused-model",
}
RIGHT = [
    "chatcompletions",
    ["chatcompletions", "postcompletions"],
    ["chatcompletions", {"postcompletions": "review and summarize changes"}],
    {"postcompletions": "review"},
    [{"chatcompletions": None, "postcompletions": "review"}],
    [{"postcompletions": "one"}, {"postcompletions": "two"}],
    [],
    {},
    None,
]


def is_valid(config, contract):
    made = schema(contract)
    Draft202012Validator.check_schema(made)
    return Draft202012Validator(made).is_valid(config)


@pytest.mark.parametrize("roles", RIGHT, ids=repr)
def test_every_way_to_write_roles_fits(roles):
    """What the specification shows, the schema and the dispatcher both accept."""
    models = [
        {
            "name": "gemini",
            "api_key": "YOUR_API_KEY",
            "model": "gemini/gemini-2.5-flash",
            "temperature": 0,
            "max_tokens": 100,
            "system_prompt": "Be brief.",
            "whatever_a_provider_takes": {"x": [1]},
            "roles": roles,
        }
    ]
    ModelDispatcher(models)
    assert is_valid({"models": models, "log": 1}, Contract())


def parsed(case):
    name, text = next(iter(case["files"].items()))
    return {"yaml": yaml.safe_load, "json": json.loads}.get(name.rpartition(".")[2], str)(text)


def faulty_shapes():
    for case in BROKEN:
        roles = case.get("roles", ["chatcompletions", "postcompletions"])
        contract = Contract([Role(**role) if isinstance(role, dict) else role for role in roles])
        try:
            config = parsed(case)
            ModelDispatcher(config["models"], roles=contract)
        except ConfigError as error:
            if len(case["files"]) == 1 and {fault.code for fault in error.faults} & SHAPES:
                yield pytest.param(config, contract, id=case["slip"])
        except (ValueError, KeyError, TypeError, yaml.YAMLError):
            pass  # it does not parse, or is no mapping: no editor gets so far


@pytest.mark.parametrize(("config", "contract"), faulty_shapes())
def test_what_the_check_finds_wrong_with_a_shape_the_editor_shows(config, contract):
    """Each such slip of the table of broken configurations is invalid by the schema too."""
    assert not is_valid(config, contract)


def test_the_table_gives_the_schema_enough_to_find():
    """So that the test above cannot run empty."""
    assert len(list(faulty_shapes())) >= 20


def test_editors_complete_ones_own_roles_and_every_known_key():
    """The role list is the program's own."""
    made = schema(Contract(["embed", Role("review", task="required")]))
    assert made["$defs"]["role"]["enum"] == ["embed"]
    assert list(made["$defs"]["tasks"]["properties"]) == ["embed", "review"]
    assert {"temperature", "num_ctx", "aws_region_name"} <= made["$defs"]["model"][
        "properties"
    ].keys()


def test_the_command_prints_the_schema():
    """`dispatch schema`, with roles of one's own."""
    printed = CliRunner().invoke(app, ["schema", "--declare", "embed"]).output
    assert json.loads(printed) == schema(Contract(["chatcompletions", "postcompletions", "embed"]))


def test_init_writes_a_configuration_that_is_right_and_its_schema(tmp_path, monkeypatch):
    """A starter file names its schema for the editor, fits it, and can be dispatched."""
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["init", "my.yaml", "--declare", "embed"]).exit_code == 0
    text = Path("my.yaml").read_text()
    modeline, _, _ = text.partition("\n")
    made = json.loads(Path(modeline.rpartition("=")[2]).read_text())
    assert Draft202012Validator(made).is_valid(yaml.safe_load(text))
    roles = Contract(["chatcompletions", "postcompletions", "embed"])
    dispatcher = ModelDispatcher(ConfigMorpher("my.yaml").fetch("models"), roles=roles)
    assert [len(dispatcher.for_role(role)) for role in roles] == [1, 1, 1]


def test_init_overwrites_nothing(tmp_path):
    """What is there already stays as it is."""
    (tmp_path / "models.yaml").write_text("mine")
    told = CliRunner().invoke(app, ["init", str(tmp_path / "models.yaml")])
    assert isinstance(told.exception, FileError)
    assert (tmp_path / "models.yaml").read_text() == "mine"


def test_a_starter_quotes_the_roles_that_yaml_would_read_otherwise(tmp_path, monkeypatch):
    """What `init` writes, `check` reads as it was declared."""
    monkeypatch.chdir(tmp_path)
    names = ["on", "a: b", "1", "null", "# x", "größe", "plain-one", 'a "b"']
    declared = [word for name in names for word in ("--declare", name)]
    assert CliRunner().invoke(app, ["init", *declared]).exit_code == 0
    roles = ConfigMorpher("models.yaml").fetch("models[0].roles")
    assert [role for role in roles if isinstance(role, str)][-len(names) :] == names
    done = CliRunner().invoke(app, ["check", "models.yaml", *declared])
    assert done.exit_code == 0, done.output
