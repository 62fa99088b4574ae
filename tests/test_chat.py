"""A conversation against a real server: rounds of tools, post-completions, the command line."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from dataclasses import FrozenInstanceError
from functools import partial
from threading import Barrier

import pytest
from pytest_httpserver import HTTPServer

from dispatch import ModelDispatcher, Role
from dispatch.errors import CompletionError, UnsetVariableError, UnsetVariableWarning
from dispatch.tools.chat import Turn, aconverse, converse
from dispatch.tools.streams import AsyncStream, Stream
from tests import agents, fake_provider, program
from tests.helpers import USER, raised

POST = [{"postcompletions": "review"}]
ADD = {"tools": [agents.TOOL], "call_tool": {"add": lambda a, b: a + b}}


@pytest.fixture
def tooled(model):
    """A dispatcher of a chat model that calls a tool, and of a reviewer."""
    return ModelDispatcher([model("a", "tools"), model("p", "fine", POST)])


@pytest.mark.parametrize("code", ["429", "500"])
def test_who_answers(talk, code, model):
    """A turn names the model that answered, and those that failed before it, with reasons."""
    broken = f"fail-{code}"
    models = [model("a", broken), model("b", "good")]
    models += [model("p", "fine", POST), model("q", broken, POST)]
    turns = talk(ModelDispatcher(models), "hi")
    assert [(turn.role, turn.model, turn.task, turn.instead_of, turn.text) for turn in turns] == [
        ("chatcompletions", "b", None, (("a", code),), "good"),
        ("postcompletions", "p", "review", (), "fine"),
        ("postcompletions", "p", "review", (("q", code),), "fine"),
    ]


def test_tasks(talk, model, provider):
    """Each task is run by its own model, filled in, on the conversation."""
    models = [
        model("a", "good", ["chatcompletions", {"postcompletions": "one"}]),
        model("b", "other", [{"postcompletions": "read {file}"}, {"postcompletions": "three"}]),
    ]
    roles = ["chatcompletions", Role("postcompletions", variables=("file",))]
    values = {"file": "x.py", "further": 1}
    turns = talk(ModelDispatcher(models, roles=roles), "hi", variables=values)
    assert [turn.model for turn in turns] == ["a", "a", "b", "b"]
    asked = [body["messages"] for body in agents.bodies(provider)[1:]]
    assert {messages[-1]["content"] for messages in asked} == {"one", "read x.py", "three"}
    said = [USER, {"role": "assistant", "content": "good"}]
    assert all(messages[:-1] == said for messages in asked)
    assert all(turn.messages == said for turn in turns)


def test_tasks_of_a_shared_role(talk, model):
    """Models of one order share the chat, and each still does its own task."""
    roles = ["chatcompletions", {"postcompletions": "one"}]
    models = [model("a", "good", roles, order=1), model("b", "other", roles, order=1)]
    dispatcher = ModelDispatcher(models)
    for _ in range(3):
        chat, *posts = talk(dispatcher, "hi")
        assert chat.model in ("a", "b")
        assert [(post.model, post.text) for post in posts] == [("a", "good"), ("b", "other")]


def test_without_post(talk, model):
    """With `post` off, there is only the chat."""
    models = [model("a", "good"), model("p", "fine", POST)]
    assert [turn.text for turn in talk(ModelDispatcher(models), "hi", post=False)] == ["good"]


def test_tools(talk, tooled, provider):
    """A model that calls a tool is asked again with its result, then its answer is a turn."""
    turns = talk(tooled, "1 + 2?", **ADD)
    assert [turn.text for turn in turns] == ["", "3", "fine"]
    assert (turns[0].tool_calls[0].name, turns[0].results) == ("add", ("3",))
    result = {"role": "tool", "tool_call_id": "call-1", "content": "3"}
    assert agents.bodies(provider)[1]["messages"][2] == result
    roles = [each["role"] for each in turns[1].messages]
    assert roles == ["user", "assistant", "tool", "assistant"]
    again = talk(tooled, [*turns[1].messages, USER], post=False)
    assert len(again[0].messages) == 6


@pytest.mark.parametrize(
    ("arguments", "call_tool", "result"),
    [
        ('{"a": 1}', lambda name, given: {name: given}, '{"add": {"a": 1}}'),
        ("", lambda name, given: f"{name} {given}", "add {}"),
        ("{", {}, "error: the arguments are not a JSON object"),
        ("[]", {}, "error: the arguments are not a JSON object"),
        ("{}", {"sub": None}, "error: there is no tool 'add', only sub"),
        ('{"c": 1}', {"add": lambda a: a}, "error: add: missing a required argument: 'a'"),
        ('{"a": 1}', {"add": dict}, '{"a": 1}'),
    ],
)
def test_result(arguments, call_tool, result, model, monkeypatch):
    """Tool results become text, and mistakes of the model go back to it."""
    monkeypatch.setattr(agents, "ARGUMENTS", arguments)
    dispatcher = ModelDispatcher([model("a", "tools")])
    first = next(converse(dispatcher, "hi", tools=[agents.TOOL], call_tool=call_tool))
    assert first.results == (result,)


def test_turn_is_immutable(talk, model):
    """A turn is an answer that cannot be changed; its messages are a fresh copy."""
    (turn,) = talk(ModelDispatcher([model("a", "echo")]), "hi")
    turn.messages.clear()
    assert len(turn.messages) == 2
    raised(FrozenInstanceError, setattr, turn, "text", "other")
    assert repr(turn).startswith("Turn(role='chatcompletions', model='a'")
    assert "canary" not in repr(turn)


def test_coroutine_as_tool(tooled):
    """A tool of `aconverse` may be a coroutine function."""

    async def add(a, b):
        return a + b

    async def run():
        tools = {"tools": [agents.TOOL], "call_tool": {"add": add}, "post": False}
        return [turn async for turn in aconverse(tooled, "?", **tools)]

    assert asyncio.run(run())[-1].text == "3"


@pytest.mark.parametrize("call_tool", [[len], len, "add"])
def test_wrong_call_tool(call_tool, talk, model, provider):
    """A `call_tool` that does not accept a name and arguments is rejected before the call."""
    with pytest.raises(TypeError, match="call_tool is a function of a name and its arguments"):
        talk(ModelDispatcher([model("a", "tool")]), "hi", call_tool=call_tool)
    assert provider.log == []


def test_tools_left_to_the_program(talk, tooled):
    """Without `call_tool`, the turn that calls tools is the last one."""
    (turn,) = talk(tooled, "hi", tools=[agents.TOOL])
    assert (turn.tool_calls[0].name, turn.results) == ("add", ())
    assert turn.messages[-1]["tool_calls"][0]["id"] == "call-1"


def test_rounds(talk, tooled):
    """A model that keeps calling tools is an error."""
    with pytest.raises(CompletionError, match=r"still calls tools after 1 round$"):
        talk(tooled, "hi", **ADD, max_rounds=1)


def test_stream(talk, tooled):
    """Each turn of the chat follows its stream, which need not be read."""
    found = talk(tooled, "hi", **ADD, stream=True, post=False)
    kinds = [type(each) for each in found]
    assert kinds in ([Stream, Turn] * 2, [AsyncStream, Turn] * 2)
    assert [each.text for each in found] == ["", "", "3", "3"]


def test_stream_that_breaks(model, provider):
    """A stream that broke off is no turn, and nothing follows it."""
    dispatcher = ModelDispatcher([model("a", "breaks"), model("p", "fine", POST)])
    turns = converse(dispatcher, "hi", stream=True)
    assert "broke off" in str(raised(CompletionError, list, next(turns)))
    assert "broke off" in str(raised(CompletionError, next, turns))
    assert (list(turns), len(provider.log)) == ([], 1)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_close(asynchronous, model, provider):
    """A conversation that is closed closes its stream, and asks no further model."""
    dispatcher = ModelDispatcher([model("a", "endless"), model("p", "fine", POST)])

    async def run():
        turns = aconverse(dispatcher, "hi", stream=True)
        stream = await anext(turns)
        await turns.aclose()
        return stream

    if asynchronous:
        stream = asyncio.run(run())
    else:
        turns = converse(dispatcher, "hi", stream=True)
        stream = next(turns)
        turns.close()
    assert agents.LEFT.get(timeout=20) == "endless"
    assert "was closed" in str(raised(CompletionError, getattr, stream, "answer"))
    assert len(provider.log) <= 1  # logged when it is answered


def test_side_by_side(model):
    """Independent post-completions are asked at the same time, and come in order."""
    barrier = Barrier(3)

    def meet(request):
        barrier.wait(20)
        return fake_provider.answer(request.get_json(), request.get_json()["model"])

    with HTTPServer(threaded=True) as server:
        server.expect_request("/v1/chat/completions").respond_with_handler(meet)
        make = agents.maker(server)
        posts = [make(name, name, POST) for name in ("p", "q", "r")]

        async def run():
            return [t async for t in aconverse(ModelDispatcher([model("a", "hi"), *posts]), "hi")]

        assert [turn.text for turn in asyncio.run(run())] == ["hi", "p", "q", "r"]


def test_no_stray_tasks(model):
    """If the reader stops, running post-completions are canceled."""
    posts = [model("p", "good", POST), model("q", "hang", POST)]

    async def run():
        turns = aconverse(ModelDispatcher([model("a", "good"), *posts]), "hi")
        await anext(turns)
        await anext(turns)
        await turns.aclose()
        return [t for t in asyncio.all_tasks() if "follow" in repr(t)]

    assert asyncio.run(run()) == []


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ("fail-500 fail-401", "models 'a', 'b' in role 'chatcompletions' did not answer"),
        ("", "no model plays role 'chatcompletions'"),
    ],
)
def test_no_answer(talk, models, message, model):
    """If no model answers, or there is none, the error names all models and no secret."""
    made = [model(name, word) for name, word in zip("ab", models.split(), strict=False)]
    error = raised(CompletionError, talk, ModelDispatcher([*made, model("p", "x", POST)]), "hi")
    assert message in str(error)
    assert "canary" not in str(error)
    assert error.__context__ is None


def test_role_left_out(talk, model, monkeypatch):
    """The error for a role whose models are all left out says why."""
    monkeypatch.delenv("ABSENT", raising=False)
    post = model("p", "good", POST, api_key="os.environ/ABSENT")
    with pytest.warns(UnsetVariableWarning), pytest.raises(UnsetVariableError, match="ABSENT"):
        talk(ModelDispatcher([model("a", "good"), post]), "hi")


# the command


@pytest.fixture
def run(model, write):
    """Run `dispatch run` on a chat model that fails, one that answers, and a reviewer."""
    models = [model("a", "fail-500"), model("b", "good", system_prompt="brief")]
    file = write("config.json", {"models": [*models, model("p", "fine", POST)]})
    return partial(program.run, "run", file)


def test_command(run):
    """Stdout has only the answer; its model and everything after it are on stderr."""
    done = run("hi")
    assert (done.returncode, done.stdout) == (0, "good\n")
    assert "chatcompletions · b (instead of a: 500)" in done.stderr
    assert "postcompletions · p · review\nfine\n" in done.stderr
    assert "canary" not in done.stderr
    assert run("hi", "--quiet") == (0, "good\n", "")


def test_json(run):
    """`--json` writes one object per turn, on one line."""
    done = run("hi", "--json")
    chat, post = map(json.loads, done.stdout.splitlines())
    assert (chat["text"], chat["model"], chat["instead_of"]) == ("good", "b", [["a", "500"]])
    assert (post["role"], post["task"], post["usage"]["prompt"]) == ("postcompletions", "review", 3)
    assert "canary" not in done.stdout + done.stderr


def test_options(run, provider):
    """A role or a model can be asked alone, and the post-completions left out."""
    assert run("hi", "--no-post", "-q").stdout == "good\n"
    assert len(provider.log) == 2
    assert run("hi", "--role", "postcompletions", "-q").stdout == "fine\n"
    assert agents.bodies(provider)[-1]["messages"][-1]["content"] == "review"
    assert run("hi", "--no-post", "--model", "b", "-q").stdout == "good\n"
    assert len(provider.log) == 4
    done = run("hi", "--model", "c")
    assert (done.returncode, done.stderr.startswith("error: no model of role")) == (1, True)


def test_dry_run(run, provider):
    """`--dry-run` shows what would be sent, secrets hidden, and sends nothing."""
    done = run("hi", "--dry-run")
    asked = json.loads(done.stdout)
    assert [each["model"] for each in asked] == ["a", "b", "p"]
    assert asked[1]["messages"][0] == {"role": "system", "content": "brief"}
    assert asked[2]["messages"][-1] == {"role": "user", "content": "review"}
    assert asked[0]["parameters"]["api_key"] == "***"
    assert not provider.log


def test_variables(model, provider, write):
    """`--var` fills in the variables of tasks, of one role and of post-completions."""
    tasks = [{"postcompletions": "sum {a}"}, {"title": "name {b}"}]
    roles = {"postcompletions": {"variables": ["a"]}, "title": {"variables": ["b"]}}
    models = [model("a", "good"), model("p", "fine", tasks)]
    run = partial(program.run, "run", write("c.json", {"models": models, "roles": roles}), "hi")
    for options, last in (("--var a=x=1", "sum x=1"), ("--var b=y --role title", "name y")):
        dry = json.loads(run(*options.split(), "--dry-run").stdout)
        assert run(*options.split()).returncode == 0
        assert agents.bodies(provider)[-1]["messages"][-1]["content"] == last
        assert dry[-1]["messages"][-1]["content"] == last
    assert run("--var", "a").returncode == 2
    asked = len(provider.log)
    unknown = "no role has a variable 'c'; known: a, b"
    for options, words in ("", "needs a"), ("--role title", "needs b"), ("--var c=1", unknown):
        missing = run(*options.split())
        assert (missing.returncode, words in missing.stderr) == (1, True)
    assert len(provider.log) == asked


def test_usage(run, model, write):
    """`--usage` adds a table of calls, failures and tokens, even without an answer."""
    done = run("hi", "--usage")
    assert done.stdout == "good\n"
    cells = [line.split("\t") for line in done.stderr.splitlines()]
    assert ["chatcompletions", "a", "", "0", "1", "0", "0", "-"] in [row[:8] for row in cells]
    assert ["chatcompletions", "b", "", "1", "0"] in [row[:5] for row in cells]
    failing = write("c.json", {"models": [model("a", "fail-500")]})
    done = program.run("run", failing, "hi", "--usage")
    assert (done.returncode, done.stdout) == (1, "")
    assert "chatcompletions\ta\t\t0\t1\t" in done.stderr


def test_prompt_from_a_pipe(run, provider, monkeypatch):
    """The prompt is read from a pipe for `-` and if there is none."""
    for arguments in (["-"], []):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe\n")))
        assert run(*arguments, "-q", "--no-post").stdout == "good\n"
        assert agents.bodies(provider)[-1]["messages"][-1]["content"] == "from a pipe"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n")))
    assert run("-").returncode == 2


@pytest.mark.parametrize("said", ["a diff\n", "", None, "file", "closed"])
def test_pipe_beside_a_prompt(said, run, provider, write, monkeypatch):
    """Input from a pipe or a file comes before the prompt; a silent pipe is ignored."""
    monkeypatch.setattr("dispatch.cli.run._NOTED", 0.01)
    monkeypatch.setattr("dispatch.cli.run._PATIENCE", 0.1)
    reader, writer = os.pipe()
    with open(reader) as pipe, open(writer, "w") as end, open(write("d", "a diff\n")) as diff:
        end.write(said or "")
        if said is not None:
            end.close()
        monkeypatch.setattr(sys, "stdin", {"file": diff, "closed": None}.get(str(said), pipe))
        done = run("what is it?", "-q", "--no-post")
    expected = "a diff\n\nwhat is it?" if said in ("a diff\n", "file") else "what is it?"
    assert agents.bodies(provider)[-1]["messages"][-1]["content"] == expected
    assert (done.returncode, done.stdout) == (0, "good\n")
    assert ("sent without it" in done.stderr) is (said is None)


def test_tool_calls_shown(model, write):
    """Tool calls are shown instead of an empty answer."""
    file = write("config.json", {"models": [model("a", "tools", tools=[agents.TOOL])]})
    assert program.run("run", file, "hi", "-q").stdout == 'add({"a": 1, "b": 2})\n'
