"""All that is wrong with a configuration, or looks so, without a network, a key or LiteLLM.

What a dispatcher would refuse is a fault; what would most likely fail later is a warning: at a
call, or where the roles are handed to LiteLLM's Router. Each has its place in the user's files.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from functools import partial
from os import PathLike
from typing import Any, NamedTuple

from pyrsistent import pvector
from toolz import do

from dispatch.config.environment import find_unresolvable
from dispatch.config.morpher import ConfigMorpher
from dispatch.errors import ConfigError, Fault, Position, Step
from dispatch.immutable import VECTOR, FrozenMap, freeze, locate, origin_of
from dispatch.litellm.catalog import OPERATIONS, Catalog, needs, read_catalog
from dispatch.litellm.deployments import Groups, deploy, find_idle_weights
from dispatch.litellm.endpoints import find_credential_leak
from dispatch.litellm.keys import VALUE_TYPES, is_known
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
from dispatch.litellm.proxy_file import find_proxy_faults, from_litellm, has_more, is_proxy_file
from dispatch.litellm.settings import (
    SECTIONS,
    advise_on_section,
    find_settings_faults,
    find_suspicious_settings,
)
from dispatch.litellm.values import inner_keys
from dispatch.loading import read_tree
from dispatch.pipeline import pipeline
from dispatch.redaction import is_reference, literal_secrets, quote_name, secret_values
from dispatch.roles import CHATCOMPLETIONS, POSTCOMPLETIONS, Contract, Role
from dispatch.sections import OWN_SECTIONS, Sections, is_by_name, read_sections
from dispatch.stages import Model, each
from dispatch.suggestions import nearest
from dispatch.tools.usage import has_price

__all__ = ["Report", "check", "tree_of"]

Config = str | PathLike[str] | Mapping[str, Any] | ConfigMorpher | Iterable[Mapping[str, Any]]

_MODES = {callable_: mode for mode, callable_ in OPERATIONS.items()}
_CALLABLES = [f"{a}{name}" for name in (*_MODES, "completion", "responses") for a in ("", "a")]
_UNSET = ("unset-key", "unset-variable")
_CHAT_MODES = ("chat", "responses", "completion")  # what `litellm.completion` calls


class Report(NamedTuple):
    """What a check found: `faults` and `warnings` in the order of the files, and how many models.

    `notes` are worth knowing: keys that LiteLLM does not know, and literal secrets.

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
    """Check a configuration against a contract, and against what LiteLLM knows.

    `config` is the path of a file, a configuration, or a list of models. `contract` is what the
    program declares; it wins over the section `roles` of the configuration.
    Models are reported that reach the end of their life within `ahead` days. If `deep`, LiteLLM is
    imported, and asked which parameters it refuses: without a network and without a key.
    Sections that LiteLLM does not know are reported, except those named `x-…` and own keys.

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
    found, sections = _read(tree, contract)
    if sections is None:
        found += _find_in_sections(tree, ())
    else:
        wrong = bool(found)  # some models are left out
        more = _find(tree, sections, today or datetime.date.today(), ahead, deep)
        found += (fault for fault in more if not (wrong and fault.code == "no-models"))
    found = [*_group_unset(_drop_set(found, tree)), *find_proxy_faults(tree)]
    source: Any = getattr(origin_of(tree), "source", None)
    if source is not None:
        found += source.pitfalls({fault.path for fault in found})
        files = [file.name for file in source.files]
        found.sort(key=lambda fault: _order(fault.position, files))
    models = tree.get("models", tree.get("model_list"))
    return Report(
        tuple(fault for fault in found if fault.severity == "error"),
        tuple(fault for fault in found if fault.severity == "warning"),
        len(models) if isinstance(models, VECTOR) or is_by_name(models) else 0,
        tuple(fault for fault in found if fault.severity == "note"),
    )


def _read(tree: Any, contract: Any) -> tuple[list[Fault], Sections | None]:
    """Read the sections of a configuration, without what is wrong in them, which comes along."""
    found: list[Fault] = []
    before: Any = None
    while tree is not before and ("models" in tree or "model_list" in tree or not found):
        try:
            return found, read_sections(tree, contract)
        except ConfigError as error:
            found += error.faults
        before = tree
        if is_proxy_file(tree):
            tree = from_litellm(tree, skip_wrong=True)
        for first, *below in {fault.path[:2]: None for fault in found if fault.path}:
            section, held = str(first), tree.get(str(first))
            inside = below and isinstance(held, FrozenMap) and below[0] in held
            tree = tree.set(section, held.discard(below[0])) if inside else tree.discard(section)
    return found, None


def tree_of(config: Config) -> FrozenMap[str, Any]:
    """Return a configuration as an immutable map; a list of models becomes one of these."""
    tree: FrozenMap[str, Any]
    if isinstance(config, ConfigMorpher):
        tree = config.tree
    elif isinstance(config, str | PathLike):
        tree = read_tree([config])
    else:
        tree = freeze(config if isinstance(config, Mapping) else {"models": config})
    return tree


def _order(position: Position | None, files: list[str]) -> tuple[int, int, int]:
    if position is None or position.file not in files:
        return (len(files), 0, 0)
    return files.index(position.file), position.line, position.column


def _warning(path: tuple[Step, ...], message: str, hint: str, code: str) -> Fault:
    return Fault(path, message, hint, code, "warning")


def _find_in_sections(tree: FrozenMap[str, Any], own_keys: Collection[str]) -> Iterator[Fault]:
    known = (*OWN_SECTIONS, "model_list", *SECTIONS)
    found: list[Fault] = []
    for name, section in tree.iteritems():
        if name in SECTIONS:
            found += find_settings_faults(section, name)
        elif isinstance(name, str) and not (name in {*known, *own_keys} or name.startswith("x-")):
            home = advise_on_section(name)
            near = None if home else nearest(name, known, 0.75)
            hint = "if it is the program's own, list it in own_keys, or begin its name with x-"
            hint = home or (f"did you mean {quote_name(near)}?" if near else hint)
            found.append(_warning((name,), "unknown section", hint, "unknown-key"))
    suspicious = list(find_suspicious_settings(tree, own=is_proxy_file(tree)))
    advised = {fault.path for fault in suspicious if fault.code == "unknown-key"}
    found = [fault for fault in found if fault.path not in advised]
    yield from (locate(fault.as_warning(), tree) for fault in (*found, *suspicious))


def _find(
    tree: FrozenMap[str, Any], sections: Sections, today: datetime.date, ahead: int, deep: bool
) -> list[Fault]:
    contract, models, copies = sections.contract, list[Model](), list[Model]()
    run = pipeline(
        contract,
        defaults=sections.defaults,
        models=each(partial(do, models.append)),
        copies=each(partial(do, copies.append)),
    )
    refused: list[Fault] = []
    try:
        groups = run(sections.models)
    except ConfigError as error:
        refused = [fault if fault.position else locate(fault, tree) for fault in error.faults]
        groups = {role: pvector(c for c in copies if role in c["roles"]) for role in contract}
    found = [*_find_in_sections(tree, contract.own_keys), *refused]
    if not refused and not models and not has_more(tree):
        fault = _warning(("models",), "holds no model", "add one", "no-models")
        if is_proxy_file(tree):
            hint = "add one, unless LiteLLM's database has them"
            fault = Fault(("model_list",), "holds no model", hint, "no-models", "note")
        found.append(locate(fault, tree))

    catalog, secrets, unknown = read_catalog(), secret_values(tree), set[str]()
    settings = sections.rest.get("litellm_settings")
    settings = settings if isinstance(settings, Mapping) else {}
    custom = settings.get("custom_provider_map")
    custom = custom if isinstance(custom, VECTOR) else ()
    options: dict[str, Any] = {
        "ahead": ahead,
        "today": today,
        "own_keys": contract.own_keys,
        "providers": [each.get("provider") for each in custom if isinstance(each, Mapping)],
        "drop_params": settings.get("drop_params") is True,
        "secrets": secrets,
    }
    known = {fault.path for fault in refused}
    # A copy has another origin than its model if its role has parameters.
    origins = {id(origin_of(model)) for model in models}
    for model in (*models, *(copy for copy in copies if id(origin_of(copy)) not in origins)):
        suspicious = list(find_suspicious(model, catalog, **options))
        misplaced = {str(fault.path[0]) for fault in suspicious}
        faults = list(_find_in_keys(model, contract.own_keys, misplaced, unknown))
        wrong = {fault.path for fault in faults if fault.severity == "error"}
        suspicious = [fault for fault in suspicious if fault.path not in wrong]
        unset = _find_unset_keys(model, catalog)
        located = (locate(fault, model) for fault in (*faults, *suspicious, *unset))
        found += (fault for fault in located if fault.path not in known)
    for role, players in groups.items():
        lender = next((name for copy in players for name in copy["roles"]), role)
        if lender != role:
            message = f"no model plays role {quote_name(role)}: borrowed from {quote_name(lender)}"
            found.append(locate(Fault(("models",), message, "", "borrowed-role", "note"), tree))
        for copy in players:
            found += (locate(f, copy) for f in _find_unmet_needs(copy, contract[role], catalog))
            if catalog and contract[role].max_cost is not None and not has_price(copy):
                found.append(locate(_without_price(role), copy))
    found += (locate(fault, tree) for fault in _find_in_roles(tree.get("roles"), contract))
    if deep:
        known = {fault.path for fault in found}
        asked = _ask_litellm(groups, contract, options["drop_params"], contract.own_keys)
        found += (fault for fault in asked if fault.path not in known)

    found += _find_notes(models, contract.own_keys, {fault.path for fault in found})
    deployed, undeployable = deploy(groups, contract.own_keys)
    for model, made in deployed:
        refs = find_unresolved(made["litellm_params"])
        found += (
            locate(f._replace(severity="note"), model) for f in refs if f.code == "listed-reference"
        )
    if not is_proxy_file(tree):
        found += (locate(fault, tree) for fault in find_dead_aliases(sections.rest, groups))
        for model in models:
            found += (locate(f, model) for f in find_unnamed_credentials(sections.rest, model))
    talks = {CHATCOMPLETIONS, POSTCOMPLETIONS}.issuperset(contract) and CHATCOMPLETIONS in groups
    if models and not refused and talks and not groups[CHATCOMPLETIONS]:
        message = f"no model plays role {quote_name(CHATCOMPLETIONS)}, which run asks"
        note = Fault(("models",), message, "name another with --role", "unplayed-role", "note")
        found.append(locate(note, tree))
    if not refused:  # a refused model may be what a fallback leads to
        undeployable += (locate(f, tree) for f in find_dead_fallbacks(sections.rest, groups))
        found += _find_in_fallbacks(sections.rest, groups, models, tree)
        undeployable += find_idle_weights(groups)
    found += (fault.as_warning() for fault in undeployable)
    # What is wrong with a default, or with a model of many roles, was found many times.
    return list({(fault.path, fault.message): fault for fault in reversed(found)}.values())[::-1]


def _drop_set(found: Iterable[Fault], tree: Mapping[str, Any]) -> Iterator[Fault]:
    """Drop what is said of variables that the file itself sets, for LiteLLM's proxy."""
    section = tree.get("environment_variables")
    given = {str(name) for name in section} if isinstance(section, Mapping) else set()
    for fault in found:
        unset = fault.code in _UNSET
        if not (unset and given & set(fault.message.partition(" is ")[0].split(" or "))):
            yield fault


def _group_unset(found: Iterable[Fault]) -> list[Fault]:
    """Report a variable that is not set once, however many models need it."""
    grouped: dict[Any, list[Fault]] = {}
    for number, fault in enumerate(found):
        unset = fault.code in _UNSET
        grouped.setdefault(fault.message if unset else number, []).append(fault)
    return [
        first._replace(message=f"{first.message} (and for {len(more)} more)") if more else first
        for first, *more in grouped.values()
    ]


def _find_in_fallbacks(
    sections: Mapping[str, Any], groups: Groups, models: Iterable[Model], tree: Mapping[str, Any]
) -> Iterator[Fault]:
    """Yield fallbacks that count only where a model is asked by its name, or for no model here."""
    names = {model.get("name") for model in models} - {None}
    sources = () if is_proxy_file(tree) else fallback_sources(sections)
    for path, source in sources:
        if source in names and source not in groups:
            roles = (
                role
                for role, copies in groups.items()
                if any(source == c.get("name") for c in copies)
            )
            message = f"counts only where model {quote_name(source)} is asked by its name"
            hint = f"write the role: {{{next(roles, 'role')}: […]}}"
            yield locate(Fault(path, message, hint, "model-fallback", "note"), tree)
    for model in models:
        listed = model.get("fallbacks")
        for index, name in enumerate(listed if isinstance(listed, VECTOR) else ()):
            if isinstance(name, str) and (name in names or name in groups):
                message = "is no model of LiteLLM, but a name of this configuration"
                hint = "write router_settings: {fallbacks: [{chatcompletions: […]}]}"
                yield locate(_warning(("fallbacks", index), message, hint, "dead-fallback"), model)


def _find_notes(
    models: Iterable[Model], own: Collection[str], flagged: Set[tuple[Step, ...]]
) -> Iterator[Fault]:
    """Yield one note for each key that is sent as it is, and one for all literal secrets."""
    notes: dict[str, list[Fault]] = {}
    for model in models:
        for key in filter(lambda key: isinstance(key, str), model):
            if not (key in RESERVED_KEYS or key in own or is_known(key)):
                message = "is unknown to LiteLLM, and sent to the provider as it is"
                hint = "if it is the program's own, list it in own_keys"
                fault = locate(Fault((key,), message, hint, "unknown-key", "note"), model)
                notes.setdefault(key, []).extend([fault] if fault.path not in flagged else [])
        for path in literal_secrets(model):
            message, hint = "is a literal secret", "write os.environ/NAME: export refuses it"
            fault = locate(Fault(path, message, hint, "literal-secret", "note"), model)
            notes.setdefault("", []).extend([fault] if fault.path not in flagged else [])
    for first, *more in filter(None, notes.values()):
        places = f" (and {len(more)} more like it)" if more else ""
        yield first._replace(message=first.message + places)


def _find_in_keys(
    model: Model, own: Collection[str], misplaced: set[str], unknown: set[str]
) -> Iterator[Fault]:
    sent = {k: v for k, v in model.to_dict().items() if k not in ("name", "roles", *own)}
    yield from find_unresolvable(sent, types=VALUE_TYPES)
    yield from find_value_faults(model)
    yield from find_misspelt(model, misplaced.union(own), seen=unknown)
    if leak := find_credential_leak(model):
        yield leak


def _find_unset_keys(model: Model, catalog: Catalog | None) -> Iterator[Fault]:
    if catalog is None or not (called := _called(model, catalog)):
        return
    if model.get("litellm_credential_name") or model.get("configurable_clientside_auth_params"):
        return  # what the provider needs is given elsewhere, or comes with the request
    provider = catalog.provider(*called)
    has_endpoint = model.get("api_base") or model.get("base_url")
    for need in needs(provider, model) if provider and not has_endpoint else ():
        if not any(os.environ.get(variable, "").strip() for variable in need.variables):
            message = f"{' or '.join(need.variables)} is not set (required by {provider})"
            yield _warning(("model",), message, f"set it, or give {need.keys[0]}", "unset-key")


def _called(model: Model, catalog: Catalog) -> tuple[str, str | None] | None:
    """Return the name and the provider that LiteLLM is asked for, if its list can know them."""
    name, custom = model.get("model"), model.get("custom_llm_provider")
    if not isinstance(name, str) or not name or is_reference(name) or "mock_response" in model:
        return None
    custom = custom if isinstance(custom, str) else None
    has_endpoint = model.get("api_base") or model.get("base_url")
    is_listed = not has_endpoint or catalog.provider(name, custom) == "azure"
    return (name, custom) if is_listed else None


def _mode_of(role: Role) -> str | None:
    """Return the mode of the models that a role's callable takes, if that is LiteLLM's own."""
    called = role.calls
    if not isinstance(called, str):
        called = f"{getattr(called, '__module__', '')}.{getattr(called, '__name__', '')}"
    parts = called.replace(":", ".").split(".")
    module, name = parts[0], parts[-1]
    if module != "litellm":
        return None
    return _MODES.get(name) or _MODES.get(name.removeprefix("a"))


def _find_in_roles(declared: Any, contract: Contract) -> Iterator[Fault]:
    """Yield what a file says of its roles, and no model can have, or LiteLLM not do."""
    known = inner_keys("model_info")
    names = [*declared] if isinstance(declared, Mapping) else []
    for name in filter(contract.__contains__, names):  # the others are wrong themselves
        needs, calls = contract[name].needs or {}, contract[name].calls
        for key in (key for key in needs if not key.startswith(("supports_", *known))):
            if near := nearest(key, known, 0.85):
                message, hint = f"unknown capability {quote_name(key)}", f"did you mean {near!r}?"
                yield _warning(("roles", name, "needs", key), message, hint, "unknown-key")
        calls = calls if isinstance(calls, str) else ""
        module, _, last = calls.replace(":", ".").rpartition(".")
        near = nearest(last, _CALLABLES, 0.8) if module == "litellm" else None
        if near and near != last:
            hint = f"did you mean 'litellm.{near}'?"
            message = f"unknown callable {quote_name(last)}"
            yield _warning(("roles", name, "calls"), message, hint, "wrong-roles")


def _ask_litellm(
    groups: Groups, contract: Contract, drop_params: bool, own: Collection[str]
) -> Iterator[Fault]:
    for role, players in groups.items():
        for copy in players:
            sent = {key: value for key, value in copy.to_dict().items() if key not in own}
            mode = _mode_of(contract[role]) or "chat"
            for fault in find_refused_by_litellm(sent, mode, drop_params=drop_params):
                yield locate(fault, copy)


def _without_price(role: str) -> Fault:
    message = f"has no known price, so the max_cost of role {quote_name(role)} cannot hold"
    hint = "set input_cost_per_token and output_cost_per_token, to 0 where it is free"
    return _warning(("model",), message, hint, "no-price")


def _find_unmet_needs(copy: Model, role: Role, catalog: Catalog | None) -> Iterator[Fault]:
    """Yield what a role needs and a model lacks, as far as LiteLLM or its `model_info` knows."""
    if catalog is None or not (called := _called(copy, catalog)):
        return
    described = copy.get("model_info")
    described = described if isinstance(described, Mapping) else {}
    known = {**(catalog.find(*called) or {}), **described}
    implied = {"supports_function_calling": True} if role.name == CHATCOMPLETIONS else {}
    mode = {"mode": mode} if (mode := _mode_of(role)) else {}
    for key, needed in {**implied, **mode, **(role.needs or {})}.items():
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
