"""The main features against an OpenAI-compatible server on loopback: what it receives."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading

import litellm
import pytest
from werkzeug import Response

from dispatch import load, make_router
from dispatch.litellm.policy import RESERVED_KEYS
from dispatch.tools.chat import Turn, converse
from tests import fake_provider, program
from tests.agents import bodies
from tests.helpers import ROOT

TASK = "review it"
HELLO = {"role": "user", "content": "hello"}
TERSE = {"role": "system", "content": "You are terse."}


def answer(request):
    """Echo the prompt, in two pieces."""
    said = f"re: {request.get_json()['messages'][-1]['content']}"
    return fake_provider.answer(request.get_json(), said[:3], said[3:])


@pytest.fixture
def provider(httpserver):
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(answer)
    return httpserver


def answer_with(provider, make):
    """Make a provider stream its answer in parts."""

    def handle(request):
        parts = answer(request).get_data(as_text=True).split("\n\n")
        return Response(make(parts), mimetype="text/event-stream")

    provider.clear()
    provider.expect_request("/v1/chat/completions").respond_with_handler(handle)


@pytest.fixture
def config(provider, monkeypatch, write):
    """A file with both roles; the first model's key is a reference."""
    monkeypatch.setenv("TEAM_KEY", "sk-from-env")
    text = f"""\
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
"""
    return write("config.yaml", text).absolute()


def check_chat(request, stream):
    body = request.get_json()
    assert request.headers["Authorization"] == "Bearer sk-from-env"
    sent = {"model": "some-model", "temperature": 0.25, "top_k": 7, "nested": {"deep": True}}
    assert {key: body.get(key) for key in sent} == sent
    assert not RESERVED_KEYS & set(body)
    assert body.get("stream", False) is stream


def check_conversation(provider):
    (chat, _), (post, _) = provider.log
    check_chat(chat, stream=True)
    assert chat.get_json()["messages"] == [TERSE, HELLO]
    assert post.headers["Authorization"] == "Bearer sk-literal"
    body = post.get_json()
    assert (body["model"], body["max_tokens"]) == ("other-model", 99)
    said = {"role": "assistant", "content": "re: hello"}
    assert body["messages"] == [HELLO, said, {"role": "user", "content": TASK}]
    assert not RESERVED_KEYS & set(body)


@pytest.mark.parametrize("way", ["whole", "async", "stream"])
def test_completion(way, config, provider):
    """LiteLLM called with a role's keyword arguments sends what was written."""
    group = load(config).for_chatcompletions
    kwargs = group.kwargs() | {"messages": group.messages("hello")}
    if way == "stream":
        chunks = litellm.completion(stream=True, **kwargs)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "re: hello"
    else:
        if way == "async":
            answered = asyncio.run(litellm.acompletion(**kwargs))
        else:
            answered = litellm.completion(**kwargs)
        assert answered.choices[0].message.content == "re: hello"
    ((request, _),) = provider.log
    check_chat(request, stream=way == "stream")
    assert request.get_json()["messages"] == [TERSE, HELLO]


def test_conversation(config, provider):
    """A conversation asks the chat model, then the post model with its task."""
    turns = [each for each in converse(load(config), "hello", stream=True) if type(each) is Turn]
    chat, post = [(turn.role, turn.task, turn.text) for turn in turns]
    assert chat == ("chatcompletions", None, "re: hello")
    assert post == ("postcompletions", TASK, f"re: {TASK}")
    check_conversation(provider)


def test_answer_streams(config, provider):
    """The first piece of an answer is there before the second one is sent."""
    read_the_first = threading.Event()

    def slowly(parts):
        yield parts[0] + "\n\n"
        assert read_the_first.wait(20), "the first piece was held back"
        yield "\n\n".join(parts[1:])

    answer_with(provider, slowly)
    turns = converse(load(config), "hello", stream=True)
    stream = next(turns)
    assert next(stream) == "re:"
    read_the_first.set()
    assert "".join(stream) == " hello"


@pytest.mark.parametrize("position", [0, 1, 2])
def test_chunk_without_choices(config, provider, position):
    """A chunk without choices, as for usage, does not end an answer."""
    empty = {"id": "1", "object": "chat.completion.chunk", "model": "m", "created": 1}
    more = f"data: {json.dumps(empty | {'choices': [], 'usage': None})}"
    answer_with(provider, lambda parts: "\n\n".join([*parts[:position], more, *parts[position:]]))
    dispatcher = load(config, overrides=["defaults.stream_options={include_usage: true}"])
    turns = [each for each in converse(dispatcher, "hello", stream=True) if type(each) is Turn]
    assert [turn.text for turn in turns] == ["re: hello", f"re: {TASK}"]
    assert [turn.usage.prompt for turn in turns] == [3, 3]


@pytest.mark.slow
def test_interrupt(config, provider):
    """An interrupt ends a streaming answer silently."""
    read = threading.Event()

    def slowly(parts):
        yield parts[0] + "\n\n"
        read.wait(20)

    answer_with(provider, slowly)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "dispatch", "run", "-q", str(config), "hello"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
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


def run(*arguments):
    return program.run("run", *arguments, TEAM_KEY="sk-from-env", COLUMNS="100")


def test_run(config, provider):
    """A conversation runs from the command line."""
    done = run(config, "hello")
    assert (done.returncode, done.stdout) == (0, "re: hello\n"), done.stderr
    assert done.stderr.endswith(f"postcompletions · reviewer · {TASK}\nre: {TASK}\n")
    check_conversation(provider)


def test_role_parameters(write, provider, monkeypatch):
    """Each role of one model sends its own parameters: override, role entry, model, defaults."""
    monkeypatch.setenv("WARMTH", "0.5")
    text = f"""\
defaults: {{max_tokens: 9, api_key: none, api_base: "{provider.url_for("/v1")}"}}
models:
  - name: one
    model: openai/m
    temperature: os.environ/WARMTH
    top_p: 1
    roles:
      - chatcompletions
      - postcompletions: {{task: sum up, temperature: 0, system_prompt: Be terse., max_tokens: 5}}
"""
    models = load(write("roles.yaml", text), overrides=["models[name=one].top_p=0.1"])
    for group in (models.for_chatcompletions, models.for_postcompletions):
        litellm.completion(messages=group.messages("hello"), **group.kwargs())
    make_router(models).completion("postcompletions", messages=[HELLO])
    sent = [[body[k] for k in ("temperature", "max_tokens", "top_p")] for body in bodies(provider)]
    assert sent == [[0.5, 9, 0.1], [0, 5, 0.1], [0, 5, 0.1]]
    system = {"role": "system", "content": "Be terse."}
    messages = [body["messages"] for body in bodies(provider)]
    assert messages == [[HELLO], [system, HELLO], [system, HELLO]]
