"""The exported configuration of a LiteLLM proxy; `tests/integration` starts two from one."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dispatch import dispatch
from dispatch.errors import ConfigError, SecretError
from dispatch.llm.deployments import model_list
from dispatch.llm.proxy import proxy_config, to_yaml, variables

ROOT = Path(__file__).parent.parent
MODELS = [
    {
        "name": "größe",
        "model": "openai/m",
        "api_key": "os.environ/FIRST_KEY",
        "extra_headers": {"X-Team": "os.environ/TEAM"},
        "roles": ["chatcompletions", {"postcompletions": "review it: now"}],
    },
    {"model": "o3", "rpm": 3, "temperature": 1e-5, "stop": ["on", "1e3"]},
]


@pytest.fixture
def export(tmp_path):
    """Run `dispatch export` on a configuration."""

    def run(config, *arguments, **environment):
        file = tmp_path / "config.json"
        file.write_text(json.dumps(config), encoding="utf-8")
        command = [sys.executable, "-m", "dispatch", "export", str(file), "--to", "litellm-proxy"]
        return subprocess.run(
            [*command, *map(str, arguments)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=ROOT,
            env={**os.environ, **environment},
            timeout=60,
        )

    return run


def test_it_holds_the_deployments_and_keeps_references_as_they_are():
    groups = dispatch(MODELS)
    made = proxy_config(groups)
    assert made["model_list"] == model_list(groups, deep_references=True)
    assert made["general_settings"] == {"master_key": "os.environ/LITELLM_MASTER_KEY"}
    assert variables(made) == ["FIRST_KEY", "LITELLM_MASTER_KEY", "TEAM"]


def test_what_is_written_reads_back_as_it_was():
    made = proxy_config(dispatch(MODELS))
    assert yaml.safe_load(to_yaml(made, ["a", "b\nc: d"])) == made


def test_sections_of_the_proxys_own_go_along():
    sections = {
        "router_settings": {"fallbacks": [{"postcompletions": ["chatcompletions"]}]},
        "litellm_settings": {"drop_params": True},
        "general_settings": {"master_key": "os.environ/OTHER"},
    }
    made = proxy_config(dispatch(MODELS), sections)
    assert {name: made[name] for name in sections} == sections
    assert list(made) == ["model_list", "router_settings", "litellm_settings", "general_settings"]


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ({"api_key": "sk-1"}, "models.[name=x].api_key"),
        ({"api_base": "https://me:pw@h"}, "models.[name=x].api_base"),
        ({"extra_headers": {"X-Team": "blue"}}, "models.[name=x].extra_headers.X-Team"),
        ({"extra_body": {"a": [{"password": "p"}]}}, "models.[name=x].extra_body.a[0].password"),
    ],
)
def test_a_literal_secret_is_refused_unless_it_is_allowed(keys, place):
    groups = dispatch([{"name": "x", "model": "m"} | keys])
    with pytest.raises(SecretError) as caught:
        proxy_config(groups)
    assert place in str(caught.value)
    made = proxy_config(groups, allow_literal_secrets=True)
    assert keys.items() <= made["model_list"][0]["litellm_params"].items()


@pytest.mark.parametrize("allowed", [False, True])
def test_a_reference_in_another_spelling_is_told_the_right_one(allowed):
    """It is no literal secret, and never goes into the file."""
    groups = dispatch([{"name": "x", "model": "m", "api_key": "${MY_KEY}"}])
    sections = {"general_settings": {"master_key": "$MASTER"}}
    with pytest.raises(ConfigError) as caught:
        proxy_config(groups, sections, allow_literal_secrets=allowed)
    assert "models.[name=x].api_key: ${MY_KEY} is not expanded; write os.environ/MY_KEY" in str(
        caught.value
    )
    assert "general_settings.master_key: $MASTER is not expanded" in str(caught.value)


def test_an_empty_key_is_not_exported():
    with pytest.raises(ConfigError, match="api_key: is empty"):
        proxy_config(dispatch([{"name": "x", "model": "m", "api_key": ""}]))


def test_what_says_that_there_is_no_key_is_no_secret():
    groups = dispatch([{"model": "openai/m", "api_key": "none", "api_base": "http://localhost"}])
    assert proxy_config(groups)["model_list"][0]["litellm_params"]["api_key"] == "none"


@pytest.mark.parametrize(
    ("models", "sections", "told"),
    [
        ([], {}, "no model plays any role"),
        (
            [{"name": "x", "model": "m", "stop": ["os.environ/A"]}],
            {},
            "models.[name=x].stop[0]: the proxy would not resolve os.environ/A in a list",
        ),
        (
            [{"name": "x", "model": "m", "api_key": "os.environ/sk-1"}],
            {},
            "models.[name=x].api_key: refers to what cannot be the name of a variable",
        ),
        (
            [{"model": "m"}],
            {"router_settings": {"fallbacks": [{"chatcompletions": ["nobody"]}]}},
            "router_settings.fallbacks[0].chatcompletions[0]: nobody plays 'nobody'",
        ),
    ],
)
def test_what_would_fail_on_the_proxy_fails_here(models, sections, told):
    with pytest.raises(ConfigError) as caught:
        proxy_config(dispatch(models), sections)
    assert told in str(caught.value)


def test_what_yaml_has_no_form_for_is_told_with_its_place():
    made = proxy_config(dispatch([{"model": "m", "client": print}]))
    with pytest.raises(ConfigError, match=r"model_list\[0\]\.litellm_params\.client: a builtin"):
        to_yaml(made)


def test_the_command_writes_a_file_whose_header_tells_how_to_start_it(export, tmp_path):
    target = tmp_path / "proxy.yaml"
    done = export({"models": MODELS}, "-o", target)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    text = target.read_text(encoding="utf-8")
    assert yaml.safe_load(text) == proxy_config(dispatch(MODELS))
    header = [line for line in text.splitlines() if line.startswith("#")]
    assert any("dispatch export" in line and "-o" in line for line in header)
    assert any(f"litellm --config {target}" in line for line in header)
    assert any("FIRST_KEY, LITELLM_MASTER_KEY, TEAM" in line for line in header)


def test_without_a_file_it_prints_and_the_same_under_every_hash_seed(export):
    told = {export({"models": MODELS}, PYTHONHASHSEED=str(seed)).stdout for seed in range(3)}
    assert len(told) == 1
    assert yaml.safe_load(told.pop()) == proxy_config(dispatch(MODELS))


def test_options_win_over_the_section_of_the_file(export):
    settings = {"optional_pre_call_checks": ["prompt_caching"], "redis_port": 1, "cooldown_time": 9}
    options = ["--redis", "[::1]:7000", "--redis-password-from", "REDIS_PASSWORD"]
    options += ["--enforce-limits", "--cooldown", "2.5"]
    done = export({"models": MODELS, "router_settings": settings}, *options)
    assert yaml.safe_load(done.stdout)["router_settings"] == {
        "optional_pre_call_checks": ["prompt_caching", "enforce_model_rate_limits"],
        "redis_port": 7000,
        "cooldown_time": 2.5,
        "redis_host": "::1",
        "redis_password": "os.environ/REDIS_PASSWORD",
    }


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("localhost", "localhost", 6379),
        ("redis.example:1", "redis.example", 1),
        ("[::1]", "::1", 6379),
    ],
)
def test_redis_is_named_by_host_and_port(export, address, host, port):
    settings = yaml.safe_load(export({"models": MODELS}, "--redis", address).stdout)
    assert settings["router_settings"] == {"redis_host": host, "redis_port": port}


@pytest.mark.parametrize(
    ("config", "arguments", "told"),
    [
        ({"models": MODELS}, ["--redis", "redis://:pw@h"], "--redis takes HOST or HOST:PORT"),
        ({"models": MODELS}, ["--redis", "h:port"], "--redis takes HOST or HOST:PORT"),
        ({"models": [{"model": "m", "api_key": "sk-1"}]}, [], "--allow-literal-secrets"),
        ({"models": MODELS}, ["-o", "/absent/file.yaml"], "/absent/file.yaml: cannot be written"),
        ({"models": MODELS, "router_settings": [1]}, [], "router_settings: expected a mapping"),
    ],
)
def test_an_error_is_one_block_and_writes_nothing(export, config, arguments, told):
    done = export(config, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_with_literal_secrets_is_its_owners_alone(export, tmp_path):
    target = tmp_path / "proxy.yaml"
    models = [{"model": "m", "api_key": "sk-1"}]
    assert export({"models": models}, "-o", target, "--allow-literal-secrets").returncode == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert "sk-1" in target.read_text()


def test_so_is_one_that_everybody_could_read_before(export, tmp_path):
    """Even who holds the old file open reads nothing of the new one; a link stays a link."""
    target, link = tmp_path / "proxy.yaml", tmp_path / "link.yaml"
    target.write_text("old")
    target.chmod(0o644)
    link.symlink_to(target)
    models = [{"model": "m", "api_key": "sk-1"}]
    with target.open() as opened:
        done = export({"models": models}, "-o", link, "--allow-literal-secrets")
        assert done.returncode == 0, done.stderr
        assert opened.read() == "old"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert "sk-1" in target.read_text()
    assert link.is_symlink()
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "config.json", "link.yaml", "proxy.yaml",
    ]  # fmt: skip


def test_a_file_that_is_read_is_not_written_over(export, tmp_path):
    config = tmp_path / "config.json"
    done = export({"models": MODELS}, "-o", tmp_path / "." / "config.json")
    assert done.returncode == 1
    assert "config.json: is a file that was read; write to another file" in done.stderr
    assert json.loads(config.read_text("utf-8")) == {"models": MODELS}
