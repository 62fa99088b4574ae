"""`dispatch help`: the guides, in the terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from dispatch.cli.common import Argument
from dispatch.suggestions import did_you_mean

__all__ = ["command"]

_GUIDES = {page.stem: page for page in sorted(Path(__file__).parents[1].glob("docs/*.md"))}


def _complete(_context: object, _argument: object, start: str) -> list[CompletionItem]:
    return [CompletionItem(name, help=_title(name)) for name in _GUIDES if name.startswith(start)]


@click.command("help")
@click.argument(
    "subject",
    cls=Argument,
    default="",
    metavar="[SUBJECT]",
    shell_complete=_complete,
    help="The guide to show; without it, list all guides.",
)
def command(subject: str) -> None:
    """Show a guide, such as the one on roles or secrets, a page at a time."""
    if not subject:
        for name in _GUIDES:
            click.echo(f"dispatch help {name:<10}  {_title(name)}")
        return
    if subject not in _GUIDES:
        raise click.UsageError(f"no guide is named {subject!r}; {did_you_mean(subject, _GUIDES)}")
    text = _GUIDES[subject].read_text(encoding="utf-8")
    if sys.stdout is None or not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    with console.capture() as captured:
        console.print(Markdown(text), width=min(console.width, 100))
    click.echo_via_pager(captured.get())


def _title(name: str) -> str:
    return _GUIDES[name].read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
