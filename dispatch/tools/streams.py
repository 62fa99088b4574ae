"""Answers that arrive piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import suppress
from typing import Any, Self, TypeVar

from dispatch.errors import CompletionError
from dispatch.litellm.router import model_id_of
from dispatch.redaction import quote_name
from dispatch.tools.request import Answer, NoAnswerError, Request, read, result_of

__all__ = ["AsyncStream", "Stream", "block", "each_of"]

T = TypeVar("T")


def block(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never really waits, and return its result."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    except RuntimeError as error:  # asyncio's message if there is something to await
        if "running event loop" not in str(error):
            raise
    work.close()
    raise TypeError("hooks and tools that await need acomplete or aconverse")


def each_of(items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """Yield the items of an async generator that never really waits."""
    try:
        while True:
            yield block(anext(items))
    except StopAsyncIteration:
        return
    finally:
        block(items.aclose())


class _Streaming:
    """The state and logic shared by both kinds of streams."""

    _ask: str  # method of the Router
    _step: Callable[..., Any]  # function that takes the next chunk
    _end: str  # method that closes it

    def __init__(
        self,
        request: Request,
        arguments: dict[str, Any],
        restart: bool = False,
        answer: Answer | None = None,
    ) -> None:
        self._request, self._arguments, self._restart = request, arguments, restart
        self._answer = answer
        self._source: Any = None
        self._problem: Exception | None = None  # permanent: a partial answer is not an answer
        self._chunks: list[Any] = []
        self._id: str | None = None
        self.role, self.task, self.restarts = request.role, request.task, 0
        self.text = self._first = answer.text if answer else ""

    async def _start(self) -> Self:
        self._first = await self._pull()
        return self

    @property
    def model(self) -> str:
        """The name of the model that is answering."""
        return self._answer.model if self._answer else self._request.name(self._id)

    @property
    def instead_of(self) -> tuple[tuple[str, str], ...]:
        """The models that failed earlier, each with the reason."""
        return self._answer.instead_of if self._answer else self._request.instead_of(self._id)

    @property
    def answer(self) -> Answer:
        """The whole answer, once the stream is read to its end."""
        if self._problem is not None:
            raise self._problem
        if self._answer is None:
            raise RuntimeError("the answer is complete when the stream is read to its end")
        return self._answer

    def __repr__(self) -> str:
        return f"{type(self).__name__}(role={self.role!r}, model={self.model!r})"

    def __del__(self) -> None:
        self._leave("was not read to its end")

    def _leave(self, how: str) -> None:
        """Count a stream that is abandoned, and mark it as failed."""
        if self._answer is None and self._problem is None:
            who = f"model {quote_name(self.model)} in role {self.role!r}"
            self._problem = error = CompletionError(f"the stream of {who} {how}")
            error.text = self.text
            if self._chunks:
                self._request.record(self._so_far(), self._id)

    def _whole(self) -> Any:
        import litellm

        return litellm.stream_chunk_builder(self._chunks, messages=self._arguments["messages"])

    def _so_far(self) -> Any:
        """Return the partial answer, to count its tokens; None if LiteLLM cannot build it."""
        with suppress(Exception):  # of any class; Python may be shutting down
            return self._whole()

    async def _pull(self) -> str:
        """Return the next piece of text; at the end, an empty one."""
        if self._problem is None:
            try:
                return await self._find()
            except Exception as error:
                self._problem = error
            except BaseException:  # such as cancellation; LiteLLM would end the stream normally
                self._leave("was interrupted")
                raise
        raise self._problem

    async def _find(self) -> str:
        if self._first:
            piece, self._first = self._first, ""
            return piece
        while self._answer is None:
            try:
                self._source = self._source or await self._request.ask(self._ask, self._arguments)
                while (chunk := await result_of(self._step(self._source, None))) is not None:
                    if piece := self._take(chunk):
                        return piece
                whole = self._whole()
                if len(self._chunks) < 2 and not any(read(whole)):  # LiteLLM made up the one
                    raise NoAnswerError("the stream is empty")
                answer = self._request.answer(whole, self._id)
                self._chunks.clear()  # counted already
            except Exception as error:  # the provider's client may raise anything
                problem = error
            else:
                self._answer = await self._request.follow(answer)
                break
            # Outside the handler, or the error, which may contain a key, would become the context.
            await self._hang_up()
            self._start_over(problem)
        return ""

    async def read(self) -> None:
        """Read the stream to its end."""
        while await self._pull():
            pass

    async def aclose(self) -> None:
        """Stop reading, and close the connection."""
        self._leave("was closed before its end")
        await self._hang_up()

    async def _hang_up(self) -> None:
        if self._source is not None:
            with suppress(Exception):  # a broken connection is closed already
                await result_of(getattr(self._source, self._end)())

    def _take(self, chunk: Any) -> str:
        found = model_id_of(chunk)
        if self._chunks and self.text and found not in (None, self._id):
            raise RuntimeError("LiteLLM went on with another model")
        self._id = found or self._id
        self._chunks.append(chunk)
        piece = (chunk.choices[0].delta.content or "") if chunk.choices else ""
        self.text += piece
        if piece:
            self._request.speaking.add(str(self._id))
        return piece

    def _start_over(self, error: Exception) -> None:
        """Start over with the next model, or raise if that is not possible or not allowed."""
        request, failed = self._request, str(self._id)
        if not self._chunks:
            raise request.error(error)
        if self.text:
            request.fail(failed, error, self._so_far())
        if self.text and not self._restart:
            raise request.error(error, failed, self.text)
        request.pass_on(failed, error, self._arguments, self.text)
        self.text, self._id, self._source, self.restarts = "", None, None, self.restarts + 1
        self._chunks.clear()


class Stream(_Streaming, Iterator[str]):
    """A streamed answer: an iterator of its text, with the complete `answer` at its end.

    `model` is known from the start. With `restart`, a model that breaks off is replaced by the
    next one, which starts over: `restarts` counts this, and `text` is the text of the last one.
    Once a stream has broken off, or was interrupted or closed, reading it raises the
    `CompletionError` again. `close()`, or the end of `with`, closes the connection.
    """

    _ask, _step, _end = "completion", staticmethod(next), "close"

    def close(self) -> None:
        """Stop reading, and close the connection."""
        block(self.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> str:
        if piece := block(self._pull()):
            return piece
        raise StopIteration


class AsyncStream(_Streaming, AsyncIterator[str]):
    """A `Stream` for `async for`, with `aclose()` and `async with`."""

    _ask, _step, _end = "acompletion", staticmethod(anext), "aclose"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def __anext__(self) -> str:
        if piece := await self._pull():
            return piece
        raise StopAsyncIteration
