"""The agent of the guide, run as a program against a real server."""

from __future__ import annotations

import io
import json
import runpy
import sys

import pytest

from tests import agents, fake_provider
from tests.helpers import ROOT
from tests.test_docs import FILE

GUIDE = ROOT / "dispatch" / "docs" / "agents.md"
CODE = dict(FILE.findall(GUIDE.read_text(encoding="utf-8")))["agent.py"]


@pytest.fixture
def agent(httpserver, write, monkeypatch, capsys):
    """Run the agent on user input, in a directory with one file, and return its output."""

    def handle(request):
        body = request.get_json()
        last = body["messages"][-1]
        if body["model"] == "fail-500":
            error = {"error": {"message": request.headers["Authorization"]}}
            return fake_provider.Response(json.dumps(error), 500, mimetype="application/json")
        if last["content"].startswith("read "):
            path = last["content"].removeprefix("read ")
            return agents.ask_for_tool(body, "read_file", json.dumps({"path": path}))
        said = last["content"] if last["role"] == "tool" else f"{len(body['messages'])} messages"
        return fake_provider.answer(body, said[:2], said[2:])

    httpserver.expect_request("/v1/chat/completions").respond_with_handler(handle)
    make = agents.maker(httpserver)
    write("agent.py", CODE)
    write("notes.txt", "buy tea")

    def run(said, *models):
        write("models.json", {"models": [make(*model) for model in models]})
        monkeypatch.setattr(sys, "argv", ["agent.py", "models.json"])
        monkeypatch.setattr(sys, "stdin", io.StringIO(said))
        runpy.run_path("agent.py", run_name="__main__")
        return capsys.readouterr().out

    return run


POST = [{"postcompletions": "sum up"}]


def test_length():
    """The agent is short."""
    assert len(CODE.splitlines()) <= 60


def test_agent(agent):
    """The agent reads a file, streams its answer, keeps the history, and sums up."""
    models = ("a", "fail-500"), ("b", "x"), ("p", "x", POST)
    out = agent("read notes.txt\nand now?\n", *models)
    assert 'read_file({"path": "notes.txt"}): 7 characters' in out
    assert "[b] \nbuy tea" in out
    assert "[p] sum up\n5 messages" in out  # asked, called, read, said, and the task
    assert "[b] \n5 messages" in out  # four of the history, and what is asked
    assert "chatcompletions, b: 3 calls, 0 failures" in out
    assert "chatcompletions, a: 0 calls" in out
    assert "postcompletions, p, sum up: 2 calls" in out


@pytest.mark.parametrize("path", ["../secret.txt", "/etc/passwd", "absent.txt", "."])
def test_no_file(path, agent):
    """Read errors are passed to the model, and the agent continues."""
    out = agent(f"read {path}\n", ("b", "x"))
    assert "[b] \nerror: " in out
    assert "root:" not in out


def test_error(agent):
    """If no model answers, the agent says so, without secrets, and continues."""
    out = agent("hi\nhi\n", ("a", "fail-500"))
    assert out.count("error: model 'a' in role 'chatcompletions' did not answer") == 2
    assert "canary" not in out
