"""The same job by other packages: from a role to the arguments of its call, again and again.

Each in the way that its documentation shows; what its users do once comes before. None of them
knows which keys are not LiteLLM's: their configurations contain the arguments alone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from benchmarks.measure import Call, Rival

Kwargs = dict[str, Any]


def installed(role: str, kwargs: Kwargs) -> dict[str, Rival]:
    """Return the peers whose packages are installed, each with these arguments for a role."""
    rivals = {}
    for name, make in PEERS.items():
        with suppress(ImportError):
            rivals[name] = Rival(Call(make(role, kwargs)), 1)
    return rivals


def _llmhub(role: str, kwargs: Kwargs) -> Callable[[], Kwargs]:
    from llmhub_runtime.models import RuntimeConfig
    from llmhub_runtime.resolver import resolve_role

    provider, _, model = kwargs["model"].partition("/")
    params = {key: value for key, value in kwargs.items() if key != "model"}
    roles = {role: {"provider": provider, "model": model, "mode": "chat", "params": params}}
    config = RuntimeConfig(project="p", env="dev", providers={provider: {}}, roles=roles)

    def run() -> Kwargs:
        call = resolve_role(config, role)
        return {"model": f"{call.provider}/{call.model}", **call.params}

    return run


def _dynaconf(role: str, kwargs: Kwargs) -> Callable[[], Kwargs]:
    from dynaconf import Dynaconf

    settings = Dynaconf(roles={role: kwargs})
    return lambda: dict(settings.ROLES[role])


def _omegaconf(role: str, kwargs: Kwargs) -> Callable[[], Kwargs]:
    from omegaconf import OmegaConf

    config = OmegaConf.create({role: kwargs})
    return lambda: OmegaConf.to_container(config[role], resolve=True)


def _hydra(role: str, kwargs: Kwargs) -> Callable[[], Kwargs]:
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    config = OmegaConf.create({role: {"_target_": "litellm.completion", **kwargs}})
    return lambda: instantiate(config[role], _partial_=True).keywords


PEERS = {"rethink-llmhub": _llmhub, "dynaconf": _dynaconf, "OmegaConf": _omegaconf, "Hydra": _hydra}
