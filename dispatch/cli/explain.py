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
from dispatch.tools.explain import Explanation, Place, explain

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
    help="What the models are handed to.  [default: what their roles call: litellm.completion]",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for machines.")
def command(config: Config, role: str | None, target: str | None, as_json: bool) -> None:
    """Show for each value which line it comes from, and what becomes of it.

    After the files, the path of one value may follow, such as models[0].api_key.
    """
    path = None
    if config.files and not is_config(config.files[-1]):
        *config.files, path = config.files
    called = import_name(target, "cannot import", "such as litellm.acompletion") if target else None
    explained = explain(
        config.tree, path, target=called, role=role, contract=config.program_contract
    )
    for line in _json(explained) if as_json else _text(explained):
        click.echo(line if as_json else harmless(line))


def _text(explained: list[Explanation]) -> Iterator[str]:
    for each in explained:
        yield f"{each.where}: {json.dumps(each.value, ensure_ascii=False, default=str)}"
        first, *replaced = [_show(place, each) for place in each.origins]
        origins = [f"from {first}" if first else "", *(f"replaces {place}" for place in replaced)]
        if any(origins):
            yield f"    {', '.join(filter(None, origins))}"
        yield f"    {each.describe()}"


def _show(place: Place, explained: Explanation) -> str:
    elsewhere = "" if place.path == explained.path else format_path(place.path)
    return " at ".join(filter(None, (elsewhere, str(place.position or ""))))


def _json(explained: list[Explanation]) -> Iterator[str]:
    yield to_json([each._asdict() | {"where": each.where} for each in explained])
