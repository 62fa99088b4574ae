"""The composed pipeline: from a list of models to the groups of their roles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, TypeVar

from toolz import compose_left
from toolz.curried import map, mapcat

from dispatch.errors import ConfigError, Fault
from dispatch.roles import DEFAULT_CONTRACT, Contract
from dispatch.stages import (
    Groups,
    check_models,
    explode_roles,
    find_faults,
    freeze_model,
    group_by_role,
    normalize_roles,
)

__all__ = ["dispatch", "pipeline", "reporting"]

T = TypeVar("T")

Models = Iterable[Mapping[str, Any]]


@lru_cache(maxsize=32)
def pipeline(contract: Contract = DEFAULT_CONTRACT) -> Callable[[Models], Groups]:
    """Return the function that dispatches models to a contract's roles, composed once for each."""
    run: Callable[[Models], Groups] = compose_left(
        map(freeze_model),
        map(partial(normalize_roles, contract=contract)),
        mapcat(explode_roles),
        partial(group_by_role, contract=contract),
    )
    return run


def dispatch(models: Models, *, contract: Contract = DEFAULT_CONTRACT) -> Groups:
    """Hand each model to the roles that it plays: the pipeline, reporting all faults at once.

    >>> groups = dispatch([{"model": "gpt-4o", "roles": ["chatcompletions", "postcompletions"]}])
    >>> [model["model"] for model in groups["postcompletions"]]
    ['gpt-4o']

    Raises `ConfigError`, whose `faults` are those of every model.
    """
    return reporting(pipeline(contract), contract)(models)


def reporting(
    run: Callable[[Models], T], contract: Contract = DEFAULT_CONTRACT
) -> Callable[[Models], T]:
    """Return the same pipeline, which tells all faults of all models where one stops it.

    A stage raises at the first faulty model, and knows neither its number nor its place in a file.

    >>> run = reporting(pipeline())
    >>> run([{"model": "a"}, {"model": "b", "roles": "x"}, {"name": "c"}])
    Traceback (most recent call last):
    dispatch.errors.ConfigError: 2 faults in the configuration:
      models[1].roles: role 'x' is not declared; known: chatcompletions, postcompletions
      models[2]: has no key 'model'; name the model that LiteLLM calls, such as model: gpt-4o
    """

    def reported(models: Models) -> T:
        listed: Sequence[Any] | None = None
        try:
            listed = check_models(models)
            return run(listed)
        except ConfigError as first:
            faults: Sequence[Fault] = first.faults
        if listed is not None:
            faults = find_faults(listed, contract=contract) or faults
        from dispatch.config.places import locate  # paid for once there is a fault

        raise ConfigError(locate(faults, models if listed is None else listed))

    return reported
