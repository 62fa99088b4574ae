"""The sections of a configuration: its models, their defaults, and the roles that it declares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from dispatch.errors import ConfigError, Fault, Step
from dispatch.immutable import VECTOR, FrozenMap, Origin, freeze, locate, origin_of, with_origin
from dispatch.litellm.proxy_file import from_litellm, is_proxy_file
from dispatch.redaction import quote_name
from dispatch.roles import DEFAULT_ROLES, FIELDS, Contract, Role, are_names, find_wrong_field
from dispatch.suggestions import describe_type, did_you_mean, nearest
from dispatch.validation import find_model_faults

__all__ = ["CALLABLE", "OWN_SECTIONS", "Sections", "is_by_name", "locate_outer", "make_contract",
           "read_sections"]  # fmt: skip

OWN_SECTIONS = ("models", "defaults", "roles", "own_keys")
"""The sections that a dispatcher reads itself; LiteLLM's Router and proxy have the others."""

CALLABLE = r"litellm[.:]\w+"
"""How a file names what a role calls: no other module is imported for a file."""

_FIELDS = {
    **FIELDS,
    "calls": (
        "a callable of LiteLLM, such as litellm.embedding",
        lambda value: isinstance(value, str) and re.fullmatch(CALLABLE, value),
    ),
}
"""What a file may say of a role; a program may say more."""


class Sections(NamedTuple):
    """The parts of a configuration: models, which know their origins, and all other sections."""

    models: Any
    contract: Contract
    defaults: FrozenMap[str, Any] = FrozenMap({})
    rest: FrozenMap[str, Any] = FrozenMap({})


def read_sections(
    tree: Mapping[str, Any],
    roles: Contract | Iterable[str | Role] | None = None,
    own_keys: Iterable[str] = (),
    *,
    strict: bool = False,
) -> Sections:
    """Split a configuration into its parts. What a program declares wins over the file.

    >>> sections = read_sections({"models": [{"model": "gpt-4o"}], "roles": {"title": None}})
    >>> list(sections.contract), len(sections.models)
    (['chatcompletions', 'postcompletions', 'title'], 1)

    Raises `ConfigError` for sections of the wrong shape, and, if `strict`, for roles that the file
    declares and the program does not.
    """
    frozen: FrozenMap[str, Any] = freeze(tree)
    first: Iterable[Role] = DEFAULT_ROLES
    if is_proxy_file(frozen):  # its deployments have the names of all roles
        frozen, first = from_litellm(frozen), ()
    faults = list(_find_faults(frozen))
    program = roles if isinstance(roles, Contract) or roles is None else Contract(roles)
    declared, wrong = _read_roles(frozen.get("roles"))
    faults += wrong
    for name in declared if strict else ():
        if program is not None and name not in program:
            message = f"the program has no role {quote_name(name)}"
            hint = did_you_mean(name, program)
            faults.append(Fault(("roles", name), message, hint, "undeclared-role"))
    if faults:
        raise ConfigError([locate(fault, frozen) for fault in faults])
    try:
        keys = [*own_keys, *(frozen.get("own_keys") or ())]
        contract = make_contract(program, keys, declared, first)
    except ValueError as error:
        lenders = ((name, role.otherwise) for name, role in declared.items() if role.otherwise)
        borrower = next((name for name, lender in lenders if lender in str(error)), None)
        path = ("roles", borrower, "otherwise") if borrower else ("roles",)
        fault = Fault(path, str(error), code="wrong-roles")
        raise ConfigError([locate(fault, frozen)]) from None
    rest = FrozenMap.of({k: v for k, v in frozen.to_dict().items() if k not in OWN_SECTIONS})
    rest = with_origin(rest, origin_of(frozen))
    return Sections(_models(frozen), contract, frozen.get("defaults") or FrozenMap({}), rest)


def _models(tree: FrozenMap[str, Any]) -> Any:
    """Give each model its origin. A mapping of names is a list of models with these names."""
    models = tree["models"]
    origin = origin_of(tree) or Origin(())
    steps: Iterable[tuple[Step, Any]]
    if is_by_name(models):
        named = models.iteritems()
        steps = ((name, FrozenMap({"name": name, **model.to_dict()})) for name, model in named)
    elif isinstance(models, VECTOR):
        steps = enumerate(models)
    else:
        return models
    return [
        with_origin(model, origin.of(("models", step)))
        if isinstance(model, FrozenMap) and origin_of(model) is None
        else model
        for step, model in steps
    ]


def locate_outer(fault: Fault, tree: Any) -> Fault:
    """Locate a fault that no model has located: about the list of models, or an item of it.

    >>> print(locate_outer(Fault(("models", 0), "expected a model"), freeze({})))
    models[0]: expected a model
    """
    return fault if fault.position or len(fault.path) > 2 else locate(fault, tree)


def is_by_name(models: Any) -> bool:
    """Return whether models are written as a mapping of their names.

    >>> is_by_name({"main": {"model": "gpt-4o"}}), is_by_name({"model": "gpt-4o"})
    (True, False)
    """
    return isinstance(models, Mapping) and "model" not in models


def _find_faults(tree: FrozenMap[str, Any]) -> Iterator[Fault]:
    if "models" not in tree:
        near = nearest("models", [key for key in tree if isinstance(key, str)])
        meant = near and nearest(near, ("models", "model_list"))
        hint = f"{quote_name(near)} looks like it" if near else "list the models under it"
        if meant == "model_list":
            hint += ": write model_list"
        if near == "model":
            hint += ": write models: [{model: gpt-4o}]"
        yield Fault((), "has no key 'models'", hint, "missing-models")
    models = tree.get("models")
    for name, model in models.iteritems() if is_by_name(models) else ():
        if not isinstance(model, FrozenMap):
            yield from (fault.under("models", str(name)) for fault in find_model_faults(model))
    defaults = tree.get("defaults")
    if defaults is not None and not isinstance(defaults, FrozenMap):
        message = f"expected a mapping of keys, found {describe_type(defaults)}"
        hint = "all models start from them, such as {timeout: 60}"
        yield Fault(("defaults",), message, hint, "wrong-section")
    for key in ("name", "model", "roles") if isinstance(defaults, FrozenMap) else ():
        if key in defaults:
            message = f"{key!r} cannot be the same for all models"
            yield Fault(("defaults", key), message, "write it in each model", "wrong-section")
    own_keys = tree.get("own_keys")
    if own_keys is not None and not are_names(own_keys):
        message = f"expected a list of keys, found {describe_type(own_keys)}"
        yield Fault(("own_keys",), message, "write a list, such as [tags, price]", "wrong-section")


def _read_roles(section: Any) -> tuple[dict[str, Role], list[Fault]]:
    """Read the roles that a file declares: a list of names, or a mapping with their properties."""
    if isinstance(section, VECTOR):
        section = FrozenMap.of(dict.fromkeys(section)) if are_names(section) else list(section)
    if section is None:
        return {}, []
    if not isinstance(section, FrozenMap):
        message = f"expected a mapping of roles, found {describe_type(section)}"
        return {}, [Fault(("roles",), message, "write {title: {required: true}}", "wrong-roles")]
    roles: dict[str, Role] = {}
    faults: list[Fault] = []
    for name, properties in section.iteritems():
        found = list(_find_role_faults(name, properties))
        faults += found
        if not found:
            roles[name] = Role(name, **(properties.to_dict() if properties else {}))
    return roles, faults


def _find_role_faults(name: Any, properties: Any) -> Iterator[Fault]:
    if not isinstance(name, str) or not name.strip():
        message = f"expected the name of a role, found {describe_type(name)}"
        yield Fault(("roles",), message, "quote it", "wrong-roles")
        return
    if properties is not None and not isinstance(properties, FrozenMap):
        message = f"expected a mapping of the role's properties, found {describe_type(properties)}"
        yield Fault(("roles", name), message, "write {required: true}", "wrong-roles")
        return
    known: dict[str, Any] = {}
    for key, value in properties.iteritems() if properties else ():
        if key in _FIELDS:
            known[key] = value
            continue
        hint = did_you_mean(str(key), _FIELDS)
        yield Fault(("roles", name, str(key)), "unknown key of a role", hint, "unknown-key")
    for key, message in find_wrong_field(known, _FIELDS):
        yield Fault(("roles", name, key), message, code="wrong-roles")


def make_contract(
    program: Contract | Iterable[str | Role] | None,
    own_keys: Iterable[str] = (),
    declared: Mapping[str, Role] = FrozenMap({}),
    first: Iterable[Role] = DEFAULT_ROLES,
) -> Contract:
    """Return the contract of a program, or else of these first roles, with what a file declares.

    >>> list(make_contract(["chat"], declared={"title": Role("title")}))
    ['chat', 'title']
    """
    if program is None:  # a file may say more of a default role
        return Contract({**{role.name: role for role in first}, **declared}.values(), own_keys)
    program = program if isinstance(program, Contract) else Contract(program)
    added = (role for name, role in declared.items() if name not in program)
    return Contract([*program.values(), *added], [*program.own_keys, *own_keys])
