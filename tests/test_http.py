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

from dispatch import load, make_router
from dispatch.litellm.policy import RESERVED_KEYS
from dispatch.tools.chat import Turn, converse
from tests import fake_provider, program

ROOT = Path(__file__).parent.parent
TASK = "review it"
MESSAGES = [{"role": "user", "content": "hello"}]


def answer(request):
    """Repeat what was asked, in two pieces."""
    said = f"re: {request.get_json()['messages'][-1]['content']}"
    return fake_provider.answer(request.get_json(), said[:3], said[3:])


@pytest.fixture
def provider(httpserver):
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(answer)
    return httpserver


@pytest.fixture
def config(tmp_path, provider, monkeypatch):
    """A file with both roles; the first model's key is a reference."""
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
    assert not RESERVED_KEYS & set(body)
    assert body.get("stream", False) is stream


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
    assert not RESERVED_KEYS & set(post)


def test_completion(config, provider):
    """Keyword arguments of a role call LiteLLM, and what was written arrives."""
    answered = litellm.completion(messages=MESSAGES, **load(config).for_chatcompletions.kwargs())
    assert answered.choices[0].message.content == "re: hello"
    ((body, headers),) = requests(provider)
    check_chat(body, headers, stream=False)


def test_acompletion(config, provider):
    """An asynchronous call has the same body."""
    kwargs = load(config).for_chatcompletions.morph(litellm.acompletion)
    answered = asyncio.run(litellm.acompletion(messages=MESSAGES, **kwargs))
    assert answered.choices[0].message.content == "re: hello"
    ((body, headers),) = requests(provider)
    check_chat(body, headers, stream=False)


def test_stream(config, provider):
    """A streamed answer has the same body, with the stream asked for."""
    kwargs = load(config).for_chatcompletions.kwargs()
    chunks = litellm.completion(messages=MESSAGES, stream=True, **kwargs)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "re: hello"
    ((body, headers),) = requests(provider)
    check_chat(body, headers, stream=True)


def test_system_prompt(config, provider):
    """The messages of a group begin with its system prompt."""
    group = load(config).for_chatcompletions
    litellm.completion(messages=group.messages("hello"), **group.kwargs())
    ((body, _),) = requests(provider)
    assert body["messages"] == [{"role": "system", "content": "You are terse."}, *MESSAGES]


def test_conversation(config, provider):
    """A conversation asks the chat model, then the post model with its task."""
    turns = [
        turn for turn in converse(load(config), "hello", stream=True) if isinstance(turn, Turn)
    ]
    said = [(turn.role, turn.task, turn.text) for turn in turns]
    assert said == [
        ("chatcompletions", None, "re: hello"),
        ("postcompletions", TASK, f"re: {TASK}"),
    ]
    check_conversation(provider)


def test_answer_streams(config, provider):
    """The first piece of an answer is there before the second one is sent."""
    read_the_first = threading.Event()

    def slowly(request):
        whole = answer(request).get_data(as_text=True).split("\n\n")
        yield whole[0] + "\n\n"
        assert read_the_first.wait(20), "the first piece was held back"
        yield "\n\n".join(whole[1:])

    provider.clear()
    provider.expect_request("/v1/chat/completions").respond_with_handler(
        lambda request: Response(slowly(request), mimetype="text/event-stream")
    )
    turns = converse(load(config), "hello", stream=True)
    stream = next(turns)
    assert next(stream) == "re:"
    read_the_first.set()
    assert "".join(stream) == " hello"


@pytest.mark.parametrize("position", [0, 1, 2])
def test_chunk_without_choices(config, provider, position):
    """A chunk without choices, which holds the usage, ends no answer."""
    empty = {"id": "1", "object": "chat.completion.chunk", "model": "m", "created": 1}
    empty |= {"choices": [], "usage": None}

    def with_it(request):
        lines = answer(request).get_data(as_text=True).split("\n\n")
        lines.insert(position, f"data: {json.dumps(empty)}")
        return Response("\n\n".join(lines), mimetype="text/event-stream")

    provider.clear()
    provider.expect_request("/v1/chat/completions").respond_with_handler(with_it)
    options = '"include_usage": true'
    dispatcher = load(config, overrides=[f"defaults.stream_options={{{options}}}"])
    turns = [turn for turn in converse(dispatcher, "hello", stream=True) if isinstance(turn, Turn)]
    assert [turn.text for turn in turns] == ["re: hello", f"re: {TASK}"]
    assert [turn.usage.prompt for turn in turns] == [3, 3]


@pytest.mark.slow
def test_interrupt(config, provider):
    """An interrupt ends a streaming answer in silence."""
    read = threading.Event()

    def slowly(request):
        yield answer(request).get_data(as_text=True).split("\n\n")[0] + "\n\n"
        read.wait(20)

    provider.clear()
    provider.expect_request("/v1/chat/completions").respond_with_handler(
        lambda request: Response(slowly(request), mimetype="text/event-stream")
    )
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "dispatch", "run", "-q", str(config), "hello"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TEAM_KEY": "sk-from-env", "PYTHONIOENCODING": "utf-8"},
        cwd=ROOT,
    )
    output = ""
    while not output.endswith("re:"):
        piece = process.stdout.read(1)
        assert piece, process.stderr.read()
        output += piece
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    read.set()
    assert (process.returncode, errors) == (130, "")


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ("{1: 2}", "{file}:2:18: router_settings: expected a name, found a number as a key"),
        ("{num_retrys: 2}", "{file}:2:19: router_settings.num_retrys: unknown setting"),
        ("{timeout: 30s}", "{file}:2:28: router_settings.timeout: expected a number"),
        ("{model_list: 1}", "{file}:2:19: router_settings.model_list: unknown setting"),
        (
            "{fallbacks: [{chatcompletions: [[a]]}]}",
            "{file}:2:50: router_settings.fallbacks[0].chatcompletions[",
        ),
    ],
)
def test_wrong_settings(tmp_path, settings, error):
    """Settings that are wrong are one block, with the line of the file."""
    file = tmp_path / "c.yaml"
    models = "[{model: gpt-4o, mock_response: hello}]"
    file.write_text(f"models: {models}\nrouter_settings: {settings}\n")
    done = run(file, "hello")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {error.format(file=file)}")
    assert "Traceback" not in done.stderr


def run(*arguments):
    return program.run("run", *arguments, TEAM_KEY="sk-from-env", COLUMNS="100")


def test_run(config, provider):
    """A conversation runs from the command line."""
    done = run(config, "hello")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "re: hello\n"
    assert done.stderr.endswith(f"postcompletions · reviewer · {TASK}\nre: {TASK}\n")
    check_conversation(provider)


def test_run_of_two_files(config, provider, tmp_path):
    """A later file changes the model of a name before the conversation runs."""
    over = tmp_path / "over.json"
    over.write_text('{"models": [{"name": "talker", "model": "openai/over"}]}', encoding="utf-8")
    done = run(config, over, "hello")
    assert done.returncode == 0, done.stderr
    body, headers = requests(provider)[0]
    assert (body["model"], headers["Authorization"]) == ("over", "Bearer sk-from-env")


def test_echoed_key(config, provider):
    """A provider that echoes the key in its error leaks it nowhere."""
    provider.clear()
    provider.expect_request("/v1/chat/completions").respond_with_json(
        {"error": {"message": "Incorrect API key provided: sk-from-env"}}, status=401
    )
    done = run(config, "hello")
    assert done.returncode == 1
    assert done.stderr.startswith("error: model 'talker' in role 'chatcompletions' did not answer")
    assert "Traceback" not in done.stderr
    assert "sk-from-env" not in done.stdout + done.stderr


def test_role_parameters(tmp_path, provider, monkeypatch):
    """Each role of one model sends its own parameters: override, role entry, model, defaults."""
    monkeypatch.setenv("WARMTH", "0.5")
    file = tmp_path / "roles.yaml"
    file.write_text(
        f"""\
defaults: {{max_tokens: 9, api_key: none, api_base: "{provider.url_for("/v1")}"}}
models:
  - name: one
    model: openai/m
    temperature: os.environ/WARMTH
    top_p: 1
    roles:
      - chatcompletions
      - postcompletions: {{task: sum up, temperature: 0, system_prompt: Be terse., max_tokens: 5}}
""",
        encoding="utf-8",
    )
    models = load(file, overrides=["models[name=one].top_p=0.1"])
    for group in (models.for_chatcompletions, models.for_postcompletions):
        litellm.completion(messages=group.messages("hello"), **group.kwargs())
    make_router(models).completion("postcompletions", messages=MESSAGES)
    bodies = [body for body, _ in requests(provider)]
    sent = [[body[key] for key in ("temperature", "max_tokens", "top_p")] for body in bodies]
    assert sent == [[0.5, 9, 0.1], [0, 5, 0.1], [0, 5, 0.1]]
    system = {"role": "system", "content": "Be terse."}
    assert [body["messages"] for body in bodies] == [MESSAGES, *[[system, *MESSAGES]] * 2]
