"""What the commands share: the options that name a configuration, and how it is read."""

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
YAML, JSON or TOML; several merge, the last wins. A folder means its models.yaml; - is standard
input. Without one: $DISPATCH_CONFIG, else ./models.yaml, else ./config.yaml.
"""


class Argument(click.Argument):
    """An argument that has help, as click's own does from 8.5 on."""

    def __init__(self, names: Sequence[str], help: str, **settings: Any) -> None:
        super().__init__(names, **settings)
        self.help: str = help

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:  # noqa: ARG002
        """Return how the argument is written, and what it is."""
        return self.human_readable_name, self.help


def is_config(name: str) -> bool:
    """Return whether an argument names a configuration, and is no prompt, say.

    >>> is_config("-"), is_config("absent.yaml"), is_config("rename x to count")
    (True, True, False)
    """
    named = len(name.split()) == 1 and Path(name).suffix.lower() in SUFFIXES
    here = os.path.isfile(name) or (name and os.path.isfile(os.path.join(name, _FOUND[0])))
    return name == "-" or named or bool(here)


def find_config(files: Sequence[str]) -> list[str]:
    """Return the files to read: these, else those of $DISPATCH_CONFIG, else one that is here.

    Those that no argument names are named on stderr. There may be none.
    """
    given = files or list(filter(None, os.environ.get("DISPATCH_CONFIG", "").split(os.pathsep)))
    found = given or list(filter(os.path.isfile, _FOUND))[:1]
    if found and not files:
        click.echo(harmless(f"using {', '.join(found)}"), err=True)
    return [os.path.join(name, _FOUND[0]) if os.path.isdir(name) else name for name in found]


@dataclass
class Config:
    """The configuration that a command was given; it is read when it is first needed.

    A command that reads no files has None.
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
        """The configuration, merged and overridden; `--declare` adds to the roles of the files."""
        if not self.paths:
            hint = "name its files, or set DISPATCH_CONFIG; dispatch init writes one to start from"
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
            _refuse_foreign(self.paths[:1], tree)  # it may be Continue's
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
        """The contract without any model: of a program, of the files, and of `--declare`."""
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
    """Raise `ConfigError` for a configuration of another program, with the command for it.

    What a file holds is read where it is not given: two formats are lists, one without a suffix.
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
    """Where a command writes to: a file, or stdout."""

    output: Path | None = None
    force: bool = False

    def write(self, text: str, *, read: Iterable[str | Path], private: bool = False) -> None:
        """Write what a command made of the files that it read, and over none of these.

        Raises `FileError` where that fails.
        """
        if self.output is None or str(self.output) == "-":
            click.echo(text.encode(), nl=False)  # UTF-8, whatever a terminal takes
            return
        sources = [each for each in read if os.path.exists(each)]
        if self.output.exists() and any(map(self.output.samefile, sources)):
            hint = "write to another file"
            raise click.UsageError(f"{self.output} is a file that was read; {hint}")
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
    click.option("-o", "--output", metavar="FILE", type=Path, help="Write here, not to stdout."),
    click.option("--force", is_flag=True, help="Overwrite a file."),
)


def with_config(command: Command, flag: str = "--format") -> Command:
    """Give a command the options of a configuration, and the configuration as `config`.

    `flag` names the format of standard input.
    """
    input_format = click.option(
        flag,
        "input_format",
        metavar="FORMAT",
        type=click.Choice(_FORMATS),
        default="yaml",
        help="What standard input is: yaml, json or toml.  [default: yaml]",
    )
    return _with("config", Config, (*_CONFIG, input_format), command)


def with_contract(command: Command) -> Command:
    """Give a command that reads no files the options of a contract, also as `config`."""
    return _with("config", Config, _CONTRACT, command)


def with_output(command: Command) -> Command:
    """Give a command the options that name the file to write, and what writes it as `output`."""
    return _with("output", Output, _OUTPUT, command)


def _completer(
    names: Callable[[ModelDispatcher[Any]], Iterable[str]],
) -> Callable[[click.Context, object, str], list[str]]:
    def complete(context: click.Context, _option: object, start: str) -> list[str]:
        """Return the names in the configuration of an unfinished line that begin so."""
        given = context.params
        mine: dict[str, Any] = {f.name: given[f.name] for f in fields(Config) if given.get(f.name)}
        words = *mine.get("files", ()), given.get("prompt") or "", *context.args  # as far as it is
        mine["files"] = list(filter(is_config, words))
        with suppress(Exception), open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
            found = names(Config(**mine).dispatcher())
            return sorted({name for name in found if name.startswith(start)})
        return []  # no error may show up between a user's words

    return complete


complete_roles = _completer(lambda dispatcher: dispatcher.contract)
complete_models = _completer(lambda dispatcher: map(display_name, dispatcher))


def _with(name: str, made: type, options: Sequence[Any], command: Command) -> Command:
    """Give a command options, and what is made of them as one argument."""

    def run(**given: Any) -> None:
        mine = {each.name: given.pop(each.name) for each in fields(made) if each.name in given}
        command(**{name: made(**mine)}, **given)

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


_COLORS = {"error": "red", "warning": "yellow", "note": "cyan"}


def print_message(severity: str, text: str, *, err: bool = True) -> None:
    """Print a message after its severity, in color; `click.echo` drops that where it cannot be."""
    bare = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    word = f"{severity}:" if bare else click.style(f"{severity}:", fg=_COLORS[severity], bold=True)
    click.echo(f"{word} {harmless(text)}", err=err)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, err: bool = False
) -> None:
    """Print a table; in a pipe, a line for each row, with tabs between its cells.

    Where it does not fit a terminal, the last cell of a row goes below the one before; where that
    would break words too, each cell has a line.
    """
    stream = sys.stderr if err else sys.stdout
    shown = [[harmless(redact_text(cell)) for cell in row] for row in rows]
    if stream is None or not stream.isatty():
        for cells in (columns, *shown):
            click.echo("\t".join(" ".join(cell.split()) for cell in cells), err=err)
        return
    from rich.console import Console  # takes longer to import than all else
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
    """Return what shows that something is under way, on a terminal, until it is left."""
    if not shown or sys.stdout is None or not sys.stdout.isatty():
        return nullcontext()
    from rich.console import Console

    return Console().status(text)


def to_json(value: Any) -> str:
    """Write plain data, named tuples as mappings, as JSON that any parser reads.

    >>> to_json([float("nan")]).split()
    ['[', '"nan"', ']']
    """
    import json  # takes a while to import

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
    """Write a file: over another one if `force`, for its owner alone if `private`.

    `force` is None for a command without --force. Raises `FileError` where that fails.
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
        problem, hint = "already exists", "to overwrite it: --force" * (force is not None)
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
    raise FileError([Fault((), problem, hint, "unwritable", position=Position(str(path)))])


def _write_private(path: Path, text: str) -> None:
    """Put a file in its place that only its owner could read from the first byte on."""
    from tempfile import mkstemp  # takes a while to import

    file, beside = mkstemp(dir=path.parent, prefix=f".{path.name}.")  # of mode 0600
    try:
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(text)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
