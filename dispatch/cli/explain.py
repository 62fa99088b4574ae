"""`dispatch explain`: where each value comes from, and where it goes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click

from dispatch.cli.common import (
    Config,
    complete_roles,
    harmless,
    import_name,
    is_config,
    to_json,
    with_config,
)
from dispatch.errors import format_path
from dispatch.tools.explain import Explanation, explain

__all__ = ["command"]


@click.command("explain")
@with_config
@click.option(
    "--role",
    metavar="ROLE",
    shell_complete=complete_roles,
    help="Only the models that play this role.",
)
@click.option(
    "--for",
    "target",
    metavar="CALLABLE",
    help="The callable to explain.  [default: the callables of the roles]",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for machines.")
def command(config: Config, role: str | None, target: str | None, as_json: bool) -> None:
    """Show where each value was written, and what happens to it.

    The path of one value may follow the files, such as models[0].api_key.
    """
    path = None
    if config.files and not is_config(config.files[-1]):
        *config.files, path = config.files
    called = import_name(target, "cannot import", "such as litellm.acompletion") if target else None
    explained = explain(
        config.tree, path, target=called, role=role, contract=config.program_contract
    )
    if as_json:
        click.echo(to_json([each._asdict() | {"where": each.where} for each in explained]))
        return
    for each in explained:
        click.echo(harmless("\n    ".join(_lines(each))))


def _lines(explained: Explanation) -> Iterator[str]:
    yield f"{explained.where}: {json.dumps(explained.value, ensure_ascii=False, default=str)}"
    origins = []
    for number, (path, position) in enumerate(explained.origins):
        elsewhere = "" if path == explained.path else format_path(path)
        if place := " at ".join(filter(None, (elsewhere, str(position or "")))):
            origins.append(f"{'replaces' if number else 'from'} {place}")
    if origins:
        yield ", ".join(origins)
    yield explained.describe()
