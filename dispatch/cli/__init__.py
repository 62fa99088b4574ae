"""The command line: `dispatch …`, or `python -m dispatch …`."""

from __future__ import annotations

import io
import sys
import warnings
from typing import Annotated

import typer

from dispatch import __version__
from dispatch.cli import check, explain, export, run, schema, show
from dispatch.errors import ConfigWarning, DispatchError
from dispatch.secrets import redact_text

__all__ = ["app", "main"]

app = typer.Typer(
    help="Hand each model of a configuration to the roles that it plays.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they print local variables, and so secrets
)
app.command()(show.show)
app.command()(run.run)
app.command("check")(check.check_command)
app.command()(export.export)
app.command("explain")(explain.explain_command)
app.command("schema")(schema.schema_command)
app.command("init")(schema.init_command)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"dispatch {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Take what comes before a command."""


def main() -> None:
    """Run the program; what a person can mend ends in one block on stderr, and exit code 1."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]  # it takes the rest as *_
    if isinstance(sys.stdout, io.TextIOWrapper):  # None where it is closed
        sys.stdout.reconfigure(errors="replace")  # an answer may hold what a terminal cannot show
    try:
        app()
    except DispatchError as error:
        told = str(error)
    except OSError as error:  # of stdout, such as a full disk: files have errors of their own
        told = redact_text(f"{error.filename or 'stdout'}: {error.strerror or error}")
    else:
        return
    typer.echo(f"error: {told}", err=True)
    sys.exit(1)


def _show_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    if issubclass(category, ConfigWarning):
        typer.echo(f"warning: {message}", err=True)
