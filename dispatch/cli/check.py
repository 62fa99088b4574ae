"""`dispatch check`: find every problem in a configuration before anything is called."""

from __future__ import annotations

import sys
from functools import partial

import click

from dispatch.cli.common import Config, print_message, to_json, with_config
from dispatch.errors import ConfigError
from dispatch.tools.check import Report, check

__all__ = ["command"]


def _days(_context: object, _option: object, text: str) -> int:
    if not text.removesuffix("d").isdecimal():
        raise click.BadParameter("write a number of days, such as 90d")
    return int(text.removesuffix("d"))


@click.command("check")
@partial(with_config, flag="--input-format")  # its --format is the output format
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@click.option("--deep", is_flag=True, help="Ask LiteLLM what it rejects: slower, still offline.")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option(
    "--format",
    metavar="text|json|github",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="Output for people, for machines, or for GitHub.",
)
@click.option(
    "--ahead",
    metavar="DAYS",
    default="30d",
    callback=_days,
    help="Report models that reach the end of their life within this time, such as 90d.",
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
    write = {"text": _text, "json": _json, "github": _github}["json" if as_json else format]
    write(report)
    if report.faults or (strict and report.warnings):
        sys.exit(1)


def _text(report: Report) -> None:
    for fault in (*report.faults, *report.warnings, *report.notes):
        print_message(fault.severity, fault.render(), err=False)
    click.echo(report.summary)


def _json(report: Report) -> None:
    listed = {
        name: [fault._asdict() | {"where": fault.where} for fault in getattr(report, name)]
        for name in ("faults", "warnings", "notes")
    }
    click.echo(to_json({**listed, "models": report.models}))


def _github(report: Report) -> None:
    """Write workflow commands, which GitHub shows next to the line of each fault."""
    for fault in (*report.faults, *report.warnings, *report.notes):
        properties: dict[str, object] = {"title": fault.code}
        if fault.position:
            at = fault.position
            properties = {"file": at.file, "line": at.line or 1, "col": at.column or 1} | properties
        written = ",".join(f"{name}={_escape(value, ',:')}" for name, value in properties.items())
        severity = "notice" if fault.severity == "note" else fault.severity
        click.echo(f"::{severity} {written}::{_escape(fault._replace(position=None))}")


def _escape(value: object, marks: str = "") -> str:
    return str(value).translate({ord(mark): f"%{ord(mark):02X}" for mark in f"%\r\n{marks}"})
