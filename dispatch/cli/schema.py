"""`dispatch schema`: the JSON Schema with which editors complete and check a configuration."""

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
    help="For files of models, or for LiteLLM's proxy file.",
)
@click.option("--overlay", is_flag=True, help="For overlay files: nothing is required.")
def command(config: Config, output: Output, target: str, overlay: bool) -> None:
    """Print the JSON Schema with which editors complete and check configurations.

    It includes the roles from --contract, --declare and CONFIG.
    """
    proxy = target == "litellm-proxy"
    made = proxy_schema() if proxy else schema(config.contract, overlay=overlay)
    output.write(to_json(made) + "\n", read=config.paths)
