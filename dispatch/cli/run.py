"""`dispatch run`: one conversation, from the prompt to the last post-completion."""

from __future__ import annotations

import json
import logging
import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from dispatch.cli.common import Argument, Config, harmless, print_table, to_json, with_config
from dispatch.cli.show import print_roles
from dispatch.dispatcher import ModelDispatcher
from dispatch.errors import ConfigError, RoleError
from dispatch.litellm.deployments import deploy
from dispatch.redaction import display_name, quote_name, redact, redact_text
from dispatch.roles import CHATCOMPLETIONS, POSTCOMPLETIONS

if TYPE_CHECKING:
    from dispatch.tools.chat import Turn
    from dispatch.tools.complete import Stream
    from dispatch.tools.usage import Usage

__all__ = ["command", "quiet_litellm"]

_MISSING = "Missing argument 'PROMPT': the prompt is missing; it comes last: {} CONFIG... PROMPT"


@click.command("run")
@with_config
@click.argument("prompt", cls=Argument, default="", help="What to ask; - or a pipe is read.")
@click.option("--role", metavar="ROLE", help=f"Ask this role alone, not {CHATCOMPLETIONS}.")
@click.option("--model", metavar="NAME", help="Ask this model of the role first.")
@click.option("--no-post", is_flag=True, help="Run no post-completions.")
@click.option("--quiet", "-q", is_flag=True, help="Show the answer alone.")
@click.option("--json", "as_json", is_flag=True, help="Write each turn as a line of JSON.")
@click.option("--usage", "with_usage", is_flag=True, help="Show what was used, on stderr.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
def command(
    config: Config,
    prompt: str,
    role: str | None,
    model: str | None,
    no_post: bool,
    quiet: bool,
    as_json: bool,
    with_usage: bool,
    dry_run: bool,
) -> None:
    """Ask the chat models, then run each post-completion on the conversation.

    Where a model fails, the next of its role answers. Where stdout is no terminal it has the answer
    alone, and all else goes to stderr. The sections router_settings and litellm_settings of the
    configuration count as they do for LiteLLM's proxy.
    """
    prompt = _read_prompt(config, prompt)
    dispatcher = config.dispatcher()
    role = role or _first_role(dispatcher)
    dispatcher.contract.require(role)
    post = role == CHATCOMPLETIONS and not no_post and (as_json or not quiet)
    if dry_run:
        roles = [role, POSTCOMPLETIONS] if post else [role]
        click.echo(to_json(list(_requests(dispatcher, prompt, roles, model))))
        return
    on_terminal = sys.stdout.isatty() and not as_json
    if on_terminal and not quiet:
        print_roles(dispatcher)
    quiet_litellm()

    from dispatch.tools.chat import Turn, converse
    from dispatch.tools.complete import complete
    from dispatch.tools.usage import usage

    models = [each for name in (role, POSTCOMPLETIONS) for each in dispatcher.groups.get(name, ())]
    stream = not as_json and all(each.get("stream", True) for each in models)
    if role == CHATCOMPLETIONS:
        either: Any = converse  # streamed or not
        turns = either(dispatcher, prompt, post=post, model=model, stream=stream)
    else:
        turns = iter([Turn(**vars(complete(dispatcher, prompt, role, model=model)))])
    streamed = False
    for turn in turns:
        err = turn.role != role and not on_terminal
        if as_json:
            click.echo(json.dumps(_as_data(turn)))
            continue
        if not streamed and not quiet:
            click.secho(_title(turn), bold=True, err=not on_terminal)
        if isinstance(turn, Turn):
            calls = "\n".join(f"{each.name}({each.arguments})" for each in turn.tool_calls)
            text = "" if streamed else turn.text
            rest = "\n" if streamed and turn.text and calls else ""
            click.echo(rest + "\n".join(filter(None, (text, calls))), err=err)
        else:
            for piece in turn:
                click.echo(piece, nl=False, err=err)
        streamed = not isinstance(turn, Turn)
    if with_usage:
        _print_usage(usage(dispatcher))


def quiet_litellm() -> None:
    """Import LiteLLM, and keep it from printing what a command says itself."""
    import litellm  # takes seconds: what can be wrong without it is shown before

    from dispatch.litellm.logs import LOGGERS

    litellm.suppress_debug_info = True  # it prints advertisements to stdout on an error
    for name in LOGGERS:  # they would log each failure that another model makes good
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _first_role(dispatcher: ModelDispatcher[Any]) -> str:
    """Return the role of the conversation, or the only one, as a LiteLLM proxy may have."""
    played = [role for role, models in dispatcher.groups.items() if models]
    if CHATCOMPLETIONS in dispatcher.contract or not played:
        return CHATCOMPLETIONS
    if len(played) == 1:
        return played[0]
    raise click.UsageError(f"which role? --role {', or --role '.join(map(shlex.quote, played))}")


def _read_prompt(config: Config, prompt: str) -> str:
    """Return the prompt; where the last argument is `-` or a file, or missing, that of a pipe."""
    if os.path.isfile(prompt):
        config.files, prompt = [*(config.files or ()), prompt], ""
    if prompt in ("", "-") and sys.stdin is not None and not sys.stdin.isatty():
        try:
            prompt = sys.stdin.read().strip()
        except OSError:  # it cannot be read: then there is none
            prompt = ""
    if prompt.strip() in ("", "-"):
        raise click.UsageError(_MISSING.format("dispatch run"))
    return prompt


def _requests(
    dispatcher: ModelDispatcher[Any], prompt: str, roles: list[str], name: str | None
) -> Iterator[dict[str, Any]]:
    """Yield what each model would be sent, its secrets hidden."""
    groups = {role: dispatcher.groups.get(role, ()) for role in roles}
    deployed, faults = deploy(groups, dispatcher.contract.own_keys)
    if faults:
        raise ConfigError(faults)
    asked = [each for each in deployed if name in (None, display_name(each.model))]
    if name is not None and not any(each.deployment["model_name"] == roles[0] for each in asked):
        raise RoleError(f"no model of role {roles[0]!r} is named {quote_name(name)}")
    for model, deployment in deployed:
        role, parameters = deployment["model_name"], dict(deployment["litellm_params"])
        if role == roles[0] and name not in (None, display_name(model)):
            continue
        (task,) = model["roles"].values()
        first, last = parameters.pop("system_prompt", None), task if role != CHATCOMPLETIONS else ""
        said = [("system", first), ("user", prompt), ("user", last)]
        messages = [{"role": who, "content": text} for who, text in said if text]
        parameters = redact(parameters)
        about = {"role": role, "model": display_name(model), "task": task}
        yield {**about, "messages": messages, "parameters": parameters}


def _title(turn: Turn | Stream) -> str:
    failed = ", ".join(f"{name}: {reason}" for name, reason in turn.instead_of)
    instead = f" (instead of {failed})" if failed else ""
    parts = filter(None, (turn.role, turn.model, turn.task))
    return harmless(redact_text(f"\n{' · '.join(parts)}{instead}"))


def _as_data(turn: Turn) -> dict[str, Any]:
    names = ("role", "model", "task", "text", "instead_of", "cost", "latency")
    calls = [each._asdict() for each in turn.tool_calls]
    data = {name: getattr(turn, name) for name in names}
    return {**data, "tool_calls": calls, "usage": turn.usage._asdict()}


def _print_usage(rows: Iterable[Usage]) -> None:
    columns = "role model task calls failures prompt completion cost seconds"
    print_table(columns.split(), map(_cells, rows), err=True)


def _cells(row: Usage) -> tuple[str, ...]:
    cost = "-" if row.cost is None else f"{row.cost:.6f}"
    return *(str("" if each is None else each) for each in row[:-2]), cost, f"{row.seconds:.2f}"
