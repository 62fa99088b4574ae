"""Hooks before and after each call, against a real server; recording and replay."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from collections.abc import Mapping
from operator import attrgetter

import pytest

from dispatch import ModelDispatcher, Role, freeze, recorded, usage, with_secrets
from dispatch.errors import CompletionError, FileError, RoleError
from dispatch.tools.complete import acomplete, complete
from dispatch.tools.request import Answer
from tests import agents
from tests.helpers import USER

POST = [{"postcompletions": "review"}]
TOOLS = {"tools": [agents.TOOL], "call_tool": {"add": lambda a, b: a + b}}


@pytest.fixture
def good(model):
    """A dispatcher of one model, which answers."""
    return ModelDispatcher([model("a", "good")])


def test_hooks(ask, stream, good, provider):
    """The arguments from `before` are sent, and `after` gets the answer and the request."""
    answers = []

    def before(role, kwargs):
        assert (role, kwargs) == ("chatcompletions", {"messages": [USER], "seed": 1})
        return kwargs | {"seed": 2}

    found = ask(good, "hi", seed=1, before=before, after=answers.append, stream=stream)
    assert answers == [found]
    assert found.asked == {"messages": [USER], "seed": 2}
    assert agents.bodies(provider)[0]["seed"] == 2


def test_coroutine_functions(stream, good):
    """The hooks of asynchronous calls may await."""
    seen = []

    async def before(role, kwargs):
        await asyncio.sleep(0.01)
        return kwargs | {"messages": [{"role": "user", "content": "other"}]}

    async def after(answer):
        await asyncio.sleep(0)
        seen.append((answer.text, answer.asked["messages"][0]["content"]))

    async def run():
        found = await acomplete(good, "hi", before=before, after=after, stream=stream)
        if stream:
            assert [piece async for piece in found] == ["go", "od"]

    asyncio.run(run())
    assert seen == [("good", "other")]
    with pytest.raises(TypeError, match="need acomplete or aconverse"):
        complete(good, "hi", before=before)


@pytest.mark.parametrize("name", ["before", "after"])
def test_stop(ask, stream, name, good, provider):
    """An exception in a hook stops the call, and is passed on unchanged."""

    def stop(*_):
        raise PermissionError("not this")

    with pytest.raises(PermissionError, match="not this"):
        ask(good, "hi", stream=stream, **{name: stop})
    assert len(provider.log) == (name == "after")


def test_answer_of_a_hook(ask, stream, good, provider):
    """If `before` returns an answer, no model is asked, and no usage is counted."""
    cache, seen = {}, []

    def before(role, kwargs):
        return cache.get(kwargs["messages"][0]["content"], kwargs)

    def after(answer):
        seen.append(answer)
        cache[answer.asked["messages"][0]["content"]] = answer

    for _ in range(2):
        found = ask(good, "hi", before=before, after=after, stream=stream)
        assert (found.text, found.model) == ("good", "a")
    assert (len(provider.log), usage(good)[0].calls) == (1, 1)
    assert seen == [found, found]


def test_model(ask, model, provider):
    """`before` sees the model that is asked for by name, and may choose another."""
    seen = []

    def before(role, kwargs):
        seen.append(kwargs.get("model"))
        return kwargs | {"model": "c"}

    dispatcher = ModelDispatcher([model(each, each) for each in "abc"])
    assert ask(dispatcher, "hi", before=before).text == "c"
    assert ask(dispatcher, "hi", model="b", before=before).text == "c"
    assert seen == [None, "b"]
    with pytest.raises(RoleError, match="is named 'd'"):
        ask(dispatcher, "hi", before=lambda role, kwargs: kwargs | {"model": "d"})


@pytest.mark.parametrize("change", [freeze, lambda kwargs: kwargs | {"messages": "hi"}])
def test_other_forms(ask, change, good, provider):
    """What `before` returns may be frozen, and its messages a string."""
    found = ask(good, "hi", before=lambda _, kwargs: change(kwargs))
    assert (found.text, agents.bodies(provider)[0]["messages"]) == ("good", [USER])


@pytest.mark.parametrize("wrong", [None, 5, "text", {}])
def test_wrong_result(ask, wrong, good):
    """What `before` returns is arguments with messages, or an answer."""
    with pytest.raises(TypeError, match="`before` must return"):
        ask(good, "hi", before=lambda *_: wrong)


def test_secrets(ask, stream, model, provider, monkeypatch):
    """`before` sees no secrets, and may move values, but the call gets them."""
    monkeypatch.setenv("OTHER_KEY", "canary-other")
    other = model("b", "good", api_key="os.environ/OTHER_KEY")
    dispatcher = ModelDispatcher([model("a", "good"), other])
    text = "keys: canary-a, canary-other"
    tool = {"id": "1", "type": "function"}
    tool |= {"function": {"name": "f", "arguments": '{"password": "canary-p", "n": 1}'}}
    messages = [
        {"role": "user", "content": text},
        {"role": "assistant", "content": None, "tool_calls": [tool]},
        {"role": "tool", "tool_call_id": "1", "content": "done"},
    ]
    seen, answers = [], []

    def before(role, kwargs):
        seen.extend([repr(kwargs), json.dumps(kwargs), repr(pickle.dumps(kwargs))])
        kwargs = copy.deepcopy(kwargs)
        return {**kwargs, "messages": [{"role": "system", "content": "s"}, *kwargs["messages"]]}

    headers = {"X-Api-Key": "canary-header"}
    options = {"extra_headers": headers, "stream": stream, "after": answers.append}
    ask(dispatcher, messages, before=before, **options)
    assert not [each for each in seen if "canary" in each]
    assert '"n": 1' in json.loads(seen[1])["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert "canary" not in repr(answers[0].asked)
    ((request, _),) = provider.log
    assert request.headers["X-Api-Key"] == "canary-header"
    body = request.get_json()["messages"]
    assert body[1]["content"] == text
    assert "canary-p" in body[2]["tool_calls"][0]["function"]["arguments"]

    def asking(role, kwargs):
        seen.append(repr(kwargs))
        return kwargs

    ask(dispatcher, messages, before=with_secrets(asking), **options)
    assert all(f"canary-{each}" in seen[-1] for each in ("a", "other", "header", "p"))
    assert "canary" not in repr(answers[1].asked)
    for each in (answers[0], copy.copy(answers[0]), copy.deepcopy(answers[0])):
        assert each.hide("a: canary-a") == "a: ***"
    assert "canary" not in repr(pickle.dumps(answers[0]))


def test_conversation(talk, model):
    """The hooks of a conversation are called for each round, and for each post-completion."""
    seen, answers = [], []

    def before(role, kwargs):
        seen.append((role, kwargs.get("model"), len(kwargs["messages"])))
        return kwargs

    dispatcher = ModelDispatcher([model("a", "tools"), model("p", "fine", POST)])
    turns = talk(dispatcher, "1 + 2?", before=before, after=answers.append, **TOOLS)
    chat = "chatcompletions"
    assert seen == [(chat, None, 1), (chat, None, 3), ("postcompletions", "p", 5)]
    assert [answer.text for answer in answers] == [turn.text for turn in turns] == ["", "3", "fine"]


# record and replay


def play(talk, dispatcher, path, **keys):
    before, after = recorded(path)
    turns = talk(dispatcher, "1 + 2?", before=before, after=after, **TOOLS, **keys)
    return [turn for turn in turns if isinstance(turn, Answer)]


def test_recording(talk, stream, model, provider, tmp_path, monkeypatch, recwarn):
    """A conversation with tools is replayed without a network, a key or a variable."""
    path = tmp_path / "answers.jsonl"
    tools = model("a", "tools", api_key="os.environ/TEST_KEY")
    models = [model("x", "fail-500"), tools, model("p", "echo", POST)]
    monkeypatch.setenv("TEST_KEY", "canary-set")
    first = play(talk, ModelDispatcher(models), path, stream=stream)
    assert len(path.read_text().splitlines()) == 3
    assert "canary" not in path.read_text()
    asked = len(provider.log)
    monkeypatch.delenv("TEST_KEY")
    dispatcher = ModelDispatcher(models[1:])
    again = play(talk, dispatcher, path, stream=stream)
    assert len(provider.log) == asked
    said = attrgetter("role", "model", "task", "instead_of", "results", "usage", "cost")
    assert [said(turn) for turn in first] == [said(turn) for turn in again]
    assert [turn.text for turn in again] == ["", "3", "Bearer ***"]
    assert again[1].messages == first[1].messages
    assert usage(dispatcher) == ()
    assert not recwarn.list


def test_recorded_order(ask, model, tmp_path, provider):
    """A repeated request gets its answers in the recorded order, then the last one."""
    path = tmp_path / "answers.jsonl"
    for name in ("one", "two"):
        before, after = recorded(tmp_path / name)
        dispatcher = ModelDispatcher([model("a", name)])
        assert ask(dispatcher, "hi", before=before, after=after).text == name
    path.write_text("".join((tmp_path / name).read_text() for name in ("one", "two")))
    before, after = recorded(path)
    texts = [ask(dispatcher, "hi", before=before, after=after).text for _ in range(3)]
    assert texts == ["one", "two", "two"]
    with pytest.raises(CompletionError, match=r"answers\.jsonl has no answer .*; delete it"):
        ask(dispatcher, "other", before=before, after=after)
    assert len(provider.log) == 2


@pytest.mark.parametrize("text", ["no", "[]", "{}", "5"])
def test_no_recording(text, tmp_path):
    """A file that is not a recording, or cannot become one, is an error at once."""
    path = tmp_path / "answers.jsonl"
    path.write_text(text)
    with pytest.raises(FileError, match="not a recording"):
        recorded(path)
    with pytest.raises(FileError, match="cannot be written; create its directory first"):
        recorded(tmp_path / "absent" / "answers.jsonl")


def test_other_roles(ask, model, tmp_path):
    """A recording includes roles and tasks."""
    roles = [Role("title", variables=("topic",))]
    dispatcher = ModelDispatcher([model("a", "good", [{"title": "name {topic}"}])], roles=roles)

    def title(topic):
        before, after = recorded(tmp_path / "answers.jsonl")
        keys = {"variables": {"topic": topic}, "before": before, "after": after}
        return ask(dispatcher, "x", "title", **keys)

    for _ in range(2):
        found = title("tea")
        assert (found.text, found.task) == ("good", "name {topic}")
        assert isinstance(found.asked, Mapping)
        assert found.asked["messages"][-1]["content"] == "name tea"
    with pytest.raises(CompletionError, match="no answer"):
        title("milk")
