"""The command line: `dispatch …`, or `python -m dispatch …`."""

from __future__ import annotations

import io
import os
import sys
import warnings
from importlib import import_module
from keyword import iskeyword

import click

from dispatch import __version__
from dispatch.cli.common import print_message
from dispatch.errors import ConfigWarning, DispatchError
from dispatch.redaction import redact_text

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = (
    "init", "show", "check", "explain", "run", "ping", "export", "import", "schema", "help",
    "completion",
)  # fmt: skip


class _Commands(click.Group):
    """Commands, each in the module of its name and imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # as click calls it
        """Return the commands in the order in which users need them."""
        return list(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in self.commands:
            return None
        name = cmd_name + "_" * iskeyword(cmd_name)
        command: click.Command = import_module(f"dispatch.cli.{name}").command
        return command

    def invoke(self, ctx: click.Context) -> None:
        """Run the command; an interrupt ends it silently, and no secret on the line is repeated."""
        try:
            super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(130)
        except click.UsageError as error:
            raise click.UsageError(redact_text(error.format_message()), error.ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the whole first sentence of each command, which click would truncate."""
        commands = [(name, self.get_command(ctx, name)) for name in self.commands]
        rows = [(name, each.get_short_help_str(1000)) for name, each in commands if each]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(
    cls=_Commands,
    commands={name: click.Command(name) for name in COMMANDS},
    context_settings={"help_option_names": ["--help", "-h"]},
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
)
@click.version_option(__version__, message="dispatch %(version)s")
@click.pass_context
def app(context: click.Context) -> None:
    """Pass each model of a configuration to the roles that it plays."""
    # LiteLLM would download its price map; its wheel includes one.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    if context.invoked_subcommand is None:  # click's own output depends on its version
        click.echo(context.get_help())
        context.exit(2)


def main() -> None:
    """Run the program; errors that users can fix go to stderr, with exit code 1."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]  # takes the rest as *_
    if isinstance(sys.stdout, io.TextIOWrapper):  # None if it is closed
        sys.stdout.reconfigure(errors="replace")  # an answer may contain any character
    try:
        width = min(_columns(), 80)  # click uses at least 50
        app(terminal_width=width, complete_var="_DISPATCH_COMPLETE")
    except DispatchError as error:
        message = str(error)
    except OSError as error:  # on stdout, such as a full disk; files raise FileError
        message = f"{error.filename or 'stdout'}: {error.strerror or error}"
    else:
        return
    print_message("error", message)
    sys.exit(1)


def _show_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    if issubclass(category, ConfigWarning):
        (fault,) = message.args  # type: ignore[union-attr]  # always a Fault
        print_message("warning", fault.render())


def _columns() -> int:
    """Return the width of the terminal, without `shutil`, which is slow to import."""
    if (columns := os.environ.get("COLUMNS", "")).isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size().columns
    except OSError:  # stdout is not a terminal
        return 80
