"""What the commands share: the options that name a configuration, and how it is read."""

from __future__ import annotations

import json
import math
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cached_property, update_wrapper
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkstemp
from typing import Any, cast

import click

from dispatch.dispatcher import ModelDispatcher
from dispatch.errors import ConfigError, Fault, FileError, Position
from dispatch.immutable import VECTOR, FrozenMap, freeze
from dispatch.loading import read_tree
from dispatch.redaction import printable
from dispatch.roles import Contract
from dispatch.sections import read_sections
from dispatch.tools.check import hide_misspelt_secrets
from dispatch.tools.importers import PROXY_FILE, detect, read_foreign

__all__ = [
    "Argument",
    "Config",
    "harmless",
    "import_name",
    "to_json",
    "with_config",
    "with_contract",
    "write_file",
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


@dataclass
class Config:
    """The configuration that a command was given; it is read when it is first needed."""

    files: Sequence[str] = ()
    demo: bool = False
    overrides: Sequence[str] = ()
    declared: Sequence[str] = ()
    program: str | None = None

    @cached_property
    def tree(self) -> FrozenMap[str, Any]:
        """The configuration, merged and overridden; `--declare` adds to the roles of the files."""
        if self.demo == bool(self.files):
            raise click.UsageError("name configuration files, or give --demo alone")
        demo = str(Path(__file__).parents[1] / "demo.yaml")
        try:
            tree = read_tree(self.files or [demo], overrides=self.overrides)
        except FileError:
            for file in self.files:  # two formats are lists, one of them without a suffix
                with suppress(FileError):
                    _refuse(read_foreign(Path(file))[0], file)
            raise
        _refuse(tree, *self.files[:1])
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
        roles = freeze(dict.fromkeys(roles)) if isinstance(roles, VECTOR) else roles
        if not self.declared or not isinstance(roles, FrozenMap):
            return tree
        declared = {role: None for role in self.declared if role not in roles}
        return cast("FrozenMap[str, Any]", tree.set("roles", roles.update(declared)))


def _refuse(data: Any, file: str = "") -> None:
    """Raise `ConfigError` for a configuration of another program, with the command for it."""
    found = detect(data)
    if found not in (None, PROXY_FILE):
        hint = f"rewrite it: dispatch import {shlex.quote(file)}"
        fault = Fault((), f"is {found}", hint, "foreign-file", position=Position(file))
        raise ConfigError([fault])


_CONTRACT = (
    click.option("--declare", "declared", metavar="ROLE", multiple=True, help="Declare a role."),
    click.option("--contract", "program", metavar="MODULE:NAME", help="Use a program's roles."),
)
_CONFIG = (
    click.argument("files", cls=Argument, nargs=-1, metavar="[CONFIG]...", help=_FILES),
    click.option("--demo", is_flag=True, help="Use the built-in example instead of files."),
    click.option("--set", "overrides", metavar="PATH=VALUE", multiple=True, help="Set a value."),
    *_CONTRACT,
)


def with_config(command: Command) -> Command:
    """Give a command the options of a configuration, and the configuration as `config`."""
    return _with(_CONFIG, command)


def with_contract(command: Command) -> Command:
    """Give a command that reads no files the options of a contract, also as `config`."""
    return _with(_CONTRACT, command)


def _with(options: Sequence[Callable[[Command], Command]], command: Command) -> Command:
    def run(**given: Any) -> None:
        mine = {
            field.name: given.pop(field.name) for field in fields(Config) if field.name in given
        }
        command(config=Config(**mine), **given)

    decorated: Command = update_wrapper(run, command)
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


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


def write_file(path: Path, text: str, *, exclusive: bool = False, private: bool = False) -> None:
    """Write a file: never over another one if `exclusive`, for its owner alone if `private`.

    Raises `FileError` where that fails.
    """
    try:
        if private and (path.is_file() or not path.exists()):
            _write_private(path.resolve(), text)
        else:
            with path.open("x" if exclusive else "w", encoding="utf-8") as file:
                file.write(text)
        return
    except FileExistsError:
        problem = "exists already"
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
    raise FileError([Fault((), problem, code="unwritable", position=Position(str(path)))])


def _write_private(path: Path, text: str) -> None:
    """Put a file in its place that only its owner could read from the first byte on."""
    file, beside = mkstemp(dir=path.parent, prefix=f".{path.name}.")  # of mode 0600
    try:
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(text)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
