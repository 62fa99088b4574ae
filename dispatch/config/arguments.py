"""From a node of a configuration to the arguments of a callable.

A configuration never changes, so what a callable receives is worked out once, as a plan. Each call
copies it and lets the policy add what may change between calls.
"""

# ruff: noqa: ARG002, ARG005  # the hooks of Policy do nothing

from __future__ import annotations

import keyword
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import is_dataclass, make_dataclass
from enum import Enum
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

Node = FrozenMap[str, Any]
Locate = Callable[[Fault], Fault]
Finish = Callable[[dict[str, Any]], None]
Plan = Callable[[], Any]
"""Returns what a call of `morph` returns, fresh each time."""

_CATEGORIES: Mapping[str, type[ConfigWarning]] = {
    "unknown-key": UnknownKeyWarning,
    "credential-leak": CredentialLeakWarning,
    "unset-variable": UnsetVariableWarning,
}


class ReturnType(Enum):
    """The form in which `ConfigMorpher.morph` returns keyword arguments."""

    DICT = "dict"
    DATACLASS = "dataclass"

    @classmethod
    def _missing_(cls, value: object) -> None:
        known = " or ".join(repr(each.value) for each in cls)
        raise ValueError(f"{value!r} is not a valid ReturnType: write {known}")


class Options(NamedTuple):
    """The options of `ConfigMorpher.morph`."""

    allow_extra_keys: bool = True
    return_type: ReturnType | Literal["dict", "dataclass"] = "dict"
    return_config_keys_only: bool = True
    strict: bool = False


class Policy:
    """What applies to a callable's arguments beyond its signature; here, nothing does.

    `reserved` are keys that a callable receives only if it names them: `**kwargs` does not.
    """

    reserved: frozenset[str] = frozenset()

    def signed(self, target: Any) -> Any:
        """Return the callable whose signature counts for a callable."""
        return target

    def find_faults(
        self, node: Node, values: Mapping[str, Any], parameters: Parameters
    ) -> Iterable[Fault]:
        """Return what is wrong with a node, or looks so; asked once."""
        return ()

    def finisher(
        self, values: Mapping[str, Any], parameters: Parameters, locate: Locate, strict: bool
    ) -> Finish:
        """Return what completes a copy of these values, in place, at each call."""
        return lambda kwargs: None


def make_plan(
    node: Any,
    target: Any,
    policy_for: Callable[[Any], Policy],
    options: Options = Options(),  # noqa: B008  # immutable
    locate: Locate = lambda fault: fault,
) -> Plan:
    """Work out what morphing returns; a list or tuple of callables gives a tuple of results.

    >>> node = FrozenMap({"name": "a", "model": "gpt-4o"})
    >>> make_plan(node, lambda model, **kwargs: None, lambda target: Policy())()
    {'name': 'a', 'model': 'gpt-4o'}

    Raises what `ConfigMorpher.morph` says, but for a path.
    """
    if not isinstance(node, FrozenMap):
        message = f"expected a mapping to morph, found {describe_type(node)}"
        hint = "start from a mapping, such as models[0]"
        raise ConfigError([locate(Fault((), message, hint, "wrong-start"))])
    multiple = isinstance(target, list | tuple)
    choices = [_Choice(node, each, policy_for(each)) for each in (target if multiple else [target])]
    names: dict[str, Any] = {}  # what one of the callables names is no mistake for the others
    for choice in choices:
        names.update(choice.parameters.defaults)
    faults = [fault for choice in choices for fault in choice.find_faults(node, names)]
    report(map(locate, dict.fromkeys(faults)), strict=options.strict)
    if not options.allow_extra_keys:
        used = {key for choice in choices for key in (*choice.values, *choice.policy.reserved)}
        if extra := [key for key in node if key not in used]:
            raise ExtraKeysError(extra, locate(Fault((), "")).where)
    plans = [choice.plan(options, locate) for choice in choices]
    return (lambda: tuple(plan() for plan in plans)) if multiple else plans[0]


def report(faults: Iterable[Fault], *, strict: bool = False) -> None:
    """Raise `ConfigError` for errors, and warn of the other faults; if `strict`, raise for all.

    The code of a fault determines the category of the warning, which points at the calling line
    outside of this package.
    """
    faults = list(faults)
    if errors := [fault for fault in faults if strict or fault.severity == "error"]:
        raise ConfigError(fault._replace(severity="error") for fault in errors)
    for fault in faults:
        level, frame = 1, sys._getframe()
        while frame.f_back and frame.f_globals.get("__name__", "").startswith("dispatch."):
            level, frame = level + 1, frame.f_back
        warnings.warn(_CATEGORIES.get(fault.code, ConfigWarning)(fault), stacklevel=level)


class _Choice:
    """What one callable receives of a node: the keys that it names; with `**kwargs`, the rest."""

    def __init__(self, node: Node, target: Any, policy: Policy) -> None:
        self.target, self.policy, self.signed = target, policy, policy.signed(target)
        self.parameters = read_parameters(self.signed)
        names, takes_rest = self.parameters.defaults, self.parameters.has_var_keyword
        held_back = policy.reserved | self.parameters.filled
        self.values = {
            key: value
            for key, value in node.to_dict().items()
            if key in names or (takes_rest and key not in held_back)
        }

    def find_faults(self, node: Node, names: Mapping[str, Any]) -> Iterator[Fault]:
        for key in node:
            if not isinstance(key, str) and self.parameters.has_var_keyword:
                message = f"a key must be a string, found {describe_type(key)}"
                yield Fault((), message, "quote it", "wrong-key")
            elif key in self.parameters.positional_only and key not in self.policy.reserved:
                message = "names a positional-only parameter, which cannot be passed by keyword"
                hint = "remove the key, or the / of the function"
                yield Fault((key,), message, hint, "positional-only")
        parameters = self.parameters._replace(defaults=names)
        yield from self.policy.find_faults(node, self.values, parameters)

    def plan(self, options: Options, locate: Locate) -> Plan:
        values = self.values
        containers = [key for key, value in values.items() if type(value) not in SCALARS]
        finish = self.policy.finisher(values, self.parameters, locate, options.strict)
        names = () if options.return_config_keys_only else self.parameters.defaults
        absent = {n: default_factory(self.signed, n) for n in names if n not in values}

        def build() -> dict[str, Any]:
            kwargs = values.copy()
            for key in containers:
                kwargs[key] = thaw(kwargs[key])
            finish(kwargs)
            for name, make in absent.items():
                kwargs[name] = make()
            return kwargs

        if ReturnType(options.return_type) is ReturnType.DICT:
            return build
        make = _record_maker(self.target, self.parameters.required, (*values, *absent))
        if isinstance(make, Fault):
            raise ConfigError([locate(make)])
        return lambda: make(**build())


def _record_maker(target: Any, required: list[str], names: tuple[str, ...]) -> Any:
    """Return the class of what is asked for as a dataclass, the target if it is one; or a fault."""
    if isinstance(target, type) and is_dataclass(target):
        missing = [name for name in required if name not in names]
        message = f"has no key for {', '.join(missing)}, which {target.__name__} requires"
        return Fault((), message, code="missing-key") if missing else target
    wrong = [name for name in names if not name.isidentifier() or keyword.iskeyword(name)]
    message = f"cannot be fields of a dataclass: {', '.join(wrong)}"
    return Fault((), message, "ask for a dict", "wrong-field") if wrong else _record_class(names)


@lru_cache(maxsize=256)  # to make a class takes a hundred times longer than to fill it
def _record_class(names: tuple[str, ...]) -> type:
    namespace = {
        "__repr__": lambda self: f"Arguments({redact(vars(self))!r})",
        "__reduce__": lambda self: (_restore, (vars(self),)),
    }
    return make_dataclass("Arguments", names, namespace=namespace, repr=False)


def _restore(values: dict[str, Any]) -> Any:
    return _record_class(tuple(values))(**values)
