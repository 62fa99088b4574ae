"""A call of a role: which models are asked, and with what result."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import finalize

from dispatch.errors import CompletionError, RoleError
from dispatch.immutable import FrozenMap, freeze, thaw
from dispatch.litellm.catalog import OPERATIONS, read_catalog
from dispatch.litellm.policy import is_litellm
from dispatch.litellm.router import (
    ASKED,
    Built,
    build,
    closer_of,
    fallbacks_of,
    find_secrets,
    model_id_of,
)
from dispatch.models import RoleGroup
from dispatch.redaction import display_name, quote_name, scrub
from dispatch.roles import CHATCOMPLETIONS
from dispatch.stages import Model
from dispatch.suggestions import describe_type, did_you_mean
from dispatch.tools.hooks import After, Before, Kept, Secrets, reveal, sees_secrets
from dispatch.tools.usage import Ledger, Tokens, Usage, check_budget, price
from dispatch.validation import check_dispatcher

if TYPE_CHECKING:
    from dispatch.dispatcher import ModelDispatcher

    Dispatcher = ModelDispatcher[Any]

__all__ = [
    "Answer", "Connection", "NoAnswerError", "Request", "ToolCall", "connect",
    "message_of", "operation_of", "pick", "read", "reason_of", "result_of", "tokens_of",
]  # fmt: skip

_SECTIONS = ("router_settings", "litellm_settings")
_UNREACHED = ("ConnectError", "ReadError", "RemoteProtocolError")  # of httpx
_SHOWN = 200  # characters of an answer in its repr


class ToolCall(NamedTuple):
    """A tool call by a model; `arguments` is the JSON text that the model wrote."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, repr=False)
class Answer:
    """The answer of a model.

    `model` is the name of the model that answered; `instead_of` lists the models that failed
    before it, each with the reason (`401`, `timeout`). `cost` is in US dollars, or None if LiteLLM
    does not know the price; `latency` is in seconds. `response` is LiteLLM's. With hooks, `asked`
    contains the messages and parameters of the call, with secrets hidden.
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
    asked: Mapping[str, Any] = field(default=FrozenMap({}), compare=False)
    _secrets: Secrets = field(default_factory=Secrets, compare=False)

    @property
    def message(self) -> dict[str, Any]:
        """A fresh copy of the message, to append to the history."""
        message: dict[str, Any] = self.response.choices[0].message.model_dump(exclude_none=True)
        return {"content": None, **message}

    def hide(self, value: Any) -> Any:
        """Return a plain copy of a value, with every secret of the dispatcher hidden."""
        return self._secrets.hide(value)

    def __repr__(self) -> str:
        text = self.hide(self.text)
        text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        who = f"role={self.role!r}, model={self.model!r}, task={self.task!r}"
        calls = f", tool_calls={[each.name for each in self.tool_calls]}" * bool(self.tool_calls)
        shown = f"{who}, text={text!r}{calls}, instead_of={self.instead_of}"
        return f"{type(self).__name__}({shown})"


class Connection:
    """The Router of a dispatcher, built on first use; copies start without one."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self._lock = Lock()
        self._built: Built | None = None
        self._secrets: Secrets | None = None

    def secrets(self, dispatcher: Dispatcher) -> Secrets:
        """Return the secrets of the dispatcher, without building a Router."""
        self._secrets = self._secrets or Secrets(find_secrets(dispatcher))
        return self._secrets

    def open(self, dispatcher: Dispatcher) -> Built:
        """Return the Router; raises the errors of `make_router`."""
        with self._lock:
            if self._built is None:
                sections = [dispatcher.sections.get(name) or () for name in _SECTIONS]
                retries = any("num_retries" in section for section in sections)
                self._built = build(dispatcher, {} if retries else {"num_retries": 0})
                finalize(dispatcher, closer_of(self._built.router)).atexit = False
            return self._built

    def succeed(self, dispatcher: Dispatcher, other: Connection) -> None:
        """Continue the ledger of another connection, and build a Router if it has one."""
        self.ledger = other.ledger
        if other._built is not None:
            self.open(dispatcher)

    def __reduce__(self) -> tuple[Any, ...]:
        return Connection, ()


def connect(dispatcher: Dispatcher) -> Connection:
    """Return the connection of a dispatcher, always the same one."""
    connection: Connection = vars(dispatcher).setdefault("_router", Connection())
    return connection


def reason_of(error: object) -> str:
    """Return why a call failed, in one word.

    This is an HTTP status, `timeout`, `connection` if there was none, or the error class.
    """
    error = getattr(error, "original_exception", None) or error
    name = _name(error)
    if "Timeout" in name:
        return "timeout"
    cause = error
    while isinstance(cause, BaseException):
        if _name(cause) in _UNREACHED:  # LiteLLM makes it a 500, though no server answered
            return "connection"
        cause = cause.__cause__ or cause.__context__
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    return name if name == "APIConnectionError" or status is None else str(status)


def _name(error: object) -> str:
    return type(error).__name__


def message_of(error: Exception) -> str:
    """Return the message of a LiteLLM error, with its class name once and without advice.

    >>> message_of(ValueError("litellm.ValueError: it is odd\\n\\nLiteLLM: no fallback was tried"))
    'ValueError: it is odd'
    """
    name = _name(error)
    said = str(error).partition("\n\nLiteLLM: ")[0].removeprefix(f"litellm.{name}: ")
    return said if said.startswith(name) else f"{name}: {said}"


def operation_of(group: RoleGroup, model: Model) -> str:
    """Return the LiteLLM function to call, such as `completion`; '' for other callables."""
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


def pick(group: RoleGroup, model: str | int | None, task: str | None) -> int | None:
    """Return the number of the model to ask; None if that is up to the Router."""
    if model is None and task is None:
        return 0 if group.role != CHATCOMPLETIONS and any(group.tasks) else None
    found = list(range(len(group)))
    if model is not None:
        if isinstance(model, bool) or not isinstance(model, str | int):
            raise TypeError(f"expected the name or number of a model, found {describe_type(model)}")
        group[model]  # raises if it is unknown
        names = enumerate(map(display_name, group))
        found = [n for n, name in names if model in (n, n - len(group), name)]
    of_task = [n for n in found if task in (None, group.tasks[n])]
    if not of_task:
        known = dict.fromkeys(each for n in found if (each := group.tasks[n]))
        hint = did_you_mean(str(task), known) or "it has none"
        raise RoleError(f"role {group.role!r} has no task {quote_name(task)}; {hint}")
    return of_task[0]


async def result_of(value: Any) -> Any:
    """Return a value, awaited if necessary, so that blocking and async callers share code."""
    return await value if isinstance(value, Awaitable) else value


class Request:
    """A call of a role, from the choice of a model to the answer or error."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        role: str,
        model: str | int | None,
        task: str | None = None,
        before: Before | None = None,
        after: After | None = None,
    ) -> None:
        check_dispatcher(dispatcher)
        declared = dispatcher.contract.require(role)
        if not dispatcher.groups[role]:
            raise CompletionError(f"no model plays role {role!r}, so there is no answer")
        check_budget(declared)
        self.dispatcher, self.role, self.before, self.after = dispatcher, role, before, after
        self.connection = connect(dispatcher)
        self.group = RoleGroup(role, dispatcher.groups[role], dispatcher.contract)
        self.index = pick(self.group, model, task)
        self.task = None if self.index is None else self.group.tasks[self.index]
        self.operation = operation_of(self.group, self.group[self.index or 0])
        self.asked: Mapping[str, Any] = FrozenMap({})
        self.failures: list[tuple[str, str]] = []  # LiteLLM's threads add to it
        self.broken: dict[str, str] = {}
        self.speaking: set[str] = set()  # LiteLLM reports late that they broke off
        self.started = monotonic()

    async def prepare(self, kwargs: dict[str, Any]) -> dict[str, Any] | Answer:
        """Call the hook `before`, and return the arguments or the answer that it returns."""
        before = self.before
        if not (before or self.after):
            return kwargs
        secrets = self.connection.secrets(self.dispatcher)
        kept: Kept = {}
        model = {} if self.index is None else {"model": display_name(self.group[self.index])}
        kwargs = model | kwargs
        shown = dict(kwargs) if sees_secrets(before) else secrets.hide(kwargs, kept=kept)
        found = await result_of(before(self.role, shown)) if before else shown
        if isinstance(found, Answer):
            return found
        if not isinstance(found, Mapping) or "messages" not in found:
            raise TypeError("`before` must return the keyword arguments, or an Answer")
        arguments: dict[str, Any] = reveal(thaw(dict(found)), kept)
        self.asked = freeze(secrets.hide(arguments))
        if (name := arguments.pop("model", None)) != model.get("model"):
            self.index = pick(self.group, name, None)
        return arguments

    async def follow(self, answer: Answer) -> Answer:
        """Call the hook `after`, and return the answer."""
        if self.after is not None:
            await result_of(self.after(answer))
        return answer

    def open(self) -> None:
        """Build the Router if necessary, and find the deployments that it may ask."""
        self.built = self.connection.open(self.dispatcher)
        deployed = {each.deployment["model_info"]["id"]: each for each in self.built.deployed}
        self.known = {model_id: each.model for model_id, each in deployed.items()}
        first = None if self.index is None else self.group[self.index]
        self.ids = [i for i, d in deployed.items() if d.deployment["model_name"] == self.role]
        self.ids.sort(key=lambda i: (self.known[i] is not first, deployed[i].order))
        if not self.ids or (first and self.known[self.ids[0]] is not first):
            self.group.kwargs(self.index or 0)  # raises if it was left out, with the reason
            raise CompletionError(f"LiteLLM can call no model of role {self.role!r}")

    def name(self, model_id: str | None) -> str:
        return display_name(self.known.get(model_id or "") or self.group[self.index or 0])

    def routed(self, metadata: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the arguments that make the Router ask the models in turn."""
        asked = {"role": self.role, "task": self.task}
        arguments: dict[str, Any] = {"model": self.role, "failure_callback": [self.note_failure]}
        arguments["metadata"] = {**(metadata or {}), ASKED: asked}
        if self.index is not None:
            first, *others = self.ids
            given = fallbacks_of(self.built.router)
            further = [target for each in given for target in each.get(self.role, ())]
            arguments |= {"model": first, "fallbacks": [*given, {first: [*others, *further]}]}
        return arguments

    async def ask(self, method: str, arguments: Mapping[str, Any]) -> Any:
        metadata = dict(arguments["metadata"])  # the Router stores there which model it asks
        ask = getattr(self.built.router, method)
        return await result_of(ask(**{**arguments, "metadata": metadata}))

    def note_failure(self, kwargs: Mapping[str, Any], *_: object) -> None:
        """Record a failed attempt that LiteLLM reports."""
        params = kwargs.get("litellm_params") or {}
        noted = params.get("metadata") or params.get("litellm_metadata") or {}
        model_id = str((noted.get("model_info") or {}).get("id"))
        if model_id not in self.speaking:
            self.fail(model_id, kwargs.get("exception"))

    def fail(self, model_id: str, error: object, response: Any = None) -> None:
        """Count a failure, and the tokens it used."""
        self.failures.append((model_id, reason_of(error)))
        self.record(response, model_id, failed=True)

    def pass_on(
        self, model_id: str, error: Exception, arguments: dict[str, Any], text: str = ""
    ) -> None:
        """Direct a call to the models that have not failed yet; raise if there are none."""
        if isinstance(error, NoAnswerError):  # LiteLLM took it for an answer
            self.fail(model_id, error)
        else:
            self.broken[model_id] = f"broke off: {reason_of(error)}"
        failed = {*dict(self.failures), *self.broken}
        left = [each for each in self.ids if each not in failed]
        if not left:
            raise self.error(error, model_id if text else None, text)
        arguments |= {"model": left[0], "fallbacks": [{left[0]: left[1:]}]}

    def instead_of(self, model_id: str | None = None) -> tuple[tuple[str, str], ...]:
        failed = dict(self.failures) | self.broken
        return tuple(
            (self.name(each), reason) for each, reason in failed.items() if each != model_id
        )

    def error(self, error: Exception, broken: str | None = None, text: str = "") -> CompletionError:
        """Return the error to raise for one of LiteLLM; `broken` is the model that broke off."""
        said = scrub(message_of(error), self.built.secrets)
        failed = self.instead_of()
        if not failed and len(self.ids) == 1 and "RouterRateLimit" not in _name(error):
            failed = ((self.name(self.ids[0]), reason_of(error)),)  # not reported yet
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

    def record(
        self, response: Any, model_id: str | None, *, failed: bool = False
    ) -> tuple[Tokens, float | None, float]:
        """Count a call or a failure, and return its tokens, US dollars and seconds."""
        tokens = tokens_of(response)
        cost = price(response, model_id, self.known.get(model_id or ""))
        seconds = 0.0 if failed else monotonic() - self.started
        who = self.role, self.name(model_id), self.task
        used = Usage(*who, int(not failed), int(failed), *tokens, cost, seconds)
        self.connection.ledger.add(used)
        return tokens, cost, seconds

    def answer(self, response: Any, model_id: str | None = None) -> Answer:
        model_id = model_id or model_id_of(response)
        text, calls = read(response)
        used = self.record(response, model_id)
        who = self.role, self.name(model_id), self.task, self.instead_of(model_id)
        secrets = self.connection.secrets(self.dispatcher)
        return Answer(text, calls, *who, *used, response, self.asked, secrets)


class NoAnswerError(Exception):
    """The error for a response that is not an answer."""

    code = "no answer"


def read(response: Any) -> tuple[str, tuple[ToolCall, ...]]:
    """Return the text and the tool calls of a response."""
    try:
        message = response.choices[0].message
    except (AttributeError, LookupError, TypeError):
        raise NoAnswerError("the response has no message") from None
    calls = (
        ToolCall(each.id, each.function.name or "", each.function.arguments)
        for each in message.tool_calls or ()
    )
    return message.content or "", tuple(calls)


def tokens_of(response: Any) -> Tokens:
    """Return the tokens that a response used."""
    used = getattr(response, "usage", None)
    return Tokens(*(getattr(used, f"{n}_tokens", None) or 0 for n in ("prompt", "completion")))
