"""From a node of a configuration to the arguments of a callable.

A configuration never changes, so what a callable receives is worked out once, as a plan; each call
copies that, and lets the policy resolve what depends on the moment.
"""

# ruff: noqa: ARG002  # the hooks of Policy do nothing

from __future__ import annotations

import keyword
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass, make_dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from dispatch.config.signatures import Parameters, default_factory, read_parameters
from dispatch.errors import (
    ConfigError,
    ConfigWarning,
    CredentialLeakWarning,
    ExtraKeysError,
    Fault,
    UnknownKeyWarning,
    UnsetVariableWarning,
)
from dispatch.immutable import SCALARS, FrozenMap, thaw
from dispatch.redaction import redact
from dispatch.suggestions import describe_type

__all__ = ["Options", "Policy", "ReturnType", "make_plan", "report"]

Locate = Callable[[Fault], Fault]
Plan = Callable[[], Any]
"""Returns what a call of `morph` returns, fresh each time."""


class ReturnType(StrEnum):
    """The form in which `ConfigMorpher.morph` returns keyword arguments."""

    DICT = "dict"
    DATACLASS = "dataclass"


class Options(NamedTuple):
    """The options of `ConfigMorpher.morph`."""

    allow_extra_keys: bool = True
    return_type: ReturnType | Literal["dict", "dataclass"] = "dict"
    return_config_keys_only: bool = True
    strict: bool = False


class Policy:
    """What applies to a callable's arguments beyond its signature: here, nothing.

    `reserved` are keys that a callable receives only if it names them: `**kwargs` does not.
    """

    reserved: frozenset[str] = frozenset()

    def find_faults(
        self, node: FrozenMap[str, Any], kwargs: Mapping[str, Any], parameters: Parameters
    ) -> Iterable[Fault]:
        """Return what is wrong with a node, or looks so, once for each plan."""
        return ()

    def find_leaks(self, kwargs: Mapping[str, Any]) -> Iterable[Fault]:
        """Return what is wrong with resolved arguments at the time of a call."""
        return ()

    def refers(self, key: str, value: Any) -> bool:
        """Return whether `resolve` is to be asked for the value of a key at each call."""
        return False

    def resolve(self, values: dict[str, Any], locate: Locate) -> dict[str, Any]:
        """Return these values as a call needs them; `locate` gives faults their place."""
        return values


class _Choice(NamedTuple):
    """What one callable receives of a node."""

    target: Any
    policy: Policy
    parameters: Parameters
    values: dict[str, Any]


def make_plan(
    node: Any,
    target: Any,
    policy_for: Callable[[Any], Policy],
    options: Options,
    locate: Locate = lambda fault: fault,
) -> Plan:
    """Work out what morphing returns; a list or tuple of callables gives a tuple of results.

    >>> node = FrozenMap({"name": "a", "model": "gpt-4o"})
    >>> make_plan(node, lambda model, **kwargs: None, lambda target: Policy(), Options())()
    {'name': 'a', 'model': 'gpt-4o'}

    Raises what `ConfigMorpher.morph` says, but for a path.
    """
    multiple = isinstance(target, list | tuple)
    if not isinstance(node, FrozenMap):
        message = f"expected a mapping to morph, found {describe_type(node)}"
        fault = Fault((), message, "start from a mapping, such as models[0]", "wrong-start")
        raise ConfigError([locate(fault)])
    choices = [_choose(node, each, policy_for(each)) for each in (target if multiple else [target])]
    faults = [fault for choice in choices for fault in _find_faults(node, choice, choices)]
    report(map(locate, dict.fromkeys(faults)), strict=options.strict)
    if not options.allow_extra_keys:
        used = {key for c in choices for key in (*c.values, *c.policy.reserved)}
        if extra := [key for key in node if key not in used]:
            raise ExtraKeysError(extra, locate(Fault((), "")).where)
    plans = [_make_plan(choice, options, locate) for choice in choices]
    return (lambda: tuple(plan() for plan in plans)) if multiple else plans[0]


def _choose(node: FrozenMap[str, Any], target: Any, policy: Policy) -> _Choice:
    """Choose the keys that a callable names; with `**kwargs`, all that are not held back."""
    parameters = read_parameters(target)
    names = parameters.defaults
    held_back = policy.reserved | parameters.filled
    values = {
        key: value
        for key, value in node.to_dict().items()
        if key in names or (parameters.has_var_keyword and key not in held_back)
    }
    return _Choice(target, policy, parameters, values)


def _find_faults(
    node: FrozenMap[str, Any], choice: _Choice, choices: Iterable[_Choice]
) -> Iterable[Fault]:
    _, policy, parameters, values = choice
    for key in node:
        if not isinstance(key, str):
            message = f"a key must be a string, found {describe_type(key)}"
            yield Fault((), message, "quote it", "wrong-key")
        elif key in parameters.positional_only and key not in policy.reserved:
            message = "names a positional-only parameter, which no keyword can give"
            yield Fault(
                (key,), message, "remove the key, or the / of the function", "positional-only"
            )
    # What one of the callables names is no mistake for the others.
    names = {name: value for each in choices for name, value in each.parameters.defaults.items()}
    yield from policy.find_faults(node, values, parameters._replace(defaults=names))


def report(
    faults: Iterable[Fault],
    category: type[ConfigWarning] | None = None,
    *,
    strict: bool = False,
) -> None:
    """Raise `ConfigError` for errors, and warn of the other faults; if `strict`, raise for all.

    A warning's category follows from the code of the fault, and it points at the line outside of
    this package that led here.
    """
    faults = list(faults)
    if errors := [fault for fault in faults if strict or fault.severity == "error"]:
        raise ConfigError(fault._replace(severity="error") for fault in errors)
    for fault in faults:
        warning = category or _CATEGORIES.get(fault.code, ConfigWarning)
        warnings.warn(warning(fault), stacklevel=_levels_to_user())


_CATEGORIES: Mapping[str, type[ConfigWarning]] = {
    "unknown-key": UnknownKeyWarning,
    "credential-leak": CredentialLeakWarning,
    "unset-variable": UnsetVariableWarning,
}


def _levels_to_user() -> int:
    package = __name__.partition(".")[0]
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    return level


def _make_plan(choice: _Choice, options: Options, locate: Locate) -> Plan:
    target, policy, parameters, values = choice
    containers = [key for key, value in values.items() if type(value) not in SCALARS]
    referring = [key for key, value in values.items() if policy.refers(key, value)]
    absent = {}
    if not options.return_config_keys_only:
        names = [name for name in parameters.defaults if name not in values]
        absent = {name: default_factory(target, name) for name in names}

    def build() -> dict[str, Any]:
        kwargs = values.copy()
        for key in containers:
            kwargs[key] = thaw(kwargs[key])
        if referring:
            kwargs.update(policy.resolve({key: kwargs[key] for key in referring}, locate))
        if leaks := policy.find_leaks(kwargs):
            report(map(locate, leaks), strict=options.strict)
        for name, make in absent.items():
            kwargs[name] = make()
        return kwargs

    if ReturnType(options.return_type) is ReturnType.DICT:
        return build
    make = _record_class(choice, (*values, *absent), locate)
    return lambda: make(**build())


def _record_class(choice: _Choice, names: tuple[str, ...], locate: Locate) -> Callable[..., Any]:
    """Return the class of what is asked for as a dataclass: the target, if it is one."""
    target = choice.target
    if isinstance(target, type) and is_dataclass(target):
        missing = [name for name in choice.parameters.required if name not in names]
        message = f"has no key for {', '.join(missing)}, which {target.__name__} requires"
        fault = Fault((), message, code="missing-key")
        make: Callable[..., Any] = target
    else:
        missing = [n for n in names if not n.isidentifier() or keyword.iskeyword(n)]
        message = f"cannot be fields of a dataclass: {', '.join(missing)}"
        fault = Fault((), message, "ask for a dict", "wrong-field")
        make = _arguments_class(names) if not missing else dict
    if missing:
        raise ConfigError([locate(fault)])
    return make


class _Arguments:
    """Arguments as the fields of an object."""

    def __repr__(self) -> str:
        return f"Arguments({redact(vars(self))!r})"

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if isinstance(other, _Arguments) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # mutable, as any dataclass that is not frozen

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (vars(self),)


def _restore(values: dict[str, Any]) -> Any:
    return _arguments_class(tuple(values))(**values)


@lru_cache(maxsize=256)  # to make a class takes a hundred times longer than to fill it
def _arguments_class(names: tuple[str, ...]) -> Any:
    fields = [(name, Any) for name in names]
    return make_dataclass("Arguments", fields, bases=(_Arguments,), repr=False, eq=False)
