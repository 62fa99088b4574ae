"""`dispatch export`: the roles as a configuration for another program."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from dispatch.cli.common import Config, Output, print_message, with_config, with_output
from dispatch.immutable import FrozenMap, reshape
from dispatch.litellm.proxy import find_left_out, proxy_config, to_yaml, variables
from dispatch.litellm.router import warn_of_keys
from dispatch.redaction import REFERENCE, is_reference, redact_text

__all__ = ["command"]


@click.command("export")
@with_config
@click.option(
    "--to",
    type=click.Choice(["litellm-proxy"]),
    required=True,
    expose_value=False,  # the only choice
    help="The program to export to.",
)
@with_output
@click.option("--redis", metavar="HOST[:PORT]", help="The Redis instance that the proxies share.")
@click.option("--redis-password-from", metavar="NAME", help="The variable with its password.")
@click.option("--enforce-limits", is_flag=True, help="Reject calls beyond a model's rpm and tpm.")
@click.option(
    "--cooldown",
    metavar="SECONDS",
    type=click.FloatRange(0, 1e6),
    help="How long a failing model cools down.",
)
@click.option("--allow-literal-secrets", is_flag=True, help="Write secrets into the file.")
def command(
    config: Config,
    output: Output,
    redis: str | None,
    redis_password_from: str | None,
    enforce_limits: bool,
    cooldown: float | None,
    allow_literal_secrets: bool,
) -> None:
    """Write the roles as the configuration of a LiteLLM proxy.

    References to environment variables stay references. Sections that the proxy reads, such as
    router_settings, are included; options override them.
    """
    settings: dict[str, Any] = {} if redis is None else _redis_settings(redis)
    if redis_password_from is not None:
        settings["redis_password"] = REFERENCE + redis_password_from
        if not is_reference(settings["redis_password"]):
            raise click.UsageError("--redis-password-from takes the name of a variable")
    if cooldown is not None:
        settings["cooldown_time"] = cooldown
    dispatcher = config.dispatcher()
    sections: Any = dispatcher.sections
    written = sections.get("router_settings") or FrozenMap({})
    if isinstance(written, FrozenMap):  # otherwise `proxy_config` reports it
        checks = written.get("optional_pre_call_checks") or ()
        if enforce_limits:
            settings["optional_pre_call_checks"] = [*checks, "enforce_model_rate_limits"]
        merged = reshape(sections, "router_settings", written.update(settings))
        sections = merged if settings else sections
    warn_of_keys(dispatcher.groups, dispatcher.contract.own_keys)
    made = proxy_config(dispatcher, sections, allow_literal_secrets=allow_literal_secrets)
    for fault in find_left_out(dispatcher):
        print_message(fault.severity, fault.render())
    text = to_yaml(made, _header(variables(made), str(output.output or "proxy.yaml")))
    output.write(text, read=config.paths, private=allow_literal_secrets)


def _redis_settings(address: str) -> dict[str, Any]:
    """Split HOST[:PORT], whose host may be an IPv6 address in brackets."""
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        host, port = address, "6379"
    if not host or not port.isdecimal() or "/" in host or "@" in host:
        hint = "a password comes from a variable: --redis-password-from NAME"
        raise click.UsageError(f"--redis takes HOST or HOST:PORT; {hint}")
    return {"redis_host": host.strip("[]"), "redis_port": int(port)}


def _header(needed: list[str], file: str) -> list[str]:
    return [
        "A LiteLLM proxy that serves each role: clients call a role as a model.",
        f"Written by: {redact_text(shlex.join(['dispatch', *sys.argv[1:]]))}",
        f"Start it:   litellm --config {shlex.quote(file)} --host 127.0.0.1 --port 4000",
        "            (from a checkout of dispatch: python -m pip install '.[proxy]')",
        f"It needs:   {', '.join(needed)}",
        "Machines:   use the same file on each; proxies that share a Redis instance share limits.",
    ]
