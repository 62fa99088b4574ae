"""`dispatch check`: all that is wrong with a configuration, before anything is called."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from dispatch.cli.common import (
    configs_argument,
    contract_option,
    declare_option,
    demo_option,
    read_config,
    read_contract,
)
from dispatch.errors import ConfigError, Fault

if TYPE_CHECKING:
    from dispatch.check import Report

__all__ = ["command"]


@click.command("check")
@configs_argument
@demo_option
@declare_option
@contract_option
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option(
    "--format",
    metavar="text|json|github",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="For people, for machines, or for GitHub.",
)
def command(
    configs: tuple[str, ...],
    demo: bool,
    declare: tuple[str, ...],
    contract: str | None,
    strict: bool,
    as_json: bool,
    format: str,
) -> None:
    """Find all that is wrong, offline: faults first, then warnings.

    The exit code is 1 where there are faults.
    """
    from dispatch.check import Report, check

    try:
        report = check(read_config(configs, demo), contract=read_contract(declare, contract))
    except ConfigError as error:
        report = Report(error.faults, (), 0)
    write = _WRITERS["json" if as_json else format]
    for line in write(report):
        click.echo(line)
    if report.faults or (strict and report.warnings):
        sys.exit(1)


def _text(report: Report) -> Iterator[str]:
    for fault in (*report.faults, *report.warnings):
        yield f"{fault.severity}: {fault.told()}"
    yield report.summary


def _json(report: Report) -> Iterator[str]:
    import json

    told = {
        "faults": [_plain(fault) for fault in report.faults],
        "warnings": [_plain(fault) for fault in report.warnings],
        "models": report.models,
    }
    yield json.dumps(told, indent=2)


def _plain(fault: Fault) -> dict[str, Any]:
    position = fault.position._asdict() if fault.position else None
    return fault._asdict() | {"place": fault.place, "position": position}


def _github(report: Report) -> Iterator[str]:
    """Write workflow commands: GitHub shows each beside the line that it is about."""
    for fault in (*report.faults, *report.warnings):
        properties: dict[str, object] = {"title": fault.code}
        if fault.position:
            at = fault.position
            properties = {"file": at.file, "line": at.line or 1, "col": at.column or 1} | properties
        written = ",".join(f"{name}={_escaped(value, ',:')}" for name, value in properties.items())
        message = str(fault.at(None))
        yield f"::{fault.severity} {written}::{_escaped(message)}"


def _escaped(value: object, marks: str = "") -> str:
    text = str(value)
    for mark in ("%", "\r", "\n", *marks):
        text = text.replace(mark, f"%{ord(mark):02X}")
    return text


_WRITERS = {"text": _text, "json": _json, "github": _github}
