"""The stages of dispatching: pure functions over immutable maps, each usable alone.

A model goes in at the top and comes out in the groups of the roles that it plays::

    freeze_model      Mapping -> Model                      immutable, in the order written
    normalize_roles   Model -> Model                        every way to write roles becomes one
    explode_roles     Model -> Iterator[Model]              one copy for each role
    group_by_role     Iterable[Model] -> Groups             the copies by role, in file order
    morph_groups      Groups -> FrozenMap[str, T]           each group in the form that is called
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias, TypeVar, cast

from pyrsistent import PVector, pvector
from toolz import groupby

from dispatch.errors import MOST_FAULTS, ConfigError, Fault, StageError
from dispatch.frozen import VECTOR, FrozenMap, freeze, thaw
from dispatch.hints import did_you_mean, kind
from dispatch.roles import DEFAULT_CONTRACT, Contract, Entry, read_roles

__all__ = [
    "Groups",
    "Model",
    "check_models",
    "explode_roles",
    "find_faults",
    "freeze_model",
    "group_by_role",
    "morph_groups",
    "normalize_roles",
]

T = TypeVar("T")

Model: TypeAlias = FrozenMap[str, Any]
"""One model configuration, immutable, in the order that the user wrote."""

Groups: TypeAlias = FrozenMap[str, PVector[Model]]
"""For each declared role, in declared order, the models that play it, in file order."""


def freeze_model(model: Mapping[str, Any]) -> Model:
    """Make a model immutable, so that no later stage, and no caller, can change another's view.

    >>> freeze_model({"model": "gpt-4o", "temperature": 0})
    FrozenMap({'model': 'gpt-4o', 'temperature': 0})

    Raises `ConfigError` for what is no mapping, a key that is no text, and a missing `model`.
    """
    faults = () if _is_sound(model) else _shape_faults(model)
    if faults:
        raise ConfigError(faults)
    return cast("Model", freeze(model))


def _is_sound(model: Any) -> bool:
    """Whether a model has no fault of shape, told faster than by looking for one."""
    if type(model) is not dict or not _TEXT.issuperset(map(type, model)):
        return False
    name = model.get("model")
    return type(name) is str and name != "" and not name.isspace()


_TEXT = frozenset({str})


def _shape_faults(model: Any) -> list[Fault]:
    if not isinstance(model, Mapping):
        return [Fault((), f"expected a model, found {kind(model)}", _MODEL_HINT, "wrong-model")]
    wrong_keys = (key for key in model if not isinstance(key, str))
    faults = [_wrong_key(key) for key in islice(wrong_keys, MOST_FAULTS)]
    name = model.get("model")
    if name is None:
        faults.append(Fault((), "has no key 'model'", _near_model(model), "missing-model"))
    elif not isinstance(name, str) or not name.strip():
        message = f"expected the name of a model, found {kind(name)}"
        hint = "quote it" if isinstance(name, int | float) else _MODEL_HINT
        faults.append(Fault(("model",), message, hint, "wrong-model-name"))
    return faults


_MODEL_HINT = "write a mapping such as {model: gpt-4o, roles: [chatcompletions]}"


def _wrong_key(key: object) -> Fault:
    hint = (
        "YAML 1.1 reads on, off, yes and no as booleans: quote it" if key in (True, False) else ""
    )
    return Fault((), f"a key must be a text, found {kind(key)}", hint or "quote it", "wrong-key")


def _near_model(model: Mapping[Any, Any]) -> str:
    for key in model:
        if isinstance(key, str) and key != "model" and did_you_mean(key, ("model",))[:3] == "did":
            return f"{key!r} looks like it: write 'model'"
    return "name the model that LiteLLM calls, such as model: gpt-4o"


def normalize_roles(model: Model, *, contract: Contract = DEFAULT_CONTRACT) -> Model:
    """Give a model's `roles` their one normal form: a vector of `{role: task}`.

    >>> normalize_roles(freeze_model({"model": "m", "roles": "chatcompletions"}))["roles"]
    pvector([FrozenMap({'chatcompletions': None})])

    Raises `ConfigError` with every entry that is no role, is not declared or breaks the contract.
    """
    entries, faults = read_roles(model.get("roles"), contract)
    if faults:
        raise ConfigError(faults)
    return model.set("roles", pvector(entries))


def explode_roles(model: Model) -> Iterator[Model]:
    """Yield one copy of a model for each role that it plays, its `roles` being that one.

    >>> both = freeze_model({"model": "m", "roles": ["chatcompletions", "postcompletions"]})
    >>> [dict(copy["roles"]) for copy in explode_roles(normalize_roles(both))]
    [{'chatcompletions': None}, {'postcompletions': None}]

    Raises `StageError` for roles that are not in their normal form.
    """
    entries = model.get("roles")
    if not isinstance(entries, VECTOR):
        raise StageError("explode_roles takes what normalize_roles returns")
    return (model.set("roles", entry) for entry in entries)


def group_by_role(models: Iterable[Model], *, contract: Contract = DEFAULT_CONTRACT) -> Groups:
    """Gather copies by the role that each plays; a role that nobody plays has an empty group.

    >>> one = freeze_model({"model": "m", "roles": {"postcompletions": "review"}})
    >>> {role: len(models) for role, models in group_by_role([one]).items()}
    {'chatcompletions': 0, 'postcompletions': 1}

    Raises `ConfigError` for a role that is not declared, a required one that nobody plays, and
    several models for one that takes a single one.
    """
    played = groupby(_role_of, models)
    faults = [*_undeclared(played, contract), *_unmet(played, contract)]
    if faults:
        raise ConfigError(faults)
    return FrozenMap.of({role: pvector(played.get(role, ())) for role in contract})


def _role_of(model: Model) -> str:
    roles = model.get("roles")
    if not isinstance(roles, FrozenMap) or len(roles) != 1:
        raise StageError("group_by_role takes what explode_roles yields: one role a copy")
    (role,) = roles
    return cast("str", role)


def _undeclared(played: Iterable[str], contract: Contract) -> Iterator[Fault]:
    for role in played:
        if role not in contract:
            hint = did_you_mean(role, contract)
            yield Fault(("roles",), f"role {role!r} is not declared", hint, "undeclared-role")


def _unmet(played: Mapping[str, Sequence[Any]], contract: Contract) -> Iterator[Fault]:
    """Yield what a contract asks for in vain; `played` holds the players, or their numbers."""
    for role in contract.values():
        players = played.get(role.name, ())
        if role.required and not players:
            hint = f"give a model roles: [{role.name}]"
            yield Fault(("models",), f"no model plays role {role.name!r}", hint, "unplayed-role")
        for player in () if role.several else players[1:]:
            message = f"role {role.name!r} takes one model, and {len(players)} play it"
            at = ("models", player, "roles") if isinstance(player, int) else ("models",)
            yield Fault(at, message, code="crowded-role")


def morph_groups(morpher: Callable[[dict[str, Any]], T]) -> Callable[[Groups], FrozenMap[str, T]]:
    """Return the stage that hands each group, as a fresh `{'models': [...]}`, to `morpher`.

    >>> counted = morph_groups(lambda group: len(group["models"]))
    >>> dict(counted(group_by_role([])))
    {'chatcompletions': 0, 'postcompletions': 0}
    """

    def morph(groups: Groups) -> FrozenMap[str, T]:
        return FrozenMap.of(
            {role: morpher({"models": thaw(models)}) for role, models in groups.items()}
        )

    return morph


def check_models(models: Any) -> Sequence[Any]:
    """Return the models as a sequence that can be read again, for the second look at faults.

    Raises `ConfigError` for what is no list: one model alone, a text, nothing.
    """
    if type(models) is list:
        return models
    if isinstance(models, str | bytes | Mapping) or not isinstance(models, Iterable):
        message = f"expected a list of models, found {kind(models)}"
        raise ConfigError([Fault(("models",), message, "put a list around it", "wrong-models")])
    return models if isinstance(models, Sequence) else tuple(models)


def find_faults(models: Iterable[Any], *, contract: Contract = DEFAULT_CONTRACT) -> list[Fault]:
    """Return all that is wrong with each of these models, in their order, and what is missing.

    A stage stops at the first faulty model; this is the second look, once one has. It stops at the
    first thousand faults: nobody mends more by hand, and what all models lack is then not known.

    >>> for fault in find_faults([{"model": "m", "roles": "chatcompletion"}, {"name": "x"}]):
    ...     print(fault)
    models[0].roles: role 'chatcompletion' is not declared; did you mean 'chatcompletions'?
    models[1]: has no key 'model'; name the model that LiteLLM calls, such as model: gpt-4o
    """
    faults: list[Fault] = []
    played: dict[str, list[int]] = {}
    for index, model in enumerate(models):
        entries, found = _look_at(model, contract)
        faults += (fault.under("models", index) for fault in found)
        for entry in entries:
            played.setdefault(next(iter(entry)), []).append(index)
        if len(faults) >= MOST_FAULTS:
            return faults[:MOST_FAULTS]
    return [*faults, *_unmet(played, contract)]


def _look_at(model: Any, contract: Contract) -> tuple[list[Entry], list[Fault]]:
    """Return the sound assignments of a model, and all its faults."""
    faults = _shape_faults(model)
    if not isinstance(model, Mapping):
        return [], faults
    entries, wrong = read_roles(model.get("roles"), contract)
    try:
        freeze(model)
    except ConfigError as error:
        wrong += error.faults
    return entries, faults + wrong
