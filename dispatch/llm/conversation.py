"""One conversation: the chat answer, then every post-completion with its task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dispatch.errors import CompletionError
from dispatch.group import RoleGroup
from dispatch.dispatcher import ModelDispatcher

__all__ = ["Turn", "converse"]


@dataclass(frozen=True)
class Turn:
    """One answer: which role and model gives it, on which task, and its text as it streams."""

    role: str
    model: str
    task: str | None
    text: Iterator[str]
