"""`ModelDispatcher`: the pipeline behind a stable facade."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from dispatch.errors import RoleError
from dispatch.frozen import thaw
from dispatch.group import RoleGroup, role_groups
from dispatch.hints import did_you_mean
from dispatch.pipeline import dispatch
from dispatch.roles import (
    CHATCOMPLETIONS,
    DEFAULT_CONTRACT,
    POSTCOMPLETIONS,
    Contract,
    Role,
    contract_of,
)
from dispatch.stages import Groups, Model, morph_groups

__all__ = ["ModelDispatcher"]

Morph = bool | Callable[[dict[str, Any]], Any]


class ModelDispatcher:
    """Model configurations, handed to the roles that they play.

    `models` is the list that was given, untouched; the groups do not follow later changes of it.
    `morph` is the form of a group: True for a `RoleGroup` (a `ConfigMorpher`), False for a plain
    `{'models': [...]}`, or a callable that is given that dict. `roles` declares the roles.

    >>> dispatcher = ModelDispatcher(
    ...     [{"name": "fast", "model": "gpt-4o", "roles": ["chatcompletions"], "temperature": 0}]
    ... )
    >>> dispatcher.for_chatcompletions.fetch("models[0].name")
    'fast'
    >>> bool(dispatcher.for_postcompletions)
    False

    Raises `ConfigError`, with all faults of all models.
    """

    def __init__(
        self,
        models: Iterable[Mapping[str, Any]],
        morph: Morph = True,
        *,
        roles: Contract | Iterable[str | Role] = DEFAULT_CONTRACT,
    ) -> None:
        self.models = list(models) if isinstance(models, Iterator) else models
        self.contract = contract_of(roles)
        self.groups: Groups = dispatch(self.models, contract=self.contract)
        self.dispatch(morph)

    def dispatch(self, morph: Morph = True) -> None:
        """Put the groups into another form; which model plays which role stays as it is."""
        if morph is False:
            forms: Mapping[str, Any] = self.groups
        elif morph is True:
            forms = role_groups(self.groups)
        else:
            forms = morph_groups(morph)(self.groups)
        self._forms, self._morph = forms, morph  # both or, where a morpher raises, neither

    @property
    def morph(self) -> Morph:
        """The form of the groups, as `dispatch` was last asked for."""
        return self._morph

    def for_role(self, role: str) -> Any:
        """Return the group of a role: a `RoleGroup`, a fresh dict, or what `morph` made of it.

        Raises `RoleError` for a role that is not declared.
        """
        if role not in self._forms:
            hint = did_you_mean(str(role), self.contract)
            raise RoleError(f"role {role!r} is not declared; {hint}")
        form = self._forms[role]
        return {"models": thaw(form)} if self.morph is False else form

    @property
    def for_chatcompletions(self) -> Any:
        """The models of the main conversation and its tool calls."""
        return self.for_role(CHATCOMPLETIONS)

    @property
    def for_postcompletions(self) -> Any:
        """The models for what follows the conversation, each with its task."""
        return self.for_role(POSTCOMPLETIONS)

    def __iter__(self) -> Iterator[Model]:
        """Iterate over every copy, role by role; to dispatch these gives the same groups again."""
        return (model for models in self.groups.values() for model in models)

    def __repr__(self) -> str:
        told = ", ".join(repr(RoleGroup(role, models)) for role, models in self.groups.items())
        return f"ModelDispatcher({told})"
