"""A fake OpenAI-compatible provider: it answers as real ones do, with usage and finish reasons."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from werkzeug import Response

__all__ = ["answer", "chunks", "event"]

_USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def answer(request: dict[str, Any], *pieces: str) -> Response:
    """Answer a request for a chat completion: whole, or streamed piece by piece."""
    if request.get("stream"):
        text = "".join(map(event, chunks(request, pieces))) + "data: [DONE]\n\n"
        return Response(text, mimetype="text/event-stream")
    message = {"role": "assistant", "content": "".join(pieces)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = _head(request, "chat.completion") | {"choices": [choice], "usage": _USAGE}
    return Response(json.dumps(body), mimetype="application/json")


def chunks(request: dict[str, Any], pieces: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the chunks of a stream: pieces, the finish reason, and usage where it is asked for."""
    head = _head(request, "chat.completion.chunk")
    usage = bool((request.get("stream_options") or {}).get("include_usage"))
    if usage:
        head["usage"] = None  # in all chunks but the last
    for number, piece in enumerate(pieces):
        delta = {"content": piece} if number else {"role": "assistant", "content": piece}
        yield head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    if usage:
        yield head | {"choices": [], "usage": _USAGE}


def event(chunk: dict[str, Any]) -> str:
    """Write a chunk as a server-sent event."""
    return f"data: {json.dumps(chunk)}\n\n"


def _head(request: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "1", "object": kind, "created": 1, "model": request["model"]}
