"""`dispatch show`: which model plays which role."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from dispatch.cli.common import Config, Output, harmless, print_table, to_json, with_config
from dispatch.dispatcher import ModelDispatcher
from dispatch.redaction import display_name, redact_text
from dispatch.tools.assignments import Assignment, assignments

__all__ = ["command", "print_roles"]

COLUMNS = ("role", "order", "name", "model", "task")


@click.command("show")
@with_config
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for machines.")
@click.option("--html", metavar="FILE", type=Path, help="Write a web page, with prices.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def command(config: Config, as_json: bool, html: Path | None, force: bool) -> None:
    """Show which model plays which role, in what order, and with which task.

    In a pipe, each row is one line, with tabs between the columns.
    """
    dispatcher = config.dispatcher()
    disabled = [display_name(model) for model in dispatcher.switched_off]
    if html is not None:
        from dispatch.tools.check import check  # slow to import
        from dispatch.tools.page import page

        report = check(config.tree, contract=config.program_contract)
        title = ", ".join(os.path.basename(path) for path in config.paths)
        text = page(dispatcher, report, title=title, switched_off=disabled)
        Output(html, force).write(text, read=config.paths)
        return
    if as_json:
        roles = {role: [*map(_plain, found)] for role, found in assignments(dispatcher)}
        click.echo(to_json({"roles": roles, "switched_off": disabled}))
        return
    print_roles(dispatcher)
    if disabled:
        click.echo(harmless(f"switched off: {', '.join(disabled)}"))


def print_roles(dispatcher: ModelDispatcher[Any]) -> None:
    """Print the table of roles, with a row even for roles that no model plays."""
    rows = (
        row
        for role, found in assignments(dispatcher)
        for row in [each.cells for each in found] or [(role, "-", "-", "-", "-")]
    )
    print_table(COLUMNS, rows)


def _plain(each: Assignment) -> dict[str, Any]:
    fields = {name: value for name, value in each._asdict().items() if name != "data"}
    return {k: redact_text(v) if isinstance(v, str) else v for k, v in fields.items()}
