"""Role groups as the deployments of a LiteLLM `Router`, in which each role is a model name.

Without an `order`, the models of a role are asked in file order: the first answers, and the next
takes over if it fails. Models of the same order share the load by their weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from dispatch.config.environment import references
from dispatch.errors import ConfigError, Fault, Step, format_path
from dispatch.immutable import FrozenMap, locate, origin_of, thaw
from dispatch.litellm.policy import RESERVED_KEYS, find_value_faults
from dispatch.redaction import REFERENCE, is_reference, quote_name
from dispatch.stages import Model
from dispatch.suggestions import describe_type
from dispatch.validation import check_dispatcher

if TYPE_CHECKING:
    from dispatch.dispatcher import ModelDispatcher

__all__ = [
    "Deployed",
    "Deployment",
    "Groups",
    "as_sent",
    "deploy",
    "find_idle_weights",
    "let_cool_down",
    "model_list",
    "parts_of",
]

Groups: TypeAlias = Mapping[str, Iterable[Model]]
Deployment: TypeAlias = dict[str, Any]

_INFO = ("id", "roles", "task")  # added to the user's `model_info` in a deployment


class Deployed(NamedTuple):
    """A model in a role, and the deployment that answers for it."""

    model: Model
    deployment: Deployment

    @property
    def order(self) -> int:
        """The step at which the model is asked; models of the same step share the load."""
        order: int = self.deployment["litellm_params"]["order"]
        return order


def let_cool_down(models: Sequence[Deployment], settings: Mapping[str, Any]) -> None:
    """Let a role's only model cool down after its second failure in a minute, if it has fallbacks.

    By default, LiteLLM would ask it first every time.

    >>> models = [{"model_name": "chat", "model_info": {}}]
    >>> let_cool_down(models, {"fallbacks": [{"chat": ["spare"]}]})
    >>> models[0]["model_info"]
    {'allowed_fails': 1}
    """
    if settings.keys() & {"allowed_fails", "allowed_fails_policy"}:
        return
    followed = {source for each in settings.get("fallbacks") or () for source in each}
    everywhere = settings.get("default_fallbacks") or "*" in followed
    roles = Counter(model["model_name"] for model in models)
    for model in models:
        role, info = model["model_name"], model["model_info"]
        if roles[role] == 1 and (everywhere or role in followed):
            model["model_info"] = {"allowed_fails": 1, **info}


def parts_of(
    dispatcher: ModelDispatcher[Any] | Groups,
) -> tuple[Groups, FrozenMap[str, Any], frozenset[str]]:
    """Return the groups, sections and own keys of a dispatcher, or of groups alone."""
    if isinstance(dispatcher, Mapping):
        return dispatcher, FrozenMap({}), frozenset()
    check_dispatcher(dispatcher)
    return dispatcher.groups, dispatcher.sections, dispatcher.contract.own_keys


def model_list(dispatcher: ModelDispatcher[Any] | Groups, /) -> list[Deployment]:
    """Return the deployments of a dispatcher, or of groups alone, for `litellm.Router`.

    Each deployment is named after its role. Its `model_info` is that of the model, with an `id`
    (the model's name, or `name:role:number` for its further deployments), the role and the task.
    The program's own keys are left out, except that `system_prompt` becomes LiteLLM's
    `litellm_system_prompt`, so that each model uses its own. References to environment variables
    stay: the Router resolves them only at the top level of a model, so deeper ones are rejected.

    >>> from dispatch import dispatch
    >>> models = [{"name": "fast", "model": "gpt-4o", "roles": {"postcompletions": "sum up"}}]
    >>> for deployment in model_list(dispatch(models)):
    ...     print(deployment["model_name"], deployment["litellm_params"])
    ...     print(deployment["model_info"])
    postcompletions {'model': 'gpt-4o', 'order': 1}
    {'id': 'fast', 'roles': ['postcompletions'], 'task': 'sum up'}

    Raises `ConfigError` for duplicate names, models named like a role, keys that the Router sets
    itself, and empty secrets or endpoints.
    """
    groups, _, own_keys = parts_of(dispatcher)
    deployed, faults = deploy(groups, own_keys)
    for model, deployment in deployed:
        for path, variable in references(deployment["litellm_params"]):
            if len(path) > 1:
                message = f"the Router does not resolve os.environ/{variable} at this depth"
                deep = Fault(path, message, "make_router resolves it", "deep-reference")
                faults.append(locate(deep, model))
    if faults:
        raise ConfigError(dict.fromkeys(faults))
    return [as_sent(deployment) for _, deployment in deployed]


def deploy(groups: Groups, own_keys: Collection[str] = ()) -> tuple[list[Deployed], list[Fault]]:
    """Return the deployments of all groups, and their faults with locations.

    The parameters keep the names that the user wrote, for use in faults; see `as_sent`.

    >>> from dispatch import dispatch
    >>> deployed, faults = deploy(dispatch([{"name": "chatcompletions", "model": "gpt-4o"}]))
    >>> len(deployed), faults[0].where, faults[0].message
    (1, 'models[0].name', "'chatcompletions' is also the name of a role")
    """
    deployed: list[Deployed] = []
    faults: list[Fault] = []
    owners: dict[str, Model] = {}  # by id
    kept_back = RESERVED_KEYS.union(own_keys) - {"system_prompt"}
    for role, models in groups.items():
        for number, (model, order, weight) in enumerate(_shares(tuple(models)), 1):
            name = model.get("name")
            name = name if isinstance(name, str) else ""
            owner = owners.get(name)
            bare = role.removeprefix(REFERENCE)
            identity = name if name and owner is None else f"{name}:{bare}:{number}".lstrip(":")
            found = list(_find_faults(model))
            for other in (owner, owners.setdefault(identity, model)):
                if other is not None and _path(other) != _path(model):
                    message = f"duplicate name {quote_name(name or identity)}"
                    also = f" (also {format_path(_path(other))})" if _path(other) else ""
                    hint = "a deployment is known by its name"
                    found.append(Fault(("name",), message + also, hint, "duplicate-name"))
                    break
            if name in groups:
                message = f"{quote_name(name)} is also the name of a role"
                hint = "leave it out, or choose another"
                found.append(Fault(("name",), message, hint, "wrong-name"))
            faults += (locate(fault, model) for fault in found)
            params = {
                key: thaw(value) for key, value in model.to_dict().items() if key not in kept_back
            }
            params |= {"order": order} if weight is None else {"order": order, "weight": weight}
            noted = model.get("model_info")
            info = dict(thaw(noted)) if isinstance(noted, Mapping) else {}
            info |= {"id": identity} if is_reference(role) else {"id": identity, "roles": [role]}
            (task,) = model["roles"].values()
            info |= {} if task is None else {"task": task}
            deployment = {"model_name": role, "litellm_params": params, "model_info": info}
            deployed.append(Deployed(model, deployment))
    return deployed, list(dict.fromkeys(faults))


def as_sent(deployment: Deployment) -> Deployment:
    """Return a deployment with its `system_prompt` under LiteLLM's name for it.

    >>> as_sent({"litellm_params": {"model": "gpt-4o", "system_prompt": "Be terse."}})
    {'litellm_params': {'model': 'gpt-4o', 'litellm_system_prompt': 'Be terse.'}}
    """
    params = dict(deployment["litellm_params"])
    if "system_prompt" in params:
        params["litellm_system_prompt"] = params.pop("system_prompt")
    return {**deployment, "litellm_params": params}


def find_idle_weights(groups: Groups) -> Iterator[Fault]:
    """Yield a located warning for each weight that has no effect in any role of its model.

    The weight of the only model of a role is no fault: others may follow.

    >>> from dispatch import dispatch
    >>> models = [{"model": "gpt-4o", "weight": 2}, {"model": "o3"}]
    >>> for fault in find_idle_weights(dispatch(models)):
    ...     print(fault)
    models[0].weight: has no effect; give the models that share the load the same order
    """
    hint = "give the models that share the load the same order"
    idle = Fault(("weight",), "has no effect", hint, "idle-weight", "warning")
    works: dict[Fault, bool] = {}
    for models in groups.values():
        shares = _shares(tuple(models))
        sharing = Counter(order for _, order, _ in shares)
        for model, order, _ in shares:
            weight = model.get("weight")
            is_valid = isinstance(weight, int | float) and weight >= 0
            is_valid = is_valid or is_reference(str(weight))  # others are reported as values
            if is_valid and len(shares) > 1:
                fault = locate(idle, model)
                works[fault] = works.get(fault, False) or sharing[order] > 1
    return (fault for fault, working in works.items() if not working)


def _shares(models: Sequence[Model]) -> list[tuple[Model, int, Any]]:
    """Return each model of a role with its order and, if models share the load, its weight.

    A model without an order gets its position in the role. One without a weight gets 1 if another
    of the same order has one; otherwise LiteLLM would never ask it.
    """
    orders = [
        order if type(order := model.get("order")) is int else place
        for place, model in enumerate(models, 1)
    ]
    weights = [model.get("weight") for model in models]
    weighed = {order for order, weight in zip(orders, weights, strict=True) if weight is not None}
    return [
        (model, order, 1 if weight is None and order in weighed else weight)
        for model, order, weight in zip(models, orders, weights, strict=True)
    ]


def _path(model: Model) -> tuple[Step, ...]:
    origin = origin_of(model)
    return origin.path if origin else ()


def _find_faults(model: Model) -> Iterator[Fault]:
    """Yield a fault for each key of a model that the Router does not support."""
    yield from (fault for fault in find_value_faults(model) if fault.path != ("name",))
    order = model.get("order")
    if isinstance(order, str) and is_reference(order):
        hint = "write the number itself"
        yield Fault(("order",), "the Router does not accept a reference here", hint, "router-key")
    if "messages" in model:
        hint = "the Router takes them from each call; a system_prompt goes with the model"
        yield Fault(("messages",), "conflicts with a key that the Router needs", hint, "router-key")
    info = model.get("model_info")
    if info is not None and not isinstance(info, Mapping):
        message = f"expected a mapping, found {describe_type(info)}"
        yield Fault(("model_info",), message, "LiteLLM stores its own data there", "router-key")
    elif info is not None:
        for key in (key for key in _INFO if key in info):
            message = "conflicts with a key that dispatch stores there"
            yield Fault(("model_info", key), message, code="router-key")
