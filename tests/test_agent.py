"""The agent of the guide, run as a program against a real server."""

from __future__ import annotations

import io
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests import agents, fake_provider
from tests.test_docs import FILE

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "dispatch" / "docs" / "agents.md"


def call_of(request, path):
    """Ask for the tool of the agent, as providers do."""
    function = {"name": "read_file", "arguments": json.dumps({"path": path})}
    asked = [{"index": 0, "id": "call-1", "type": "function", "function": function}]
    plain = fake_provider.answer(request, "").get_data(as_text=True)
    text = plain.replace('"content": ""', f'"content": null, "tool_calls": {json.dumps(asked)}')
    return text.replace('"stop"', '"tool_calls"')


@pytest.fixture
def agent(httpserver, tmp_path, monkeypatch, capsys):
    """Run the agent on what a user says, in a directory with one file; return what it printed."""

    def handle(request):
        body = request.get_json()
        last = body["messages"][-1]
        if body["model"] == "fail-500":
            return agents._json(
                {"error": {"message": request.headers["Authorization"]}}, "fail-500"
            )
        if last["content"].startswith("read "):
            text = call_of(body, last["content"].removeprefix("read "))
            return fake_provider.Response(text, mimetype="text/event-stream")
        said = last["content"] if last["role"] == "tool" else f"{len(body['messages'])} messages"
        return fake_provider.answer(body, said[:2], said[2:])

    httpserver.expect_request("/v1/chat/completions").respond_with_handler(handle)
    make = agents.maker(httpserver)
    files = dict(FILE.findall(GUIDE.read_text(encoding="utf-8")))
    (tmp_path / "agent.py").write_text(files["agent.py"], encoding="utf-8")
    (tmp_path / "notes.txt").write_text("buy tea", encoding="utf-8")

    def run(said, *models, process=False):
        (tmp_path / "models.json").write_text(json.dumps({"models": [make(*m) for m in models]}))
        if not process:
            monkeypatch.chdir(tmp_path)
            monkeypatch.setattr(sys, "argv", ["agent.py", "models.json"])
            monkeypatch.setattr(sys, "stdin", io.StringIO(said))
            runpy.run_path("agent.py", run_name="__main__")
            return capsys.readouterr().out
        done = subprocess.run(
            [sys.executable, "agent.py", "models.json"],
            input=said, capture_output=True, text=True, timeout=120, cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PATH": ""},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


POST = [{"postcompletions": "sum up"}]


def test_length():
    """The agent is short."""
    code = dict(FILE.findall(GUIDE.read_text(encoding="utf-8")))["agent.py"]
    assert len(code.splitlines()) <= 60


def test_agent(agent):
    """It reads a file, streams its answer, goes on with the history, and sums up."""
    models = ("a", "fail-500"), ("b", "x"), ("p", "x", POST)
    out = agent("read notes.txt\nand now?\n", *models, process=True)
    assert 'read_file({"path": "notes.txt"}): 7 characters' in out
    assert "[b] \nbuy tea" in out
    assert "[p] sum up\n5 messages" in out  # asked, called, read, said, and the task
    assert "[b] \n5 messages" in out  # four of the history, and what is asked
    assert "chatcompletions, b: 3 calls, 0 failures" in out
    assert "chatcompletions, a: 0 calls" in out
    assert "postcompletions, p, sum up: 2 calls" in out


@pytest.mark.parametrize("path", ["../secret.txt", "/etc/passwd", "absent.txt", "."])
def test_no_file(path, agent):
    """What cannot or may not be read is what the model is given, and it goes on."""
    out = agent(f"read {path}\n", ("b", "x"))
    assert "[b] \nerror: " in out
    assert "root:" not in out


def test_error(agent):
    """Where no model answers it says so, without a secret, and goes on."""
    out = agent("hi\nhi\n", ("a", "fail-500"))
    assert out.count("error: model 'a' in role 'chatcompletions' did not answer") == 2
    assert "canary" not in out
