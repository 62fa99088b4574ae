"""The usage of a dispatcher, and the budgets of its roles."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple

from dispatch.errors import BudgetError
from dispatch.litellm.catalog import read_catalog
from dispatch.roles import Role
from dispatch.stages import Model
from dispatch.validation import check_dispatcher

if TYPE_CHECKING:
    from dispatch.dispatcher import ModelDispatcher

__all__ = ["Ledger", "Tokens", "Usage", "check_budget", "has_price", "price", "usage"]


class Tokens(NamedTuple):
    """The tokens of one answer; LiteLLM counts them if the provider does not."""

    prompt: int = 0
    completion: int = 0


class Usage(NamedTuple):
    """The usage of one model for one task of a role.

    `calls` counts answers, and `failures` failed attempts. For a stream that broke off or was not
    read to its end, the tokens so far count. `cost` is in US dollars, or None if LiteLLM does not
    know the price.
    """

    role: str
    model: str
    task: str | None = None
    calls: int = 0
    failures: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0


_LOCK = RLock()  # reentrant: a stream may be collected, and counted, during `add`
_spent: dict[str, float] = {}  # US dollars by role, for the whole process


class Ledger:
    """The usage of one dispatcher, written by the threads and tasks that call its models."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str | None], Usage] = {}

    def add(self, used: Usage) -> None:
        """Add to the row of a role, model and task."""
        key, amounts = used[:3], used[3:]
        with _LOCK:
            row = self._rows.get(key, Usage(*key))
            sums = [(a or 0) + (b or 0) for a, b in zip(row[3:], amounts, strict=True)]
            total = Usage._make((*key, *sums))
            if row.cost is None and used.cost is None:
                total = total._replace(cost=None)
            self._rows[key] = total
            _spent[used.role] = _spent.get(used.role, 0.0) + (used.cost or 0.0)

    def rows(self) -> tuple[Usage, ...]:
        """Return the rows, by role, model and task."""
        with _LOCK:
            rows = tuple(self._rows.values())
        return tuple(sorted(rows, key=lambda row: (*row[:2], row.task or "")))


def check_budget(role: Role) -> None:
    """Raise `BudgetError` if a role has used up its `max_cost` in this process."""
    spent = _spent.get(role.name, 0.0)
    if role.max_cost is not None and spent >= role.max_cost:
        limit = f"of its {role.max_cost:g} US dollars"
        raise BudgetError(f"role {role.name!r} has used {spent:.6g} {limit}, so it is not called")


def usage(dispatcher: ModelDispatcher[Any]) -> tuple[Usage, ...]:
    """Return the usage of a dispatcher so far, by role, model and task.

    It counts calls of `complete`, `converse`, `call` and their async versions.

    >>> from dispatch import ModelDispatcher
    >>> usage(ModelDispatcher([{"model": "gpt-4o"}]))
    ()
    """
    check_dispatcher(dispatcher)
    connection = vars(dispatcher).get("_router")
    return connection.ledger.rows() if connection else ()


def has_price(model: Model) -> bool:
    """Return whether LiteLLM's map or the model itself defines a price.

    >>> has_price({"model": "gpt-4o"}), has_price({"model": "openai/mine"})
    (True, False)
    """
    catalog = read_catalog()
    known = catalog and catalog.find(model["model"], model.get("custom_llm_provider"))
    return bool(known) or _has_own_price(model)


def _has_own_price(model: Model) -> bool:
    keys = (*model, *(model.get("model_info") or {}))
    return any("cost" in str(key).split("_") for key in keys)


def price(response: Any, model_id: str | None, model: Model | None) -> float | None:
    """Return the price of a response; None if neither LiteLLM's map nor the model has one."""
    if response is None or (model and not has_price(model)):
        return None
    import litellm

    own = bool(model and _has_own_price(model))
    priced: dict[str, Any] = {"custom_pricing": True, "router_model_id": model_id} if own else {}
    try:
        cost: float = litellm.completion_cost(completion_response=response, **priced)
    except Exception:  # of any class, for a model without a price
        return None
    return cost
