"""`dispatch import`: convert another program's configuration into a dispatch one."""

from __future__ import annotations

from pathlib import Path

import click

from dispatch.cli.common import Argument, Output, print_message, with_output
from dispatch.config.positions import Source
from dispatch.immutable import thaw
from dispatch.litellm.proxy import to_yaml, variables
from dispatch.tools.importers import import_config, read_foreign

__all__ = ["command"]

_FILE = "A configuration of LiteLLM's proxy, Continue, aider or AutoGen."


@click.command("import")
@click.argument("file", cls=Argument, type=Path, metavar="FILE", help=_FILE)
@with_output
@click.option("--allow-literal-secrets", is_flag=True, help="Write secrets into the file.")
def command(file: Path, output: Output, allow_literal_secrets: bool) -> None:
    """Convert another program's configuration into a dispatch one.

    What cannot be converted is reported with its location. References to environment variables
    stay references; literal secrets are rejected.
    """
    data, source = read_foreign(file)
    imported = import_config(data, Source([source]), allow_literal_secrets=allow_literal_secrets)
    for fault in imported.left_out:
        print_message("warning", fault.render())
    config = thaw(imported.tree)
    needed = ", ".join(variables(config)) or "nothing"
    header = [
        f"Rewritten from {file}, {imported.format}.",
        f"Check it with: dispatch check {output.output or 'models.yaml'}",
        f"It needs:      {needed}",
    ]
    text = to_yaml(config, header)
    output.write(text, read=[file], private=allow_literal_secrets)
