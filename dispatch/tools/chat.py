"""One turn of a conversation: the answer with its rounds of tools, then every post-completion."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Literal, overload

from dispatch.errors import CompletionError
from dispatch.immutable import FrozenMap, freeze, thaw
from dispatch.roles import CHATCOMPLETIONS, POSTCOMPLETIONS
from dispatch.tools.complete import Messages, acomplete, complete, listed
from dispatch.tools.request import Answer, ToolCall
from dispatch.tools.streams import AsyncStream, Stream

if TYPE_CHECKING:
    from dispatch.dispatcher import ModelDispatcher

    Dispatcher = ModelDispatcher[Any]

__all__ = ["CallTool", "Turn", "aconverse", "converse"]

Message = dict[str, Any]
CallTool = Callable[[str, dict[str, Any]], Any] | Mapping[str, Callable[..., Any]]
Tools = Sequence[Mapping[str, Any]] | None


@dataclass(frozen=True, repr=False)
class Turn(Answer):
    """One answer in a conversation.

    `results` are what its tools gave; where it has tool calls and no results, they are left to the
    program. `conversation` is what was said so far, without post-completions: `messages` is a copy.
    """

    results: tuple[str, ...] = ()
    conversation: Any = ()

    @property
    def messages(self) -> list[Message]:
        """A fresh copy of the conversation, to hand on to the next call."""
        return [thaw(message) for message in self.conversation]


class _Conversation:
    """What is said, and what follows an answer; the asking is left to the two loops below."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        messages: Messages,
        call_tool: CallTool | None,
        variables: Mapping[str, object],
    ) -> None:
        self.dispatcher, self.call_tool, self.variables = dispatcher, call_tool, variables
        self.messages = listed(messages)

    def result(self, asked: ToolCall) -> Any:
        """Call a tool; what the model got wrong goes back to it as the result."""
        try:
            arguments = json.loads(asked.arguments or "{}")
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict):
            return "error: the arguments are no JSON object"
        if not isinstance(self.call_tool, Mapping):
            return self.call_tool(asked.name, arguments) if self.call_tool else None
        if asked.name not in self.call_tool:
            return f"error: there is no tool {asked.name!r}, only {', '.join(self.call_tool)}"
        return self.call_tool[asked.name](**arguments)

    def turn(self, answer: Answer, results: Sequence[Any] = ()) -> Turn:
        """Return a turn of the chat, and go on with it."""
        texts = tuple(r if isinstance(r, str) else json.dumps(r, default=str) for r in results)
        self.messages.append(answer.message)
        for asked, text in zip(answer.tool_calls, texts, strict=False):
            self.messages.append({"role": "tool", "tool_call_id": asked.id, "content": text})
        return self.closing(answer, texts)

    def closing(self, answer: Answer, results: tuple[str, ...] = ()) -> Turn:
        return Turn(**vars(answer), results=results, conversation=freeze(self.messages))

    def tasks(self) -> list[dict[str, Any]]:
        """Return the arguments of each post-completion."""
        models = self.dispatcher.groups.get(POSTCOMPLETIONS, ())
        if not models:
            return []
        known = self.dispatcher.contract[POSTCOMPLETIONS].variables or ()
        variables = {name: value for name, value in self.variables.items() if name in known}
        return [
            {"role": POSTCOMPLETIONS, "model": number, "variables": variables}
            for number in range(len(models))
        ]


def _unfinished(rounds: int) -> CompletionError:
    return CompletionError(f"role {CHATCOMPLETIONS!r} still calls tools after {rounds} rounds")


@overload
def converse(
    dispatcher: Dispatcher, messages: Messages, *, stream: Literal[True], **more: Any
) -> Iterator[Stream | Turn]: ...
@overload
def converse(
    dispatcher: Dispatcher, messages: Messages, *, stream: Literal[False] = ..., **more: Any
) -> Iterator[Turn]: ...
def converse(
    dispatcher: Dispatcher,
    messages: Messages,
    *,
    tools: Tools = None,
    call_tool: CallTool | None = None,
    max_rounds: int = 10,
    post: bool = True,
    variables: Mapping[str, object] = FrozenMap({}),
    stream: bool = False,
    **parameters: Any,
) -> Iterator[Stream | Turn]:
    """Ask the chat models, with tools, then each post-completion about that conversation.

    `call_tool` is called with the name and the arguments of a tool, or is a mapping of functions;
    the model is then asked again, up to `max_rounds` times. Without it, a turn that calls tools is
    the last. Each post-completion is done by the model that it was given to, with `variables`
    filled in. With `stream`, each turn follows the `Stream` of its text, which is read to its end.

    >>> from dispatch import ModelDispatcher
    >>> dispatcher = ModelDispatcher([{"model": "gpt-4o", "mock_response": "hello"}])
    >>> (turn,) = converse(dispatcher, "hi")
    >>> turn.text, len(turn.messages)
    ('hello', 2)

    Raises what `complete` raises; `CompletionError` where the rounds do not suffice.
    """
    talk = _Conversation(dispatcher, messages, call_tool, variables)

    either: Any = complete  # streamed or not

    def ask(**arguments: Any) -> Generator[Stream, None, Answer]:
        found = either(dispatcher, talk.messages, stream=stream, **arguments)
        if isinstance(found, Answer):
            return found
        streaming: Stream = found
        yield streaming
        for _ in streaming:
            pass
        return streaming.answer

    for _ in range(max_rounds):
        answer = yield from ask(tools=tools, **parameters)
        asked = answer.tool_calls if call_tool is not None else ()
        yield talk.turn(answer, [talk.result(each) for each in asked])
        if not answer.tool_calls:
            break
        if call_tool is None:
            return
    else:
        raise _unfinished(max_rounds)
    for arguments in talk.tasks() if post else ():
        answer = yield from ask(**arguments)
        yield talk.closing(answer)


@overload
def aconverse(
    dispatcher: Dispatcher, messages: Messages, *, stream: Literal[True], **more: Any
) -> AsyncIterator[AsyncStream | Turn]: ...
@overload
def aconverse(
    dispatcher: Dispatcher, messages: Messages, *, stream: Literal[False] = ..., **more: Any
) -> AsyncIterator[Turn]: ...
async def aconverse(
    dispatcher: Dispatcher,
    messages: Messages,
    *,
    tools: Tools = None,
    call_tool: CallTool | None = None,
    max_rounds: int = 10,
    post: bool = True,
    variables: Mapping[str, object] = FrozenMap({}),
    stream: bool = False,
    at_once: int = 4,
    **parameters: Any,
) -> AsyncIterator[AsyncStream | Turn]:
    """Converse as `converse` does, without blocking; tools may be coroutine functions.

    The post-completions run side by side, `at_once` of them, and come in order. Only the turns of
    the chat are streamed.
    """
    talk = _Conversation(dispatcher, messages, call_tool, variables)
    for _ in range(max_rounds):
        if stream:
            streaming = await acomplete(
                dispatcher, talk.messages, tools=tools, stream=True, **parameters
            )
            yield streaming
            async for _piece in streaming:
                pass
            answer = streaming.answer
        else:
            answer = await acomplete(dispatcher, talk.messages, tools=tools, **parameters)
        results = []
        for asked in answer.tool_calls if call_tool is not None else ():
            result = talk.result(asked)
            results.append(await result if isawaitable(result) else result)
        yield talk.turn(answer, results)
        if not answer.tool_calls:
            break
        if call_tool is None:
            return
    else:
        raise _unfinished(max_rounds)
    free = asyncio.Semaphore(at_once)

    async def follow(arguments: dict[str, Any]) -> Turn:
        async with free:
            return talk.closing(await acomplete(dispatcher, talk.messages, **arguments))

    following = [asyncio.create_task(follow(each)) for each in (talk.tasks() if post else ())]
    try:
        for each in following:
            yield await each
    finally:  # where one fails, or the reader stops
        for each in following:
            each.cancel()
        await asyncio.gather(*following, return_exceptions=True)
