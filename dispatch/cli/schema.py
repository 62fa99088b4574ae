"""`dispatch schema`: what an editor needs to complete a configuration, and to check it."""

from __future__ import annotations

import click

from dispatch.cli.common import Config, to_json, with_config
from dispatch.tools.schema import schema

__all__ = ["command"]


@click.command("schema")
@with_config
@click.option("--overlay", is_flag=True, help="For files that change others: nothing is required.")
def command(config: Config, overlay: bool) -> None:
    """Print the JSON Schema of configurations, for editors to complete and check them.

    It has the roles of your program, those of --declare, and those that CONFIG declares.
    """
    click.echo(to_json(schema(config.contract, overlay=overlay)))
