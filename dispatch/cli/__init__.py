"""The command line: `dispatch …`, or `python -m dispatch …`."""

from __future__ import annotations

import sys
import warnings

import typer

from dispatch.cli import check, explain, export, run, schema, show
from dispatch.errors import ConfigWarning, DispatchError

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


def main() -> None:
    """Run the program; what a person can mend ends in one block on stderr, and exit code 1."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]  # it takes the rest as *_
    try:
        app()
    except DispatchError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


def _show_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    if issubclass(category, ConfigWarning):
        typer.echo(f"warning: {message}", err=True)
