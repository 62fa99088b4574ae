"""What the commands share: the options that name a configuration, and how it is read."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from functools import cached_property, wraps
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from dispatch.dispatcher import ModelDispatcher
from dispatch.immutable import FrozenMap, freeze
from dispatch.load import read_tree
from dispatch.redaction import printable
from dispatch.roles import Contract
from dispatch.sections import read_sections
from dispatch.tools.check import hide_misspelt_secrets

__all__ = [
    "Argument",
    "Config",
    "harmless",
    "import_name",
    "to_json",
    "with_config",
    "with_contract",
]

Command = Callable[..., None]

_FILES = "YAML, JSON or TOML; several merge, the last wins."


class Argument(click.Argument):
    """An argument that has help, as click's own does from 8.5 on."""

    def __init__(self, names: Sequence[str], help: str, **settings: Any) -> None:
        super().__init__(names, **settings)
        self.help: str = help

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:  # noqa: ARG002
        """Return how the argument is written, and what it is."""
        return self.human_readable_name, self.help


class Config:
    """The configuration that a command was given; it is read when it is first needed."""

    def __init__(
        self,
        files: Sequence[str] = (),
        demo: bool = False,
        overrides: Sequence[str] = (),
        declared: Sequence[str] = (),
        program: str | None = None,
    ) -> None:
        self.files = files
        self.demo = demo
        self.overrides = overrides
        self.declared = declared
        self.program = program

    @cached_property
    def tree(self) -> FrozenMap[str, Any]:
        """The configuration, merged and overridden; a role of `--declare` is as one of its own."""
        if self.demo == bool(self.files):
            raise click.UsageError("name configuration files, or give --demo alone")
        demo = str(Path(__file__).parents[1] / "demo.yaml")
        tree = read_tree(self.files or [demo], overrides=self.overrides)
        hide_misspelt_secrets(tree)
        return self._declare(tree)

    @cached_property
    def program_contract(self) -> Contract | None:
        """The contract that `--contract` names."""
        if self.program is None:
            return None
        found = import_name(self.program, "no contract at", "such as my.program:ROLES")
        try:
            return found if isinstance(found, Contract) else Contract(found)
        except (TypeError, ValueError) as error:
            problem = type(error).__name__
        raise click.UsageError(f"no contract at {self.program!r}: {problem}")

    @property
    def contract(self) -> Contract:
        """The contract without any model: of a program, of the files, and of `--declare`."""
        tree = self.tree if self.files or self.demo else self._declare(freeze({}))
        return read_sections(tree.set("models", []), self.program_contract).contract

    def dispatcher(self) -> ModelDispatcher[Any]:
        """Dispatch the models to their roles."""
        return ModelDispatcher(self.tree, roles=self.program_contract)

    def _declare(self, tree: FrozenMap[str, Any]) -> FrozenMap[str, Any]:
        if not all(role.strip() for role in self.declared):
            raise click.UsageError("--declare takes the name of a role")
        roles = tree.get("roles") or freeze({})
        if not self.declared or not isinstance(roles, FrozenMap):
            return tree
        return tree.set("roles", {**dict.fromkeys(self.declared), **roles.to_dict()})


_CONTRACT = (
    click.option(
        "--declare", "declared", metavar="ROLE", multiple=True, help="Declare a role; repeatable."
    ),
    click.option(
        "--contract",
        "program",
        metavar="MODULE:NAME",
        help="Use the roles that a program declares.",
    ),
)
_CONFIG = (
    click.argument("files", cls=Argument, nargs=-1, metavar="[CONFIG]...", help=_FILES),
    click.option("--demo", is_flag=True, help="Use the built-in example instead of files."),
    click.option(
        "--set", "overrides", metavar="PATH=VALUE", multiple=True, help="Set a value; repeatable."
    ),
    *_CONTRACT,
)


def with_config(command: Command) -> Command:
    """Give a command the options of a configuration, and the configuration as `config`."""
    return _with_options(command, _CONFIG)


def with_contract(command: Command) -> Command:
    """Give a command that reads no files the options of a contract, as `config` too."""
    return _with_options(command, _CONTRACT)


def _with_options(command: Command, options: Sequence[Callable[[Command], Command]]) -> Command:
    names = ("files", "demo", "overrides", "declared", "program")

    @wraps(command)
    def run(**given: Any) -> None:
        mine = {name: given.pop(name) for name in names if name in given}
        command(config=Config(**mine), **given)

    for option in reversed(options):
        run = option(run)
    return run


def import_name(name: str, problem: str, example: str) -> Any:
    """Import what a `module:name`, or a dotted name, leads to.

    The working directory is searched last, for what is installed nowhere. Raises `UsageError`,
    which says `problem`, for any exception: a program runs as it is imported.
    """
    module, _, attribute = name.replace(":", ".").rpartition(".")
    here = os.getcwd()
    try:
        installed = find_spec(module.partition(".")[0]) is not None
        try:
            sys.path += [] if installed else [here]
            return getattr(import_module(module), attribute)
        finally:
            if not installed:
                sys.path.remove(here)
    except (Exception, SystemExit) as error:
        failure = type(error).__name__
    raise click.UsageError(f"{problem} {name!r}: {failure}; write it as it is imported, {example}")


def harmless(text: str) -> str:
    """Make text from a file harmless for the terminal, and for a CI that obeys lines with `::`.

    >>> harmless("::stop-commands::x")
    '| ::stop-commands::x'
    """
    lines = printable(text).split("\n")
    return "\n".join(
        f"| {line}" if line.lstrip().startswith(("::", "##[")) else line for line in lines
    )


def to_json(value: Any) -> str:
    """Write plain data, named tuples as mappings, as JSON that any parser reads.

    >>> to_json([float("nan")]).split()
    ['[', '"nan"', ']']
    """
    return json.dumps(_plain(value), indent=2, default=str, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
