"""A `litellm.Router` that serves each role, the checks before it is built, and its spans."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from dispatch.config.arguments import report
from dispatch.config.environment import references, resolve
from dispatch.errors import ConfigError, Fault, UnsetVariableError
from dispatch.immutable import locate
from dispatch.litellm.deployments import (
    Deployed,
    Deployment,
    Groups,
    as_sent,
    deploy,
    find_idle_weights,
    let_cool_down,
    parts_of,
)
from dispatch.litellm.endpoints import find_credential_leak
from dispatch.litellm.keys import VALUE_TYPES
from dispatch.litellm.names import aliases_in, find_dead_fallbacks
from dispatch.litellm.policy import find_misspelt
from dispatch.litellm.settings import find_settings_faults, router_settings
from dispatch.redaction import is_secret, quote_name, scrub, secret_values

if TYPE_CHECKING:
    from litellm.integrations.opentelemetry import OpenTelemetry
    from litellm.router import Router

    from dispatch.dispatcher import ModelDispatcher

__all__ = [
    "ASKED",
    "Built",
    "build",
    "closer_of",
    "fallbacks_of",
    "find_secrets",
    "make_router",
    "model_id_of",
    "telemetry",
    "warn_of_keys",
]


ASKED = "dispatch"
"""The key in a call's metadata where LiteLLM's callbacks find the role and the task."""


def make_router(dispatcher: ModelDispatcher[Any] | Groups, /, **settings: Any) -> Router:
    """Return a `litellm.Router` that serves each role, with `completion`, `acompletion` and so on.

    It takes a dispatcher, or groups alone. The sections `router_settings` and `litellm_settings` of
    a dispatcher apply as they do in LiteLLM's proxy; `settings` override them. References to
    environment variables are resolved here, at any depth. A model whose variable is unset, or that
    LiteLLM rejects, for example because its provider is unknown, is left out with a warning, so
    that the others still work. From then on, LiteLLM's loggers hide the secrets.

    >>> from dispatch import ModelDispatcher
    >>> models = [{"model": "gpt-4o", "mock_response": "hello"}]
    >>> router = make_router(ModelDispatcher(models), num_retries=0)
    >>> messages = [{"role": "user", "content": "hi"}]
    >>> router.completion("chatcompletions", messages=messages).choices[0].message.content
    'hello'

    Raises the errors of `model_list`; `ConfigError` for an unknown setting, a fallback from or to
    a name without models, or if no model is left; `UnsetVariableError` if unset variables are why.
    """
    return build(dispatcher, settings).router


class Built(NamedTuple):
    """A Router, its deployments, and the secrets to scrub from its errors."""

    router: Router
    deployed: tuple[Deployed, ...]
    secrets: frozenset[str]


def build(dispatcher: ModelDispatcher[Any] | Groups, settings: Mapping[str, Any]) -> Built:
    """Build a Router like `make_router`, with its deployments and secrets."""
    from litellm.router import Router

    from dispatch.litellm.logs import guard_logs  # imports `logging`, which checks do not need

    groups, sections, own_keys = parts_of(dispatcher)
    warn_of_keys(groups, own_keys)
    deployed, faults = deploy(groups, own_keys)
    given = {"router_settings": settings}
    for each, other in ((sections, given), (given, sections)):
        found = [
            *find_settings_faults(each.get("router_settings")),
            *find_settings_faults(each.get("litellm_settings"), "litellm_settings"),
            *find_dead_fallbacks(each, groups, aliases_in(other)),
        ]
        faults += (locate(fault, each) for fault in found)
    if faults:
        raise ConfigError(dict.fromkeys(faults))
    resolved = router_settings(sections, settings)
    usable = _usable(deployed)
    models = [as_sent(deployment) for _, deployment in usable]
    # LiteLLM starts a task that tracks spending, which needs an event loop.
    has_budget = resolved.get("provider_budget_config") or any(
        model["litellm_params"].get("max_budget") is not None for model in models
    )
    let_cool_down(models, resolved)
    secrets = secret_values([models, resolved]) | find_secrets(dispatcher)
    guard_logs(secrets)
    make = partial(Router, model_list=models, **resolved)
    try:
        router = _in_loop(make) if has_budget else make()
        return Built(router, usable, secrets)
    except Exception as error:  # of any class; its text may contain values of a model
        refusal = scrub(f"{type(error).__name__}: {error}", secrets)
    raise ConfigError([Fault((), f"LiteLLM rejects this Router: {refusal}", code="refused")])


def _in_loop(make: Callable[[], Any]) -> Any:
    import asyncio  # loaded by LiteLLM already

    async def made() -> Any:
        return make()

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            return runner.run(made())
    return make()


def _usable(deployed: Iterable[Deployed]) -> tuple[Deployed, ...]:
    """Resolve all references, and leave out models that LiteLLM cannot call, with a warning."""
    usable: list[Deployed] = []
    left_out: list[Fault] = []
    faults: list[Fault] = []
    for model, deployment in deployed:
        try:
            place = partial(locate, value=model)
            params = resolve(deployment["litellm_params"], types=VALUE_TYPES, locate=place)
        except ConfigError as error:
            wrong = left_out if isinstance(error, UnsetVariableError) else faults
            wrong += error.faults
        else:
            if refusal := _find_refusal(params):
                left_out.append(locate(refusal, model))
            else:
                usable.append(Deployed(model, {**deployment, "litellm_params": params}))
    left_out = list(dict.fromkeys(left_out))  # each role has a copy of the model
    if faults:
        raise ConfigError(dict.fromkeys(faults))
    if left_out and not usable:
        if any(fault.code != "unset-variable" for fault in left_out):
            raise ConfigError(left_out)
        raise UnsetVariableError(left_out, left_out[0].message.partition(" ")[0])
    report(
        fault._replace(message=f"{fault.message}, so this model is left out").as_warning()
        for fault in left_out
    )
    return tuple(usable)


def _find_refusal(params: Deployment) -> Fault | None:
    """Return why LiteLLM would reject a model; a single one would block the whole Router."""
    import litellm
    from litellm.llms.openai_like.json_loader import JSONProviderRegistry
    from litellm.types.router import LiteLLM_Params
    from pydantic import ValidationError

    quiet, litellm.suppress_debug_info = litellm.suppress_debug_info, True  # otherwise it prints
    try:
        LiteLLM_Params(**params)
        _, provider, *_ = litellm.get_llm_provider(
            params["model"], params.get("custom_llm_provider"), params.get("api_base")
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return Fault(first["loc"][:1], f"LiteLLM rejects this: {first['msg']}", code="refused")
    except Exception:  # of any class
        model = quote_name(scrub(params["model"], secret_values(params)))
        message = f"LiteLLM does not know the provider of {model}"
        hint = "write the provider first, such as openai/…"
        return Fault(("model",), message, hint, "unknown-provider")
    finally:
        litellm.suppress_debug_info = quiet
    registered = (each["provider"] for each in litellm.custom_provider_map)
    known = provider in {*litellm.provider_list, *registered}
    if not known and not JSONProviderRegistry.exists(provider):
        message = f"LiteLLM has no provider {quote_name(provider)}"
        return Fault(("custom_llm_provider",), message, "", "unknown-provider")
    return None


_SHOWN = frozenset({"model", "api_base", "base_url", "api_version"})
_LONG = 8  # characters; shorter values, such as `true`, occur in any message


def find_secrets(dispatcher: ModelDispatcher[Any] | Groups) -> frozenset[str]:
    """Return all possible secrets in a dispatcher and the variables that it refers to.

    >>> find_secrets({"chat": [{"model": "gpt-4o", "api_key": "sk-1"}]})
    frozenset({'sk-1'})
    """
    groups, sections, _ = parts_of(dispatcher)
    written = [*groups.values(), sections]
    found = set(secret_values(written))
    for path, variable in references(written):
        value = os.environ.get(variable, "")
        secret = is_secret(variable) or is_secret(str(path[-1]))
        if value and (secret or (len(value) >= _LONG and path[-1] not in _SHOWN)):
            found.add(value)
    return frozenset(found)


def warn_of_keys(groups: Groups, own_keys: Collection[str] = ()) -> None:
    """Warn about keys that look misspelled, would leak or have no effect, once per model."""
    models = [model for models in groups.values() for model in models]
    seen: set[str] = set()
    found = [locate(f, m) for m in models for f in find_misspelt(m, own_keys, seen=seen)]
    found += [locate(f, m) for m in models if (f := find_credential_leak(m))]
    report(dict.fromkeys((*found, *find_idle_weights(groups))))


def fallbacks_of(router: Router) -> list[Mapping[str, Any]]:
    """Return the fallbacks that a Router was made with."""
    made: Any = router  # since 1.110, use `settings()`; the attribute is deprecated
    return list((made.settings() if hasattr(made, "settings") else made).fallbacks or ())


def closer_of(router: Router) -> Callable[[], Any]:
    """Return a function that removes a Router from LiteLLM's lists of callbacks."""
    made: Any = router  # since 1.110, use `retire()`; `discard()` is deprecated
    closer: Callable[[], Any] = made.retire if hasattr(made, "retire") else made.discard
    return closer


def model_id_of(response: Any) -> str | None:
    """Return the id of the deployment that answered, if the response contains it.

    LiteLLM has no public way to get it from a stream whose model failed and was replaced.

    >>> from types import SimpleNamespace
    >>> model_id_of(SimpleNamespace(_hidden_params={"model_id": "fast"})), model_id_of(object())
    ('fast', None)
    """
    hidden = getattr(response, "_hidden_params", None)
    found = hidden.get("model_id") if isinstance(hidden, Mapping) else None
    return None if found is None else str(found)


def telemetry(**options: Any) -> OpenTelemetry:
    """Return LiteLLM's callback for OpenTelemetry, which adds the role and the task to each span.

    The role is the attribute `gen_ai.agent.name`, the task `gen_ai.agent.description`. `options`
    are those of LiteLLM's `OpenTelemetry`, such as `config` or `tracer_provider`. Requires the
    package `opentelemetry-sdk`::

        litellm.callbacks = [dispatch.telemetry()]
    """
    from litellm.integrations.opentelemetry import OpenTelemetry

    class RoleTelemetry(OpenTelemetry):
        def set_attributes(self, span: Any, kwargs: Any, response_obj: Any) -> None:
            super().set_attributes(span, kwargs, response_obj)
            params = kwargs.get("litellm_params") or {}
            metadata = params.get("metadata") or params.get("litellm_metadata") or {}
            info = metadata.get("model_info") or {}  # for direct calls of the Router
            role = next(iter(info.get("roles") or ()), None)
            asked = metadata.get(ASKED) or {"role": role, "task": info.get("task")}
            named = {"gen_ai.agent.name": asked["role"], "gen_ai.agent.description": asked["task"]}
            span.set_attributes({key: value for key, value in named.items() if value is not None})

    return RoleTelemetry(**options)
