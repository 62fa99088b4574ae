"""`dispatch show`: which model plays which role."""

from __future__ import annotations

from collections.abc import Iterator

from dispatch.cli.common import Configs, Declared, Demo, read_dispatcher
from dispatch.dispatcher import ModelDispatcher
from dispatch.secrets import label, redact_text

__all__ = ["print_roles", "show"]


COLUMNS = ("role", "order", "name", "model", "task")
NARROW = 40


def show(configs: Configs = None, demo: Demo = False, declare: Declared = None) -> None:
    """Show which model plays which role, in which order, with which task."""
    print_roles(read_dispatcher(configs or [], demo, declare))


def print_roles(dispatcher: ModelDispatcher) -> None:
    """Print the table of roles; a role that nobody plays has a line too.

    A narrow terminal gets a line for each cell, as no table would fit without losing some.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if console.width < NARROW:
        for row in _rows(dispatcher):
            fields = zip(COLUMNS, row, strict=True)
            told = "".join(f"{column}: {cell}\n" for column, cell in fields)
            console.print(Text(told), soft_wrap=True)
        return
    table = Table()
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for row in _rows(dispatcher):
        table.add_row(*map(Text, row))  # a bare string would be read as markup
    console.print(table)


def _rows(dispatcher: ModelDispatcher) -> Iterator[tuple[str, ...]]:
    for role, models in dispatcher.groups.items():
        told = redact_text(role)
        if not models:
            yield told, "-", "-", "-", "-"
        for order, model in enumerate(models, 1):
            task = redact_text(model["roles"][role] or "")
            yield told, str(order), label(model), redact_text(model["model"]), task
