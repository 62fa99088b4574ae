"""From a role to an answer, against a real server: who answers, what it used, what failed."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading

import pytest

from dispatch import ModelDispatcher, Role
from dispatch.errors import CompletionError, RoleError, UnsetVariableError, UnsetVariableWarning
from dispatch.tools.complete import acall, acomplete, call, complete
from dispatch.tools.record import recorded
from dispatch.tools.request import connect
from dispatch.tools.usage import usage
from tests import agents
from tests.helpers import raised

HISTORY = [{"role": "user", "content": "hi"}]


@pytest.fixture(params=["sync", "async"])
def ask(request):
    """`complete` or `acomplete`: a stream yields something."""
    return agents.asker(request.param, lambda pieces, _: pieces)


def test_answer(ask, stream, model):
    """An answer says who gave it, what it used and how long it took."""
    dispatcher = ModelDispatcher([model("a", "gpt-4o")])
    found = ask(dispatcher, "hi", stream=stream)
    assert (found.text, found.tool_calls, found.role) == ("gpt-4o", (), "chatcompletions")
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
    assert body["messages"] == [{"role": "system", "content": "be brief"}, *HISTORY]
    assert (body["temperature"], body["max_tokens"]) == (0.5, 7)
    assert HISTORY == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("broken", "reason"), [("fail-401", "401"), ("fail-429", "429"), ("fail-500", "500")]
)
def test_failover(ask, stream, broken, reason, model):
    """Where a model fails, the next answers, and the answer says instead of whom and why."""
    dispatcher = ModelDispatcher([model("a", broken), model("b", "good"), model("c", "never")])
    found = ask(dispatcher, "hi", stream=stream)
    assert (found.text, found.model, found.instead_of) == ("good", "b", (("a", reason),))


def test_timeout(ask, model):
    """The timeout of a model is a reason of its own."""
    found = ask(ModelDispatcher([model("a", "hang", timeout=0.5), model("b", "good")]), "hi")
    assert found.instead_of == (("a", "timeout"),)


def test_no_connection(ask, stream, model):
    """A model whose server is not there has a reason of its own, and no status."""
    gone = model("a", "good", api_base="http://127.0.0.1:9/v1")
    found = ask(ModelDispatcher([gone, model("b", "good")]), "hi", stream=stream)
    assert found.instead_of == (("a", "connection"),)


def test_cut_before_the_first_word(ask, model):
    """A stream that breaks before its first word goes to the next model."""
    found = ask(ModelDispatcher([model("a", "cut"), model("b", "good")]), "hi", stream=True)
    assert (found.text, found.model, found.instead_of) == ("good", "b", (("a", "500"),))


def test_break(ask, model, provider):
    """A stream that breaks later is an error with the model and what had arrived."""
    dispatcher = ModelDispatcher([model("a", "breaks"), model("b", "good")])
    error = raised(CompletionError, ask, dispatcher, "hi", stream=True)
    message = "model 'a' in role 'chatcompletions' broke off after 4 characters: "
    assert str(error).startswith(message)
    assert "'b'" not in str(error)
    assert error.text == "half"
    assert error.__context__ is None
    assert len(provider.log) == 1


def test_break_is_final(model):
    """A stream that broke off raises the same error whenever it is read again."""
    stream = complete(ModelDispatcher([model("a", "breaks")]), "hi", stream=True)
    raised = []
    for read in (list, list, next, lambda stream: stream.answer):
        with pytest.raises(CompletionError, match="broke off") as caught:
            read(stream)
        raised.append(caught.value)
    assert raised == raised[:1] * 4


def interrupted():
    """A source at which the user presses Ctrl-C; like LiteLLM's, it then is at its end."""
    yield from ()
    raise KeyboardInterrupt


@pytest.mark.parametrize("asynchronous", [False, True])
def test_interrupted(asynchronous, model, tmp_path):
    """A stream that was interrupted is no answer: not when it is read again, nor for a hook."""
    dispatcher = ModelDispatcher([model("a", "endless")])
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
        with pytest.raises(KeyboardInterrupt):
            next(stream)
        with pytest.raises(CompletionError, match="was interrupted"):
            next(stream)
    with pytest.raises(CompletionError, match="was interrupted") as caught:
        _ = stream.answer
    assert caught.value.text == "half"
    assert not list(tmp_path.iterdir())
    assert [row[:5] for row in usage(dispatcher)] == [("chatcompletions", "a", None, 1, 0)]
    assert agents.LEFT.get(timeout=20) == "endless"


def test_hook_that_raises(model):
    """What `after` raises is raised again; the answer that it stopped is not given."""

    def after(answer):
        raise ValueError(answer.text)

    stream = complete(ModelDispatcher([model("a", "good")]), "hi", stream=True, after=after)
    for read in (list, list, lambda stream: stream.answer):
        with pytest.raises(ValueError, match="good"):
            read(stream)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_close(asynchronous, model):
    """A stream that is closed ends its connection, and has no answer."""
    dispatcher = ModelDispatcher([model("a", "endless")])

    async def run():
        async with await acomplete(dispatcher, "hi", stream=True) as stream:
            assert await anext(stream) == "half"
        await stream.aclose()
        with pytest.raises(CompletionError, match="was closed before its end"):
            await anext(stream)
        return stream

    if asynchronous:
        stream = asyncio.run(run())
    else:
        with complete(dispatcher, "hi", stream=True) as stream:
            assert next(stream) == "half"
        stream.close()
        with pytest.raises(CompletionError, match="was closed before its end"):
            next(stream)
    with pytest.raises(CompletionError, match="was closed before its end"):
        _ = stream.answer
    assert agents.LEFT.get(timeout=20) == "endless"


def test_close_at_its_end(model):
    """A stream that was read to its end keeps its answer when it is closed."""
    with complete(ModelDispatcher([model("a", "good")]), "hi", stream=True) as stream:
        assert list(stream) == ["go", "od"]
    assert stream.answer.text == "good"
    assert repr(stream) == "Stream(role='chatcompletions', model='a')"


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        (HISTORY[0], "dict"),
        (["x"], "str in a list"),
        (None, "NoneType"),
        (5, "int"),
        (b"x", "bytes"),
    ],
)
def test_no_messages(ask, messages, found, model, provider):
    """What is no message is an error that says what it is, before any request."""
    expected = f"messages are a string or a list of mappings, found {found}$"
    with pytest.raises(TypeError, match=expected):
        ask(ModelDispatcher([model("a", "good")]), messages)
    assert not provider.log


GROUP = ModelDispatcher([{"model": "gpt-4o"}]).for_chatcompletions


@pytest.mark.parametrize("dispatcher", ["models.yaml", [{"model": "gpt-4o"}], None, GROUP])
def test_no_dispatcher(ask, dispatcher):
    """What is no dispatcher is an error that says what makes one."""
    with pytest.raises(TypeError, match=r"expected a ModelDispatcher, such as load\(path\) makes"):
        ask(dispatcher, "hi")


def test_wrong_tools(ask, model, provider):
    """Functions where schemas are expected are refused before the call."""
    with pytest.raises(TypeError, match="tools are a list of mappings"):
        ask(ModelDispatcher([model("a", "good")]), "hi", tools=[print])
    assert provider.log == []


@pytest.mark.parametrize("number", [True, 1.0, {"name": "a"}])
def test_wrong_model(ask, number, model):
    """A model is picked by a name or a number, and by nothing that looks like one."""
    with pytest.raises(TypeError, match="picked by name or number"):
        ask(ModelDispatcher([model("a", "good"), model("b", "good")]), "hi", model=number)


def test_restart(ask, model):
    """With `restart`, the next model starts over, and the answer is marked."""
    dispatcher = ModelDispatcher([model("a", "breaks"), model("b", "fail-500"), model("c", "good")])
    found = ask(dispatcher, "hi", stream=True, restart=True)
    assert (found.text, found.model) == ("good", "c")
    assert dict(found.instead_of)["a"].startswith("broke off")
    assert dict(found.instead_of)["b"] == "500"


def test_restart_exhausted(ask, model):
    """Where no model is left to start over, the error is that of the last one."""
    dispatcher = ModelDispatcher([model("a", "breaks"), model("b", "breaks")])
    with pytest.raises(CompletionError, match=r"model 'b' .* broke off") as caught:
        ask(dispatcher, "hi", stream=True, restart=True)
    assert caught.value.text == "half"


def test_stream(model):
    """The model of a stream is known before its first word is read, its answer at the end."""
    dispatcher = ModelDispatcher([model("a", "fail-500"), model("b", "good")])
    stream = complete(dispatcher, "hi", stream=True)
    assert (stream.model, stream.role, stream.text) == ("b", "chatcompletions", "go")
    with pytest.raises(RuntimeError, match="to its end"):
        _ = stream.answer
    assert list(stream) == ["go", "od"]
    assert stream.answer.text == "good"
    assert list(stream) == []


def test_tool_calls(ask, stream, model, provider):
    """The tools that a model asks for are in the answer, and in the message for the history."""
    dispatcher = ModelDispatcher([model("a", "tools")])

    async def whole():
        found = await acomplete(dispatcher, "hi", tools=[agents.TOOL], stream=True)
        assert [piece async for piece in found] == []
        return found.answer

    found = asyncio.run(whole()) if stream else ask(dispatcher, "hi", tools=[agents.TOOL])
    assert found.tool_calls == (("call-1", "add", '{"a": 1, "b": 2}'),)
    assert found.text == ""
    assert found.message["tool_calls"][0]["function"]["name"] == "add"
    assert agents.bodies(provider)[0]["tools"] == [agents.TOOL]


def test_model(ask, stream, model, provider):
    """`model` is asked first, and the others of the role stay its fallbacks."""
    models = [model("a", "good"), model("b", "fail-500"), model("c", "other")]
    dispatcher = ModelDispatcher(models)
    assert ask(dispatcher, "hi", model="c", stream=stream).model == "c"
    found = ask(dispatcher, "hi", model="b", stream=stream)
    assert (found.model, found.instead_of) == ("a", (("b", "500"),))
    assert [body["model"] for body in agents.bodies(provider)] == ["other", "fail-500", "good"]
    with pytest.raises(RoleError, match=r"no model of role .* is named 'd'"):
        ask(dispatcher, "hi", model="d")


def test_task(ask, stream, model, provider):
    """A task goes to the model that it was given to, as the last message."""
    post = Role("post", variables=("file",))
    models = [
        model("a", "good", [{"post": "one"}]),
        model("b", "other", [{"post": "two"}, {"post": "read {file}"}]),
    ]
    dispatcher = ModelDispatcher(models, roles=[post])
    found = ask(dispatcher, "hi", "post", stream=stream)
    assert (found.model, found.task) == ("a", "one")
    found = ask(dispatcher, "hi", "post", task="two", stream=stream)
    assert (found.model, found.task) == ("b", "two")
    values = {"file": "x.py"}
    found = ask(dispatcher, "hi", "post", task="read {file}", variables=values, stream=stream)
    assert (found.model, found.task) == ("b", "read {file}")
    last = [body["messages"][-1]["content"] for body in agents.bodies(provider)]
    assert last == ["one", "two", "read x.py"]
    with pytest.raises(RoleError, match="role 'post' has no task 'tow'; did you mean 'two'"):
        ask(dispatcher, "hi", "post", task="tow")


def test_no_answer(ask, stream, model):
    """Where no model answers, the error names those asked, the reasons and no secret."""
    dispatcher = ModelDispatcher([model("a", "fail-500"), model("b", "fail-401")])
    error = raised(CompletionError, ask, dispatcher, "hi", stream=stream)
    models = "models 'a', 'b' in role 'chatcompletions' did not answer (500, 401): "
    assert str(error).startswith(models)
    assert "canary" not in str(error)
    assert error.__context__ is None


def test_settings(ask, stream, model):
    """The settings of the configuration count: a fallback to another role serves."""
    tree = {
        "models": [model("a", "fail-500"), model("b", "good", ["postcompletions"])],
        "router_settings": {"fallbacks": [{"chatcompletions": ["postcompletions"]}]},
    }
    found = ask(ModelDispatcher(tree), "hi", stream=stream)
    assert (found.role, found.model, found.instead_of) == (
        "chatcompletions",
        "b",
        (("a", "500"),),
    )
    found = ask(ModelDispatcher(tree), "hi", model="a", stream=stream)
    assert (found.model, found.instead_of) == ("b", (("a", "500"),))


@pytest.mark.parametrize(
    ("settings", "keys", "asked"),
    [
        ({"fallbacks": [{"chatcompletions": ["backup"]}]}, {}, 2),
        ({"default_fallbacks": ["backup"]}, {}, 2),
        ({"fallbacks": [{"chatcompletions": ["backup"]}], "allowed_fails": 0}, {}, 1),
        (
            {"fallbacks": [{"chatcompletions": ["backup"]}]},
            {"model_info": {"allowed_fails": 3}},
            4,
        ),
    ],
)
def test_cooldown_of_an_only_model(ask, settings, keys, asked, model, provider):
    """The only model of a role is left alone when it has failed, where a fallback follows."""
    models = [model("a", "fail-500", **keys), model("b", "good", ["backup"])]
    tree = {"models": models, "roles": ["backup"], "router_settings": settings}
    dispatcher = ModelDispatcher(tree)
    assert [ask(dispatcher, "hi").model for _ in range(6)] == ["b"] * 6
    assert [body["model"] for body in agents.bodies(provider)].count("fail-500") == asked


def test_repr(ask, stream, model):
    """The repr of an answer shows who and what, and no secret, even where a model echoes it."""
    shown = repr(ask(ModelDispatcher([model("a", "echo")]), "hi", stream=stream))
    assert shown.startswith("Answer(role='chatcompletions', model='a', task=None, text='Bearer ***")
    assert "canary" not in shown


def test_left_out(model, monkeypatch):
    """A model that was left out is no answer, and the error says why."""
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


def test_router_is_kept(model):
    """A dispatcher has one Router; its copies have their own."""
    dispatcher = ModelDispatcher([model("a", "good")])
    complete(dispatcher, "hi")
    router = connect(dispatcher).open(dispatcher).router
    complete(dispatcher, "hi")
    assert connect(dispatcher).open(dispatcher).router is router
    for other in (copy.deepcopy(dispatcher), pickle.loads(pickle.dumps(dispatcher))):
        assert complete(other, "hi").text == "good"
        assert connect(other).open(other).router is not router


def test_threads(model):
    """Threads that ask at once share one Router, and each has its own answer."""
    dispatcher = ModelDispatcher([model("a", "fail-500"), model("b", "good")])
    found = []
    asking = [
        threading.Thread(target=lambda: found.append(complete(dispatcher, "hi"))) for _ in range(16)
    ]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert [each.text for each in found] == ["good"] * 16
    assert all(each.instead_of in ((), (("a", "500"),)) for each in found)


def test_call(model):
    """`call` embeds through the Router, with failover; `complete` says what to use instead."""
    embed = Role("embed", calls="litellm.embedding")
    models = [model("a", "fail-500", ["embed"]), model("b", "good", ["embed"])]
    dispatcher = ModelDispatcher(models, roles=[embed])
    assert call(dispatcher, "embed", input=["x"]).data[0]["embedding"] == [0.5]
    found = asyncio.run(acall(dispatcher, "embed", input=["x"], model="b"))
    assert found.data[0]["embedding"] == [0.5]
    with pytest.raises(RoleError, match=r"calls litellm\.embedding; use call"):
        complete(dispatcher, "hi", "embed")


def test_call_of_a_model_by_its_kind(model):
    """A model that LiteLLM knows for embedding is no chat model."""
    dispatcher = ModelDispatcher([model("a", "text-embedding-3-small", ["embed"])], roles=["embed"])
    assert call(dispatcher, "embed", input=["x"]).data[0]["embedding"] == [0.5]
    with pytest.raises(RoleError, match=r"calls litellm\.embedding"):
        complete(dispatcher, "hi", "embed")


def test_call_of_a_program():
    """What the Router does not have is called directly, one model after the other."""
    asked = []

    def paint(model, picture):
        asked.append(model)
        if model == "one":
            raise ValueError("no canary-key")
        return f"{model}: {picture}"

    models = [{"name": name, "model": name, "roles": ["paint"]} for name in ("one", "two")]
    models = [each | {"custom_llm_provider": "openai"} for each in models]
    role = Role("paint", calls=lambda model, picture: paint(model, picture))
    dispatcher = ModelDispatcher(models, roles=[role])
    assert call(dispatcher, "paint", picture="sea") == "two: sea"
    assert asyncio.run(acall(dispatcher, "paint", picture="sea")) == "two: sea"
    assert asked == ["one", "two"] * 2
    with pytest.raises(CompletionError, match=r"'one', 'two' in role 'paint' did not answer"):
        call(dispatcher, "paint")
