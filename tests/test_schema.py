"""The JSON Schema accepts what the dispatcher accepts, and rejects what the check finds."""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator
from litellm.types.router import LiteLLM_Params

from dispatch import Contract, ModelDispatcher, Role, schema
from dispatch.errors import ConfigError
from dispatch.litellm.proxy_file import is_proxy_file
from dispatch.loading import load, read_tree
from dispatch.sections import read_sections
from dispatch.tools.schema import proxy_schema
from tests.program import run

BROKEN = yaml.safe_load((Path(__file__).parent / "broken.yaml").read_text("utf-8"))
SHAPES = {
    "missing-models", "wrong-models", "wrong-model", "missing-model", "wrong-model-name",
    "undeclared-role", "task-in-string", "wrong-role", "wrong-task", "wrong-parameters",
    "needless-task", "missing-task", "unused-model", "unplayed-role", "crowded-role",
    "wrong-value", "wrong-section", "wrong-roles",
}  # fmt: skip


GOOD = yaml.safe_load((Path(__file__).parent / "good.yaml").read_text("utf-8"))
PROXY = Draft202012Validator(proxy_schema())


@cache
def validator(contract=None, **options):
    return Draft202012Validator(schema(Contract() if contract is None else contract, **options))


@pytest.mark.parametrize("row", GOOD, ids=lambda row: row["what"])
def test_good(row):
    """Each good file suits its schema: that of models, or that of LiteLLM's proxy."""
    data = yaml.safe_load(row["file"])
    kind = PROXY if is_proxy_file(data) else validator()
    assert [error.message for error in kind.iter_errors(data)] == []


@pytest.mark.parametrize(
    ("change", "path"),
    yaml.safe_load("""
    - [{}, null]
    - [{model_list: null, x-notes: 1}, null]
    - [{router_settings: {timeout: os.environ/T, mine: 1}}, null]
    - [{litellm_settings: {drop_params: true, mine: 1}}, null]
    - [{model_list: [{<<: &entry {model_name: a, litellm_params: {model: openai/gpt-4o}},
         x-note: 1, model_info: {id: 1}}]}, null]
    - [{models: []}, []]
    - [{litellmSettings: {}}, []]
    - [{model_list: *entry}, [model_list]]
    - [{model_list: [{model_name: a}]}, [model_list, 0]]
    - [{model_list: [{<<: *entry, rpm: 5}]}, null]
    - [{model_list: [{<<: *entry, seed: 5}]}, [model_list, 0]]
    - [{model_list: [{<<: *entry, model_name: ""}]}, [model_list, 0, model_name]]
    - [{model_list: [{model_name: a, litellm_params: {model: {name: a}}}]},
       [model_list, 0, litellm_params, model]]
    - [{model_list: [{model_name: a, litellm_params: {model: a, rpm: "5"}}]},
       [model_list, 0, litellm_params, rpm]]
    - [{router_settings: {timeout: 30s}}, [router_settings, timeout]]
    - [{router_settings: {routing_strategy: a}}, [router_settings, routing_strategy]]
    - [{litellm_settings: {drop_params: "yes"}}, [litellm_settings, drop_params]]
    - [{general_settings: {master_key: 1234}}, [general_settings, master_key]]
    - [{guardrails: {}}, [guardrails]]
    """),
)
def test_proxy_schema(change, path):
    """The schema of a proxy file rejects what LiteLLM would not read, at its location."""
    entry = {"model_name": "a", "litellm_params": {"model": "openai/gpt-4o"}}
    errors = list(PROXY.iter_errors({"model_list": [entry]} | change))
    assert [list(error.absolute_path) for error in errors] == ([] if path is None else [path])


@pytest.mark.parametrize("kind", [Draft202012Validator, Draft7Validator])
def test_schema_is_valid(kind):
    """What is returned is a valid schema, of this draft and of the one that older editors know."""
    kind.check_schema(PROXY.schema)
    for contract in (Contract([]), TASKED):
        kind.check_schema(schema(contract, overlay=contract is TASKED))


@pytest.mark.parametrize(
    "roles",
    [
        "chatcompletions",
        ["chatcompletions", "postcompletions"],
        ["chatcompletions", {"postcompletions": "review and summarize changes"}],
        {"postcompletions": "review"},
        [{"chatcompletions": None, "postcompletions": "review"}],
        [{"postcompletions": "one"}, {"postcompletions": "two"}],
        [{"postcompletions": {"task": "one", "temperature": 0, "a_key": [1]}}],
        {"chatcompletions": {"order": 2, "weight": 3}},
        [],
        {},
        None,
    ],
    ids=repr,
)
def test_ways_to_write_roles(roles):
    """What the specification shows, the schema and the dispatcher both accept."""
    model = {"name": "gemini", "api_key": "YOUR_API_KEY", "model": "gemini/gemini-2.5-flash"}
    model |= {"temperature": 0, "max_tokens": "os.environ/TOKENS", "system_prompt": "Be brief."}
    models = [model | {"whatever_a_provider_takes": {"x": [1]}, "roles": roles}]
    ModelDispatcher(models)
    assert validator().is_valid({"models": models, "log": 1})


def faulty_shapes():
    for case in BROKEN:
        declared = case.get("roles", ["chatcompletions", "postcompletions"])
        contract = Contract([Role(**role) if isinstance(role, dict) else role for role in declared])
        (name, text), *more = case["files"].items()
        try:
            config = {"yaml": yaml.safe_load, "json": json.loads}.get(name[-4:], str)(text)
            read_sections(config, contract)
            ModelDispatcher(config, roles=contract)
        except ConfigError as error:
            code = error.faults[0].code
            declares = isinstance(config, dict) and isinstance(config.get("roles"), dict)
            relational = declares and ("otherwise" in text or code == "unplayed-role")
            if not more and code in SHAPES and not relational:
                yield pytest.param(config, contract, id=case["case"])
        except (ValueError, TypeError, AttributeError, yaml.YAMLError):
            pass  # it does not parse, or is no mapping: an editor shows that itself


FAULTY_SHAPES = list(faulty_shapes())


@pytest.mark.parametrize(("config", "contract"), FAULTY_SHAPES)
def test_faulty_shapes(config, contract):
    """Faults in the shape that the check finds are shown in an editor too."""
    assert not validator(contract).is_valid(config)


def test_faulty_shapes_are_many():
    """The table holds enough for the test above."""
    assert len(FAULTY_SHAPES) >= 30


NAMES = ("chatcompletions", "judge", "a/b ~1%#ö")


@st.composite
def contracts(draw):
    """Roles that demand something of models; the second may borrow from the first."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    roles = [
        Role(
            name,
            required=draw(st.booleans()),
            multiple=draw(st.booleans()),
            task=draw(st.sampled_from(("optional", "optional", "required", "none"))),
            otherwise=names[0] if index and draw(st.booleans()) else None,
        )
        for index, name in enumerate(names)
    ]
    return Contract(roles)


TASKS = st.sampled_from(
    (None, "review", "", " ", 1, ["review"], {}, {"x": 1}, {"task": "review"}, {"task": None},
     {"task": ""}, {"task": 1}, {"task": "x", "temperature": 0}, {"roles": []})
)  # fmt: skip
ENTRIES = st.sampled_from((*NAMES, "judges", "", " ", None, True, 1, [])) | st.dictionaries(
    st.sampled_from((*NAMES, "judges")), TASKS, max_size=2
)
FAULTY = st.sampled_from(
    ("m", None, {}, {"roles": "judge"}, {"model": " "}, {"model": 3}, {"model": "m", "enabled": 1})
)
DISABLED = st.sampled_from(
    ({"enabled": False}, {"enabled": False, "model": "m", "roles": "judge"}, {"enabled": None})
)
SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "defaults": st.sampled_from((None, {}, {"timeout": 1}, [], {"name": "a"}, {"model": "m"})),
        "own_keys": st.sampled_from((None, [], ["tags"], "tags", [1])),
        "log": st.just(1),
    },
)


@st.composite
def configured(draw):
    """Models and a contract: mostly valid one by one, so that their number matters too."""
    contract = draw(contracts())
    valid = [{name: "review"} for name, role in contract.items() if role.task != "none"]
    valid += [name for name, role in contract.items() if role.task != "required"]
    entries = st.sampled_from(valid) if valid else ENTRIES
    extras = {"temperature": st.just(0), "name": st.none(), "x": st.just([None])}

    def having(roles):
        return st.fixed_dictionaries({"model": st.just("m"), "roles": roles}, optional=extras)

    right = having(entries) | having(st.lists(entries, min_size=1, max_size=3))
    wrong = having(ENTRIES) | having(st.lists(ENTRIES, max_size=3)) | FAULTY | DISABLED
    models = st.lists(right, max_size=3) | st.lists(
        right | wrong | st.just({"model": "m"}), max_size=3
    )
    return draw(models), draw(SECTIONS), contract


SINGLE = Contract([Role("chatcompletions", required=True), Role("judge", multiple=False)])
TASKED = Contract([Role("chatcompletions", task="required")])


@given(configured())
@example(([{"model": "m"}, {"model": "m", "roles": ["judge", {"judge": "x"}]}], {}, SINGLE))
@example(([{"model": "m"}, {"model": "m", "roles": ["judge"]}], {}, SINGLE))
@example(([{"model": "m", "roles": {}}], {}, SINGLE))
@example(([{"model": "m"}], {}, TASKED))
@example(([{"model": "m", "roles": {"chatcompletions": " "}}], {}, TASKED))
@example(([{"model": "m", "roles": {"judge": None}}], {}, SINGLE))
@example(([{"model": "m", "enabled": False}], {}, SINGLE))
def test_agreement(case):
    """The schema and the dispatcher accept the same; a draft 7 editor rejects no more."""
    models, sections, contract = case
    config = {"models": models, **sections}
    try:
        ModelDispatcher(config, roles=contract)
        accepted = True
    except ConfigError:
        accepted = False
    assert accepted == validator(contract).is_valid(config)
    assert not accepted or Draft7Validator(schema(contract)).is_valid(config)


@given(configured())
def test_agreement_on_named_models(case):
    """Models written as a mapping of names are accepted if the dispatcher accepts them."""
    models, sections, contract = case
    config = {"models": {f"m{index}": model for index, model in enumerate(models)}, **sections}
    try:
        ModelDispatcher(config, roles=contract)
    except ConfigError as error:
        accepted = {fault.code for fault in error.faults} == {"crowded-role"}
    else:
        accepted = True
    assert accepted == validator(contract).is_valid(config)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", 3.10),
        ("api_key", 123),
        ("max_tokens", 0.5),
        ("temperature", "0.5"),
        ("stream", "yes"),
        ("extra_headers", ["x"]),
        ("tools", {}),
        ("aws_region_name", 1),
    ],
)
def test_typed_keys(key, value):
    """The schema checks the types of known keys, unlike a dispatcher."""
    models = [{"model": "m", key: value}]
    ModelDispatcher(models)
    in_role = {"model": "m", "roles": {"chatcompletions": {key: value}}}
    defaults = {"models": [], "defaults": {key: value}}
    for config in ({"models": models}, defaults, {"models": [in_role]}):
        assert not validator().is_valid(config)
    right = {"temperature": "os.environ/TEMP", "stream": "os.environ/STREAM", "stop": "x"}
    assert validator().is_valid({"models": [{"model": "m", **right}]})


def test_keys_have_types():
    """An editor completes all known keys, and knows the types of those that LiteLLM annotates."""
    keys = schema()["$defs"]["keys"]["properties"]
    assert {"temperature", "num_ctx", "aws_region_name", "input_cost_per_token"} <= keys.keys()
    assert sum("type" in key for key in keys.values()) > 200


def test_types_of_keys():
    """The types are those of LiteLLM's annotations; what a newer release changes is a warning."""
    names = {"number": "float int", "integer": "int", "boolean": "bool", "string": "str"}
    names |= {"array": "list Sequence", "object": "dict Mapping"}
    keys = schema()["$defs"]["keys"]["properties"]
    wrong = []
    for key, field in LiteLLM_Params.model_fields.items():
        kinds = keys.get(key, {}).get("type", [])
        expected = {name for kind in kinds for name in names.get(kind, "").split()}
        members = {
            getattr(t, "__name__", "") for t in (*get_args(field.annotation), field.annotation)
        }
        if expected and not expected & members:
            wrong.append(key)
    if wrong:
        warnings.warn(f"LiteLLM annotates other types: {', '.join(wrong)}", stacklevel=1)
    assert len(wrong) < 10


@pytest.mark.parametrize(
    ("config", "valid"),
    [
        ("{models: [{name: main, temperature: 0}]}", True),
        ("{models: {main: {temperature: 0}}}", True),
        ("{defaults: {timeout: 5}}", True),
        ("{models: [{name: main, roles: declared_elsewhere}]}", True),
        ("{models: [{name: main, temperature: hot}]}", False),
        ("{models: [main]}", False),
        ("{roles: {title: {requird: true}}}", False),
    ],
)
def test_overlay(config, valid):
    """A file that changes others needs no models, and its models no `model`."""
    assert validator(overlay=True).is_valid(yaml.safe_load(config)) == valid


@pytest.mark.parametrize(
    ("sections", "valid"),
    [
        ({"roles": {"title": {"required": True}}}, True),
        ({"roles": ["title"]}, True),
        ({"roles": {}}, False),
        ({}, False),
        ({"roles": {"title": {"task": "often"}}}, False),
    ],
)
def test_declared_roles(sections, valid):
    """In a file that declares roles, models may play any; in others only those of the program."""
    models = [{"model": "m", "roles": ["title", {"title": {"task": "x"}}]}]
    assert validator().is_valid({"models": models, **sections}) == valid


@pytest.mark.parametrize(
    ("settings", "valid"),
    [({"num_retries": 2, "unknown": []}, True), ({"num_retries": "two"}, False), ([], False)],
)
def test_settings(settings, valid):
    """The settings of the Router have their types."""
    config = {"models": [{"model": "m"}], "router_settings": settings}
    assert validator().is_valid(config) == valid


def test_properties_of_a_role():
    """The schema knows the properties of a declared role that a dispatcher knows."""
    declaration = schema()["properties"]["roles"]["additionalProperties"]["properties"]
    assert declaration.keys() == {*Role._fields} - {"name"}


def test_simple_contract():
    """A contract without rules for all models counts none."""
    text = json.dumps(schema(Contract([*NAMES, Role("review", task="required")])))
    assert '"contains": {"$ref"' not in text


def test_descriptions():
    """An editor shows what a role and a key are for, and completes the program's roles."""
    judge = Role("judge", True, False, "none")
    made = schema(Contract(["chatcompletions", judge, Role("review", task="required")]))
    assert made["$defs"]["tasks"]["properties"]["judge"]["description"] == (
        "judge: at least one model must play it; only one model may play it; never with a task."
    )
    assert "judge: at least one model" in made["$defs"]["role"]["description"]
    assert "Without any, it plays chatcompletions" in made["$defs"]["roles"]["description"]
    assert "description" in made["$defs"]["keys"]["properties"]["temperature"]
    assert all("description" in each for each in made["properties"].values())
    assert made["$defs"]["role"]["enum"] == ["chatcompletions", "judge"]
    assert list(made["$defs"]["tasks"]["properties"]) == ["chatcompletions", "judge", "review"]


def test_command(write):
    """`dispatch schema` has declared roles, and those of a file; or it is that of a proxy."""

    def printed(*arguments):
        return json.loads(run("schema", *arguments).stdout)

    roles = ["chatcompletions", "postcompletions", "embed"]
    assert printed("--declare", "embed") == schema(Contract(roles))
    file = write("c.yaml", "roles: {title: {task: none}}\nmodels: [{model: m}]\n")
    assert printed(file)["$defs"]["role"]["enum"] == [*roles[:2], "title"]
    assert printed("--overlay") == schema(overlay=True)
    assert printed("--for", "litellm-proxy") == json.loads(json.dumps(proxy_schema()))


def test_init(tmp_path, monkeypatch):
    """`dispatch init` writes a valid configuration, and its schema for the editor."""
    monkeypatch.chdir(tmp_path)
    assert run("init", "my.yaml", "--declare", "embed").returncode == 0
    text = Path("my.yaml").read_text()
    modeline, _, _ = text.partition("\n")
    made = json.loads(Path(modeline.rpartition("=")[2]).read_text())
    assert Draft202012Validator(made).is_valid(yaml.safe_load(text))
    roles = Contract(["chatcompletions", "postcompletions", "embed"])
    dispatcher = load("my.yaml", roles=roles)
    assert [len(dispatcher.for_role(role)) for role in roles] == [1, 1, 1]


def test_init_overwrites_nothing(write):
    """An existing file is not changed."""
    file = write("models.yaml", "mine")
    done = run("init", file)
    assert (done.returncode, "already exists" in done.stderr) == (1, True)
    assert file.read_text() == "mine"


def test_init_quotes_roles(tmp_path, monkeypatch):
    """`init` quotes the roles that YAML would read as something else."""
    monkeypatch.chdir(tmp_path)
    names = ["on", "a: b", "1", "null", "# x", "größe", "plain-one", 'a "b"']
    declared = [word for name in names for word in ("--declare", name)]
    assert run("init", *declared).returncode == 0
    roles = read_tree(["models.yaml"])["models"][0]["roles"]
    assert [role for role in roles if isinstance(role, str)][-len(names) :] == names
    done = run("check", "models.yaml", *declared)
    assert done.returncode == 0, done.stdout
