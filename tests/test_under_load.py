"""One process under load: a thousand calls at once, threads, cancellation, bad providers."""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor

import pytest

from dispatch import ModelDispatcher
from dispatch.errors import CompletionError
from dispatch.tools.chat import aconverse
from dispatch.tools.complete import acomplete, complete
from dispatch.tools.usage import usage
from tests.loopback import GARBAGE, serve

pytestmark = pytest.mark.slow

LITELLMS = ("LoggingWorker", "aiohttp", "httpx")  # tasks that outlive a call, by design


@pytest.fixture(scope="module")
def server():
    import litellm  # noqa: F401  # before what is there is frozen

    gc.collect()
    gc.freeze()  # to collect after each test then takes no time
    with serve() as server:
        yield server
    gc.unfreeze()


@pytest.fixture
def model(server):
    """Return a function that makes models served by a fast provider."""

    def make(name, model, **keys):
        where = {"api_base": server.endpoint, "api_key": f"canary-{name}"}
        return {"name": name, "model": f"openai/{model}", **where, **keys}

    return make


@pytest.fixture(autouse=True)
def quiet(caplog, recwarn):
    """No log record or warning reports a leaked resource."""
    yield
    gc.collect()
    said = [record.getMessage() for record in caplog.records]
    said += [str(warning.message) for warning in recwarn.list]
    # The clients are LiteLLM's, one an event loop for the whole process; `run` closes them, and
    # yet transports of aiohttp may be open at the end.
    words = ("unclosed c", "never retrieved", "was destroyed", "never awaited")
    assert [text for text in said if any(word in text.lower() for word in words)] == []


def run(work):
    """Run in an event loop, in which no task of a call is left at the end."""

    async def main():
        import litellm

        found = await work
        for _ in range(200):  # LiteLLM logs in tasks of its own, which end
            left = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            left = [t for t in left if not any(each in repr(t.get_coro()) for each in LITELLMS)]
            if not left:
                break
            await asyncio.sleep(0.05)
        await litellm.close_litellm_async_clients()
        await asyncio.sleep(0.05)
        assert left == []
        return found

    return asyncio.run(main())


def resident():
    """Return the memory of this process in megabytes."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6


def test_thousand(model):
    """A thousand calls at once have their right answers, and further ones take no more memory."""
    dispatcher = ModelDispatcher([model("a", "good")])

    async def ask(count):
        found = await asyncio.gather(*(acomplete(dispatcher, f"n{i}") for i in range(count)))
        assert [each.text for each in found] == [f"n{i}"[::-1] for i in range(count)]
        await asyncio.sleep(0.5)  # LiteLLM has logged
        return resident()

    async def twice():
        return [await ask(1), await ask(1000), await ask(200)]

    start, first, second = run(twice())
    print(f"\n{start:.0f} MB, {first - start:+.1f}, {second - first:+.1f}")
    assert second - first < 10
    assert usage(dispatcher)[0].calls == 1201


def test_threads(model):
    """Sixteen threads have their right answers."""
    dispatcher = ModelDispatcher([model("a", "good")])
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda i: complete(dispatcher, f"n{i}").text, range(250)))
    assert found == [f"n{i}"[::-1] for i in range(250)]


def test_cancelled(model, server):
    """Canceled calls leave nothing behind, and the next one is answered."""
    dispatcher = ModelDispatcher([model("a", "hang"), model("b", "good")])

    async def talk():
        return [turn async for turn in aconverse(dispatcher, "hi", stream=True)]

    async def cancel():
        calls = [acomplete(dispatcher, "hi", stream=i % 2 == 0) for i in range(200)]
        tasks = [asyncio.create_task(each) for each in (*calls, talk())]
        while server.hanging < len(tasks):  # what waits in LiteLLM's threads would leave more
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(each) for each in found} == {asyncio.CancelledError}
        return await acomplete(dispatcher, "hi", model="b")

    assert run(cancel()).text == "ih"
    assert sum(row.calls for row in usage(dispatcher)) == 1


@pytest.mark.parametrize("asynchronous", [False, True])
def test_hang(asynchronous, model):
    """Each model's timeout applies: a hanging one is abandoned, a slow one awaited."""
    models = [model("a", "hang", timeout=0.3), model("b", "slow", timeout=20)]
    dispatcher = ModelDispatcher(models)

    async def many():
        return await asyncio.gather(*(acomplete(dispatcher, "hi") for _ in range(20)))

    if asynchronous:
        found = run(many())
    else:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: complete(dispatcher, "hi"), range(8)))
    assert {(each.text, each.model) for each in found} == {("ih", "b")}
    assert {each.instead_of for each in found} <= {(("a", "timeout"),), ()}
    assert any(each.instead_of for each in found)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage(garbage, stream, model):
    """A response without an answer is a failure: the next model answers, or it is an error."""

    def ask(dispatcher):
        found = complete(dispatcher, "hi", stream=stream)
        if stream:
            assert list(found)
        return found.answer if stream else found

    async def ask_async(dispatcher):
        found = await acomplete(dispatcher, "hi", stream=stream)
        if stream:
            assert [piece async for piece in found]
        return found.answer if stream else found

    for each in (ask, lambda dispatcher: run(ask_async(dispatcher))):
        dispatcher = ModelDispatcher([model("a", garbage), model("b", "good")])
        found = each(dispatcher)
        assert (found.text, found.model) == ("ih", "b")
        assert [name for name, _ in found.instead_of] == ["a"]
        assert [row[3:5] for row in usage(dispatcher)] == [(0, 1), (1, 0)]  # calls and failures
        with pytest.raises(CompletionError, match="model 'a'") as caught:
            each(ModelDispatcher([model("a", garbage)]))
        assert "canary" not in str(caught.value)
