"""Which keys pass to LiteLLM, and which look wrong: near to one that it knows, or empty.

LiteLLM forwards what it does not know to the provider, so an unknown key is no error; one that is
near to a known key is most likely a slip of the pen. Nothing here imports litellm: the names are
shipped, in `dispatch.llm.known`. Only for LiteLLM's own functions are its live lists read too.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from itertools import islice
from typing import Any

from dispatch.errors import MOST_FAULTS, ConfigError, ConfigWarning, Fault
from dispatch.hints import kind
from dispatch.nearest import nearest
from dispatch.secrets import is_secret, label, secret_keys

__all__ = [
    "OWN_KEYS",
    "find_misspelt",
    "find_unfit",
    "is_known",
    "is_litellms",
    "known_keys",
    "live_keys",
    "must_be_text",
    "report",
]

OWN_KEYS = frozenset({"name", "roles", "system_prompt"})
"""Keys of a model that are for the program, which a provider would reject or misread."""

_NEAR = 0.82  # `max_token` is near to `max_tokens`; `top_n`, a key that providers may have, to none
_NEAR_OWN = 0.8  # `rolse` to `roles`: whoever loses these loses the meaning of the model
_SHORT = 4  # shorter ones are near to too much: `top` to `stop`


@lru_cache(maxsize=1)
def known_keys() -> frozenset[str]:
    """Return every key that LiteLLM is known to take, or to forward to a provider that does.

    >>> {"temperature", "api_base", "num_ctx", "mock_tool_calls"} <= known_keys()
    True
    """
    from dispatch.llm import known

    return frozenset((*known.LITELLM.split(), *known.PROVIDERS.split()))


def live_keys() -> Iterator[Collection[str]]:
    """Yield the lists of keys in the litellm that is installed, importing it as they are read.

    The first one holds most of the keys that are no parameters of `litellm.completion`.
    """
    from litellm.types.router import LiteLLM_Params

    yield LiteLLM_Params.model_fields
    from litellm.types.utils import all_litellm_params

    yield all_litellm_params
    from litellm.constants import OPENAI_CHAT_COMPLETION_PARAMS

    yield OPENAI_CHAT_COMPLETION_PARAMS


@lru_cache(maxsize=1024)
def is_known(key: str, live: bool = False) -> bool:
    """Tell whether LiteLLM, or a provider that it forwards to, knows a key.

    >>> is_known("num_ctx"), is_known("temprature")
    (True, False)
    """
    # The live lists come first: where they know a key, the shipped ones are never read.
    return (live and any(key in listed for listed in live_keys())) or key in known_keys()


def is_litellms(target: Any) -> bool:
    """Tell whether a callable is LiteLLM's own; if so, litellm is loaded already.

    >>> is_litellms(print)
    False
    """
    module = str(getattr(target, "__module__", ""))
    return module.partition(".")[0] == "litellm" and "litellm" in sys.modules


def find_misspelt(
    keys: Iterable[str], signature: Set[str], *, forwards: bool = True, live: bool = False
) -> Iterator[Fault]:
    """Yield a fault for each key that nobody knows and that is near to one that somebody does.

    `signature` are the names that the callable takes. `forwards` tells that it hands all others
    on to LiteLLM, so that LiteLLM's names are suggested too; `live`, that litellm is loaded.

    >>> [str(fault) for fault in find_misspelt(["temprature", "top_k"], {"model"})]
    ["temprature: nobody knows this key; did you mean 'temperature'?"]
    """
    unknown = (key for key in keys if key not in signature and not is_known(key, live))
    for key in islice(unknown, MOST_FAULTS):
        near = _meant(key, frozenset(signature), forwards) if len(key) >= _SHORT else None
        if near is not None:
            hint = f"did you mean {near!r}?"
            yield Fault((key,), "nobody knows this key", hint, "suspicious-key", "warning")


@lru_cache(maxsize=1024)  # what one model misspells, others do too
def _meant(key: str, signature: frozenset[str], forwards: bool) -> str | None:
    own = nearest(key, sorted(OWN_KEYS & signature), _NEAR_OWN)
    return own or nearest(key, _sorted(signature, forwards), _NEAR)


@lru_cache(maxsize=16)
def _sorted(signature: frozenset[str], forwards: bool) -> list[str]:
    return sorted(signature | known_keys() if forwards else signature)


def find_unfit(model: Mapping[str, Any]) -> Sequence[Fault]:
    """Return a fault for each value of a model that no call can be made with.

    That is a secret, or an endpoint, that is empty: LiteLLM takes it for absent, and looks into the
    environment, for another key than was meant. And what must be a text, but reads as a number.

    >>> for fault in find_unfit({"model": "openai/m", "api_key": "", "api_base": 5, "stop": None}):
    ...     print(fault)
    api_key: is empty in the model 'openai/m'; write os.environ/NAME, or api_key: none
    api_base: expected a text, found a number; quote it
    """
    keys = tuple(model)
    doubtful = {
        key
        for key in (*secret_keys(keys), *_texts(keys))
        if not isinstance(value := model[key], str) or not value or value.isspace()
    }
    if not doubtful:  # told fast, as it is of nearly all
        return ()
    return [
        fault for key in keys if key in doubtful for fault in _find_unfit_at(key, model[key], model)
    ]


_ENDPOINTS = frozenset({"api_base", "base_url"})
_HEADERS = frozenset({"headers", "extra_headers"})
_TEXTS = _ENDPOINTS | {
    "name", "api_version", "system_prompt", "organization", "custom_llm_provider",
}  # fmt: skip


def must_be_text(key: str) -> bool:
    """Tell whether no number can be meant under a key.

    >>> must_be_text("api_key"), must_be_text("temperature")
    (True, False)
    """
    return key not in _NUMBERS and (key in _TEXTS or is_secret(key))


# What most models hold: asked first, as the rule of secrets takes milliseconds to set up.
_NUMBERS = frozenset({
    "temperature", "top_p", "top_k", "n", "seed", "max_tokens", "max_completion_tokens", "timeout",
    "stream_timeout", "num_retries", "max_retries", "rpm", "tpm", "presence_penalty",
    "frequency_penalty", "num_ctx", "stream",
})  # fmt: skip


@lru_cache(maxsize=256)
def _texts(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key for key in keys if key in _TEXTS)


def _find_unfit_at(key: str, value: Any, model: Mapping[str, Any]) -> Iterator[Fault]:
    from datetime import date  # dear, and a value is hardly ever one

    if isinstance(value, int | float | date) and (key in _TEXTS or not isinstance(value, bool)):
        what = "a date" if isinstance(value, date) else kind(value)
        yield Fault((key,), f"expected a text, found {what}", "quote it", "wrong-text")
    elif key not in _TEXTS - _ENDPOINTS:
        yield from (_empty_fault(model, path) for path in _empty(key, value))


def _empty(key: str, value: Any) -> Iterator[tuple[str, ...]]:
    if key in _HEADERS:
        if isinstance(value, Mapping):
            for name in secret_keys(tuple(value)):
                yield from ((key, *path) for path in _empty(name, value[name]))
    elif value is None or (isinstance(value, str) and not value.strip()):
        yield (key,)


def _empty_fault(model: Mapping[str, Any], path: tuple[str, ...]) -> Fault:
    key = path[-1]
    hint = "write os.environ/NAME, or "
    hint += "api_key: none" if key == "api_key" else "leave the key out"
    if key in _ENDPOINTS:
        hint = "name an endpoint, or leave the key out"
    return Fault(path, f"is empty in the model {label(model)!r}", hint, "empty-secret")


def report(faults: Iterable[Fault], category: type[ConfigWarning], *, strict: bool = False) -> None:
    """Warn of each fault, at the line outside of this package that led here.

    Raises `ConfigError` with all of them instead where `strict`.
    """
    faults = [fault._replace(severity="error") if strict else fault for fault in faults]
    if faults and strict:
        raise ConfigError(faults)
    for fault in faults:
        warnings.warn(category(fault), stacklevel=_levels_to_user())


def _levels_to_user() -> int:
    package = __name__.partition(".")[0]
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    return level
