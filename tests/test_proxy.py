"""The exported configuration of a LiteLLM proxy; `tests/integration` starts two from one."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import litellm
import pytest
import yaml

from dispatch import ConfigWarning, ModelDispatcher, dispatch, model_list
from dispatch.errors import ConfigError, SecretError
from dispatch.litellm.deployments import as_sent, deploy
from dispatch.litellm.proxy import find_left_out, proxy_config, to_yaml, variables
from dispatch.litellm.settings import SECTIONS
from tests import program
from tests.helpers import python, raised

MODELS = yaml.safe_load("""
- name: größe
  model: openai/m
  api_key: os.environ/FIRST_KEY
  extra_headers: {X-Team: os.environ/TEAM}
  roles: [chatcompletions, {postcompletions: "review it: now"}]
- {model: o3, rpm: 3, temperature: 1.0e-5, stop: ["on", "1e3"]}
""")
PASTED = {"models": [{"model": "m", "api_key": "sk-1"}]}


def export_of(*models, own_keys=(), **sections):
    return proxy_config(ModelDispatcher({"models": [*models], **sections}, own_keys=own_keys))


@pytest.fixture
def export(write):
    """Run `dispatch export` on a configuration."""

    def run(config, *arguments):
        file = write("config.json", config)
        return program.run("export", file, "--to", "litellm-proxy", *arguments)

    return run


def test_export():
    """The proxy has the deployments of a Router, and references are unchanged."""
    groups = dispatch(MODELS)
    config = proxy_config(groups)
    assert config["model_list"] == [as_sent(each.deployment) for each in deploy(groups)[0]]
    assert config["general_settings"] == {"master_key": "os.environ/LITELLM_MASTER_KEY"}
    assert variables(config) == ["FIRST_KEY", "LITELLM_MASTER_KEY", "TEAM"]


def test_round_trip():
    """What is written as YAML reads back as it was."""
    config = proxy_config(dispatch(MODELS))
    assert yaml.safe_load(to_yaml(config, ["a", "b\nc: d"])) == config


def test_cooldown():
    """The only model of a role cools down if it has a fallback, as in a local Router."""
    models = [{"name": "a", "model": "m"}, {"name": "b", "model": "m", "roles": "postcompletions"}]
    settings = {"fallbacks": [{"chatcompletions": ["postcompletions"]}]}
    config = export_of(*models, litellm_settings=settings)
    infos = [each["model_info"] for each in config["model_list"]]
    assert [info.get("allowed_fails") for info in infos] == [1, None]
    again = proxy_config(ModelDispatcher(config))
    assert [each["model_info"] for each in again["model_list"]] == infos


def test_orders():
    """Orders, weights and `model_info` are exported; the program's own keys are not."""
    model = {"model": "m", "tags": ["a"], "order": 1, "model_info": {"mode": "chat"}}
    models = [model | {"weight": 9}, model, model | {"enabled": False}]
    made = export_of(*models, own_keys=["tags"])["model_list"]
    params = [each["litellm_params"] for each in made]
    assert params == [{"model": "m", "order": 1, "weight": weight} for weight in (9, 1)]
    assert {each["model_info"]["mode"] for each in made} == {"chat"}


def test_sections():
    """Every section that LiteLLM's proxy documents is exported, in the order written."""
    sections = yaml.safe_load("""
        environment_variables: {LANGFUSE_HOST: "http://127.0.0.1:3000"}
        credential_list: [{credential_name: a, credential_values: {api_key: os.environ/KEY}}]
        guardrails: [{guardrail_name: pii, litellm_params: {mode: pre_call}}]
        router_settings: {fallbacks: [{postcompletions: [chatcompletions]}]}
        litellm_settings: {drop_params: true}
        mcp_servers: {docs: {url: "http://127.0.0.1:1"}}
        general_settings: {master_key: os.environ/OTHER}
    """)
    dispatcher = ModelDispatcher({"models": MODELS, **sections})
    config = proxy_config(dispatcher)
    assert list(config) == ["model_list", *sections]
    assert {name: config[name] for name in sections} == sections
    assert proxy_config(dispatch(MODELS), sections) == config
    assert not list(find_left_out(dispatcher))


def test_left_out():
    """A section that the proxy does not have is a warning with the nearest one."""
    tree = {"models": MODELS, "general_setting": {}, "mine": 1, "x-mine": 2}
    near, far = map(str, find_left_out(ModelDispatcher(tree)))
    assert near.endswith("did you mean 'general_settings'?")
    assert far == "mine: is left out: LiteLLM's proxy has no such section"


def test_sections_of_the_proxy():
    """The sections are those that the installed proxy reads, as its source shows."""
    source = Path(litellm.__file__).parent / "proxy" / "proxy_server.py"
    text = source.read_text(encoding="utf-8")
    assert sum(f'config.get("{name}"' in text for name in SECTIONS) > 15


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ({"api_key": "sk-1"}, "models[0].api_key"),
        ({"api_base": "https://me:pw@h"}, "models[0].api_base"),
        ({"extra_headers": {"X-Api-Key": "blue"}}, "models[0].extra_headers.X-Api-Key"),
        ({"extra_body": {"a": [{"password": "p"}]}}, "models[0].extra_body.a[0].password"),
        ({"system_prompt": "use sk-proj-0123456789abcdef"}, "models[0].system_prompt"),
        ({"model_info": {"secret": "x"}}, "models[0].model_info.secret"),
    ],
)
def test_literal_secret(keys, place):
    """A literal secret is rejected unless it is allowed."""
    groups = dispatch([{"name": "x", "model": "m"} | keys])
    assert str(raised(SecretError, proxy_config, groups)).startswith(place)
    (made,) = proxy_config(groups, allow_literal_secrets=True)["model_list"]
    (value,) = keys.values()
    assert value in (*made["litellm_params"].values(), {"secret": made["model_info"].get("secret")})


def test_literal_secret_in_a_section():
    """A literal secret in a section is rejected too, with its location."""
    credentials = [{"credential_name": "a", "credential_values": {"api_key": "sk-1"}}]
    with pytest.raises(SecretError, match=r"credential_list\[0\]\.credential_values\.api_key"):
        export_of(*MODELS, credential_list=credentials)


@pytest.mark.parametrize(
    "keys",
    [
        {"extra_headers": {"HTTP-Referer": "https://app.example", "X-Title": "My app"}},
        {"extra_headers": {"anthropic-beta": "context-1m-2025-08-07"}},
        {"api_key": "none", "api_base": "http://localhost"},
    ],
)
def test_no_secret(keys):
    """Public headers, and `api_key: none`, are exported."""
    (made,) = export_of({"model": "openai/m", **keys})["model_list"]
    assert made["litellm_params"].items() >= keys.items()


@pytest.mark.parametrize("allowed", [False, True])
def test_foreign_reference(allowed):
    """Another tool's reference is not a literal secret, and is never exported."""
    groups = dispatch([{"name": "x", "model": "m", "api_key": "${MY_KEY}"}])
    sections = {"general_settings": {"master_key": "$MASTER"}}
    keys = {"allow_literal_secrets": allowed}
    message = str(raised(ConfigError, proxy_config, groups, sections, **keys))
    assert "models[0].api_key: ${MY_KEY} is not expanded; write os.environ/MY_KEY" in message
    assert "general_settings.master_key: $MASTER is not expanded" in message


DEAD = {"fallbacks": [{"chatcompletions": ["backup"]}]}


@pytest.mark.parametrize(
    ("models", "section", "message"),
    [
        ([], {}, "models: no model plays any role"),
        ([{"api_key": ""}], {}, "models[0].api_key: is empty"),
        ([{"stop": ["os.environ/A"]}], {}, "[0]: the proxy would not resolve os.environ/A in a"),
        ([{"api_key": "os.environ/sk-1"}], {}, "api_key: does not refer to the name of a"),
        ([{}], {"router_settings": DEAD}, "router_settings.fallbacks[0].chatcompletions[0]: no ro"),
        ([{}], {"litellm_settings": DEAD}, "litellm_settings.fallbacks[0].chatcompletions[0]: no "),
        ([{}], {"router_settings": {"timeout": "30s"}}, "router_settings.timeout: expected a num"),
        ([{}], {"general_settings": [1]}, "general_settings: expected a mapping, found a list"),
    ],
)
def test_what_would_fail(models, section, message):
    """What would fail on the proxy is an error here."""
    groups = dispatch([{"name": "x", "model": "m"} | model for model in models])
    assert message in str(raised(ConfigError, proxy_config, groups, section))


def test_unwritable():
    """A value that YAML cannot represent is an error with its location."""
    config = export_of({"model": "m", "client": print})
    with pytest.raises(ConfigError, match=r"model_list\[0\]\.litellm_params\.client: a builtin"):
        to_yaml(config)


def test_file(export):
    """The command writes a file whose header says how to start it."""
    target = Path("proxy.yaml")
    done = export({"models": MODELS}, "-o", target)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    text = target.read_text(encoding="utf-8")
    assert yaml.safe_load(text) == proxy_config(dispatch(MODELS))
    header = [line for line in text.splitlines() if line.startswith("#")]
    assert any("dispatch export" in line and "-o" in line for line in header)
    assert any("litellm --config proxy.yaml" in line for line in header)
    assert any("FIRST_KEY, LITELLM_MASTER_KEY, TEAM" in line for line in header)


def test_hash_seeds(write):
    """The text of an export is the same under every hash seed."""
    file = write("config.json", {"models": MODELS}).absolute()
    command = ["-m", "dispatch", "export", file, "--to", "litellm-proxy"]
    envs = ({"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"} for seed in "012")
    (printed,) = {python(*command, env=env, encoding="utf-8").stdout for env in envs}
    assert yaml.safe_load(printed) == proxy_config(dispatch(MODELS))


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("localhost", "localhost", 6379),
        ("redis.example:1", "redis.example", 1),
        ("[::1]", "::1", 6379),
        ("[::1]:7000", "::1", 7000),
    ],
)
def test_options(export, address, host, port):
    """Options override the section in the file; Redis is named by host and port."""
    settings = {"optional_pre_call_checks": ["prompt_caching"], "redis_port": 1, "cooldown_time": 9}
    options = ["--redis", address, "--redis-password-from", "REDIS_PASSWORD"]
    options += ["--enforce-limits", "--cooldown", "2.5"]
    done = export({"models": MODELS, "router_settings": settings}, *options)
    assert yaml.safe_load(done.stdout)["router_settings"] == {
        "optional_pre_call_checks": ["prompt_caching", "enforce_model_rate_limits"],
        "redis_port": port,
        "cooldown_time": 2.5,
        "redis_host": host,
        "redis_password": "os.environ/REDIS_PASSWORD",
    }


@pytest.mark.parametrize(
    ("config", "arguments", "message"),
    [
        (PASTED, [], "--allow-literal-secrets"),
        ({"models": MODELS}, ["-o", "/absent/file.yaml"], "/absent/file.yaml: cannot be written"),
        ({"models": MODELS, "router_settings": [1]}, [], "router_settings: expected a mapping"),
    ],
)
def test_error(export, config, arguments, message):
    """An error is one block, and nothing is written."""
    done = export(config, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("address", ["redis://:pw@h", "h:port"])
def test_wrong_address(export, address):
    """An invalid address is rejected, without showing a password in it."""
    done = export({"models": MODELS}, "--redis", address)
    assert done.returncode != 0
    assert "--redis takes HOST or HOST:PORT" in done.stderr
    assert "pw" not in done.stderr


def test_private_file(export):
    """A file with literal secrets can be read by its owner alone."""
    target = Path("proxy.yaml")
    assert export(PASTED, "-o", target, "--allow-literal-secrets").returncode == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert "sk-1" in target.read_text()


def test_file_that_was_public(export, write):
    """A reader that holds the old file open reads nothing of the new one; a link stays a link."""
    target, link = write("proxy.yaml", "old"), Path("link.yaml")
    target.chmod(0o644)
    link.symlink_to(target)
    with target.open() as opened:
        done = export(PASTED, "-o", link, "--allow-literal-secrets", "--force")
        assert done.returncode == 0, done.stderr
        assert opened.read() == "old"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert "sk-1" in target.read_text()
    assert link.is_symlink()
    names = sorted(file.name for file in Path().iterdir())
    assert names == ["config.json", "link.yaml", "proxy.yaml"]


def test_input_is_not_overwritten(export, tmp_path):
    """An input file is not overwritten."""
    done = export({"models": MODELS}, "-o", tmp_path / "." / "config.json")
    assert done.returncode != 0
    assert "config.json is an input file; write to another file" in done.stderr
    assert json.loads(Path("config.json").read_text("utf-8")) == {"models": MODELS}


def test_number_from_the_environment():
    """A number that the proxy would send as a string is a warning."""
    models = [{"model": "m", "temperature": "os.environ/TEMP", "rpm": "os.environ/RPM"}]
    with pytest.warns(ConfigWarning, match=r"models\[0\]\.temperature: ") as caught:
        proxy_config(dispatch(models))
    assert len(caught) == 1
    assert model_list(dispatch(models))[0]["litellm_params"]["rpm"] == "os.environ/RPM"


def test_number_like_strings():
    """A string that YAML 1.2 reads as a number is quoted."""
    assert to_yaml({"a": "1e3", "b": "1e", "c": 1.5}) == "a: '1e3'\nb: 1e\nc: 1.5\n"


def test_what_an_export_leaves_out(export):
    """Omitted sections, switched-off models and budgets are on stderr, with locations."""
    models = [{"name": "a", "model": "m"}, {"name": "b", "model": "m", "enabled": False}]
    roles = {"title": {"max_cost": 1}}
    done = export({"models": models, "roles": roles, "general_setting": {"master_key": "x"}})
    assert "general_setting:" not in done.stdout
    found = [line.partition(".json:1:")[2] for line in done.stderr.splitlines()]
    assert [line.partition(": ")[2] for line in found if line] == [
        "general_setting: is left out: LiteLLM's proxy has no such section; "
        "did you mean 'general_settings'?",
        "models[1].enabled: switches b off, so it is left out",
        "roles.title.max_cost: is left out: the proxy has its own budgets",
    ]
