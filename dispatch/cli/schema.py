"""`dispatch schema`: what an editor needs to complete a configuration, and to check it."""

from __future__ import annotations

import click

from dispatch.cli.common import Config, Output, to_json, with_config, with_output
from dispatch.tools.schema import schema

__all__ = ["command"]


@click.command("schema")
@with_config
@with_output
@click.option("--overlay", is_flag=True, help="For files that change others: nothing is required.")
def command(config: Config, output: Output, overlay: bool) -> None:
    """Print the JSON Schema of configurations, for editors to complete and check them.

    It has the roles of your program, those of --declare, and those that CONFIG declares.
    """
    text = to_json(schema(config.contract, overlay=overlay)) + "\n"
    output.write(text, read=config.paths)
