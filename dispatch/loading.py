"""From files to a dispatcher; several files are merged by the names of their models."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, cast

from dispatch.config.files import merge, read
from dispatch.config.morpher import ConfigMorpher
from dispatch.config.paths import Condition, Index, Key, Select, get, parse, show_path, trace
from dispatch.config.positions import File, Source
from dispatch.config.yaml import read_yaml
from dispatch.dispatcher import ModelDispatcher
from dispatch.errors import ConfigError, DispatchError, Fault, PathError, Step
from dispatch.immutable import VECTOR, FrozenMap, Origin, freeze, origin_of, with_origin
from dispatch.models import RoleGroup
from dispatch.redaction import redact_key
from dispatch.roles import Contract, Role
from dispatch.sections import is_by_name

__all__ = ["apply_overrides", "load", "merge_models", "read_tree"]

PathName = str | os.PathLike[str]
Place = tuple[int, tuple[Step, ...]]
"""The number of a file, and a path in it."""

# Sections that an override may create; in any other place, only the last key may be new.
_CREATED = ("defaults", "router_settings", "litellm_settings", "general_settings")
# A path, up to the first = that is in no brackets and no quotes, and the value.
_OVERRIDE = r"""(?xs) ( (?: [^=\['"] | '[^']*' | "[^"]*"
    | \[ (?: [^\]'"] | '[^']*' | "[^"]*" )* \] )* ) = (.*)"""


def load(
    *paths: PathName | Mapping[str, Any] | ConfigMorpher,
    optional: Iterable[PathName] = (),
    overrides: Iterable[str] = (),
    roles: Contract | Iterable[str | Role] | None = None,
    own_keys: Iterable[str] = (),
    strict: bool = False,
) -> ModelDispatcher[RoleGroup]:
    """Read configuration files and hand each model to the roles that it plays.

    Later files win: a model with a known name changes that model; any other model is added.
    Files in `optional` come last and may be missing. `overrides` have the form `path=value`, such
    as `models[name=main].temperature=0`, with values as YAML reads them; those in the environment
    variable `DISPATCH_SET`, one per line, come first. Instead of files, a mapping or a
    `ConfigMorpher` may be given. `roles` and `own_keys` are what the program declares, which wins
    over the sections `roles` and `own_keys` of the files; if `strict`, files may declare no others.

    >>> config = {"models": [{"name": "a", "model": "gpt-4o"}]}
    >>> models = load(config, overrides=["models[0].seed=1"])
    >>> models.for_chatcompletions.fetch("models[name=a].seed")
    1

    Raises `FileError` for files that cannot be read, and `ConfigError` with all other faults.
    """
    tree = read_tree(paths, optional=optional, overrides=overrides)
    return ModelDispatcher(tree, roles=roles, own_keys=own_keys, strict=strict)


def read_tree(
    paths: Sequence[PathName | File | Mapping[str, Any] | ConfigMorpher],
    *,
    optional: Iterable[PathName] = (),
    overrides: Iterable[str] = (),
) -> FrozenMap[str, Any]:
    """Read and merge files, or take one configuration as it is; then apply the overrides.

    >>> read_tree([{"models": [{"model": "gpt-4o"}]}], overrides=["models[0].model=o3"])
    FrozenMap({'models': [{'model': 'o3'}]})
    """
    given = [path for path in paths if isinstance(path, Mapping | ConfigMorpher)]
    if given and len(paths) > 1:
        message = "expected one mapping, or the paths of files"
        raise ConfigError([Fault((), message, code="wrong-source")])
    tree: FrozenMap[str, Any]
    if given:
        source = given[0]
        tree = source.tree if isinstance(source, ConfigMorpher) else freeze(source)
    else:
        names: list[Any] = [path for path in paths if not isinstance(path, Mapping | ConfigMorpher)]
        held, files = read([*names, *(path for path in optional if os.path.exists(path))])
        data, places = merge_models(held)
        tree = with_origin(freeze(data), Origin((), Source(files, places)))
    written = os.environ.get("DISPATCH_SET", "").splitlines()
    return apply_overrides(tree, {"DISPATCH_SET": filter(str.strip, written), "--set": overrides})


def merge_models(
    held: Sequence[Mapping[str, Any]],
) -> tuple[dict[str, Any], tuple[tuple[Place, ...], ...]]:
    """Merge the contents of files, models by name; return for each model the files it came from.

    >>> base = {"models": [{"name": "a", "model": "gpt-4o"}, {"name": "b", "model": "o3"}]}
    >>> merged, places = merge_models([base, {"models": [{"name": "b", "temperature": 1}]}])
    >>> merged["models"][1]
    {'name': 'b', 'model': 'o3', 'temperature': 1}
    >>> places[1]
    ((0, ('models', 1)), (1, ('models', 0)))
    """
    merged: dict[str, Any] = reduce(merge, held, {})
    # The deployments of LiteLLM's proxy have no names to merge by: all are kept.
    key = "models" if "models" in merged else "model_list"
    lists = [(number, each[key]) for number, each in enumerate(held) if key in each]
    if len(lists) < 2 or all(is_by_name(models) for _, models in lists):
        return merged, ()  # mappings of names have merged already, each with its path
    if not all(isinstance(models, list) or is_by_name(models) for _, models in lists):
        return merged, ()  # of the wrong shape, which is reported later
    models: list[Any] = []
    places: list[tuple[Place, ...]] = []
    known: dict[str, int] = {}
    for number, written in lists:
        earlier = dict(known)  # two models of one name in one file stay two
        for step, model in enumerate(written) if isinstance(written, list) else written.items():
            path = (key, step)
            if isinstance(model, dict) and isinstance(written, dict):
                model = {"name": step, **model}
            name = model.get("name") if isinstance(model, dict) else None
            index = earlier.get(name) if isinstance(name, str) else None
            if index is not None and isinstance(models[index], dict):
                models[index] = merge(models[index], model)
                places[index] += ((number, path),)
                continue
            if isinstance(name, str):
                known.setdefault(name, len(models))
            models.append(model)
            places.append(((number, path),))
    return {**merged, key: models}, tuple(places)


def apply_overrides(
    tree: FrozenMap[str, Any], overrides: Mapping[str, Iterable[str]]
) -> FrozenMap[str, Any]:
    """Set values by path, each given as `path=value` under the name of its source.

    >>> overrides = {"--set": ["models[name=a].temperature=0.5"]}
    >>> apply_overrides(freeze({"models": [{"name": "a"}]}), overrides)
    FrozenMap({'models': [{'name': 'a', 'temperature': 0.5}]})

    Raises `ConfigError` for a path that leads nowhere; only its last key may be new.
    """
    faults: list[Fault] = []
    for source, override in ((name, each) for name in overrides for each in overrides[name]):
        try:
            tree = _override(tree, override, source)
        except ConfigError as error:
            faults += error.faults
        except DispatchError as error:
            faults.append(Fault((), f"{source} {error}", code="wrong-override"))
    if faults:
        raise ConfigError(faults)
    return tree


def _override(tree: FrozenMap[str, Any], override: str, name: str) -> FrozenMap[str, Any]:
    match = re.fullmatch(_OVERRIDE, override)
    if match is None:
        message = f"{name} takes path=value, not {redact_key(override)}"
        hint = "write it like models[name=main].temperature=0"
        raise ConfigError([Fault((), message, hint, "wrong-override")])
    path, written = match[1].strip(), match[2]
    origin = origin_of(tree) or Origin(())
    data, problems = read_yaml(written)
    if problems:
        raise PathError(f"{show_path(path)}: {problems[0].message}")
    value = freeze(data)
    *above, last = _by_name(parse(path), tree.get("models"))
    if len(above) == 1 and isinstance(above[0], Key) and above[0].name in _CREATED:
        tree = freeze({above[0].name: {}, **tree.to_dict()}) if above[0].name not in tree else tree
    parent_path = trace(tree, above) if above else ()
    parent = get(tree, above) if above else tree
    if isinstance(last, Key) and isinstance(parent, FrozenMap):
        step: Step = last.name
    elif isinstance(last, Index):
        get(parent, (last,))
        step = last.number
    else:
        raise PathError(f"{show_path(path)} leads to no key of a mapping and no item of a list")
    steps = (*parent_path, step)
    changed = cast("FrozenMap[str, Any]", tree.transform(list(steps), value))
    source = cast("Source", origin.source or Source(()))
    overrides = ((steps, f"{name} {show_path(path)}"), *source.overrides)
    return with_origin(changed, origin._replace(source=source._replace(overrides=overrides)))


def _by_name(steps: tuple[Any, ...], models: Any) -> tuple[Any, ...]:
    """Make `models[name=a]` and `models.a` mean the same, however the models are written."""
    match steps:
        case (Key("models"), Select((Condition("name", name),)), *rest) if is_by_name(models):
            return (steps[0], Key(name), *rest)
        case (Key("models"), Key(name), *rest) if isinstance(models, VECTOR):
            return (steps[0], Select((Condition("name", name, name),)), *rest)
    return steps
