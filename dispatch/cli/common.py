"""What the commands share: their options, and how they read a configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from dispatch.config import ConfigMorpher
from dispatch.config.paths import trace
from dispatch.dispatcher import ModelDispatcher
from dispatch.errors import ConfigError, Fault, UnsetVariableError
from dispatch.roles import DEFAULT_CONTRACT, Contract

if TYPE_CHECKING:
    from dispatch.config.places import Source

__all__ = [
    "Argument",
    "configs_argument",
    "contract_option",
    "declare_option",
    "demo_option",
    "dispatcher_of",
    "imported",
    "placed",
    "read_config",
    "read_contract",
    "section_of",
]


class Argument(click.Argument):
    """An argument that help tells of, as click's own does from 8.5 on."""

    def __init__(self, names: Sequence[str], help: str, **settings: Any) -> None:
        super().__init__(names, **settings)
        self.help: str = help

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:  # noqa: ARG002
        """Return how the argument is written, and what it is."""
        return self.human_readable_name, self.help


Function = Callable[..., None]


def configs_argument(command: Function) -> Function:
    """Let a command take the files of a configuration."""
    told = "YAML, JSON or TOML; several merge, the last wins."
    return click.argument("configs", cls=Argument, nargs=-1, metavar="[CONFIG]...", help=told)(
        command
    )


def demo_option(command: Function) -> Function:
    """Let a command take the example that comes along in the place of files."""
    told = "Use the built-in example, not files."
    return click.option("--demo", is_flag=True, help=told)(command)


def declare_option(command: Function) -> Function:
    """Let a command take the names of roles beside those of the contract."""
    told = "Declare a role of your own; may be repeated."
    return click.option("--declare", metavar="ROLE", multiple=True, help=told)(command)


def contract_option(command: Function) -> Function:
    """Let a command take the contract of a program."""
    told = "Use the roles that your program declares."
    return click.option("--contract", metavar="MODULE:NAME", help=told)(command)


def dispatcher_of(config: ConfigMorpher, declared: Sequence[str]) -> ModelDispatcher:
    """Dispatch the models of a configuration to the default roles and those declared."""
    contract = read_contract(declared, None)
    with placed(config):  # a single value in the place of the models is no list to know again
        return ModelDispatcher(config.fetch("models"), roles=contract)


@contextmanager
def placed(config: ConfigMorpher) -> Iterator[None]:
    """Say of the faults that are found in a configuration where in its files each was written."""
    try:
        yield
        return
    except ConfigError as error:
        faults = [_placed(fault, config.source) for fault in error.faults]
    except UnsetVariableError as error:
        if error.model or config.source is None:  # a model's path is one of its role
            raise
        path = tuple(trace(config.source.tree, error.where))
        raise error.at(config.source.place(path)) from None
    raise ConfigError(faults)


def _placed(fault: Fault, source: Source | None) -> Fault:
    if fault.position or not fault.path or source is None:
        return fault
    return fault.at(source.place(fault.path, fault.code))


def read_contract(declared: Sequence[str], program: str | None) -> Contract:
    """Return the contract that the options ask for: the default one, or a program's, and roles.

    Raises `ConfigError` for a contract that is not where it is said to be, and a role without a
    name.
    """
    roles = _contract_at(program) if program else DEFAULT_CONTRACT
    more = [role for role in dict.fromkeys(declared) if role not in roles]
    if not all(role.strip() for role in more):
        raise ConfigError([Fault((), "--declare takes the name of a role", code="usage")])
    return Contract((*roles.values(), *more)) if more else roles


def _contract_at(program: str) -> Contract:
    module, _, name = program.partition(":")
    try:
        found = imported(module, name)
        return found if isinstance(found, Contract) else Contract(found)
    except (Exception, SystemExit) as error:  # of any class: a program runs as it is imported
        problem = type(error).__name__
    message = f"no contract at {program!r}: {problem}"
    hint = "name a module, and a Contract or a list of roles in it, as in my.program:ROLES"
    raise ConfigError([Fault((), message, hint, "usage")])


def imported(module: str, name: str) -> Any:
    """Import what a module calls by a name; it is looked for in the working directory too."""
    if "" not in sys.path and os.getcwd() not in sys.path:  # an installed script's is not there
        sys.path.insert(0, os.getcwd())
    return getattr(import_module(module), name)


def section_of(config: ConfigMorpher, name: str) -> dict[str, Any]:
    """Return a section of a configuration, beside its models; an absent one is empty.

    Raises `ConfigError` for one that is no mapping of names.
    """
    from dispatch.llm.settings import find_wrong_section

    found = config.fetch(name, None)
    faults = list(find_wrong_section(name, found))
    if faults:
        raise ConfigError(faults)
    return found or {}


def read_config(configs: Sequence[str], demo: bool) -> ConfigMorpher:
    """Read and merge the files, or the one that comes along.

    Raises `ConfigError` for both, or neither.
    """
    if demo == bool(configs):
        message = "name configuration files, or give --demo alone"
        raise ConfigError([Fault((), message, code="usage")])
    if configs:
        return ConfigMorpher(configs)
    from importlib.resources import as_file, files  # dear, and for the demonstration alone

    with as_file(files("dispatch") / "demo.yaml") as shipped:
        return ConfigMorpher(shipped)
