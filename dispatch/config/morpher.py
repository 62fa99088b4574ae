"""`ConfigMorpher`: a configuration that is asked by path, and morphed into keyword arguments."""

from __future__ import annotations

import keyword
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from types import MethodType
from typing import TYPE_CHECKING, Any, Literal, Self
from weakref import ref

from dispatch.config.callables import OWN_KEYS, Parameters, default_maker, read_parameters
from dispatch.config.environment import references, refers, resolve
from dispatch.config.paths import PathLike, pick, show
from dispatch.errors import (
    ConfigError,
    ExtraKeysError,
    Fault,
    ForeignKeyWarning,
    MissingIndexError,
    MissingKeyError,
    Position,
    Step,
    SuspiciousKeyWarning,
    UnsetVariableError,
)
from dispatch.frozen import PLAIN, FrozenMap, freeze, thaw
from dispatch.llm.keys import find_empty, find_misspelt, is_known, is_litellms, report
from dispatch.secrets import label, redact

if TYPE_CHECKING:
    from dispatch.config.files import Format
    from dispatch.config.places import Source

__all__ = ["ConfigMorpher", "ReturnType"]

_REQUIRED: Any = object()
_REMEMBERED = 1024  # how many paths, or plans, one configuration remembers


class ReturnType(StrEnum):
    """The form in which `ConfigMorpher.morph` gives keyword arguments."""

    DICT = "dict"
    DATACLASS = "dataclass"


class ConfigMorpher:
    """A configuration that never changes, from which a callable's arguments are taken.

    `config` is a mapping, the path of a file, or several paths, merged from left to right.
    All results are fresh plain containers: changing one changes nothing else. `source` knows
    the files that it was read from; it is None for what came as a mapping.

    >>> config = ConfigMorpher({"models": [{"name": "a", "model": "gpt-4o", "temperature": 0}]})
    >>> config.fetch("models[name=a].model")
    'gpt-4o'
    >>> def complete(model, messages=(), **kwargs): ...
    >>> config.morph(complete, start_from="models[0]")
    {'model': 'gpt-4o', 'temperature': 0}
    """

    def __init__(
        self, config: Mapping[str, Any] | str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
    ) -> None:
        if not isinstance(config, Mapping):
            config = _load(config)
        self.source: Source | None = getattr(config, "source", None)
        self._tree: FrozenMap[str, Any] = freeze(config)
        # What cannot change is worked out once. Both are caches: bounded, and safe to lose.
        self._nodes: dict[Any, Any] = {}
        self._plans: dict[Any, tuple[ref[Any], Callable[[], Any]]] = {}

    @classmethod
    def from_yaml(cls, *paths: str | os.PathLike[str]) -> Self:
        """Read YAML, whatever the file is called."""
        return cls(_load(paths, "yaml"))

    @classmethod
    def from_json(cls, *paths: str | os.PathLike[str]) -> Self:
        """Read JSON, whatever the file is called."""
        return cls(_load(paths, "json"))

    @classmethod
    def from_toml(cls, *paths: str | os.PathLike[str]) -> Self:
        """Read TOML, whatever the file is called."""
        return cls(_load(paths, "toml"))

    @property
    def config(self) -> dict[str, Any]:
        """The whole configuration, as a fresh dict."""
        fresh: dict[str, Any] = thaw(self._tree)
        if self.source is not None:
            for key, value in fresh.items():
                self.source.remember(value, (key,))
        return fresh

    def __repr__(self) -> str:
        return f"{type(self).__name__}({redact(self._tree)!r})"

    def __eq__(self, other: object) -> bool:
        return self._tree == other._tree if isinstance(other, ConfigMorpher) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._tree)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._tree,)

    def fetch(self, path: PathLike, default: Any = _REQUIRED) -> Any:
        """Return what stands at a path; `dispatch.config.paths` has the grammar.

        >>> ConfigMorpher({"tools": {"roles": ["a"]}}).fetch("tools.others", [])
        []

        Raises `MissingKeyError` (a ValueError) or `MissingIndexError` (an IndexError) for a step
        that leads nowhere, unless there is a default; `PathSyntaxError` for a malformed path, in
        any case: a default is no excuse for a typo.
        """
        try:
            node = self._nodes.get(path, _REQUIRED)
        except TypeError:  # a list of parts: no key, no cache
            node = _REQUIRED
        if node is _REQUIRED:
            try:
                node = self._find(path)
            except (MissingKeyError, MissingIndexError) as error:
                if default is not _REQUIRED:
                    return default
                where = f"{self.source.name}: " if self.source else ""
                raise type(error)(f"{where}{error}", error.path) from None
        if type(node) in PLAIN:
            return node
        fresh = thaw(node)
        if self.source is not None:
            self.source.remember(fresh, path)
        return fresh

    def _find(self, path: PathLike) -> Any:
        node = pick(self._tree, path)
        if isinstance(path, str):
            _remember(self._nodes, path, node)
        return node

    def morph(
        self,
        callable_obj: Any,
        start_from: PathLike | None = None,
        allow_extra_keys: bool = True,
        return_type: ReturnType | Literal["dict", "dataclass"] = "dict",
        return_config_keys_only: bool = True,
        *,
        strict: bool = False,
    ) -> Any:
        """Return the keyword arguments that a callable takes from the node at `start_from`.

        A callable with `**kwargs` takes every key of the node but the program's own (`OWN_KEYS`),
        and those too where it names them. References to the environment are resolved here. The
        callable is never called. A list or tuple of callables gives a tuple of results.

        `allow_extra_keys=False` raises `ExtraKeysError` for keys that no callable takes.
        `return_config_keys_only=False` adds every other parameter, with its default or None.
        `return_type="dataclass"` gives an object with these fields instead of a dict.

        A key that nobody knows and that looks like a known one is passed on with a
        `SuspiciousKeyWarning`, the first time that a callable is morphed from a node. While a
        vendor's key would go to an endpoint that is not its own, there is a `ForeignKeyWarning`.
        `strict=True` makes either a `ConfigError`.

        Raises `PathError` for a wrong path, `SignatureError` for a callable whose parameters
        cannot be read, `UnsetVariableError` for a reference to an unset variable, and `ConfigError`
        for a secret or an endpoint of a model that is empty.
        """
        form = (start_from, allow_extra_keys, return_type, return_config_keys_only, strict)
        # A bound method is a new object at each access, so its function stands for it.
        method = type(callable_obj) is MethodType
        target = callable_obj.__func__ if method else callable_obj
        key = (id(target), method, form)
        try:
            known = self._plans.get(key)
        except TypeError:  # a path in a list of parts: no key, no cache
            return self._plan(callable_obj, *form)()
        if known is not None and known[0]() is target:
            return known[1]()
        build = self._plan(callable_obj, *form)
        try:
            _remember(self._plans, key, (ref(target), build))
        except TypeError:  # a list of callables, say, which cannot be referred to weakly
            pass
        return build()

    def _plan(
        self,
        callable_obj: Any,
        start_from: PathLike | None,
        allow_extra_keys: bool,
        return_type: str,
        return_config_keys_only: bool,
        strict: bool,
    ) -> Callable[[], Any]:
        """Work out once what a call of `morph` gives; the result builds it afresh each time."""
        node = self._tree if start_from is None else self._find(start_from)
        _check_keys(node, start_from)
        several = isinstance(callable_obj, list | tuple)
        targets = callable_obj if several else (callable_obj,)
        signatures = [read_parameters(target) for target in targets]
        taken = [_take(node, parameters) for parameters in signatures]
        if not allow_extra_keys:
            _forbid_extra(node, taken, start_from)
        _forbid_empty(node, taken, start_from, self.source)
        _report_misspelt(node, targets, signatures, start_from, strict, self.source)
        builders = []
        for target, given in zip(targets, taken, strict=True):
            absent = {} if return_config_keys_only else _absent(target, given)
            build = _builder(given, absent, node, start_from, self.source)
            if return_type != "dict" and ReturnType(return_type) is ReturnType.DATACLASS:
                build = _in_class(build, (*given, *absent), start_from)
            builders.append(build)
        whole = (lambda: tuple(build() for build in builders)) if several else builders[0]
        return _watched(whole, node, signatures, start_from, strict)


def _report_misspelt(
    node: FrozenMap[str, Any],
    targets: Collection[Any],
    signatures: list[Parameters],
    path: PathLike | None,
    strict: bool,
    source: Source | None,
) -> None:
    live = any(map(is_litellms, targets))
    unknown = [key for key in node if key not in OWN_KEYS and not is_known(key, live)]
    if not unknown:
        return
    named = frozenset().union(*(parameters.defaults for parameters in signatures))
    # What is no model is none of LiteLLM's business, even where a callable takes any key.
    forwards = live or ("model" in node and any(each.takes_any for each in signatures))
    known = named | OWN_KEYS if forwards else named
    faults = find_misspelt(unknown, known, forwards=forwards, live=live)
    report(_placed(faults, node, path, source), SuspiciousKeyWarning, strict=strict)


def _watched(
    build: Callable[[], Any],
    node: FrozenMap[str, Any],
    signatures: list[Parameters],
    path: PathLike | None,
    strict: bool,
) -> Callable[[], Any]:
    """Look at the environment before each build of a model that has an endpoint and no key."""
    if node.get("api_key") or not (node.get("api_base") or node.get("base_url")):
        return build
    if not any(parameters.takes_any for parameters in signatures):
        return build
    from dispatch.llm.endpoints import find_foreign_key, has_keyless_endpoint

    def watched() -> Any:
        fault = find_foreign_key(node)
        if fault is not None:
            report([fault.under(*_at(path))], ForeignKeyWarning, strict=strict)
        return build()

    return watched if has_keyless_endpoint(node) else build


def _load(paths: Any, format: Format | None = None) -> Mapping[str, Any]:
    from dispatch.config.files import load  # a configuration that is no file needs none of it

    return load(paths, format)


def _at(path: PathLike | None) -> tuple[str, ...]:
    """Where a path leads, as what an error tells."""
    return () if path is None else (show(path),)


def _check_keys(node: Any, path: PathLike | None) -> None:
    if not isinstance(node, FrozenMap):
        hint = "start from a mapping, such as models[0]"
        message = f"expected a mapping to morph, found a {type(thaw(node)).__name__}"
        raise ConfigError([Fault(_at(path), message, hint, "wrong-start")])
    wrong = set(map(type, node)) != {str} and [key for key in node if not isinstance(key, str)]
    if wrong:
        message = "a key must be a text to become an argument, found "
        faults = [Fault(_at(path), f"{message}{key!r}", code="wrong-key") for key in wrong]
        raise ConfigError(faults)


def _take(node: FrozenMap[str, Any], parameters: Parameters) -> dict[str, Any]:
    """Pick what a callable takes: what it names, and with `**kwargs` all but what is withheld."""
    if parameters.takes_any:
        withheld = parameters.withheld
        return {key: value for key, value in node.iteritems() if key not in withheld}
    named = parameters.defaults
    return {key: value for key, value in node.iteritems() if key in named}


def _forbid_extra(
    node: Iterable[str], taken: Iterable[dict[str, Any]], path: PathLike | None
) -> None:
    used = OWN_KEYS.union(*taken)
    extra = [key for key in node if key not in used]
    if extra:
        raise ExtraKeysError(extra, "".join(_at(path)))


def _forbid_empty(
    node: FrozenMap[str, Any],
    taken: Iterable[dict[str, Any]],
    path: PathLike | None,
    source: Source | None,
) -> None:
    """Raise `ConfigError` where a model would hand on a secret or an endpoint that is empty."""
    empty = find_empty(node) if "model" in node else ()
    faults = [fault for fault in empty if any(fault.path[0] in given for given in taken)]
    if faults:
        raise ConfigError(_placed(faults, node, path, source))


def _absent(target: Any, taken: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    names = [name for name in read_parameters(target).defaults if name not in taken]
    return {name: default_maker(target, name) for name in names}


def _builder(
    taken: dict[str, Any],
    absent: dict[str, Callable[[], Any]],
    node: FrozenMap[str, Any],
    path: PathLike | None,
    source: Source | None,
) -> Callable[[], dict[str, Any]]:
    """Return what builds the arguments of one callable: a bare `dict.copy` where that will do."""
    if not absent and _are_plain(taken):
        return taken.copy

    def build() -> dict[str, Any]:
        given = {key: thaw(value) for key, value in taken.items()}
        built = _resolve(given, node, path, source)
        return built | {name: default() for name, default in absent.items()}

    return build


def _are_plain(taken: dict[str, Any]) -> bool:
    """Whether values may be handed out as they are: nothing to copy, nothing to resolve."""
    return PLAIN.issuperset(map(type, taken.values())) and not any(
        refers(value, key) for key, value in taken.items() if type(value) is str
    )


def _resolve(
    given: dict[str, Any], node: FrozenMap[str, Any], path: PathLike | None, source: Source | None
) -> dict[str, Any]:
    try:
        resolved: dict[str, Any] = resolve(given, _at(path))
    except UnsetVariableError as error:
        steps = next(at for at, variable in references(node) if variable == error.variable)
        position = _place(node, steps, "unset-variable", source)
        raise UnsetVariableError(error.variable, error.where, label(node), "", position) from None
    return resolved


def _placed(
    faults: Iterable[Fault],
    node: FrozenMap[str, Any],
    path: PathLike | None,
    source: Source | None,
) -> list[Fault]:
    """Say of faults of a node where it was written, and where the node stands."""
    return [
        fault.at(_place(node, fault.path, fault.code, source)).under(*_at(path)) for fault in faults
    ]


def _place(
    node: FrozenMap[str, Any], steps: tuple[Step, ...], code: str, source: Source | None
) -> Position | None:
    """Return where a part of a model was written, if any file was read at all."""
    if "dispatch.config.places" not in sys.modules:
        return None
    from dispatch.config.places import locate_in_model

    return locate_in_model(node, steps, code, source)


class _Fields:
    """What `return_type="dataclass"` gives: its repr shows no secret."""

    def __repr__(self) -> str:
        return f"Arguments({redact(vars(self))!r})"

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if isinstance(other, _Fields) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of any dataclass that can change

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_fields, (vars(self),)


def _from_fields(values: dict[str, Any]) -> Any:
    return _fields_class(tuple(values))(**values)


@lru_cache(maxsize=256)  # a class costs a hundred times more than what it holds
def _fields_class(names: tuple[str, ...]) -> Any:
    from dataclasses import make_dataclass

    fields = [(name, Any) for name in names]
    return make_dataclass("Arguments", fields, bases=(_Fields,), repr=False, eq=False)


def _in_class(
    build: Callable[[], dict[str, Any]], names: tuple[str, ...], path: PathLike | None
) -> Callable[[], Any]:
    """Return what puts the built arguments into the fields of an object."""
    wrong = [name for name in names if not name.isidentifier() or keyword.iskeyword(name)]
    if wrong:
        message = f"cannot be fields of a dataclass: {', '.join(wrong)}"
        raise ConfigError([Fault(_at(path), message, "ask for a dict", "wrong-field")])
    make = _fields_class(names)
    return lambda: make(**build())


def _remember(cache: dict[Any, Any], key: Any, value: Any) -> None:
    if len(cache) >= _REMEMBERED:
        cache.clear()
    cache[key] = value
