"""A role group: the models that play one role, as the `ConfigMorpher` that programs ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pyrsistent import PVector, pvector

from dispatch.config import ConfigMorpher
from dispatch.errors import UnsetVariableError
from dispatch.frozen import FrozenMap, freeze
from dispatch.secrets import label
from dispatch.stages import Groups, Model

__all__ = ["RoleGroup", "role_groups"]


class RoleGroup(ConfigMorpher):
    """The models of one role, in file order; false when there are none.

    >>> from dispatch import dispatch
    >>> groups = dispatch([{"model": "gpt-4o", "roles": {"postcompletions": "sum up"}}])
    >>> group = RoleGroup("postcompletions", groups["postcompletions"])
    >>> len(group), group.tasks, group.fetch("models[0].model")
    (1, ('sum up',), 'gpt-4o')
    """

    def __init__(self, role: str, models: Iterable[Model]) -> None:
        self.role = role
        self.models: PVector[Model] = freeze(pvector(models))
        super().__init__(FrozenMap.of({"models": self.models}))

    @property
    def tasks(self) -> tuple[str | None, ...]:
        """The task of each model, in order; None where it has none."""
        return tuple(model["roles"][self.role] for model in self.models)

    def __len__(self) -> int:
        return len(self.models)

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models)

    def __repr__(self) -> str:
        names = ", ".join(map(label, self.models))
        return f"RoleGroup({self.role}: {names})" if names else f"RoleGroup({self.role})"

    def __reduce__(self) -> tuple[Any, ...]:
        return RoleGroup, (self.role, self.models)

    def morph(self, *args: Any, **kwargs: Any) -> Any:
        """Morph as `ConfigMorpher.morph` does; errors name the role too."""
        try:
            return super().morph(*args, **kwargs)
        except UnsetVariableError as error:
            raise error.within(self.role) from None


def role_groups(groups: Groups) -> FrozenMap[str, RoleGroup]:
    """The stage that makes a `RoleGroup` of each role's models: the last of `ModelDispatcher`'s.

    >>> from dispatch import dispatch
    >>> role_groups(dispatch([{"name": "a", "model": "gpt-4o"}]))["chatcompletions"]
    RoleGroup(chatcompletions: a)
    """
    return FrozenMap.of({role: RoleGroup(role, models) for role, models in groups.items()})
