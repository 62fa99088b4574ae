"""`dispatch ping`: check that every model of every role answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dispatch.cli.common import Config, print_table, spinner, to_json, with_config
from dispatch.cli.run import quiet_litellm

if TYPE_CHECKING:
    from dispatch.tools.ping import Pong

__all__ = ["command"]


@click.command("ping")
@with_config
@click.option("--json", "as_json", is_flag=True, help="Write the results as JSON.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=30.0, help="Seconds to wait."
)
@click.pass_context
def command(context: click.Context, config: Config, as_json: bool, timeout: float) -> None:
    """Send a short prompt to every model of every role; exit code 1 if one does not answer."""
    dispatcher = config.dispatcher()
    with spinner("asking every model …", shown=not as_json):
        quiet_litellm()

        from dispatch.tools.ping import ping

        found = ping(dispatcher, timeout=timeout)
    if as_json:
        click.echo(to_json(list(found)))
    else:
        print_table(("role", "model", "seconds", "error"), map(_cells, found))
    if any(pong.error for pong in found):
        context.exit(1)


def _cells(pong: Pong) -> tuple[str, ...]:
    seconds = "-" if pong.seconds is None else f"{pong.seconds:.2f}"
    return pong.role, pong.model, seconds, pong.error or "not asked" * (pong.seconds is None)
