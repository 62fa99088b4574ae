"""`dispatch run`: one conversation, from the prompt to the last post-completion."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from dispatch.cli.common import Declared, Demo, read_dispatcher
from dispatch.cli.show import print_roles
from dispatch.llm.conversation import Turn, converse

__all__ = ["run"]


def run(
    words: Annotated[list[str], typer.Argument(metavar="CONFIG... PROMPT")],
    demo: Demo = False,
    declare: Declared = None,
) -> None:
    """Ask the chat model, then run each post-completion on the conversation.

    Several configurations merge; the last argument is the prompt.
    """
    *configs, prompt = words
    dispatcher = read_dispatcher(configs, demo, declare)
    print_roles(dispatcher)
    _quiet_litellm()
    for turn in converse(dispatcher.for_chatcompletions, dispatcher.for_postcompletions, prompt):
        _print_turn(turn)


def _quiet_litellm() -> None:
    # Its price map would be fetched from the network before the first word; the wheel has one.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.suppress_debug_info = True  # it prints advertisements to stdout on an error


def _print_turn(turn: Turn) -> None:
    name = turn.model.get("name", turn.model["model"])
    told = f"{turn.role} · {name}" + (f" · {turn.task}" if turn.task else "")
    typer.secho(f"\n{told}", bold=True)
    for piece in turn.text:
        typer.echo(piece, nl=False)
    typer.echo()
