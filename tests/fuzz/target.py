"""What is fuzzed: the whole way from a file, or a Python object, to arguments."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from dispatch import ConfigMorpher, ModelDispatcher
from dispatch.check import check
from dispatch.errors import ConfigError, ConfigWarning, DispatchError
from dispatch.explain import explain


def complete(model: str, **kwargs: Any) -> None:
    """Stand in for what models are handed to."""


def try_file(path: Path, content: bytes) -> None:
    """Read a file, and do with it all that can be done offline."""
    path.write_bytes(content)
    try:
        config = ConfigMorpher(path)
    except DispatchError as error:
        show(error)
    else:
        use(config)


def try_object(value: Any) -> None:
    """Dispatch an object, and take it for a configuration."""
    try:
        ModelDispatcher(value)
    except DispatchError as error:
        show(error)
    try:
        config = ConfigMorpher(value)
    except DispatchError as error:
        show(error)
    else:
        use(config)


def use(config: ConfigMorpher) -> None:
    """Check, explain, dispatch and morph."""
    report = check(config)
    told = [fault.told() for fault in (*report.faults, *report.warnings)]
    told += [each.told() for each in explain(config, target=complete)]
    assert all(each.encode() is not None for each in (repr(config), report.summary, *told))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConfigWarning)
        try:
            dispatcher = ModelDispatcher(config.fetch("models"))
            for group in (dispatcher.for_chatcompletions, dispatcher.for_postcompletions):
                for index in range(min(len(group), 5)):
                    group.morph(complete, start_from=f"models[{index}]")
        except DispatchError as error:
            show(error)


def show(error: DispatchError) -> None:
    """Whatever is caught can be printed, and keeps no text that it failed on."""
    assert str(error).encode()
    assert repr(error).encode()
    if isinstance(error, ConfigError):
        assert error.faults
