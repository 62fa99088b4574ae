"""Code shared by the commands: options, reading the configuration, and output."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stderr, suppress
from dataclasses import dataclass, fields
from functools import cached_property, update_wrapper
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import click

from dispatch.config.files import SUFFIXES, decode
from dispatch.dispatcher import ModelDispatcher
from dispatch.errors import ConfigError, Fault, FileError, Position
from dispatch.immutable import VECTOR, FrozenMap, freeze, reshape
from dispatch.litellm.policy import hide_misspelt_secrets
from dispatch.loading import read_tree
from dispatch.redaction import display_name, printable, redact_text
from dispatch.roles import Contract
from dispatch.sections import read_sections

__all__ = [
    "Argument", "Config", "Output", "complete_models", "complete_roles", "find_config",
    "harmless", "import_name", "is_config", "print_message", "print_table", "spinner",
    "to_json", "with_config", "with_contract", "with_output", "write_file",
]  # fmt: skip

Command = Callable[..., None]

STDIN = "<stdin>"
_FOUND = ("models.yaml", "config.yaml")
_FILES = """\
YAML, JSON or TOML files, merged; later ones win. A directory means its models.yaml; - is
standard input. Default: $DISPATCH_CONFIG, else ./models.yaml, else ./config.yaml.
"""


class Argument(click.Argument):
    """An argument with a help text, which click itself supports since 8.5."""

    def __init__(self, names: Sequence[str], help: str, **settings: Any) -> None:
        super().__init__(names, **settings)
        self.help: str = help

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:  # noqa: ARG002
        """Return the name of the argument and its help text."""
        return self.human_readable_name, self.help


def is_config(name: str) -> bool:
    """Return whether an argument names a configuration, rather than a prompt, for example.

    >>> is_config("-"), is_config("absent.yaml"), is_config("rename x to count")
    (True, True, False)
    """
    named = len(name.split()) == 1 and Path(name).suffix.lower() in SUFFIXES
    here = os.path.isfile(name) or (name and os.path.isfile(os.path.join(name, _FOUND[0])))
    return name == "-" or named or bool(here)


def find_config(files: Sequence[str]) -> list[str]:
    """Return the files to read: the given ones, else $DISPATCH_CONFIG, else a default file.

    Files that were not given are listed on stderr. The result may be empty.
    """
    given = files or list(filter(None, os.environ.get("DISPATCH_CONFIG", "").split(os.pathsep)))
    found = given or list(filter(os.path.isfile, _FOUND))[:1]
    if found and not files:
        click.echo(harmless(redact_text(f"using {', '.join(found)}")), err=True)
    return [os.path.join(name, _FOUND[0]) if os.path.isdir(name) else name for name in found]


@dataclass
class Config:
    """The configuration given to a command, read on first use.

    `files` is None for a command that reads no files.
    """

    files: Sequence[str] | None = None
    demo: bool = False
    input_format: Literal["yaml", "json", "toml"] = "yaml"
    overrides: Sequence[str] = ()
    declared: Sequence[str] = ()
    program: str | None = None

    @cached_property
    def paths(self) -> list[str]:
        """The files to read."""
        if self.demo and self.files:
            raise click.UsageError("name configuration files, or give --demo alone")
        if self.demo:
            return [str(Path(__file__).parents[1] / "demo.yaml")]
        return [] if self.files is None else find_config(self.files)

    @cached_property
    def tree(self) -> FrozenMap[str, Any]:
        """The configuration, merged and overridden, with the roles from `--declare`."""
        if not self.paths:
            hint = "name a file, or set DISPATCH_CONFIG; dispatch init writes one to start from"
            raise click.UsageError(f"no configuration: there is no {_FOUND[0]} here; {hint}")
        files = [self._read_stdin() if path == "-" else path for path in self.paths]
        try:
            tree = read_tree(files, overrides=self.overrides)
        except FileError:
            _refuse_foreign(self.paths)
            raise
        models = tree.get("models")
        listed = models if isinstance(models, VECTOR) else ()
        if any("provider" in each or "uses" in each for each in listed if type(each) is FrozenMap):
            _refuse_foreign(self.paths[:1], tree)  # perhaps Continue's
        hide_misspelt_secrets(tree)
        return self._declare(tree)

    def _read_stdin(self) -> Any:
        content = b"" if sys.stdin is None else sys.stdin.buffer.read()
        return decode(STDIN, content, self.input_format)

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
        """The contract from the program, the files, and `--declare`, without any models."""
        tree = self.tree if self.paths else self._declare(freeze({}))
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
        return reshape(tree, "roles", roles.update(declared))


def _refuse_foreign(files: Sequence[str], data: Any = None) -> None:
    """Raise `ConfigError` for another program's configuration, with the command to convert it.

    Without `data`, the files are read again: two formats are lists, one of them has no suffix.
    """
    from shlex import quote

    from dispatch.tools.importers import PROXY_FILE, detect, read_foreign

    for file in files:
        with suppress(FileError):
            found = detect(read_foreign(Path(file))[0] if data is None else data)
            if found not in (None, PROXY_FILE):
                hint = f"rewrite it: dispatch import {quote(file)}"
                fault = Fault((), f"is {found}", hint, "foreign-file", position=Position(file))
                raise ConfigError([fault])


@dataclass
class Output:
    """The destination of a command: a file or stdout."""

    output: Path | None = None
    force: bool = False

    def write(self, text: str, *, read: Iterable[str | Path], private: bool = False) -> None:
        """Write the output of a command, but never over a file that it `read`.

        Raises `FileError` if that fails.
        """
        if self.output is None or str(self.output) == "-":
            click.echo(text.encode(), nl=False)  # UTF-8, whatever the terminal's encoding
            return
        sources = [each for each in read if os.path.exists(each)]
        if self.output.exists() and any(map(self.output.samefile, sources)):
            hint = "write to another file"
            raise click.UsageError(f"{self.output} is an input file; {hint}")
        write_file(self.output, text, force=self.force, private=private)
        click.echo(f"wrote {self.output}", err=True)


_CONTRACT = (
    click.option("--declare", "declared", metavar="ROLE", multiple=True, help="Declare a role."),
    click.option("--contract", "program", metavar="MODULE:NAME", help="Use a program's roles."),
)
_CONFIG = (
    click.argument(
        "files", cls=Argument, nargs=-1, metavar="[CONFIG]...", type=click.Path(), help=_FILES
    ),
    click.option("--demo", is_flag=True, help="Use the built-in example instead of files."),
    click.option("--set", "overrides", metavar="PATH=VALUE", multiple=True, help="Set a value."),
    *_CONTRACT,
)
_FORMATS = ["yaml", "json", "toml"]
_OUTPUT = (
    click.option("-o", "--output", metavar="FILE", type=Path, help="Write to a file."),
    click.option("--force", is_flag=True, help="Overwrite an existing file."),
)


def with_config(command: Command, flag: str = "--format") -> Command:
    """Add the options that select a configuration, and pass it to the command as `config`.

    `flag` is the option for the format of standard input.
    """
    input_format = click.option(
        flag,
        "input_format",
        metavar="FORMAT",
        type=click.Choice(_FORMATS),
        default="yaml",
        help="Format of standard input: yaml, json or toml.  [default: yaml]",
    )
    return _with("config", Config, (*_CONFIG, input_format), command)


def with_contract(command: Command) -> Command:
    """Add the options of a contract, and pass a `config` without files."""
    return _with("config", Config, _CONTRACT, command)


def with_output(command: Command) -> Command:
    """Add the options for the file to write, and pass an `Output` as `output`."""
    return _with("output", Output, _OUTPUT, command)


def _completer(
    names: Callable[[ModelDispatcher[Any]], Iterable[str]],
) -> Callable[[click.Context, object, str], list[str]]:
    def complete(context: click.Context, _option: object, start: str) -> list[str]:
        """Return the names that start with `start` in the configuration of an unfinished line."""
        given = context.params
        mine: dict[str, Any] = {f.name: given[f.name] for f in fields(Config) if given.get(f.name)}
        words = *mine.get("files", ()), given.get("prompt") or "", *context.args  # parsed so far
        mine["files"] = list(filter(is_config, words))
        with suppress(Exception), open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
            found = names(Config(**mine).dispatcher())
            return sorted({name for name in found if name.startswith(start)})
        return []  # an error must not appear while a user is typing

    return complete


complete_roles = _completer(lambda dispatcher: dispatcher.contract)
complete_models = _completer(lambda dispatcher: map(display_name, dispatcher))


def _with(name: str, made: type, options: Sequence[Any], command: Command) -> Command:
    """Add options to a command, and pass them as one argument."""

    def run(**given: Any) -> None:
        mine = {each.name: given.pop(each.name) for each in fields(made) if each.name in given}
        command(**{name: made(**mine)}, **given)

    decorated: Command = update_wrapper(run, command)
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def import_name(name: str, problem: str, example: str) -> Any:
    """Import the object at a `module:name` or a dotted name.

    The working directory is searched only for modules that are not installed. Raises `UsageError`,
    which starts with `problem`, for any exception: importing a program runs it.
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
    """Make text safe for a terminal, and for a CI that runs lines with `::` as commands.

    >>> harmless("::stop-commands::x")
    '| ::stop-commands::x'
    """
    lines = printable(text).split("\n")
    return "\n".join(
        f"| {line}" if line.lstrip().startswith(("::", "##[")) else line for line in lines
    )


_COLORS = {"error": "red", "warning": "yellow", "note": "cyan"}


def print_message(severity: str, text: str, *, err: bool = True) -> None:
    """Print a severity and a message; `click.echo` drops the color if it is not supported."""
    bare = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    word = f"{severity}:" if bare else click.style(f"{severity}:", fg=_COLORS[severity], bold=True)
    click.echo(f"{word} {harmless(redact_text(text))}", err=err)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, err: bool = False
) -> None:
    """Print a table; in a pipe, one row per line, with tabs between the cells.

    If it is too wide for the terminal, the last cell of a row goes below the one before it; if that
    still breaks words, each cell gets its own line.
    """
    stream = sys.stderr if err else sys.stdout
    shown = [[harmless(redact_text(cell)) for cell in row] for row in rows]
    if stream is None or not stream.isatty():
        for cells in (columns, *shown):
            click.echo("\t".join(" ".join(cell.split()) for cell in cells), err=err)
        return
    from rich.console import Console  # the slowest import
    from rich.table import Table

    console = Console(stderr=err, markup=False, emoji=False, highlight=False)
    table = Table(*columns)
    for row in shown:
        table.add_row(*row)
    unlimited = console.options.update_width(1_000_000)
    if console.measure(table, options=unlimited).maximum > console.width:
        table = Table(box=None, pad_edge=False)
        for column in (*columns[:-2], " / ".join(columns[-2:])):
            table.add_column(column, overflow="fold")
        for row in shown:
            table.add_row(*row[:-2], "\n".join(filter(None, row[-2:])))
    if console.measure(table, options=unlimited).minimum <= console.width:
        console.print(table)
        return
    for row in shown:
        lines = (f"{column}: {cell}\n" for column, cell in zip(columns, row, strict=True))
        console.print("".join(lines), soft_wrap=True)


def spinner(text: str, *, shown: bool = True) -> AbstractContextManager[Any]:
    """Return a context manager that shows a spinner on a terminal."""
    if not shown or sys.stdout is None or not sys.stdout.isatty():
        return nullcontext()
    from rich.console import Console

    return Console().status(text)


def to_json(value: Any) -> str:
    """Write plain data as JSON that any parser accepts, with named tuples as mappings.

    >>> to_json([float("nan")]).split()
    ['[', '"nan"', ']']
    """
    import json  # slow to import

    return json.dumps(_plain(value), indent=2, default=str, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def write_file(path: Path, text: str, *, force: bool | None = None, private: bool = False) -> None:
    """Write a file: overwrite one if `force`, and make it readable only by its owner if `private`.

    `force` is None for a command without --force. Raises `FileError` if that fails.
    """
    hint = ""
    try:
        if private and (not path.exists() or (force and path.is_file())):
            _write_private(path.resolve(), text)
        else:
            with path.open("w" if force else "x", encoding="utf-8") as file:
                file.write(text)
        return
    except FileExistsError:
        problem, hint = "already exists", "use --force to overwrite it" * (force is not None)
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
    raise FileError([Fault((), problem, hint, "unwritable", position=Position(str(path)))])


def _write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner can read, from the first byte on."""
    from tempfile import mkstemp  # slow to import

    file, beside = mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(text)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
