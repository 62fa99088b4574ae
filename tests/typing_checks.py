"""What a type checker must know of the public API: checked by mypy and pyright, not by pytest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_type

import dispatch
from dispatch import ConfigMorpher, ModelDispatcher, RoleGroup

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

    group = dispatcher.for_chatcompletions
    assert_type(group.morph(complete), dict[str, Any])
    assert_type(group.morph(Call, return_type="dataclass"), Call)
    assert_type(group.kwargs(), dict[str, Any])
    assert_type(group.messages("hi"), list[dict[str, Any]])
    assert_type(group.task(), str | None)
    assert_type(group.tasks, tuple[str | None, ...])
    assert_type(group.borrowed_from, str | None)

    _ = group.morhp  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    for_role = dispatcher.for_role
    _ = for_role.no_such  # type: ignore[attr-defined]  # pyright: ignore
