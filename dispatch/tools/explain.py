"""Explain where each value of a configuration comes from, and where it goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any, Literal, NamedTuple, cast

from pyrsistent import pvector

from dispatch.config.environment import references
from dispatch.config.morpher import ConfigMorpher
from dispatch.config.paths import Key, PathLike, parse, trace
from dispatch.config.signatures import read_parameters
from dispatch.errors import Position, Step, format_path
from dispatch.immutable import FrozenMap, Origin, leaves, origin_of
from dispatch.litellm.policy import RESERVED_KEYS, hide_misspelt_secrets
from dispatch.litellm.proxy_file import from_litellm, is_proxy_file
from dispatch.models import RoleGroup
from dispatch.redaction import is_secret, redact, redact_key, redact_path, secret_values
from dispatch.roles import CHATCOMPLETIONS, Contract, Entry, Role, read_roles
from dispatch.sections import Sections, read_sections
from dispatch.stages import Model, apply_defaults, freeze_models
from dispatch.tools.check import tree_of

__all__ = ["Explanation", "Place", "explain"]

Path = tuple[Step, ...]
Fate = Literal["parameter", "kwargs", "reserved", "ignored", "router", "section", "system", "task"]

_FATES: Mapping[Fate, str] = {
    "parameter": "a parameter of {}",
    "kwargs": "to {} through **kwargs",
    "reserved": "reserved for the dispatcher and the program: not sent",
    "ignored": "ignored: {} does not accept it",
    "router": "for LiteLLM's Router: not sent",
    "section": "a section outside of the models",
    "system": "sent as the system message",
    "task": "sent as the last message",
}
_ROUTER_KEYS = frozenset({"order", "weight", "model_info"})
_TASK = "the task of a role"
_MESSAGES: Mapping[str, Fate] = {"system_prompt": "system", _TASK: "task"}


class Place(NamedTuple):
    """The location of a value: its path in the configuration, and its position in a file."""

    path: Path
    position: Position | None = None


class Explanation(NamedTuple):
    """One value, redacted: where it was written, what it replaced, and what happens to it.

    `origins` starts with the location of the value, whose path differs from `path` if it is from
    `defaults`; the others are the values that it replaced. `fate` is "parameter" for a parameter of
    the callable `target`, "kwargs" if it goes through `**kwargs`, "ignored" if it is not accepted,
    "reserved" for keys of the dispatcher and the program, "router" for keys that LiteLLM's Router
    reads, "system" and "task" for what `complete` sends as a message, and "section" for anything
    outside of a model. `role` is set if the value is a parameter
    for one role only. `variable` is the environment variable that the value is resolved from, and
    `is_set` whether it is set. `borrowed_from` is the role that lends the model, if the requested
    role has none.
    """

    path: Path
    value: Any
    origins: tuple[Place, ...]
    fate: Fate
    target: str = ""
    role: str = ""
    variable: str = ""
    is_set: bool = False
    borrowed_from: str = ""

    @property
    def where(self) -> str:
        """The path as text."""
        return format_path(self.path)

    def describe(self) -> str:
        """Return the fate in words.

        >>> Explanation(("models", 0, "model"), "m", (), "parameter", "completion").describe()
        'a parameter of completion'
        """
        words = _FATES[self.fate].format(self.target)
        if self.role:
            words += f", in role {self.role} only"
        if self.borrowed_from:
            words += f"; borrowed from {self.borrowed_from}"
        if self.variable:
            words += f"; resolved from {self.variable}, which is {'' if self.is_set else 'not '}set"
        return words


def explain(
    config: Mapping[str, Any] | ConfigMorpher | Iterable[Mapping[str, Any]],
    path: PathLike | None = None,
    *,
    target: Callable[..., Any] | None = None,
    role: str | None = None,
    contract: Contract | Iterable[str | Role] | None = None,
) -> list[Explanation]:
    """Explain every value at or below a path, in the order of the file.

    Models are shown as calls see them, with the defaults that they do not override. They are passed
    to `target`, or to the callables of their roles, which are imported. With a `role`, only the
    models that play it are explained.

    >>> models = [{"name": "a", "model": "gpt-4o", "api_key": "sk-1"}]
    >>> def complete(model, **kwargs): ...
    >>> config = {"defaults": {"timeout": 60}, "models": models}
    >>> for each in explain(config, "models", target=complete):
    ...     print(each.where, each.value, each.fate, each.origins[0].path)
    models[0].name a reserved ('models', 0, 'name')
    models[0].model gpt-4o parameter ('models', 0, 'model')
    models[0].api_key *** kwargs ('models', 0, 'api_key')
    models[0].timeout 60 kwargs ('defaults', 'timeout')

    Raises `ConfigError` for sections of the wrong shape, `PathError` for a path that does not
    exist, and `RoleError` for a role that is not declared.
    """
    written = tree_of(config)
    hide_misspelt_secrets(written)
    tree = from_litellm(written) if is_proxy_file(written) else written
    explainer = _Explainer(tree, read_sections(tree, contract), target)
    of_proxy = path is not None and parse(path)[:1] == (Key("model_list"),)
    start = () if path is None else trace(written if of_proxy else explainer.tree, path)
    if start[:1] != ("model_list",):
        return list(explainer.explain(start, role))
    everything = explainer.explain((), role)
    return [each for each in everything if each.origins[0].path[: len(start)] == start]


Use = tuple[tuple[Place, ...], str | None, tuple[str, ...], str]
"""The locations of a value, its key, the roles that use it, and the only role, if any."""


class _Explainer:
    """A configuration as calls see it, with the data needed to explain its values."""

    def __init__(self, tree: FrozenMap[str, Any], sections: Sections, target: Any) -> None:
        models = [apply_defaults(m, sections.defaults) for m in freeze_models(sections.models)]
        by_name = isinstance(tree["models"], FrozenMap)
        named = dict(zip(tree["models"] if by_name else range(len(models)), models, strict=True))
        self.models: dict[Path, Model] = {("models", step): each for step, each in named.items()}
        self.tree = tree.set("models", FrozenMap.of(named) if by_name else pvector(models))
        self.contract = sections.contract
        self.defaults = sections.defaults
        self.target = target
        self.source: Any = getattr(origin_of(tree), "source", None)
        self.secrets = secret_values(tree)
        self.entries: dict[Path, list[Entry]] = {
            at: read_roles(model.get("roles"), self.contract)[0]
            for at, model in self.models.items()
        }
        self.roles = {
            at: tuple(dict.fromkeys(e.role for e in of)) for at, of in self.entries.items()
        }

    def explain(self, start: Path, role: str | None) -> Iterator[Explanation]:
        lender, chosen = ("", None) if role is None else self.players(role)
        for at, value in leaves(self.tree):
            if at[: len(start)] == start and (chosen is None or at[:2] in chosen):
                for each in self.explain_value(at, value, role):
                    yield each._replace(borrowed_from=lender)

    def players(self, role: str) -> tuple[str, Set[Path]]:
        """Return the role that lends the models of a role, if any, and their paths."""
        self.contract.require(role)
        for name in (role, *self.contract.lenders(role)):
            players = {at for at, roles in self.roles.items() if name in roles}
            if players:
                return "" if name == role else name, players
        return "", set()

    def explain_value(self, at: Path, value: Any, role: str | None) -> Iterator[Explanation]:
        origins, key, roles, only = self.use(at)
        fates: dict[Fate, list[str]] = {}
        if key is None:
            section = {"router_settings": "router", "roles": "reserved", "own_keys": "reserved"}
            fates[cast("Fate", section.get(str(at[0]), "section"))] = []
        else:
            roles = (role,) if role else roles or tuple(self.contract)
            called = (RoleGroup(name, (), self.contract).callable for name in roles)
            targets = [self.target] if self.target is not None else dict.fromkeys(called)
            for target in targets:
                fates.setdefault(self.fate(key, target), []).append(_name(target))
        sent = not fates.keys().isdisjoint(("parameter", "kwargs", "system"))
        variable = next((name for _, name in references(value)), "") if sent else ""
        is_set = bool(os.environ.get(variable, "").strip())
        cleaned = redact_path(at)
        # Values below a secret key, or below a key that contains a secret, are hidden.
        hidden = cleaned != at or any(is_secret(str(step)) for step in at)
        hidden = hidden or str(value) in self.secrets  # through a YAML anchor, for example
        shown = redact(value, "secret" if hidden else "")
        shown = redact_key(shown) if isinstance(shown, str) and not hidden else shown
        for fate, names in fates.items():
            target = " and ".join(names)
            yield Explanation(cleaned, shown, origins, fate, target, only, variable, is_set)

    def use(self, at: Path) -> Use:
        """Return where a value and those it replaces were written, and what it is for."""
        model = self.models.get(at[:2])
        if model is None or len(at) < 3:
            key = at[1] if at[0] == "defaults" and len(at) > 1 else None
            return self.places(at), key if isinstance(key, str) else None, (), ""
        key, rest = str(at[2]), at[3:]
        origin = origin_of(model) or Origin(at[:2])
        written = origin.of(at[2:]).path
        if key != "roles":
            places = self.places(written) + self.replaced_default(key, written)
            return places, key, self.roles[at[:2]], ""
        for entry in self.entries[at[:2]]:
            base = entry.path[1:] if entry.path[-1] == entry.role else (*entry.path[1:], entry.role)
            below = rest[len(base) :]
            if rest[: len(base)] != base:
                continue
            if below[:1] in ((), ("task",)):
                key = _TASK if entry.task and entry.role != CHATCOMPLETIONS else key
                return self.places(written), key, (entry.role,), ""
            key = str(below[0])
            replaced = origin.of((key,)).path
            places = self.places(written)
            if key in model:
                places += self.places(replaced) + self.replaced_default(key, replaced)
            return places, key, (entry.role,), entry.role
        return self.places(written), key, self.roles[at[:2]], ""

    def places(self, path: Path) -> tuple[Place, ...]:
        positions = self.source.positions(path) if self.source else []
        shown = redact_path(path)
        return tuple(Place(shown, position) for position in positions) or (Place(shown),)

    def replaced_default(self, key: str, written: Path) -> tuple[Place, ...]:
        replaces = key in self.defaults and written[0] != "defaults"
        return self.places(("defaults", key)) if replaces else ()

    def fate(self, key: str, target: Any) -> Fate:
        parameters = read_parameters(target)
        if key in parameters.defaults:
            return "parameter"
        if key in _ROUTER_KEYS:
            return "router"
        if key in _MESSAGES and "messages" in parameters.defaults:
            return _MESSAGES[key]
        if key == _TASK or key in RESERVED_KEYS or key in self.contract.own_keys:
            return "reserved"
        accepted = parameters.has_var_keyword and key not in parameters.filled
        return "kwargs" if accepted else "ignored"


def _name(target: Any) -> str:
    name = getattr(target, "__qualname__", type(target).__qualname__)
    module = str(getattr(target, "__module__", ""))
    return f"litellm.{name}" if module.startswith("litellm") else str(name)
