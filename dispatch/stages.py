"""The stages of dispatching: pure functions over immutable maps, each usable alone.

`dispatch.pipeline` composes them: models go in, and groups of models by role come out. `each`
turns a stage over one model into a stage over many. A stage raises whatever is wrong with a model
as a `ConfigError` whose paths start at the model; `each` adds the model's location.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar, cast

from pyrsistent import PVector, pvector

from dispatch.errors import ConfigError, Fault, StageError
from dispatch.immutable import (
    VECTOR,
    FrozenMap,
    Origin,
    freeze,
    locate,
    origin_of,
    reshape,
    thaw,
    with_origin,
)
from dispatch.redaction import quote_name, type_name
from dispatch.roles import DEFAULT_CONTRACT, Contract, Entry, assignment, read_roles
from dispatch.suggestions import did_you_mean
from dispatch.validation import check_models, find_model_faults, find_unmet

__all__ = [
    "Groups", "Model", "apply_defaults", "borrow_roles", "drop_disabled", "each",
    "explode_roles", "freeze_models", "group_by_role", "morph_groups",
    "normalize_roles",
]  # fmt: skip

T = TypeVar("T")

Model: TypeAlias = FrozenMap[str, Any]
"""One model configuration, immutable, in the order that the user wrote."""

Groups: TypeAlias = FrozenMap[str, PVector[Model]]
"""For each declared role, in declared order, the models that play it, in file order."""

Stage: TypeAlias = Callable[[Model], Model | Iterable[Model]]


def each(stage: Stage) -> Callable[[Iterable[Model]], Iterator[Model]]:
    """Turn a stage over one model into a stage over many.

    The stage returns one model, or any number of models. The faults of all models are raised
    together, after the last model, each with the location of the model that the stage was given.

    >>> faster = each(lambda model: model.set("temperature", 0))
    >>> list(faster(freeze_models([{"model": "gpt-4o"}])))
    [FrozenMap({'model': 'gpt-4o', 'temperature': 0})]

    Raises `StageError`, with the name of the stage, where it returns anything else.
    """

    def run(models: Iterable[Model]) -> Iterator[Model]:
        faults: list[Fault] = []
        try:
            for model in _expect_models(models, stage):
                try:
                    result = stage(model)
                    results = (result,) if type(result) is FrozenMap else _models(result, stage)
                except ConfigError as error:
                    faults += (locate(fault, model) for fault in error.faults)
                else:
                    yield from results
        except ConfigError as error:  # of an earlier stage, at its end
            faults = [*error.faults, *faults]
        if faults:
            raise ConfigError(faults)

    return run


def _models(result: Any, stage: Any) -> tuple[Model, ...]:
    """Return the models that a stage returned for one model."""
    many = isinstance(result, Iterable) and not isinstance(result, Mapping | str | bytes)
    models = tuple(result) if many else (result,)
    for item in models:
        if not isinstance(item, FrozenMap):
            expected = "it must return a model (a FrozenMap), or an iterable of models"
            raise StageError(f"stage {_name(stage)} returned {_describe(item)}; {expected}")
    return models


def _expect_models(models: Any, stage: Any) -> Iterable[Model]:
    if isinstance(models, Mapping | str | bytes) or not isinstance(models, Iterable):
        raise StageError(f"the stage before {_name(stage)} returned {_describe(models)}, no models")
    return models


def _name(stage: Any) -> str:
    function = getattr(stage, "func", stage)  # of a partial
    return str(getattr(function, "__name__", type(function).__name__))


def _describe(value: Any) -> str:
    """Describe what is not a model; a generator by its name."""
    if isinstance(value, Iterator) and hasattr(value, "__name__"):
        return f"the iterator of {value.__name__}, which yields many models: use each(…) or mapcat"
    return "None" if value is None else type_name(value)


def _expect_model(model: Any, stage: str) -> None:
    if not isinstance(model, FrozenMap):
        raise StageError(f"{stage} takes a model (a FrozenMap), not {_describe(model)}")


def freeze_models(models: Iterable[Mapping[str, Any]]) -> Iterator[Model]:
    """Make models immutable, and record the position of each: `models[0]`, `models[1]`, …

    >>> [origin_of(model).path for model in freeze_models([{"model": "gpt-4o"}, {"model": "o3"}])]
    [('models', 0), ('models', 1)]

    Raises `ConfigError` for what is no list of mappings.
    """
    faults: list[Fault] = []
    for index, model in enumerate(check_models(models)):
        try:
            frozen = freeze(model)
            if not isinstance(frozen, FrozenMap):
                raise ConfigError(find_model_faults(model))
        except ConfigError as error:
            faults += (fault.under("models", index) for fault in error.faults)
        else:
            known = origin_of(frozen) is not None
            yield frozen if known else with_origin(frozen, Origin(("models", index)))
    if faults:
        raise ConfigError(faults)


def apply_defaults(model: Model, defaults: Mapping[str, Any]) -> Model:
    """Give a model each of the defaults that it does not set itself.

    >>> apply_defaults(freeze({"model": "gpt-4o", "timeout": 5}), {"timeout": 60, "seed": 1})
    FrozenMap({'model': 'gpt-4o', 'timeout': 5, 'seed': 1})
    """
    _expect_model(model, "apply_defaults")
    added = {key: defaults[key] for key in defaults if key not in model}
    if not added:
        return model
    origin = origin_of(model)
    changed = cast("Model", model.update(added))
    return with_origin(changed, origin.move(added, ("defaults",))) if origin else changed


def drop_disabled(model: Model) -> Model | tuple[()]:
    """Return the model, or no model if it has `enabled: false`.

    >>> drop_disabled(freeze({"model": "gpt-4o", "enabled": False}))
    ()
    """
    _expect_model(model, "drop_disabled")
    return () if model.get("enabled") is False else model


def normalize_roles(model: Model, *, contract: Contract = DEFAULT_CONTRACT) -> Model:
    """Bring a model's `roles` into their normal form: a vector of `{role: task}`.

    A role with parameters of its own is `{role: {task: …, parameter: …}}`.

    >>> normalize_roles(freeze({"model": "m", "roles": "chatcompletions"}))["roles"]
    pvector([FrozenMap({'chatcompletions': None})])

    Raises `ConfigError` with everything that is wrong with the model and with its roles.
    """
    _expect_model(model, "normalize_roles")
    entries, faults = read_roles(model.get("roles"), contract)
    faults = [*find_model_faults(model), *faults]
    if faults:
        raise ConfigError(faults)
    return reshape(model, "roles", pvector([_normal(entry, model) for entry in entries]))


def _normal(entry: Entry, model: Model) -> FrozenMap[str, Any]:
    if not entry.parameters:
        return assignment(entry.role, entry.task)
    task = {} if entry.task is None else {"task": entry.task}
    normal = freeze({entry.role: {**task, **entry.parameters}})
    origin = origin_of(model)
    if origin is None:
        return cast("FrozenMap[str, Any]", normal)
    path = entry.path[:-1] if entry.path[-1] == entry.role else entry.path
    return with_origin(normal, Origin((*origin.path, *path), origin.source))


def explode_roles(model: Model) -> Iterator[Model]:
    """Yield one copy of a model for each role that it plays, with only that role in `roles`.

    The parameters of a role entry win over those of the model; its task stays in `roles`.

    >>> roles = ["chatcompletions", {"postcompletions": {"task": "sum up", "temperature": 0}}]
    >>> both = normalize_roles(freeze({"model": "m", "temperature": 1, "roles": roles}))
    >>> for copy in explode_roles(both):
    ...     print(dict(copy))
    {'model': 'm', 'temperature': 1, 'roles': FrozenMap({'chatcompletions': None})}
    {'model': 'm', 'temperature': 0, 'roles': FrozenMap({'postcompletions': 'sum up'})}

    Raises `StageError` for roles that are not in their normal form.
    """
    _expect_model(model, "explode_roles")
    entries = model.get("roles")
    if not isinstance(entries, VECTOR):
        raise StageError("explode_roles takes what normalize_roles returns")
    for entry in entries:
        (role,) = entry
        value = entry[role]
        if not isinstance(value, FrozenMap):
            yield reshape(model, "roles", entry)
            continue
        parameters = value.discard("task")
        copy = cast("Model", model.update(parameters))
        origin, of_entry = origin_of(model), origin_of(entry)
        if origin and of_entry:
            copy = with_origin(copy, origin.move(parameters, (*of_entry.path, role)))
        yield reshape(copy, "roles", assignment(role, value.get("task")))


def group_by_role(copies: Iterable[Model], *, contract: Contract = DEFAULT_CONTRACT) -> Groups:
    """Gather copies by the role that each plays; a role that no model plays has an empty group.

    >>> one = freeze({"model": "m", "roles": {"postcompletions": "review"}})
    >>> {role: len(models) for role, models in group_by_role([one]).items()}
    {'chatcompletions': 0, 'postcompletions': 1}

    Raises `ConfigError` with the faults of all earlier stages, for a role that is not declared, a
    required one that no model plays, and several models for one that takes a single one.
    """
    groups: dict[str, list[Model]] = {role: [] for role in contract}
    faults: list[Fault] = []
    try:
        for copy in _expect_models(copies, group_by_role):
            _expect_model(copy, "group_by_role")
            roles = copy.get("roles")
            if not isinstance(roles, FrozenMap) or len(roles) != 1:
                raise StageError("group_by_role takes what explode_roles yields: one role per copy")
            (role,) = roles
            if role in groups:
                groups[role].append(copy)
            else:
                message = f"role {quote_name(role)} is not declared"
                hint = did_you_mean(role, contract)
                faults.append(locate(Fault(("roles",), message, hint, "undeclared-role"), copy))
    except ConfigError as error:
        faults += error.faults
    if all(fault.code == "undeclared-role" for fault in faults):
        faults += find_unmet(groups, contract)
    if faults:
        raise ConfigError(sorted(faults, key=_order))
    return FrozenMap.of({role: pvector(models) for role, models in groups.items()})


def _order(fault: Fault) -> float:
    """Sort faults by their model; those of all models come last."""
    match fault.path:
        case ("models" | "model_list", int(index), *_):
            return index
        case _:
            return float("inf")


def borrow_roles(groups: Groups, *, contract: Contract = DEFAULT_CONTRACT) -> Groups:
    """Give a role that no model plays the models of the role that its `otherwise` names.

    A borrowed copy still names, in its `roles`, the role that it was borrowed from.

    >>> from dispatch.roles import Role
    >>> contract = Contract(["chat", Role("title", otherwise="chat")])
    >>> groups = group_by_role([freeze({"model": "m", "roles": {"chat": None}})], contract=contract)
    >>> borrow_roles(groups, contract=contract)["title"]
    pvector([FrozenMap({'model': 'm', 'roles': {'chat': None}})])
    """
    borrowed = {}
    for role, models in groups.items():
        lenders = () if models or role not in contract else contract.lenders(role)
        lender = next((name for name in lenders if groups[name]), None)
        if lender is not None:
            borrowed[role] = groups[lender]
    return cast("Groups", groups.update(borrowed)) if borrowed else groups


def morph_groups(morpher: Callable[[dict[str, Any]], T]) -> Callable[[Groups], FrozenMap[str, T]]:
    """Return the stage that passes each group, as a fresh `{'models': [...]}`, to `morpher`.

    >>> counted = morph_groups(lambda group: len(group["models"]))
    >>> dict(counted(group_by_role([])))
    {'chatcompletions': 0, 'postcompletions': 0}
    """

    return lambda groups: FrozenMap.of(
        {role: morpher({"models": thaw(models)}) for role, models in groups.items()}
    )
