"""`dispatch check`: all that is wrong with a configuration, before anything is called."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

import click

from dispatch.cli.common import Config, harmless, severity, to_json, with_config
from dispatch.errors import ConfigError
from dispatch.tools.check import Report, check

__all__ = ["command"]


@click.command("check")
@partial(with_config, flag="--input-format")  # its --format is what it writes
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@click.option("--deep", is_flag=True, help="Ask LiteLLM what it refuses: slower, still offline.")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option(
    "--format",
    metavar="text|json|github",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="For people, for machines, or for GitHub.",
)
@click.option(
    "--ahead",
    metavar="DAYS",
    default="30d",
    callback=lambda _context, _option, value: _days(value),
    help="Report models that reach the end of their life within so many days, such as 90d.",
    show_default=True,
)
def command(
    config: Config, strict: bool, deep: bool, as_json: bool, format: str, ahead: int
) -> None:
    """Find every problem, offline: faults first, then warnings.

    The exit code is 1 if there are faults.
    """
    try:
        report = check(config.tree, contract=config.program_contract, ahead=ahead, deep=deep)
    except ConfigError as error:
        report = Report(error.faults, (), 0)
    write = _WRITERS["json" if as_json else format]
    for line in write(report):
        click.echo(line)
    if report.faults or (strict and report.warnings):
        sys.exit(1)


def _days(text: str) -> int:
    if not text.removesuffix("d").isdecimal():
        raise click.BadParameter("write a number of days, such as 90d")
    return int(text.removesuffix("d"))


def _text(report: Report) -> Iterator[str]:
    for fault in (*report.faults, *report.warnings, *report.notes):
        yield f"{severity(fault.severity)} {harmless(fault.render())}"
    yield report.summary


def _json(report: Report) -> Iterator[str]:
    listed = {name: getattr(report, name) for name in ("faults", "warnings", "notes")}
    plain = {
        name: [fault._asdict() | {"where": fault.where} for fault in faults]
        for name, faults in listed.items()
    }
    yield to_json({**plain, "models": report.models})


def _github(report: Report) -> Iterator[str]:
    """Write workflow commands: GitHub shows each beside the line that it is about."""
    for fault in (*report.faults, *report.warnings, *report.notes):
        properties: dict[str, object] = {"title": fault.code}
        if fault.position:
            at = fault.position
            properties = {"file": at.file, "line": at.line or 1, "col": at.column or 1} | properties
        written = ",".join(f"{name}={_escape(value, ',:')}" for name, value in properties.items())
        severity = "notice" if fault.severity == "note" else fault.severity
        yield f"::{severity} {written}::{_escape(fault._replace(position=None))}"


def _escape(value: object, marks: str = "") -> str:
    text = str(value)
    for mark in ("%", "\r", "\n", *marks):
        text = text.replace(mark, f"%{ord(mark):02X}")
    return text


_WRITERS = {"text": _text, "json": _json, "github": _github}
