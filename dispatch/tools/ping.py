"""Whether every model of every role answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from dispatch.errors import DispatchError
from dispatch.models import RoleGroup, role_groups
from dispatch.redaction import display_name, scrub, secret_values
from dispatch.tools.request import message_of, operation_of, reason_of

if TYPE_CHECKING:
    from dispatch.dispatcher import ModelDispatcher

__all__ = ["Pong", "aping", "ping"]

_QUESTION = {"messages": [{"role": "user", "content": "ping"}], "stream": False}
_QUESTIONS: dict[str, dict[str, Any]] = {
    "completion": _QUESTION,
    "embedding": {"input": ["ping"]},
    "rerank": {"query": "ping", "documents": ["pong"]},
    "moderation": {"input": "ping"},
    "text_completion": {"prompt": "ping", "stream": False},
}
_LIMITS = {"max_tokens", "max_completion_tokens", "thinking", "reasoning_effort"}
_LONGEST = 300  # characters of a reason


class Pong(NamedTuple):
    """What one model of a role answered: after how many `seconds`, or the reason why not.

    Where a call would be no tiny one, as for images, the model is not asked: neither is known.
    """

    role: str
    model: str
    seconds: float | None = None
    error: str | None = None


class _Ping:
    """One call to one model, however it is made."""

    def __init__(self, group: RoleGroup, number: int, timeout: float) -> None:
        self.pong = Pong(group.role, display_name(group[number]))
        self.operation, self.kwargs = "", dict[str, Any]()
        try:
            operation = operation_of(group, group[number])
            if operation in _QUESTIONS:
                kwargs = group.kwargs(number)
                tiny = "messages" in _QUESTIONS[operation] and not _LIMITS & kwargs.keys()
                bounds = {"timeout": timeout, "num_retries": 0, "max_retries": 0}
                bounds |= {"max_tokens": 16} if tiny else {}
                kwargs.pop("fallbacks", None)
                self.operation, self.kwargs = operation, kwargs | _QUESTIONS[operation] | bounds
        except DispatchError as error:  # such as a variable that is unset
            self.pong = self.failed(str(error))
        self.started = 0.0

    def start(self, prefix: str = "") -> Callable[..., Any]:
        self.started = monotonic()
        target: Callable[..., Any] = getattr(import_module("litellm"), prefix + self.operation)
        return target

    def failed(self, reason: str) -> Pong:
        said = scrub(" ".join(reason.split()), secret_values(self.kwargs))
        said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"
        return self.pong._replace(error=said)

    def refused(self, error: Exception) -> Pong:
        return self.failed(f"{reason_of(error)}: {message_of(error)}")

    def answered(self) -> Pong:
        return self.pong._replace(seconds=monotonic() - self.started)


def _plan(dispatcher: ModelDispatcher[Any], timeout: float, at_once: int) -> list[_Ping]:
    if at_once < 1:
        raise ValueError(f"at_once is 1 or more, not {at_once}")
    from dispatch.litellm.logs import guard_logs

    groups = role_groups(dispatcher.groups, contract=dispatcher.contract).values()
    plan = [_Ping(group, number, timeout) for group in groups for number in range(len(group))]
    guard_logs(secret_values([each.kwargs for each in plan]))
    return plan


def ping(
    dispatcher: ModelDispatcher[Any], *, timeout: float = 30.0, at_once: int = 8
) -> tuple[Pong, ...]:
    """Send a short prompt to every model of every role at once, without retries or fallbacks.

    The Router has no part in it, so a model that it has set aside is asked too.

    >>> from dispatch import ModelDispatcher
    >>> (pong,) = ping(ModelDispatcher([{"model": "gpt-4o", "mock_response": "pong"}]))
    >>> pong.model, pong.error
    ('gpt-4o', None)

    Raises `ValueError` for an `at_once` below 1.
    """

    def ask(each: _Ping) -> Pong:
        if not each.operation:
            return each.pong
        try:
            each.start()(**each.kwargs)
        except Exception as error:  # whatever the provider's client raises
            return each.refused(error)
        return each.answered()

    plan = _plan(dispatcher, timeout, at_once)
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        return tuple(pool.map(ask, plan))


async def aping(
    dispatcher: ModelDispatcher[Any], *, timeout: float = 30.0, at_once: int = 8
) -> tuple[Pong, ...]:
    """Send a short prompt to every model of every role, as `ping` does, without blocking."""
    free = asyncio.Semaphore(at_once)

    async def ask(each: _Ping) -> Pong:
        if not each.operation:
            return each.pong
        async with free:
            try:
                await each.start("a")(**each.kwargs)
            except Exception as error:
                return each.refused(error)
            return each.answered()

    return tuple(await asyncio.gather(*map(ask, _plan(dispatcher, timeout, at_once))))
