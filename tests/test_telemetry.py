"""The role and the task are attributes of the spans that LiteLLM's callback makes."""

from __future__ import annotations

import asyncio
import time

import litellm
import pytest

from dispatch import ModelDispatcher, Role, make_router, telemetry
from dispatch.errors import CompletionError
from dispatch.tools.complete import acall, acomplete, call, complete
from tests.helpers import USER

exporters = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")

NAME, TASK = "gen_ai.agent.name", "gen_ai.agent.description"


@pytest.fixture
def spans(monkeypatch):
    """Return a function for the attributes of the spans so far, at least `least`."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    exporter, provider = exporters.InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    callback = telemetry(tracer_provider=provider)
    litellm.logging_callback_manager.add_litellm_callback(callback)

    def named(role):
        attributes = [span.attributes for span in exporter.get_finished_spans()]
        return [(each[NAME], each.get(TASK)) for each in attributes if each.get(NAME) == role]

    def found(least, role):
        # LiteLLM logs in threads and tasks of its own, those of others too
        wait_until(lambda: len(named(role)) >= least)
        return named(role)

    yield found
    for each in (litellm.callbacks, litellm.success_callback, litellm.failure_callback,
                 litellm._async_success_callback, litellm._async_failure_callback):  # fmt: skip
        each[:] = [other for other in each if other is not callback]


def wait_until(ready):
    for _ in range(1000):
        if ready():
            return
        time.sleep(0.01)


def run(work):
    """Run in an event loop that lives until LiteLLM has logged."""

    async def waiting():
        found = await work
        if hasattr(found, "__aiter__"):
            assert [piece async for piece in found]
        await asyncio.sleep(0.5)

    asyncio.run(waiting())


@pytest.mark.parametrize("asynchronous", [False, True])
def test_role_and_task(asynchronous, stream, spans, model):
    """Answers, whole or streamed, have the role and the task that were asked for."""
    models = [model("a", "fail-500", [{"review": "one"}]), model("b", "good", [{"review": "two"}])]
    dispatcher = ModelDispatcher(models, roles=["review"])
    if asynchronous:
        run(acomplete(dispatcher, "hi", "review", stream=stream))
    else:
        found = complete(dispatcher, "hi", "review", stream=stream)
        assert not stream or list(found)
    found = spans(2, "review")
    assert len(found) >= 2
    assert set(found) == {("review", "one")}  # also of the failed attempt


def test_failure(spans, model):
    """The spans of what failed have the role too."""
    with pytest.raises(CompletionError):
        complete(ModelDispatcher([model("a", "fail-500")]), "hi")
    assert set(spans(1, "chatcompletions")) == {("chatcompletions", None)}


def test_other_callables(spans, model):
    """Calls of `call` have their role."""
    embed = Role("embed", calls="litellm.embedding")
    dispatcher = ModelDispatcher([model("a", "good", ["embed"])], roles=[embed])
    call(dispatcher, "embed", input=["x"])
    run(acall(dispatcher, "embed", input=["x"]))
    assert set(spans(2, "embed")) == {("embed", None)}


def test_router_alone(spans, model):
    """A Router that a program calls itself gives the role of the model."""
    dispatcher = ModelDispatcher([model("a", "good", [{"postcompletions": "review"}])])
    make_router(dispatcher).completion("postcompletions", messages=[USER])
    assert set(spans(1, "postcompletions")) == {("postcompletions", "review")}


def test_metadata(model, spans, provider):
    """A program's metadata go to the callbacks, but not to the provider."""
    seen = []

    def note(kwargs, *_):
        seen.append(kwargs["litellm_params"]["metadata"])

    dispatcher = ModelDispatcher([model("a", "good")])
    complete(dispatcher, "hi", metadata={"mine": 1}, success_callback=[note])
    spans(1, "chatcompletions")
    wait_until(lambda: seen)
    assert seen[0]["mine"] == 1
    assert seen[0]["dispatch"] == {"role": "chatcompletions", "task": None}
    assert "metadata" not in provider.log[0][0].get_json()
