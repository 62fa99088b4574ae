"""The JSON Schema accepts what the dispatcher accepts, and complains of what the check finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from dispatch import ConfigMorpher, Contract, ModelDispatcher, Role
from dispatch.cli import app
from dispatch.errors import ConfigError, FileError
from dispatch.schema import schema
from dispatch.stages import find_faults

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
    "unplayed-role",
    "crowded-role",
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


NAMES = ("chatcompletions", "judge", "a/b ~1%#ö")
CONTRACTS = st.lists(
    st.builds(
        Role,
        st.sampled_from(NAMES),
        required=st.booleans(),
        several=st.booleans(),
        task=st.sampled_from(("optional", "optional", "required", "none")),
    ),
    unique_by=lambda role: role.name,
).map(Contract)
TASKS = st.sampled_from((None, "review", "", " ", 1, ["review"]))
ENTRIES = (
    st.sampled_from((*NAMES, "judges", "", " ", None, True, 1, []))
    | st.dictionaries(st.sampled_from((*NAMES, "judges")), TASKS, max_size=2)
)  # fmt: skip
FAULTY = st.sampled_from(("m", None, {}, {"roles": "judge"}, {"model": " "}, {"model": 3}))


@st.composite
def configured(draw):
    """Models and a contract: mostly right one by one, so that their number matters too."""
    contract = draw(CONTRACTS)
    sound = [{name: "review"} for name, role in contract.items() if role.task != "none"]
    sound += [name for name, role in contract.items() if role.task != "required"]
    entries = st.sampled_from(sound) if sound else ENTRIES
    extras = {"temperature": st.just(0), "name": st.none(), "x": st.just([None])}

    def having(roles):
        return st.fixed_dictionaries({"model": st.just("m"), "roles": roles}, optional=extras)

    right = having(entries) | having(st.lists(entries, min_size=1, max_size=3))
    wrong = having(ENTRIES) | having(st.lists(ENTRIES, max_size=3)) | FAULTY
    models = st.lists(right, max_size=3) | st.lists(
        right | wrong | st.just({"model": "m"}), max_size=3
    )
    return draw(models), contract


SINGLE = Contract([Role("chatcompletions", required=True), Role("judge", several=False)])
TASKED = Contract([Role("chatcompletions", task="required")])


@given(configured())
@example(([{"model": "m"}, {"model": "m", "roles": ["judge", {"judge": "x"}]}], SINGLE))
@example(([{"model": "m"}, {"model": "m", "roles": ["judge"]}], SINGLE))
@example(([{"model": "m", "roles": {}}], SINGLE))
@example(([{"model": "m"}], TASKED))
@example(([{"model": "m", "roles": {"chatcompletions": " "}}], TASKED))
@example(([{"model": "m", "roles": {"judge": None}}], SINGLE))
def test_the_schema_the_faults_and_the_dispatcher_agree(case):
    """What one of them refuses all do; an editor that knows draft 7 alone refuses no more."""
    models, contract = case
    try:
        ModelDispatcher(models, roles=contract)
        accepted = True
    except ConfigError:
        accepted = False
    made = schema(contract)
    assert accepted == (not find_faults(models, contract=contract))
    assert accepted == Draft202012Validator(made).is_valid({"models": models})
    assert not accepted or Draft7Validator(made).is_valid({"models": models})


@pytest.mark.parametrize(
    ("key", "value"),
    [("name", 3.10), ("api_key", 123), ("max_tokens", 0.5), ("extra_headers", ["x"])],
)
def test_of_known_keys_the_schema_asks_more_than_a_dispatcher(key, value):
    """Only this way round do the two differ: an editor tells slips that a program passes on."""
    models = [{"model": "m", key: value}]
    ModelDispatcher(models)
    assert not is_valid({"models": models}, Contract())


def test_a_contract_that_asks_nothing_of_its_models_together_counts_none():
    """The simple schema stays simple."""
    text = json.dumps(schema(Contract([*NAMES, Role("review", task="required")])))
    assert '"contains"' not in text
    assert '"allOf"' not in text


def test_editors_show_what_each_role_and_key_is_for():
    """Hovering over a role tells what the program asks of it."""
    made = schema(Contract(["chatcompletions", Role("judge", True, False, "none")]))
    assert made["$defs"]["tasks"]["properties"]["judge"]["description"] == (
        "judge: some model must play it; one model at most plays it; never with a task."
    )
    assert "judge: some model must play it" in made["$defs"]["role"]["description"]
    assert "Without any it plays chatcompletions" in made["$defs"]["roles"]["description"]
    keys = made["$defs"]["model"]["properties"].values()
    assert all("description" in key for key in keys if isinstance(key, dict) and "type" in key)


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
