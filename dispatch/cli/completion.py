"""`dispatch completion`: shell completion for commands, files, roles and models."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from dispatch.cli.common import Argument

__all__ = ["command"]

_SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument(
    "shell",
    cls=Argument,
    type=click.Choice(_SHELLS),
    metavar="bash|zsh|fish",
    help='The shell; for bash, put `eval "$(dispatch completion bash)"` in ~/.bashrc.',
)
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    It completes commands, options, files, and the roles and models of a configuration. For fish:
    dispatch completion fish > ~/.config/fish/completions/dispatch.fish
    """
    made = get_completion_class(shell)
    if made is not None:
        program = context.find_root().command
        click.echo(made(program, {}, "dispatch", "_DISPATCH_COMPLETE").source())
