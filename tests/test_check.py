"""The check: each fault has a location, and a message that says how to fix it."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import litellm
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch import Contract, ModelDispatcher, Role, check
from dispatch.errors import ConfigError
from dispatch.litellm.proxy import proxy_config
from dispatch.loading import read_tree
from dispatch.tools.check import Report
from tests.helpers import places, raised, without_keys
from tests.program import run

BROKEN = yaml.safe_load((Path(__file__).parent / "broken.yaml").read_text("utf-8"))
TODAY = datetime.date(2026, 6, 1)

pytestmark = pytest.mark.usefixtures("own_map")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """Work in a fresh directory, without variables of providers."""
    monkeypatch.chdir(tmp_path)
    without_keys(monkeypatch)


MOCK = {"model": "m", "mock_response": "x"}


def codes(faults):
    return [fault.code for fault in faults]


def write(files):
    for name, content in files.items():
        Path(name).write_text(content, "utf-8")
    return list(files)


def contract_of(case):
    roles = case.get("roles")
    if roles is None:
        return None
    return Contract([Role(**role) if isinstance(role, dict) else role for role in roles])


def matching(faults, case):
    return [
        fault
        for fault in faults
        if str(fault.position) == case["position"]
        and all(word in str(fault) for word in case["says"])
    ]


def cases(*marks):
    wanted = (case for case in BROKEN if all(case.get(mark) for mark in marks))
    return [pytest.param(case, id=case["case"]) for case in wanted]


@pytest.mark.parametrize("case", cases())
def test_broken(case):
    """Each broken configuration of the table is reported at its position."""
    try:
        report = check(read_tree(write(case["files"])), contract=contract_of(case), today=TODAY)
    except ConfigError as error:
        report = Report(error.faults, (), 0)
    reported = report.warnings if case.get("warns") else report.faults
    assert matching(reported, case), [str(fault) for fault in reported]
    assert "canary" not in "".join(fault.render() for fault in (*report.faults, *report.warnings))


@pytest.mark.parametrize(
    "case", [case for case in cases() if not {"warns", "check"} & case.values[0].keys()]
)
def test_dispatcher_refuses(case):
    """A fault of the check is an error in a program too, at the same position."""
    files = write(case["files"])
    with pytest.raises(ConfigError) as caught:
        ModelDispatcher(read_tree(files), roles=contract_of(case))
    assert matching(caught.value.faults, case), caught.value


@pytest.mark.parametrize("case", cases("warns"))
def test_dispatcher_accepts(case):
    """A warning stops no program."""
    ModelDispatcher(read_tree(write(case["files"])), roles=contract_of(case))


@pytest.mark.parametrize("case", cases("router"))
def test_export_refuses(case):
    """The check warns about what an export rejects, in the same words."""
    tree = read_tree(write(case["files"]))
    report = check(tree, contract=contract_of(case), today=TODAY)
    error = raised(ConfigError, proxy_config, ModelDispatcher(tree, roles=contract_of(case)))
    words = {(fault.path, fault.message, fault.hint) for fault in report.warnings}
    assert {(fault.path, fault.message, fault.hint) for fault in error.faults} <= words


FALLBACKS = st.sampled_from(("a", "chatcompletions", "postcompletions", "backup", None))
MODELS = st.fixed_dictionaries(
    {"model": st.just("m"), "mock_response": st.just("yes")},
    optional={
        "name": st.sampled_from(("a", "b", "postcompletions", "a:postcompletions:1")),
        "roles": st.sampled_from(("chatcompletions", ["chatcompletions", "postcompletions"])),
        "order": st.sampled_from((1, 2)),
        "model_info": st.sampled_from(({"task": "x"}, {"mode": "chat"})),
    },
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "default_fallbacks": st.lists(FALLBACKS, max_size=2),
        "fallbacks": st.lists(st.dictionaries(FALLBACKS, st.lists(FALLBACKS), max_size=1)),
    },
)
WRONG = st.sampled_from((None, ["num_retries"]))


@given(st.lists(MODELS, min_size=1, max_size=3), SETTINGS | SETTINGS | WRONG)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_export_agrees(models, router_settings):
    """A check warns about everything that an export rejects, and nothing else."""
    config = {"models": models, "router_settings": router_settings}
    report = check(config, today=TODAY)
    try:
        proxy_config(ModelDispatcher(config))
        refused = set()
    except ConfigError as error:
        refused = {(fault.path, fault.message) for fault in error.faults}
    assert not report.faults
    assert refused == {(fault.path, fault.message) for fault in report.warnings}


def test_fallbacks_beside_faults():
    """A duplicate name is one warning; a fallback to a faulty model is not dead."""
    models = [{"name": "a", "model": m, "api_key": "k"} for m in ("gpt-4o", "o3")]
    report = check({"models": models, "router_settings": {"default_fallbacks": ["backup"]}})
    assert codes(report.warnings) == ["duplicate-name", "dead-fallback"]
    models = [{"model": "gpt-4o", "api_key": "k"}, {"name": "a", "model": "o3", "roles": "chat"}]
    settings = {"fallbacks": [{"chatcompletions": ["a"]}]}
    report = check({"models": models, "router_settings": settings}, today=TODAY)
    assert codes(report.faults) == ["undeclared-role"]
    assert "dead-fallback" not in codes(report.warnings)


def test_table_size():
    """The table holds at least 100 broken configurations, each once."""
    assert len({case["case"] for case in BROKEN}) == len(BROKEN) >= 100


RIGHT = yaml.safe_load("""
- {model: openai/my-own, api_base: "http://localhost:8000/v1"}
- {model: hosted_vllm/my-own, api_base: "http://localhost:8000/v1"}
- {model: ollama/my-own}
- {model: azure/my-deployment, api_base: "https://x.azure.com", api_key: k}
- {model: gpt-4o, api_key: k, max_tokens: 16384}
- {model: openai/gpt-4o, api_key: k}
- {model: gpt-4o, custom_llm_provider: openai, api_key: k}
- {model: gemini/gemini-2.5-flash, api_key: k}
- {model: in-no-list, mock_response: 'yes'}
- {model: "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", aws_profile_name: p}
- {model: "ft:gpt-4o:us:1", api_key: k}
- {model: openai/gpt-3.5-turbo-0301, api_base: "http://localhost:8000/v1", max_tokens: 1000000}
- {model: "bedrock/converse/us.anthropic.claude-sonnet-4-5-20250929-v1:0"}
- {model: "bedrock/arn:aws:bedrock:us-east-1:1:inference-profile/x"}
- {model: bedrock/agent/A/B}
- {model: vertex_ai/4711}
- {model: vertex_ai/gemini/4711}
- {model: fireworks_ai/accounts/me/deployedModels/mine-1, api_key: k}
- {model: openai/*, api_key: k}
- {model: os.environ/THE_MODEL, api_key: k}
- {model: text-embedding-3-small, api_key: k, model_info: {mode: chat}}
- {model: gpt-4o, api_key: k, extra_headers: {X-Title: t, HTTP-Referer: r}}
- {model: gpt-4oo, enabled: false, temprature: 0}
""")


@pytest.mark.parametrize("model", RIGHT, ids=lambda model: model["model"])
def test_no_false_alarm(model, monkeypatch):
    """Valid and deliberately unlisted values are not reported."""
    monkeypatch.setenv("THE_MODEL", "gpt-4o")
    models = [model, {"model": "gpt-4o", "mock_response": "x"}]
    report = check(models, today=datetime.date(2025, 1, 1))
    assert [*report.faults, *report.warnings] == []


@pytest.mark.parametrize("name", ["GEMINI_API_KEY", "GOOGLE_API_KEY"])
def test_either_variable(monkeypatch, name):
    """A provider that looks into two variables needs one of them."""
    monkeypatch.setenv(name, "k")
    assert not check([{"model": "gemini/gemini-2.5-flash"}], today=TODAY).warnings


def test_own_keys_and_sections():
    """Sections named x-…, and what file or program declare as their own, are not misspelled."""
    config = {"models": [MOCK | {"temprature": 0}], "x-log": 1, "log": 1, "$schema": "s.json"}
    own = ["log", "temprature"]
    assert check({**config, "own_keys": own}).warnings == ()
    assert check(config, contract=Contract(own_keys=own)).warnings == ()
    assert places(check(config).warnings) == ["log", "models[0].temprature"]


@pytest.mark.parametrize(
    ("model", "variables", "expected"),
    [
        ("api_key: os.environ/IN_FILE", None, ["unset-variable"]),
        ("api_key: os.environ/IN_FILE", "{IN_FILE: x}", []),
        ("api_key: os.environ/IN_FILE", "{OTHER: x}", ["unset-variable"]),
        ("x-y: 1", "{OPENAI_API_KEY: x}", []),
        ("x-y: 1", "[IN_FILE]", ["unset-key", "wrong-section"]),
    ],
)
def test_variables_of_the_file(model, variables, expected):
    """Variables that the file sets for LiteLLM's proxy are not missing."""
    text = f"models: [{{model: gpt-4o, {model}}}]\nenvironment_variables: {variables or '{}'}"
    write({"c.yaml": text if variables else text.splitlines()[0]})
    assert sorted(codes(check("c.yaml", today=TODAY).warnings)) == expected


@pytest.mark.parametrize(
    ("key", "section", "code", "where"),
    [
        ({"roles": "postcompletions"}, {}, "unplayed-role", "models"),
        ({"stop": ["os.environ/SET_KEY"]}, {}, "listed-reference", "models[0].stop[0]"),
        (
            {"litellm_credential_name": "c"},
            {"credential_list": [{"credential_name": "c", "credential_values": {}}]},
            "unread-section",
            "models[0].litellm_credential_name",
        ),
    ],
)
def test_what_others_refuse(key, section, code, where, monkeypatch):
    """What only the check accepts, but run, export or kwargs do not, is a note."""
    monkeypatch.setenv("SET_KEY", "x")
    models = [{"model": "gpt-4o", "api_key": "none", **key}]
    report = check({"models": models, **section}, today=TODAY)
    assert [*report.faults, *report.warnings] == []
    assert [(fault.code, fault.where) for fault in report.notes] == [(code, where)]


def test_empty_key_is_no_secret():
    """An empty key is a fault, but not a literal secret."""
    report = check([{"model": "gpt-4o", "api_key": ""}], today=TODAY)
    assert (codes(report.faults), report.notes) == (["empty-secret"], ())


def test_contract_of_the_file_and_the_program():
    """Roles declared in the file count, and those of the program override them."""
    config = {"models": [MOCK], "roles": {"a": {"required": True}}}
    assert codes(check(config).faults) == ["unplayed-role"]
    assert check(config, contract=Contract(["chatcompletions", "a"])).faults == ()


def test_one_place_for_many_models():
    """A fault in a default is reported once, however many models inherit it."""
    models = [{"model": "m", "mock_response": str(index)} for index in range(20)]
    report = check({"models": models, "defaults": {"api_base": "", "temprature": 0}})
    assert places(report.faults) == ["defaults.api_base"]
    assert places(report.warnings) == ["defaults.temprature"]


def test_many_unknown_keys():
    """Hundreds of unknown keys are checked, and each is noted once."""
    model = MOCK | {f"unknown_{n:05}": n for n in range(300)}
    assert len(check([model, model]).notes) == 300


def test_misspelt_secret():
    """The value of a misspelled secret key is never shown."""
    text = "models: [{model: m, mock_response: x, langfuse_secrt: canary,\n"
    text += "  vertex_credentails: canary, roles: chat}]\n"
    write({"c.yaml": text})
    for arguments in (["check"], ["check", "--json"], ["explain", "--for", "json.dumps"], ["show"]):
        done = run(arguments[0], "c.yaml", *arguments[1:])
        assert "canary" not in done.stdout + done.stderr, done


def test_fallbacks_of_models():
    """Fallbacks that apply only to a model's name, or to no model here, are reported."""
    models = [{"name": n, "model": f"openai/{n}", "mock_response": n} for n in ("main", "spare")]
    settings = {"fallbacks": [{"main": ["spare"]}, {"chatcompletions": ["spare"]}]}
    (note,) = check({"models": models, "router_settings": settings}).notes
    assert str(note).startswith("router_settings.fallbacks[0].main: applies only if model 'main'")
    assert note.hint == "write the role: {chatcompletions: […]}"
    models[0] |= {"fallbacks": ["gpt-4o", "spare"]}
    (warning,) = check({"models": models}).warnings
    assert warning.where == "models[0].fallbacks[1]"


def test_notes():
    """A key that is sent unchanged is noted once, unless the program declares it."""
    model = MOCK | {"price": 1, "top_k": 5, "temprature": 0}
    (note,) = check([model, {**model, "enabled": True}]).notes
    assert (note.where, note.severity) == ("models[0].price", "note")
    assert note.message.endswith("sent to the provider as it is (and 1 more like it)")
    assert check({"models": [model], "own_keys": ["price"]}).notes == ()


def test_note_of_default():
    """A key that all models inherit from `defaults` is noted once."""
    models = [{"name": name, "model": "m", "mock_response": "x"} for name in "ab"]
    (note,) = check({"defaults": {"price": 1}, "models": models}).notes
    assert (note.where, "more like it" in note.message) == ("defaults.price", False)


def test_borrowed_role():
    """A role that borrows its models is noted."""
    roles = {"title": {"otherwise": "chatcompletions"}}
    (note,) = check({"models": [MOCK], "roles": roles}).notes
    assert note.message == "no model plays role 'title': borrowed from 'chatcompletions'"


@pytest.mark.parametrize(
    ("calls", "model", "found"),
    [
        ("litellm.embedding", "gpt-4o", ["chat"]),
        ("litellm:aembedding", "gpt-4o", ["chat"]),
        (litellm.rerank, "gpt-4o", ["chat"]),
        ("litellm.embedding", "text-embedding-3-small", []),
        ("litellm.embedding", "openai/my-own-model", []),
        ("my.program.embedding", "gpt-4o", []),
        (None, "text-embedding-3-small", []),
    ],
)
def test_callable_of_a_role(calls, model, found):
    """A model that does not fit its role's callable is a warning."""
    models = [{"model": model, "api_key": "k", "roles": "r"}]
    faults = map(str, check(models, contract=[Role("r", calls=calls)]).warnings)
    assert [each.rpartition(" ")[2] for each in faults if "needs mode" in each] == found


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({}, [("no-price", "models[0].model")]),
        ({"input_cost_per_token": 0}, []),
        ({"model_info": {"input_cost_per_token": 0}}, []),
        ({"model": "gpt-4o"}, []),
    ],
)
def test_budget(keys, found):
    """A budget cannot be enforced for a model without a known price."""
    model = {"name": "a", "model": "openai/mine", "api_key": "none"} | keys
    model["api_base"] = "http://localhost:1/v1"
    report = check({"roles": {"chatcompletions": {"max_cost": 1}}, "models": [model]})
    assert [(fault.code, fault.where) for fault in report.warnings] == found


def test_text():
    """Faults come first, then warnings with their lines, notes, and a summary."""
    write({"c.yaml": "models:\n  - {name: a, temprature: 0}\n  - {model: gpt-4o, api_key: k}\n"})
    assert run("check", "c.yaml").stdout.splitlines() == [
        "error: c.yaml:2:5: models[0]: has no key 'model'; "
        "name the model that LiteLLM calls, such as model: gpt-4o",
        "      - {name: a, temprature: 0}",
        "        ^",
        "warning: c.yaml:2:15: models[0].temprature: unknown key; did you mean 'temperature'?",
        "      - {name: a, temprature: 0}",
        "                  ^",
        "note: c.yaml:3:30: models[1].api_key: is a literal secret; "
        "write os.environ/NAME: export rejects it",
        "2 models, 1 fault, 1 warning",
    ]


def test_exit_code():
    """The exit code is 1 for faults, and with --strict for warnings too."""
    write({"warns.yaml": "models: []", "wrong.yaml": "models: 1", "broken.yaml": "models: ["})
    lines = {"--demo --strict": 0, "warns.yaml": 0, "warns.yaml --strict": 1}
    lines |= {"wrong.yaml": 1, "broken.yaml": 1, "absent.yaml": 1}
    assert {line: run("check", *line.split()).returncode for line in lines} == lines


def test_json():
    """JSON contains a code, a path, a file, a line and a column for each fault."""
    write({"c.yaml": "models:\n  - model: m\n    roles: x\n    temperature: .nan\n"})
    report = json.loads(run("check", "c.yaml", "--json").stdout)
    fault = report["faults"][0]
    assert (fault["code"], fault["path"]) == ("undeclared-role", ["models", 0, "roles"])
    assert (fault["position"]["file"], fault["position"]["line"]) == ("c.yaml", 3)
    assert json.loads(run("check", "c.yaml", "--format", "json").stdout) == report


def test_github():
    """Workflow commands are escaped, so that no message forges another."""
    write({"a,b.yaml": "models:\n  - model: m\n    roles: 'x%y'\n"})
    first = run("check", "a,b.yaml", "--format", "github").stdout.splitlines()[0]
    words = "::error file=a%2Cb.yaml,line=3,col=12,title=undeclared-role::models[0]"
    assert (first.startswith(words), "%25" in first) == (True, True)


@pytest.mark.parametrize("command", ["check", "show", "explain --for json.dumps"])
def test_injection(command):
    """Names and keys in a file control neither the terminal nor a CI."""
    evil = "\x1b]0;x\x07\x9b2J\n::stop-commands::t\n  ##[error]z"
    for roles in (["chat" + evil], [{"postcompletions": evil}]):
        model = MOCK | {"name": evil, evil: evil, "roles": roles}
        write({"c.json": json.dumps({"models": [model], evil: evil})})
        done = run(*command.split(), "c.json")
        lines = [line.lstrip() for line in (done.stdout + done.stderr).splitlines()]
        assert not [line for line in lines if line.startswith(("::", "##["))]
        assert not {"\x1b", "\x07", "\x9b"} & set(done.stdout + done.stderr)


def test_declared_roles(monkeypatch):
    """Roles are declared by name, by the program's contract, or both."""
    write({"c.yaml": "models:\n  - {model: m, mock_response: x, roles: embed}\n"})
    write({"program.py": "from dispatch import Role\nROLES = [Role('judge', True)]\n"})
    assert run("check", "c.yaml").returncode == 1
    assert run("check", "c.yaml", "--declare", "embed").returncode == 0
    done = run("check", "c.yaml", "--contract", "program:ROLES", "--declare", "embed")
    assert "no model plays role 'judge'" in done.stdout
    assert "'embed' is not declared" not in done.stdout


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            "{defaults: [1], models: [{model: m, api_key: none, roles: chat}]}",
            "defaults models[0].roles",
        ),
        (
            "{roles: {a: {requird: 1}, b: 0}, models: {x: 1, y: {model: ''}}}",
            "models.x models.y.model roles.a.requird roles.b",
        ),
        (
            "{model_list: [{model_name: a, litellm_params: {model: 1}}, b], "
            "roles: {x: {requird: 1}}, router_settings: {fallbacks: [{c: [a]}]}}",
            "model_list[0].litellm_params.model model_list[1] roles.x.requird",
        ),
        ("{roles: 1, model_list: 2}", "model_list roles"),
    ],
)
def test_all_faults_at_once(config, expected):
    """A fault in one section or model hides no fault in another."""
    assert sorted({*places(check(yaml.safe_load(config)).faults)}) == expected.split()
    assert {*places(check({"modles": []}).faults)} == {""}


@pytest.mark.parametrize(
    ("roles", "models", "where"),
    [
        ("{title: {otherwise: chatt}}", "{a: {model: m, roles: title, temperature: hot}, b: 5}",
         ["models.b", "roles.title.otherwise", "models.a.temperature"]),
        ("{title: 5, x: {requird: true}}", "[{model: m, roles: [title, x], temperature: hot}]",
         ["roles.title", "roles.x.requird", "models[0].temperature"]),
        ("{1: null, title: 5}", "[{model: m, roles: title, temperature: hot}]",
         ["roles", "roles.title", "models[0].temperature"]),
    ],
)  # fmt: skip
def test_wrong_roles(roles, models, where):
    """A faulty section hides nothing in the others, and its roles are declared."""
    report = check({"models": yaml.safe_load(models), "roles": yaml.safe_load(roles)})
    found = [fault.where for fault in (*report.faults, *report.warnings)]
    assert [each for each in found if not each.endswith(".model")] == where
