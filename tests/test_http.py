"""The main job against a real OpenAI-compatible server on loopback: what arrives there."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import litellm
import pytest
from werkzeug import Response

from dispatch import ConfigMorpher, ModelDispatcher, RoleGroup
from dispatch.conversation import converse

ROOT = Path(__file__).parent.parent
TASK = "review it"
OWN = ("name", "roles", "system_prompt")


def answer(request):
    """Answer as OpenAI does, streaming where that was asked for."""
    said = f"re: {request.get_json()['messages'][-1]['content']}"
    if request.get_json().get("stream"):
        deltas = [{"role": "assistant", "content": said[:3]}, {"content": said[3:]}]
        chunks = [
            {"id": "1", "object": "chat.completion.chunk", "model": "m", "created": 1}
            | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
            for delta in deltas
        ]
        lines = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
        return Response(lines + "data: [DONE]\n\n", mimetype="text/event-stream")
    message = {"role": "assistant", "content": said}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": "1", "object": "chat.completion", "model": "m", "created": 1, "choices": [choice]}
    return Response(json.dumps(body), mimetype="application/json")


@pytest.fixture
def provider(httpserver):
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(answer)
    return httpserver


@pytest.fixture
def config(tmp_path, provider, monkeypatch):
    """A file on disk with both roles; the first model's key is a reference."""
    monkeypatch.setenv("TEAM_KEY", "sk-from-env")
    file = tmp_path / "config.yaml"
    file.write_text(
        f"""\
models:
  - name: talker
    model: openai/some-model
    temperature: 0.25
    api_key: os.environ/TEAM_KEY
    api_base: {provider.url_for("/v1")}
    system_prompt: You are terse.
    extra_body: {{top_k: 7, nested: {{deep: true}}}}
    roles: [chatcompletions]
  - name: reviewer
    model: openai/other-model
    api_key: sk-literal
    base_url: {provider.url_for("/v1")}
    max_tokens: 99
    roles:
      - postcompletions: {TASK}
""",
        encoding="utf-8",
    )
    return file


def requests(provider):
    return [(request.get_json(), request.headers) for request, _ in provider.log]


def check_chat(body, headers, stream):
    assert headers["Authorization"] == "Bearer sk-from-env"
    assert body["model"] == "some-model"
    assert body["temperature"] == 0.25
    assert (body["top_k"], body["nested"]) == (7, {"deep": True})
    assert not set(OWN) & set(body)
    assert body.get("stream", False) is stream


def kwargs_for_chat(config):
    dispatcher = ModelDispatcher(ConfigMorpher.from_yaml(config).fetch("models"))
    return dispatcher.for_chatcompletions.morph(litellm.completion, start_from="models[0]")


MESSAGES = [{"role": "user", "content": "hello"}]


def test_the_library_calls_synchronously(config, provider):
    answered = litellm.completion(messages=MESSAGES, **kwargs_for_chat(config))
    assert answered.choices[0].message.content == "re: hello"
    ((body, headers),) = requests(provider)
    check_chat(body, headers, stream=False)


def test_the_library_calls_asynchronously(config, provider):
    dispatcher = ModelDispatcher(ConfigMorpher.from_yaml(config).fetch("models"))
    kwargs = dispatcher.for_chatcompletions.morph(litellm.acompletion, start_from="models[0]")
    answered = asyncio.run(litellm.acompletion(messages=MESSAGES, **kwargs))
    assert answered.choices[0].message.content == "re: hello"
    ((body, headers),) = requests(provider)
    check_chat(body, headers, stream=False)


def test_the_library_streams(config, provider):
    chunks = litellm.completion(messages=MESSAGES, stream=True, **kwargs_for_chat(config))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "re: hello"
    ((body, headers),) = requests(provider)
    check_chat(body, headers, stream=True)


def check_conversation(provider):
    (chat, chat_headers), (post, post_headers) = requests(provider)
    check_chat(chat, chat_headers, stream=True)
    assert chat["messages"] == [{"role": "system", "content": "You are terse."}, *MESSAGES]
    assert post_headers["Authorization"] == "Bearer sk-literal"
    assert (post["model"], post["max_tokens"]) == ("other-model", 99)
    assert post["messages"] == [
        *MESSAGES,
        {"role": "assistant", "content": "re: hello"},
        {"role": "user", "content": TASK},
    ]
    assert not set(OWN) & set(post)


def test_a_conversation_runs_from_the_library(config, provider):
    d = ModelDispatcher(ConfigMorpher.from_yaml(config).fetch("models"))
    turns = converse(d.for_chatcompletions, d.for_postcompletions, "hello")
    said = [(turn.role, turn.task, "".join(turn.text)) for turn in turns]
    assert said == [
        ("chatcompletions", None, "re: hello"),
        ("postcompletions", TASK, f"re: {TASK}"),
    ]
    check_conversation(provider)


def test_the_answer_streams_as_it_comes(config, provider):
    heard_the_first = threading.Event()

    def slowly(request):
        whole = answer(request).get_data(as_text=True).split("\n\n")
        yield whole[0] + "\n\n"
        assert heard_the_first.wait(20), "the first piece was held back"
        yield "\n\n".join(whole[1:])

    provider.clear()
    provider.expect_request("/v1/chat/completions").respond_with_handler(
        lambda request: Response(slowly(request), mimetype="text/event-stream")
    )
    chat = ModelDispatcher(ConfigMorpher.from_yaml(config).fetch("models")).for_chatcompletions
    turn = next(converse(chat, RoleGroup("postcompletions", []), "hello"))
    assert next(turn.text) == "re:"
    heard_the_first.set()
    assert "".join(turn.text) == " hello"


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_chunk_without_choices_ends_no_answer(config, provider, position):
    """It tells of other things: the usage, which is null in all but one, or a content filter."""
    empty = {"id": "1", "object": "chat.completion.chunk", "model": "m", "created": 1}
    empty |= {"choices": [], "usage": None}

    def with_it(request):
        lines = answer(request).get_data(as_text=True).split("\n\n")
        lines.insert(position, f"data: {json.dumps(empty)}")
        return Response("\n\n".join(lines), mimetype="text/event-stream")

    provider.clear()
    provider.expect_request("/v1/chat/completions").respond_with_handler(with_it)
    over = {"stream_options": {"include_usage": True}}
    models = [model | over for model in ConfigMorpher.from_yaml(config).fetch("models")]
    d = ModelDispatcher(models)
    turns = converse(d.for_chatcompletions, d.for_postcompletions, "hello")
    assert ["".join(turn.text) for turn in turns] == ["re: hello", f"re: {TASK}"]


def test_an_interrupt_ends_a_streaming_answer_in_silence(config, provider):
    heard = threading.Event()

    def slowly(request):
        yield answer(request).get_data(as_text=True).split("\n\n")[0] + "\n\n"
        heard.wait(20)

    provider.clear()
    provider.expect_request("/v1/chat/completions").respond_with_handler(
        lambda request: Response(slowly(request), mimetype="text/event-stream")
    )
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "dispatch", "run", str(config), "hello"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TEAM_KEY": "sk-from-env", "PYTHONIOENCODING": "utf-8"},
        cwd=ROOT,
    )
    told = ""
    while not told.endswith("re:"):
        piece = process.stdout.read(1)
        assert piece, process.stderr.read()
        told += piece
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    heard.set()
    assert (process.returncode, errors) == (130, "")


@pytest.mark.parametrize("setting", ["chat", "posts", "prompt", "dispatcher", "model_list", "self"])
def test_a_setting_that_no_router_takes_is_told_in_one_block(tmp_path, setting):
    file = tmp_path / "c.json"
    models = [{"model": "gpt-4o", "mock_response": "hello"}]
    file.write_text(json.dumps({"models": models, "router_settings": {setting: 1}}))
    done = run(file, "hello")
    assert done.returncode == 1
    assert done.stderr.startswith("error: LiteLLM takes no such Router: TypeError: ")
    assert f"'{setting}'" in done.stderr


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("{1: 2}", "{file}:2:18: router_settings: expected a name, found a number as a key"),
        ("{model_group_alias: 3}", "LiteLLM takes no such Router: "),
        (
            "{fallbacks: [{chatcompletions: [[a]]}]}",
            "{file}:2:50: router_settings.fallbacks[0].chatcompletions[",
        ),
    ],
)
def test_settings_of_a_wrong_shape_are_told_in_one_block(tmp_path, settings, told):
    file = tmp_path / "c.yaml"
    models = "[{model: gpt-4o, mock_response: hello}]"
    file.write_text(f"models: {models}\nrouter_settings: {settings}\n")
    done = run(file, "hello")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {told.format(file=file)}")
    assert "Traceback" not in done.stderr


def run(*arguments):
    environment = {**os.environ, "TEAM_KEY": "sk-from-env", "NO_COLOR": "1", "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, "-m", "dispatch", "run", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
    )


def test_a_conversation_runs_from_the_command_line(config, provider):
    done = run(config, "hello")
    assert done.returncode == 0, done.stderr
    told = done.stdout.split("\n\n")
    assert told[-2].endswith("re: hello")
    assert TASK in told[-1]
    check_conversation(provider)


def test_several_files_merge_before_they_run(config, provider, tmp_path):
    over = tmp_path / "over.json"
    model = {"model": "openai/over", "api_base": provider.url_for("/v1"), "api_key": "sk-over"}
    over.write_text(json.dumps({"models": [model]}), encoding="utf-8")
    done = run(config, over, "hello")
    assert done.returncode == 0, done.stderr
    ((body, headers),) = requests(provider)
    assert (body["model"], headers["Authorization"]) == ("over", "Bearer sk-over")


def test_a_provider_that_echoes_the_key_in_its_error_leaks_it_nowhere(config, provider):
    provider.clear()
    provider.expect_request("/v1/chat/completions").respond_with_json(
        {"error": {"message": "Incorrect API key provided: sk-from-env"}}, status=401
    )
    done = run(config, "hello")
    assert done.returncode == 1
    assert done.stderr.startswith("error: model 'talker' in role 'chatcompletions' did not answer")
    assert "Traceback" not in done.stderr
    assert "sk-from-env" not in done.stdout + done.stderr
