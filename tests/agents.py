"""A provider for agents: what its models answer is in their names."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from queue import Queue
from typing import Any

from werkzeug import Request, Response

from dispatch.tools.complete import Answer, acomplete, complete
from tests import fake_provider

__all__ = ["COUNTS_STREAMS", "LEFT", "TOOL", "ask_for_tool", "asker", "bodies", "maker", "serve"]

COUNTS_STREAMS = tuple(map(int, version("litellm").split(".")[:2])) >= (1, 110)
"""Whether LiteLLM counts the tokens of a stream that reports none."""

TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
LEFT: Queue[str] = Queue()  # the models whose connection was closed as they spoke
ARGUMENTS = '{"a": 1, "b": 2}'  # of the tool that is asked for


def serve(server: Any) -> Any:
    """Serve chat completions and embeddings.

    A model answers with its name; `fail-CODE` fails, `cut` breaks off before the first word and
    `breaks` after it, `hang` takes a while, `endless` goes on for ten, `echo` repeats the key
    that it was sent, and `tools` asks for the tool `add` until it is given a result, then answers
    with that.
    """
    server.expect_request("/v1/chat/completions").respond_with_handler(_chat)
    server.expect_request("/v1/embeddings").respond_with_handler(_embed)
    return server


def asker(way: str, check: Callable[[list[str], Answer], object]) -> Callable[..., Answer]:
    """Return `complete`, or `acomplete` in an event loop, as `way` says: `sync` or `async`.

    A stream is read to its end; `check` holds of its pieces and its answer.
    """

    def sync(*arguments: Any, **keys: Any) -> Answer:
        found = complete(*arguments, **keys)
        if isinstance(found, Answer):
            return found
        assert check(list(found), found.answer)
        return found.answer

    async def in_loop(*arguments: Any, **keys: Any) -> Answer:
        found = await acomplete(*arguments, **keys)
        if isinstance(found, Answer):
            return found
        assert check([piece async for piece in found], found.answer)
        return found.answer

    return sync if way == "sync" else lambda *a, **k: asyncio.run(in_loop(*a, **k))


def bodies(server: Any) -> list[Any]:
    """Return the body of each request that arrived."""
    return [request.get_json() for request, _ in server.log]


def maker(server: Any) -> Any:
    """Return a function that makes a model of the provider."""

    def make(name, model, roles=("chatcompletions",), **keys):
        endpoint = {"api_base": server.url_for("/v1"), "api_key": f"canary-{name}"}
        return {"name": name, "model": f"openai/{model}", "roles": list(roles)} | endpoint | keys

    return make


def _chat(request: Request) -> Response:
    body: Any = request.get_json()
    name, last = body["model"], body["messages"][-1]
    if name.startswith("fail-"):
        return _json({"error": {"message": f"no: {request.headers['Authorization']}"}}, name)
    if name in ("cut", "breaks"):
        first = list(fake_provider.chunks(body, ["half"]))[: name == "breaks"]
        error = 'data: {"error": {"message": "overloaded", "code": 500}}\n\n'
        text = "".join(map(fake_provider.event, first)) + error
        return Response(text, mimetype="text/event-stream")
    if name == "endless":
        return Response(_endless(body), mimetype="text/event-stream")
    if name == "hang":
        time.sleep(1.5)
    if name == "echo":
        return fake_provider.answer(body, request.headers["Authorization"])
    if name == "tools":
        if last["role"] == "user":
            return ask_for_tool(body, "add", ARGUMENTS)
        return _said(body, last["content"])
    return _said(body, name)


def _said(body: Any, text: str) -> Response:
    return fake_provider.answer(body, text[:2], text[2:])


def _endless(body: Any) -> Iterator[str]:
    (first, *_) = fake_provider.chunks(body, ["half"])
    yield fake_provider.event(first)
    try:
        for _ in range(50):
            time.sleep(0.2)
            yield fake_provider.event(first)
    except GeneratorExit:
        LEFT.put(body["model"])
        raise


def ask_for_tool(body: Any, name: str, arguments: str) -> Response:
    """Answer by asking for a tool."""
    function = {"name": name, "arguments": arguments}
    calls = [{"index": 0, "id": "call-1", "type": "function", "function": function}]
    plain = fake_provider.answer(body, "").get_data(as_text=True)
    said, asked = '"content": ""', f'"content": null, "tool_calls": {json.dumps(calls)}'
    kind = "text/event-stream" if body.get("stream") else "application/json"
    text = plain.replace(said, asked).replace('"stop"', '"tool_calls"')
    return Response(text, mimetype=kind)


def _embed(request: Request) -> Response:
    body: Any = request.get_json()
    data = [{"object": "embedding", "index": 0, "embedding": [0.5]}]
    used = {"prompt_tokens": 4, "total_tokens": 4}
    made = {"object": "list", "model": body["model"], "data": data, "usage": used}
    return _json(made, body["model"])


def _json(body: Any, name: str) -> Response:
    status = int(name[5:]) if name.startswith("fail-") else 200
    return Response(json.dumps(body), status, mimetype="application/json")
