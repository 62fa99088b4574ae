"""The same job by other packages: from a role to the arguments of its call, again and again.

Each in the way that its documentation shows; importing the package, and what its users do once,
comes before. What a user of theirs writes by hand, such as that `name` is no argument, is not in
their configuration at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.measure import Call, Rival

Make = Callable[[str, dict[str, Any]], Callable[[], dict[str, Any]]]


def installed(role: str, kwargs: dict[str, Any]) -> dict[str, Rival]:
    """Return the peers whose packages are installed, each with these arguments for a role."""
    rivals = {}
    for name, make in PEERS.items():
        try:
            rivals[name] = Rival(Call(make(role, kwargs)), 1)
        except ImportError:
            continue
    return rivals


def _llmhub(role: str, kwargs: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    from llmhub_runtime.models import RuntimeConfig
    from llmhub_runtime.resolver import resolve_role

    provider, _, model = kwargs["model"].partition("/")
    params = {key: value for key, value in kwargs.items() if key != "model"}
    roles = {role: {"provider": provider, "model": model, "mode": "chat", "params": params}}
    config = RuntimeConfig(project="p", env="dev", providers={provider: {}}, roles=roles)

    def run() -> dict[str, Any]:
        call = resolve_role(config, role)
        return {"model": f"{call.provider}/{call.model}", **call.params}

    return run


def _dynaconf(role: str, kwargs: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    from dynaconf import Dynaconf

    settings = Dynaconf(roles={role: kwargs})
    return lambda: dict(settings.ROLES[role])


def _omegaconf(role: str, kwargs: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    from omegaconf import OmegaConf

    config = OmegaConf.create({"roles": {role: kwargs}})
    return lambda: OmegaConf.to_container(config.roles[role], resolve=True)


def _hydra(role: str, kwargs: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    config = OmegaConf.create({"roles": {role: {"_target_": "litellm.completion", **kwargs}}})
    return lambda: instantiate(config.roles[role], _partial_=True).keywords


PEERS: dict[str, Make] = {
    "rethink-llmhub": _llmhub,
    "dynaconf": _dynaconf,
    "OmegaConf": _omegaconf,
    "Hydra": _hydra,
}
