"""`dispatch explain`: where each value came from, and where it goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from dispatch.cli.common import (
    Argument,
    contract_option,
    declare_option,
    demo_option,
    imported,
    read_config,
    read_contract,
)
from dispatch.errors import ConfigError, Fault

if TYPE_CHECKING:
    from dispatch.explain import Explanation

__all__ = ["command"]

SUFFIXES = (".yaml", ".yml", ".json", ".toml")


@click.command("explain")
@click.argument(
    "words",
    cls=Argument,
    nargs=-1,
    metavar="[CONFIG... [PATH]]",
    help="Files, of which several merge; then a path into them.",
)
@demo_option
@click.option("--role", metavar="ROLE", help="Only the models that play this role.")
@click.option(
    "--for",
    "target",
    metavar="CALLABLE",
    default="litellm.completion",
    show_default=True,
    help="What the models are handed to, as it is imported.",
)
@declare_option
@contract_option
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for machines.")
def command(
    words: tuple[str, ...],
    demo: bool,
    role: str | None,
    target: str,
    declare: tuple[str, ...],
    contract: str | None,
    as_json: bool,
) -> None:
    """Tell of each value which line it came from, and what becomes of it.

    A last word that does not end like a file is the path of one value, such as models[0].api_key.
    """
    from dispatch.explain import explain

    configs, path = _split(words, demo)
    config = read_config(configs, demo)
    explained = explain(
        config, path, target=_callable(target), role=role, contract=read_contract(declare, contract)
    )
    for line in _json(explained) if as_json else _text(explained):
        click.echo(line)


def _split(words: tuple[str, ...], demo: bool) -> tuple[tuple[str, ...], str | None]:
    if words and (demo or len(words) > 1) and not words[-1].lower().endswith(SUFFIXES):
        return words[:-1], words[-1]
    return words, None


def _callable(name: str) -> Any:
    """Import a callable by its dotted name."""
    module, _, attribute = name.replace(":", ".").rpartition(".")
    try:
        if module.partition(".")[0] == "litellm":
            import os

            os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # no network
        return imported(module, attribute)
    except (Exception, SystemExit) as error:  # of any class: a program runs as it is imported
        problem = type(error).__name__
    hint = "write it as it is imported, such as litellm.acompletion"
    raise ConfigError([Fault((), f"cannot import {name!r}: {problem}", hint, "usage")])


def _text(explained: list[Explanation]) -> Iterator[str]:
    import json

    for each in explained:
        value = json.dumps(each.value, ensure_ascii=False, default=str)
        yield f"{each.place}: {value}"
        first, *over = map(str, each.origins) if each.origins else [""]
        if first:
            yield f"    from {first}" + (f", merged over {', '.join(over)}" if over else "")
        yield f"    {each.told()}"


def _json(explained: list[Explanation]) -> Iterator[str]:
    import json

    plain = [
        each._asdict()
        | {"place": each.place, "origins": [origin._asdict() for origin in each.origins]}
        for each in explained
    ]
    yield json.dumps(plain, indent=2, default=str)
