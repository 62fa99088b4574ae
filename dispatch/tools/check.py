"""All that is wrong with a configuration, or looks so, without a network, a key or litellm.

What a dispatcher would refuse is a fault; what would most likely fail later is a warning: at a
call, or where the roles are handed to LiteLLM's Router. Each has its place in the files that the
configuration came from.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

from dispatch.config import ConfigMorpher
from dispatch.environment import find_unresolvable
from dispatch.errors import ConfigError, Fault, Position, Step
from dispatch.llm.catalog import Catalog, needs, read_catalog
from dispatch.llm.deployments import deploy, find_collisions, model_place
from dispatch.llm.endpoints import find_foreign_key
from dispatch.llm.keys import OWN_KEYS, find_misspelt, find_unfit, is_known
from dispatch.llm.proxy import SECTIONS
from dispatch.llm.settings import find_dead_fallbacks, find_wrong_section
from dispatch.nearest import nearest
from dispatch.pipeline import pipeline
from dispatch.roles import CHATCOMPLETIONS, DEFAULT_CONTRACT, Contract, read_roles
from dispatch.secrets import known_secrets, redact_text, scrub
from dispatch.stages import check_models, find_faults

__all__ = ["Report", "check"]


class Report(NamedTuple):
    """What a check found: `faults` and `warnings` in the order of the files, and how many models.

    >>> report = Report((), (), 2)
    >>> report.summary
    '2 models, no fault, no warning'
    """

    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    models: int

    @property
    def summary(self) -> str:
        """The counts, in words."""
        counts = (
            (self.models, "model"),
            (len(self.faults), "fault"),
            (len(self.warnings), "warning"),
        )
        return ", ".join(f"{count or 'no'} {what}{'s' * (count > 1)}" for count, what in counts)


def check(
    config: ConfigMorpher,
    *,
    contract: Contract = DEFAULT_CONTRACT,
    today: datetime.date | None = None,
) -> Report:
    """Check the models of a configuration against a contract, and against what LiteLLM knows.

    >>> config = ConfigMorpher({"models": [{"model": "gpt-4o", "roles": "chat", "temprature": 0}]})
    >>> report = check(config)
    >>> print(report.faults[0])
    models[0].roles: role 'chat' is not declared; known: chatcompletions, postcompletions
    >>> print(report.warnings[0])
    models[0].temprature: nobody knows this key; did you mean 'temperature'?
    """
    tree = config.config
    found = list(_find(tree, contract, today or datetime.date.today()))
    if any(fault.code == "unknown-model" for fault in found):
        found = _without_secrets(found, known_secrets(tree))
    if config.source is not None:
        from dispatch.config.traps import find_traps  # there are none but in files

        found += find_traps(config.source.files, {fault.path for fault in found})
        place = config.source.place
        found = [fault.at(fault.position or place(fault.path, fault.code)) for fault in found]
        order = [file.name for file in config.source.files]
        found.sort(key=lambda fault: _order(fault.position, order))
    models = tree.get("models")
    return Report(
        tuple(fault for fault in found if fault.severity == "error"),
        tuple(fault for fault in found if fault.severity == "warning"),
        len(models) if isinstance(models, list) else 0,
    )


def _without_secrets(faults: Iterable[Fault], secrets: frozenset[str]) -> list[Fault]:
    """Hide a secret where an anchor made it the name of a model."""
    return [
        fault._replace(message=scrub(fault.message, secrets))
        if fault.code == "unknown-model"
        else fault
        for fault in faults
    ]


def _order(position: Position | None, files: list[str]) -> tuple[int, int, int]:
    if position is None:
        return (len(files), 0, 0)
    return files.index(position.file), position.line, position.column


_MOST_UNKNOWN = 500  # keys: to look for the nearest known one of each takes half a millisecond


def _warning(path: tuple[Step, ...], message: str, hint: str, code: str) -> Fault:
    return Fault(path, message, hint, code, "warning")


def _find(tree: Mapping[str, Any], contract: Contract, today: datetime.date) -> Iterator[Fault]:
    yield from _wrong_sections(tree)
    if "models" not in tree:
        near = nearest("models", [key for key in tree if isinstance(key, str)])
        hint = f"{near!r} looks like it" if near else "list the models under it"
        yield Fault((), "has no key 'models'", hint, "missing-models")
        return
    models = tree["models"]
    try:
        check_models(models)
    except ConfigError as error:
        yield from error.faults
        return
    if not models:
        yield _warning(("models",), "holds no model", "list one", "no-models")
    faults = find_faults(models, contract=contract)
    yield from faults
    twice = list(_same_names(models))
    yield from twice
    if not faults:
        told = {fault.path for fault in twice}  # the Router would tell of these once more
        yield from (fault for fault in _undeployable(tree, contract) if fault.path not in told)
    yield from _misspelt(models)
    catalog = read_catalog()
    for index, model in enumerate(models):
        if isinstance(model, Mapping):
            for fault in _look_at(model, contract, catalog, today):
                yield fault.under("models", index)


def _misspelt(models: list[Any]) -> Iterator[Fault]:
    """Yield keys that look misspelt; in a file of thousands of unknown ones, those of the first."""
    seen: set[str] = set()
    for index, model in enumerate(models):
        keys = [key for key in model if isinstance(key, str)] if isinstance(model, Mapping) else []
        unknown = [key for key in keys if key not in OWN_KEYS and not is_known(key)]
        for fault in find_misspelt(unknown, OWN_KEYS):
            yield fault.under("models", index)
        seen.update(unknown)
        if len(seen) > _MOST_UNKNOWN:
            return


def _wrong_sections(tree: Mapping[str, Any]) -> Iterator[Fault]:
    for name in SECTIONS:
        yield from map(_as_warning, find_wrong_section(name, tree.get(name)))


def _undeployable(tree: Mapping[str, Any], contract: Contract) -> Iterator[Fault]:
    """Yield the names and the fallbacks for which models without a fault would get no Router."""
    models, settings = tree["models"], tree.get("router_settings")
    deployments, faults = deploy(pipeline(contract)(map(_outlined, count(), models)))
    places = {model_place(model): index for index, model in enumerate(models)}
    for fault in faults:
        path = ("models", places[fault.path], "name") if fault.path in places else ("models",)
        yield _as_warning(fault._replace(path=path))
    if isinstance(settings, Mapping):
        yield from map(_as_warning, find_dead_fallbacks(settings, deployments))


def _outlined(index: int, model: Mapping[str, Any]) -> dict[str, Any]:
    """What makes a model a deployment apart; the rest would be copied for each of its roles."""
    name = model.get("name")
    known = {"name": name} if isinstance(name, str) else {}
    return {**known, "model": str(index), "roles": model.get("roles")}


def _as_warning(fault: Fault) -> Fault:
    """The same as a warning: a program that uses no Router may live with it."""
    return fault._replace(severity="warning")


def _same_names(models: list[Any]) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for index, model in enumerate(models):
        name = model.get("name") if isinstance(model, Mapping) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            message = f"models[{seen[name]}] is called {redact_text(name)!r} too"
            hint = "give each a name of its own: a selector finds the first only"
            yield _warning(("models", index, "name"), message, hint, "duplicate-name")
        seen.setdefault(name, index)


def _look_at(
    model: Mapping[str, Any], contract: Contract, catalog: Catalog | None, today: datetime.date
) -> Iterator[Fault]:
    """Yield what looks wrong with one model, whether or not its shape is right."""
    yield from _references(model)
    yield from find_unfit(model)
    yield from map(_as_warning, find_collisions(model))
    endpoint = model.get("api_base") or model.get("base_url")
    if endpoint:
        foreign = find_foreign_key(model)
        if foreign is not None:
            yield foreign
    name = model.get("model")
    if catalog is not None and isinstance(name, str) and name and "mock_response" not in model:
        if not endpoint:
            yield from _unset_keys(model, name, catalog)
        if not endpoint or catalog.provider(name, model.get("custom_llm_provider")) == "azure":
            yield from _model_warnings(model, name, contract, catalog, today)


def _references(model: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield each reference to a variable that is unset, and each that is written wrongly."""
    yield from find_unresolvable({k: v for k, v in model.items() if k not in OWN_KEYS})


def _unset_keys(model: Mapping[str, Any], name: str, catalog: Catalog) -> Iterator[Fault]:
    provider = catalog.provider(name, model.get("custom_llm_provider"))
    for need in needs(provider, model) if provider else ():
        if not any(os.environ.get(variable, "").strip() for variable in need.variables):
            message = f"{provider} needs {' or '.join(need.variables)}, and finds none set"
            yield _warning(("model",), message, f"set it, or give {need.keys[0]}", "unset-key")


def _model_warnings(
    model: Mapping[str, Any],
    name: str,
    contract: Contract,
    catalog: Catalog,
    today: datetime.date,
) -> Iterator[Fault]:
    custom = model.get("custom_llm_provider")
    known = catalog.find(name, custom)
    if known is None:
        yield from _unknown(name, custom, catalog)
        return
    retired = str(known.get("deprecation_date") or "")
    if re.fullmatch(r"\d{4}-\d\d-\d\d", retired) and retired <= today.isoformat():
        yield _warning(("model",), f"{name} was deprecated on {retired}", "", "deprecated-model")
    roles = {role for entry in read_roles(model.get("roles"), contract)[0] for role in entry}
    if CHATCOMPLETIONS in roles and known.get("supports_function_calling") is False:
        message = f"{name} cannot call functions, as the main conversation does"
        yield _warning(("model",), message, "", "no-function-calling")
    yield from _beyond_limit(model, known)


def _beyond_limit(model: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Fault]:
    limit = known.get("max_output_tokens") or known.get("max_tokens")
    for key in ("max_tokens", "max_completion_tokens"):
        asked = model.get(key)
        if isinstance(asked, int) and isinstance(limit, int | float) and asked > limit:
            message = f"{asked} is more than the {int(limit)} tokens that the model gives"
            yield _warning((key,), message, f"ask for at most {int(limit)}", "too-many-tokens")


def _unknown(name: str, custom: Any, catalog: Catalog) -> Iterator[Fault]:
    shown = redact_text(name)
    if catalog.provider(name, custom) is None:
        near = catalog.near(name)
        hint = f"did you mean {near!r}?" if near else "write its provider before it: openai/…"
        message = f"LiteLLM cannot tell who serves {shown!r}"
    elif catalog.takes_any_name(name, custom):
        return
    else:
        near = catalog.near(name, custom)
        hint = f"did you mean {near!r}?" if near else ""
        message = f"LiteLLM's list does not hold {shown!r}"
    yield _warning(("model",), message, hint, "unknown-model")
