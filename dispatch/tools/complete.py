"""Answers from a role, through one LiteLLM Router that each dispatcher keeps."""

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
    """Return messages in the form that LiteLLM takes; a string becomes a user message.

    >>> listed("hi")
    [{'role': 'user', 'content': 'hi'}]

    Raises `TypeError` for anything else.
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
        except Exception as error:  # the provider's client may raise anything
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
    """Ask a role, and return the answer of its first model that gives one.

    `model` selects a model by name or number, and `task` the one that has this task; if it fails,
    the others in the role follow. In roles other than `chatcompletions`, the task is the last
    message, with `variables` filled in. Each model's own system prompt comes first. `parameters`
    are LiteLLM's, such as `temperature`.

    With `stream`, a `Stream` is returned once its first text has arrived; until then, the next
    model takes over if one fails. A stream that breaks off later raises `CompletionError`, whose
    `text` is what had arrived; with `restart`, the next model starts over.

    `before(role, kwargs)` gets the messages and parameters of this call, with secrets hidden (see
    `with_secrets`), and returns those to send, or an `Answer`, so that no model is asked.
    `after(answer)` is called with each answer. Exceptions that they raise stop the call.

    >>> from dispatch import ModelDispatcher
    >>> dispatcher = ModelDispatcher([{"model": "gpt-4o", "mock_response": "hello"}])
    >>> complete(dispatcher, "hi").text
    'hello'

    Raises `CompletionError` if no model answers, `RoleError` for an unknown role, model or task,
    `BudgetError` if the role has used up its `max_cost`, and the errors of `make_router`.
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
    """Ask a role like `complete`, without blocking; hooks may be coroutine functions."""
    request = Request(dispatcher, role, model, task, before, after)
    asked = request, messages, variables, stream, restart, parameters
    found: Answer | AsyncStream = await _complete(AsyncStream, *asked)
    return found


def call(
    dispatcher: Dispatcher, role: str, *, model: str | int | None = None, **arguments: Any
) -> Any:
    """Call a role's callable, such as `litellm.embedding`, and return its response.

    If a model fails, the next one in the role is asked: by the Router if it has such a method,
    otherwise one after the other.

    >>> from dispatch import ModelDispatcher
    >>> dispatcher = ModelDispatcher([{"model": "gpt-4o", "mock_response": "hello"}])
    >>> messages = [{"role": "user", "content": "hi"}]
    >>> call(dispatcher, "chatcompletions", messages=messages).choices[0].message.content
    'hello'

    Raises the errors of `complete`.
    """
    return block(_call(Request(dispatcher, role, model), "", arguments))


async def acall(
    dispatcher: Dispatcher, role: str, *, model: str | int | None = None, **arguments: Any
) -> Any:
    """Call a role's callable like `call`, without blocking."""
    return await _call(Request(dispatcher, role, model), "a", arguments)


async def _call(request: Request, prefix: str, arguments: dict[str, Any]) -> Any:
    """Call the Router once, or, without it, each model in turn."""
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
