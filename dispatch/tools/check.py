"""All that is wrong with a configuration, or looks so, without a network, a key or LiteLLM.

What a dispatcher would refuse is a fault; what would most likely fail later is a warning: at a
call, or where the roles are handed to LiteLLM's Router. Each has its place in the user's files.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Set, Sized
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from pyrsistent import PVector, pvector
from toolz import do

from dispatch.config.environment import find_unresolvable
from dispatch.config.morpher import ConfigMorpher
from dispatch.errors import ConfigError, Fault, Position, Step
from dispatch.immutable import SCALARS, FrozenMap, freeze, locate, origin_of
from dispatch.litellm.catalog import Catalog, needs, read_catalog
from dispatch.litellm.deployments import deploy, find_idle_weights
from dispatch.litellm.endpoints import find_credential_leak
from dispatch.litellm.keys import VALUE_TYPES, is_known, known_keys
from dispatch.litellm.policy import find_misspelt, find_value_faults
from dispatch.litellm.proxy import SECTIONS
from dispatch.litellm.settings import find_dead_fallbacks, find_settings_faults
from dispatch.pipeline import pipeline
from dispatch.redaction import (
    HIDDEN,
    is_reference,
    is_secret,
    mark_secret,
    quote_name,
    secret_values,
)
from dispatch.roles import CHATCOMPLETIONS, Contract, Role
from dispatch.sections import OWN_SECTIONS, Sections, read_sections
from dispatch.stages import Model, each
from dispatch.suggestions import nearest

__all__ = ["Report", "check", "hide_misspelt_secrets", "tree_of"]

Config = Mapping[str, Any] | ConfigMorpher | Iterable[Mapping[str, Any]]

_MOST_UNKNOWN = (
    500  # keys of one configuration: finding the nearest secret of each takes a millisecond
)
_CHAT_MODES = ("chat", "responses", "completion")  # what `litellm.completion` calls


class Report(NamedTuple):
    """What a check found: `faults` and `warnings` in the order of the files, and how many models.

    >>> Report((), (), 2).summary
    '2 models, no faults, no warnings'
    """

    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    models: int

    @property
    def summary(self) -> str:
        """The counts, in words."""
        counts = {"model": self.models, "fault": len(self.faults), "warning": len(self.warnings)}
        return ", ".join(f"{n or 'no'} {noun}{'s' * (n != 1)}" for noun, n in counts.items())


def check(
    config: Config,
    *,
    contract: Contract | Iterable[str | Role] | None = None,
    today: datetime.date | None = None,
) -> Report:
    """Check a configuration against a contract, and against what LiteLLM knows.

    `contract` is what the program declares; it wins over the section `roles` of the configuration.
    Sections that LiteLLM does not know are reported, except those named `x-…` and own keys.

    >>> report = check([{"model": "gpt-4o", "roles": "chat", "temprature": 0, "api_key": "none"}])
    >>> print(report.faults[0])
    models[0].roles: role 'chat' is not declared; known: chatcompletions, postcompletions
    >>> print(report.warnings[0])
    models[0].temprature: unknown key; did you mean 'temperature'?
    """
    tree = tree_of(config)
    hide_misspelt_secrets(tree)
    try:
        sections = read_sections(tree, contract)
    except ConfigError as error:
        found = [*error.faults, *_find_in_sections(tree, ())]
    else:
        found = _find(tree, sections, today or datetime.date.today())
    source: Any = getattr(origin_of(tree), "source", None)
    if source is not None:
        found += source.pitfalls({fault.path for fault in found})
        files = [file.name for file in source.files]
        found.sort(key=lambda fault: _order(fault.position, files))
    models = tree.get("models")
    return Report(
        tuple(fault for fault in found if fault.severity == "error"),
        tuple(fault for fault in found if fault.severity == "warning"),
        len(models) if isinstance(models, Sized) and not isinstance(models, str) else 0,
    )


def tree_of(config: Config) -> FrozenMap[str, Any]:
    """Return a configuration as an immutable map; a list of models becomes one of these."""
    tree: FrozenMap[str, Any]
    if isinstance(config, ConfigMorpher):
        tree = config.tree
    else:
        tree = freeze(config if isinstance(config, Mapping) else {"models": config})
    return tree


def hide_misspelt_secrets(tree: Mapping[str, Any]) -> None:
    """Mark keys as secret that are most likely misspelt names of secrets that LiteLLM takes."""
    keys = dict.fromkeys(_keys([tree.get("models"), tree.get("defaults")]))
    unknown = (key for key in keys if not is_known(key) and not is_secret(key))
    secret = [key for key in known_keys() if is_secret(key)]
    mark_secret(*(key for key in islice(unknown, _MOST_UNKNOWN) if nearest(key, secret, 0.8)))


def _keys(value: Any) -> Iterator[str]:
    """Yield the keys of a mapping and of all mappings in it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str):
                yield key
            if type(item) not in SCALARS:
                yield from _keys(item)
    elif isinstance(value, list | tuple | PVector):
        for item in value:
            yield from _keys(item)


def _order(position: Position | None, files: list[str]) -> tuple[int, int, int]:
    if position is None or position.file not in files:
        return (len(files), 0, 0)
    return files.index(position.file), position.line, position.column


def _warning(path: tuple[Step, ...], message: str, hint: str, code: str) -> Fault:
    return Fault(path, message, hint, code, "warning")


def _find_in_sections(tree: FrozenMap[str, Any], own_keys: Collection[str]) -> Iterator[Fault]:
    known = (*OWN_SECTIONS, "model_list", *SECTIONS)
    for name, section in tree.iteritems():
        if name in SECTIONS:
            for fault in find_settings_faults(section, name):
                yield locate(fault.as_warning(), tree)
        elif isinstance(name, str) and not (name in {*known, *own_keys} or name.startswith("x-")):
            near = nearest(name, known)
            hint = "if it is the program's own, list it in own_keys, or begin its name with x-"
            hint = f"did you mean {quote_name(near)}?" if near else hint
            yield locate(_warning((name,), "unknown section", hint, "unknown-key"), tree)


def _find(tree: FrozenMap[str, Any], sections: Sections, today: datetime.date) -> list[Fault]:
    contract = sections.contract
    found = list(_find_in_sections(tree, contract.own_keys))
    models: list[Model] = []
    copies: list[Model] = []
    run = pipeline(
        contract,
        defaults=sections.defaults,
        models=each(partial(do, models.append)),
        copies=each(partial(do, copies.append)),
    )
    faults: list[Fault] = []
    try:
        groups = run(sections.models)
    except ConfigError as error:
        faults = [f if f.position else locate(f, tree) for f in error.faults]
        groups = {role: pvector(c for c in copies if role in c["roles"]) for role in contract}
    if not faults and not models:
        found.append(locate(_warning(("models",), "holds no model", "add one", "no-models"), tree))
    found += [*faults, *_find_in_models(models, copies, contract, today, tree)]
    _, undeployable = deploy(groups, contract.own_keys)
    if not faults:  # a model that has one may be what a fallback leads to
        undeployable += (locate(f, tree) for f in find_dead_fallbacks(sections.rest, groups))
        undeployable += find_idle_weights(groups)
    known = {(fault.path, fault.message) for fault in found}
    found += (f.as_warning() for f in undeployable if (f.path, f.message) not in known)
    return found


def _find_in_models(
    models: list[Model],
    copies: list[Model],
    contract: Contract,
    today: datetime.date,
    tree: FrozenMap[str, Any],
) -> Iterable[Fault]:
    """Return what looks wrong with each model, and with its parameters in a role; each once."""
    checks = _Checks(contract, today, secret_values(tree), read_catalog(), set())
    mine: dict[tuple[Step, ...], list[Model]] = {}
    for copy in copies:
        mine.setdefault(_path(copy), []).append(copy)
    found: dict[tuple[Any, ...], Fault] = {}
    for model in models:
        same = mine.get(_path(model), [])
        # A copy has another origin than its model where a role has parameters of its own.
        variants = [model, *(copy for copy in same if origin_of(copy) is not origin_of(model))]
        faults = [(fault, one) for one in variants for fault in checks.find(one)]
        faults += [(fault, copy) for copy in same for fault in checks.find_unmet_needs(copy)]
        for fault in (locate(fault, one) for fault, one in faults):
            found.setdefault((fault.path, fault.message), fault)
    return found.values()


def _path(model: Model) -> tuple[Step, ...]:
    origin = origin_of(model)
    return origin.path if origin else ()


class _Checks(NamedTuple):
    """What looks wrong with one model; paths of faults start at the model."""

    contract: Contract
    today: datetime.date
    secrets: Set[str]
    catalog: Catalog | None
    unknown: set[str]

    def find(self, model: Model) -> Iterator[Fault]:
        own = self.contract.own_keys
        sent = {k: v for k, v in model.to_dict().items() if k not in ("name", "roles", *own)}
        yield from find_unresolvable(sent, types=VALUE_TYPES)
        yield from find_value_faults(model)
        yield from find_misspelt(model, own, seen=self.unknown)
        if leak := find_credential_leak(model):
            yield leak
        catalog, name, custom = self.catalog, model.get("model"), model.get("custom_llm_provider")
        if catalog is None or not _is_listed(model, catalog):
            return
        provider = catalog.provider(name, custom)
        if provider is not None and not _has_endpoint(model):
            for need in needs(provider, model):
                if not any(os.environ.get(variable, "").strip() for variable in need.variables):
                    variables = " or ".join(need.variables)
                    message = f"{variables} is not set (required by {provider})"
                    yield _warning(("model",), message, f"or give {need.keys[0]}", "unset-key")
        entry = catalog.find(name, custom)
        if entry is not None:
            yield from _find_in_entry(model, entry, self.today)
        elif provider is None or not catalog.takes_any_name(name, custom):
            near = catalog.near(name, custom)
            hint = "" if provider else "write its provider before it, such as openai/…"
            hint = f"did you mean {near!r}?" if near else hint
            shown = repr(HIDDEN) if name in self.secrets else quote_name(name)
            message = f"LiteLLM's list has no model {shown}"
            message = message if provider else f"unknown provider for model {shown}"
            yield _warning(("model",), message, hint, "unknown-model")

    def find_unmet_needs(self, copy: Model) -> Iterator[Fault]:
        """Yield what the role of a copy needs, and its model lacks as far as LiteLLM knows."""
        if self.catalog is None or not _is_listed(copy, self.catalog):
            return
        role = self.contract[next(iter(copy["roles"]))]
        entry = self.catalog.find(copy["model"], copy.get("custom_llm_provider")) or {}
        described = copy.get("model_info")
        known = {**entry, **(described if isinstance(described, Mapping) else {})}
        implied = {"supports_function_calling": True} if role.name == CHATCOMPLETIONS else {}
        for key, needed in {**implied, **(role.needs or {})}.items():
            message = _find_lack(key, needed, known)
            if message:
                message = f"{message}, and role {quote_name(role.name)} needs {key}: {needed}"
                yield _warning(("model",), message, "", "unmet-need")


def _has_endpoint(model: Model) -> bool:
    return bool(model.get("api_base") or model.get("base_url"))


def _is_listed(model: Model, catalog: Catalog) -> bool:
    """Return whether LiteLLM's list can know a model: it is called, and not on an own endpoint."""
    name = model.get("model")
    if not isinstance(name, str) or not name or is_reference(name) or "mock_response" in model:
        return False
    provider = catalog.provider(name, model.get("custom_llm_provider"))
    return not _has_endpoint(model) or provider == "azure"


def _find_in_entry(model: Model, entry: Mapping[str, Any], today: datetime.date) -> Iterator[Fault]:
    retired = str(entry.get("deprecation_date") or "")
    if re.fullmatch(r"\d{4}-\d\d-\d\d", retired) and retired <= today.isoformat():
        successor = entry.get("successor_model")
        hint = f"use {successor}" if successor else ""
        yield _warning(("model",), f"was deprecated on {retired}", hint, "deprecated-model")
    limit = entry.get("max_output_tokens") or entry.get("max_tokens")
    for key in ("max_tokens", "max_completion_tokens"):
        asked = model.get(key)
        if isinstance(asked, int) and isinstance(limit, int | float) and asked > limit:
            message = f"{asked} is more than the {int(limit)} tokens in LiteLLM's list"
            yield _warning((key,), message, f"ask for at most {int(limit)}", "too-many-tokens")


def _find_lack(key: str, needed: Any, known: Mapping[str, Any]) -> str:
    """Return how a model falls short of a need; empty where it does not, or that is unknown."""
    found = known.get("_".join(key.split("_")[1:]) if "cost" in key else key)
    number = isinstance(found, int | float) and isinstance(needed, int | float)
    if key == "mode":
        wrong = found and found not in (_CHAT_MODES if needed == "chat" else (needed,))
        return f"the model is for {found}" if wrong else ""
    if needed is True:
        return f"the model has {key}: false" if found is False else ""
    if number and (found > needed if "cost" in key else found < needed):
        return f"the model has {found}"
    return ""
