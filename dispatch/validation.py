"""What makes a list of models, a model and the groups valid; each rule is stated once.

Paths of faults start at the model; `dispatch.stages` says in which one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dispatch.errors import ConfigError, Fault
from dispatch.immutable import VECTOR, locate, origin_of
from dispatch.redaction import quote_name
from dispatch.roles import Contract
from dispatch.suggestions import describe_type, nearest

__all__ = ["check_models", "find_model_faults", "find_unmet"]

_MODEL_HINT = "write a mapping such as {model: gpt-4o, roles: [chatcompletions]}"
_YAML_BOOLEANS = "YAML 1.1 reads on, off, yes and no as booleans: quote it"


def check_models(models: Any) -> Iterable[Any]:
    """Return the models if they are an iterable other than a string or a mapping.

    >>> check_models({"model": "gpt-4o"})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    dispatch.errors.ConfigError: models: expected a list of models, found a mapping; ...
    """
    if isinstance(models, str | bytes | Mapping) or not isinstance(models, Iterable):
        message, hint = f"expected a list of models, found {describe_type(models)}", ""
        if isinstance(models, Mapping):
            hint = "put a list around it"
        elif isinstance(models, str | bytes):
            hint = "such as [{model: gpt-4o}]; to read a file, call dispatch.load(path)"
        raise ConfigError([Fault(("models",), message, hint, "wrong-models")])
    return models


def find_model_faults(model: Any) -> list[Fault]:
    """Return everything that is wrong with one model, apart from its roles.

    >>> for fault in find_model_faults({"modle": "gpt-4o"}):
    ...     print(fault)
    has no key 'model'; 'modle' looks like it: write 'model'
    """
    if not isinstance(model, Mapping):
        message = f"expected a model, found {describe_type(model)}"
        return [Fault((), message, _MODEL_HINT, "wrong-model")]
    faults = []
    for key in model:
        if not isinstance(key, str):
            message = f"a key must be a string, found {describe_type(key)}"
            hint = _YAML_BOOLEANS if isinstance(key, bool) else "quote it"
            faults.append(Fault((), message, hint, "wrong-key"))
    name = model.get("model")
    if name is None:
        near = (key for key in model if isinstance(key, str) and nearest(key, ("model",)))
        hint = "name the model that LiteLLM calls, such as model: gpt-4o"
        if (key := next((key for key in near if key != "model"), None)) is not None:
            hint = f"{quote_name(key)} looks like it: write 'model'"
        files = getattr(getattr(origin_of(model), "source", None), "files", ())
        if "name" in model and key is None and len(files) > 1:
            hint += f"; no other file has a model {quote_name(model['name'])}"
        faults.append(Fault((), "has no key 'model'", hint, "missing-model"))
    elif not isinstance(name, str) or not name.strip():
        message = f"expected the name of a model, found {describe_type(name)}"
        hint = "quote it" if isinstance(name, int | float) else _MODEL_HINT
        hint = "list the model once for each name" if isinstance(name, VECTOR) else hint
        faults.append(Fault(("model",), message, hint, "wrong-model-name"))
    if not isinstance(model.get("enabled", True), bool):
        message = f"expected true or false, found {describe_type(model['enabled'])}"
        faults.append(Fault(("enabled",), message, code="wrong-value"))
    return faults


def find_unmet(groups: Mapping[str, Sequence[Any]], contract: Contract) -> Iterator[Fault]:
    """Yield each requirement of a contract that these groups do not meet.

    >>> for fault in find_unmet({}, Contract(["chat"])):
    ...     print(fault)
    """
    for role in contract.values():
        models = groups.get(role.name, ())
        lenders = (groups.get(name) for name in contract.lenders(role.name))
        if role.required and not models and not any(lenders):
            message = f"no model plays role {quote_name(role.name)}"
            hint = f"give a model roles: [{role.name}]"
            yield Fault(("models",), message, hint, "unplayed-role")
        if not role.multiple and len(models) > 1:
            players: dict[Any, Any] = {}  # a model may play it twice
            for number, model in enumerate(models):
                origin = origin_of(model)
                players.setdefault(origin.path if origin else number, model)
            for model in [*players.values()][1:]:
                message = f"role {quote_name(role.name)} takes one model, not {len(players)}"
                yield locate(Fault(("roles",), message, code="crowded-role"), model)
