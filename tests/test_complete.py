"""Answers of a role from a real server: the model, its usage, and failures."""

from __future__ import annotations

import asyncio
import copy
import pickle
import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest

from dispatch import ModelDispatcher, Role, make_router, model_list, proxy_config
from dispatch.errors import CompletionError, RoleError, UnsetVariableError, UnsetVariableWarning
from dispatch.tools.chat import aconverse, converse
from dispatch.tools.complete import acall, acomplete, call, complete
from dispatch.tools.ping import aping, ping
from dispatch.tools.record import recorded
from dispatch.tools.request import connect
from dispatch.tools.usage import usage
from tests import agents
from tests.helpers import USER, raised

HISTORY = [USER]
CHAT = "chatcompletions"


@pytest.fixture
def served(model):
    """Dispatch models that answer with these words, named a, b and so on."""
    return lambda words: ModelDispatcher(
        [model(name, word) for name, word in zip("abc", words.split(), strict=False)]
    )


def test_answer(ask, stream, served):
    """An answer has its model, its usage and its latency."""
    found = ask(served("gpt-4o"), "hi", stream=stream)
    assert (found.text, found.tool_calls, found.role) == ("gpt-4o", (), CHAT)
    assert (found.model, found.task, found.instead_of) == ("a", None, ())
    if agents.COUNTS_STREAMS or not stream:
        assert found.usage == ((8, 5) if stream else (3, 2))  # a stream reports none
        assert found.cost > 0
    assert 0 < found.latency < 30
    assert found.message == {"role": "assistant", "content": "gpt-4o"}


def test_history(ask, stream, model, provider):
    """The system prompt of the answering model comes first, then the messages as given."""
    dispatcher = ModelDispatcher([model("a", "good", system_prompt="be brief", temperature=0.5)])
    ask(dispatcher, HISTORY, stream=stream, max_tokens=7)
    (body,) = agents.bodies(provider)
    assert body["messages"] == [{"role": "system", "content": "be brief"}, USER]
    assert (body["temperature"], body["max_tokens"]) == (0.5, 7)
    assert HISTORY == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("words", "reason", "keys"),
    [
        ("fail-401", "401", {}),
        ("fail-429", "429", {}),
        ("fail-500", "500", {}),
        ("hang", "timeout", {"timeout": 0.5}),
        ("gone", "connection", {"api_base": "http://127.0.0.1:9/v1"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_failover(ask, stream, words, reason, keys, model):
    """If a model fails, the next answers, and the answer lists the failed ones with reasons."""
    models = [model("a", words, **keys), model("b", "good"), model("c", "never")]
    found = ask(ModelDispatcher(models), "hi", stream=stream)
    assert (found.text, found.model, found.instead_of) == ("good", "b", (("a", reason),))


def test_hang_up(ask, stream, model):
    """A server that closes the connection instead of answering is a failed connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)

        Thread(target=hang_up, daemon=True).start()
        base = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        dispatcher = ModelDispatcher([model("a", "gone", api_base=base), model("b", "good")])
        assert ask(dispatcher, "hi", stream=stream).instead_of == (("a", "connection"),)


def test_cut_before_the_first_word(ask, served):
    """A stream that breaks before its first word goes to the next model."""
    found = ask(served("cut good"), "hi", stream=True)
    assert (found.text, found.model, found.instead_of) == ("good", "b", (("a", "500"),))


def test_break(ask, served, provider):
    """A stream that breaks later is an error with the model and what had arrived."""
    error = raised(CompletionError, ask, served("breaks good"), "hi", stream=True)
    message = "model 'a' in role 'chatcompletions' broke off after 4 characters: "
    assert str(error).startswith(message)
    assert "'b'" not in str(error)
    assert (error.text, error.__context__, len(provider.log)) == ("half", None, 1)


def test_break_is_final(served):
    """A stream that broke off raises the same error whenever it is read again."""
    stream = complete(served("breaks"), "hi", stream=True)
    reads = (list, list, next, lambda stream: stream.answer)
    errors = [raised(CompletionError, read, stream) for read in reads]
    assert errors == errors[:1] * 4
    assert "broke off" in str(errors[0])


def interrupted():
    """A source that is interrupted by Ctrl-C and, like LiteLLM's, ends there."""
    yield from ()
    raise KeyboardInterrupt


@pytest.mark.parametrize("asynchronous", [False, True])
def test_interrupted(asynchronous, served, tmp_path):
    """An interrupted stream never becomes an answer, on rereading or for a hook."""
    dispatcher = served("endless")
    before, after = recorded(tmp_path / "answers.jsonl")
    keys = {"stream": True, "before": before, "after": after}

    async def run():
        stream = await acomplete(dispatcher, "hi", **keys)
        assert await anext(stream) == "half"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.02)
        with pytest.raises(CompletionError, match="'a' in role 'chatcompletions' was interrupted"):
            await anext(stream)
        return stream

    if asynchronous:
        stream = asyncio.run(run())
    else:
        stream = complete(dispatcher, "hi", **keys)
        stream._source.close()
        stream._source = interrupted()
        assert next(stream) == "half"
        raised(KeyboardInterrupt, next, stream)
        assert "was interrupted" in str(raised(CompletionError, next, stream))
    error = raised(CompletionError, getattr, stream, "answer")
    assert ("was interrupted" in str(error), error.text) == (True, "half")
    assert not list(tmp_path.iterdir())
    assert [row[:5] for row in usage(dispatcher)] == [(CHAT, "a", None, 1, 0)]
    assert agents.LEFT.get(timeout=20) == "endless"


def test_hook_that_raises(served):
    """An error raised by `after` is raised again, and its answer is not available."""

    def after(answer):
        raise ValueError(answer.text)

    stream = complete(served("good"), "hi", stream=True, after=after)
    for read in (list, list, lambda stream: stream.answer):
        assert str(raised(ValueError, read, stream)) == "good"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_close(asynchronous, served):
    """A stream that is closed ends its connection, and has no answer."""

    async def run():
        async with await acomplete(served("endless"), "hi", stream=True) as stream:
            assert await anext(stream) == "half"
        await stream.aclose()
        with pytest.raises(CompletionError, match="was closed before its end"):
            await anext(stream)
        return stream

    if asynchronous:
        stream = asyncio.run(run())
    else:
        with complete(served("endless"), "hi", stream=True) as stream:
            assert next(stream) == "half"
        stream.close()
        assert "was closed before its end" in str(raised(CompletionError, next, stream))
    error = raised(CompletionError, getattr, stream, "answer")
    assert "was closed before its end" in str(error)
    assert agents.LEFT.get(timeout=20) == "endless"


def test_close_at_its_end(served):
    """A stream that was read to its end keeps its answer when it is closed."""
    with complete(served("good"), "hi", stream=True) as stream:
        assert list(stream) == ["go", "od"]
    assert stream.answer.text == "good"
    assert repr(stream) == "Stream(role='chatcompletions', model='a')"


@pytest.mark.parametrize(
    ("messages", "keys", "words"),
    [
        (USER, {}, "messages must be a string or a list of mappings, found dict$"),
        (["x"], {}, "messages must be a string or a list of mappings, found str in a list$"),
        (None, {}, "messages must be a string or a list of mappings, found NoneType$"),
        (5, {}, "messages must be a string or a list of mappings, found int$"),
        (b"x", {}, "messages must be a string or a list of mappings, found bytes$"),
        ("hi", {"tools": [print]}, "tools are a list of mappings"),
        *(("hi", {"model": each}, "the name or number") for each in (True, 1.0, {"name": "a"})),
    ],
)
def test_wrong_arguments(ask, messages, keys, words, served, provider):
    """Invalid arguments are an error that names them, before any request."""
    with pytest.raises(TypeError, match=words):
        ask(served("good good"), messages, **keys)
    assert not provider.log


GROUP = ModelDispatcher([{"model": "gpt-4o"}]).for_chatcompletions


async def aconversed(dispatcher):
    return [turn async for turn in aconverse(dispatcher, "hi")]


@pytest.mark.parametrize("dispatcher", ["models.yaml", [{"model": "gpt-4o"}], None, GROUP])
@pytest.mark.parametrize(
    "use",
    [
        lambda dispatcher: complete(dispatcher, "hi"),
        lambda dispatcher: asyncio.run(acomplete(dispatcher, "hi")),
        lambda dispatcher: call(dispatcher, CHAT),
        lambda dispatcher: list(converse(dispatcher, "hi")),
        lambda dispatcher: asyncio.run(aconversed(dispatcher)),
        ping,
        lambda dispatcher: asyncio.run(aping(dispatcher)),
        usage,
        make_router,
        model_list,
        proxy_config,
    ],
)
def test_no_dispatcher(use, dispatcher):
    """Anything but a dispatcher is an error that says where to get one."""
    with pytest.raises(TypeError, match=r"expected a ModelDispatcher, such as from load\(path\)"):
        use(dispatcher)


def test_restart(ask, served):
    """With `restart`, the next model starts over, and the answer is marked."""
    found = ask(served("breaks fail-500 good"), "hi", stream=True, restart=True)
    assert (found.text, found.model) == ("good", "c")
    broken, failed = found.instead_of
    assert (broken[0], broken[1][:9], failed) == ("a", "broke off", ("b", "500"))


def test_restart_exhausted(ask, served):
    """If no model is left to start over, the error is that of the last one."""
    error = raised(CompletionError, ask, served("breaks breaks"), "hi", stream=True, restart=True)
    assert str(error).startswith("model 'b' in role 'chatcompletions' broke off")
    assert error.text == "half"


def test_stream(served):
    """The model of a stream is known before its first word is read, its answer at the end."""
    stream = complete(served("fail-500 good"), "hi", stream=True)
    assert (stream.model, stream.role, stream.text) == ("b", CHAT, "go")
    with pytest.raises(RuntimeError, match="to its end"):
        _ = stream.answer
    assert (list(stream), list(stream), stream.answer.text) == (["go", "od"], [], "good")


def test_tool_calls(ask, stream, served, provider):
    """The tools that a model asks for are in the answer, and in the message for the history."""
    found = ask(served("tools"), "hi", tools=[agents.TOOL], stream=stream)
    assert found.tool_calls == (("call-1", "add", '{"a": 1, "b": 2}'),)
    assert found.text == ""
    assert found.message["tool_calls"][0]["function"]["name"] == "add"
    assert agents.bodies(provider)[0]["tools"] == [agents.TOOL]


def test_model(ask, stream, served, provider):
    """`model` is asked first, and the others of the role stay its fallbacks."""
    dispatcher = served("good fail-500 other")
    assert ask(dispatcher, "hi", model="c", stream=stream).model == "c"
    found = ask(dispatcher, "hi", model="b", stream=stream)
    assert (found.model, found.instead_of) == ("a", (("b", "500"),))
    assert [body["model"] for body in agents.bodies(provider)] == ["other", "fail-500", "good"]
    with pytest.raises(RoleError, match=r"no model of role .* is named 'd'"):
        ask(dispatcher, "hi", model="d")


def test_task(ask, stream, model, provider):
    """A task goes to its own model, as the last message."""
    further = [{"post": "two"}, {"post": "read {file}"}]
    models = [model("a", "good", [{"post": "one"}]), model("b", "other", further)]
    dispatcher = ModelDispatcher(models, roles=[Role("post", variables=("file",))])
    found = ask(dispatcher, "hi", "post", stream=stream)
    assert (found.model, found.task) == ("a", "one")
    for task in ("two", "read {file}"):
        keys = {"task": task, "variables": {"file": "x.py"}, "stream": stream}
        found = ask(dispatcher, "hi", "post", **keys)
        assert (found.model, found.task) == ("b", task)
    last = [body["messages"][-1]["content"] for body in agents.bodies(provider)]
    assert last == ["one", "two", "read x.py"]
    with pytest.raises(RoleError, match="role 'post' has no task 'tow'; did you mean 'two'"):
        ask(dispatcher, "hi", "post", task="tow")


def test_no_answer(ask, stream, served):
    """If no model answers, the error names those asked, the reasons and no secret."""
    error = raised(CompletionError, ask, served("fail-500 fail-401"), "hi", stream=stream)
    models = "models 'a', 'b' in role 'chatcompletions' did not answer (500, 401): "
    assert str(error).startswith(models)
    assert "canary" not in str(error)
    assert error.__context__ is None


def test_settings(ask, stream, model):
    """The settings of the configuration apply: a fallback to another role works."""
    models = [model("a", "fail-500"), model("b", "good", ["postcompletions"])]
    settings = {"fallbacks": [{CHAT: ["postcompletions"]}]}
    for keys in ({}, {"model": "a"}):
        dispatcher = ModelDispatcher({"models": models, "router_settings": settings})
        found = ask(dispatcher, "hi", stream=stream, **keys)
        assert (found.role, found.model, found.instead_of) == (CHAT, "b", (("a", "500"),))


@pytest.mark.parametrize(
    ("settings", "keys", "asked"),
    [
        ({"fallbacks": [{CHAT: ["backup"]}]}, {}, 2),
        ({"default_fallbacks": ["backup"]}, {}, 2),
        ({"fallbacks": [{CHAT: ["backup"]}], "allowed_fails": 0}, {}, 1),
        ({"fallbacks": [{CHAT: ["backup"]}]}, {"model_info": {"allowed_fails": 3}}, 4),
    ],
)
def test_cooldown_of_an_only_model(ask, settings, keys, asked, model, provider):
    """The only model of a role cools down after a failure if it has a fallback."""
    models = [model("a", "fail-500", **keys), model("b", "good", ["backup"])]
    tree = {"models": models, "roles": ["backup"], "router_settings": settings}
    dispatcher = ModelDispatcher(tree)
    assert [ask(dispatcher, "hi").model for _ in range(6)] == ["b"] * 6
    assert [body["model"] for body in agents.bodies(provider)].count("fail-500") == asked


def test_repr(ask, stream, served):
    """The repr of an answer shows its model and text, and no secret, even an echoed one."""
    shown = repr(ask(served("echo"), "hi", stream=stream))
    assert shown.startswith("Answer(role='chatcompletions', model='a', task=None, text='Bearer ***")
    assert "canary" not in shown


def test_left_out(model, monkeypatch):
    """Asking a model that was left out is an error that says why."""
    monkeypatch.delenv("ABSENT", raising=False)
    models = [model("a", "good"), model("b", "good", api_key="os.environ/ABSENT")]
    dispatcher = ModelDispatcher(models)
    with pytest.warns(UnsetVariableWarning):
        assert complete(dispatcher, "hi").model == "a"
    with pytest.raises(UnsetVariableError, match="ABSENT is not set"):
        complete(dispatcher, "hi", model="b")


@pytest.mark.parametrize(
    ("role", "message"), [("chatcompletions", "no model plays"), ("chat", "is not declared")]
)
def test_unknown(role, message):
    """A role without a model, and one that is not declared, are errors before any request."""
    with pytest.raises((CompletionError, RoleError), match=message):
        complete(ModelDispatcher([]), "hi", role)


def test_router_is_kept(served):
    """A dispatcher has one Router; its copies have their own."""

    def used(dispatcher):
        assert complete(dispatcher, "hi").text == "good"
        return connect(dispatcher).open(dispatcher).router

    dispatcher = served("good")
    router = used(dispatcher)
    assert used(dispatcher) is router
    for other in (copy.deepcopy(dispatcher), pickle.loads(pickle.dumps(dispatcher))):
        assert used(other) is not router


def test_threads(served):
    """Threads that ask at once share one Router, and each has its own answer."""
    dispatcher = served("fail-500 good")
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: complete(dispatcher, "hi"), range(16)))
    assert [each.text for each in found] == ["good"] * 16
    assert all(each.instead_of in ((), (("a", "500"),)) for each in found)


@pytest.mark.parametrize(
    ("name", "role"),
    [("good", Role("embed", calls="litellm.embedding")), ("text-embedding-3-small", "embed")],
    ids=["by its role", "by its kind"],
)
def test_call(name, role, model):
    """`call` embeds through the Router, with failover; `complete` says what to use instead."""
    models = [model("a", "fail-500", ["embed"]), model("b", name, ["embed"])]
    dispatcher = ModelDispatcher(models[role == "embed" :], roles=[role])
    assert call(dispatcher, "embed", input=["x"]).data[0]["embedding"] == [0.5]
    found = asyncio.run(acall(dispatcher, "embed", input=["x"], model="b"))
    assert found.data[0]["embedding"] == [0.5]
    with pytest.raises(RoleError, match=r"calls litellm\.embedding; use call"):
        complete(dispatcher, "hi", "embed")


def test_call_of_a_program():
    """Functions that the Router lacks are called directly, one model after the other."""
    asked = []

    def paint(model, picture):
        asked.append(model)
        if model == "one":
            raise ValueError("no canary-key")
        return f"{model}: {picture}"

    keys = {"custom_llm_provider": "openai", "roles": ["paint"]}
    models = [{"name": name, "model": name, **keys} for name in ("one", "two")]
    dispatcher = ModelDispatcher(models, roles=[Role("paint", calls=paint)])
    assert call(dispatcher, "paint", picture="sea") == "two: sea"
    assert asyncio.run(acall(dispatcher, "paint", picture="sea")) == "two: sea"
    assert asked == ["one", "two"] * 2
    with pytest.raises(CompletionError, match=r"'one', 'two' in role 'paint' did not answer"):
        call(dispatcher, "paint")
