"""Roles: what a program declares, and how a user writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple, cast

from dispatch.errors import Fault, RoleError, Step
from dispatch.immutable import LISTS, FrozenMap, freeze
from dispatch.redaction import quote_name, redact_text
from dispatch.suggestions import describe_type, did_you_mean, nearest

__all__ = [
    "CHATCOMPLETIONS", "DEFAULT_CONTRACT", "DEFAULT_ROLES", "FIELDS", "POSTCOMPLETIONS",
    "Contract", "Entry", "Role", "are_names", "assignment", "find_wrong_field", "read_roles",
    "variables_of",
]  # fmt: skip

CHATCOMPLETIONS = "chatcompletions"
"""The main conversation and its tool calls: the role of a model that names none."""

POSTCOMPLETIONS = "postcompletions"
"""What follows the conversation, mostly with a task."""

_TASKS = ("optional", "required", "none")
_CHAT = FrozenMap({"mode": "chat"})


class Role(NamedTuple):
    """One role that a program declares.

    `required`: at least one model must play it. `multiple`: more than one model may play it.
    `task`: whether an assignment may, must or must not have a task. `otherwise`: the role whose
    models it borrows if no model plays it. `needs`: what its models must support, in the terms of
    LiteLLM's model map (`{"supports_vision": True, "max_input_tokens": 100_000}`). `calls`: the
    callable for its models, or its dotted name; `litellm.completion` by default.
    `variables`: the names that the program fills into a task. `max_cost`: how many US dollars its
    calls may cost in one process.

    >>> Role("title", description="names a conversation", otherwise="chatcompletions").multiple
    True
    """

    name: str
    required: bool = False
    multiple: bool = True
    task: Literal["optional", "required", "none"] = "optional"
    description: str = ""
    otherwise: str | None = None
    needs: Mapping[str, Any] | None = None
    calls: Callable[..., Any] | str | None = None
    variables: tuple[str, ...] | None = None
    max_cost: float | None = None


DEFAULT_ROLES = (
    Role(CHATCOMPLETIONS, description="the main conversation and its tool calls", needs=_CHAT),
    Role(POSTCOMPLETIONS, description="what follows the conversation", needs=_CHAT),
)


def are_names(value: Any) -> bool:
    """Return whether a value is a list of strings.

    >>> are_names(["topic"]), are_names("topic")
    (True, False)
    """
    return isinstance(value, LISTS) and all(isinstance(name, str) for name in value)


_BOOLEAN = "true or false", lambda value: isinstance(value, bool)
FIELDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "required": _BOOLEAN,
    "multiple": _BOOLEAN,
    "task": ("optional, required or none", lambda value: value in _TASKS),
    "description": ("a string", lambda value: isinstance(value, str)),
    "otherwise": ("the name of a role", lambda value: isinstance(value, str)),
    "needs": ("a mapping", lambda value: isinstance(value, Mapping)),
    "calls": (
        "a callable or its dotted name",
        lambda value: callable(value) or isinstance(value, str),
    ),
    "variables": ("a list of names", are_names),
    "max_cost": (
        "a number of dollars, 0 or more",
        lambda value: type(value) in (int, float) and value >= 0,
    ),
}
"""What may be said of a role: the words for it, and what holds of a value that fits."""


def find_wrong_field(fields: Mapping[str, Any], rules: Any = FIELDS) -> Iterator[tuple[str, str]]:
    """Yield each field of a role that has a wrong value, and why it is wrong.

    >>> list(find_wrong_field({"required": "yes", "max_cost": 0.5}))
    [('required', 'expected true or false, found a string')]
    """
    for name, value in fields.items():
        expected, fits = rules[name]
        if not fits(value):
            yield name, f"expected {expected}, found {describe_type(value)}"


def _declared(role: object) -> Role:
    role = role if isinstance(role, Role) else _DEFAULTS.get(role) or Role(cast("str", role))
    if not isinstance(role.name, str) or not role.name.strip():
        raise ValueError(f"a role needs a name, not {quote_name(role.name)}")
    defaults = Role._field_defaults
    written = {f: v for f, v in role._asdict().items() if f in FIELDS and v is not defaults[f]}
    for field, problem in find_wrong_field(written):
        raise ValueError(f"role {quote_name(role.name)}: {field}: {problem}")
    variables = None if role.variables is None else tuple(role.variables)
    needs = None if role.needs is None else freeze(role.needs)
    return role._replace(name=_exactly_str(role.name), variables=variables, needs=needs)


_DEFAULTS: dict[object, Role] = {role.name: role for role in DEFAULT_ROLES}


def _exactly_str(value: Any) -> Any:
    """Return a member of an Enum as the string that it is: it would print otherwise."""
    return str.__str__(value) if isinstance(value, str) else value


class Contract(Mapping[str, Role]):
    """The roles that a program declares, by name, in order; and the keys that belong to it.

    `own_keys` are keys of a model that the program reads, such as `tags`; no call receives them.

    >>> contract = Contract(["chatcompletions", Role("embed", required=True)], own_keys=["tags"])
    >>> list(contract), contract["embed"].required
    (['chatcompletions', 'embed'], True)

    Raises `ValueError` for a role that is declared twice or has no name, and for an `otherwise`
    that names no declared role or leads in a circle.
    """

    __slots__ = ("_roles", "own_keys")

    def __init__(
        self, roles: Iterable[str | Role] = DEFAULT_ROLES, own_keys: Iterable[str] = ()
    ) -> None:
        self._roles: dict[str, Role] = {}
        declared = [_declared(role) for role in ([roles] if isinstance(roles, str) else roles)]
        self._roles = {role.name: role for role in declared}
        self.own_keys = frozenset([own_keys] if isinstance(own_keys, str) else own_keys)
        if len(self._roles) < len(declared):
            names = redact_text(", ".join(role.name for role in declared))
            raise ValueError(f"a role is declared twice: {names}")
        for role in declared:
            self.lenders(role.name)

    def lenders(self, name: str) -> list[str]:
        """Return the roles that a role borrows models from, nearest first.

        >>> Contract([Role("title", otherwise="chat"), "chat"]).lenders("title")
        ['chat']
        """
        chain = [name]
        while (lender := self._roles[chain[-1]].otherwise) is not None:
            if lender not in self._roles:
                role = quote_name(chain[-1])
                hint = did_you_mean(lender, (name for name in self._roles if name not in chain))
                message = f"role {role} borrows from {lender!r}, which is not declared"
                raise ValueError(f"{message}; {hint}")
            if lender in chain:
                raise ValueError(f"roles borrow in a circle: {' → '.join([*chain, lender])}")
            chain.append(lender)
        return chain[1:]

    def require(self, role: str) -> Role:
        """Return a declared role. Raises `RoleError` for any other."""
        if role not in self._roles:
            hint = did_you_mean(str(role), self)
            raise RoleError(f"role {quote_name(role)} is not declared; {hint}")
        return self._roles[role]

    def __getitem__(self, name: str) -> Role:
        return self._roles[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._roles)

    def __len__(self) -> int:
        return len(self._roles)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Contract):
            return NotImplemented
        mine, others = list(self._roles.values()), list(other._roles.values())
        return mine == others and self.own_keys == other.own_keys

    def __hash__(self) -> int:
        return hash((*self._roles, self.own_keys))

    def __repr__(self) -> str:
        return f"Contract({', '.join(self._roles)})"


DEFAULT_CONTRACT = Contract()


class Entry(NamedTuple):
    """One assignment as the user wrote it; `path` is its path within the model."""

    path: tuple[Step, ...]
    role: Any
    task: Any = None
    parameters: Mapping[str, Any] | None = None


@lru_cache(maxsize=256)
def assignment(role: str, task: str | None = None) -> FrozenMap[str, str | None]:
    """Return the normal form of an assignment, `{role: task}`; equal ones are one object.

    >>> assignment("postcompletions", "review")
    FrozenMap({'postcompletions': 'review'})
    """
    return FrozenMap.of({role: task})


def read_roles(roles: Any, contract: Contract) -> tuple[list[Entry], list[Fault]]:
    """Read what a user wrote under `roles`: the valid assignments in order, and all faults.

    A string is a role without a task. A mapping gives each of its roles a task, or a mapping with a
    task and parameters. A single one needs no list around it; an empty value means
    `chatcompletions`.

    >>> entries, faults = read_roles(["chatcompletions", {"postcompletions": "review"}], Contract())
    >>> [(entry.role, entry.task) for entry in entries], faults
    ([('chatcompletions', None), ('postcompletions', 'review')], [])
    """
    roles = freeze(roles)
    if not roles and (roles is None or isinstance(roles, (*LISTS, FrozenMap))):
        if CHATCOMPLETIONS not in contract:
            names = ", ".join(contract)
            hint = f"give it one of {names}" if len(contract) > 1 else f"give it roles: [{names}]"
            unused = Fault((), "no role uses this model", hint * bool(contract), "unused-model")
            return [], [unused]
        roles = CHATCOMPLETIONS
    listed = isinstance(roles, LISTS)
    entries: list[Entry] = []
    faults: list[Fault] = []
    for index, written in enumerate(roles if listed else (roles,)):
        for entry in _entries(written, ("roles", index) if listed else ("roles",)):
            fault = _find_fault(entry, contract)
            if fault is None:
                entries.append(entry)
            else:
                faults.append(fault)
    return entries, faults


def _entries(written: Any, path: tuple[Step, ...]) -> list[Entry]:
    if isinstance(written, str):
        return [Entry(path, _exactly_str(written))]
    if not isinstance(written, FrozenMap) or not written:
        return [Entry(path, written)]
    entries = []
    for role in written:
        value, at = written[role], (*path, role) if len(written) > 1 else path
        parameters = None
        if isinstance(value, FrozenMap):
            parameters = {key: item for key, item in value.items() if key != "task"}
            value = value.get("task")
        entries.append(Entry(at, _exactly_str(role), _exactly_str(value), parameters))
    return entries


def _find_fault(entry: Entry, contract: Contract) -> Fault | None:
    """Return what is wrong with an assignment: the only statement of that rule."""
    path, role, task, parameters = entry
    if not isinstance(role, str) or not role.strip():
        hint = "write 'role', or a mapping of roles to tasks"
        if isinstance(role, bool):
            hint = "YAML 1.1 reads on, off, yes and no as booleans: quote the name"
        elif isinstance(role, str):
            hint = "name the role, or remove the entry"
        return Fault(path, f"expected a role, found {describe_type(role)}", hint, "wrong-role")
    declared = contract._roles.get(role)
    if declared is None:
        return _undeclared(path, role, contract)
    inside = path if path[-1] == role else (*path, role)
    if parameters and ("roles" in parameters or not {*map(type, parameters)} <= {str}):
        message = f"role {role!r} takes a task and parameters by name"
        hint = "write {task: summarize, temperature: 0}"
        return Fault(inside, message, hint, "wrong-parameters")
    if parameters and "enabled" in parameters:
        message, hint = "enables or disables a whole model", "remove the entry of the role instead"
        return Fault((*inside, "enabled"), message, hint, "wrong-parameters")
    if task is None or (isinstance(task, str) and not task.strip()):
        if declared.task == "required":
            hint = f"write it as a mapping: {role}: what to do"
            return Fault(path, f"role {role!r} needs a task", hint, "missing-task")
        return None
    if not isinstance(task, str):
        hint = "quote it" if isinstance(task, int | float) else ""
        message = f"the task of role {role!r} must be a string, found {describe_type(task)}"
        return Fault(path, message, hint, "wrong-task")
    if declared.task == "none":
        hint = f"write it as {role!r}"
        return Fault(path, f"role {role!r} takes no task", hint, "needless-task")
    return _find_wrong_variable(path, task, declared)


def _find_wrong_variable(path: tuple[Step, ...], task: str, role: Role) -> Fault | None:
    if role.variables is None:
        return None
    try:
        names = variables_of(task)
    except ValueError as error:
        message = f"the braces of this task do not match: {error}"
        return Fault(path, message, "write {{ and }} for literal braces", "wrong-variable")
    unknown = next((name for name in names if name not in role.variables), None)
    if unknown is None:
        return None
    hint = did_you_mean(unknown, role.variables) or "the role has no variables"
    message = f"the program has no variable {quote_name(unknown)}"
    return Fault(path, message, hint, "wrong-variable")


def variables_of(task: str) -> list[str]:
    """Return what the program fills into a task. Raises `ValueError` for braces without a match.

    >>> variables_of("name {topic} in {{three}} words")
    ['topic']
    """
    from string import Formatter  # only for roles that have variables

    return [name for _, name, _, _ in Formatter().parse(task) if name is not None]


def _undeclared(path: tuple[Step, ...], role: str, contract: Contract) -> Fault:
    message = f"role {quote_name(role)} is not declared"
    name, colon, task = (part.strip() for part in role.partition(":"))
    if colon and name in contract:
        hint = f"write a role with its task as a mapping: {name}: {task or 'what to do'!r}"
        return Fault(path, message, hint, "task-in-string")
    if "," in role and all(part.strip() in contract for part in role.split(",")):
        names = ", ".join(part.strip() for part in role.split(","))
        return Fault(path, message, f"write a list: roles: [{names}]", "undeclared-role")
    hint = did_you_mean(role, contract)
    if nearest(role, contract) is None:
        beside = path[-1] == role  # written beside another role
        parameter = "write a parameter below its role: {task: …, temperature: 0}"
        hint = parameter if beside else f"{hint}; or declare it with roles".removeprefix("; or ")
    return Fault(path, message, hint, "undeclared-role")
