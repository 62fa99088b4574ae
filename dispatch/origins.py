"""Where a model was written: asked once something is wrong with it, for whoever reads no files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dispatch.errors import Fault, Position, Step

if TYPE_CHECKING:
    from dispatch.config.places import Source

__all__ = ["place_in_model", "position_in_model"]


def position_in_model(
    model: Mapping[str, Any], path: tuple[Step, ...], code: str, source: Source | None = None
) -> Position | None:
    """Return where a part of a model was written; None where no file that was read holds it.

    `code` is that of a fault, which tells whether a key or its value is meant. Without a `source`
    the model is looked for in the files that were last read.

    >>> position_in_model({"model": "gpt-4o"}, ("model",), "missing")
    """
    if "dispatch.config.places" not in sys.modules:  # no file was read
        return None
    from dispatch.config.places import locate_in_model

    return locate_in_model(model, path, code, source)


def place_in_model(
    faults: Iterable[Fault], model: Mapping[str, Any], source: Source | None = None
) -> list[Fault]:
    """Say of faults, whose paths start in a model, where each was written.

    >>> place_in_model([], {"model": "gpt-4o"})
    []
    """
    return [
        fault.at(fault.position or position_in_model(model, fault.path, fault.code, source))
        for fault in faults
    ]
