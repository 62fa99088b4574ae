"""A turn of a conversation: the answer and its tool calls, then every post-completion."""

from __future__ import annotations

import asyncio
import json
from collections.abc import (
    AsyncGenerator,
    Callable,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal, overload

from dispatch.errors import CompletionError
from dispatch.immutable import FrozenMap, freeze, thaw
from dispatch.models import RoleGroup
from dispatch.roles import CHATCOMPLETIONS, POSTCOMPLETIONS
from dispatch.tools.complete import Messages, acomplete, complete, listed
from dispatch.tools.hooks import After, Before
from dispatch.tools.request import Answer, ToolCall, result_of
from dispatch.tools.streams import AsyncStream, Stream, each_of
from dispatch.validation import check_dispatcher

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

    `results` are the results of its tool calls; if there are calls but no results, the program has
    to run them. `conversation` is the history without post-completions; `messages` is a copy.
    """

    results: tuple[str, ...] = ()
    conversation: Any = ()

    @property
    def messages(self) -> list[Message]:
        """A fresh copy of the conversation, to pass to the next call."""
        return [thaw(message) for message in self.conversation]


def _find_misfit(tool: Any, /, *given: Any, **named: Any) -> str:
    """Return why a function does not accept these arguments; empty if it does."""
    try:
        signature(tool).bind(*given, **named)
    except TypeError as error:
        return str(error)
    except ValueError:  # it has no signature
        pass
    return ""


def _result(call_tool: Any, asked: ToolCall) -> Any:
    """Call a tool; mistakes of the model go back to it as the result."""
    try:
        arguments = json.loads(asked.arguments or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        return "error: the arguments are not a JSON object"
    if not isinstance(call_tool, Mapping):
        return call_tool(asked.name, arguments)
    if asked.name not in call_tool:
        return f"error: there is no tool {asked.name!r}, only {', '.join(call_tool)}"
    tool = call_tool[asked.name]
    if problem := _find_misfit(tool, **arguments):
        return f"error: {asked.name}: {problem}"
    return tool(**arguments)


async def _converse(
    ask: Any,  # `complete` or `acomplete`
    dispatcher: Dispatcher,
    messages: Messages,
    *,
    call_tool: CallTool | None,
    max_rounds: int,
    post: bool,
    variables: Mapping[str, object],
    at_once: int,  # 0: one after the other, streamed like the chat
    before: Before | None,
    after: After | None,
    **options: Any,
) -> AsyncGenerator[Any, None]:
    check_dispatcher(dispatcher)
    said = listed(messages)
    wrong = "" if isinstance(call_tool, Mapping | None) else _find_misfit(call_tool, "name", {})
    if wrong:
        takes = "a function of a name and its arguments, or a mapping of functions"
        raise TypeError(f"call_tool is {takes}: {wrong}")

    def turn(answer: Answer, results: Iterable[str] = ()) -> Turn:
        return Turn(**vars(answer), results=tuple(results), conversation=freeze(said))

    followers = dispatcher.groups.get(POSTCOMPLETIONS, ()) if post else ()
    group = RoleGroup(POSTCOMPLETIONS, followers, dispatcher.contract)
    known = (dispatcher.contract[POSTCOMPLETIONS].variables if followers else None) or ()
    values = {name: value for name, value in variables.items() if name in known}
    posts = range(len(followers))
    for number in posts:
        group.task(number, **values)  # raises for a missing variable before any call
    ask = partial(ask, dispatcher, before=before, after=after)
    for _ in range(max_rounds):
        found = await result_of(ask(said, **options))
        if options["stream"]:
            async with aclosing(found):
                yield found
                await found.read()
        answer = found.answer if options["stream"] else found
        said.append(answer.message)
        results = []
        for each in answer.tool_calls if call_tool is not None else ():
            result = await result_of(_result(call_tool, each))
            text = result if isinstance(result, str) else json.dumps(result, default=str)
            results.append(text)
            said.append({"role": "tool", "tool_call_id": each.id, "content": text})
        yield turn(answer, results)
        if not answer.tool_calls:
            break
        if call_tool is None:
            return
    else:
        role = f"role {CHATCOMPLETIONS!r}"
        raise CompletionError(
            f"{role} still calls tools after {max_rounds} round{'s' * (max_rounds != 1)}"
        )
    ask = partial(ask, said, POSTCOMPLETIONS, variables=values)
    if at_once:
        async with aclosing(_side_by_side(ask, posts, at_once)) as answers:
            async for answer in answers:
                yield turn(answer)
        return
    for number in posts:
        found = ask(model=number, stream=options["stream"])
        if options["stream"]:
            async with aclosing(found):
                yield found
                await found.read()
        yield turn(found.answer if options["stream"] else found)


async def _side_by_side(
    ask: Any, posts: Iterable[int], at_once: int
) -> AsyncGenerator[Answer, None]:
    free = asyncio.Semaphore(at_once)

    async def follow(number: int) -> Answer:
        async with free:
            answer: Answer = await ask(model=number)
            return answer

    following = [asyncio.create_task(follow(number)) for number in posts]
    try:
        for each in following:
            yield await each
    finally:  # if one fails, or the reader stops
        for each in following:
            each.cancel()
        await asyncio.gather(*following, return_exceptions=True)


@overload
def converse(
    dispatcher: Dispatcher, messages: Messages, *, stream: Literal[False] = ..., **more: Any
) -> Generator[Turn, None, None]: ...
@overload
def converse(
    dispatcher: Dispatcher, messages: Messages, *, stream: bool, **more: Any
) -> Generator[Stream | Turn, None, None]: ...
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
    before: Before | None = None,
    after: After | None = None,
    **parameters: Any,
) -> Generator[Stream | Turn, None, None]:
    """Ask the chat models, with tools, then run each post-completion on that conversation.

    `call_tool` is a function of a tool's name and arguments, or a mapping of functions; the model
    is then asked again, up to `max_rounds` times. Without it, a turn with tool calls is the last.
    Each post-completion is run by the model that has it as a task, with `variables` filled in.
    With `stream`, each turn follows the `Stream` of its text, which is read to its end; closing
    this iterator closes the stream and ends the conversation.
    The hooks `before` and `after` are called around each call to a model, as in `complete`.

    >>> from dispatch import ModelDispatcher
    >>> dispatcher = ModelDispatcher([{"model": "gpt-4o", "mock_response": "hello"}])
    >>> (turn,) = converse(dispatcher, "hi")
    >>> turn.text, len(turn.messages)
    ('hello', 2)

    Raises the errors of `complete`, and `CompletionError` if `max_rounds` is reached.
    """
    options: Any = {"tools": tools, "call_tool": call_tool, "max_rounds": max_rounds, "post": post}
    options |= {"variables": variables, "stream": stream, "before": before, "after": after}
    turns = _converse(complete, dispatcher, messages, at_once=0, **options, **parameters)
    return each_of(turns)


@overload
def aconverse(
    dispatcher: Dispatcher, messages: Messages, *, stream: Literal[False] = ..., **more: Any
) -> AsyncGenerator[Turn, None]: ...
@overload
def aconverse(
    dispatcher: Dispatcher, messages: Messages, *, stream: bool, **more: Any
) -> AsyncGenerator[AsyncStream | Turn, None]: ...
def aconverse(
    dispatcher: Dispatcher,
    messages: Messages,
    *,
    tools: Tools = None,
    call_tool: CallTool | None = None,
    max_rounds: int = 10,
    post: bool = True,
    variables: Mapping[str, object] = FrozenMap({}),
    stream: bool = False,
    before: Before | None = None,
    after: After | None = None,
    at_once: int = 4,
    **parameters: Any,
) -> AsyncGenerator[AsyncStream | Turn, None]:
    """Converse like `converse`, without blocking; tools may be coroutine functions.

    Up to `at_once` post-completions run concurrently, and are yielded in order. Only the turns of
    the chat are streamed.
    """
    options: Any = {"tools": tools, "call_tool": call_tool, "max_rounds": max_rounds, "post": post}
    options |= {"variables": variables, "stream": stream, "before": before, "after": after}
    return _converse(acomplete, dispatcher, messages, at_once=at_once, **options, **parameters)
