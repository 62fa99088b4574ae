"""Checking: each slip is told at its place, in words that say what to mend."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dispatch import ConfigMorpher, Contract, ModelDispatcher, Role
from dispatch.check import Report, check
from dispatch.cli import app
from dispatch.cli.common import section_of
from dispatch.errors import ConfigError
from dispatch.llm.proxy import SECTIONS, proxy_config

BROKEN = yaml.safe_load((Path(__file__).parent / "broken.yaml").read_text("utf-8"))
TODAY = datetime.date(2026, 1, 1)


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """Work in a fresh directory, with no variable that a provider would look for."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if "KEY" in name or name.startswith(("AWS_", "AZURE_", "GOOGLE_", "VERTEX")):
            monkeypatch.delenv(name)


def write(files):
    for name, content in files.items():
        Path(name).write_text(content, "utf-8")
    return list(files)


def contract_of(case):
    roles = case.get("roles", ["chatcompletions", "postcompletions"])
    return Contract([Role(**role) if isinstance(role, dict) else role for role in roles])


def report_on(files, contract):
    try:
        return check(ConfigMorpher(files), contract=contract, today=TODAY)
    except ConfigError as error:
        return Report(error.faults, (), 0)


def told_at(faults, case):
    return [
        fault
        for fault in faults
        if str(fault.position) == case["place"] and all(word in str(fault) for word in case["says"])
    ]


@pytest.mark.parametrize("case", BROKEN, ids=[case["slip"] for case in BROKEN])
def test_a_slip_is_told_at_its_place(case):
    """The table: which file holds which slip, and what must be told, and where."""
    report = report_on(write(case["files"]), contract_of(case))
    told = report.warnings if case.get("warns") else report.faults
    assert told_at(told, case), [str(fault) for fault in told]
    assert "canary" not in "".join(fault.told() for fault in told)


@pytest.mark.parametrize(
    "case",
    [case for case in BROKEN if not (case.get("warns") or case.get("check"))],
    ids=lambda case: case["slip"],
)
def test_a_dispatcher_refuses_with_the_same_place(case):
    """What is a fault to the check stops a program too, with the line to mend."""
    files = write(case["files"])
    with pytest.raises(ConfigError) as caught:
        ModelDispatcher(ConfigMorpher(files).fetch("models"), roles=contract_of(case))
    assert told_at(caught.value.faults, case), caught.value


@pytest.mark.parametrize(
    "case", [case for case in BROKEN if case.get("warns")], ids=lambda case: case["slip"]
)
def test_a_warning_stops_no_program(case):
    """What most likely fails later is no reason to refuse now."""
    ModelDispatcher(ConfigMorpher(write(case["files"])).fetch("models"), roles=contract_of(case))


def export(config, contract):
    """What `dispatch export` makes of a configuration, without the file."""
    groups = ModelDispatcher(config.fetch("models"), roles=contract).groups
    return proxy_config(groups, {name: section_of(config, name) for name in SECTIONS})


@pytest.mark.parametrize(
    "case", [case for case in BROKEN if case.get("router")], ids=lambda case: case["slip"]
)
def test_what_export_would_refuse_is_warned_of_in_the_same_words(case):
    """The check asks what the Router asks, and adds the place."""
    config = ConfigMorpher(write(case["files"]))
    report = check(config, contract=contract_of(case), today=TODAY)
    with pytest.raises(ConfigError) as caught:
        export(config, contract_of(case))
    told = {(fault.code, fault.message, fault.hint) for fault in report.warnings}
    assert {(fault.code, fault.message, fault.hint) for fault in caught.value.faults} <= told


FALLBACKS = st.sampled_from(("a", "chatcompletions", "postcompletions", "backup", None))
MODELS = st.fixed_dictionaries(
    {"model": st.just("m"), "mock_response": st.just("yes")},
    optional={
        "name": st.sampled_from(("a", "b", "postcompletions", "a:postcompletions:1")),
        "roles": st.sampled_from((["chatcompletions", "postcompletions"], "postcompletions")),
    },
)
TAKEN = st.sampled_from(({}, {}, {}, {"order": 1}, {"model_info": {"task": "x"}}))
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "default_fallbacks": st.lists(FALLBACKS, max_size=2),
        "fallbacks": st.lists(st.dictionaries(FALLBACKS, st.lists(FALLBACKS), max_size=1)),
    },
)
WRONG = st.sampled_from((None, ["num_retries"]))


@given(st.lists(st.tuples(MODELS, TAKEN), min_size=1, max_size=3), SETTINGS | SETTINGS | WRONG)
def test_what_export_refuses_is_never_passed_in_silence(models, settings):
    """Nor is anything else warned of, where no two models are the same."""
    distinct = [model | taken | {"seed": index} for index, (model, taken) in enumerate(models)]
    config = ConfigMorpher({"models": distinct, "router_settings": settings})
    report = check(config, today=TODAY)
    told = {fault.code for fault in report.warnings}
    if "duplicate-name" in told:  # which the Router calls otherwise
        told = told - {"duplicate-name"} | {"wrong-name"}
    try:
        export(config, Contract())
        refused = set()
    except ConfigError as error:
        refused = {fault.code for fault in error.faults}
    assert not report.faults
    assert refused <= told
    assert bool(refused) == bool(told)


def test_a_model_of_many_roles_is_not_copied_for_each():
    """A small file stays cheap to check: a copy for each role would be 100 million values."""
    roles = [{"postcompletions": str(task)} for task in range(10_000)]
    model = {"model": "gpt-4o", "mock_response": "x", "stop": ["x"] * 10_000, "roles": roles}
    started = time.process_time()
    assert not check(ConfigMorpher({"models": [model]}), today=TODAY).warnings
    assert time.process_time() - started < 2


def test_two_models_of_one_name_are_told_once():
    """Where a selector and the Router would both go wrong, one message says what to mend."""
    models = [{"name": "a", "model": m, "api_key": "k"} for m in ("gpt-4o", "o3")]
    settings = {"default_fallbacks": ["backup"]}
    report = check(ConfigMorpher({"models": models, "router_settings": settings}), today=TODAY)
    assert [fault.code for fault in report.warnings] == ["duplicate-name", "dead-fallback"]


def test_of_faulty_models_no_fallback_is_called_dead():
    """The model whose role is misspelt may be the very one that was meant."""
    models = [{"model": "gpt-4o", "api_key": "k"}, {"name": "a", "model": "o3", "roles": "chat"}]
    settings = {"fallbacks": [{"chatcompletions": ["a"]}]}
    report = check(ConfigMorpher({"models": models, "router_settings": settings}), today=TODAY)
    assert [fault.code for fault in report.faults] == ["undeclared-role"]
    assert "dead-fallback" not in {fault.code for fault in report.warnings}


def test_the_table_is_as_large_as_it_claims():
    """At least 60 slips, each told once."""
    assert len({case["slip"] for case in BROKEN}) == len(BROKEN) >= 60


RIGHT = [
    {"model": "openai/my-own", "api_base": "http://localhost:8000/v1"},
    {"model": "hosted_vllm/my-own", "api_base": "http://localhost:8000/v1"},
    {"model": "ollama/my-own"},
    {"model": "azure/my-deployment", "api_base": "https://x.azure.com", "api_key": "k"},
    {"model": "gpt-4o", "api_key": "k", "max_tokens": 16384, "top_k": 3},
    {"model": "openai/gpt-4o", "api_key": "k"},
    {"model": "gpt-4o", "custom_llm_provider": "openai", "api_key": "k"},
    {"model": "gemini/gemini-2.5-flash", "api_key": "k"},
    {"model": "nobody-has-this", "mock_response": "yes"},
    {"model": "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws_profile_name": "p"},
    {"model": "ft:gpt-4o:us:1", "api_key": "k"},
    {"model": "gpt-3.5-turbo-0301", "api_base": "http://localhost:8000/v1", "max_tokens": 10**6},
    {"model": "bedrock/converse/us.anthropic.claude-sonnet-4-5-20250929-v1:0"},
    {"model": "bedrock/eu-west-1/anthropic.claude-sonnet-4-5-20250929-v1:0"},
    {"model": "bedrock/arn:aws:bedrock:us-east-1:1:inference-profile/x"},
    {"model": "bedrock/agent/A/B"},
    {"model": "vertex_ai/gemini-2.5-flash"},
    {"model": "vertex_ai/4711"},
    {"model": "vertex_ai/gemini/4711"},
    {"model": "vertex_ai/openai/4711"},
    {"model": "fireworks_ai/deepseek-v3p2", "api_key": "k"},
    {"model": "fireworks_ai/accounts/me/deployedModels/mine-1", "api_key": "k"},
    {"model": "openai/*", "api_key": "k"},
]


@pytest.mark.parametrize("model", RIGHT, ids=lambda model: model["model"])
def test_what_is_right_is_left_in_peace(model):
    """A custom endpoint, a local model and a fine-tuned one are in no list, and no fault."""
    report = check(ConfigMorpher({"models": [model]}), today=datetime.date(2025, 1, 1))
    assert [*report.faults, *report.warnings] == []


@pytest.mark.parametrize("name", ["GEMINI_API_KEY", "GOOGLE_API_KEY"])
def test_either_of_two_variables_suffices(monkeypatch, name):
    """A provider that looks into two variables needs one of them."""
    monkeypatch.setenv(name, "k")
    assert not check(ConfigMorpher({"models": [{"model": "gemini/gemini-2.5-flash"}]})).warnings


def run(*arguments):
    return CliRunner().invoke(app, ["check", *arguments])


def test_faults_come_first_then_warnings_then_a_summary():
    """What must be mended is what is read first; every line that is meant is shown."""
    write({"c.yaml": "models:\n  - {name: a, temprature: 0}\n  - {model: gpt-4o, api_key: k}\n"})
    assert run("c.yaml").output.splitlines() == [
        "error: c.yaml:2:5: models[0]: has no key 'model'; "
        "name the model that LiteLLM calls, such as model: gpt-4o",
        "      - {name: a, temprature: 0}",
        "        ^",
        "warning: c.yaml:2:15: models[0].temprature: nobody knows this key; "
        "did you mean 'temperature'?",
        "      - {name: a, temprature: 0}",
        "                  ^",
        "2 models, 1 fault, 1 warning",
    ]


def test_the_exit_code_tells_faults_and_in_strict_mode_warnings():
    """0 where nothing is wrong, or only warned of; 1 for faults, and for warnings if asked."""
    write({"warns.yaml": "models: []", "wrong.yaml": "models: 1", "broken.yaml": "models: ["})
    assert run("--demo", "--strict").exit_code == 0
    assert run("warns.yaml").exit_code == 0
    assert run("warns.yaml", "--strict").exit_code == 1
    assert run("wrong.yaml").exit_code == 1
    assert run("broken.yaml").exit_code == 1
    assert run("absent.yaml").exit_code == 1


@pytest.mark.parametrize("text", ["models: gpt-4o", "models:", "models: 5", "models: {a: b}"])
def test_every_command_tells_the_place(text):
    """Not the check alone: whatever stands under `models`."""
    write({"c.yaml": text})
    told = CliRunner().invoke(app, ["show", "c.yaml"])
    assert str(told.exception).startswith("c.yaml:1:")


def test_json_is_for_machines():
    """The same as attributes: a code, a path, a file, a line and a column for each."""
    write({"c.yaml": "models:\n  - model: m\n    roles: x\n"})
    report = json.loads(run("c.yaml", "--json").output)
    fault = report["faults"][0]
    assert (fault["code"], fault["path"]) == ("undeclared-role", ["models", 0, "roles"])
    assert (fault["position"]["file"], fault["position"]["line"]) == ("c.yaml", 3)
    assert json.loads(run("c.yaml", "--format", "json").output) == report


def test_github_shows_each_beside_its_line():
    """Workflow commands, escaped so that a message cannot forge another."""
    write({"a,b.yaml": "models:\n  - model: m\n    roles: 'x%\\n::error::y'\n"})
    first = run("a,b.yaml", "--format", "github").output.splitlines()[0]
    assert first.startswith(
        "::error file=a%2Cb.yaml,line=3,col=12,title=undeclared-role::models[0]"
    )
    assert "%25" in first


def test_roles_of_ones_own_are_declared_by_name_or_by_the_programs_contract(monkeypatch):
    """`--declare ROLE`, or `--contract MODULE:NAME` for all that a program asks of its roles."""
    write({
        "c.yaml": "models:\n  - {model: m, mock_response: x, roles: embed}\n",
        "program.py": "from dispatch import Role\nROLES = [Role('embed'), Role('judge', True)]\n",
    })  # fmt: skip
    monkeypatch.syspath_prepend(".")
    assert run("c.yaml").exit_code == 1
    assert run("c.yaml", "--declare", "embed").exit_code == 0
    assert "no model plays role 'judge'" in run("c.yaml", "--contract", "program:ROLES").output
    assert "no contract at 'program:NOPE'" in run("c.yaml", "--contract", "program:NOPE").output


def test_checking_needs_neither_litellm_nor_a_key():
    """A whole process that checks models of several providers imports nothing dear."""
    write({"c.yaml": "models:\n  - model: gpt-4o\n  - model: gemini/gemini-2.5-flsh\n"})
    program = (
        "import sys\nfrom dispatch.cli import app\n"
        "try: app(['check', 'c.yaml'])\n"
        "except SystemExit:\n"
        "    print([m for m in ('litellm', 'jsonschema', 'logging') if m in sys.modules])"
    )
    child = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert child.stdout.splitlines()[-1] == "[]", child.stderr
