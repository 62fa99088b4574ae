"""From a node to the arguments of a callable: worked out once, built afresh for each call.

A configuration never changes, so a plan is made once for each callable and node. It holds what the
callable takes; a call copies that, and resolves what refers to the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from dispatch.config.callables import Parameters, default_maker, read_parameters
from dispatch.config.paths import PathLike, show, trace
from dispatch.environment import refers, resolve_of_model
from dispatch.errors import (
    ConfigError,
    ExtraKeysError,
    Fault,
    ForeignKeyWarning,
    Position,
    Step,
    SuspiciousKeyWarning,
    UnsetVariableError,
)
from dispatch.frozen import PLAIN, FrozenMap, thaw
from dispatch.llm.keys import (
    OWN_KEYS,
    find_misspelt,
    find_unfit,
    is_known,
    is_litellms,
    must_be_text,
    report,
)
from dispatch.origins import locator, place

if TYPE_CHECKING:
    from dispatch.config.places import Source

__all__ = ["Options", "ReturnType", "Start", "plan", "start_at"]

Build = Callable[[], Any]
"""Builds what a call of `morph` gives, afresh each time."""


class ReturnType(StrEnum):
    """The form in which `ConfigMorpher.morph` gives keyword arguments."""

    DICT = "dict"
    DATACLASS = "dataclass"


class Options(NamedTuple):
    """What `ConfigMorpher.morph` is asked for, beside the callables."""

    allow_extra_keys: bool
    return_type: ReturnType | Literal["dict", "dataclass"]
    return_config_keys_only: bool
    strict: bool


class Start(NamedTuple):
    """The node that the arguments are taken from: where it stands, and in which files.

    The node itself cannot change, so a view of it, which nobody changes, stands for it.
    """

    node: dict[str, Any]
    path: PathLike | None = None
    source: Source | None = None

    @property
    def at(self) -> tuple[str, ...]:
        """Its place, as what an error tells."""
        return () if self.path is None else (show(self.path),)

    def place(self, faults: Iterable[Fault]) -> list[Fault]:
        """Say of faults in the node where each was written, and where the node stands."""
        return [fault.under(*self.at) for fault in place(faults, self.locate)]

    def locate(self, steps: tuple[Step, ...], code: str) -> Position | None:
        """Return where a part of the node was written."""
        if self.source is None:
            return locator(self.node)(steps, code)
        base = () if self.path is None else trace(self.source.tree, self.path)
        return self.source.place((*base, *steps), code)


def start_at(node: Any, path: PathLike | None, source: Source | None) -> Start:
    """Return where a morph starts. Raises `ConfigError` for what cannot be arguments."""
    if not isinstance(node, FrozenMap):
        hint = "start from a mapping, such as models[0]"
        message = f"expected a mapping to morph, found a {type(thaw(node)).__name__}"
        raise ConfigError([Fault(Start({}, path).at, message, hint, "wrong-start")])
    start = Start(node.view(), path, source)
    if not _TEXT.issuperset(map(type, start.node)):
        message = "a key must be a text to become an argument, found "
        wrong = [key for key in start.node if not isinstance(key, str)]
        faults = [Fault(start.at, f"{message}{key!r}", code="wrong-key") for key in wrong]
        if faults:
            raise ConfigError(faults)
    return start


_TEXT = frozenset({str})


def plan(start: Start, target: Any, options: Options) -> Build:
    """Work out what morphing gives; a list or tuple of callables gives a tuple of results.

    >>> start = Start({"name": "a", "model": "gpt-4o"})
    >>> build = plan(start, lambda model, **kwargs: None, Options(True, "dict", True, False))
    >>> build()
    {'model': 'gpt-4o'}

    Raises what `ConfigMorpher.morph` says, but for a path.
    """
    several = isinstance(target, list | tuple)
    taken = [_take(start.node, each) for each in (target if several else (target,))]
    if not options.allow_extra_keys:
        _forbid_extra(start, taken)
    if any(each.unsure for each in taken):
        _forbid_unfit(start, taken)
    _report_misspelt(start, taken, options.strict)
    builds = [_build(start, each, options) for each in taken]
    build = (lambda: tuple(each() for each in builds)) if several else builds[0]
    return _watched(build, start, taken, options.strict)


class _Taken(NamedTuple):
    """What a callable takes of a node.

    Values that are `plain` may be handed out as they are: there is nothing to copy or to resolve.
    Where it is `unsure` that each is fit for a call, a closer look is due.
    """

    target: Any
    parameters: Parameters
    values: dict[str, Any]
    plain: bool
    unsure: bool


def _take(node: dict[str, Any], target: Any) -> _Taken:
    """Pick what a callable takes: what it names, and with `**kwargs` all but what is withheld."""
    parameters = read_parameters(target)
    if parameters.takes_any:
        withheld = parameters.withheld
        values = {key: value for key, value in node.items() if key not in withheld}
    else:
        named = parameters.defaults
        values = {key: value for key, value in node.items() if key in named}
    plain, unsure = True, False
    for key, value in values.items():
        kind = type(value)
        if kind is str:
            unsure = unsure or not value or value.isspace()
            if "$" in value or "env" in value:  # told fast, as it is of nearly all
                plain = plain and not refers(value, key)
        elif kind not in PLAIN:
            plain = False
        elif value is None or must_be_text(key):
            unsure = True
    return _Taken(target, parameters, values, plain, unsure or not plain)


def _forbid_extra(start: Start, taken: Iterable[_Taken]) -> None:
    used = OWN_KEYS.union(*(each.values for each in taken))
    extra = [key for key in start.node if key not in used]
    if extra:
        raise ExtraKeysError(extra, "".join(start.at))


def _forbid_unfit(start: Start, taken: Iterable[_Taken]) -> None:
    """Raise `ConfigError` where a model would hand on what no call can be made with."""
    unfit = find_unfit(start.node) if "model" in start.node else ()
    if faults := [each for each in unfit if any(each.path[0] in it.values for it in taken)]:
        raise ConfigError(start.place(faults))


def _report_misspelt(start: Start, taken: Sequence[_Taken], strict: bool) -> None:
    unknown = list(start.node)
    for each in taken:
        named, withheld = each.parameters.defaults, each.parameters.withheld
        unknown = [key for key in unknown if key not in named and key not in withheld]
    live = any(is_litellms(each.target) for each in taken)
    unknown = [key for key in unknown if not is_known(key, live)]
    if not unknown:
        return
    known = frozenset().union(*(each.parameters.defaults for each in taken))
    # What is no model is none of LiteLLM's business, even where a callable takes any key.
    forwards = live or ("model" in start.node and any(each.parameters.takes_any for each in taken))
    known |= OWN_KEYS if forwards else set()
    faults = find_misspelt(unknown, known, forwards=forwards, live=live)
    report(start.place(faults), SuspiciousKeyWarning, strict=strict)


def _build(start: Start, taken: _Taken, options: Options) -> Build:
    """Return what builds the arguments of one callable: a bare `dict.copy` where that will do."""
    absent = {} if options.return_config_keys_only else _absent(taken)
    build = taken.values.copy if taken.plain and not absent else _resolving(start, taken, absent)
    if options.return_type == "dict" or ReturnType(options.return_type) is ReturnType.DICT:
        return build
    return _in_fields(start, build, (*taken.values, *absent))


def _absent(taken: _Taken) -> dict[str, Callable[[], Any]]:
    names = [name for name in taken.parameters.defaults if name not in taken.values]
    return {name: default_maker(taken.target, name) for name in names}


def _resolving(
    start: Start, taken: _Taken, absent: dict[str, Callable[[], Any]]
) -> Callable[[], dict[str, Any]]:
    def build() -> dict[str, Any]:
        given = {key: thaw(value) for key, value in values.items()}
        try:
            resolved = resolve_of_model(given, start.node, start.locate)
        except (ConfigError, UnsetVariableError) as error:
            raise error.under(*start.at) from None
        return resolved | {name: default() for name, default in absent.items()}

    values = taken.values  # not the callable, which no plan keeps alive
    return build


def _in_fields(start: Start, build: Build, names: tuple[str, ...]) -> Build:
    """Return what puts the built arguments into the fields of an object."""
    from dispatch.config.fields import fields_class, find_wrong_names

    wrong = find_wrong_names(names)
    if wrong:
        message = f"cannot be fields of a dataclass: {', '.join(wrong)}"
        raise ConfigError([Fault(start.at, message, "ask for a dict", "wrong-field")])
    make = fields_class(names)
    return lambda: make(**build())


def _watched(build: Build, start: Start, taken: Sequence[_Taken], strict: bool) -> Build:
    """Look at the environment before each build of a model that has an endpoint and no key."""
    node = start.node
    if node.get("api_key") or not (node.get("api_base") or node.get("base_url")):
        return build
    if not any(each.parameters.takes_any for each in taken):
        return build
    from dispatch.llm.endpoints import find_foreign_key, has_keyless_endpoint

    def watched() -> Any:
        fault = find_foreign_key(node)
        if fault is not None:
            report(start.place([fault]), ForeignKeyWarning, strict=strict)
        return build()

    return watched if has_keyless_endpoint(node) else build
