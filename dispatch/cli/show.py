"""`dispatch show`: which model plays which role."""

from __future__ import annotations

from collections.abc import Iterator

import click

from dispatch.cli.common import (
    configs_argument,
    declare_option,
    demo_option,
    dispatcher_of,
    read_config,
)
from dispatch.dispatcher import ModelDispatcher
from dispatch.secrets import label, redact_text

__all__ = ["command", "print_roles"]

COLUMNS = ("role", "order", "name", "model", "task")
NARROW = 40


@click.command("show")
@configs_argument
@demo_option
@declare_option
def command(configs: tuple[str, ...], demo: bool, declare: tuple[str, ...]) -> None:
    """Show which model plays which role, in which order, with which task."""
    print_roles(dispatcher_of(read_config(configs, demo), declare))


def print_roles(dispatcher: ModelDispatcher) -> None:
    """Print the table of roles; a role that nobody plays has a line too.

    A narrow terminal gets a line for each cell, as no table would fit without losing some.
    """
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, emoji=False, highlight=False)  # each cell as it is written
    if console.width < NARROW:
        for row in _rows(dispatcher):
            fields = zip(COLUMNS, row, strict=True)
            told = "".join(f"{column}: {cell}\n" for column, cell in fields)
            console.print(told, soft_wrap=True)
        return
    table = Table()
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for row in _rows(dispatcher):
        table.add_row(*row)
    console.print(table)


def _rows(dispatcher: ModelDispatcher) -> Iterator[tuple[str, ...]]:
    for role, models in dispatcher.groups.items():
        told = redact_text(role)
        if not models:
            yield told, "-", "-", "-", "-"
        for order, model in enumerate(models, 1):
            task = redact_text(model["roles"][role] or "")
            yield told, str(order), label(model), redact_text(model["model"]), task
