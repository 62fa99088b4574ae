"""Find keys that belong elsewhere, or have another name in LiteLLM."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from dispatch.errors import Fault
from dispatch.litellm.endpoints import ENDPOINTS, VENDORS, provider_of, vendor_of
from dispatch.litellm.keys import is_known, known_keys
from dispatch.litellm.policy import RESERVED_KEYS
from dispatch.litellm.settings import SETTINGS
from dispatch.litellm.tables import rows, table
from dispatch.redaction import REFERENCE, is_reference, is_secret, redact

__all__ = ["find_misplaced"]

_MODES = ("chat", "completion", "embedding", "image_generation", "rerank", "responses")
_VARIABLE_OF = r"(.+?)_?(env|evn|environ|env_?var|env_?name|env_?key|from_env|(?:var_?)?name)"
_KEY_OF = r"(env|environment)_?(key|var|variable)|key_?env(_?var)?"
_KEY_OF_VENDOR = r"(?!oci)(\w+?)_(api_)?(key|token)"
_OWN_PROMPTS = ("anthropic", "bedrock", "vertex_ai", "databricks", "cohere")
_OTHER_CHATS = r"claude|responses/|codex|-pro\b|embed|tts"
_OWN_TASKS = ("jina_ai", "huggingface")  # which take a parameter named `task`
_CAMEL = r"(?<=[a-z0-9])(?=[A-Z])|[-.\s]+"


def find_misplaced(model: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault for each key of a model that belongs elsewhere or has another name.

    >>> model = {"model": "gpt-4o", "max_input_tokens": 8000, "maxTokens": 9, "api_key_env": "KEY"}
    >>> for fault in find_misplaced(model):
    ...     print(fault)
    max_input_tokens: describes the model; write model_info: {max_input_tokens: 8000}
    maxTokens: unknown key; did you mean 'max_tokens'?
    api_key_env: unknown key; write api_key: os.environ/KEY
    """
    for key, value in model.items():
        if isinstance(key, str) and key not in RESERVED_KEYS:
            message, hint = _find(key, value, model)
            if hint:
                yield Fault((key,), message, hint, "unknown-key")


def _find(key: str, value: Any, model: Mapping[str, Any]) -> tuple[str, str]:
    """Return the problem of a key and a hint; without a hint, the key may be right."""
    name, provider = str(model.get("model", "…")), provider_of(model)
    hosted = provider in VENDORS and not ENDPOINTS & model.keys()
    for providers, *keys in rows("provider only"):
        if hosted and key in keys and provider not in providers.split(","):
            return f"is not a parameter of {provider}", _instead(key, model)
    vendor = "" if ENDPOINTS & model.keys() or "/responses/" in name else vendor_of(model)
    vendor = "" if os.environ.get(f"{vendor.upper()}_API_BASE") else vendor
    if key in table("unknown keys").get(vendor, ()):
        return f"is not a parameter of {vendor}", _instead(key, model)
    as_prompt = key in ("system", "instructions") and isinstance(value, str)
    if as_prompt and provider not in _OWN_PROMPTS and not re.search(_OTHER_CHATS, name):
        return "is sent as a parameter, not as a message", "write system_prompt"
    sections = (each for each, *keys in rows("elsewhere") if key in keys)
    section = next(sections, "router_settings" if key in SETTINGS["router_settings"] else "")
    own = rows("provider keys")
    renamed = any(of == provider and key in names for of, _, *names in own)
    known = is_known(key) and key not in table("elsewhere")["router_settings"] and not renamed
    if known and key != "provider":
        return "", ""
    shown = redact(value, key) if isinstance(value, str | int | float) else "…"
    shown = str(shown).lower() if isinstance(value, bool) else str(shown)
    on_azure = name.startswith("azure/")
    counts = {
        "any": True,
        "role": provider not in _OWN_TASKS,
        "string": isinstance(value, str),
        "vendor": shown in VENDORS,
        "true": value is True,
        "false": value is False,
        "azure": on_azure,
        "to-azure": "azure" in str(value).lower() and not on_azure,
        "thinking": model.get("thinking"),
    }
    for form, of, message, hint in (" ".join(row).split(" | ") for row in rows("misplaced")):
        if counts[of] and re.fullmatch(form, key):
            hint = hint.replace("$model", name.removeprefix("openai/"))
            return message, hint.replace("$value", shown)
    if known:
        return "", ""
    if section == "beside":
        hint = "write them one level higher" if isinstance(value, Mapping) else ""
        return "its keys belong next to the model", hint
    snake = _snake(key)
    if section == "model_info" or snake.startswith("supports_"):
        hint = f"write model_info: {{{snake}: {shown}}}"
        hint = "put it under model_info" if model.get("model_info") else hint
        return "describes the model", "" if key == "mode" and value not in _MODES else hint
    if section:
        return "is not a key of a model", f"put it under {section}"
    if described := next((each for each, *names in rows("described") if snake in names), ""):
        return "describes the model", f"write model_info: {{{described}: {shown}}}"
    return "unknown key", _rename(key, value, model)


def _snake(key: str) -> str:
    return re.sub(_CAMEL, "_", key).lower()


def _instead(key: str, model: Mapping[str, Any]) -> str:
    """Return what to write instead of the key of another provider."""
    meant = next((name for name, *aliases in rows("keys") if key in aliases), "")
    return f"write {meant}" if meant and meant not in model else "leave it out"


def _rename(key: str, value: Any, model: Mapping[str, Any]) -> str:
    snake = _snake(key)
    plain = _plain_names()
    match = re.fullmatch(_VARIABLE_OF, snake)
    meant = plain.get(match[1].replace("_", "")) if match else None
    meant = "api_key" if re.fullmatch(_KEY_OF, snake) else meant
    if meant and is_secret(meant) and isinstance(value, str):
        variable = value.removeprefix(REFERENCE)
        secret = is_secret(key) and not re.fullmatch(r"[A-Z]+(_[A-Z\d]+)+", value)
        named = is_reference(value) or (is_reference(REFERENCE + value) and not secret)
        variable = variable if named else "NAME"
        there = f"{meant} is set as well: remove one"
        return there if meant in model else f"write {meant}: {REFERENCE}{variable}"
    names = (each for each, *aliases in rows("keys") if snake in aliases)
    provider, own = provider_of(model), rows("provider keys")
    theirs = (each for of, each, *aliases in own if of == provider and snake in aliases)
    name = next(theirs, None) or next(names, plain.get(snake.replace("_", ""), ""))
    vendor = re.fullmatch(_KEY_OF_VENDOR, snake)
    if not name and vendor and f"{model.get('model')}".startswith(f"{vendor[1]}/"):
        name = "api_key"
    is_url = isinstance(value, str) and re.search(r"[:/.]", value)
    hidden = is_secret(key) or (isinstance(value, str) and is_reference(value))
    exposed = is_secret(name) and not hidden  # the value is not hidden under this name
    if not name or exposed or (name == "api_base" and not is_url):
        return ""
    twin = {"api_base": "base_url", "base_url": "api_base"}.get(name, name)
    present = next((each for each in (name, twin) if each in model), None)
    return f"{present} is set as well: remove one" if present else f"did you mean {name!r}?"


@lru_cache(maxsize=1)
def _plain_names() -> Mapping[str, str]:
    """Return the keys of calls and of this package by their letters and digits."""
    return {
        re.sub(r"[\W_]", "", key.lower()): key
        for key in sorted(known_keys()) + sorted(RESERVED_KEYS)
    }
