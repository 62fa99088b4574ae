"""`dispatch import`: a configuration of another program as one of this project."""

from __future__ import annotations

from pathlib import Path

import click

from dispatch.cli.common import Argument, harmless, write_file
from dispatch.config.positions import Source
from dispatch.errors import Fault, FileError, Position
from dispatch.immutable import thaw
from dispatch.litellm.proxy import to_yaml, variables
from dispatch.tools.importers import import_config, read_foreign

__all__ = ["command"]

_FILE = "What LiteLLM's proxy, Continue, aider or AutoGen reads."


@click.command("import")
@click.argument("file", cls=Argument, type=Path, metavar="FILE", help=_FILE)
@click.option("-o", "--output", metavar="FILE", type=Path, help="Write here, not to stdout.")
@click.option("--force", is_flag=True, help="Write over a file.")
@click.option("--allow-literal-secrets", is_flag=True, help="Write secrets into the file.")
def command(file: Path, output: Path | None, force: bool, allow_literal_secrets: bool) -> None:
    """Rewrite a configuration of another program as one of this project.

    What cannot be carried over is reported with its place. References to the environment stay
    references; a secret that is none is refused.
    """
    if output is not None and output.exists() and (output.samefile(file) or not force):
        hint = "write to another file" if output.samefile(file) else "to write over it: --force"
        fault = Fault((), "exists already", hint, "unwritable", position=Position(str(output)))
        raise FileError([fault])
    data, source = read_foreign(file)
    imported = import_config(data, Source([source]), allow_literal_secrets=allow_literal_secrets)
    for fault in imported.left_out:
        click.echo(harmless(f"warning: {fault.render()}"), err=True)
    config = thaw(imported.tree)
    needed = ", ".join(variables(config)) or "nothing"
    header = [
        f"Rewritten from {file}, {imported.format}.",
        f"Check it with: dispatch check {output or 'models.yaml'}",
        f"It needs:      {needed}",
    ]
    text = to_yaml(config, header)
    if output is None:
        click.echo(text.encode(), nl=False)  # YAML is UTF-8, whatever a terminal takes
    else:
        write_file(output, text, private=allow_literal_secrets)
        click.echo(f"wrote {output}", err=True)
