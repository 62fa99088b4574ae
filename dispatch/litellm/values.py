"""Find values of the wrong type, and references that nothing resolves, in a model."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from math import isfinite
from typing import Any

from pyrsistent import PVector

from dispatch.config.environment import foreign_reference, refers
from dispatch.errors import Fault, Step
from dispatch.immutable import LISTS
from dispatch.litellm.endpoints import (
    ENDPOINTS,
    VENDORS,
    called,
    endpoint_of,
    is_local,
    is_openais,
    key_variables,
    provider_of,
    vendor_of,
)
from dispatch.litellm.keys import KEY_KINDS, VALUE_TYPES, is_known, kinds_of
from dispatch.litellm.tables import rows, table
from dispatch.redaction import NO_KEY, REFERENCE, is_secret, quote_name, redact
from dispatch.suggestions import KINDS, describe_type, nearest

__all__ = ["find_misfit", "find_reference_faults", "find_wrong_values", "inner_keys",
           "more_foreign"]  # fmt: skip

Path = tuple[Step, ...]

_PLAIN = (str, bytes, int, float, date, Mapping, *LISTS)
_DEAREST = 1e6  # US dollars for a million tokens
_HEADERS = ("headers", "extra_headers", "default_headers")
_UNENCODED = ("metadata", "litellm_metadata", "model_info")  # not part of a request
_PROSE = ("system_prompt", "litellm_system_prompt", "stop", "user", "response_format")
_QUANTITY = r"""(?xi)
      ([-+]?(?:\d+(?:\.\d*)?|\.\d+)) \s* ([a-z%]*?) (?:\s*(?:tokens?|requests?|[rt]pm))? (?:\s*/.+)?
"""
_EXPONENT = r"(?i)([-+]?\d+)(\.\d*)?e([-+]?)(\d+)"
_VARIABLE_KEYS = ("$env", "env", "env_var", "environ", "environment", "from_env", "var", "variable")
_TRIMMED = r"""(?x)
      model | base_model | api_version | custom_llm_provider
    | (.+_)? (url|base|endpoint|region|location) (_name)?
"""
_WITHIN_URL = r"""(?x)
      \$\{?\w+\}? | %[A-Z][A-Z0-9_]+% | \{\{?\s*(?:env[.:])?\w+\s*\}?\} | <[\w\ -]*> | \bYOUR_\w+
    | (?<=//) (?i: your[-_][\w-]+ | x{3,} ) (?=\.)
"""
_NAMED_BY_USERS = r"model|.*(project|region|location|tenant|client_id|resource|profile|workspace).*"
_PLACEHOLDER = r"(?i)<.+>$|your[-_\s]|\{\{?\s*your"
_HEADER_NAME = r"[\w!#$%&'*+.^`|~-]+"
_VARIABLE = r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+"
_SCHEME = r"(?i)(bearer|basic|token)"


def find_wrong_values(model: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault for each value that its key does not accept.

    >>> for fault in find_wrong_values({"max_tokens": "4096", "timeout": "60s", "stop": [False]}):
    ...     print(fault)
    max_tokens: expected a whole number, found a string; remove the quotes: write 4096
    timeout: expected a number, found a string; write 60
    stop[0]: expected a string, found the boolean False; quote it: YAML reads off and no as False
    """
    for key, value in model.items():
        if key == "name" and isinstance(value, Mapping | bool | list | PVector):
            message = f"expected a string, found {describe_type(value)}"
            yield _fault((key,), message, "write one string")
        elif isinstance(key, str) and key not in ("name", "roles"):
            yield from _find(model, (key,), key, kinds_of(key), value)
    yield from _find_wrong_tools(model)
    key, url = endpoint_of(model)
    if key == "api_base" and model.get("base_url") not in (None, "", url):
        yield _fault((key,), "is not used, because base_url overrides it", "keep one of the two")


def _find_wrong_tools(model: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault for each tool or format that OpenAI's API rejects."""
    tools = model.get("tools")
    if provider_of(model) in ("openai", "azure") and isinstance(tools, LISTS):
        for index, tool in enumerate(tools):
            if not isinstance(tool, Mapping) or tool.get("type", "function") != "function":
                continue
            function = tool.get("function")
            if isinstance(function, Mapping) and "type" not in tool:
                yield _fault(("tools", index), "has no type", "add type: function")
            if not (isinstance(function, Mapping) and function.get("name")):
                hint = "write {type: function, function: {name: …}}"
                yield _fault(("tools", index), "has no function name", hint)
    wanted = model.get("response_format")
    wanted = wanted if isinstance(wanted, Mapping) else {}
    for key, *words in rows("typed") if is_openais(model) else ():
        if isinstance(model.get(key), Mapping) and "type" not in model[key]:
            yield _fault((key,), "has no type", " ".join(words))
    given = wanted.get("json_schema")
    if is_openais(model) and isinstance(given, Mapping) and "name" not in given:
        path = ("response_format", "json_schema")
        yield _fault(path, "has no name", "write {name: …, schema: …}")
    schemas = {"json_schema", "response_schema"}
    if wanted.get("type") == "json_schema" and schemas.isdisjoint(wanted):
        hint = "write json_schema: {name: …, schema: …}"
        yield _fault(("response_format",), "has no json_schema", hint)


def _find(
    model: Mapping[str, Any], path: Path, name: str, kinds: tuple[str, ...], value: Any
) -> Iterator[Fault]:
    """Yield the faults of a value and everything in it, by the name of its key in the tables."""
    header = path[0] in _HEADERS and len(path) > 1
    secret = is_secret(str(path[-1]))
    if secret and is_known(name):
        kinds = kinds or ("string", "object")
    if name == "response_format":
        hears = re.search("whisper|transcri", str(model.get("model")))
        formats = rows("media") if hears else rows("media")[:1]
        kinds = ("string",) if any(value in each for each in formats) else ("object",)
    if value is None and header and not secret:
        yield _fault(path, "is empty", "leave it out")
    elif not isinstance(value, _PLAIN) or (isinstance(value, str) and value.startswith(REFERENCE)):
        return  # an object of a program, or a reference
    elif isinstance(value, str) and kinds and (variable := foreign_reference(value)):
        if "string" not in kinds and not refers(value, path[-1], VALUE_TYPES):
            hint = f"write {REFERENCE}{variable}"
            yield _fault(path, "this reference is not expanded", hint, "wrong-reference")
    elif kinds and (problem := find_misfit(str(path[-1]), kinds, value)):
        yield _fault(path, *problem)
    elif isinstance(value, float) and not isfinite(value):
        yield _fault(path, "is not a number that a request can contain", "write a number")
    elif isinstance(value, date) and path[0] not in _UNENCODED:
        yield _fault(path, "is a date, which a request cannot contain", "quote it")
    elif isinstance(value, Mapping):
        missing = [each for each in inner_keys(name) if each not in value]
        for key, item in value.items():
            if isinstance(key, str):
                inner = f"{name}.{key}"
                cutoff = 0.9 if name == "model_info" else 0.85  # its flags are alike
                near = (
                    None if inner in KEY_KINDS or is_known(key) else nearest(key, missing, cutoff)
                )
                if name == "model_info" and key in rows("not described")[0]:
                    message, hint = "is not sent from here", "put it next to the model"
                    yield _fault((*path, key), message, hint, "unknown-key")
                elif near:
                    hint = f"did you mean {near!r}?"
                    yield _fault((*path, key), "unknown key", hint, "unknown-key")
                elif path[-1] in _HEADERS and not re.fullmatch(_HEADER_NAME, key):
                    yield _fault((*path, key), "is not a header name", "use letters and hyphens")
                else:
                    yield from _find(model, (*path, key), inner, kinds_of(inner), item)
            elif path[0] != "model_info" or not path[1:]:  # LiteLLM passes these as arguments
                message = f"expected strings as keys, found {describe_type(key)}"
                yield _fault(path, message, f'quote it: "{key}"')
    elif isinstance(value, LISTS):
        for index, item in enumerate(value):
            inside = ("string",) if "strings" in kinds else kinds_of(f"{name}[]")
            if item is None and "strings" in kinds:
                yield _fault((*path, index), "is empty", 'leave it out, or quote it: "null"')
            yield from _find(model, (*path, index), f"{name}[]", inside, item)
    elif isinstance(value, str):
        trimmed = header or secret or re.fullmatch(_TRIMMED, name)
        problem = _find_blanks(value, header or name == "api_key") if trimmed else None
        if problem := problem or _find_unknown(model, name, value):
            yield _fault(path, *problem)
    elif problem := _find_out_of_range(model, name, value):
        yield _fault(path, *problem)


def _find_out_of_range(model: Mapping[str, Any], key: str, value: Any) -> tuple[str, str] | None:
    ranges = [limits for of, *limits in rows("ranges") if of == key]
    if not ranges or not isinstance(value, int | float) or isinstance(value, bool):
        return None
    name, custom = called(model)
    provider = custom or name.partition("/")[0]
    provider = "anthropic" if name.startswith("claude-") else provider
    hosted = not endpoint_of(model)[1] and (provider in VENDORS or provider == name)
    owners = ("any", provider, "hosted" if hosted else "")
    for least, most, whose in ranges:
        if whose in owners and not float(least) <= value <= float(most):
            far = f"of at least {least}" if value < float(least) else f"of at most {most}"
            limits = f"between {least} and {most}" if len(most) < 5 else far
            hint = f"write a number {limits}"
            if "per_token" in key and 0 < value < _DEAREST:
                hint = f"prices are per token: write {value / 1e6:g} for {value} per million"
            return f"{value} is out of range", hint
    return None


def _find_unknown(model: Mapping[str, Any], name: str, value: str) -> tuple[str, str] | None:
    """Return the problem of a value that is not among those of its key, or in their format."""
    known = table("choices")
    choices, form = known.get(name) or known.get(f"~{name}"), table("forms").get(name)
    if not (choices or form) or not value or refers(value) or foreign_reference(value):
        return None
    message = f"unknown value {quote_name(value)}"
    if choices and value not in choices:
        begun = (each for each in choices if value.lower().startswith(each))
        near = next(begun, None) or nearest(value.lower(), choices, 0.6)
        if near or (name in known and not endpoint_of(model)[1]):
            return message, f"did you mean {near!r}?" if near else f"known: {', '.join(choices)}"
    elsewhere = more_foreign(value) or re.match(_PLACEHOLDER, value)
    if form and not elsewhere and not re.fullmatch(rf"\s*({form[0]})?\s*|{_VARIABLE}", value):
        return message, " ".join(form[1:])
    return None


@lru_cache(maxsize=64)
def inner_keys(name: str) -> tuple[str, ...]:
    """Return the keys of a mapping in the table.

    >>> inner_keys("thinking")
    ('budget_tokens', 'type')
    """
    inner = (key.removeprefix(f"{name}.") for key in KEY_KINDS if key.startswith(f"{name}."))
    return tuple(key for key in inner if key.isidentifier())


def _fault(path: Path, message: str, hint: str, code: str = "wrong-value") -> Fault:
    return Fault(path, message, hint, code)


def find_misfit(
    key: str, kinds: Sequence[str], value: Any, like: Sequence[str] = ()
) -> tuple[str, str] | None:
    """Return the problem of a value that has none of these types, and how to write it.

    The hint is for the types in `like`, if they are more precise than those in the message.

    >>> find_misfit("timeout", ["number"], "2m")
    ('expected a number, found a string', 'write 120')
    >>> find_misfit("stream", ["boolean"], True), find_misfit("n", ["integer"], 2.0)
    (None, None)
    """
    if any(_fits(value, kind) for kind in kinds):
        return None
    expected = " or ".join(KINDS[kind][0] for kind in kinds)
    found = "a date" if isinstance(value, date) else describe_type(value)
    return f"expected {expected}, found {found}", _how_to_write(key, like or kinds, value)


def _fits(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    whole = kind == "integer" and isinstance(value, float) and value.is_integer()
    return whole or isinstance(value, KINDS[kind][1])


def _how_to_write(key: str, kinds: Sequence[str], value: Any) -> str:
    """Return how to write a value as a type that its key accepts."""
    kind, text = kinds[0], value.strip() if isinstance(value, str) else ""
    if key == "drop_params" and isinstance(value, LISTS):
        return "write true, or the names under additional_drop_params"
    choices = next((row[1:] for row in rows("choices") if row[0].lstrip("~") == key), None)
    if kind == "string" and choices and isinstance(value, int | float):
        return f"known: {', '.join(choices)}"
    if kind == "string":
        return _as_string(key, value)
    if kind in ("number", "integer") and text:
        return _as_number(key, text, kind)
    word = next((word for word, *words in rows("words") if text.lower() in words), "")
    if kind == "boolean" and word:
        return f"remove the quotes: write {word}"
    listed = kind == "strings" or (kind == "array" and "string" in kinds_of(f"{key}[]"))
    if listed and text and redact(text, key) == text:
        return f"write [{text}]"
    header = re.fullmatch(r"([\w-]+)\s*[:=]\s*(\S.*)", text) if key in _HEADERS else None
    if header and not is_secret(header[1]):
        return f"write a mapping: {{{header[1]}: {header[2]}}}"
    example = " ".join(table("examples").get(key, ("write", KINDS[kind][0])))
    return "write a mapping, not a string" if text.startswith("{") else example


def _as_string(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"quote it: YAML reads {'on and yes' if value else 'off and no'} as {value}"
    if isinstance(value, Mapping):
        names = [name for each, name in value.items() if each in _VARIABLE_KEYS]
        return f"write {REFERENCE}{names[0]}" if names else "write one string"
    if isinstance(value, LISTS):
        what = "endpoint" if key in ENDPOINTS else "key" if is_secret(key) else ""
        return f"list the model once for each {what}" if what else "write one string"
    return " ".join(table("forms").get(key, ("", "quote it"))[1:])


def _as_number(key: str, text: str, kind: str) -> str:
    if exponent := re.fullmatch(_EXPONENT, text):
        digits, fraction, sign, power = exponent.groups()
        written = f"{digits}{fraction or '.0'}e{sign or '+'}{power}"
        return f"write {written}: YAML reads {text} as a string"
    given, text = text, text.rstrip(",;")
    plain = re.sub(r"(?<=\d)[,_](?=\d{3}\b)", "", text)
    quantity = re.fullmatch(_QUANTITY, re.sub(r"(?<=\d),(?=\d)", ".", plain))
    unit = quantity[2].lower() if quantity else "?"
    units = "seconds" if re.search("time|seconds|ttl|threshold|interval|_at$", key) else "count"
    factors = (float(each) for of, each, *names in rows("units") if of == units and unit in names)
    factor = next(factors, None)
    if quantity is None or (unit and factor is None):
        return f"write {KINDS[kind][0]}"
    if factor is not None:
        return f"write {round(float(quantity[1]) * factor, 6):.15g}"
    return f"remove the quotes: write {text}" if quantity[1] == given else f"write {quantity[1]}"


def _find_blanks(value: str, ascii_only: bool) -> tuple[str, str] | None:
    stripped = value.strip()
    lines = len(stripped.splitlines())
    if ascii_only and lines > 1 and "-----" not in value:
        return "contains a line break", "write it on one line"
    if not stripped or stripped[0] == "{" or lines > 1:
        return None  # checked elsewhere (empty), or may have line breaks (JSON, PEM)
    if value[-1] in "\r\n":
        return "ends in a line break", "write it on one line, without | or >"
    if value != stripped:
        return "has spaces around it", "remove them"
    if not value.isprintable():
        return "contains a control character", "remove it"
    if ascii_only and not value.isascii():
        return "contains a character that is not allowed in a header", "use ASCII only"
    return None


def find_reference_faults(model: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault for each reference that would be sent unchanged, and for each placeholder.

    References that `dispatch.config.environment` rejects are not reported again.

    >>> for fault in find_reference_faults({"api_key": "OPENAI_API_KEY", "api_base": "http://$HOST"}):
    ...     print(fault)
    api_key: is the name of a variable; write os.environ/OPENAI_API_KEY
    api_base: contains $HOST, which nothing replaces; put the whole URL into a variable
    """
    strings: dict[Path, str] = {}  # that may contain a reference
    for key, value in model.items():
        if key in _HEADERS and isinstance(value, Mapping):
            strings |= {(key, name): each for name, each in value.items() if isinstance(each, str)}
        elif isinstance(value, str) and (is_secret(key) or "string" in kinds_of(key)):
            strings |= {} if key in _PROSE else {(key,): value}
    for path, string in strings.items():
        text, key = string.strip(), str(path[-1])
        known = refers(string, key, VALUE_TYPES) or text.lower() == NO_KEY
        if problem := None if known else _find_reference(model, key, text):
            yield _fault(path, *problem)


def _find_reference(model: Mapping[str, Any], key: str, text: str) -> tuple[str, ...] | None:
    """Return the problem of a string that refers to something, a hint, and the code."""
    secret = is_secret(key)
    token = re.sub(rf"{_SCHEME}\s+", "", text) if secret else text
    name = foreign_reference(token) or more_foreign(token)
    part = re.search(_WITHIN_URL, text) if key in (*ENDPOINTS, "model") else None
    if part and not name:
        hint = f"put the whole {'name' if key == 'model' else 'URL'} into a variable"
        return f"contains {part[0]}, which nothing replaces", hint, "wrong-reference"
    named = text.rpartition("/")[2] if key == "model" else text
    if re.fullmatch(_NAMED_BY_USERS, key) and re.match(_PLACEHOLDER, named):
        hint = "name your own" if key == "model" else "write yours, or os.environ/NAME"
        return "looks like a placeholder", hint, "placeholder"
    if secret and not name:
        vendor = vendor_of(model)
        own = REFERENCE + (key_variables(vendor)[0] if vendor else "NAME")
        is_file = key == "vertex_credentials" and not text.startswith("~")  # which LiteLLM reads
        if not is_file and any(re.fullmatch(form, text) for (form,) in rows("stores")):
            message = "is the location of a secret, which nothing reads"
            return message, f"put the secret into a variable: {own}", "wrong-reference"
        if re.fullmatch(_SCHEME, text):
            hint = f"put the whole value into a variable: {REFERENCE}NAME"
            return "contains a scheme but no key", hint
        if "mock_response" not in model and _is_placeholder(token, endpoint_of(model)[1]):
            return "looks like a placeholder", f"write {own}", "placeholder"
    if name or _names_variable(key, token):
        message = "this reference is not expanded" if name else "is the name of a variable"
        hint = f"write {REFERENCE}{name or token}"
        hint = hint if token == text else "put the whole value into a variable"
        return message, hint, "wrong-reference"
    if key != "api_key":
        return None
    if re.match(rf"{_SCHEME}\s", text):
        return "has a scheme before the key", "leave it out: the client adds it"
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return "is wrapped in quotes", "write it without those quotes"
    return ("contains a space", "remove it") if re.search(r"\s", text) and text[0] != "{" else None


def more_foreign(text: str) -> str | None:
    """Return the variable that a secret refers to in a form that may also be plain text.

    >>> more_foreign("os.enviorn/OPENAI_API_KEY"), more_foreign("sk-1")
    ('OPENAI_API_KEY', None)
    """
    matches = (re.fullmatch(form, text) for (form,) in rows("references"))
    return next((match[1] for match in matches if match), None)


def _is_placeholder(text: str, endpoint: str) -> bool:
    """Return whether a key is certainly a placeholder; local servers may accept any word."""
    forms = [form for of, form in rows("placeholders") if of == "key" or not endpoint]
    found = any(re.fullmatch(form, text, re.IGNORECASE) for form in forms)
    return found and not (endpoint and is_local(endpoint))


def _names_variable(key: str, text: str) -> bool:
    if re.fullmatch(_VARIABLE, text):
        named = text.endswith(key.upper()) or text in os.environ or key in ENDPOINTS
        return named or (is_secret(key) and is_secret(text))
    return is_secret(key) and len(text) > 2 and text.isidentifier() and text in os.environ
