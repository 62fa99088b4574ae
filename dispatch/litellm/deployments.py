"""Role groups as the deployments of a LiteLLM `Router`, in which a role is a model name.

The models of a role serve in file order: the first answers, the next takes over where it fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from dispatch.environment import references
from dispatch.errors import ConfigError, Fault, Step
from dispatch.frozen import PLAIN, thaw
from dispatch.llm.keys import find_unfit
from dispatch.origins import locator, place
from dispatch.secrets import label
from dispatch.stages import Model

__all__ = [
    "Deployment",
    "Groups",
    "deploy",
    "find_collisions",
    "model_list",
    "model_place",
    "models_of",
    "name_prompts",
    "of_model",
    "sound_deployments",
]

Groups: TypeAlias = Mapping[str, Iterable[Model]]
Deployment: TypeAlias = dict[str, Any]

_TAKEN = {
    "order": "its place in the file is its order",
    "messages": "the Router takes them from each call; a system_prompt goes with the model",
    "model_info": "LiteLLM keeps its notes there",
}
_INFO = ("id", "roles", "task")
_NOTED = frozenset({"name", "roles", "model_info"})  # what goes into the notes of a deployment


def model_list(groups: Groups, *, deep_references: bool = False) -> list[Deployment]:
    """Return the deployments of all groups, as `litellm.Router` takes them.

    A deployment is called after its role; `order` is its place in the group. Its `model_info` has
    an `id` (the model's name, and where that is taken already, its role and order too), the role
    and the task. The program's own keys stay out, but for `system_prompt`: it becomes LiteLLM's
    `litellm_system_prompt`, so that whichever model answers does so with its own. References to
    the environment stay; the Router resolves those that stand right under a key of the model, so
    deeper ones are refused, unless `deep_references`.

    >>> from dispatch import dispatch
    >>> models = [{"name": "fast", "model": "gpt-4o", "roles": {"postcompletions": "sum up"}}]
    >>> for deployment in model_list(dispatch(models)):
    ...     print(deployment["model_name"], deployment["litellm_params"])
    ...     print(deployment["model_info"])
    postcompletions {'model': 'gpt-4o', 'order': 1}
    {'id': 'fast', 'roles': ['postcompletions'], 'task': 'sum up'}

    Raises `ConfigError` for two models of one name, one named like a role, keys that the Router
    has a use of its own for, and a secret or an endpoint that is empty.
    """
    return name_prompts(sound_deployments(groups, deep_references=deep_references))


def sound_deployments(groups: Groups, *, deep_references: bool = True) -> list[Deployment]:
    """Return the deployments under the keys that the user wrote, for faults to tell these.

    Raises what `model_list` raises.
    """
    deployments, faults = deploy(groups, deep_references=deep_references)
    if faults:
        raise ConfigError(list(dict.fromkeys(faults)))
    return deployments


def name_prompts(deployments: list[Deployment]) -> list[Deployment]:
    """Call each `system_prompt` what LiteLLM calls it, in place."""
    for deployment in deployments:
        params = deployment["litellm_params"]
        if "system_prompt" in params:
            params["litellm_system_prompt"] = params.pop("system_prompt")
    return deployments


def deploy(groups: Groups, *, deep_references: bool = True) -> tuple[list[Deployment], list[Fault]]:
    """Return the deployments of all groups, and why `model_list` would not return them.

    >>> from dispatch import dispatch
    >>> deployments, faults = deploy(dispatch([{"name": "chatcompletions", "model": "gpt-4o"}]))
    >>> len(deployments), faults[0].message
    (1, 'a role has this name too')
    """
    faults: list[Fault] = []
    deployments = [
        _deployment(role, order, model, deep_references, faults)
        for role, models in groups.items()
        for order, model in enumerate(models, 1)
    ]
    _make_ids_unique(groups, deployments, faults)
    return deployments, faults


def models_of(groups: Groups) -> Iterator[Model]:
    """Yield the model of each deployment."""
    return (model for models in groups.values() for model in models)


def _deployment(
    role: str, order: int, model: Model, deep_references: bool, faults: list[Fault]
) -> Deployment:
    """Sort the keys of a model into those of a deployment, and add what is wrong with it."""
    written = model.view()
    if unfit := find_unfit(written):  # a name that is no text is none, and never sent
        faults += of_model((each for each in unfit if each.path != ("name",)), model)
    if not _TAKEN.keys().isdisjoint(written):
        faults += of_model(find_collisions(written), model)
    params = {key: value for key, value in written.items() if key not in _NOTED}
    if not PLAIN.issuperset(map(type, params.values())):
        params = thaw(params)
        if not deep_references:
            faults += of_model(_find_deep_references(params), model)
    noted = written.get("model_info")
    info = thaw(noted) if isinstance(noted, Mapping) else {}
    name = written.get("name")
    task = written["roles"][role]
    info["id"] = f"{role}:{order}" if name in (None, "") else str(name)
    info["roles"] = [role]
    if task is not None:
        info["task"] = task
    params["order"] = order
    return {"model_name": role, "litellm_params": params, "model_info": info}


def of_model(faults: Iterable[Fault], model: Model) -> list[Fault]:
    """Say of faults in a model where each was written, and in which model."""
    at = model_place(model)
    return [fault.under(*at) for fault in place(faults, locator(model))]


def _make_ids_unique(
    groups: Groups, deployments: Iterable[Deployment], faults: list[Fault]
) -> None:
    """Tell apart the deployments of one model; two models of one name are a fault."""
    owners: dict[str, Deployment] = {}
    for model, deployment in zip(models_of(groups), deployments, strict=True):
        params, info = deployment["litellm_params"], deployment["model_info"]
        name = info["id"]
        owner = owners.setdefault(name, params)
        if owner is not params:
            info["id"] = f"{name}:{deployment['model_name']}:{params['order']}"
            same = owner == {**params, "order": owner["order"]}
            if not same or owners.setdefault(info["id"], params) is not params:
                faults += _wrong_name(model, "two models have this name")
        if name in groups:
            faults += _wrong_name(model, "a role has this name too")


def _wrong_name(model: Model, message: str) -> list[Fault]:
    hint = "by its name a deployment is known"
    (fault,) = place([Fault(("name",), message, hint, "wrong-name")], locator(model))
    return [fault._replace(path=model_place(model))]


def find_collisions(model: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault for each key of a model that the Router, or `model_list`, sets itself.

    >>> for fault in find_collisions({"model": "gpt-4o", "model_info": {"id": "mine"}}):
    ...     print(fault)
    model_info.id: collides with what dispatch notes there
    """
    for key, hint in _TAKEN.items():
        if key not in model:
            continue
        if key != "model_info":
            yield Fault((key,), "collides with what the Router needs", hint, "router-key")
        elif not isinstance(model[key], Mapping):
            yield Fault((key,), "expected a mapping", hint, "router-key")
        else:
            for name in (name for name in _INFO if name in model[key]):
                message = "collides with what dispatch notes there"
                yield Fault((key, name), message, code="router-key")


def _find_deep_references(params: Mapping[str, Any]) -> Iterator[Fault]:
    for path, variable in references(params):
        if len(path) > 1:
            message = f"the Router would not resolve os.environ/{variable} so deep"
            yield Fault(path, message, "make_router resolves it", "deep-reference")


def model_place(model: Mapping[str, Any]) -> tuple[Step, ...]:
    """Return where a model is, as a path that `ConfigMorpher.fetch` reads.

    >>> model_place({"name": "fast", "model": "gpt-4o"})
    ('models', '[name=fast]')
    """
    named = label({"name": model.get("name")})
    return "models", f"[name={named}]" if named else f"[model={label(model)}]"
