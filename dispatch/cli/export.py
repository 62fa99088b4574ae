"""`dispatch export`: the roles as a configuration that another program reads."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkstemp
from typing import Any

import click

from dispatch.cli.common import (
    configs_argument,
    declare_option,
    demo_option,
    dispatcher_of,
    placed,
    read_config,
    section_of,
)
from dispatch.errors import ConfigError, Fault, FileError
from dispatch.secrets import REFERENCE, is_reference, redact_text

__all__ = ["command"]


@click.command("export")
@configs_argument
@click.option(
    "--to",
    type=click.Choice(["litellm-proxy"]),
    required=True,
    expose_value=False,  # the only one
    help="What to export to.",
)
@click.option("-o", "--output", metavar="FILE", type=Path, help="Write here, not to stdout.")
@click.option("--redis", metavar="HOST[:PORT]", help="The Redis that proxies share.")
@click.option("--redis-password-from", metavar="NAME", help="The variable that holds its password.")
@click.option("--enforce-limits", is_flag=True, help="Refuse calls past a model's rpm and tpm.")
@click.option("--cooldown", metavar="SECONDS", type=float, help="How long a failing model rests.")
@click.option("--allow-literal-secrets", is_flag=True, help="Write secrets into the file.")
@demo_option
@declare_option
def command(
    configs: tuple[str, ...],
    output: Path | None,
    redis: str | None,
    redis_password_from: str | None,
    enforce_limits: bool,
    cooldown: float | None,
    allow_literal_secrets: bool,
    demo: bool,
    declare: tuple[str, ...],
) -> None:
    """Write the roles as the configuration of a LiteLLM proxy.

    References to the environment stay references. The sections router_settings, litellm_settings
    and general_settings of the configuration go along; options win over them.
    """
    from dispatch.llm.proxy import SECTIONS, proxy_config, to_yaml, variables
    from dispatch.llm.router import warn_of_keys

    config = read_config(configs, demo)
    _refuse_input(output, configs)
    groups = dispatcher_of(config, declare).groups
    warn_of_keys(groups)
    with placed(config):
        sections = {name: section_of(config, name) for name in SECTIONS}
        settings = sections["router_settings"]
        settings |= _router_settings(settings, redis, redis_password_from, enforce_limits, cooldown)
        made = proxy_config(groups, sections, allow_literal_secrets=allow_literal_secrets)
    text = to_yaml(made, _header(variables(made), output))
    if output is None:
        click.echo(text.encode(), nl=False)  # YAML is UTF-8, whatever a terminal takes
    else:
        _write(output, text, private=allow_literal_secrets)


def _router_settings(
    written: dict[str, Any],
    redis: str | None,
    password_from: str | None,
    enforce_limits: bool,
    cooldown: float | None,
) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if redis is not None:
        settings |= _redis_settings(redis)
    if password_from is not None:
        settings["redis_password"] = _reference(password_from)
    if enforce_limits:
        checks = written.get("optional_pre_call_checks") or ()
        settings["optional_pre_call_checks"] = [*checks, "enforce_model_rate_limits"]
    if cooldown is not None:
        settings["cooldown_time"] = cooldown
    return settings


def _reference(name: str) -> str:
    if not is_reference(REFERENCE + name):
        message = "--redis-password-from takes the name of an environment variable"
        raise ConfigError([Fault((), message, code="usage")])
    return REFERENCE + name


def _redis_settings(address: str) -> dict[str, Any]:
    """Split HOST[:PORT], of which the host may be a bracketed IPv6 address."""
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        host, port = address, "6379"
    if not host or not port.isdecimal() or "/" in host or "@" in host:
        message = "--redis takes HOST or HOST:PORT"
        hint = "a password comes from a variable: --redis-password-from NAME"
        raise ConfigError([Fault((), message, hint, "usage")])
    return {"redis_host": host.strip("[]"), "redis_port": int(port)}


def _header(needed: list[str], output: Path | None) -> list[str]:
    file = shlex.quote(str(output or "proxy.yaml"))
    return [
        "A LiteLLM proxy that answers for each role: a client calls the role as its model.",
        f"Written by: {redact_text(shlex.join(['dispatch', *sys.argv[1:]]))}",
        f"Start it:   litellm --config {file} --host 127.0.0.1 --port 4000",
        "            (python -m pip install 'role-dispatch[proxy]' brings that program along)",
        f"It needs:   {', '.join(needed)}",
        "Machines:   start the same file on each; those that share a Redis share their limits.",
    ]


def _refuse_input(output: Path | None, configs: Sequence[str]) -> None:
    """Raise `FileError` for an output that is one of the files read: it would be lost."""
    if output is not None and output.exists() and any(map(output.samefile, configs)):
        hint = "write to another file"
        raise FileError([Fault((), f"{output}: is a file that was read", hint, "file")])


def _write(output: Path, text: str, *, private: bool) -> None:
    try:
        if private and (output.is_file() or not output.exists()):
            _write_private(output.resolve(), text)
        else:
            output.write_text(text, "utf-8")
    except OSError as error:
        fault = Fault((), f"{output}: cannot be written: {error.strerror}", code="file")
        raise FileError([fault]) from None
    click.echo(f"wrote {output}", err=True)


def _write_private(output: Path, text: str) -> None:
    """Put a file in its place that was its owner's alone from the first byte on."""
    file, beside = mkstemp(dir=output.parent, prefix=f".{output.name}.")  # of mode 0600
    try:
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(text)
        os.replace(beside, output)
    except BaseException:
        os.unlink(beside)
        raise
