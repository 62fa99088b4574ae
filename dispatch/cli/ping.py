"""`dispatch ping`: whether every model of every role answers."""

from __future__ import annotations

import click

from dispatch.cli.common import Config, harmless, to_json, with_config
from dispatch.cli.run import quiet_litellm
from dispatch.redaction import redact_text

__all__ = ["command"]


@click.command("ping")
@with_config
@click.option("--json", "as_json", is_flag=True, help="Write the results as JSON.")
@click.option("--timeout", type=click.FloatRange(min=0), default=30.0, help="Seconds for each.")
@click.pass_context
def command(context: click.Context, config: Config, as_json: bool, timeout: float) -> None:
    """Ask every model of every role for a word; exit code 1 if one does not answer."""
    dispatcher = config.dispatcher()
    quiet_litellm()

    from rich.console import Console
    from rich.table import Table

    from dispatch.tools.ping import ping

    found = ping(dispatcher, timeout=timeout)
    if as_json:
        click.echo(to_json(list(found)))
    else:
        table = Table()
        for column in ("role", "model", "seconds", "error"):
            table.add_column(column, overflow="fold")
        for pong in found:
            seconds = "-" if pong.seconds is None else f"{pong.seconds:.2f}"
            error = pong.error or ("not asked" if pong.seconds is None else "")
            cells = (pong.role, pong.model, seconds, error)
            table.add_row(*(harmless(redact_text(cell)) for cell in cells))
        Console(markup=False, emoji=False, highlight=False).print(table)
    if any(pong.error for pong in found):
        context.exit(1)
