"""`dispatch show`: which model plays which role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from dispatch.cli.common import Config, harmless, with_config
from dispatch.dispatcher import ModelDispatcher
from dispatch.litellm.deployments import deploy
from dispatch.redaction import display_name, redact_text
from dispatch.sections import read_sections
from dispatch.stages import apply_defaults, drop_disabled

__all__ = ["command", "print_roles"]

COLUMNS = ("role", "order", "name", "model", "task")
NARROW = 40


@click.command("show")
@with_config
def command(config: Config) -> None:
    """Show which model plays which role, in which order, with which task."""
    print_roles(config.dispatcher())
    sections = read_sections(config.tree, config.program_contract)
    models = (apply_defaults(model, sections.defaults) for model in sections.models)
    names = [display_name(model) for model in models if not drop_disabled(model)]
    if names:
        click.echo(harmless(f"switched off: {', '.join(names)}"))


def print_roles(dispatcher: ModelDispatcher[Any]) -> None:
    """Print the table of roles, with a line too for a role that no model plays.

    On a narrow terminal each cell has a line, as a table would lose some.
    """
    console = Console(markup=False, emoji=False, highlight=False)  # each cell as it is written
    if console.width < NARROW:
        for row in _rows(dispatcher):
            lines = (f"{column}: {cell}\n" for column, cell in zip(COLUMNS, row, strict=True))
            console.print("".join(lines), soft_wrap=True)
    else:
        table = Table()
        for column in COLUMNS:
            table.add_column(column, overflow="fold")
        for row in _rows(dispatcher):
            table.add_row(*row)
        console.print(table)


def _rows(dispatcher: ModelDispatcher[Any]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each assignment, in the order in which the models of a role serve."""
    for role, models in dispatcher.groups.items():
        if not models:
            yield harmless(redact_text(role)), "-", "-", "-", "-"
        deployed, _ = deploy({role: models}, dispatcher.contract.own_keys)
        for model, deployment in deployed:
            params = deployment["litellm_params"]
            ((player, task),) = model["roles"].items()
            task = task or "" if player == role else f"borrowed from {player}"
            order = str(params["order"]) + (f" ×{params['weight']}" if "weight" in params else "")
            cells = redact_text(role), order, display_name(model), model["model"], task
            yield tuple(harmless(redact_text(cell)) for cell in cells)
