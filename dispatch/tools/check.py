"""Check a configuration for errors and likely errors, without a network, a key or LiteLLM.

A fault is something that a dispatcher rejects; a warning is something that will probably fail
later, in a call or in LiteLLM's Router. Each has its location in the user's files.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from os import PathLike
from typing import Any, NamedTuple

from toolz import do, unique

from dispatch.config.environment import find_unresolvable
from dispatch.config.morpher import ConfigMorpher
from dispatch.errors import ConfigError, Fault, Position, Step
from dispatch.immutable import VECTOR, FrozenMap, freeze, locate, origin_of
from dispatch.litellm.catalog import OPERATIONS, Catalog, needs, read_catalog
from dispatch.litellm.deployments import Groups, deploy, find_idle_weights
from dispatch.litellm.endpoints import endpoint_of, find_credential_leak
from dispatch.litellm.keys import VALUE_TYPES, is_known, kinds_of
from dispatch.litellm.lint import find_refused_by_litellm, find_suspicious
from dispatch.litellm.names import (
    fallback_sources,
    find_dead_aliases,
    find_dead_fallbacks,
    find_unnamed_credentials,
)
from dispatch.litellm.policy import (
    RESERVED_KEYS,
    find_misspelt,
    find_value_faults,
    hide_misspelt_secrets,
)
from dispatch.litellm.proxy import find_unresolved
from dispatch.litellm.proxy_file import find_proxy_faults, has_more, is_proxy_file
from dispatch.litellm.settings import (
    SECTIONS,
    advise_on_section,
    find_settings_faults,
    find_suspicious_settings,
    values_at,
)
from dispatch.litellm.tables import rows
from dispatch.litellm.values import find_misfit, inner_keys
from dispatch.loading import read_tree
from dispatch.pipeline import pipeline
from dispatch.redaction import is_reference, literal_secrets, quote_name, secret_values
from dispatch.roles import CHATCOMPLETIONS, POSTCOMPLETIONS, Contract, Role
from dispatch.sections import OWN_SECTIONS, Sections, is_by_name, locate_outer, read_sections
from dispatch.stages import Model, each
from dispatch.suggestions import nearest
from dispatch.tools.usage import has_price
from dispatch.validation import find_idle_overrides

__all__ = ["Report", "check", "tree_of"]

Found = Iterator[tuple[Any, Fault]]
"""Faults, each with the mapping that its path starts from."""
Config = str | PathLike[str] | Mapping[str, Any] | ConfigMorpher | Iterable[Mapping[str, Any]]

_MODES = {callable_: mode for mode, callable_ in OPERATIONS.items()}
_CHAT_CALLABLES = ("completion", "text_completion", "responses")
_CALLABLES = [f"{a}{name}" for name in (*_MODES, *_CHAT_CALLABLES) for a in ("", "a")]
_UNSET = ("unset-key", "unset-variable")
_NOTED = ("unknown-key", "literal-secret")
_CHAT_MODES = ("chat", "responses", "completion")  # what `litellm.completion` calls


class Report(NamedTuple):
    """The result of a check: `faults` and `warnings` in file order, and the number of models.

    `notes` are for information, such as keys that LiteLLM does not know, and literal secrets.

    >>> Report((), (), 2).summary
    '2 models, no faults, no warnings'
    """

    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    models: int
    notes: tuple[Fault, ...] = ()

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
    ahead: int = 30,
    deep: bool = False,
) -> Report:
    """Check a configuration against a contract and LiteLLM's tables.

    `config` is the path of a file, a configuration, or a list of models. `contract` is what the
    program declares; it overrides the section `roles` of the configuration.
    Models that reach the end of their life within `ahead` days are reported. If `deep`, LiteLLM is
    imported and asked which parameters it rejects, without a network or a key.
    Sections that LiteLLM does not know are reported, except own keys and those named `x-…`.

    >>> model = {"model": "gpt-4o", "roles": "chatcompletion", "temprature": 0, "api_key": "none"}
    >>> report = check([model])
    >>> print(report.faults[0])
    models[0].roles: role 'chatcompletion' is not declared; did you mean 'chatcompletions'?
    >>> print(report.warnings[0])
    models[0].temprature: unknown key; did you mean 'temperature'?
    """
    try:
        tree = tree_of(config)
    except ConfigError as error:
        return Report(error.faults, (), 0)
    hide_misspelt_secrets(tree)
    found: list[Fault] = []
    sections = read_sections(tree, contract, faults=found)
    read = _Dispatched(tree, sections, found, ahead=ahead, today=today or datetime.date.today())
    for finder, is_beside in _FINDERS.items():
        if deep or finder is not _find_refused:
            known = set() if is_beside else {fault.path for fault in found}
            located = (locate(fault, holder) for holder, fault in finder(read))
            found += [fault for fault in located if fault.path not in known]
    # A fault in a default, or in a model with several roles, is found several times.
    found = unique(found, key=lambda fault: (fault.path, fault.message))
    found = [*_merge(found, tree), *find_proxy_faults(tree)]
    source: Any = getattr(origin_of(tree), "source", None)
    if source is not None:
        found += source.pitfalls({fault.path for fault in found})
        files = [file.name for file in source.files]
        found.sort(key=lambda fault: _order(fault.position or Position(""), files))
    models = tree.get("models", tree.get("model_list"))
    count = len(models) if isinstance(models, VECTOR) or is_by_name(models) else 0
    faults, warnings, notes = (
        tuple(fault for fault in found if fault.severity == severity)
        for severity in ("error", "warning", "note")
    )
    return Report(faults, warnings, count, notes)


def _order(position: Position, files: list[str]) -> tuple[int, int, int]:
    known = position.file in files
    return (files.index(position.file), *position[1:3]) if known else (len(files), 0, 0)


def tree_of(config: Config) -> FrozenMap[str, Any]:
    """Return a configuration as an immutable map; a list becomes the `models` of one."""
    if isinstance(config, str | PathLike):
        return read_tree([config])
    if isinstance(config, ConfigMorpher):
        return config.tree
    sections = config if isinstance(config, Mapping) else {"models": config}
    tree: FrozenMap[str, Any] = freeze(sections)
    return tree


def _warning(path: tuple[Step, ...], message: str, hint: str, code: str) -> Fault:
    return Fault(path, message, hint, code, "warning")


def _find_in_sections(tree: FrozenMap[str, Any], own_keys: Collection[str]) -> Iterator[Fault]:
    known = (*OWN_SECTIONS, "model_list", "$schema", *SECTIONS)
    found: list[Fault] = []
    for name, section in tree.iteritems():
        if name in SECTIONS:
            found += find_settings_faults(section, name)
        elif isinstance(name, str) and not (name in {*known, *own_keys} or name.startswith("x-")):
            if not {"models", "model_list"} & tree.keys() and nearest("models", [name]):
                continue  # named by the fault about the missing models
            home = advise_on_section(name)
            near = None if home else nearest(name, known, 0.75)
            hint = "if it is the program's own, list it in own_keys, or begin its name with x-"
            hint = home or (f"did you mean {quote_name(near)}?" if near else hint)
            found.append(_warning((name,), "unknown section", hint, "unknown-key"))
    suspicious = list(find_suspicious_settings(tree, own=is_proxy_file(tree)))
    advised = {fault.path for fault in suspicious if fault.code == "unknown-key"}
    found = [fault for fault in found if fault.path not in advised]
    yield from (locate(fault.as_warning(), tree) for fault in (*found, *suspicious))


class _Dispatched:
    """A configuration, dispatched as far as it is valid; its faults are added to `found`."""

    def __init__(
        self, tree: FrozenMap[str, Any], sections: Sections, found: list[Fault], **options: Any
    ) -> None:
        contract, models, copies = sections.contract, list[Model](), list[Model]()
        self.tree, self.rest, self.contract = tree, sections.rest, contract
        self.models, self.copies, self.own_keys = models, copies, contract.own_keys
        self.is_partial = bool(found)
        found += _find_in_sections(tree, contract.own_keys)
        drops = values_at(self.rest, ("litellm_settings", "drop_params"))
        options["drop_params"] = self.drops_params = any(value is True for _, value in drops)
        custom = values_at(self.rest, ("litellm_settings", "custom_provider_map", "*", "provider"))
        managers = rows("callbacks", "settings")[0]  # of prompts, as in gitlab/gpt-4o
        self.providers = frozenset((*managers, *(provider for _, provider in custom)))
        self.options = options | {"own_keys": self.own_keys, "secrets": secret_values(tree)}
        keep = partial(
            pipeline, defaults=sections.defaults, copies=each(partial(do, copies.append))
        )
        self.is_refused = False
        try:
            run = keep(contract, models=each(partial(do, models.append)))
            self.groups: Groups = run(sections.models)
        except ConfigError as error:
            self.is_refused = True
            found += (locate_outer(fault, tree) for fault in error.faults)
            copies.clear()
            with suppress(ConfigError):  # the other faults of models with an undeclared role
                keep(_declare_all(contract, models))(models)
            self.groups = {role: [c for c in copies if role in c["roles"]] for role in contract}


def _declare_all(contract: Contract, models: Iterable[Model]) -> Contract:
    """Return a contract that also declares every other role that models name."""
    others: dict[str, None] = {}
    for written in (model.get("roles") for model in models):
        for entry in written if isinstance(written, VECTOR) else (written,):
            names = entry if isinstance(entry, Mapping) else (entry,)
            others |= {name: None for name in names if isinstance(name, str) and name.strip()}
    return Contract([*contract.values(), *(name for name in others if name not in contract)])


def _find_in_models(read: _Dispatched) -> Found:
    """Find problems in each model, and in each copy with parameters for its role."""
    catalog, own_keys, unknown = read_catalog(), read.own_keys, set[str]()
    options = {"providers": read.providers, **read.options}
    origins = {id(origin_of(model)) for model in read.models}
    copies = (copy for copy in read.copies if id(origin_of(copy)) not in origins)
    for model in (*read.models, *copies):
        suspicious = list(find_suspicious(model, catalog, **options))
        misplaced = {str(fault.path[0]) for fault in suspicious}
        sent = {k: v for k, v in model.to_dict().items() if k not in ("name", "roles", *own_keys)}
        faults = [
            *find_unresolvable(sent, types=VALUE_TYPES),
            *find_value_faults(model),
            *find_misspelt(model, misplaced.union(own_keys), seen=unknown),
            *filter(None, [find_credential_leak(model)]),
        ]
        wrong = {fault.path for fault in faults if fault.severity == "error"}
        faults += (fault for fault in suspicious if fault.path not in wrong)
        meant = {name for name in ("api_key", "api_base") if any(name in f.hint for f in faults)}
        unset = _find_unset_keys(model.update(dict.fromkeys(meant, "meant")), catalog)
        yield from ((model, fault) for fault in (*faults, *unset))


def _find_in_groups(read: _Dispatched) -> Found:
    """Find roles without models, and models without what their roles need."""
    contract, catalog = read.contract, read_catalog()
    if not (read.is_partial or read.is_refused or read.models or has_more(read.tree)):
        fault = _warning(("models",), "contains no model", "add one", "no-models")
        if is_proxy_file(read.tree):
            hint = "add one, unless LiteLLM's database has them"
            fault = Fault(("model_list",), "contains no model", hint, "no-models", "note")
        yield read.tree, fault
    for role, players in read.groups.items():
        lender = next((name for copy in players for name in copy["roles"]), role)
        if lender != role:
            message = f"no model plays role {quote_name(role)}: borrowed from {quote_name(lender)}"
            yield read.tree, Fault(("models",), message, "", "borrowed-role", "note")
        for copy in players:
            yield from ((copy, fault) for fault in _find_unmet_needs(copy, contract[role], catalog))
    talks = {CHATCOMPLETIONS, POSTCOMPLETIONS}.issuperset(contract) and CHATCOMPLETIONS in contract
    if read.models and not read.is_refused and talks and not read.groups[CHATCOMPLETIONS]:
        message = f"no model plays role {quote_name(CHATCOMPLETIONS)}, which run asks"
        hint = "name another with --role"
        yield read.tree, Fault(("models",), message, hint, "unplayed-role", "note")


def _find_refused(read: _Dispatched) -> Found:
    """Find what LiteLLM itself rejects."""
    catalog = read_catalog()
    for role, players in read.groups.items():
        for copy in players:
            names = (str(copy.get("model")).partition("/")[0], copy.get("custom_llm_provider"))
            if not read.providers.isdisjoint(names):
                continue
            mode: Any = _mode_of(read.contract[role]) or _describe(copy, catalog).get("mode")
            mode = mode if mode in OPERATIONS else "chat"
            sent = {key: value for key, value in copy.to_dict().items() if key not in read.own_keys}
            faults = find_refused_by_litellm(sent, mode, drop_params=read.drops_params)
            yield from ((copy, fault) for fault in faults)


def _find_in_deployments(read: _Dispatched) -> Found:
    """Find what LiteLLM's Router or its proxy would reject or ignore."""
    tree, rest, groups = read.tree, read.rest, read.groups
    deployed, faults = deploy(groups, read.own_keys)
    for model, made in deployed:
        for fault in find_unresolved(made["litellm_params"]):
            if fault.code == "listed-reference":
                yield model, fault._replace(severity="note")
    if not is_proxy_file(tree):
        yield from ((tree, fault) for fault in find_dead_aliases(rest, groups))
        for model in read.models:
            yield from ((model, fault) for fault in find_unnamed_credentials(rest, model))
    yield from ((None, fault.as_warning()) for fault in faults)
    if not read.is_refused:  # a fallback may lead to a rejected model
        yield from ((tree, fault.as_warning()) for fault in find_dead_fallbacks(rest, groups))
        yield from _find_in_fallbacks(read)
        yield from ((None, fault.as_warning()) for fault in find_idle_weights(groups))
    yield from ((None, fault) for fault in find_idle_overrides(groups))


def _merge(found: Iterable[Fault], tree: Mapping[str, Any]) -> Iterator[Fault]:
    """Merge faults that several models share: an unset variable, an unknown key, literal secrets.

    Variables that the file itself sets, for LiteLLM's proxy, are left out.
    """
    section = tree.get("environment_variables")
    given = set(map(str, section)) if isinstance(section, Mapping) else set()
    groups: dict[Any, list[Fault]] = {}
    for number, fault in enumerate(found):
        group: Any = number
        if fault.code in _UNSET:
            if given & set(fault.message.partition(" is ")[0].split(" or ")):
                continue
            group = fault.message
        elif fault.severity == "note" and fault.code in _NOTED:
            group = fault.code, fault.path[-1] if fault.code == "unknown-key" else ""
        groups.setdefault(group, []).append(fault)
    for first, *more in groups.values():
        others = f"for {len(more)} more" if first.code in _UNSET else f"{len(more)} more like it"
        yield first._replace(message=f"{first.message} (and {others})") if more else first


def _find_in_fallbacks(read: _Dispatched) -> Found:
    """Find fallbacks that apply only if a model is asked by name, or to no model here."""
    names = {model.get("name") for model in read.models} - {None}
    sources = () if is_proxy_file(read.tree) else fallback_sources(read.rest)
    for path, source in sources:
        if source in names and source not in read.groups:
            roles = (r for r, of in read.groups.items() if source in (c.get("name") for c in of))
            message = f"applies only if model {quote_name(source)} is asked by name"
            hint = f"write the role: {{{next(roles, 'role')}: […]}}"
            yield read.tree, Fault(path, message, hint, "model-fallback", "note")
    for model in read.models:
        listed = model.get("fallbacks")
        for index, name in enumerate(listed if isinstance(listed, VECTOR) else ()):
            if isinstance(name, str) and (name in names or name in read.groups):
                message = "is not a model of LiteLLM, but a name in this configuration"
                hint = "write router_settings: {fallbacks: [{chatcompletions: […]}]}"
                yield model, _warning(("fallbacks", index), message, hint, "dead-fallback")


def _find_notes(read: _Dispatched) -> Found:
    """Find keys that are sent unchanged, and literal secrets."""
    known = RESERVED_KEYS.union(read.own_keys)
    for model in read.models:
        for key in (k for k in model if isinstance(k, str) and not (k in known or is_known(k))):
            message = "is unknown to LiteLLM, and sent to the provider as it is"
            hint = "if it is the program's own, list it in own_keys"
            yield model, Fault((key,), message, hint, "unknown-key", "note")
        for path in literal_secrets(model):
            message, hint = "is a literal secret", "write os.environ/NAME: export rejects it"
            yield model, Fault(path, message, hint, "literal-secret", "note")


def _find_unset_keys(model: Model, catalog: Catalog | None) -> Iterator[Fault]:
    if catalog is None or not (called := _called(model, catalog)):
        return
    if model.get("litellm_credential_name") or model.get("configurable_clientside_auth_params"):
        return  # the key is set elsewhere, or comes with the request
    provider = catalog.provider(*called)
    for need in needs(provider, model) if provider and not endpoint_of(model)[1] else ():
        if not any(os.environ.get(variable, "").strip() for variable in need.variables):
            message = f"{' or '.join(need.variables)} is not set (required by {provider})"
            yield _warning(("model",), message, f"set it, or give {need.keys[0]}", "unset-key")


def _called(model: Model, catalog: Catalog) -> tuple[str, str | None] | None:
    """Return the name and provider to look up in LiteLLM's list, if they can be there."""
    name, custom = model.get("model"), model.get("custom_llm_provider")
    if not isinstance(name, str) or not name or is_reference(name) or "mock_response" in model:
        return None
    custom = custom if isinstance(custom, str) else None
    is_listed = not endpoint_of(model)[1] or catalog.provider(name, custom) == "azure"
    return (name, custom) if is_listed else None


def _mode_of(role: Role) -> str | None:
    """Return the mode of the models that a role's callable takes, if it is LiteLLM's."""
    called = role.calls
    if not isinstance(called, str):
        called = f"{getattr(called, '__module__', '')}.{getattr(called, '__name__', '')}"
    parts = called.replace(":", ".").split(".")
    module, name = parts[0], parts[-1]
    if module != "litellm":
        return None
    return _MODES.get(name) or _MODES.get(name.removeprefix("a"))


def _find_in_roles(read: _Dispatched) -> Found:
    """Find capabilities and callables of declared roles that look misspelled."""
    known, contract = inner_keys("model_info"), read.contract
    declared = read.tree.get("roles")
    names = [*declared] if isinstance(declared, Mapping) else []
    for name in filter(contract.__contains__, names):  # the others are faults already
        needs, calls = contract[name].needs or {}, contract[name].calls
        for key, needed in needs.items():
            if problem := _find_wrong_need(key, needed):
                fault = _warning(("roles", name, "needs", key), *problem, "wrong-roles")
                yield read.tree, fault
        for key in (key for key in needs if not key.startswith(("supports_", *known))):
            if near := nearest(key, known, 0.85):
                message, hint = f"unknown capability {quote_name(key)}", f"did you mean {near!r}?"
                fault = _warning(("roles", name, "needs", key), message, hint, "unknown-key")
                yield read.tree, fault
        calls = calls if isinstance(calls, str) else ""
        module, _, last = calls.replace(":", ".").rpartition(".")
        near = nearest(last, _CALLABLES, 0.8) if module == "litellm" else None
        if near and near != last:
            hint = f"did you mean 'litellm.{near}'?"
            message = f"unknown callable {quote_name(last)}"
            yield read.tree, _warning(("roles", name, "calls"), message, hint, "wrong-roles")


def _find_wrong_need(key: str, needed: Any) -> tuple[str, str] | None:
    kinds = kinds_of(f"model_info.{key}")
    return find_misfit(key, kinds, needed) if kinds else None


def _describe(model: Model, catalog: Catalog | None) -> Mapping[str, Any]:
    """Return what LiteLLM's list says of a model, and what its own `model_info` says instead."""
    described, name = model.get("model_info"), _called(model, catalog) if catalog else None
    listed = (catalog.find(*name) if catalog and name else None) or {}
    return {**listed, **(described if isinstance(described, Mapping) else {})}


def _find_unmet_needs(copy: Model, role: Role, catalog: Catalog | None) -> Iterator[Fault]:
    """Yield needs of a role that a model lacks, by LiteLLM's list or its `model_info`."""
    if catalog is None:
        return
    known = _describe(copy, catalog)
    implied = {"supports_function_calling": True} if role.name == CHATCOMPLETIONS else {}
    mode = {"mode": mode} if (mode := _mode_of(role)) else {}
    wanted = {**implied, **mode, **(role.needs or {})}
    wanted = {key: needed for key, needed in wanted.items() if not _find_wrong_need(key, needed)}

    for key, needed in wanted.items() if _called(copy, catalog) else ():
        is_ceiling = "cost" in key
        found = known.get(key.removeprefix("max_") if is_ceiling else key)
        allowed = _CHAT_MODES if (key, needed) == ("mode", "chat") else (needed,)
        if isinstance(found, bool | str):
            unmet = found not in allowed
        else:
            are_numbers = isinstance(found, int | float) and isinstance(needed, int | float)
            unmet = are_numbers and (found > needed if is_ceiling else found < needed)
        if unmet:
            lacks = f"{key}, which the model lacks"
            lacks = lacks if needed is True else f"{key}: {needed}, and the model has {found}"
            message = f"role {quote_name(role.name)} needs {lacks}"
            yield _warning(("model",), message, "", "unmet-need")
    if role.max_cost is not None and not has_price(copy):
        message = f"has no known price, so role {quote_name(role.name)} cannot enforce its max_cost"
        hint = "set input_cost_per_token and output_cost_per_token (to 0 if it is free)"
        yield _warning(("model",), message, hint, "no-price")


_FINDERS: Mapping[Callable[[_Dispatched], Found], bool] = {
    _find_in_models: False,
    _find_in_groups: True,
    _find_in_roles: True,
    _find_refused: False,
    _find_notes: False,
    _find_in_deployments: True,
}
"""In order; true for those that may add to what was found earlier at the same path."""
