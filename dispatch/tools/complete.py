"""From a role to an answer, through one LiteLLM Router that is kept with its dispatcher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, overload

from dispatch.errors import RoleError
from dispatch.immutable import FrozenMap, thaw
from dispatch.litellm.router import model_id_of
from dispatch.roles import CHATCOMPLETIONS
from dispatch.tools.hooks import After, Before
from dispatch.tools.request import Answer, Request, result_of
from dispatch.tools.streams import AsyncStream, Stream, block

if TYPE_CHECKING:
    from dispatch.dispatcher import ModelDispatcher

    Dispatcher = ModelDispatcher[Any]

__all__ = [
    "Answer", "AsyncStream", "Messages", "Stream", "acall", "acomplete", "call", "complete",
    "listed",
]  # fmt: skip

Messages = str | Sequence[Mapping[str, Any]]


def listed(messages: Messages) -> list[dict[str, Any]]:
    """Return messages as LiteLLM takes them; a string is what the user says.

    >>> listed("hi")
    [{'role': 'user', 'content': 'hi'}]

    Raises `TypeError` for what is neither.
    """
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    wrong: list[object] = [messages]
    if isinstance(messages, Sequence) and not isinstance(messages, bytes):
        wrong = [m for m in messages if not isinstance(m, Mapping) and not hasattr(m, "model_dump")]
    if wrong:
        inside = "" if wrong[0] is messages else " in a list"
        found = f"found {type(wrong[0]).__name__}{inside}"
        raise TypeError(f"messages must be a string or a list of mappings, {found}")
    return [dict(thaw(message)) for message in messages]


async def _complete(
    kind: type[Any],
    request: Request,
    messages: Messages,
    variables: Mapping[str, object],
    stream: bool,
    restart: bool,
    parameters: dict[str, Any],
) -> Any:
    role = request.role
    if request.operation != "completion":
        what = f"litellm.{request.operation}" if request.operation else "a callable of the program"
        raise RoleError(f"role {role!r} calls {what}; use call(dispatcher, {role!r}, …)")
    written, tools = listed(messages), parameters.get("tools") or ()
    if not (isinstance(tools, list | tuple) and all(isinstance(each, Mapping) for each in tools)):
        raise TypeError("tools are a list of mappings, each with the schema of a function")
    if request.task is not None and role != CHATCOMPLETIONS:
        filled = request.group.task(request.index or 0, **variables)
        written.append({"role": "user", "content": filled})
    if parameters.get("tools") is None:
        parameters.pop("tools", None)
    arguments: Any = {**parameters, "messages": written}
    arguments = await request.prepare(arguments)
    if isinstance(arguments, Answer):
        await request.follow(arguments)
        return kind(request, {}, answer=arguments) if stream else arguments
    request.open()
    routed = request.routed(arguments.get("metadata"))
    arguments |= {"messages": listed(arguments["messages"]), "stream": stream, **routed}
    if stream:
        return await kind(request, arguments, restart)._start()
    response = None
    while True:
        try:
            response = await request.ask(kind._ask, arguments)
            answer = request.answer(response)
            break
        except Exception as error:  # whatever the provider's client raises
            problem = error
        if response is None:
            raise request.error(problem)
        request.pass_on(str(model_id_of(response)), problem, arguments)
        response = None
    return await request.follow(answer)


# fmt: off
@overload
def complete(dispatcher: Dispatcher, messages: Messages, role: str = ..., *,
             stream: Literal[True], **_: Any) -> Stream: ...
@overload
def complete(dispatcher: Dispatcher, messages: Messages, role: str = ..., *,
             stream: Literal[False] = ..., **_: Any) -> Answer: ...
@overload
def complete(dispatcher: Dispatcher, messages: Messages, role: str = ..., *,
             stream: bool, **_: Any) -> Answer | Stream: ...
# fmt: on
def complete(
    dispatcher: Dispatcher,
    messages: Messages,
    role: str = CHATCOMPLETIONS,
    *,
    model: str | int | None = None,
    task: str | None = None,
    variables: Mapping[str, object] = FrozenMap({}),
    stream: bool = False,
    restart: bool = False,
    before: Before | None = None,
    after: After | None = None,
    **parameters: Any,
) -> Answer | Stream:
    """Ask a role, and return the answer of the first of its models that gives one.

    `model` picks one by its name or number, and `task` the one that it was given to; the others of
    the role follow where it fails. In roles other than `chatcompletions` the task is the last
    message, with `variables` filled in. Each model's own system prompt comes first. `parameters`
    are LiteLLM's, such as `temperature`.

    With `stream`, a `Stream` is returned once its first word is there: until then, the next model
    takes over where one fails. One that breaks off later raises `CompletionError`, whose `text` is
    what had arrived; with `restart`, the next model starts over.

    `before(role, kwargs)` returns what is asked instead of `kwargs`, which are the messages and the
    parameters of this call, their secrets hidden (see `with_secrets`); or an `Answer`, and no model
    is asked. `after(answer)` is called with each answer. What they raise stops the call.

    >>> from dispatch import ModelDispatcher
    >>> dispatcher = ModelDispatcher([{"model": "gpt-4o", "mock_response": "hello"}])
    >>> complete(dispatcher, "hi").text
    'hello'

    Raises `CompletionError` where no model answers, `RoleError` for a role, model or task that is
    unknown, `BudgetError` where the role has used up its `max_cost`; and what `make_router` raises.
    """
    request = Request(dispatcher, role, model, task, before, after)
    asked = request, messages, variables, stream, restart, parameters
    found: Answer | Stream = block(_complete(Stream, *asked))
    return found


# fmt: off
@overload
async def acomplete(dispatcher: Dispatcher, messages: Messages, role: str = ..., *,
                    stream: Literal[True], **_: Any) -> AsyncStream: ...
@overload
async def acomplete(dispatcher: Dispatcher, messages: Messages, role: str = ..., *,
                    stream: Literal[False] = ..., **_: Any) -> Answer: ...
@overload
async def acomplete(dispatcher: Dispatcher, messages: Messages, role: str = ..., *,
                    stream: bool, **_: Any) -> Answer | AsyncStream: ...
# fmt: on
async def acomplete(
    dispatcher: Dispatcher,
    messages: Messages,
    role: str = CHATCOMPLETIONS,
    *,
    model: str | int | None = None,
    task: str | None = None,
    variables: Mapping[str, object] = FrozenMap({}),
    stream: bool = False,
    restart: bool = False,
    before: Before | None = None,
    after: After | None = None,
    **parameters: Any,
) -> Answer | AsyncStream:
    """Ask a role, as `complete` does, without blocking; hooks may be coroutine functions."""
    request = Request(dispatcher, role, model, task, before, after)
    asked = request, messages, variables, stream, restart, parameters
    found: Answer | AsyncStream = await _complete(AsyncStream, *asked)
    return found


def call(
    dispatcher: Dispatcher, role: str, *, model: str | int | None = None, **arguments: Any
) -> Any:
    """Call what a role calls, such as `litellm.embedding`, and return LiteLLM's response.

    Where a model fails, the next of the role is asked: by the Router, or, for what the Router does
    not have, one after the other.

    >>> from dispatch import ModelDispatcher
    >>> dispatcher = ModelDispatcher([{"model": "gpt-4o", "mock_response": "hello"}])
    >>> messages = [{"role": "user", "content": "hi"}]
    >>> call(dispatcher, "chatcompletions", messages=messages).choices[0].message.content
    'hello'

    Raises what `complete` raises.
    """
    return block(_call(Request(dispatcher, role, model), "", arguments))


async def acall(
    dispatcher: Dispatcher, role: str, *, model: str | int | None = None, **arguments: Any
) -> Any:
    """Call what a role calls, as `call` does, without blocking."""
    return await _call(Request(dispatcher, role, model), "a", arguments)


async def _call(request: Request, prefix: str, arguments: dict[str, Any]) -> Any:
    """Make the one call of the Router, or those that ask each model without it."""
    request.open()
    name, router = f"{prefix}{request.operation}", request.built.router
    routed = bool(request.operation) and hasattr(router, name)
    numbers = {id(model): number for number, model in enumerate(request.group.models)}
    target: Any = request.group.callable
    if request.operation:
        target = getattr(router if routed else import_module("litellm"), name)
    problem: Exception = LookupError("no model is left")
    for model_id in [None] if routed else request.ids:
        try:
            if model_id is None:
                kwargs = {**arguments, **request.routed(arguments.get("metadata"))}
            else:
                number = numbers[id(request.known[model_id])]
                kwargs = {**request.group.kwargs(number), **arguments}
            response = await result_of(target(**kwargs))
            request.record(response, model_id or model_id_of(response))
            return response
        except Exception as error:
            problem = error
        if model_id is not None:
            request.fail(model_id, problem)
    raise request.error(problem)
