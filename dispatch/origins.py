"""Where a model was written: asked once something is wrong with it, for whoever reads no files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dispatch.errors import Fault, Position, Step

__all__ = ["Locate", "locator", "place"]

Locate = Callable[[tuple[Step, ...], str], Position | None]
"""Returns where a part of a model was written; None where no file that was read holds it.

The code, that of a fault, tells whether a key or its value is meant.
"""


def locator(model: Mapping[str, Any]) -> Locate:
    """Return what looks for a model in the files that were last read.

    >>> locate = locator({"model": "gpt-4o"})
    >>> locate(("model",), "missing")
    """

    def locate(path: tuple[Step, ...], code: str) -> Position | None:
        if "dispatch.config.places" not in sys.modules:  # no file was read
            return None
        from dispatch.config.places import locate_in_model

        return locate_in_model(model, path, code)

    return locate


def place(faults: Iterable[Fault], locate: Locate) -> list[Fault]:
    """Say of faults, whose paths start in a model, where each was written.

    >>> place([], locator({"model": "gpt-4o"}))
    []
    """
    return [fault.at(fault.position or locate(fault.path, fault.code)) for fault in faults]
