"""`ConfigMorpher`: values of a configuration by path, and keyword arguments for callables."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar, cast, overload

from dispatch.config.arguments import Options, Plan, Policy, ReturnType, make_plan
from dispatch.config.paths import REQUIRED, PathLike, walk
from dispatch.config.signatures import is_of_module
from dispatch.errors import Fault, MissingIndexError, MissingKeyError, Step
from dispatch.immutable import SCALARS, FrozenMap, freeze, locate, origin_of, thaw
from dispatch.redaction import redact

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from dispatch.config.files import Format
    from dispatch.config.positions import Source

__all__ = ["ConfigMorpher"]

D = TypeVar("D", bound="DataclassInstance")

PathName = str | os.PathLike[str]
Dict = Literal["dict", ReturnType.DICT]
Record = Literal["dataclass", ReturnType.DATACLASS]

_MAX_PLANS = 1024


class ConfigMorpher:
    """An immutable configuration from which the arguments of a callable are taken.

    >>> config = ConfigMorpher({"cars": [{"name": 911, "model": "Carrera", "color": "red"}]})
    >>> config.fetch("cars[name=911].model")
    'Carrera'
    >>> def build(name, model): ...
    >>> config.morph(build, start_from="cars[0]")
    {'name': 911, 'model': 'Carrera'}
    """

    def __init__(self, config: Mapping[str, Any] | PathName | Sequence[PathName]) -> None:
        tree = freeze(config) if isinstance(config, Mapping) else _load(config)
        self.tree: Final[FrozenMap[str, Any]] = tree
        self._plans: dict[Any, Plan] = {}

    @classmethod
    def from_yaml(cls, *paths: PathName) -> Self:
        """Read YAML, whatever the file is called."""
        return cls(_load(paths, "yaml"))

    @classmethod
    def from_json(cls, *paths: PathName) -> Self:
        """Read JSON, whatever the file is called."""
        return cls(_load(paths, "json"))

    @classmethod
    def from_toml(cls, *paths: PathName) -> Self:
        """Read TOML, whatever the file is called."""
        return cls(_load(paths, "toml"))

    @property
    def config(self) -> dict[str, Any]:
        """The whole configuration, as a fresh dict."""
        return cast("dict[str, Any]", thaw(self.tree))

    @property
    def source(self) -> Source | None:
        """The files that the configuration was read from; None for a mapping."""
        origin = origin_of(self.tree)
        return cast("Source | None", origin and origin.source)

    def fetch(self, path: PathLike, default: Any = REQUIRED) -> Any:
        """Return the value at a path; `dispatch.config.paths` has the grammar.

        >>> ConfigMorpher({"tools": {"roles": ["a"]}}).fetch("tools.others", [])
        []

        Raises `MissingKeyError` (a ValueError) or `MissingIndexError` (an IndexError) for a step
        that leads nowhere, unless there is a default; `PathSyntaxError` for a malformed path, even
        then.
        """
        value = self._walk(path, default)[1]
        return value if value is default or type(value) in SCALARS else thaw(value)

    def _walk(self, path: PathLike, default: Any = REQUIRED) -> tuple[tuple[Step, ...], Any]:
        try:
            return walk(self.tree, path, default)
        except (MissingKeyError, MissingIndexError) as error:
            prefix = f"{self.source.name}: " if self.source and self.source.files else ""
            raise type(error)(f"{prefix}{error}", error.path) from None

    # fmt: off
    @overload
    def morph(self, callable_obj: type[D], start_from: PathLike | None = None,
              allow_extra_keys: bool = True, *, return_type: Record,
              return_config_keys_only: bool = True, strict: bool = False) -> D: ...

    @overload
    def morph(self, callable_obj: Callable[..., Any], start_from: PathLike | None = None,
              allow_extra_keys: bool = True, return_type: Dict = "dict",
              return_config_keys_only: bool = True, *, strict: bool = False) -> dict[str, Any]: ...

    @overload
    def morph(self, callable_obj: Callable[..., Any], start_from: PathLike | None = None,
              allow_extra_keys: bool = True, return_type: Dict | Record = "dict",
              return_config_keys_only: bool = True, *, strict: bool = False) -> Any: ...

    @overload
    def morph(self, callable_obj: list[Any] | tuple[Any, ...], start_from: PathLike | None = None,
              allow_extra_keys: bool = True, return_type: Dict | Record = "dict",
              return_config_keys_only: bool = True, *, strict: bool = False) -> tuple[Any, ...]: ...
    # fmt: on

    def morph(
        self,
        callable_obj: Any,
        start_from: PathLike | None = None,
        allow_extra_keys: bool = True,
        return_type: Dict | Record = "dict",
        return_config_keys_only: bool = True,
        *,
        strict: bool = False,
    ) -> Any:
        """Return the keyword arguments that a callable takes from the node at `start_from`.

        A callable with `**kwargs` takes every key of the node. A list or tuple of callables gives
        a tuple. `allow_extra_keys=False` raises `ExtraKeysError` for keys that no callable takes.
        `return_config_keys_only=False` adds every other parameter, with its default or None.
        `return_type="dataclass"` gives an instance of the callable if that is a dataclass, else an
        object with these fields.

        In a role group, and for LiteLLM's own callables, reserved keys such as `name` only go to
        callables that name them, and references to the environment are resolved. A misspelled key
        causes an `UnknownKeyWarning` the first time, and a vendor's key that would go to another
        endpoint a `CredentialLeakWarning`; `strict=True` turns both into errors.

        Raises `PathError` for a wrong path, `SignatureError` for a callable whose parameters
        cannot be read, `UnsetVariableError` for a reference to an unset variable, and `ConfigError`
        for a key that names a positional-only parameter, or a value that makes a call impossible.
        """
        options = (allow_extra_keys, return_type, return_config_keys_only, strict)
        key = (callable_obj, start_from, options)
        kept = type(callable_obj) is FunctionType and not isinstance(start_from, list)
        plan = self._plans.get(key) if kept else None
        if plan is None:
            steps, node = self._walk(self._start() if start_from is None else start_from)
            place = partial(_locate, self.tree, steps)
            plan = make_plan(node, callable_obj, self._policy, Options(*options), place)
            if kept and is_of_module(callable_obj):
                if len(self._plans) >= _MAX_PLANS:
                    self._plans.clear()
                self._plans[key] = plan
        return plan()

    def _start(self) -> PathLike:
        """Return the default of `start_from`: the whole configuration."""
        return ()

    def _policy(self, target: Any) -> Policy:  # noqa: ARG002  # for subclasses
        """Return what applies to the arguments of a callable."""
        return Policy()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({redact(self.tree)!r})"

    def __eq__(self, other: object) -> bool:
        return self.tree == other.tree if isinstance(other, ConfigMorpher) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.tree)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.tree,)


def _locate(tree: Any, steps: tuple[Step, ...], fault: Fault) -> Fault:
    """Give a fault in the node that steps lead to its place: the nearest map's with an origin."""
    outer, rest = tree, steps
    for position, step in enumerate(steps, 1):
        tree = tree[step]
        if origin_of(tree) is not None:
            outer, rest = tree, steps[position:]
    return locate(fault.under(*rest), outer)


def _load(paths: Any, format: Format | None = None) -> FrozenMap[str, Any]:
    from dispatch.config.files import load_files  # brings the parsers, which a mapping needs not

    return load_files(paths, format)
