"""Which model plays which role: what `dispatch show` prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from dispatch.dispatcher import ModelDispatcher
from dispatch.litellm.deployments import deploy
from dispatch.redaction import display_name
from dispatch.stages import Model

__all__ = ["Assignment", "assignments"]


class Assignment(NamedTuple):
    """A model in a role.

    `order` is the step at which it is asked, and `lender` the role that lends it, if any.
    """

    role: str
    order: int
    weight: float | None
    name: str
    model: str
    task: str | None
    lender: str | None
    data: Model

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells of a table row: role, order with weight, name, model, and task or lender."""
        order = str(self.order) + (f" ×{self.weight}" if self.weight is not None else "")
        task = f"borrowed from {self.lender}" if self.lender else self.task or ""
        return self.role, order, self.name, self.model, task


def assignments(dispatcher: ModelDispatcher[Any]) -> Iterator[tuple[str, list[Assignment]]]:
    """Yield each role with its models, in the order they are asked.

    >>> models = ModelDispatcher([{"name": "a", "model": "gpt-4o", "order": 2}])
    >>> [[each.cells for each in assigned] for _, assigned in assignments(models)]
    [[('chatcompletions', '2', 'a', 'gpt-4o', '')], []]
    """
    for role, models in dispatcher.groups.items():
        deployed, _ = deploy({role: models}, dispatcher.contract.own_keys)
        found = []
        for model, deployment in deployed:
            params = deployment["litellm_params"]
            ((player, task),) = model["roles"].items()
            who = params["order"], params.get("weight"), display_name(model), model["model"]
            found.append(Assignment(role, *who, task, None if player == role else player, model))
        yield role, found
