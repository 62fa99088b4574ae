"""Values of the wrong kind, and references that nothing resolves, in a model."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from pyrsistent import PVector

from dispatch.config.environment import foreign_reference, refers
from dispatch.errors import Fault, Step
from dispatch.litellm.endpoints import ENDPOINTS, VENDORS, key_variables
from dispatch.litellm.keys import VALUE_TYPES
from dispatch.litellm.kinds import kinds_of
from dispatch.litellm.providers import is_local
from dispatch.redaction import NO_KEY, REFERENCE, is_secret, redact
from dispatch.suggestions import describe_type

__all__ = ["find_reference_faults", "find_wrong_values"]

Path = tuple[Step, ...]

_UNSENT = frozenset({"name", "roles"})
_PROSE = frozenset({"system_prompt", "litellm_system_prompt", "stop", "user", "response_format"})
_UNENCODED = frozenset({"metadata", "litellm_metadata", "model_info"})
"""Mappings of which no request is made: a date does no harm there."""

_LISTS = (list, tuple, PVector)
_SCALAR = (str, int, float, date)  # a bool is an int
_TYPES: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "string": ("a string", (str,)),
    "number": ("a number", (int, float)),
    "integer": ("a whole number", (int,)),
    "boolean": ("true or false", (bool,)),
    "object": ("a mapping", (Mapping,)),
    "array": ("a list", _LISTS),
    "strings": ("a list of strings", _LISTS),
}
_BOOLEANS = {"true": "true", "yes": "true", "on": "true", "1": "true",
             "false": "false", "no": "false", "off": "false", "0": "false"}  # fmt: skip
_SECONDS = {"ms": 0.001, "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1, "m": 60, "min": 60,
            "mins": 60, "minute": 60, "minutes": 60, "h": 3600, "hour": 3600,
            "hours": 3600}  # fmt: skip
_FACTORS = {"k": 1000, "m": 1_000_000, "%": 0.01}
_QUANTITY = r"""(?xi)
      ([-+]?(?:\d+(?:\.\d*)?|\.\d+)) \s* ([a-z%]*?) (?:\s* (?:tokens?|requests?|rpm|tpm))? (?:\s*/.+)?
"""
_EXPONENT = r"([-+]?\d+)(\.\d*)?e([-+]?)(\d+)"
_VARIABLE_KEYS = frozenset({"$env", "env", "env_var", "environ", "environment", "from_env", "var",
                            "variable"})  # fmt: skip
_HEADER_NAMES = frozenset({"headers", "extra_headers", "default_headers"})
_TRIMMED = r"""(?x)
      model | base_model | api_version | custom_llm_provider
    | (.+_)? (url|base|endpoint|region|location) (_name)?
"""

_MORE_FOREIGN = r"""(?x)  # whole strings, beside those that `foreign_reference` knows
      ! (?:env|ENV) \s+ (?P<tag> [^\W\d]\w*)
    | \$ \( (?P<make> [^\W\d]\w*) \)  |  \$env: (?P<powershell> [^\W\d]\w*)
    | (?i: (?:os\.)? env(?:iron)? [./:\\] ) \s* (?P<path> [^\W\d]\w*)
    | (?i: (?:os\.)? (?:get)? env(?:iron)? ) [(\[] \s* ['"]? (?P<call> [^\W\d]\w*) ['"]? \s* [)\]]
    | (?i: secrets? ) [./:] (?P<secret> [A-Z][A-Z0-9_]+)
"""
_WITHIN_URL = r"""(?x)
      \$\{?\w+\}? | %[A-Z][A-Z0-9_]+% | \{\{?\s*(?:env[.:])?\w+\s*\}?\} | <[\w\ -]+> | \bYOUR_\w+
"""
_PLACEHOLDER = r"""(?xi)  # of a key
      <.+>  |  \[ (?:your|insert|my) .* \]  |  \.{3,} | …
    | (?:[a-z]+[-_])* (?:\.{3,} | … | x{4,} | \*{3,})            # sk-..., hf_xxxx
    | (?:sk-)? (?:your|insert|replace|add|put|enter) [-_ ] .* (?:key|token|secret|here|me)
      (?:[-_ ] .*)?
    | (?:sk-)? your[-_ ]? (?:api)? [-_ ]? key
"""
_PASSWORD = r"change[-_ ]?(me|this|it)|to[-_ ]?do|tbd|fixme|placeholder|replace[-_ ]?me"
_VARIABLE = r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+"


def find_wrong_values(model: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a warning for each value that is not what its key takes.

    >>> for fault in find_wrong_values({"max_tokens": "4096", "timeout": "60s", "stop": [False]}):
    ...     print(fault)
    max_tokens: expected a whole number, found a string; remove the quotes: write 4096
    timeout: expected a number, found a string; write 60
    stop[0]: expected a string, found the boolean False; quote it: YAML reads off and no as False
    """
    for key, value in model.items():
        if isinstance(key, str) and key not in _UNSENT:
            yield from _find((key,), key, kinds_of(key), value)


def _find(path: Path, name: str, kinds: tuple[str, ...], value: Any) -> Iterator[Fault]:
    secret, header = is_secret(str(path[-1])), path[0] in _HEADER_NAMES and len(path) > 1
    kinds = kinds or ("string", "object") * (secret and len(path) == 1)
    is_plain = isinstance(value, (*_SCALAR, *_LISTS, Mapping))
    if value is None and header and not secret:
        yield _fault(path, "is empty", "leave it out")
    elif not is_plain or (isinstance(value, str) and value.startswith(REFERENCE)):
        return  # what a program made, or what is in the environment
    elif kinds and not any(_fits(value, kind) for kind in kinds):
        expected = " or ".join(_TYPES[kind][0] for kind in kinds)
        found = "a date" if isinstance(value, date) else describe_type(value)
        yield _fault(path, f"expected {expected}, found {found}", _fix(path, kinds, value))
    elif isinstance(value, date) and path[0] not in _UNENCODED:
        yield _fault(path, "is a date, which no request can hold", "quote it")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str):
                inner = f"{name}.{key}"
                yield from _find((*path, key), inner, kinds_of(inner), item)
            elif path[0] != "model_info":
                message = f"expected strings as keys, found {describe_type(key)}"
                yield _fault(path, message, f'quote it: "{key}"')
    elif isinstance(value, _LISTS):
        inside = ("string",) if "strings" in kinds else ()
        for index, item in enumerate(value):
            yield from _find((*path, index), f"{name}[]", inside, item)
    elif isinstance(value, str) and (header or secret or re.fullmatch(_TRIMMED, name)):
        yield from _find_blanks(path, value)


def _fault(path: Path, message: str, hint: str, code: str = "wrong-value") -> Fault:
    return Fault(path, message, hint, code, "warning")


def _fits(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind][1])


def _fix(path: Path, kinds: tuple[str, ...], value: Any) -> str:
    """Return how to write a value as what its key takes."""
    kind = kinds[0]
    if kind == "string":
        return _as_string(path, value)
    if not isinstance(value, str):
        return _example(path, kind)
    text = value.strip()
    if kind == "boolean":
        word = _BOOLEANS.get(text.lower())
        return f"remove the quotes: write {word}" if word else "write true or false"
    if kind in ("number", "integer"):
        return _as_number(text, str(path[-1]), kind)
    if kind == "strings":
        return "write a list" if redact(text, path[-1]) != text else f"write [{text}]"
    header = re.fullmatch(r"([\w-]+)\s*[:=]\s*(\S.*)", text)
    if path[-1] in _HEADER_NAMES and header and not is_secret(header[1]):
        return f"write a mapping: {{{header[1]}: {header[2]}}}"
    return "write a mapping, not a string" if text[:1] == "{" else _example(path, kind)


def _example(path: Path, kind: str) -> str:
    examples = {
        "extra_headers": "such as {X-Team: blue}",
        "thinking": "such as {type: enabled, budget_tokens: 2000}",
        "response_format": "such as {type: json_object}",
    }
    return examples.get(str(path[-1]), f"write {_TYPES[kind][0]}")


def _as_string(path: Path, value: Any) -> str:
    if isinstance(value, bool):
        return f"quote it: YAML reads {'on and yes' if value else 'off and no'} as {value}"
    if isinstance(value, Mapping):
        (key, name), *more = value.items() if value else (("", ""),)
        refers = not more and key in _VARIABLE_KEYS and isinstance(name, str)
        return f"write {REFERENCE}{name}" if refers else "write one string"
    if isinstance(value, _LISTS):
        key = path[-1]
        what = "endpoint" if key in ENDPOINTS else "key" if is_secret(str(key)) else "value"
        whole = what != "value" or key == "model"
        return f"list the model once for each {what}" if whole else "write one string"
    return "quote it"


def _as_number(text: str, key: str, kind: str) -> str:
    exponent = re.fullmatch(_EXPONENT, text, re.IGNORECASE)
    if exponent:
        digits, fraction, sign, power = exponent.groups()
        written = f"{digits}{fraction or '.0'}e{sign or '+'}{power}"
        return f"write {written}: YAML reads {text} as a string"
    quantity = re.fullmatch(_QUANTITY, re.sub(r"(?<=\d)[,_](?=\d{3}\b)", "", text))
    if quantity is None:
        decimal = re.fullmatch(r"(\d+),(\d+)", text)
        return f"write {decimal[1]}.{decimal[2]}" if decimal else f"write {_TYPES[kind][0]}"
    number, unit = quantity[1], quantity[2].lower()
    if not unit:
        return f"remove the quotes: write {number}" if number == text else f"write {number}"
    lasts = "time" in key or "seconds" in key
    factor = (_SECONDS if lasts else _FACTORS).get(unit)
    if factor is None:
        return f"write {_TYPES[kind][0]}"
    return f"write {round(float(number) * factor, 6):.15g}"


def _find_blanks(path: Path, value: str) -> Iterator[Fault]:
    stripped = value.strip()
    if not stripped or stripped[0] == "{" or len(stripped.splitlines()) > 1:
        return  # empty, JSON or a PEM block: looked at elsewhere, or with line breaks of its own
    if value[-1] in "\r\n":
        yield _fault(path, "ends in a line break", "write it on one line, without | or >")
    elif value != stripped:
        yield _fault(path, "has blanks around it", "remove them")
    elif not value.isprintable():
        yield _fault(path, "holds a control character", "remove it")


def find_reference_faults(model: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a warning for each reference that would be sent as it is, and for each placeholder.

    What `dispatch.config.environment` refuses is not reported again.

    >>> for fault in find_reference_faults({"api_key": "OPENAI_API_KEY", "api_base": "http://$HOST"}):
    ...     print(fault)
    api_key: is the name of a variable; write os.environ/OPENAI_API_KEY
    api_base: holds $HOST, which nothing replaces; put the whole URL into a variable
    """
    endpoint = next((model.get(key) for key in ENDPOINTS if model.get(key)), None)
    for path, value in _strings(model):
        key, text = str(path[-1]), value.strip()
        if refers(value, key, VALUE_TYPES) or text.lower() == NO_KEY:
            continue
        name = foreign_reference(text) or _more_foreign(text)
        part = re.search(_WITHIN_URL, text) if key in ENDPOINTS else None
        if name:
            hint = f"write {REFERENCE}{name}"
            yield _fault(path, "this reference is not expanded", hint, "wrong-reference")
        elif part:
            message = f"holds {part[0]}, which nothing replaces"
            yield _fault(path, message, "put the whole URL into a variable", "wrong-reference")
        elif is_secret(key) and _is_placeholder(text, endpoint):
            hint = f"write {REFERENCE}{_variable(model)}"
            yield _fault(path, "looks like a placeholder", hint, "placeholder")
        elif _names_variable(key, text):
            hint = f"write {REFERENCE}{text}"
            yield _fault(path, "is the name of a variable", hint, "wrong-reference")


def _strings(model: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield the strings in which a reference makes sense."""
    for key, value in model.items():
        if isinstance(value, str):
            if key not in _PROSE and (is_secret(key) or "string" in kinds_of(key)):
                yield (key,), value
        elif key in _HEADER_NAMES and isinstance(value, Mapping):
            yield from (((key, k), v) for k, v in value.items() if isinstance(v, str))


def _more_foreign(text: str) -> str | None:
    match = re.fullmatch(_MORE_FOREIGN, text)
    return match[match.lastgroup or 0] if match else None


def _is_placeholder(text: str, endpoint: Any) -> bool:
    """Return whether a key is surely none; a server of one's own may take any word for one."""
    if isinstance(endpoint, str) and is_local(endpoint):
        return False
    return (
        re.fullmatch(_PLACEHOLDER if endpoint else f"{_PLACEHOLDER}|{_PASSWORD}", text) is not None
    )


def _names_variable(key: str, text: str) -> bool:
    if re.fullmatch(_VARIABLE, text):
        named = text.endswith(key.upper()) or text in os.environ or key in ENDPOINTS
        return named or (is_secret(key) and is_secret(text))
    return is_secret(key) and len(text) > 2 and text.isidentifier() and text in os.environ


def _variable(model: Mapping[str, Any]) -> str:
    provider = model.get("custom_llm_provider") or str(model.get("model", "")).partition("/")[0]
    return key_variables(str(provider))[0] if provider in VENDORS else "NAME"
