"""The names of the default roles as the specification gives them: the fields of a dataclass.

A module of its own, since `dataclasses` takes longer to import than any part of this package.
"""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.roles import CHATCOMPLETIONS, POSTCOMPLETIONS

__all__ = ["ModelRoleType"]


@dataclass(frozen=True)
class ModelRoleType:
    """The names of the roles that are declared by default.

    >>> ModelRoleType.chatcompletions
    'chatcompletions'
    """

    chatcompletions: str = CHATCOMPLETIONS
    postcompletions: str = POSTCOMPLETIONS
