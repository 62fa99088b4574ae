"""The command line: `dispatch …`, or `python -m dispatch …`."""

from __future__ import annotations

import io
import shutil
import sys
import warnings
from importlib import import_module

import click

from dispatch import __version__
from dispatch.errors import ConfigWarning, DispatchError
from dispatch.secrets import redact_text

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = ("show", "run", "check", "export", "explain", "schema", "init")


class _Commands(click.Group):
    """Commands that are modules of their names, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # as click calls it
        """Name the commands in the order in which one needs them."""
        return list(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; there is none of another name."""
        if cmd_name not in self.commands:
            return None
        command: click.Command = import_module(f"dispatch.cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> None:
        """Run the command. An interrupt ends it without a word, as it ends any program."""
        try:
            super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(130)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Tell the first sentence of each command whole, where click would cut it short."""
        found = [(name, self.get_command(ctx, name)) for name in self.commands]
        told = [(name, each.get_short_help_str(1000)) for name, each in found if each]
        with formatter.section("Commands"):
            formatter.write_dl(told)


@click.group(
    cls=_Commands,
    commands={name: click.Command(name) for name in COMMANDS},
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
)
@click.version_option(__version__, message="dispatch %(version)s")
@click.pass_context
def app(context: click.Context) -> None:
    """Hand each model of a configuration to the roles that it plays."""
    if context.invoked_subcommand is None:  # click's own answer differs from version to version
        click.echo(context.get_help())
        context.exit(2)


def main() -> None:
    """Run the program; what a person can mend ends in one block on stderr, and exit code 1."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]  # it takes the rest as *_
    if isinstance(sys.stdout, io.TextIOWrapper):  # None where it is closed
        sys.stdout.reconfigure(errors="replace")  # an answer may hold what a terminal cannot show
    try:
        app(terminal_width=min(shutil.get_terminal_size().columns, 80))  # click's are 50 at least
    except DispatchError as error:
        told = str(error)
    except OSError as error:  # of stdout, such as a full disk: files have errors of their own
        told = redact_text(f"{error.filename or 'stdout'}: {error.strerror or error}")
    else:
        return
    click.echo(f"error: {told}", err=True)
    sys.exit(1)


def _show_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    if issubclass(category, ConfigWarning):
        (fault,) = message.args  # type: ignore[union-attr]  # `report` warns of nothing else
        click.echo(f"warning: {fault.told()}", err=True)
