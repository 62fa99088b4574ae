"""Pinging every model of every role, against a real server."""

from __future__ import annotations

import asyncio
import json

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from dispatch import ModelDispatcher, Role
from dispatch.tools.ping import aping, ping
from tests import agents, program


@pytest.fixture
def provider():
    with HTTPServer(threaded=True) as server:
        yield agents.serve(server)


@pytest.fixture(params=["sync", "async"])
def ask(request):
    """`ping`, or `aping` in its own event loop."""
    return ping if request.param == "sync" else lambda *a, **k: asyncio.run(aping(*a, **k))


def test_ping(ask, model, provider, monkeypatch):
    """Each model of each role is asked once, by its mode, without retries or fallbacks."""
    monkeypatch.delenv("ABSENT", raising=False)
    roles = ["chatcompletions", "postcompletions", Role("embed", calls="litellm.embedding"), "draw"]
    models = [
        model("a", "good", ["chatcompletions", {"postcompletions": "x"}], stream=True),
        model("b", "fail-401", num_retries=3),
        model("c", "hang"),
        model("e", "vectors", ["embed"]),
        model("d", "gpt-image-1.5", ["draw"]),
        model("u", "good", api_key="os.environ/ABSENT"),
    ]
    found = ask(ModelDispatcher(models, roles=roles), timeout=1)
    assert [(pong.role, pong.model) for pong in found] == [
        *[("chatcompletions", name) for name in "abcu"],
        ("postcompletions", "a"),
        ("embed", "e"),
        ("draw", "d"),
    ]
    good, refused, slow, unset, post, embed, draw = found
    assert all(each.seconds > 0 and each.error is None for each in (good, post, embed))
    assert refused.error.startswith("401: AuthenticationError")
    assert slow.error.startswith("timeout: ")
    assert "ABSENT is not set" in unset.error
    assert (draw.seconds, draw.error) == (None, None)
    assert "canary" not in repr(found)
    bodies = [request.get_json() for request, _ in provider.log]
    asked = sorted(body["model"] for body in bodies if body["model"] != "hang")  # it may be asleep
    assert asked == ["fail-401", "good", "good", "vectors"]
    assert {body["max_tokens"] for body in bodies if "messages" in body} == {16}


def repeat(request):
    """Answer with an error that quotes the request, as some servers do."""
    error = {"message": f"wrong: {request.get_data(as_text=True)}", "type": "invalid_request"}
    return Response(json.dumps({"error": error}), 400, mimetype="application/json")


def test_echo(ask, monkeypatch):
    """A value from the environment is hidden in what a server answers, whatever its key is."""
    monkeypatch.setenv("TENANT", "tenant-canary-77")
    with HTTPServer(threaded=True) as server:
        server.expect_request("/v1/chat/completions").respond_with_handler(repeat)
        model = {"model": "openai/m", "api_base": server.url_for("/v1"), "api_key": "none"}
        (pong,) = ask(ModelDispatcher([model | {"extra_body": {"tenant": "os.environ/TENANT"}}]))
    assert "tenant" in pong.error
    assert "canary" not in repr(pong)


def test_none_at_once(ask, model):
    """An `at_once` of 0 is an error, not a deadlock."""
    with pytest.raises(ValueError, match="at_once is 1 or more, not 0"):
        ask(ModelDispatcher([model("a", "good")]), at_once=0)


def test_own_limits(ask, model, provider):
    """A model with its own token limit keeps it."""
    ask(ModelDispatcher([model("a", "good", max_completion_tokens=5)]))
    ((request, _),) = provider.log
    body = request.get_json()
    assert (body["max_completion_tokens"], "max_tokens" in body) == (5, False)


def test_command(model, write):
    """The command shows a table or JSON, and ends with 1 where a model does not answer."""
    file = write("config.json", {"models": [model("a", "good"), model("b", "fail-500")]})
    done = program.run("ping", file)
    assert (done.returncode, done.stderr) == (1, "")
    assert "chatcompletions\ta\t" in done.stdout
    assert "500: InternalServerError" in done.stdout
    done = program.run("ping", file, "--json")
    assert [each["model"] for each in json.loads(done.stdout)] == ["a", "b"]
    assert "canary" not in done.stdout
    write("config.json", {"models": [model("a", "good")]})
    assert program.run("ping", file).returncode == 0
