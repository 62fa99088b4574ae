"""Role groups as the configuration of a LiteLLM proxy, the same for one machine or many.

Any OpenAI client can call a role as a model. Proxies that share a Redis instance share rate limits
and know which models are failing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from dispatch.config.arguments import report
from dispatch.config.environment import find_unresolvable, references
from dispatch.config.files import merge
from dispatch.errors import ConfigError, Fault, SecretError
from dispatch.immutable import leaves, locate, origin_of, thaw
from dispatch.litellm.deployments import Groups, as_sent, deploy, let_cool_down, parts_of
from dispatch.litellm.keys import VALUE_TYPES
from dispatch.litellm.names import find_dead_fallbacks
from dispatch.litellm.settings import MAPPINGS, SECTIONS, find_settings_faults
from dispatch.litellm.tables import rows
from dispatch.redaction import (
    REFERENCE,
    display_name,
    literal_secrets,
    printable,
    quote_name,
    type_name,
)
from dispatch.suggestions import nearest

if TYPE_CHECKING:
    from dispatch.dispatcher import ModelDispatcher

__all__ = ["find_left_out", "find_unresolved", "proxy_config", "to_yaml", "variables"]

MASTER_KEY = "LITELLM_MASTER_KEY"


def proxy_config(
    dispatcher: ModelDispatcher[Any] | Groups,
    sections: Mapping[str, Any] | None = None,
    *,
    allow_literal_secrets: bool = False,
) -> dict[str, Any]:
    """Return the configuration of a proxy that serves each role.

    References to environment variables stay: each machine resolves them when its proxy starts.
    Sections of LiteLLM's proxy are included, from `sections` or else from the dispatcher. The
    master key, with which clients authenticate, is a reference unless `general_settings` has one;
    none is added if the input was a proxy file.

    >>> from dispatch import dispatch
    >>> config = proxy_config(dispatch([{"model": "gpt-4o", "api_key": "os.environ/A_KEY"}]))
    >>> config["model_list"][0]["litellm_params"]["api_key"], config["general_settings"]
    ('os.environ/A_KEY', {'master_key': 'os.environ/LITELLM_MASTER_KEY'})

    Raises the errors of `model_list`; `SecretError` for a literal secret, unless
    `allow_literal_secrets`; and `ConfigError` for invalid settings, for a reference in a list,
    which the proxy would not resolve, for `${NAME}`, which it would send unchanged, and if no
    model plays any role.
    """
    groups, own_sections, own_keys = parts_of(dispatcher)
    sections = own_sections if sections is None else sections
    deployed, faults = deploy(groups, own_keys)
    if not deployed:
        faults.append(Fault(("models",), "no model plays any role", code="no-model"))
    carried = {n: s for n, s in sections.items() if n in SECTIONS and s}
    found = [f for name in MAPPINGS for f in find_settings_faults(sections.get(name), name)]
    found = [locate(f, sections) for f in (*found, *find_dead_fallbacks(sections, groups))]
    found += [locate(f, m) for m, made in deployed for f in _find_strings(made["litellm_params"])]
    report(dict.fromkeys(fault for fault in found if fault.severity == "warning"))
    faults += (fault for fault in found if fault.severity == "error")
    written: list[tuple[Any, dict[str, Any]]] = [(sections, carried)]
    written += [(model, deployment["litellm_params"]) for model, deployment in deployed]
    written += [(model, {"model_info": info["model_info"]}) for model, info in deployed]
    for owner, values in written:
        faults += (locate(fault, owner) for fault in find_unresolved(values))
    if faults:
        raise ConfigError(dict.fromkeys(faults))
    secrets = [
        locate(Fault(path, _LITERAL, _LITERAL_HINT, "literal-secret"), owner)
        for owner, values in written
        for path in literal_secrets(values)
    ]
    if secrets and not allow_literal_secrets:
        raise SecretError(dict.fromkeys(secrets))
    carried = thaw(carried)
    general = carried.pop("general_settings", {})
    model_list = [as_sent(deployment) for _, deployment in deployed]
    if "models" not in getattr(origin_of(sections), "moved", ()):  # otherwise a proxy file
        general = {"master_key": REFERENCE + MASTER_KEY, **general}
        settings = (carried.get(name) or {} for name in ("litellm_settings", "router_settings"))
        let_cool_down(model_list, merge(*settings))
    rest = {"general_settings": general} if general else {}
    return {"model_list": model_list, **carried, **rest}


_LITERAL = "a literal secret would be written to a file"
_LITERAL_HINT = f"write {REFERENCE}NAME, or allow it: --allow-literal-secrets"


def find_unresolved(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield references that a proxy would not expand; variables may be unset here.

    >>> for fault in find_unresolved({"stop": ["os.environ/END"]}):
    ...     print(fault.message)
    the proxy would not resolve os.environ/END in a list
    """
    for path, name in references(values):
        if isinstance(path[-1], int):
            message = f"the proxy would not resolve os.environ/{name} in a list"
            hint = "it only resolves values of mappings"
            yield Fault(path, message, hint, "listed-reference")
    for fault in find_unresolvable(values):
        expanded = {"mcp_servers", "pass_through_endpoints"}.intersection(map(str, fault.path))
        if fault.severity == "error" and not expanded:  # LiteLLM expands these even within strings
            yield fault


def _find_strings(params: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a warning for each number or boolean that the proxy would read as a string."""
    for (key, *deeper), variable in references(params):
        kind = None if deeper or key in rows("converted")[0] else VALUE_TYPES.get(str(key))
        if kind in ("number", "integer", "boolean"):
            message = f"the proxy would take os.environ/{variable} as a string"
            hint = f"write the {'value' if kind == 'boolean' else 'number'} itself"
            yield Fault((key,), message, hint, "string-from-environment", "warning")


def find_left_out(dispatcher: ModelDispatcher[Any]) -> Iterator[Fault]:
    """Yield what an export leaves out: a warning for a section, a note for a model or a budget.

    There is no warning for sections whose names start with `x-`, which belong to the user.

    >>> from dispatch import ModelDispatcher
    >>> models = [{"name": "a", "model": "gpt-4o", "enabled": False}]
    >>> for fault in find_left_out(ModelDispatcher({"models": models, "mine": 1, "x-mine": 1})):
    ...     print(fault)
    mine: is left out: LiteLLM's proxy has no such section
    models[0].enabled: switches a off, so it is left out
    """
    sections = dispatcher.sections
    for name in sections:
        if name not in SECTIONS and not str(name).startswith("x-"):
            near = nearest(str(name), SECTIONS)
            hint = f"did you mean {quote_name(near)}?" if near else ""
            message = "is left out: LiteLLM's proxy has no such section"
            yield locate(Fault((name,), message, hint, "unknown-key", "warning"), sections)
    for model in dispatcher.switched_off:
        message = f"switches {display_name(model)} off, so it is left out"
        yield locate(Fault(("enabled",), message, "", "left-out", "note"), model)
    source: Any = getattr(origin_of(sections), "source", None)
    for role in dispatcher.contract.values():
        if role.max_cost is not None:
            path = ("roles", role.name, "max_cost")
            position, *_ = (source and source.positions(path)) or [None]
            message = "is left out: the proxy has its own budgets"
            yield Fault(path, message, "", "left-out", "note", position)


def variables(config: Mapping[str, Any]) -> list[str]:
    """Return the environment variables that a proxy with this configuration needs.

    >>> variables({"a": {"api_key": "os.environ/B"}, "c": "os.environ/A"})
    ['A', 'B']
    """
    return sorted({name for _, name in references(config)})


def to_yaml(config: Mapping[str, Any], header: Iterable[str] = ()) -> str:
    """Write a configuration as YAML, under a header of comments.

    >>> print(to_yaml({"model_list": []}, ["An empty proxy."]))
    # An empty proxy.
    model_list: []
    <BLANKLINE>

    Raises `ConfigError` for a value that YAML cannot represent, such as a function.
    """
    import yaml

    faults = [
        Fault(path, f"{type_name(value)} cannot be written as YAML", code="no-yaml")
        for path, value in leaves(config)
        if value is not None and not isinstance(value, _WRITABLE)
    ]
    if faults:
        raise ConfigError(faults)
    lines = (printable(line).replace("\n", " ") for line in header)
    comments = "".join(f"# {line}".rstrip() + "\n" for line in lines)
    dumper: Any = type("Dumper", (yaml.SafeDumper,), {})  # YAML 1.2 reads 1e3 as a number
    numbers = "tag:yaml.org,2002:float", re.compile(_EXPONENT), list("-+0123456789")
    dumper.add_implicit_resolver(*numbers)
    options: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 100}
    return comments + str(yaml.dump(dict(config), Dumper=dumper, **options))


_WRITABLE = (str, int, float, bytes, date, Mapping, list, tuple)
_EXPONENT = r"^[-+]?\d[\d.]*[eE][-+]?\d+$"
