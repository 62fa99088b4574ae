"""From a role to an answer, through one LiteLLM Router that is kept with its dispatcher."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from dispatch.errors import CompletionError, RoleError
from dispatch.immutable import FrozenMap, thaw
from dispatch.litellm.catalog import OPERATIONS, read_catalog
from dispatch.litellm.policy import is_litellm
from dispatch.litellm.router import Built, build, fallbacks_of, model_id_of
from dispatch.models import RoleGroup, role_groups
from dispatch.redaction import display_name, quote_name, scrub
from dispatch.roles import CHATCOMPLETIONS
from dispatch.stages import Model
from dispatch.suggestions import did_you_mean
from dispatch.tools.usage import Ledger, Tokens, Usage, check_budget

if TYPE_CHECKING:
    from dispatch.dispatcher import ModelDispatcher

    Dispatcher = ModelDispatcher[Any]

__all__ = [
    "Answer",
    "AsyncStream",
    "Connection",
    "Messages",
    "Stream",
    "ToolCall",
    "acall",
    "acomplete",
    "call",
    "complete",
    "connect",
    "listed",
    "operation_of",
    "pick",
    "reason_of",
]

Messages = str | Sequence[Mapping[str, Any]]

_SECTIONS = ("router_settings", "litellm_settings")
_SHOWN = 200  # characters of an answer in its repr


class ToolCall(NamedTuple):
    """A tool that a model asks for; `arguments` is JSON, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, repr=False)
class Answer:
    """What a model answered.

    `model` is the name of the model that answered; `instead_of` holds the models that failed
    before it, each with the reason (`401`, `timeout`). `cost` is in US dollars, None where LiteLLM
    knows no price; `latency` in seconds. `response` is LiteLLM's own.
    """

    text: str
    tool_calls: tuple[ToolCall, ...]
    role: str
    model: str
    task: str | None
    instead_of: tuple[tuple[str, str], ...]
    usage: Tokens
    cost: float | None
    latency: float
    response: Any = field(compare=False)
    _shown: str = ""

    @property
    def message(self) -> dict[str, Any]:
        """A fresh copy of the message, to append to the history."""
        message: dict[str, Any] = self.response.choices[0].message.model_dump(exclude_none=True)
        return {"content": None, **message}

    def __repr__(self) -> str:
        who = f"role={self.role!r}, model={self.model!r}, task={self.task!r}"
        calls = f", tool_calls={[each.name for each in self.tool_calls]}" * bool(self.tool_calls)
        shown = f"{who}, text={self._shown!r}{calls}, instead_of={self.instead_of}"
        return f"{type(self).__name__}({shown})"


class Connection:
    """The Router of a dispatcher, made on first use; a copy of it starts without one."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self._lock = Lock()
        self._made: tuple[Built, FrozenMap[str, RoleGroup]] | None = None

    def open(self, dispatcher: Dispatcher) -> tuple[Built, FrozenMap[str, RoleGroup]]:
        """Return the Router and the groups. Raises what `make_router` raises."""
        with self._lock:
            if self._made is None:
                sections = [dispatcher.sections.get(name) or () for name in _SECTIONS]
                retries = any("num_retries" in section for section in sections)
                built = build(dispatcher, {} if retries else {"num_retries": 0})
                groups = role_groups(dispatcher.groups, contract=dispatcher.contract)
                self._made = built, groups
            return self._made

    def __reduce__(self) -> tuple[Any, ...]:
        return Connection, ()


def connect(dispatcher: Dispatcher) -> Connection:
    """Return the connection of a dispatcher, always the same one."""
    connection: Connection = vars(dispatcher).setdefault("_router", Connection())
    return connection


def listed(messages: Messages) -> list[dict[str, Any]]:
    """Return messages as LiteLLM takes them; a string is what the user says.

    >>> listed("hi")
    [{'role': 'user', 'content': 'hi'}]
    """
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    return [dict(thaw(message)) for message in messages]


def reason_of(error: object) -> str:
    """Return why a call failed, in a word: an HTTP status, `timeout` or the kind of error."""
    error = getattr(error, "original_exception", None) or error
    name = type(error).__name__
    if "Timeout" in name:
        return "timeout"
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    return name if name == "APIConnectionError" or status is None else str(status)


def operation_of(group: RoleGroup, model: Model) -> str:
    """Return what LiteLLM is to do with a model, such as `completion`; '' for others' callables."""
    target = group.callable
    if not is_litellm(target):
        return ""
    name = str(target.__name__)
    name = name[1:] if name[0] == "a" and hasattr(import_module("litellm"), name[1:]) else name
    if name != "completion":
        return name
    role, catalog = group.contract.get(group.role), read_catalog()
    info = model.get("model_info")
    entry = catalog.find(model["model"], model.get("custom_llm_provider")) if catalog else None
    sources = (role.needs if role else None, info if isinstance(info, Mapping) else None, entry)
    mode = next((each["mode"] for each in sources if each and "mode" in each), "chat")
    return OPERATIONS.get(mode, "completion")


def pick(group: RoleGroup, model: str | None, task: str | None) -> int | None:
    """Return the number of the model that is to answer; None where that is up to the Router."""
    names = [display_name(each) for each in group.models]
    if model is None and task is None:
        return 0 if group.role != CHATCOMPLETIONS and any(group.tasks) else None
    if model is not None:
        group[model]  # raises for an unknown name
    found = [n for n, name in enumerate(names) if model in (None, name)]
    of_task = [n for n in found if task in (None, group.tasks[n])]
    if not of_task:
        known = dict.fromkeys(each for n in found if (each := group.tasks[n]))
        hint = did_you_mean(str(task), known) or "it has none"
        raise RoleError(f"role {group.role!r} has no task {quote_name(task)}; {hint}")
    return of_task[0]


class _Request:
    """One call of a role: what is asked of whom, and what came of it."""

    def __init__(
        self, dispatcher: Dispatcher, role: str, model: str | int | None, task: str | None
    ) -> None:
        declared = dispatcher.contract.require(role)
        if not dispatcher.groups[role]:
            raise CompletionError(f"no model plays role {role!r}, so there is no answer")
        check_budget(declared)
        connection = connect(dispatcher)
        self.built, groups = connection.open(dispatcher)
        self.ledger, self.group, self.role = connection.ledger, groups[role], role
        self.index = model if isinstance(model, int) else pick(self.group, model, task)
        self.task = None if self.index is None else self.group.tasks[self.index]
        self.operation = operation_of(self.group, self.group[self.index or 0])
        of_role = [each for each in self.built.deployed if each.deployment["model_name"] == role]
        of_role.sort(key=lambda each: each.order)
        if self.index is not None:
            own = [each for each in of_role if each.model is self.group.models[self.index]]
            if not own:
                self.group.kwargs(self.index)  # raises what says why it was left out
            of_role = own + [each for each in of_role if each not in own]
        if not of_role:
            self.group.kwargs()
            raise CompletionError(f"LiteLLM can call no model of role {role!r}")
        self.ids = [each.deployment["model_info"]["id"] for each in of_role]
        self.failures: list[tuple[str, str]] = []  # also from LiteLLM's threads
        self.broken: dict[str, str] = {}
        self.started = monotonic()

    @cached_property
    def known(self) -> dict[str, Model]:
        return {each.deployment["model_info"]["id"]: each.model for each in self.built.deployed}

    def name(self, model_id: str | None) -> str:
        return display_name(self.known.get(model_id or "") or self.group[self.index or 0])

    def routed(self) -> dict[str, Any]:
        """Return the arguments that make the Router ask the models in turn."""
        arguments: dict[str, Any] = {"model": self.role, "failure_callback": [self.note_failure]}
        if self.index is not None:
            first, *others = self.ids
            given = fallbacks_of(self.built.router)
            further = [target for each in given for target in each.get(self.role, ())]
            fallbacks = [*given, {first: [*others, *further]}]
            arguments |= {"model": first, "fallbacks": fallbacks}
        return arguments

    def note_failure(self, kwargs: Mapping[str, Any], *_: object) -> None:
        """Take LiteLLM's report of an attempt that failed."""
        params = kwargs.get("litellm_params") or {}
        noted = params.get("metadata") or params.get("litellm_metadata") or {}
        model_id = str((noted.get("model_info") or {}).get("id"))
        self.failures.append((model_id, reason_of(kwargs.get("exception"))))
        self.ledger.add(Usage(self.role, self.name(model_id), self.task, failures=1))

    def instead_of(self, model_id: str | None = None) -> tuple[tuple[str, str], ...]:
        failed = dict(self.failures) | self.broken
        return tuple(
            (self.name(each), reason) for each, reason in failed.items() if each != model_id
        )

    def error(self, error: Exception, broken: str | None = None, text: str = "") -> CompletionError:
        """Return what to raise for an error of LiteLLM; `broken` is the model that broke off."""
        said = scrub(f"{type(error).__name__}: {error}", self.built.secrets)
        failed = self.instead_of()
        names = ", ".join(dict.fromkeys(quote_name(name) for name, _ in failed))
        reasons = ", ".join(reason for _, reason in failed)
        if broken is not None:
            length = f"{len(text)} character{'s' * (len(text) != 1)}"
            who = f"model {quote_name(self.name(broken))} in role {self.role!r}"
            message = f"{who} broke off after {length}: {said}"
        elif failed:
            models = f"model{'s' * (',' in names)} {names} in role {self.role!r}"
            message = f"{models} did not answer ({reasons}): {said}"
        else:
            message = f"no model of role {self.role!r} could be asked: {said}"
        made = CompletionError(message)
        made.text = text
        return made

    def record(self, response: Any, model_id: str | None) -> tuple[Tokens, float | None, float]:
        """Note what a response used, and return it."""
        used = getattr(response, "usage", None)
        counts = (getattr(used, f"{name}_tokens", None) or 0 for name in ("prompt", "completion"))
        tokens, seconds = Tokens(*counts), monotonic() - self.started
        cost = _cost(response, model_id, self.known.get(model_id or ""))
        name = self.name(model_id)
        self.ledger.add(Usage(self.role, name, self.task, 1, 0, *tokens, cost, seconds))
        return tokens, cost, seconds

    def answer(self, response: Any, model_id: str | None = None) -> Answer:
        model_id = model_id or model_id_of(response)
        tokens, cost, seconds = self.record(response, model_id)
        message = response.choices[0].message
        text = message.content or ""
        calls = tuple(
            ToolCall(each.id, each.function.name or "", each.function.arguments)
            for each in message.tool_calls or ()
        )
        shown = scrub(text, self.built.secrets)
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
        who = self.role, self.name(model_id), self.task, self.instead_of(model_id)
        return Answer(text, calls, *who, tokens, cost, seconds, response, shown)


def _cost(response: Any, model_id: str | None, model: Model | None) -> float | None:
    """Return the price of a response; None where LiteLLM's map and the model have none."""
    import litellm

    info = model.get("model_info") or {} if model else {}
    own = any("cost" in key.split("_") for key in (*(model or ()), *info))
    catalog = read_catalog()
    if model and not own and not (catalog and catalog.find(model["model"])):
        return None
    priced: dict[str, Any] = {"custom_pricing": True, "router_model_id": model_id} if own else {}
    try:
        return litellm.completion_cost(completion_response=response, **priced)
    except Exception:  # of many classes, for a model without a price
        return None


class _Streaming:
    """What a stream knows, however it is read."""

    def __init__(self, request: _Request, arguments: dict[str, Any], restart: bool) -> None:
        self._request, self._arguments, self._restart = request, arguments, restart
        self._chunks: list[Any] = []
        self._id: str | None = None
        self._first: list[str] = []
        self._answer: Answer | None = None
        self.role, self.task, self.text, self.restarts = request.role, request.task, "", 0

    @property
    def model(self) -> str:
        """The name of the model that is answering."""
        return self._request.name(self._id)

    @property
    def instead_of(self) -> tuple[tuple[str, str], ...]:
        """The models that failed before it, each with the reason."""
        return self._request.instead_of(self._id)

    @property
    def answer(self) -> Answer:
        """The whole answer, once the stream is read to its end."""
        if self._answer is None:
            raise RuntimeError("the answer is complete when the stream is read to its end")
        return self._answer

    def _take(self, chunk: Any) -> str:
        found = model_id_of(chunk)
        if self._chunks and self.text and found not in (None, self._id):
            raise RuntimeError("LiteLLM went on with another model")
        self._id = found or self._id
        self._chunks.append(chunk)
        piece = (chunk.choices[0].delta.content or "") if chunk.choices else ""
        self.text += piece
        return piece

    def _end(self) -> None:
        if self._answer is None:
            import litellm

            messages = self._arguments["messages"]
            whole = litellm.stream_chunk_builder(self._chunks, messages=messages)
            self._answer = self._request.answer(whole, self._id)

    def _break(self, error: Exception) -> dict[str, Any]:
        """Return the arguments of a call that starts over; raise where that is not to be."""
        request = self._request
        if not self._chunks:
            raise request.error(error)
        asked = {self._id, *dict(request.failures), *request.broken}
        left = [each for each in request.ids if each not in asked]
        if not self._restart or not left:
            raise request.error(error, self._id or "", self.text)
        request.broken[str(self._id)] = f"broke off: {reason_of(error)}"
        self.text, self._id, self.restarts = "", None, self.restarts + 1
        self._chunks.clear()
        first, *others = left
        return {**self._arguments, "model": first, "fallbacks": [{first: others}]}


class Stream(_Streaming, Iterator[str]):
    """An answer as it streams: an iterator of its text, whose `answer` is complete at its end.

    `model` is known from the start. With `restart`, a model that breaks off is replaced by the
    next, which starts over: `restarts` counts that, and `text` is what the last one said.
    """

    def __init__(self, request: _Request, arguments: dict[str, Any], restart: bool) -> None:
        super().__init__(request, arguments, restart)
        self._source: Iterator[Any] | None = None
        self._first = [piece for piece in [self._pull()] if piece]

    def _pull(self) -> str:
        arguments = self._arguments
        while True:
            try:
                if self._source is None:
                    self._source = iter(self._request.built.router.completion(**arguments))
                for chunk in self._source:
                    if piece := self._take(chunk):
                        return piece
                break
            except Exception as error:  # whatever the provider's client raises
                problem = error
            # Not in the handler: the error, which may hold a key, must not become the context.
            arguments, self._source = self._break(problem), None
        self._end()
        return ""

    def __next__(self) -> str:
        piece = self._first.pop() if self._first else self._pull()
        if not piece:
            raise StopIteration
        return piece


class AsyncStream(_Streaming, AsyncIterator[str]):
    """A `Stream` for `async for`."""

    _source: AsyncIterator[Any] | None = None

    async def _pull(self) -> str:
        arguments = self._arguments
        while True:
            try:
                if self._source is None:
                    router: Any = self._request.built.router
                    self._source = aiter(await router.acompletion(**arguments))
                async for chunk in self._source:
                    if piece := self._take(chunk):
                        return piece
                break
            except Exception as error:
                problem = error
            arguments, self._source = self._break(problem), None
        self._end()
        return ""

    async def _start(self) -> AsyncStream:
        self._first = [piece for piece in [await self._pull()] if piece]
        return self

    async def __anext__(self) -> str:
        piece = self._first.pop() if self._first else await self._pull()
        if not piece:
            raise StopAsyncIteration
        return piece


def _prepare(
    dispatcher: Dispatcher,
    messages: Messages,
    role: str,
    model: str | int | None,
    task: str | None,
    variables: Mapping[str, object],
    parameters: dict[str, Any],
) -> tuple[_Request, dict[str, Any]]:
    request = _Request(dispatcher, role, model, task)
    if request.operation != "completion":
        what = f"litellm.{request.operation}" if request.operation else "a callable of the program"
        raise RoleError(f"role {role!r} calls {what}; use call(dispatcher, {role!r}, …)")
    written = listed(messages)
    if request.task is not None and role != CHATCOMPLETIONS:
        filled = request.group.task(request.index or 0, **variables)
        written.append({"role": "user", "content": filled})
    if parameters.get("tools") is None:
        parameters.pop("tools", None)
    return request, {**parameters, "messages": written, **request.routed()}


@overload
def complete(
    dispatcher: Dispatcher,
    messages: Messages,
    role: str = ...,
    *,
    stream: Literal[True],
    **more: Any,
) -> Stream: ...
@overload
def complete(
    dispatcher: Dispatcher,
    messages: Messages,
    role: str = ...,
    *,
    model: str | int | None = ...,
    task: str | None = ...,
    stream: Literal[False] = ...,
    **more: Any,
) -> Answer: ...
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

    >>> from dispatch import ModelDispatcher
    >>> dispatcher = ModelDispatcher([{"model": "gpt-4o", "mock_response": "hello"}])
    >>> complete(dispatcher, "hi").text
    'hello'

    Raises `CompletionError` where no model answers, `RoleError` for a role, model or task that is
    unknown, `BudgetError` where the role has used up its `max_cost`; and what `make_router` raises.
    """
    request, arguments = _prepare(dispatcher, messages, role, model, task, variables, parameters)
    if stream:
        return Stream(request, {**arguments, "stream": True}, restart)
    try:
        return request.answer(request.built.router.completion(stream=False, **arguments))
    except Exception as error:  # whatever the provider's client raises
        failure = request.error(error)
    raise failure


@overload
async def acomplete(
    dispatcher: Dispatcher,
    messages: Messages,
    role: str = ...,
    *,
    stream: Literal[True],
    **more: Any,
) -> AsyncStream: ...
@overload
async def acomplete(
    dispatcher: Dispatcher,
    messages: Messages,
    role: str = ...,
    *,
    model: str | int | None = ...,
    task: str | None = ...,
    stream: Literal[False] = ...,
    **more: Any,
) -> Answer: ...
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
    **parameters: Any,
) -> Answer | AsyncStream:
    """Ask a role, as `complete` does, without blocking."""
    request, arguments = _prepare(dispatcher, messages, role, model, task, variables, parameters)
    if stream:
        return await AsyncStream(request, {**arguments, "stream": True}, restart)._start()
    router: Any = request.built.router
    try:
        return request.answer(await router.acompletion(stream=False, **arguments))
    except Exception as error:
        failure = request.error(error)
    raise failure


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
    request = _Request(dispatcher, role, model, None)
    problem: Exception = LookupError("no model is left")
    for target, kwargs, model_id in _attempts(request, "", arguments):
        try:
            response = target(**kwargs)
        except Exception as error:
            problem = error
        else:
            request.record(response, model_id or model_id_of(response))
            return response
        _note(request, model_id, problem)
    raise request.error(problem)


async def acall(
    dispatcher: Dispatcher, role: str, *, model: str | int | None = None, **arguments: Any
) -> Any:
    """Call what a role calls, as `call` does, without blocking."""
    request = _Request(dispatcher, role, model, None)
    problem: Exception = LookupError("no model is left")
    for target, kwargs, model_id in _attempts(request, "a", arguments):
        try:
            response = target(**kwargs)
            response = await response if hasattr(response, "__await__") else response
        except Exception as error:
            problem = error
        else:
            request.record(response, model_id or model_id_of(response))
            return response
        _note(request, model_id, problem)
    raise request.error(problem)


def _attempts(
    request: _Request, prefix: str, arguments: Mapping[str, Any]
) -> Iterator[tuple[Any, dict[str, Any], str | None]]:
    """Yield the one call of the Router, or those that ask each model without it."""
    name = f"{prefix}{request.operation}" if request.operation else ""
    if name and hasattr(request.built.router, name):
        yield getattr(request.built.router, name), {**arguments, **request.routed()}, None
        return
    numbers = {id(model): number for number, model in enumerate(request.group.models)}
    target = getattr(import_module("litellm"), name) if name else request.group.callable
    for model_id in request.ids:
        kwargs = request.group.kwargs(numbers[id(request.known[model_id])])
        yield target, {**kwargs, **arguments}, model_id


def _note(request: _Request, model_id: str | None, problem: Exception) -> None:
    if model_id is not None:
        noted = {"metadata": {"model_info": {"id": model_id}}}
        request.note_failure({"litellm_params": noted, "exception": problem})
