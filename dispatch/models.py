"""A role group: the models that play one role, as a `ConfigMorpher`.

Here the generic `ConfigMorpher` meets LiteLLM. What LiteLLM's calls need, such as holding back
reserved keys and resolving references, is a policy. It applies to role groups and to LiteLLM's own
callables, and to nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from typing import Any

from pyrsistent import PVector, pvector

from dispatch.config import morpher
from dispatch.config.arguments import Policy
from dispatch.config.paths import PathLike
from dispatch.errors import RoleError
from dispatch.immutable import FrozenMap, freeze
from dispatch.litellm.policy import LiteLLMPolicy, is_litellm
from dispatch.redaction import display_name, quote_name
from dispatch.roles import DEFAULT_CONTRACT, Contract, variables_of
from dispatch.stages import Groups, Model
from dispatch.suggestions import did_you_mean

__all__ = ["ConfigMorpher", "RoleGroup", "role_groups"]

Message = dict[str, Any]

_LITELLM = LiteLLMPolicy()
_NONE = Policy()


class ConfigMorpher(morpher.ConfigMorpher):
    """A configuration that never changes, from which a callable's arguments are taken.

    `config` is a mapping, the path of a file, or several paths, merged from left to right:
    mappings are merged deeply, lists are replaced. All results are fresh, plain containers.

    >>> config = ConfigMorpher({"models": [{"name": "a", "model": "gpt-4o", "temperature": 0}]})
    >>> config.fetch("models[name=a].model")
    'gpt-4o'
    >>> config.morph(lambda model, temperature=1: None, start_from="models[0]")
    {'model': 'gpt-4o', 'temperature': 0}
    """

    def _policy(self, target: Any) -> Policy:
        return _LITELLM if is_litellm(target) else _NONE


class RoleGroup(ConfigMorpher):
    """The models of one role, in file order; false when there are none.

    >>> from dispatch import dispatch
    >>> groups = dispatch([{"model": "gpt-4o", "roles": {"postcompletions": "sum up"}}])
    >>> group = RoleGroup("postcompletions", groups["postcompletions"])
    >>> len(group), group.tasks, group.fetch("models[0].model")
    (1, ('sum up',), 'gpt-4o')
    """

    def __init__(
        self, role: str, models: Iterable[Model], contract: Contract = DEFAULT_CONTRACT
    ) -> None:
        self.role = role
        self.contract = contract
        self.models: PVector[Model] = freeze(pvector(models))
        self._own_policy = LiteLLMPolicy(contract.own_keys) if contract.own_keys else _LITELLM
        super().__init__(FrozenMap.of({"models": self.models}))

    def _policy(self, target: Any) -> Policy:  # noqa: ARG002  # the same for all
        return self._own_policy

    @property
    def tasks(self) -> tuple[str | None, ...]:
        """The task of each model, in order; None for a model without one."""
        return tuple(task for model in self.models for _, task in model["roles"].iteritems())

    @property
    def borrowed_from(self) -> str | None:
        """The role that lends its models, if no model plays this one."""
        lenders = (role for model in self.models[:1] for role in model["roles"])
        return next((role for role in lenders if role != self.role), None)

    def _start(self) -> PathLike:
        return self._path(0)

    def kwargs(self, model: int | str = 0) -> dict[str, Any]:
        """Return the keyword arguments of one model, by its number or name, ready for the call.

        They are for the callable of the role, `litellm.completion` by default. They do not
        include `system_prompt`, which `messages` puts first.

        >>> from dispatch import ModelDispatcher
        >>> models = ModelDispatcher([{"name": "a", "model": "gpt-4o", "temperature": 0}])
        >>> models.for_chatcompletions.kwargs()
        {'model': 'gpt-4o', 'temperature': 0}

        Raises `RoleError` for a model that is not in the group.
        """
        arguments: dict[str, Any] = self.morph(self.callable, self._path(model))
        return arguments

    @cached_property
    def callable(self) -> Any:
        """The callable that this role's models are handed to; its module is imported here."""
        role = self.contract.get(self.role)
        calls = (role.calls if role else None) or "litellm.completion"
        if not isinstance(calls, str):
            return calls
        module, _, name = calls.replace(":", ".").rpartition(".")
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            problem = type(error).__name__
        raise RoleError(f"role {self.role!r} calls {quote_name(calls)}: {problem}")

    def messages(
        self, messages: str | Sequence[Mapping[str, Any]], model: int | str = 0
    ) -> list[Message]:
        """Return the messages of a call: the model's system prompt, if any, then these.

        >>> from dispatch import ModelDispatcher
        >>> group = ModelDispatcher([{"model": "gpt-4o", "system_prompt": "Be terse."}])
        >>> group.for_chatcompletions.messages("hi")
        [{'role': 'system', 'content': 'Be terse.'}, {'role': 'user', 'content': 'hi'}]
        """
        listed = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
        found = self.morph(_system_prompt, self._path(model))
        prompt = found.get("system_prompt")
        first = [{"role": "system", "content": prompt}] if prompt else []
        return [*first, *map(dict, listed)]

    def task(self, model: int | str = 0, **values: object) -> str | None:
        """Return the task of a model, with the variables of its role filled in.

        >>> from dispatch import ModelDispatcher, Role
        >>> title = Role("title", variables=("topic",))
        >>> models = [{"model": "gpt-4o", "roles": {"title": "name {topic} in three words"}}]
        >>> ModelDispatcher(models, roles=[title]).for_role("title").task(topic="tea")
        'name tea in three words'

        Raises `RoleError` for a value that the role has no variable for, and for a variable of the
        task without a value.
        """
        task: str | None
        (task,) = self[model]["roles"].values()
        role = self.contract.get(self.role)
        known = (role.variables if role else None) or ()
        wrong = next((name for name in values if name not in known), None)
        if wrong is not None:
            hint = did_you_mean(wrong, known) or "it has none"
            raise RoleError(f"role {self.role!r} has no variable {quote_name(wrong)}; {hint}")
        if task is None or not known:
            return task
        missing = sorted({*variables_of(task)} - values.keys())
        if missing:
            raise RoleError(f"the task of role {self.role!r} needs {', '.join(missing)}")
        return str(task.format_map(values))

    def _path(self, model: int | str) -> tuple[str | int, ...]:
        return "models", self._index(model)

    def _index(self, model: int | str) -> int:
        count = len(self.models)
        if not count:
            raise RoleError(f"no model plays role {self.role!r}")
        if isinstance(model, str):
            names = [display_name(each) for each in self.models]
            if model in names:
                return names.index(model)
            hint = did_you_mean(model, dict.fromkeys(names))
            raise RoleError(f"no model of role {self.role!r} is named {quote_name(model)}; {hint}")
        if not -count <= model < count:
            models = f"{count} model{'s' * (count != 1)}"
            raise RoleError(f"role {self.role!r} has {models}, and no model {model}")
        return model % count

    def __getitem__(self, model: int | str) -> Model:
        return self.models[self._index(model)]

    def __len__(self) -> int:
        return len(self.models)

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models)

    def __repr__(self) -> str:
        names = ", ".join(map(display_name, self.models))
        return f"RoleGroup({self.role}: {names})" if names else f"RoleGroup({self.role})"

    def __reduce__(self) -> tuple[Any, ...]:
        return RoleGroup, (self.role, self.models, self.contract)


def _system_prompt(system_prompt: str | None = None) -> None: ...


def role_groups(
    groups: Groups, *, contract: Contract = DEFAULT_CONTRACT
) -> FrozenMap[str, RoleGroup]:
    """Make a `RoleGroup` of each role's models: the last stage of `ModelDispatcher`'s pipeline.

    >>> from dispatch import dispatch
    >>> role_groups(dispatch([{"name": "a", "model": "gpt-4o"}]))["chatcompletions"]
    RoleGroup(chatcompletions: a)
    """
    return FrozenMap.of(
        {role: RoleGroup(role, models, contract) for role, models in groups.items()}
    )
