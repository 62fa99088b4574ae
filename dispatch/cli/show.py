"""`dispatch show`: which model plays which role."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatch.cli.common import Declared, Demo, read_dispatcher
from dispatch.dispatcher import ModelDispatcher
from dispatch.secrets import redact_text

__all__ = ["print_roles", "show"]


def show(
    configs: Annotated[list[str] | None, typer.Argument(metavar="CONFIG...")] = None,
    demo: Demo = False,
    declare: Declared = None,
) -> None:
    """Show which model plays which role, in which order, with which task."""
    print_roles(read_dispatcher(configs or [], demo, declare))


def print_roles(dispatcher: ModelDispatcher) -> None:
    """Print the table of roles; a role that nobody plays has a line too."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for column in ("role", "order", "name", "model", "task"):
        table.add_column(column, overflow="fold")  # a narrow terminal folds, and loses nothing
    for role, models in dispatcher.groups.items():
        if not models:
            table.add_row(role, "-", "-", "-", "-")
        for order, model in enumerate(models, 1):
            cells = (model.get("name", ""), model["model"], model["roles"][role] or "")
            table.add_row(role, str(order), *(Text(redact_text(str(cell))) for cell in cells))
    Console().print(table)
