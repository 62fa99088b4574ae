"""`dispatch schema`: what an editor needs to complete a configuration, and to check it."""

from __future__ import annotations

import click

from dispatch.cli.common import Config, Output, to_json, with_config, with_output
from dispatch.tools.schema import proxy_schema, schema

__all__ = ["command"]


@click.command("schema")
@with_config
@with_output
@click.option(
    "--for",
    "target",
    metavar="models|litellm-proxy",
    type=click.Choice(["models", "litellm-proxy"]),
    default="models",
    show_default=True,
    help="For files of models, or for the file of LiteLLM's proxy.",
)
@click.option("--overlay", is_flag=True, help="For files that change others: nothing is required.")
def command(config: Config, output: Output, target: str, overlay: bool) -> None:
    """Print the JSON Schema of configurations, for editors to complete and check them.

    It has the roles of your program, those of --declare, and those that CONFIG declares.
    """
    proxy = target == "litellm-proxy"
    made = proxy_schema() if proxy else schema(config.contract, overlay=overlay)
    output.write(to_json(made) + "\n", read=config.paths)
