"""What the commands share: their options, and how they read a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import as_file, files
from typing import Annotated

import typer

from dispatch.config import ConfigMorpher
from dispatch.dispatcher import ModelDispatcher
from dispatch.errors import ConfigError, Fault
from dispatch.roles import DEFAULT_ROLES

__all__ = ["Declared", "Demo", "dispatcher_of", "read_config", "read_dispatcher"]

Demo = Annotated[bool, typer.Option("--demo", help="Use the configuration that comes along.")]
Declared = Annotated[
    list[str] | None,
    typer.Option("--declare", metavar="ROLE", help="Declare a role of your own; may be repeated."),
]


def read_dispatcher(
    configs: Sequence[str], demo: bool, declared: Sequence[str] | None
) -> ModelDispatcher:
    """Read and merge the files, and dispatch their models."""
    return dispatcher_of(read_config(configs, demo), declared)


def dispatcher_of(config: ConfigMorpher, declared: Sequence[str] | None) -> ModelDispatcher:
    """Dispatch the models of a configuration to the default roles and those declared."""
    roles = dict.fromkeys((*DEFAULT_ROLES, *(declared or ())))
    return ModelDispatcher(config.fetch("models"), roles=roles)


def read_config(configs: Sequence[str], demo: bool) -> ConfigMorpher:
    """Read and merge the files, or the one that comes along."""
    if demo == bool(configs):
        message = "name configuration files, or give --demo alone"
        raise ConfigError([Fault((), message, code="usage")])
    if not demo:
        return ConfigMorpher(configs)
    with as_file(files("dispatch") / "demo.yaml") as shipped:
        return ConfigMorpher(shipped)
