"""`dispatch run`: one conversation, from the prompt to the last post-completion."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import click

from dispatch.cli.common import (
    Argument,
    configs_argument,
    declare_option,
    demo_option,
    dispatcher_of,
    placed,
    read_config,
    section_of,
)
from dispatch.cli.show import print_roles
from dispatch.errors import ConfigError, Fault
from dispatch.secrets import label, redact_text

if TYPE_CHECKING:
    from dispatch.conversation import Turn

__all__ = ["command"]


@click.command("run")
@configs_argument
@click.argument("prompt", cls=Argument, help="What to ask, in one word or quotes.")
@demo_option
@declare_option
def command(configs: tuple[str, ...], prompt: str, demo: bool, declare: tuple[str, ...]) -> None:
    """Ask the chat models, then run each post-completion on the conversation.

    Where a model fails, the next of its role answers. The section router_settings of the
    configuration goes to LiteLLM's Router.
    """
    from dispatch.conversation import converse

    if not prompt.strip() or os.path.isfile(prompt):
        hint = "it comes last: dispatch run CONFIG... PROMPT"
        raise ConfigError([Fault((), "the prompt is missing", hint, "usage")])
    config = read_config(configs, demo)
    dispatcher = dispatcher_of(config, declare)
    with placed(config):
        settings = section_of(config, "router_settings")
        print_roles(dispatcher)
        _quiet_litellm()
        chat, posts = dispatcher.for_chatcompletions, dispatcher.for_postcompletions
        for turn in converse(chat, posts, prompt, **settings):
            _print_turn(turn)


def _quiet_litellm() -> None:
    # Its price map would be fetched from the network before the first word; the wheel has one.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    from dispatch.llm.logs import LOGGERS

    litellm.suppress_debug_info = True  # it prints advertisements to stdout on an error
    for name in LOGGERS:  # they would log each failure that another model makes good
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _print_turn(turn: Turn) -> None:
    told = f"{turn.role} · {label(turn.model)}"
    if turn.task:
        told += f" · {redact_text(turn.task)}"
    if turn.instead_of is not None:
        told += f" (instead of {label(turn.instead_of)}, which did not answer)"
    click.secho(f"\n{told}", bold=True)
    for piece in turn.text:
        click.echo(piece, nl=False)
    click.echo()
