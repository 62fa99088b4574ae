"""Check that every model of every role answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from dispatch.errors import DispatchError
from dispatch.immutable import FrozenMap
from dispatch.models import role_groups
from dispatch.redaction import display_name, scrub
from dispatch.tools.request import message_of, operation_of, reason_of, result_of
from dispatch.tools.streams import block
from dispatch.validation import check_dispatcher

if TYPE_CHECKING:
    from dispatch.dispatcher import ModelDispatcher

__all__ = ["Pong", "aping", "ping"]

_QUESTIONS: dict[str, dict[str, Any]] = {
    "completion": {"messages": [{"role": "user", "content": "ping"}], "stream": False},
    "embedding": {"input": ["ping"]},
    "rerank": {"query": "ping", "documents": ["pong"]},
    "moderation": {"input": "ping"},
    "text_completion": {"prompt": "ping", "stream": False},
}
_LIMITS = {"max_tokens", "max_completion_tokens", "thinking", "reasoning_effort"}
_LONGEST = 300  # characters of a reason


class Pong(NamedTuple):
    """The result for one model of a role: the `seconds` until its answer, or the `error`.

    If a call would be expensive, as for images, the model is not asked, and both are None.
    """

    role: str
    model: str
    seconds: float | None = None
    error: str | None = None


class _Planned(NamedTuple):
    """A call to one model; without an `operation`, it is not made."""

    pong: Pong
    operation: str = ""
    kwargs: Mapping[str, Any] = FrozenMap({})
    secrets: frozenset[str] = frozenset()


def _plan(dispatcher: ModelDispatcher[Any], timeout: float, at_once: int) -> list[_Planned]:
    check_dispatcher(dispatcher)
    if at_once < 1:
        raise ValueError(f"at_once is 1 or more, not {at_once}")
    from dispatch.litellm.logs import guard_logs
    from dispatch.litellm.router import find_secrets

    secrets = find_secrets(dispatcher)
    guard_logs(secrets)
    bounds = {"timeout": timeout, "num_retries": 0, "max_retries": 0}
    plan = []
    for group in role_groups(dispatcher.groups, contract=dispatcher.contract).values():
        for number, model in enumerate(group):
            pong = Pong(group.role, display_name(model))
            planned = _Planned(pong)
            try:
                operation = operation_of(group, model)
                if operation in _QUESTIONS:
                    kwargs = group.kwargs(number)
                    tiny = operation == "completion" and not _LIMITS & kwargs.keys()
                    kwargs |= _QUESTIONS[operation] | bounds | ({"max_tokens": 16} if tiny else {})
                    kwargs.pop("fallbacks", None)
                    planned = _Planned(pong, operation, kwargs, secrets)
            except DispatchError as error:  # such as an unset variable
                planned = _Planned(_failed(planned, str(error)))
            plan.append(planned)
    return plan


def _failed(planned: _Planned, reason: str) -> Pong:
    said = scrub(" ".join(reason.split()), planned.secrets)
    said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"
    return planned.pong._replace(error=said)


async def _ask(planned: _Planned, prefix: str) -> Pong:
    if not planned.operation:
        return planned.pong
    started = monotonic()
    try:
        target = getattr(import_module("litellm"), prefix + planned.operation)
        await result_of(target(**planned.kwargs))
    except Exception as error:  # the provider's client may raise anything
        return _failed(planned, f"{reason_of(error)}: {message_of(error)}")
    return planned.pong._replace(seconds=monotonic() - started)


def ping(
    dispatcher: ModelDispatcher[Any], *, timeout: float = 30.0, at_once: int = 8
) -> tuple[Pong, ...]:
    """Send a short prompt to every model of every role at once, without retries or fallbacks.

    The Router is not involved, so models that are cooling down are asked too.

    >>> from dispatch import ModelDispatcher
    >>> (pong,) = ping(ModelDispatcher([{"model": "gpt-4o", "mock_response": "pong"}]))
    >>> pong.model, pong.error
    ('gpt-4o', None)

    Raises `ValueError` for an `at_once` below 1.
    """
    plan = _plan(dispatcher, timeout, at_once)
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        return tuple(pool.map(lambda planned: block(_ask(planned, "")), plan))


async def aping(
    dispatcher: ModelDispatcher[Any], *, timeout: float = 30.0, at_once: int = 8
) -> tuple[Pong, ...]:
    """Send a short prompt to every model of every role like `ping`, without blocking."""
    plan, free = _plan(dispatcher, timeout, at_once), asyncio.Semaphore(at_once)

    async def ask(planned: _Planned) -> Pong:
        async with free:
            return await _ask(planned, "a")

    return tuple(await asyncio.gather(*map(ask, plan)))
