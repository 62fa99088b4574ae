"""The usage of calls by role, model and task, and the budgets of roles."""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from time import sleep

import pytest

from dispatch import ModelDispatcher, Role
from dispatch.errors import BudgetError, CompletionError
from dispatch.tools import usage as module
from dispatch.tools.chat import converse
from dispatch.tools.complete import acall, acomplete, call, complete
from dispatch.tools.streams import Stream
from dispatch.tools.usage import Ledger, Usage, usage
from tests import agents
from tests.helpers import raised

PRICES = {"input_cost_per_token": 0.1, "output_cost_per_token": 0.2}


@pytest.fixture(autouse=True)
def unspent(monkeypatch):
    monkeypatch.setattr(module, "_spent", {})


def test_usage(model):
    """Calls, failures and tokens are counted by role, model and task, sync and async."""
    post = [{"postcompletions": "review"}]
    models = [model("a", "fail-500"), model("b", "gpt-4o"), model("p", "fine", post)]
    dispatcher = ModelDispatcher(models)
    list(converse(dispatcher, "hi"))
    asyncio.run(acomplete(dispatcher, "hi", model="b"))
    rows = [row._replace(seconds=0) for row in usage(dispatcher)]
    cost = rows[1].cost
    assert rows == [
        Usage("chatcompletions", "a", failures=1),
        Usage("chatcompletions", "b", None, 2, 0, 6, 4, cost),
        Usage("postcompletions", "p", "review", 1, 0, 3, 2, None),
    ]
    assert 0 < cost < 0.001
    assert all(row.seconds > 0 for row in usage(dispatcher) if row.calls)


def test_own_prices(model):
    """Prices in a configuration apply, to streams too."""
    noted = model("b", "odd", model_info={"input_cost_per_token": 0.5})
    dispatcher = ModelDispatcher([model("a", "gpt-4o", **PRICES), noted])
    assert complete(dispatcher, "hi").cost == pytest.approx(0.7)
    stream = complete(dispatcher, "hi", stream=True)
    assert list(stream)
    if agents.COUNTS_STREAMS:
        assert stream.answer.cost == pytest.approx(8 * 0.1 + 5 * 0.2)
    assert complete(dispatcher, "hi", model="b").cost == pytest.approx(1.5)


def test_failures(model):
    """A role that does not answer has failures and no calls."""
    dispatcher = ModelDispatcher([model("a", "fail-500")])
    raised(CompletionError, complete, dispatcher, "hi")
    assert usage(dispatcher) == (Usage("chatcompletions", "a", failures=1),)


def test_call(model):
    """The usage of other callables is counted too."""
    embed = Role("embed", calls="litellm.embedding")
    name = "text-embedding-3-small"
    dispatcher = ModelDispatcher([model("a", name, ["embed"])], roles=[embed])
    call(dispatcher, "embed", input=["x"])
    asyncio.run(acall(dispatcher, "embed", input=["x"]))
    (row,) = usage(dispatcher)
    assert row[:7] == ("embed", "a", None, 2, 0, 8, 0)
    assert row.cost > 0


@pytest.mark.parametrize("asynchronous", [False, True])
def test_budget(asynchronous, model, provider):
    """A role that has used up its budget is not called, in any dispatcher of the process."""
    roles = [Role("chatcompletions", max_cost=1.0)]

    def dispatcher():
        return ModelDispatcher([model("a", "good", **PRICES)], roles=roles)

    def ask(dispatcher):
        if asynchronous:
            return asyncio.run(acomplete(dispatcher, "hi"))
        return complete(dispatcher, "hi")

    first = dispatcher()
    assert ask(first).cost == pytest.approx(0.7)
    ask(first)
    message = "role 'chatcompletions' has used 1.4 of its 1 US dollars, so it is not called"
    for each in (first, dispatcher()):
        with pytest.raises(BudgetError, match=message):
            ask(each)
    assert len(provider.log) == 2


def leave(stream):
    del stream


@pytest.mark.parametrize(
    "end", [leave, Stream.close, lambda stream: (stream.close(), stream.close()), list]
)
def test_stream(end, model):
    """A stream is one call, whether it was finished, closed or dropped, and its cost counts."""
    dispatcher = ModelDispatcher([model("a", "good", **PRICES)])
    end(complete(dispatcher, "hi", stream=True))
    gc.collect()
    (row,) = usage(dispatcher)
    assert row[:5] == ("chatcompletions", "a", None, 1, 0)
    assert row.seconds > 0
    if agents.COUNTS_STREAMS:
        assert row.completion_tokens > 0
        assert row.cost == pytest.approx(0.1 * row.prompt_tokens + 0.2 * row.completion_tokens)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("way", ["sync", "async"])
def test_broken_stream(way, restart, model):
    """A stream that broke off is a failure of its model, no call, and counted at once, but once."""
    dispatcher = ModelDispatcher([model("a", "breaks"), model("b", "good")])
    ask = agents.asker(way, lambda pieces, _: pieces == ["half", "go", "od"])
    with nullcontext() if restart else pytest.raises(CompletionError):
        ask(dispatcher, "hi", stream=True, restart=restart)
    failed, answered = ("chatcompletions", "a", None, 0, 1), ("chatcompletions", "b", None, 1, 0)
    for wait in (0, 0.5):  # LiteLLM reports it from a thread, which is to add nothing
        sleep(wait)
        assert [row[:5] for row in usage(dispatcher)] == [failed, answered][: 1 + restart]


def test_threads():
    """No count is lost if threads add at the same time."""
    ledger = Ledger()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(400):
            pool.submit(ledger.add, Usage("r", "m", calls=1, cost=0.5))
    assert ledger.rows() == (Usage("r", "m", None, 400, cost=200.0),)
