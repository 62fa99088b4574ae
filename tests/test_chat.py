"""A conversation: which model answers, instead of which, and what an error says."""

from __future__ import annotations

import json

import pytest
from werkzeug import Response

from dispatch import ModelDispatcher
from dispatch.errors import CompletionError, UnsetVariableError, UnsetVariableWarning
from dispatch.tools.chat import converse
from tests import fake_provider, program


@pytest.fixture
def provider(httpserver):
    """A provider that answers with the model's name; `fail-CODE` fails, and `cut` breaks off."""

    def answer(request):
        body = request.get_json()
        name = body["model"]
        if name.startswith("fail-"):
            error = {"error": {"message": f"no: {request.headers['Authorization']}"}}
            return Response(json.dumps(error), int(name[5:]), mimetype="application/json")
        if name == "cut":
            return Response('data: {"error": {"message": "cut", "code": 500}}\n\n')
        return fake_provider.answer(body, name)

    httpserver.expect_request("/v1/chat/completions").respond_with_handler(answer)
    return httpserver


@pytest.fixture
def model(provider):
    """Make a model of the provider."""

    def make(name, model, roles=("chatcompletions",), **keys):
        endpoint = {"api_base": provider.url_for("/v1"), "api_key": f"sk-{name}"}
        return {"name": name, "model": f"openai/{model}", "roles": list(roles)} | endpoint | keys

    return make


def talk(models, **settings):
    return [
        (
            turn.role,
            turn.model["name"],
            turn.instead_of and turn.instead_of["name"],
            "".join(turn.text),
        )
        for turn in converse(ModelDispatcher(models), "hi", **settings)
    ]


@pytest.mark.parametrize("broken", ["fail-429", "fail-500", "cut"])
def test_who_answers(broken, model):
    """A turn names the model that answers, and the one that failed before it."""
    post = [{"postcompletions": "review"}]
    models = [
        model("a", broken),
        model("b", "good"),
        model("p", "fine", post),
        model("q", broken, post),
    ]
    assert talk(models) == [
        ("chatcompletions", "b", "a", "good"),
        ("postcompletions", "p", None, "fine"),
        ("postcompletions", "p", "q", "fine"),
    ]


def test_tasks(model):
    """Each task is done by the model that it was given to."""
    models = [
        model("a", "good", ["chatcompletions", {"postcompletions": "one"}]),
        model("b", "other", [{"postcompletions": "two"}, {"postcompletions": "three"}]),
    ]
    assert [turn[1:] for turn in talk(models)] == [
        ("a", None, "good"),
        ("a", None, "good"),
        ("b", None, "other"),
        ("b", None, "other"),
    ]


def test_tasks_of_a_shared_role(model):
    """Models of one order share the chat, and each still does its own task."""
    roles = ["chatcompletions", {"postcompletions": "one"}]
    models = [model("a", "good", roles, order=1), model("b", "other", roles, order=1)]
    for _ in range(5):
        chat, *posts = talk(models)
        assert chat[1] in ("a", "b")
        assert chat[2] is None
        assert [post[1:] for post in posts] == [("a", None, "good"), ("b", None, "other")]


def test_whole_answer(model, provider):
    """A model that is not to stream answers in one piece."""
    assert talk([model("a", "good", stream=False)])[0][-1] == "good"
    assert not provider.log[0][0].get_json().get("stream")


def test_no_answer(model):
    """Where no model answers, the error names all of them and holds no secret."""
    with pytest.raises(CompletionError) as caught:
        talk([model("a", "fail-500"), model("b", "fail-401")])
    assert str(caught.value).startswith("models 'a', 'b' in role 'chatcompletions' did not answer")
    assert "sk-a" not in str(caught.value)
    assert "sk-b" not in str(caught.value)
    assert caught.value.__context__ is None


def test_no_chat_model(model):
    """Without a model for the conversation there is an error before any request."""
    with pytest.raises(CompletionError, match="no model plays role 'chatcompletions'"):
        talk([model("p", "good", [{"postcompletions": "review"}])])


def test_role_left_out(model, monkeypatch):
    """A role of which every model is left out says why."""
    monkeypatch.delenv("ABSENT", raising=False)
    post = model("p", "good", [{"postcompletions": "x"}], api_key="os.environ/ABSENT")
    with pytest.warns(UnsetVariableWarning), pytest.raises(UnsetVariableError, match="ABSENT"):
        talk([model("a", "good"), post])


def test_command_line(model, tmp_path):
    """The command says which model answers, and uses the settings of the file."""
    tree = {
        "models": [model("a", "fail-500"), model("b", "good", ["postcompletions"])],
        "litellm_settings": {"fallbacks": [{"chatcompletions": ["postcompletions"]}]},
    }
    file = tmp_path / "config.json"
    file.write_text(json.dumps(tree))
    done = program.run("run", file, "hi")
    assert done.returncode == 0, done.stderr
    assert "chatcompletions · b (instead of a, which did not answer)\ngood\n" in done.stdout
    assert "sk-" not in done.stdout + done.stderr
    tree["litellm_settings"] = {"fallbacks": [{"chatcompletions": ["nowhere"]}]}
    line = json.dumps(tree)
    file.write_text(line)
    done = program.run("run", file, "hi")
    assert done.returncode == 1
    place = f"{file}:1:{line.index(chr(34) + 'nowhere') + 1}"
    error = f"error: {place}: litellm_settings.fallbacks[0].chatcompletions[0]: no role or model"
    assert done.stderr.startswith(error)
