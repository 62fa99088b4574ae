"""`ConfigMorpher`: a configuration that is asked by path, and morphed into keyword arguments."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any, Literal, Self
from weakref import ref

from dispatch.config.arguments import Options, ReturnType, plan, start_at
from dispatch.config.loaded import Loaded
from dispatch.config.paths import PathLike, pick
from dispatch.errors import MissingIndexError, MissingKeyError
from dispatch.frozen import PLAIN, FrozenMap, freeze, thaw
from dispatch.secrets import redact

if TYPE_CHECKING:
    from dispatch.config.files import Format
    from dispatch.config.places import Source

__all__ = ["ConfigMorpher"]

_REQUIRED: Any = object()
_REMEMBERED = 1024  # how many paths, or plans, one configuration remembers


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
        self.source: Source | None = config.source if isinstance(config, Loaded) else None
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
        self, callable_obj: Any, start_from: PathLike | None, *options: Any
    ) -> Callable[[], Any]:
        node = self._tree if start_from is None else pick(self._tree, start_from)
        start = start_at(node, start_from, self.source)
        return plan(start, callable_obj, Options._make(options))


def _load(paths: Any, format: Format | None = None) -> Mapping[str, Any]:
    from dispatch.config.files import load  # a configuration that is no file needs none of it

    return load(paths, format)


def _remember(cache: dict[Any, Any], key: Any, value: Any) -> None:
    if len(cache) >= _REMEMBERED:
        cache.clear()
    cache[key] = value
