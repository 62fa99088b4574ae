"""`dispatch run`: run one conversation, from the prompt to the last post-completion, or a chat."""

from __future__ import annotations

import json
import logging
import os
import select
import shlex
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import click

from dispatch.cli.common import (
    Argument,
    Config,
    complete_models,
    complete_roles,
    harmless,
    is_config,
    print_message,
    print_table,
    spinner,
    to_json,
    with_config,
)
from dispatch.cli.show import print_roles
from dispatch.dispatcher import ModelDispatcher
from dispatch.errors import BudgetError, CompletionError, ConfigError, RoleError
from dispatch.immutable import freeze
from dispatch.litellm.deployments import deploy
from dispatch.redaction import display_name, printable, quote_name, redact, redact_text
from dispatch.roles import CHATCOMPLETIONS, POSTCOMPLETIONS
from dispatch.suggestions import did_you_mean
from dispatch.tools.chat import Turn, converse
from dispatch.tools.complete import Answer, Messages, Stream, complete, listed
from dispatch.tools.usage import Usage, usage

__all__ = ["command", "quiet_litellm"]

Message = dict[str, Any]
Turns = Iterator[Turn | Stream]

_PROMPT = "The prompt, which follows any input from a pipe or a file; - sends only that input."
_NOTED, _PATIENCE = 3, 30  # seconds to wait for a silent pipe
_MISSING = "Missing argument 'PROMPT': the prompt is missing; it comes last: {} CONFIG... PROMPT"


def _read_variables(_context: object, _option: object, given: Iterable[str]) -> dict[str, str]:
    if not all("=" in each for each in given):
        raise click.BadParameter("write it as NAME=VALUE")
    return dict(each.split("=", 1) for each in given)


@click.command("run")
@with_config
@click.argument("prompt", cls=Argument, default="", help=_PROMPT)
@click.option(
    "--role",
    metavar="ROLE",
    shell_complete=complete_roles,
    help=f"Ask only this role, not {CHATCOMPLETIONS}.",
)
@click.option(
    "--model",
    metavar="NAME",
    shell_complete=complete_models,
    help="Ask this model of the role first.",
)
@click.option(
    "--var",
    "variables",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_read_variables,
    help="Fill in a variable of the tasks.",
)
@click.option("--no-post", is_flag=True, help="Skip the post-completions.")
@click.option(
    "--quiet", "-q", is_flag=True, help="Show only the answer; skip the post-completions."
)
@click.option("--json", "as_json", is_flag=True, help="Write each turn as one line of JSON.")
@click.option("--usage", "with_usage", is_flag=True, help="Show tokens and cost, on stderr.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, without sending it.")
def command(
    config: Config,
    prompt: str,
    role: str | None,
    model: str | None,
    variables: Mapping[str, str],
    no_post: bool,
    quiet: bool,
    as_json: bool,
    with_usage: bool,
    dry_run: bool,
) -> None:
    """Ask the chat models, then run each post-completion on the conversation.

    On a terminal, without a prompt, this starts a chat: Ctrl-C stops an answer, Ctrl-D ends it.
    If a model fails, the next one in its role answers. If stdout is not a terminal, it gets only
    the answer, and stderr everything else. The sections router_settings and litellm_settings apply
    as they do in LiteLLM's proxy.
    """
    asked = _read_prompt(config, prompt)
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    if asked is None and (as_json or dry_run or not is_terminal):
        raise click.UsageError(_MISSING.format("dispatch run"))
    dispatcher = config.dispatcher()
    role = role or _first_role(dispatcher)
    dispatcher.contract.require(role)
    known = [name for each in dispatcher.contract.values() for name in each.variables or ()]
    for name in variables:
        if name not in known:
            hint = did_you_mean(name, known) or "list it in the variables of a role"
            raise RoleError(f"no role has a variable {quote_name(name)}; {hint}")
    post = role == CHATCOMPLETIONS and not no_post and (as_json or not quiet)
    if asked is not None and dry_run:
        roles = [role, POSTCOMPLETIONS] if post else [role]
        click.echo(to_json(list(_requests(dispatcher, asked, roles, model, variables))))
        return
    on_terminal = is_terminal and not as_json
    if on_terminal and not quiet:
        print_roles(dispatcher)
    with spinner("loading LiteLLM …", shown=on_terminal):
        quiet_litellm()
    show: Callable[[Turns], None] = partial(_show, role=role, quiet=quiet)
    show = partial(_render, quiet=quiet) if on_terminal else _show_json if as_json else show
    ask: Any = partial(_ask_once, role=role)
    if role == CHATCOMPLETIONS:
        models = [m for name in (role, POSTCOMPLETIONS) for m in dispatcher.groups.get(name, ())]
        stream = not as_json and all(each.get("stream", True) for each in models)
        either: Any = converse  # with and without streaming
        ask = partial(either, post=post, stream=stream)
    ask = partial(ask, dispatcher, model=model, variables=variables)
    try:
        if asked is None:
            _chat(ask, show)
        else:
            show(ask(asked))
    finally:
        if with_usage:
            _print_usage(usage(dispatcher))


def _read_prompt(config: Config, prompt: str) -> str | None:
    """Return the input from a pipe and then the prompt; None for a chat on a terminal.

    If the last argument is `-`, a file or missing, standard input is the whole prompt.
    """
    files = list(config.files or ())
    if is_config(prompt) and (prompt != "-" or "-" in files):
        config.files, prompt = [*files, prompt], ""
    if prompt == "" and sys.stdin is not None and sys.stdin.isatty():
        return None
    prompt = "" if prompt == "-" else prompt
    try:
        free = sys.stdin is not None and "-" not in files and (prompt == "" or _is_piped())
        piped = sys.stdin.buffer.read().decode().strip("\r\n") if free else ""
    except OSError:  # unreadable: treated as empty
        piped = ""
    except UnicodeDecodeError:
        raise click.UsageError("standard input is not UTF-8") from None
    if not f"{piped}{prompt}".strip():
        raise click.UsageError(_MISSING.format("dispatch run"))
    return "\n\n".join(filter(str.strip, (piped, prompt)))


def _is_piped() -> bool:
    """Return whether standard input is a file, or a pipe that is not silent for long.

    A program started by another one may inherit a pipe that never ends.
    """
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not stat.S_ISFIFO(mode):
        return stat.S_ISREG(mode)
    note = f"waiting for standard input; to skip it: < {os.devnull}"
    silent = f"standard input had nothing for {_PATIENCE} seconds"
    warning = f"{silent}, so the prompt is sent without it"
    for seconds, said in ((_NOTED, ("note", note)), (_PATIENCE - _NOTED, ("warning", warning))):
        if select.select([sys.stdin], [], [], seconds)[0]:
            return True
        print_message(*said)
    return False


def _ask_once(dispatcher: ModelDispatcher[Any], messages: Messages, **options: Any) -> Turns:
    answer: Answer = complete(dispatcher, messages, **options)
    yield Turn(**vars(answer), conversation=freeze([*listed(messages), answer.message]))


def _chat(ask: Callable[[list[Message]], Turns], show: Callable[[Turns], None]) -> None:
    """Ask prompt after prompt: Ctrl-C stops an answer, Ctrl-D ends the chat."""
    with suppress(ImportError):
        import readline  # noqa: F401  # arrow keys recall earlier prompts

    messages: list[Message] = []

    def noted(turns: Turns) -> Turns:
        nonlocal messages
        for turn in turns:
            messages = turn.messages if isinstance(turn, Turn) else messages
            yield turn

    click.echo("Ctrl-C stops an answer, Ctrl-D ends the chat.")
    while True:
        try:
            said = input("\n> ").strip()
        except EOFError:
            click.echo()
            return
        except KeyboardInterrupt:
            click.echo()
            continue
        try:
            if said:
                show(noted(ask([*messages, {"role": "user", "content": said}])))
        except KeyboardInterrupt:
            click.echo("\nstopped")
        except (CompletionError, BudgetError) as error:  # the next prompt may work
            print_message("error", str(error))


def _titled(turns: Turns, quiet: bool) -> Iterator[tuple[str, Turn | Stream, str]]:
    """Yield each turn with its title, unless already shown, and its text not streamed yet."""
    streamed = False
    for turn in turns:
        title = rest = ""
        if not streamed and not quiet:
            failed = ", ".join(f"{name}: {reason}" for name, reason in turn.instead_of)
            instead = f" (instead of {failed})" if failed else ""
            parts = filter(None, (turn.role, turn.model, turn.task))
            title = harmless(redact_text(f"\n{' · '.join(parts)}{instead}"))
        if isinstance(turn, Turn):
            calls = "\n".join(f"{each.name}({each.arguments})" for each in turn.tool_calls)
            rest = "\n" if streamed and turn.text and calls else ""
            rest += "\n".join(filter(None, ("" if streamed else turn.text, calls)))
        yield title, turn, rest
        streamed = isinstance(turn, Stream)


def _show_json(turns: Turns) -> None:
    for turn in turns:
        if isinstance(turn, Turn):
            names = ("role", "model", "task", "text", "instead_of", "cost", "latency")
            data = {name: getattr(turn, name) for name in names}
            calls = [each._asdict() for each in turn.tool_calls]
            click.echo(json.dumps({**data, "tool_calls": calls, "usage": turn.usage._asdict()}))


def _show(turns: Turns, *, role: str, quiet: bool) -> None:
    """Write the answer to stdout, as it streams, and everything else to stderr."""
    for title, turn, rest in _titled(turns, quiet):
        err = turn.role != role
        if title:
            click.echo(title, err=True)
        if isinstance(turn, Turn):
            click.echo(rest, err=err)
        else:
            for piece in turn:
                click.echo(piece, nl=False, err=err)


def _render(turns: Turns, *, quiet: bool) -> None:
    """Show turns on a terminal: a spinner until the first word, then Markdown, block by block."""
    from rich.console import Console
    from rich.live import Live
    from rich.markdown import Markdown

    console = Console(markup=False, emoji=False, highlight=False)
    titled = _titled(turns, quiet)
    while True:
        with console.status("thinking …"):
            found = next(titled, None)
        if found is None:
            return
        title, turn, text = found
        if title:
            console.print(title, style="bold")
        if isinstance(turn, Stream):
            with Live(console=console, transient=True) as live:
                for piece in turn:
                    *blocks, text = _blocks(text + piece)
                    for block in blocks:
                        console.print(Markdown(printable(block)), "")
                    live.update(Markdown(printable(text)))
        if text.strip():
            console.print(Markdown(printable(text)))


def _blocks(text: str) -> list[str]:
    r"""Split Markdown at empty lines outside of fenced code.

    >>> _blocks("a\n\n```\nb\n\nc\n```\n\nd")
    ['a', '```\nb\n\nc\n```', 'd']
    """
    first, *parts = text.split("\n\n")
    blocks = [first]
    for part in parts:
        if blocks[-1].count("```") % 2:
            blocks[-1] += f"\n\n{part}"
        else:
            blocks.append(part)
    return blocks


def quiet_litellm() -> None:
    """Import LiteLLM, and silence the messages that a command shows itself."""
    import litellm  # takes seconds: other errors are shown first

    from dispatch.litellm.logs import LOGGERS

    litellm.suppress_debug_info = True  # otherwise it prints ads to stdout on an error
    for name in LOGGERS:  # they log failures that another model recovers
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _first_role(dispatcher: ModelDispatcher[Any]) -> str:
    """Return the role of the conversation, or the only one played, as in a proxy's file."""
    played = [role for role, models in dispatcher.groups.items() if models]
    if CHATCOMPLETIONS in dispatcher.contract or not played:
        return CHATCOMPLETIONS
    if len(played) == 1:
        return played[0]
    raise click.UsageError(f"which role? --role {', or --role '.join(map(shlex.quote, played))}")


def _requests(
    dispatcher: ModelDispatcher[Any],
    prompt: str,
    roles: list[str],
    name: str | None,
    variables: Mapping[str, str],
) -> Iterator[dict[str, Any]]:
    """Yield what would be sent to each model, with secrets hidden."""
    groups = {role: dispatcher.groups.get(role, ()) for role in roles}
    deployed, faults = deploy(groups, dispatcher.contract.own_keys)
    if faults:
        raise ConfigError(faults)
    asked = [(each, made["model_name"], dict(made["litellm_params"])) for each, made in deployed]
    if name is not None:
        asked = [each for each in asked if each[1] != roles[0] or display_name(each[0]) == name]
        if not any(role == roles[0] for _, role, _ in asked):
            raise RoleError(f"no model of role {roles[0]!r} is named {quote_name(name)}")
    for model, role, parameters in asked:
        known = dispatcher.contract[role].variables or ()
        values = {key: value for key, value in variables.items() if key in known}
        number = next(n for n, each in enumerate(groups[role]) if each is model)
        group = dispatcher.for_role(role)
        last = group.task(number, **values) if role != CHATCOMPLETIONS else ""
        said = [("system", parameters.pop("system_prompt", None)), ("user", prompt), ("user", last)]
        messages = [{"role": who, "content": text} for who, text in said if text]
        about = {"role": role, "model": display_name(model), "task": group.tasks[number]}
        yield {**about, "messages": messages, "parameters": redact(parameters)}


def _print_usage(rows: Iterable[Usage]) -> None:
    columns = "role model task calls failures prompt completion cost seconds"
    shown = []
    for *counts, cost, seconds in rows:
        cells = ["" if each is None else str(each) for each in counts]
        shown.append([*cells, "-" if cost is None else f"{cost:.6f}", f"{seconds:.2f}"])
    print_table(columns.split(), shown, err=True)
