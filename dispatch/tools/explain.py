"""Where each value of a configuration came from, and where it goes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Set
from typing import Any, Literal, NamedTuple

from dispatch.config import ConfigMorpher
from dispatch.config.callables import Parameters, read_parameters
from dispatch.config.paths import PathLike, trace
from dispatch.environment import references
from dispatch.errors import Position, RoleError, Step, place
from dispatch.hints import did_you_mean
from dispatch.llm.keys import OWN_KEYS
from dispatch.roles import DEFAULT_CONTRACT, Contract, read_roles
from dispatch.secrets import is_secret, known_secrets, redact, redact_key

__all__ = ["Explanation", "explain"]

Fate = Literal["named", "passed", "kept", "dropped", "outside"]

_TOLD: Mapping[Fate, str] = {
    "named": "a parameter of {}",
    "passed": "to {} through **kwargs",
    "kept": "kept back: the dispatcher's own",
    "dropped": "not taken by {}",
    "outside": "no part of a model",
}


class Explanation(NamedTuple):
    """One value: what it is, redacted, where it was written, and what becomes of it.

    `origins` begins with the place that counts; the others are those that it was merged over.
    `fate` is "named" for a parameter of the callable, "passed" for what goes through `**kwargs`,
    "kept" for the dispatcher's own keys, "dropped" for what the callable does not take, and
    "outside" for what is no part of a model. `variable` is the environment variable that it is
    resolved from, and `is_set` whether that is set.
    """

    path: tuple[Step, ...]
    value: Any
    origins: tuple[Position, ...]
    fate: Fate
    target: str = ""
    variable: str = ""
    is_set: bool = False

    @property
    def place(self) -> str:
        """The path as text."""
        return place(self.path)

    def told(self) -> str:
        """The explanation in words.

        >>> told = Explanation(("models", 0, "model"), "gpt-4o", (), "named", "litellm.completion")
        >>> told.told()
        'a parameter of litellm.completion'
        """
        told = _TOLD[self.fate].format(self.target)
        if self.variable:
            told += f"; resolved from {self.variable}, which is {'set' if self.is_set else 'unset'}"
        return told


def explain(
    config: ConfigMorpher,
    path: PathLike | None = None,
    *,
    target: Any = None,
    role: str | None = None,
    contract: Contract = DEFAULT_CONTRACT,
) -> list[Explanation]:
    """Explain every single value at or below a path, in the order written.

    `target` is the callable that models are handed to; without one it is `litellm.completion`,
    which is imported then. With a `role`, only the models that play it are explained.

    >>> config = ConfigMorpher({"models": [{"name": "a", "model": "gpt-4o", "api_key": "sk-1"}]})
    >>> def complete(model, **kwargs): ...
    >>> for each in explain(config, target=complete):
    ...     print(each.place, each.value, each.fate)
    models[0].name a kept
    models[0].model gpt-4o named
    models[0].api_key *** passed

    Raises `PathError` for a path that leads nowhere, and `RoleError` for an undeclared role.
    """
    if target is None:
        import litellm

        target = litellm.completion
    parameters = read_parameters(target)
    tree = config.config
    secrets = known_secrets(tree)
    start = tuple(trace(tree, path)) if path is not None else ()
    chosen = None if role is None else _players(tree, role, contract)
    return [
        _explanation(config, at, value, parameters, _name(target), secrets)
        for at, value in _leaves(tree, ())
        if at[: len(start)] == start and (chosen is None or at[:2] in chosen)
    ]


def _players(tree: Mapping[str, Any], role: str, contract: Contract) -> set[tuple[Step, ...]]:
    if role not in contract:
        raise RoleError(f"role {role!r} is not declared; {did_you_mean(role, contract)}")
    models = tree.get("models")
    return {
        ("models", index)
        for index, model in enumerate(models if isinstance(models, list) else ())
        if isinstance(model, Mapping)
        and any(role in entry for entry in read_roles(model.get("roles"), contract)[0])
    }


def _leaves(value: Any, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Yield each single value with its path."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path, value


def _explanation(
    config: ConfigMorpher,
    path: tuple[Step, ...],
    value: Any,
    parameters: Parameters,
    target: str,
    secrets: Set[str],
) -> Explanation:
    fate = _fate(path, parameters)
    sent = fate in ("named", "passed")
    variable = next((name for _, name in references(value)), "") if sent else ""
    origins = tuple(config.source.origins(path)) if config.source else ()
    is_set = bool(os.environ.get(variable, "").strip())
    told = tuple(redact_key(step) if isinstance(step, str) else step for step in path)
    # What stands anywhere below a secret's name, or below a name that holds one, is not shown.
    hidden = told != path or any(is_secret(str(step)) for step in path)
    hidden = hidden or str(value) in secrets  # by an anchor, say
    if isinstance(value, str) and "roles" in path[-2:] and redact_key(value) != value:
        hidden = True  # a key that slipped into the roles
    shown = redact(value, "secret" if hidden else "")
    return Explanation(told, shown, origins, fate, target, variable, is_set)


def _fate(path: tuple[Step, ...], parameters: Parameters) -> Fate:
    if len(path) < 3 or path[0] != "models":
        return "outside"
    key = path[2]
    if key in parameters.defaults:
        return "named"
    if key in OWN_KEYS:
        return "kept"
    return "passed" if parameters.takes_any and key not in parameters.withheld else "dropped"


def _name(target: Any) -> str:
    name = getattr(target, "__qualname__", type(target).__qualname__)
    return f"litellm.{name}" if _module(target).startswith("litellm") else name


def _module(target: Any) -> str:
    return str(getattr(target, "__module__", ""))
