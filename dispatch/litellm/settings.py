"""The Router's own settings, as a configuration holds them beside its models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dispatch.errors import Fault, Step
from dispatch.hints import did_you_mean, kind
from dispatch.llm.deployments import Deployment

__all__ = ["find_dead_fallbacks", "find_wrong_section"]

_FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


def find_wrong_section(name: str, section: Any) -> Iterator[Fault]:
    """Yield why a section of a configuration, such as `router_settings`, is no settings.

    >>> for fault in find_wrong_section("router_settings", ["num_retries"]):
    ...     print(fault)
    router_settings: expected a mapping, found a list
    """
    if not isinstance(section, Mapping):
        if section is not None:
            yield Fault((name,), f"expected a mapping, found {kind(section)}", code="wrong-section")
        return
    for key in section:
        if not isinstance(key, str):
            message = f"expected a name, found {kind(key)} as a key"
            yield Fault((name,), message, code="wrong-section")


def find_dead_fallbacks(
    settings: Mapping[str, Any], deployments: Iterable[Deployment]
) -> Iterator[Fault]:
    """Yield a fault for each fallback from or to what no deployment answers for.

    LiteLLM takes them without a word, and fails when they are needed.

    >>> settings = {"fallbacks": [{"chat": ["backup"]}]}
    >>> for fault in find_dead_fallbacks(settings, [{"model_name": "chat", "model_info": {}}]):
    ...     print(fault)
    router_settings.fallbacks[0].chat[0]: nobody plays 'backup'; known: chat
    """
    known = dict.fromkeys(deployment["model_name"] for deployment in deployments)
    aliases = settings.get("model_group_alias")
    known |= dict.fromkeys(aliases if isinstance(aliases, Mapping) else ())
    ids = {deployment["model_info"].get("id") for deployment in deployments}
    for path, name in _named_in_fallbacks(settings):
        at = ("router_settings", *path)
        if not isinstance(name, str):
            hint = "write a list of mappings such as {chatcompletions: [backup]}"
            yield Fault(at, "is no list of fallbacks", hint, "wrong-fallback")
        elif name not in known and name not in ids:
            hint = did_you_mean(name, known)
            yield Fault(at, f"nobody plays {name!r}", hint, "dead-fallback")


def _named_in_fallbacks(settings: Mapping[str, Any]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Yield each role or deployment that is named, and where; no text where none can be."""
    yield from _targets(settings.get("default_fallbacks"), ("default_fallbacks",))
    for key in _FALLBACKS:
        for path, entry in _items(settings.get(key), (key,)):
            if not isinstance(entry, Mapping):
                yield path, None
                continue
            for source, targets in entry.items():
                if source != "*":
                    yield (*path, str(source)), source
                yield from _targets(targets, (*path, str(source)))


def _targets(written: Any, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    for at, target in _items(written, path):
        yield at, target.get("model") if isinstance(target, Mapping) else target


def _items(written: Any, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    if isinstance(written, list | tuple):
        yield from (((*path, index), item) for index, item in enumerate(written))
    elif written is not None:
        yield path, None
