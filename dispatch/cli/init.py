"""`dispatch init`: a configuration to start from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from dispatch.cli.common import Argument, contract_option, declare_option, read_contract
from dispatch.cli.schema import written_schema
from dispatch.errors import Fault, FileError, Position
from dispatch.roles import POSTCOMPLETIONS, Contract

__all__ = ["command"]

STARTER = """\
# yaml-language-server: $schema={schema}
# Checked with: dispatch check {name}
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
    "config",
    cls=Argument,
    type=Path,
    default="models.yaml",
    help="The YAML file to write.  [default: models.yaml]",
)
@declare_option
@contract_option
def command(config: Path, declare: tuple[str, ...], contract: str | None) -> None:
    """Write a configuration to start from, and its schema beside it; never over a file."""
    if config.suffix.lower() not in (".yaml", ".yml"):
        message = "is no name of a YAML file"
        position = Position(str(config))
        raise FileError([Fault((), message, "name it *.yaml", "usage", position=position)])
    roles = read_contract(declare, contract)
    schema = config.with_name(f"{config.stem}.schema.json")
    text = STARTER.format(schema=f"./{schema.name}", name=config.name, roles=_entries(roles))
    _write(config, text)
    _write(schema, written_schema(roles) + "\n")
    click.echo(f"wrote {config} and {schema}; next: dispatch check {config}")


def _entries(contract: Contract) -> str:
    tasked = {role.name for role in contract.values() if role.task == "required"}
    tasked |= {POSTCOMPLETIONS}
    return "\n".join(
        f"      - {_scalar(role)}" + ": say in one line what was done" * (role in tasked)
        for role in contract
    )


def _scalar(role: str) -> str:
    """Quote the name of a role where YAML would read something else: `on`, `1`, `a: b`."""
    import yaml

    plain = re.fullmatch(r"\w[\w-]*", role) and yaml.safe_load(role) == role
    return role if plain else json.dumps(role, ensure_ascii=False)


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
            return
    except FileExistsError:
        problem = "is there already"
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
    raise FileError([Fault((), problem, code="unwritable", position=Position(str(path)))])
