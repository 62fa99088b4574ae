"""A provider that serves a thousand calls at once: an event loop of its own, in a thread."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from tests import fake_provider

__all__ = ["GARBAGE", "Server", "serve"]

GARBAGE = {
    "html": b"<html>busy</html>",
    "empty": b"",
    "list": b"[]",
    "null": b"null",
    "object": b"{}",
    "no-choices": b'{"id": "1", "object": "chat.completion", "choices": []}',
    "null-choices": b'{"id": "1", "object": "chat.completion", "choices": null}',
    "text-choices": b'{"choices": "none"}',
    "no-message": b'{"choices": [{"index": 0}]}',
    "cut": b'{"id": "1", "choices": [{"mess',
    "bytes": b"\xff\xfe\x00\x81",
}
"""What a model of such a name answers, with status 200."""


@contextmanager
def serve() -> Iterator[Server]:
    """Serve chat completions.

    A model answers with the last message, reversed; `hang` answers after a minute, `slow` after a
    second, and one named in `GARBAGE` with that.
    """
    started = Event()
    server = Server(started)
    thread = Thread(target=lambda: asyncio.run(server.run()), daemon=True)
    thread.start()
    started.wait()
    try:
        yield server
    finally:
        server.loop.call_soon_threadsafe(server.ended.set)
        thread.join()


class Server:
    """A server at `endpoint`, of whose calls so many are `hanging`."""

    def __init__(self, started: Event) -> None:
        self.started, self.hanging = started, 0

    async def run(self) -> None:
        self.loop, self.ended = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self.handle, "127.0.0.1", 0, backlog=2000)
        self.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self.started.set()
        await self.ended.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = next(
                    line for line in head.split("\r\n") if line.startswith("content-length")
                )
                body = json.loads(await reader.readexactly(int(length.partition(":")[2])))
                self.hanging += body["model"] == "hang"
                await asyncio.sleep({"hang": 60, "slow": 1}.get(body["model"], 0.01))
                writer.write(_answer(body))
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


def _answer(body: dict[str, Any]) -> bytes:
    response = fake_provider.answer(body, body["messages"][-1]["content"][::-1])
    content = GARBAGE.get(body["model"]) if body["model"] in GARBAGE else response.get_data()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {response.mimetype}\r\n"
    return f"{head}content-length: {len(content or b'')}\r\n\r\n".encode() + (content or b"")
