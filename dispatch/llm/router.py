"""Role groups as the deployments of a LiteLLM `Router`, in which a role is a model name.

The models of a role serve in file order: the first answers, the next takes over where it fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from dispatch.environment import references, resolve, resolve_of_model
from dispatch.errors import (
    ConfigError,
    Fault,
    ForeignKeyWarning,
    Step,
    SuspiciousKeyWarning,
    UnsetVariableError,
    UnsetVariableWarning,
)
from dispatch.frozen import PLAIN, thaw
from dispatch.hints import did_you_mean
from dispatch.llm.endpoints import find_foreign_key
from dispatch.llm.keys import OWN_KEYS, find_empty, find_misspelt, report
from dispatch.origins import place_in_model
from dispatch.roles import kind
from dispatch.secrets import label, scrub, secret_values
from dispatch.stages import Model

if TYPE_CHECKING:
    from litellm.router import Router

__all__ = [
    "Deployment",
    "deploy",
    "find_collisions",
    "find_dead_fallbacks",
    "find_wrong_section",
    "make_router",
    "model_list",
    "model_place",
    "name_prompts",
    "sound_deployments",
    "warn_of_keys",
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


_FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


class Dispatched(Protocol):
    """What has groups: a `ModelDispatcher`."""

    @property
    def groups(self) -> Groups: ...


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


def _models(groups: Groups) -> Iterator[Model]:
    """Yield the model of each deployment."""
    return (model for models in groups.values() for model in models)


def _deployment(
    role: str, order: int, model: Model, deep_references: bool, faults: list[Fault]
) -> Deployment:
    """Sort the keys of a model into those of a deployment, and add what is wrong with it."""
    written = model.view()
    if empty := find_empty(written):
        faults += _of_model(empty, model)
    if not _TAKEN.keys().isdisjoint(written):
        faults += _of_model(find_collisions(written), model)
    params = {key: value for key, value in written.items() if key not in _NOTED}
    if not PLAIN.issuperset(map(type, params.values())):
        params = thaw(params)
        if not deep_references:
            faults += _of_model(_find_deep_references(params), model)
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


def _of_model(faults: Iterable[Fault], model: Model) -> list[Fault]:
    """Say of faults in a model where each was written, and in which model."""
    at = model_place(model)
    return [fault.under(*at) for fault in place_in_model(faults, model)]


def _make_ids_unique(
    groups: Groups, deployments: Iterable[Deployment], faults: list[Fault]
) -> None:
    """Tell apart the deployments of one model; two models of one name are a fault."""
    owners: dict[str, Deployment] = {}
    for model, deployment in zip(_models(groups), deployments, strict=True):
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
    (fault,) = place_in_model([Fault(("name",), message, hint, "wrong-name")], model)
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


def make_router(dispatcher: Dispatched | Groups, /, **router_settings: Any) -> Router:
    """Return a `litellm.Router` that answers for each role: `completion`, `acompletion` and all.

    It takes a dispatcher, or groups alone. `router_settings` go to the Router as they are.
    References to the environment are resolved here, at any depth. A model with an unset one is
    left out with an `UnsetVariableWarning`, so that the others serve. LiteLLM's loggers show none
    of the secrets from then on.

    >>> from dispatch import ModelDispatcher
    >>> models = [{"model": "gpt-4o", "mock_response": "hello"}]
    >>> router = make_router(ModelDispatcher(models), num_retries=0)
    >>> asked = [{"role": "user", "content": "hi"}]
    >>> router.completion("chatcompletions", messages=asked).choices[0].message.content
    'hello'

    Raises what `model_list` raises; `ConfigError` for a fallback from or to what nobody plays,
    and where LiteLLM refuses a model; `UnsetVariableError` where no model is left.
    """
    from litellm.router import Router

    from dispatch.llm.logs import guard_logs  # brings `logging`, which a check does without

    groups = dispatcher if isinstance(dispatcher, Mapping) else dispatcher.groups
    warn_of_keys(groups)
    deployments = sound_deployments(groups)
    settings = resolve(router_settings, ("router_settings",))
    faults = list(find_dead_fallbacks(settings, deployments))
    if faults:
        raise ConfigError(faults)
    deployments = name_prompts(_resolved(groups, deployments))
    secrets = secret_values([deployments, settings])
    guard_logs(secrets)
    try:
        return Router(model_list=deployments, **settings)
    except Exception as error:  # of any class; its text may hold what a model holds
        refusal = scrub(f"{type(error).__name__}: {error}", secrets)
    raise ConfigError([Fault((), f"LiteLLM takes no such Router: {refusal}", code="refused")])


def _resolved(groups: Groups, deployments: Iterable[Deployment]) -> list[Deployment]:
    """Resolve all references; what refers to an unset variable is left out, and told."""
    kept = []
    faults: list[Fault] = []
    unset: UnsetVariableError | None = None
    for model, deployment in zip(_models(groups), deployments, strict=True):
        params, role = deployment["litellm_params"], deployment["model_name"]
        try:
            kept.append({**deployment, "litellm_params": resolve_of_model(params, model)})
        except UnsetVariableError as error:
            unset = error.under("models", params["order"] - 1).within(role)
            fault = unset.fault
            told = fault._replace(message=f"{fault.message}, so this model is left out")
            report([told], UnsetVariableWarning)
        except ConfigError as error:
            faults += error.under(*model_place(model)).faults
    if faults:
        raise ConfigError(list(dict.fromkeys(faults)))
    if unset is not None and not kept:
        raise unset
    return kept


def warn_of_keys(groups: Groups) -> None:
    """Warn of keys that look misspelt and of keys that would go astray, once for each model."""
    slips, foreign = [], []
    for model in _models(groups):
        written = model.view()
        if misspelt := [*find_misspelt(written, OWN_KEYS)]:
            slips += _of_model(misspelt, model)
        if stray := find_foreign_key(written):
            foreign += _of_model([stray], model)
    report(dict.fromkeys(slips), SuspiciousKeyWarning)  # a model has a copy in each of its roles
    report(dict.fromkeys(foreign), ForeignKeyWarning)


def find_wrong_section(name: str, section: Any) -> Iterator[Fault]:
    """Yield why a section of a configuration, such as `router_settings`, is no settings.

    >>> for fault in find_wrong_section("router_settings", ["num_retries"]):
    ...     print(fault)
    router_settings: expected a mapping, found a list
    """
    if not isinstance(section, Mapping):
        if section is not None:
            yield Fault((name,), f"expected a mapping, found {kind(section)}", code="wrong-section")
        return
    for key in section:
        if not isinstance(key, str):
            message = f"expected a name, found {kind(key)} as a key"
            yield Fault((name,), message, code="wrong-section")


def find_dead_fallbacks(
    settings: Mapping[str, Any], deployments: Iterable[Deployment]
) -> Iterator[Fault]:
    """Yield a fault for each fallback from or to what no deployment answers for.

    LiteLLM takes them without a word, and fails when they are needed.

    >>> settings = {"fallbacks": [{"chat": ["backup"]}]}
    >>> for fault in find_dead_fallbacks(settings, [{"model_name": "chat", "model_info": {}}]):
    ...     print(fault)
    router_settings.fallbacks[0].chat[0]: nobody plays 'backup'; known: chat
    """
    known = dict.fromkeys(deployment["model_name"] for deployment in deployments)
    aliases = settings.get("model_group_alias")
    known |= dict.fromkeys(aliases if isinstance(aliases, Mapping) else ())
    ids = {deployment["model_info"].get("id") for deployment in deployments}
    for path, name in _named_in_fallbacks(settings):
        at = ("router_settings", *path)
        if not isinstance(name, str):
            hint = "write a list of mappings such as {chatcompletions: [backup]}"
            yield Fault(at, "is no list of fallbacks", hint, "wrong-fallback")
        elif name not in known and name not in ids:
            hint = did_you_mean(name, known)
            yield Fault(at, f"nobody plays {name!r}", hint, "dead-fallback")


def _named_in_fallbacks(settings: Mapping[str, Any]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Yield each role or deployment that is named, and where; no text where none can be."""
    yield from _targets(settings.get("default_fallbacks"), ("default_fallbacks",))
    for key in _FALLBACKS:
        for path, entry in _items(settings.get(key), (key,)):
            if not isinstance(entry, Mapping):
                yield path, None
                continue
            for source, targets in entry.items():
                if source != "*":
                    yield (*path, str(source)), source
                yield from _targets(targets, (*path, str(source)))


def _targets(written: Any, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    for at, target in _items(written, path):
        yield at, target.get("model") if isinstance(target, Mapping) else target


def _items(written: Any, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    if isinstance(written, list | tuple):
        yield from (((*path, index), item) for index, item in enumerate(written))
    elif written is not None:
        yield path, None
