"""`ModelDispatcher`: the pipeline behind a stable facade."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast, overload

from dispatch.config.arguments import report
from dispatch.config.morpher import ConfigMorpher
from dispatch.errors import ConfigError
from dispatch.immutable import FrozenMap, thaw
from dispatch.models import RoleGroup, role_groups
from dispatch.pipeline import pipeline
from dispatch.redaction import quote_name
from dispatch.roles import CHATCOMPLETIONS, POSTCOMPLETIONS, Contract, Role
from dispatch.sections import Sections, locate_outer, make_contract, read_sections
from dispatch.stages import (
    Groups,
    Model,
    apply_defaults,
    drop_disabled,
    freeze_models,
    morph_groups,
)
from dispatch.suggestions import did_you_mean
from dispatch.validation import find_idle_overrides

__all__ = ["ModelDispatcher", "ModelRoleType"]

G = TypeVar("G")

Models = Iterable[Mapping[str, Any]] | Mapping[str, Any] | ConfigMorpher
Roles = Contract | Iterable[str | Role] | None
Morph = bool | Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class ModelRoleType:
    """The names of the roles that are declared by default.

    >>> ModelRoleType.chatcompletions
    'chatcompletions'
    """

    chatcompletions: str = CHATCOMPLETIONS
    postcompletions: str = POSTCOMPLETIONS


class ModelDispatcher(Generic[G]):
    """Model configurations, handed to the roles that they play.

    `models` is a list of models, or a whole configuration: a mapping or a `ConfigMorpher` with
    the key `models`, whose sections `defaults`, `roles` and `own_keys` then apply too. `morph` is
    the form of a group: True for a `RoleGroup` (a `ConfigMorpher`), False for a plain
    `{'models': [...]}`, or a callable that takes that dict. `roles` declares the roles, and
    `own_keys` the keys of a model that belong to the program, which no call receives.

    The attribute `models` is what was given, unchanged; later changes to it do not affect the
    groups. `sections` holds the other sections of a configuration, such as `router_settings`.

    >>> dispatcher = ModelDispatcher(
    ...     [{"name": "fast", "model": "gpt-4o", "roles": ["chatcompletions"], "temperature": 0}]
    ... )
    >>> dispatcher.for_chatcompletions.fetch("models[0].name")
    'fast'
    >>> bool(dispatcher.for_postcompletions)
    False

    Raises `ConfigError`, with all faults of all models.
    """

    # fmt: off
    @overload
    def __init__(self: ModelDispatcher[RoleGroup], models: Models, morph: Literal[True] = True, *,
                 roles: Roles = None, own_keys: Iterable[str] = (), strict: bool = False
                 ) -> None: ...

    @overload
    def __init__(self: ModelDispatcher[dict[str, Any]], models: Models, morph: Literal[False], *,
                 roles: Roles = None, own_keys: Iterable[str] = (), strict: bool = False
                 ) -> None: ...

    @overload
    def __init__(self: ModelDispatcher[Any], models: Models, morph: bool, *,
                 roles: Roles = None, own_keys: Iterable[str] = (), strict: bool = False
                 ) -> None: ...

    @overload
    def __init__(self, models: Models, morph: Callable[[dict[str, Any]], G], *,
                 roles: Roles = None, own_keys: Iterable[str] = (), strict: bool = False
                 ) -> None: ...
    # fmt: on

    def __init__(
        self,
        models: Models,
        morph: Morph = True,
        *,
        roles: Roles = None,
        own_keys: Iterable[str] = (),
        strict: bool = False,
    ) -> None:
        self.models = list(models) if isinstance(models, Iterator) else models
        self.groups: Groups = FrozenMap({})  # until they are known to be valid
        own_keys = [own_keys] if isinstance(own_keys, str) else own_keys
        tree = models.tree if isinstance(models, ConfigMorpher) else self.models
        if isinstance(tree, Mapping) and not ("model" in tree and self.models is tree):
            sections = read_sections(tree, roles, own_keys, strict=strict)
        else:
            sections = Sections(tree, make_contract(roles, own_keys))
        self.contract = sections.contract
        self.sections = sections.rest
        self._read = sections
        try:
            run = pipeline(self.contract, defaults=sections.defaults)
            self.groups = run(sections.models)
        except ConfigError as error:
            faults = [locate_outer(fault, sections.rest) for fault in error.faults]
        else:
            report(dict.fromkeys(find_idle_overrides(self.groups)))
            self.dispatch(morph)
            return
        raise ConfigError(faults)  # out here, where the first error is no context

    def dispatch(self, morph: Morph = True) -> None:
        """Change the form of the groups; which model plays which role stays the same."""
        if morph is False:
            forms: Mapping[str, Any] = self.groups
        elif morph is True:
            forms = role_groups(self.groups, contract=self.contract)
        else:
            forms = morph_groups(morph)(self.groups)
        self._forms, self._morph = forms, morph  # both or, where a morpher raises, neither

    @property
    def morph(self) -> Morph:
        """The form of the groups that was last passed to `dispatch`."""
        return self._morph

    @property
    def switched_off(self) -> list[Model]:
        """The models that `enabled: false` keeps out of all roles."""
        models = freeze_models(self._read.models)
        models = (apply_defaults(model, self._read.defaults) for model in models)
        return [model for model in models if not drop_disabled(model)]

    def for_role(self, role: str) -> G:
        """Return the group of a role: a `RoleGroup`, a fresh dict, or what `morph` made of it.

        Raises `RoleError` for a role that is not declared.
        """
        self.contract.require(role)
        form = self._forms[role]
        return cast("G", {"models": thaw(form)} if self.morph is False else form)

    @property
    def for_chatcompletions(self) -> G:
        """The models of the main conversation and its tool calls."""
        return self.for_role(CHATCOMPLETIONS)

    @property
    def for_postcompletions(self) -> G:
        """The models for what follows the conversation, each with its task."""
        return self.for_role(POSTCOMPLETIONS)

    if not TYPE_CHECKING:  # a type checker finds a misspelled attribute, and this would hide it

        def __getattr__(self, name: str) -> Any:
            """Return the group of any declared role: `dispatcher.for_embed`."""
            if name.startswith("for_") and "contract" in vars(self):
                role = name.removeprefix("for_")
                if role in self.contract:
                    return self.for_role(role)
                hint = did_you_mean(name, [f"for_{role}" for role in self.contract])
                raise AttributeError(f"no role is named {quote_name(role)}; {hint}")
            owner = type(self).__name__
            raise AttributeError(f"{owner!r} object has no attribute {quote_name(name)}")

    def __iter__(self) -> Iterator[Model]:
        """Iterate over every copy, role by role; dispatching them gives the same groups again."""
        return (
            model
            for role, models in self.groups.items()
            for model in models
            if role in model["roles"]  # a borrowed copy is in its own role already
        )

    def __repr__(self) -> str:
        groups = map(RoleGroup, self.groups, self.groups.values())
        return f"ModelDispatcher({', '.join(map(repr, groups))})"
