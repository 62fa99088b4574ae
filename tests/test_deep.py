"""What LiteLLM itself refuses, asked before any request."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from dispatch import check
from dispatch.litellm.lint import find_refused_by_litellm
from tests.program import run

GPT_5 = {"model": "gpt-5-mini", "api_key": "none", "temperature": 0.2}
CLAUDE = {"model": "anthropic/claude-sonnet-4-5", "api_key": "none"}
THINKING = {"type": "enabled", "budget_tokens": 2000}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Fail at each connection."""

    def refuse(*_):
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize(
    ("model", "refused"),
    [
        (GPT_5, ["temperature"]),
        (GPT_5 | {"temperature": 1}, []),
        (GPT_5 | {"drop_params": True}, []),
        (GPT_5 | {"additional_drop_params": ["temperature"]}, []),
        (GPT_5 | {"mock_response": "hi"}, []),
        (GPT_5 | {"temperature": "os.environ/HEAT"}, []),
        ({"model": "os.environ/MODEL", "temperature": 0.2}, []),
        ({"model": "claude-opus-4-8", "temperature": 0.2}, ["temperature"]),
        (CLAUDE | {"frequency_penalty": 0.1, "n": 2, "max_tokens": 9}, ["frequency_penalty", "n"]),
        (CLAUDE | {"thinking": THINKING, "max_tokens": 4000}, []),
        ({"model": "gpt-4o", "thinking": THINKING, "seed": 1}, ["thinking"]),
        ({"model": "ollama/m", "n": 2}, []),
        ({"model": "nobody/m", "n": 2}, ["model"]),
        ({"model": "openai/m", "api_base": "http://h:1/v1", "n": 2, "top_k": 5}, []),
    ],
)
def test_refused(model, refused):
    """Each parameter that LiteLLM refuses is found by itself, and no other."""
    assert [fault.where for fault in find_refused_by_litellm(model)] == refused


def test_mode():
    """A model is asked as the callable of its role would be."""
    model = {"model": "text-embedding-ada-002", "dimensions": 3}
    assert [f.where for f in find_refused_by_litellm(model, "embedding")] == ["dimensions"]
    assert list(find_refused_by_litellm(model, "rerank")) == []


def test_check():
    """A deep check looks at each role, heeds the sections and own keys, and repeats nothing."""
    roles = {"chatcompletions": {"verbosity": "low"}, "postcompletions": {"temperature": 0.2}}
    config = {"models": [CLAUDE | {"roles": roles}, GPT_5], "own_keys": []}
    (shallow,) = check(config, ahead=0).warnings
    assert shallow.where == "models[1].temperature"
    found = [fault.where for fault in check(config, ahead=0, deep=True).warnings]
    assert sorted(found) == ["models[0].roles.chatcompletions.verbosity", "models[1].temperature"]
    dropped = config | {"litellm_settings": {"drop_params": True}}
    assert check(dropped, ahead=0, deep=True).warnings == ()
    assert [
        f.where for f in check(config | {"own_keys": ["verbosity"]}, ahead=0, deep=True).warnings
    ] == ["models[1].temperature"]


def test_command(tmp_path):
    """The command imports LiteLLM only where it is asked to, and names the line."""
    file = Path(tmp_path, "c.yaml")
    file.write_text("models:\n  - model: gpt-4o\n    api_key: none\n    verbosity: low\n")
    for options, lines in (([], []), (["--deep"], [4])):
        report = json.loads(run("check", str(file), "--json", *options).stdout)
        assert [fault["position"]["line"] for fault in report["warnings"]] == lines
