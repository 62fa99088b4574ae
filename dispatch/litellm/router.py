"""A `litellm.Router` that answers for each role, and what is wrong before it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from dispatch.environment import resolve, resolve_of_model
from dispatch.errors import (
    ConfigError,
    Fault,
    ForeignKeyWarning,
    SuspiciousKeyWarning,
    UnsetVariableError,
    UnsetVariableWarning,
)
from dispatch.llm.deployments import (
    Deployment,
    Groups,
    model_place,
    models_of,
    name_prompts,
    of_model,
    sound_deployments,
)
from dispatch.llm.endpoints import find_foreign_key
from dispatch.llm.keys import OWN_KEYS, find_misspelt, report
from dispatch.llm.settings import find_dead_fallbacks
from dispatch.origins import locator
from dispatch.secrets import scrub, secret_values

if TYPE_CHECKING:
    from litellm.router import Router

__all__ = ["make_router", "warn_of_keys"]


class Dispatched(Protocol):
    """What has groups: a `ModelDispatcher`."""

    @property
    def groups(self) -> Groups: ...


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
    for model, deployment in zip(models_of(groups), deployments, strict=True):
        params, role = deployment["litellm_params"], deployment["model_name"]
        try:
            resolved = resolve_of_model(params, model, locator(model))
            kept.append({**deployment, "litellm_params": resolved})
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
    for model in models_of(groups):
        written = model.view()
        if misspelt := [*find_misspelt(written, OWN_KEYS)]:
            slips += of_model(misspelt, model)
        if stray := find_foreign_key(written):
            foreign += of_model([stray], model)
    report(dict.fromkeys(slips), SuspiciousKeyWarning)  # a model has a copy in each of its roles
    report(dict.fromkeys(foreign), ForeignKeyWarning)
