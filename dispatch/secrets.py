"""What is secret, and how it is shown instead: the one place that holds the rule.

Everything that prints a configuration (reprs, errors, tables, exports) asks here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from pyrsistent import PSet, PVector

from dispatch.nearest import nearest

__all__ = [
    "HIDDEN",
    "is_reference",
    "is_secret",
    "known_secrets",
    "label",
    "literal_secrets",
    "mark_secret",
    "redact",
    "redact_key",
    "redact_text",
    "scrub",
    "secret_keys",
    "secret_values",
]

HIDDEN = "***"
"""What stands in the place of a secret."""

REFERENCE = "os.environ/"
NO_KEY = "none"  # the documented way to say that an endpoint takes no key: not worth hiding

# Compiling these expressions takes 2 ms, so it waits until something is shown: `re` keeps them.
_REFERENCE = r"os\.environ/[^\W\d]\w*"  # no pasted `os.environ/sk-…`

# One alternative a line. The name is in snake_case by the time that this is asked.
_NAMES = r"""
      (secrets?|passwords?|passwd|passphrase|credentials?|authorization|cookies?|bearer) (_|$)
    | token $                                         # access_token, azure_ad_token; not max_tokens
    | (^|_) (access|auth|api|bearer|refresh|id) _tokens $
    | (^|_) (auth|jwt|dsn|pwd|pat|sig|signature|connection_string|webhook(_url)?) $
    | (^|_) (api|access|secret|private|subscription|master|signing|encryption|auth|account|service
            |license|virtual|user|admin|session|ssl|tls|space|ingestion) _? keys? (_id)? $
    | private_key
    | ^ key $
    | ^ aws_ \w* key                                  # aws_access_key_id, aws_secret_access_key
    | (^|_) headers? $                                # every value below: nobody knows which counts
"""
_EXEMPT = r"""
      (^|_) (per|max|min|bos|eos|pad|unk|stop) _token $
    | (^|_) (cost|count|limit|budget) (_|$)
    | (?<!key) _ (ref|name|file|path) $               # where a secret is, not what it is
"""
_USERINFO = r"""(?x)
      (?<=://) [^\s/?#@:]{0,256} : (?! \d* ([/?#\s]|$)) \S{0,1024} @   # user:password, unquoted too
    | (?<=://) [^\s/?#@]{0,1024} @
"""
_QUERY = r"([?&;]([\w.~-]+)=)([^&;\s#'\"]+)"
_ASSIGNED = r"(?<![\w~-])([\w~-]+)['\"]?[:=](?!//)['\"]?(?=\S)"
_QUOTED = r"(?<![\w~-])([\w~-]+)['\"]?\s*[:=]\s*(?=\S)"  # a mapping, become a text
_UNASSIGNED = r"\s*([\w~-]+)\s+(?=[^\s:=])"  # the colon is missing
_HELD = r"""(?xi)
    (?!\*\*\*) (?:(?:basic|bearer|token|apikey|key)\s+)? \S* [^\s'"\])},;.]
"""
_WORD_BREAK = r"(?<=[a-z0-9])(?=[A-Z])|[-.\s]+"

_TELLABLE = 4  # what is shorter is found in too many words to be hidden in others' texts
_LONGEST = 500  # of a name that is looked at
_SCHEMES = frozenset({"basic", "bearer", "token", "apikey", "key"})

_OFTEN_MISSPELT = ("api_key", "api_token", "password", "credentials", "authorization", "secret")

_marked: set[str] = set()


def _snake(name: str) -> str:
    return re.sub(_WORD_BREAK, "_", name).lower()


def mark_secret(*names: str) -> None:
    """Treat values of keys with these names as secret too, in this process, from now on.

    >>> mark_secret("badge")
    >>> redact({"badge": "b-17"})
    {'badge': '***'}
    """
    _marked.update(_snake(name) for name in names)
    is_secret.cache_clear()
    secret_keys.cache_clear()


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Tell whether a key of this name holds a secret; a slip such as `api_kye` does too.

    So does, to be sure, a name that is longer than anybody writes: looking at it would take time.

    >>> [name for name in ("api_key", "apiKey", "max_tokens", "x-api-key") if is_secret(name)]
    ['api_key', 'apiKey', 'x-api-key']
    """
    if len(name) > _LONGEST:
        return True
    snake = _snake(name)
    if snake in _marked:
        return True
    if re.search(_EXEMPT, snake, re.VERBOSE):
        return False
    if re.search(_NAMES, snake, re.VERBOSE):
        return True
    return nearest(snake, _OFTEN_MISSPELT, 0.85) is not None


@lru_cache(maxsize=256)
def secret_keys(keys: tuple[Any, ...]) -> tuple[str, ...]:
    """Return which of these keys hold secrets: asked once for all models of the same keys.

    >>> secret_keys(("model", "api_key", "temperature"))
    ('api_key',)
    """
    return tuple(key for key in keys if isinstance(key, str) and is_secret(key))


def is_reference(value: str) -> bool:
    """Tell whether a value is a reference to an environment variable, and nothing else.

    >>> is_reference("os.environ/OPENAI_API_KEY"), is_reference("os.environ/sk-proj-1")
    (True, False)
    """
    return value.startswith(REFERENCE) and re.fullmatch(_REFERENCE, value) is not None


def redact(value: Any, name: object = "") -> Any:
    """Copy a value into plain containers, with every secret in it hidden.

    References to the environment are no secrets, and stay: they tell what to mend.

    >>> redact({"api_key": "sk-1", "api_base": "https://me:pw@host/v1", "temperature": 0})
    {'api_key': '***', 'api_base': 'https://***@host/v1', 'temperature': 0}
    >>> redact("os.environ/OPENAI_API_KEY", "api_key")
    'os.environ/OPENAI_API_KEY'
    """
    if isinstance(name, str) and is_secret(name):
        return _hide(value)
    if isinstance(value, str):
        return redact_text(value)
    return _each(value, redact)


def literal_secrets(value: Any, name: object = "") -> Iterator[tuple[str | int, ...]]:
    """Yield where a value, or a key, holds a secret itself, and not a reference to one.

    >>> list(literal_secrets({"api_key": "sk-1", "a": ["https://me:pw@host"], "token": None}))
    [('api_key',), ('a', 0)]
    """
    if isinstance(value, Mapping):
        held: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list | tuple | PVector):
        held = enumerate(value)
    else:
        if redact(value, name) != value:
            yield ()
        return
    for key, item in held:
        if isinstance(key, str) and redact_key(key) != key:
            yield (key,)
        inside = name if isinstance(name, str) and is_secret(name) else key
        for path in literal_secrets(item, inside):
            yield (key, *path)


def _hide(value: Any, _name: object = "") -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and (is_reference(value) or value.lower() == NO_KEY):
        return value
    contained = _each(value, _hide)
    return HIDDEN if contained is value else contained


def _each(value: Any, change: Any) -> Any:
    """Rebuild a container from its changed values; anything else comes back as it is."""
    if isinstance(value, Mapping):
        return {
            redact_key(key) if isinstance(key, str) else key: change(item, key)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | PVector):
        return [change(item, "") for item in value]
    if isinstance(value, set | frozenset | PSet):  # in an order that follows no hash seed
        return sorted((change(item, "") for item in value), key=repr)
    return value


def redact_text(text: str) -> str:
    """Hide the user information and the keys of every URL in a text, and any `api_key:…`.

    The latter is what a missing space makes of a mapping in YAML.

    >>> redact_text("cannot reach redis://:hunter2@host/0?token=abc&db=1")
    'cannot reach redis://***@host/0?token=***&db=1'
    >>> redact_text("api_key:sk-1, api_key: none")
    'api_key:***, api_key: none'
    """
    if ":" not in text and "=" not in text:
        return text
    if "://" in text:
        text = re.sub(_USERINFO, f"{HIDDEN}@", text)
        text = re.sub(_QUERY, _query_hidden, text)
    return _hide_assigned(text)


def _query_hidden(pair: re.Match[str]) -> str:
    return pair[1] + (HIDDEN if is_secret(pair[2]) else pair[3])


def redact_key(key: str) -> str:
    """Hide, in the name of a key, what stands behind the name of a secret, a space or none between.

    That is what quotes make of a mapping in YAML. In prose it would hide too much: there the space
    tells that words follow.

    >>> redact_key("api_key: sk-1 x"), redact_key("api_key: none"), redact_key("max_tokens: 5")
    ('api_key: ***', 'api_key: none', 'max_tokens: 5')
    >>> redact_key('api_key "sk-1"')
    'api_key ***'
    """
    first = re.match(_UNASSIGNED, key)
    if first and is_secret(first[1]):
        return f"{first[1]} {HIDDEN}"
    if ":" not in key and "=" not in key:
        return key
    for name in re.finditer(_QUOTED, key):
        if is_secret(name[1]) and _hide(key[name.end() :].strip("\"'")) == HIDDEN:
            return redact_text(key[: name.end()]) + HIDDEN
    return redact_text(key)


def _hide_assigned(text: str) -> str:
    parts, at = [], 0
    value = re.compile(_HELD)
    for name in re.finditer(_ASSIGNED, text):
        held = value.match(text, name.end()) if name.start() >= at and is_secret(name[1]) else None
        if held and _hide(held[0]) == HIDDEN:
            parts += [text[at : held.start()], HIDDEN]
            at = held.end()
    return "".join((*parts, text[at:]))


def label(model: Mapping[str, Any]) -> str:
    """Return what a model is called wherever it is shown: its name, or else what it is.

    >>> label({"name": "fast", "model": "gpt-4o"}), label({"name": None, "model": "gpt-4o"})
    ('fast', 'gpt-4o')
    """
    texts = (model.get(key) for key in ("name", "model"))
    return next((redact_text(t) for t in texts if isinstance(t, str) and t.strip()), "")


def secret_values(value: Any, name: object = "") -> frozenset[str]:
    """Collect the secrets that a configuration holds, to `scrub` them from others' messages.

    >>> sorted(secret_values({"api_key": "sk-1", "headers": {"X-Team": "blue"}, "model": "m"}))
    ['blue', 'sk-1']
    """
    found: set[str] = set()
    _collect(value, isinstance(name, str) and is_secret(name), found)
    return frozenset(found)


def known_secrets(value: Any) -> frozenset[str]:
    """Collect the secrets that are long enough to be known again where another key holds them.

    >>> known_secrets({"api_key": "sk-1", "token": "m", "model": "m"})
    frozenset({'sk-1'})
    """
    return frozenset(secret for secret in secret_values(value) if len(secret) >= _TELLABLE)


def _collect(value: Any, secret: bool, found: set[str]) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _collect(item, secret or (isinstance(key, str) and is_secret(key)), found)
    elif isinstance(value, list | tuple | set | frozenset | PVector | PSet):
        for item in value:
            _collect(item, secret, found)
    elif isinstance(value, str):
        if secret and _hide(value) == HIDDEN:
            found.update((value, *_parts(value)))
        found.update(_secrets_of_urls(value))
    elif secret and isinstance(value, int | float) and not isinstance(value, bool):
        found.add(str(value))


def _parts(secret: str) -> Iterable[str]:
    """Yield what of a secret may be told alone: a token without its scheme, a key out of JSON."""
    scheme, _, token = secret.strip().partition(" ")
    if scheme.lower() in _SCHEMES:
        yield token.strip()
    if secret.lstrip().startswith("{"):
        import json

        with suppress(ValueError, RecursionError):
            yield from secret_values(json.loads(secret))


def _secrets_of_urls(text: str) -> Iterable[str]:
    if "://" not in text:
        return
    for match in re.finditer(_USERINFO, text):
        user, _, password = match[0].removesuffix("@").partition(":")
        yield password or user
    yield from (m[3] for m in re.finditer(_QUERY, text) if is_secret(m[2]))


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Hide known secrets, however they are quoted, and what URLs hold, in a text by others.

    >>> scrub("Incorrect API key provided: sk-1", {"sk-1"})
    'Incorrect API key provided: ***'
    """
    written = {form for secret in secrets for form in _quoted(secret) if len(form) >= _TELLABLE}
    for form in sorted(written, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return redact_text(text)


def _quoted(secret: str) -> Iterable[str]:
    import json
    from urllib.parse import quote, unquote

    yield from (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1])
    yield from (unquote(secret), quote(secret, "", errors="replace"))
