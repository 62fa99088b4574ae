"""`dispatch schema`: what an editor needs to complete a configuration, and to check it."""

from __future__ import annotations

import json

import click

from dispatch.cli.common import contract_option, declare_option, read_contract
from dispatch.roles import Contract

__all__ = ["command", "written_schema"]


@click.command("schema")
@declare_option
@contract_option
def command(declare: tuple[str, ...], contract: str | None) -> None:
    """Print the JSON Schema of configurations, for editors to complete and check them."""
    click.echo(written_schema(read_contract(declare, contract)))


def written_schema(contract: Contract) -> str:
    """Write the schema of a contract as JSON."""
    from dispatch.schema import schema

    return json.dumps(schema(contract), indent=2)
