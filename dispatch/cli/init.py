"""`dispatch init`: a configuration to start from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import yaml

from dispatch.cli.common import Argument, Config, to_json, with_contract, write_file
from dispatch.roles import POSTCOMPLETIONS, Contract
from dispatch.tools.schema import schema

__all__ = ["command"]

STARTER = """\
# yaml-language-server: $schema={schema}
# Check it with: dispatch check {name}
models:
  - name: main
    model: gpt-4o
    api_key: os.environ/OPENAI_API_KEY
    temperature: 0
    roles:
{roles}
"""


@click.command("init")
@click.argument(
    "file",
    cls=Argument,
    type=Path,
    default="models.yaml",
    metavar="[CONFIG]",
    help="The YAML file to write.  [default: models.yaml]",
)
@with_contract
def command(file: Path, config: Config) -> None:
    """Write a configuration to start from and its schema, without overwriting any file."""
    if file.suffix.lower() not in (".yaml", ".yml"):
        raise click.UsageError(f"{file} is not the name of a YAML file; name it *.yaml")
    contract = config.contract
    schema_file = file.with_name(f"{file.stem}.schema.json")
    named = f"./{schema_file.name}"
    text = STARTER.format(schema=named, name=file.name, roles=_entries(contract))
    write_file(file, text)
    write_file(schema_file, to_json(schema(contract)) + "\n")
    click.echo(f"wrote {file} and {schema_file}; next: dispatch check {file}")


def _entries(contract: Contract) -> str:
    """Return an entry for each role, with a task if one is required or usual."""
    lines = []
    for role in contract.values():
        plain = re.fullmatch(r"\w[\w-]*", role.name) and yaml.safe_load(role.name) == role.name
        name = role.name if plain else json.dumps(role.name, ensure_ascii=False)
        has_task = role.task == "required" or role.name == POSTCOMPLETIONS
        lines.append(f"      - {name}" + ": say in one line what was done" * has_task)
    return "\n".join(lines)
