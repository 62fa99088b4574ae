"""What a type checker must know of the public API: checked by mypy and pyright, not by pytest."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from typing import Any, assert_type

import dispatch
from dispatch import Answer, ConfigMorpher, ModelDispatcher, RoleGroup, Turn
from dispatch.tools.hooks import After, Before
from dispatch.tools.ping import Pong
from dispatch.tools.streams import AsyncStream, Stream
from dispatch.tools.usage import Tokens, Usage

MODELS: list[dict[str, Any]] = [{"model": "gpt-4o"}]


@dataclass
class Call:
    """A target of `morph`."""

    model: str
    temperature: float = 1


def complete(model: str, **kwargs: Any) -> str:
    """Return what a program's own function returns."""
    return model


def check() -> None:
    """Hold what is only ever read by a type checker."""
    dispatcher = ModelDispatcher(MODELS)
    assert_type(dispatcher, ModelDispatcher[RoleGroup])
    assert_type(dispatcher.for_chatcompletions, RoleGroup)
    assert_type(dispatcher.for_role("embed"), RoleGroup)
    assert_type(ModelDispatcher(MODELS, morph=False).for_postcompletions, dict[str, Any])
    assert_type(ModelDispatcher(MODELS, morph=ConfigMorpher).for_postcompletions, ConfigMorpher)
    assert_type(dispatch.load("models.yaml"), ModelDispatcher[RoleGroup])
    flag = bool(MODELS)
    assert_type(ModelDispatcher(MODELS, flag), ModelDispatcher[Any])
    assert_type(dispatch.complete(dispatcher, "hi", stream=flag), Answer | Stream)
    assert_type(
        dispatch.converse(dispatcher, "hi", stream=flag), Generator[Stream | Turn, None, None]
    )

    group = dispatcher.for_chatcompletions
    assert_type(group.morph(complete), dict[str, Any])
    assert_type(group.morph(Call, return_type="dataclass"), Call)
    assert_type(group.morph(complete, "models[0]", True, "dataclass"), Any)
    assert_type(group.kwargs(), dict[str, Any])
    assert_type(group.messages("hi"), list[dict[str, Any]])
    assert_type(group.task(), str | None)
    assert_type(group.tasks, tuple[str | None, ...])
    assert_type(group.borrowed_from, str | None)

    _ = group.morhp  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    for_role = dispatcher.for_role
    _ = for_role.no_such  # type: ignore[attr-defined]  # pyright: ignore


def before(role: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return what is asked."""
    return kwargs | {"user": role}


async def before_async(role: str, kwargs: dict[str, Any]) -> dict[str, Any] | Answer:
    """Return what is asked, of asynchronous calls."""
    return kwargs


def after(answer: Answer) -> None:
    """Take an answer."""
    assert_type(answer.hide(answer.text), Any)


async def check_answers() -> None:
    """Hold the types of answers, whole and streamed, of hooks, of usage and of files."""
    models = ModelDispatcher(MODELS)
    answer = dispatch.complete(models, "hi", model="a", before=before, after=after)
    assert_type(answer, Answer)
    assert_type(answer.text, str)
    assert_type(answer.usage, Tokens)
    assert_type(answer.instead_of, tuple[tuple[str, str], ...])
    assert_type(answer.message, dict[str, Any])
    stream = dispatch.complete(models, [answer.message], "postcompletions", stream=True)
    assert_type(stream, Stream)
    assert_type(next(stream), str)
    assert_type(stream.answer, Answer)
    assert_type(await dispatch.acomplete(models, "hi", before=before_async), Answer)
    waiting = await dispatch.acomplete(models, "hi", stream=True)
    assert_type(waiting, AsyncStream)
    assert_type(await anext(waiting), str)

    tools = {"add": lambda a, b: a + b}
    assert_type(dispatch.converse(models, "hi", call_tool=tools), Generator[Turn, None, None])
    assert_type(dispatch.converse(models, "hi", stream=True), Generator[Stream | Turn, None, None])
    assert_type(dispatch.aconverse(models, "hi"), AsyncGenerator[Turn, None])
    both = dispatch.aconverse(models, "hi", stream=True, before=before_async)
    assert_type(both, AsyncGenerator[AsyncStream | Turn, None])

    assert_type(dispatch.recorded("answers.jsonl"), tuple[Before, After])
    assert_type(dispatch.with_secrets(before), Before)
    assert_type(dispatch.usage(models), tuple[Usage, ...])
    assert_type(dispatch.ping(models), tuple[Pong, ...])
    with dispatch.watch("models.yaml", interval=2.0, overrides=["models[0].seed=1"]) as watched:
        assert_type(watched.poll(), bool)
        assert_type(watched.current, ModelDispatcher[RoleGroup])
