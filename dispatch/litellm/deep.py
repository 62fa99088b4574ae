"""What LiteLLM itself refuses of a model's parameters, before it would send anything.

LiteLLM is imported, and its `get_optional_params` is asked, for each parameter by itself, so that a
refusal has its place. No request is made, and no key is needed.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dispatch.errors import Fault
from dispatch.immutable import thaw
from dispatch.litellm.providers import called, endpoint_of
from dispatch.redaction import is_reference, quote_name

__all__ = ["find_refused_by_litellm"]

_ASKING = frozenset({"github_copilot", "chatgpt", "ollama", "ollama_chat", "lemonade"})
"""Providers of which LiteLLM asks a server, or the user, before it makes a call."""
_HOW = frozenset({"drop_params", "additional_drop_params", "allowed_openai_params", "model_info"})
_GIVEN = frozenset({"model", "custom_llm_provider", "messages", "kwargs", "api_version", *_HOW})


def find_refused_by_litellm(
    model: Mapping[str, Any], mode: str = "chat", *, drop_params: bool = False
) -> Iterator[Fault]:
    """Yield a warning for each parameter that LiteLLM refuses, by the mode of the call.

    `drop_params` is that of `litellm_settings`.

    >>> for fault in find_refused_by_litellm({"model": "gpt-5-mini", "temperature": 0.2}):
    ...     print(fault)
    temperature: LiteLLM refuses it for 'gpt-5-mini'; leave it out, or set drop_params: true
    """
    name, custom = called(model)
    provider = custom or name.partition("/")[0]
    if not name or provider in _ASKING or mode not in ("chat", "embedding"):
        return
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # or the import asks the network
    import litellm
    from litellm.exceptions import BadRequestError
    from litellm.utils import get_optional_params_embeddings

    ask = litellm.get_optional_params if mode == "chat" else get_optional_params_embeddings
    known = frozenset(inspect.signature(ask).parameters)
    how = {key: thaw(model[key]) for key in _HOW & known & model.keys()}
    how.setdefault("drop_params", drop_params or None)

    def refuses(params: Mapping[str, Any]) -> bool:
        try:
            ask(model=bare, custom_llm_provider=provider, **how, **params)
        except Exception:  # of any class, as values may be of any kind
            return True
        return False

    quiet, litellm.suppress_debug_info = litellm.suppress_debug_info, True
    try:
        _, url = endpoint_of(model)
        base = None if is_reference(url) else url or None
        bare, provider, *_ = litellm.get_llm_provider(name, custom, api_base=base)
        params = {k: thaw(v) for k, v in model.items() if k in known - _GIVEN and _is_given(v)}
        yield from _find(name, params, refuses)
    except BadRequestError:
        message, hint = f"unknown provider for model {quote_name(name)}", "write it before the name"
        yield Fault(("model",), message, hint, "unknown-model", "warning")
    finally:
        litellm.suppress_debug_info = quiet


def _is_given(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and is_reference(value))


def _find(
    name: str, params: Mapping[str, Any], refuses: Callable[[Mapping[str, Any]], bool]
) -> Iterator[Fault]:
    if not params or not refuses(params):
        return
    efforts = {k: params[k] for k in ("reasoning_effort", "thinking") if k in params}
    beside = {k: v for k, v in efforts.items() if not refuses({k: v})}  # others depend on these
    found = [key for key, value in params.items() if refuses({**beside, key: value})]
    for key in found:
        message = f"LiteLLM refuses it for {quote_name(name)}"
        hint = "leave it out, or set drop_params: true"
        yield Fault((key,), message, hint, "refused-parameter", "warning")
    if not found:
        message = f"LiteLLM refuses {', '.join(params)} together"
        yield Fault(("model",), message, "set drop_params: true", "refused-parameter", "warning")
