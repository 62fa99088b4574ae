"""The same jobs by other packages, each in the way that its documentation shows.

A function here makes what is timed; importing the package, and what its users do once, comes
before. None of these packages knows roles or LiteLLM's own keys: that part is the plain loop.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import field, make_dataclass
from inspect import signature
from typing import Any

import yaml

from benchmarks.by_hand import OWN, Groups, Models, group_dicts
from benchmarks.measure import Contestant

Call = Callable[[], Any]


def installed(**makers: Callable[[], Call]) -> dict[str, Contestant]:
    """Make the contestants whose packages are installed."""
    made = {}
    for name, maker in makers.items():
        try:
            made[name.replace("_", " ")] = Contestant(maker())
        except ImportError:
            continue
    return made


# dispatch: from models to groups


def pydantic_groups(models: Models) -> Call:
    adapter = _adapter()
    return lambda: _group_validated(adapter.validate_python(models))


def _adapter() -> Any:
    from pydantic import BaseModel, TypeAdapter

    class Model(BaseModel, extra="allow", frozen=True):
        name: str
        model: str
        roles: list[str | dict[str, str]]

    return TypeAdapter(list[Model])


def _group_validated(models: list[Any]) -> Groups:
    groups: Groups = {"chatcompletions": [], "postcompletions": []}
    for model in models:
        for entry in model.roles:
            for role, task in ({entry: None} if isinstance(entry, str) else entry).items():
                groups[role].append(model.model_copy(update={"roles": {role: task}}))
    return groups


# from models to the arguments of every model of each role


def pydantic_kwargs(models: Models) -> Call:
    adapter = _adapter()

    def run() -> Any:
        groups = _group_validated(adapter.validate_python(models))
        return [model.model_dump(exclude=OWN) for group in groups.values() for model in group]

    return run


def omegaconf_kwargs(models: Models) -> Call:
    from omegaconf import OmegaConf

    def run() -> Any:
        config = OmegaConf.create({"models": models})
        groups = group_dicts(OmegaConf.to_container(config, resolve=True)["models"])
        return [_without_own(model) for group in groups.values() for model in group]

    return run


def _without_own(model: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in model.items() if key not in OWN}


# morph: from one model to the arguments of a callable


def hydra_instantiate(model: dict[str, Any]) -> Call:
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    config = OmegaConf.create({"_target_": "litellm.completion", **_without_own(model)})
    return lambda: instantiate(config, _partial_=True).keywords


def dataclass_each_call(model: dict[str, Any], target: Any) -> Call:
    """Signature by dataclass, made at each call; keys for `**kwargs` are lost."""

    def run() -> dict[str, Any]:
        names = [
            p.name for p in signature(target).parameters.values() if p.kind is not p.VAR_KEYWORD
        ]
        made = make_dataclass("Arguments", [(name, Any, field(default=None)) for name in names])
        filled = made(**{key: value for key, value in model.items() if key in names})
        return {name: getattr(filled, name) for name in names if name in model}

    return run


# fetch: a value by its path


def omegaconf_select(config: Any, path: str) -> Call:
    from omegaconf import OmegaConf

    held = OmegaConf.create(config)
    return lambda: OmegaConf.select(held, path)


def glom_path(config: Any, spec: Any) -> Call:
    from glom import glom

    return lambda: glom(config, spec)


def glom_first(config: Any, name: str) -> Call:
    from glom import Iter, glom

    spec = ("models", Iter().first(lambda model: model["name"] == name), "model")
    return lambda: glom(config, spec)


def jmespath_search(config: Any, path: str) -> Call:
    compiled = importlib.import_module("jmespath").compile(path)
    return lambda: compiled.search(config)


def dynaconf_box(config: Any) -> Call:
    from dynaconf import Dynaconf

    settings = Dynaconf(**config)
    return lambda: settings.MODELS[0].roles.postcompletions


# files: from YAML to the arguments of every model of each role


def omegaconf_file(path: str) -> Call:
    from omegaconf import OmegaConf

    def run() -> Any:
        groups = group_dicts(OmegaConf.to_container(OmegaConf.load(path), resolve=True)["models"])
        return [_without_own(model) for group in groups.values() for model in group]

    return run


def dynaconf_file(path: str) -> Call:
    from dynaconf import Dynaconf

    def run() -> Any:
        groups = group_dicts(Dynaconf(settings_files=[path]).to_dict()["MODELS"])
        return [_without_own(model) for group in groups.values() for model in group]

    return run


def pydantic_file(path: str) -> Call:
    adapter = _adapter()

    def run() -> Any:
        with open(path) as file:
            models = yaml.load(file, yaml.CSafeLoader)["models"]
        groups = _group_validated(adapter.validate_python(models))
        return [model.model_dump(exclude=OWN) for group in groups.values() for model in group]

    return run
