"""`dispatch run`: one conversation, from the prompt to the last post-completion."""

from __future__ import annotations

import logging
import os

import click

from dispatch.cli.common import Argument, Config, harmless, with_config
from dispatch.cli.show import print_roles
from dispatch.redaction import display_name, redact_text

__all__ = ["command"]


@click.command("run")
@with_config
@click.argument("prompt", cls=Argument, help="What to ask, in one word or quotes.")
def command(config: Config, prompt: str) -> None:
    """Ask the chat models, then run each post-completion on the conversation.

    Where a model fails, the next of its role answers. The sections router_settings and
    litellm_settings of the configuration count as they do for LiteLLM's proxy.
    """
    if not prompt.strip() or os.path.isfile(prompt):
        raise click.UsageError(
            "the prompt is missing; it comes last: dispatch run CONFIG... PROMPT"
        )
    dispatcher = config.dispatcher()
    print_roles(dispatcher)

    import litellm  # takes seconds: what can be wrong without it is shown before

    from dispatch.litellm.logs import LOGGERS
    from dispatch.tools.chat import converse

    litellm.suppress_debug_info = True  # it prints advertisements to stdout on an error
    for name in LOGGERS:  # they would log each failure that another model makes good
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for turn in converse(dispatcher, prompt):
        title = f"{turn.role} · {display_name(turn.model)}"
        if turn.task:
            title += f" · {turn.task}"
        if turn.instead_of is not None:
            title += f" (instead of {display_name(turn.instead_of)}, which did not answer)"
        click.secho(f"\n{harmless(redact_text(title))}", bold=True)
        for piece in turn.text:
            click.echo(piece, nl=False)
        click.echo()
