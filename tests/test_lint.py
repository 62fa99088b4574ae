"""Parameters that LiteLLM itself rejects, found before any request."""

from __future__ import annotations

import json
import socket

import pytest

from dispatch import check
from dispatch.litellm.lint import find_refused_by_litellm
from tests.helpers import places
from tests.program import run

GPT_5 = {"model": "gpt-5-mini", "api_key": "none", "temperature": 0.2}
CLAUDE = {"model": "anthropic/claude-sonnet-4-5", "api_key": "none"}
THINKING = {"type": "enabled", "budget_tokens": 2000}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Fail for every connection."""

    def refuse(*_):
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize(
    ("model", "mode", "refused"),
    [
        (GPT_5, None, ["temperature"]),
        (GPT_5 | {"temperature": 1}, None, []),
        (GPT_5 | {"drop_params": True}, None, []),
        (GPT_5 | {"additional_drop_params": ["temperature"]}, None, []),
        (GPT_5 | {"mock_response": "hi"}, None, []),
        (GPT_5 | {"temperature": "os.environ/HEAT"}, None, []),
        ({"model": "os.environ/MODEL", "temperature": 0.2}, None, []),
        ({"model": "claude-opus-4-8", "temperature": 0.2}, None, ["temperature"]),
        (CLAUDE | {"frequency_penalty": 0.1, "n": 2}, None, ["frequency_penalty", "n"]),
        (CLAUDE | {"thinking": THINKING, "max_tokens": 4000}, None, []),
        ({"model": "gpt-4o", "thinking": THINKING, "seed": 1}, None, ["thinking"]),
        ({"model": "ollama/m", "n": 2}, None, []),
        ({"model": "nobody/m", "n": 2}, None, ["model"]),
        ({"model": "openai/m", "api_base": "http://h:1/v1", "n": 2, "top_k": 5}, None, []),
        ({"model": "text-embedding-ada-002", "dimensions": 3}, "embedding", ["dimensions"]),
        ({"model": "text-embedding-ada-002", "dimensions": 3}, "rerank", []),
    ],
)
def test_refused(model, mode, refused):
    """Each parameter that LiteLLM rejects for a role's callable is found, and no other."""
    assert places(find_refused_by_litellm(model, *([mode] if mode else []))) == refused


def test_check():
    """A deep check looks at each role, heeds the sections and own keys, and repeats nothing."""
    roles = {"chatcompletions": {"verbosity": "low"}, "postcompletions": {"temperature": 0.2}}
    models = [CLAUDE | {"roles": roles}, GPT_5]

    def found(deep=True, **sections):
        return sorted(places(check({"models": models, **sections}, ahead=0, deep=deep).warnings))

    hot = "models[1].temperature"
    assert found(deep=False) == [hot]
    assert found() == ["models[0].roles.chatcompletions.verbosity", hot]
    assert found(litellm_settings={"drop_params": True}) == []
    assert found(own_keys=["verbosity"]) == [hot]


def test_others(monkeypatch):
    """A deep check does not ask about models of other modes, nor of a program's providers."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    own = [{"provider": "mine", "custom_handler": "handler.mine"}]
    listed = [
        {"model": "whisper-1", "response_format": "srt"},
        {"model": "azure/voice", "api_base": "https://r.openai.azure.com", "api_key": "none",
         "response_format": "mp3", "model_info": {"mode": "audio_speech"}},
        {"model": "mine/m", "n": 2},
        {"model": "gitlab/gpt-4o", "prompt_id": "p"},
    ]  # fmt: skip
    entries = [{"model_name": f"m{n}", "litellm_params": each} for n, each in enumerate(listed)]
    config = {"model_list": entries, "litellm_settings": {"custom_provider_map": own}}
    assert places(check(config, ahead=0, deep=True).warnings) == []


def test_command(write):
    """The command imports LiteLLM only if asked to, and names the line."""
    model = "  - model: groq/unlisted\n    api_key: none\n    reasoning_effort: low\n"
    file = write("c.yaml", f"models:\n{model}")
    for options, lines in (([], []), (["--deep"], [4])):
        report = json.loads(run("check", file, "--json", *options).stdout)
        assert [fault["position"]["line"] for fault in report["warnings"]] == lines
