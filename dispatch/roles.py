"""Roles: which there are, what each asks for, and how a user may write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, ValuesView
from functools import lru_cache
from typing import Any, Literal, NamedTuple, cast

from dispatch.errors import MOST_FAULTS, Fault
from dispatch.frozen import VECTOR, FrozenMap, freeze
from dispatch.hints import did_you_mean, kind
from dispatch.secrets import redact_key, redact_text

__all__ = [
    "CHATCOMPLETIONS",
    "DEFAULT_CONTRACT",
    "DEFAULT_ROLES",
    "POSTCOMPLETIONS",
    "Contract",
    "Entry",
    "Role",
    "contract_of",
    "entry",
    "read_roles",
]

Entry = FrozenMap[str, str | None]
"""The normal form of one assignment: `{role: task}`."""

_LISTS: tuple[type, ...] = (list, tuple, *VECTOR)
_CONTAINERS: tuple[type, ...] = (*_LISTS, Mapping)


class Role(NamedTuple):
    """One role that a program declares.

    `required`: some model must play it. `several`: more than one may. `task`: whether an
    assignment to it may, must or must not carry a task.
    """

    name: str
    required: bool = False
    several: bool = True
    task: Literal["optional", "required", "none"] = "optional"


CHATCOMPLETIONS = "chatcompletions"
"""The main conversation and its tool calls: what a model plays that names no roles."""

POSTCOMPLETIONS = "postcompletions"
"""What follows the conversation, mostly with a task."""

DEFAULT_ROLES = (CHATCOMPLETIONS, POSTCOMPLETIONS)


_TASKS = ("optional", "required", "none")


def _declared(role: object) -> Role:
    role = role if isinstance(role, Role) else Role(cast("str", role))
    if not isinstance(role.name, str) or not role.name.strip():
        raise ValueError(f"a role needs a name, not {role.name!r}")
    if role.task not in _TASKS:
        raise ValueError(f"the task of a role is {' or '.join(_TASKS)}, not {role.task!r}")
    return role._replace(name=_plain(role.name))


def _plain(text: str) -> str:
    """A text of exactly that type: the members of an Enum are texts too, but print otherwise."""
    return str.__str__(text)


class Contract(Mapping[str, Role]):
    """The roles that a program declares, by name, in order.

    >>> contract = Contract(["chatcompletions", Role("embed", required=True)])
    >>> list(contract), contract["embed"].required
    (['chatcompletions', 'embed'], True)

    Raises `ValueError` for a role declared twice or without a name.
    """

    __slots__ = ("_hash", "_roles")

    def __init__(self, roles: Iterable[str | Role] = DEFAULT_ROLES) -> None:
        if isinstance(roles, str):
            roles = (roles,)
        declared = [_declared(role) for role in roles]
        self._roles = {role.name: role for role in declared}
        if len(self._roles) < len(declared):
            names = redact_text(", ".join(role.name for role in declared))
            raise ValueError(f"a role is declared twice: {names}")
        self._hash = hash(tuple(declared))  # asked for at each dispatch, to find its pipeline

    def __getitem__(self, name: str) -> Role:
        return self._roles[name]

    def get(self, name: object, default: Any = None) -> Any:
        return self._roles.get(name, default)  # type: ignore[call-overload]  # any key may be asked

    def __contains__(self, name: object) -> bool:
        return name in self._roles

    def __iter__(self) -> Iterator[str]:
        return iter(self._roles)

    def values(self) -> ValuesView[Role]:  # each dispatch asks; the view of Mapping is slow
        return self._roles.values()

    def __len__(self) -> int:
        return len(self._roles)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Contract):
            return NotImplemented
        return list(self.values()) == list(other.values())

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Contract({list(self._roles.values())})"


DEFAULT_CONTRACT = Contract()


def contract_of(roles: Contract | Iterable[str | Role]) -> Contract:
    """Return the contract that these roles make; a contract comes back as it is."""
    return roles if isinstance(roles, Contract) else Contract(roles)


def read_roles(roles: Any, contract: Contract) -> tuple[list[Entry], list[Fault]]:
    """Read what a user wrote under `roles`: one entry an assignment, in order, and all faults.

    A string is a role without a task, a mapping gives each of its roles a task. One of either
    may stand without a list around it; nothing at all means `chatcompletions`.

    >>> entries, faults = read_roles(["chatcompletions", {"postcompletions": "review"}], Contract())
    >>> entries
    [FrozenMap({'chatcompletions': None}), FrozenMap({'postcompletions': 'review'})]
    """
    if not roles and (roles is None or isinstance(roles, _CONTAINERS)):
        if CHATCOMPLETIONS not in contract:
            return [], [_unused(contract)]
        roles = CHATCOMPLETIONS
    listed = isinstance(roles, _LISTS)
    entries: list[Entry] = []
    faults: list[Fault] = []
    for index, written in enumerate(roles if listed else (roles,)):
        sound = _sound_entry(written, contract)
        if sound is not None:
            entries.append(sound)
            continue
        path = ("roles", index) if listed else ("roles",)
        for at, role, task in _assignments(written):
            fault = _find_fault(role, task, contract)
            if fault is None:
                entries.append(entry(_plain(role), task if task is None else _plain(task)))
            else:
                faults.append(fault.under(*path, *at))
                if len(faults) == MOST_FAULTS:
                    return entries, faults
    return entries, faults


def _sound_entry(written: Any, contract: Contract) -> Entry | None:
    """The normal form of an entry that is plainly right; None for one that needs a closer look."""
    if type(written) is str:
        role, task = written, None
    elif isinstance(written, FrozenMap) and len(written) == 1:
        ((role, task),) = written.iteritems()
    else:
        return None
    if type(role) is not str:
        return None
    declared = contract.get(role)
    if declared is None or declared.task != "optional":
        return None
    if task is None:
        return entry(role)
    return written if type(task) is str else None


def _assignments(written: Any) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield each role of one entry with its task, and where it stands below the entry."""
    if not isinstance(written, Mapping) or not written:
        yield (), written, None
        return
    several = len(written) > 1
    for role, task in written.items():
        yield ((str(role),) if several else ()), role, task


@lru_cache(maxsize=256)
def entry(role: str, task: str | None = None) -> Entry:
    """Return the normal form of an assignment, `{role: task}`; equal ones are the same object."""
    return cast("Entry", freeze({role: task}))


def _find_fault(role: Any, task: Any, contract: Contract) -> Fault | None:
    if not isinstance(role, str) or not role.strip():
        return _wrong_entry(role)
    declared = contract.get(role)
    if declared is None:
        return _undeclared(role, contract)
    if declared.task == "required" and (
        task is None or (isinstance(task, str) and not task.strip())
    ):
        hint = f"write it as a mapping: {role}: what to do"
        return Fault((), f"role {role!r} needs a task", hint, "missing-task")
    if task is None:
        return None
    if not isinstance(task, str):
        found = f"the task of role {role!r} must be a text, found {kind(task)}"
        hint = "quote it" if isinstance(task, int | float) else ""
        return Fault((), found, hint, "wrong-task")
    if declared.task == "none":
        return Fault((), f"role {role!r} takes no task", f"write it as {role!r}", "needless-task")
    return None


def _undeclared(role: str, contract: Contract) -> Fault:
    name, colon, task = (part.strip() for part in role.partition(":"))
    if colon and name in contract:
        hint = (
            f"a role with its task is a mapping, not one string: {name}: {task or 'what to do'!r}"
        )
        return Fault((), f"role {role!r} is not declared", hint, "task-in-string")
    shown = redact_key(role)  # a key that slipped in here is told by its name alone
    hint = did_you_mean(role, contract)
    return Fault((), f"role {shown!r} is not declared", hint, "undeclared-role")


def _unused(contract: Contract) -> Fault:
    names = ", ".join(contract)
    hint = f"give it roles: [{names}]" if len(contract) == 1 else f"give it one of {names}"
    return Fault((), "no role uses this model", hint if contract else "", "unused-model")


def _wrong_entry(found: Any) -> Fault:
    if isinstance(found, bool):
        hint = "YAML 1.1 reads on, off, yes and no as booleans: quote the name"
    elif isinstance(found, str):
        hint = "name the role, or leave the entry out"
    else:
        hint = "write 'role', or a mapping of roles to tasks"
    return Fault((), f"expected a role, found {kind(found)}", hint, "wrong-role")
