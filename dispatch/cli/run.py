"""`dispatch run`: one conversation, from the prompt to the last post-completion."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatch.cli.common import Declared, Demo, read_dispatcher
from dispatch.cli.show import print_roles

__all__ = ["run"]


def run(
    words: Annotated[list[str], typer.Argument(metavar="CONFIG... PROMPT")],
    demo: Demo = False,
    declare: Declared = None,
) -> None:
    """Ask the chat models, then run each post-completion on the conversation.

    Several configurations merge; the last argument is the prompt.
    """
    from dispatch.llm.conversation import converse

    *configs, prompt = words
    dispatcher = read_dispatcher(configs, demo, declare)
    print_roles(dispatcher)
    for turn in converse(dispatcher, prompt):
        typer.echo(f"\n{turn.title}")
        for piece in turn.text:
            typer.echo(piece, nl=False)
        typer.echo()
