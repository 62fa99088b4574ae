"""The composed pipeline: from a list of models to the groups of their roles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from toolz import compose_left, identity

from dispatch.immutable import FrozenMap
from dispatch.roles import DEFAULT_CONTRACT, Contract
from dispatch.stages import (
    Groups,
    Model,
    apply_defaults,
    borrow_roles,
    drop_disabled,
    each,
    explode_roles,
    freeze_models,
    group_by_role,
    normalize_roles,
)

__all__ = ["dispatch", "pipeline"]

Models = Iterable[Mapping[str, Any]]
Step = Callable[[Iterable[Model]], Iterable[Model]]


def pipeline(
    contract: Contract = DEFAULT_CONTRACT,
    *,
    defaults: Mapping[str, Any] = FrozenMap({}),
    models: Step = identity,
    copies: Step = identity,
    groups: Callable[[Groups], Any] = identity,
) -> Callable[[Models], Any]:
    """Return the function that dispatches models to a contract's roles.

    `models`, `copies` and `groups` are stages of your own: they see all models, the copies for each
    role, and the finished groups.

    >>> small = pipeline(models=each(lambda model: [model] if "mini" in model["model"] else []))
    >>> groups = small([{"model": "o3"}, {"model": "o3-mini"}])
    >>> [model["model"] for model in groups["chatcompletions"]]
    ['o3-mini']
    """
    run: Callable[[Models], Any] = compose_left(
        freeze_models,
        each(partial(apply_defaults, defaults=defaults)),
        each(drop_disabled),
        models,
        each(partial(normalize_roles, contract=contract)),
        each(explode_roles),
        copies,
        partial(group_by_role, contract=contract),
        partial(borrow_roles, contract=contract),
        groups,
    )
    return run


def dispatch(models: Models, *, contract: Contract = DEFAULT_CONTRACT) -> Groups:
    """Hand each model to the roles that it plays.

    >>> groups = dispatch([{"model": "gpt-4o", "roles": ["chatcompletions", "postcompletions"]}])
    >>> [model["model"] for model in groups["postcompletions"]]
    ['gpt-4o']

    Raises `ConfigError`, whose `faults` are those of every model.
    """
    groups: Groups = pipeline(contract)(models)
    return groups
