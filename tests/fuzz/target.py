"""What is fuzzed: the whole way from a file, or a Python object, to arguments."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from dispatch import ConfigError, ConfigMorpher, ConfigWarning, ModelDispatcher, check, explain
from dispatch.errors import DispatchError


def complete(model: str, **kwargs: Any) -> None:
    """Stand in for what models are handed to."""


def try_file(path: Path, content: bytes) -> str:
    """Read a file, and do with it all that can be done offline; return all that was shown."""
    path.write_bytes(content)
    try:
        config = ConfigMorpher(path)
    except DispatchError as error:
        return show(error)
    return use(config)


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


def use(config: ConfigMorpher) -> str:
    """Check, explain, dispatch and morph."""
    report = check(config)
    shown = [report.summary, *(fault.render() for fault in (*report.faults, *report.warnings))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConfigWarning)
        try:
            explained = explain(config, target=complete)
            shown += [f"{e.where} {e.value} {e.describe()} {e.origins}" for e in explained]
            dispatcher = ModelDispatcher(config)
            for group in (dispatcher.for_chatcompletions, dispatcher.for_postcompletions):
                for index in range(min(len(group), 5)):
                    group.morph(complete, start_from=f"models[{index}]")
        except DispatchError as error:
            shown.append(show(error))
    assert "\n".join(shown).encode()
    return "\n".join(shown)


def show(error: DispatchError) -> str:
    """Return the text of an error, which can be printed."""
    assert repr(error).encode()
    if isinstance(error, ConfigError):
        assert error.faults
    return str(error).encode().decode()
