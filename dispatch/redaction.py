"""What is secret, and how it is shown: the only place with that rule.

A value is secret because of the name of its key (`api_key`, `groq_key`, `password`) or its shape
(`sk-ant-…`, a JWT, a PEM block). Everything that prints a configuration uses this module.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from pyrsistent import PSet, PVector

__all__ = [
    "HIDDEN",
    "REFERENCE",
    "display_name",
    "is_reference",
    "is_secret",
    "json_object",
    "literal_secrets",
    "mark_secret",
    "mentions_secret",
    "printable",
    "quote_name",
    "redact",
    "redact_key",
    "redact_path",
    "redact_text",
    "scrub",
    "secret_values",
    "type_name",
]

HIDDEN = "***"
"""What is shown instead of a secret."""

REFERENCE = "os.environ/"
"""How a value refers to an environment variable: LiteLLM's own convention."""

NO_KEY = "none"  # the documented way to say that an endpoint takes no key
_NO_SECRETS = frozenset(  # what servers without keys are given, and what guardrails do with secrets
    {NO_KEY, "null", "dummy", "dummy-key", "empty", "fake", "fake-key", "no-key", "no-key-required",
     "not-needed", "not-required", "notrequired", "not-used", "sk-no-key-required", "unused",
     "lm-studio", "ollama", "vllm", "mask", "block"}
)  # fmt: skip

# The expressions are compiled on first use: `re` caches them, and importing costs nothing.
_NAMES = r"""(?x)  # of a name in snake_case
      (^|_) (secrets?|passwords?|passwd|passphrase|credentials?|creds|authorization|cookies?
             |bearer) (_|$)
    | (^|_) (token | pass | auth (_value)? | jwt | dsn | pwd | pat | sig | signature | otp | salt) $
    | (^|_) (access|auth|api|bearer|refresh|id|secret) _tokens $
    | (^|_) (connection_string | webhook (_url)?) $
    | (^|_) keys? $                                   # openai_key, keys
    | (api|access|secret|private|auth|account|subscription|master|signing) _? keys? (_|$)
"""
_EXEMPT = r"""(?x)
      (^|_) (per|max|min|bos|eos|pad|unk|stop|sep|cls|mask|image|audio|video|special|start|end|begin
             |next|first|last|think|thinking|prompt|input|output|new|boi|eoi|eot|fim|newline|force|forced
             |im|suppress|timestamp|language|vocab) _token $
    | (^|_) (cost|count|limit|budget|fields?|prefix|suffix|manager|management|policy|rotation
             |list|info|required|enabled|ttl|expiry|length|size|format|schema) (_|$)
    | (^|_) (cache|public|primary|foreign|sort|partition|index|group|idempotency|unique|own|known
             |extra|hot|label|tag|column|routing|sub) _keys? $
    | _ (ref|names?|file|path|dir|env|env_var|variable|alias|type|config) $  # where it is
    | ^ (authorization|((access|refresh)_)?token|auth|oauth) _ (url|uri|endpoint|servers) $
    | ^ custom_auth $                                                  # a dotted Python path
    | ^ credential_values $                                            # each by its own name
    | ^ (on_pass | hosted_keys | (hide|detect)_secrets? (_guard)?) $   # of policies; names of keys
"""
_SHAPES = r"""(?xs)
      (?<![\w-]) (?:
        sk-(?:proj|ant|or|svcacct|lf)-[\w-]{6,} | sk-(?=[\w-]*\d)[\w-]{16,}
      | gsk_\w{12,} | xai-\w{12,} | hf_[^\W_]{12,} | gh[pousr]_\w{16,} | github_pat_\w{16,}
      | AIza[\w-]{16,} | A[KS]IA[\dA-Z]{12,} | xox[abprs]-[\w-]{10,} | glpat-[\w-]{16,}
      | pplx-\w{16,} | r8_\w{16,} | nvapi-[\w-]{16,} | SG\.[\w-]{16,}\.[\w-]{16,}
      | fw_[A-Za-z\d]{20,} | csk-[A-Za-z\d]{20,} | tgp_v\d_[\w-]{16,} | dapi[\da-f]{32}
      | tvly-[\w-]{16,} | lsv2_[a-z]{2}_\w{16,} | [rs]k_(?:live|test)_\w{16,}
      | eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?
      )
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z ]*-----|\Z)
"""
_SHAPE_STARTS = ("sk-", "gsk_", "xai-", "hf_", "gh", "AIza", "AKIA", "ASIA", "xox", "glpat-",
                 "pplx-", "r8_", "nvapi-", "SG.", "fw_", "csk-", "tgp_v", "dapi", "tvly-", "lsv2_",
                 "sk_", "rk_", "eyJ", "-----BEGIN")  # fmt: skip
_PLACE = r"""(?x)  # where a secret is, not what it is
      [\w./~:\\-]+ \.(json|pem|key|p12|crt|txt)
    | /[\w./-]+/token                                  # as Kubernetes mounts it
    | oidc/\S+                                         # LiteLLM fetches the token there
    | (?i: bearer|basic|token|apikey) \ + os\.environ/[^\W\d]\w*
"""
_USERINFO = r"""(?x)
      (?<=://) [^\s/?#@:]{0,256} : (?! \d* ([/?#\s]|$)) \S{0,1024} @   # user:password
    | (?<=://) [^\s/?#@]{0,1024} @
"""
_QUERY = r"([?&;#]([\w.~-]+)=)([^&;\s#'\"]+)"
_KEYS_OF_QUERIES = r"(?i)key|code|sig|signature|sas|auth|pass|pwd"  # which are secret in a URL
_ASSIGNED = r"(?<![\w~-])([\w~-]+)['\"]?[:=](?!//)['\"]?(?=\S)"
_ASSIGNED_IN_KEY = r"(?<![\w~-])([\w~-]+)['\"]?\s*[:=]\s*(?=\S)"
_UNASSIGNED = r"\s*([\w~-]+)\s+(?=[^\s:=])"  # the colon is missing
_ASSIGNED_VALUE = r"(?xi) (?!\*\*\*) (?:(?:basic|bearer|token|apikey|key)\s+)? \S* [^\s'\"\])},;.]"
_WORD_BREAK = r"(?<=[a-z0-9])(?=[A-Z])|[-.\s]+|(?<=\w)[^\w\s]+(?=\w)"
_LINE_WORDS = r"[\w.-]+"
_NAME_LIKE = r"[\w@(*<$%{/.~][\w ./:@+*$%<>(){}\[\],='&#!?~-]{0,119}"

_SHORTEST = 4  # shorter values occur in too many words to be scrubbed from messages
_LONGEST = 500  # characters of a name that is looked at
_LONG_KEY = 12  # characters of a key that may be a secret
_SCHEMES = frozenset({"basic", "bearer", "token", "apikey", "key"})
_COMMON = (
    "api_key", "api_token", "access_token", "auth_token", "password", "passphrase", "credentials",
    "authorization", "secret", "client_secret", "secret_key", "private_key", "azure_ad_token",
    "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "vertex_credentials",
)  # fmt: skip

_SETS = (set, frozenset, PSet)
_LISTS = (list, tuple, PVector, deque)
_SHOWN_MODULES = ("datetime", "decimal", "fractions", "pathlib", "uuid")  # whose values are plain

_marked: set[str] = set()


def _snake(name: str) -> str:
    return re.sub(_WORD_BREAK, "_", name).lower()


def mark_secret(*names: str) -> None:
    """From now on, in this process, treat the values of keys with these names as secret too.

    >>> mark_secret("badge")
    >>> redact({"badge": "b-17"})
    {'badge': '***'}
    """
    _marked.update(_snake(name) for name in names)
    is_secret.cache_clear()


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Return whether a key with this name holds a secret; typos such as `api_kye` count too.

    >>> [name for name in ("api_key", "groq_key", "max_tokens", "x-api-key") if is_secret(name)]
    ['api_key', 'groq_key', 'x-api-key']
    """
    if len(name) > _LONGEST:  # longer than any name: hide the value to be safe
        return True
    snake = _snake(name)
    if snake in _marked:
        return True
    if re.search(_EXEMPT, snake):
        return False
    if re.search(_NAMES, snake):
        return True
    from difflib import get_close_matches  # 3 ms to import, and few names get here

    return bool(len(snake) > 4 and get_close_matches(snake, _COMMON, 1, 0.82))


def is_reference(value: str) -> bool:
    """Return whether a value is a reference to an environment variable, and nothing else.

    >>> is_reference("os.environ/OPENAI_API_KEY"), is_reference("os.environ/sk-proj-1")
    (True, False)
    """
    return value.startswith(REFERENCE) and value[len(REFERENCE) :].isidentifier()


def redact(value: Any, name: object = "") -> Any:
    """Copy a value into plain containers, with every secret in it hidden.

    References to the environment are not secret and are kept: they show what to set.

    >>> redact({"api_key": "sk-1", "api_base": "https://me:pw@host/v1", "temperature": 0})
    {'api_key': '***', 'api_base': 'https://***@host/v1', 'temperature': 0}
    >>> redact("os.environ/OPENAI_API_KEY", "api_key")
    'os.environ/OPENAI_API_KEY'
    """
    return _redact(value, name, isinstance(name, str) and is_secret(name))


def _redact(value: Any, name: object = "", secret: bool = False, *, listed: bool = False) -> Any:
    members = _members(value, name)
    if members is None:
        return _redact_single(value, secret, listed=listed)
    if isinstance(value, Mapping) or _is_named(value):
        return {
            _redact_key(key, secret, empty=item is None): _redact(item, key, secret or hidden)
            for key, item, hidden in members
        }
    items = [_redact(item, "", secret or hidden, listed=True) for _, item, hidden in members]
    return sorted(items, key=repr) if isinstance(value, _SETS) else items  # no hash seed shows


def _members(value: Any, name: object) -> Iterator[tuple[Any, Any, bool]] | None:
    """Yield each key or index of a container, its value, and whether the key says it is secret.

    What a JSON Schema defines is not: the property `password` of a tool holds no password.
    Anything but a container has no members: None.
    """
    value = value._asdict() if _is_named(value) else value
    if isinstance(value, Mapping):
        defined = name == "properties" and all(isinstance(v, Mapping) for v in value.values())
        return (
            (k, v, not defined and isinstance(k, str) and is_secret(k)) for k, v in value.items()
        )
    if not isinstance(value, (*_LISTS, *_SETS)):
        return None
    first = value[0] if isinstance(value, tuple) and len(value) == 2 else None
    secret = isinstance(first, str) and _is_compound(first)  # a header: ("X-Api-Key", "…")
    return ((index, item, index == 1 and secret) for index, item in enumerate(value))


def _redact_single(value: Any, secret: bool, *, listed: bool = False) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if secret:
            harmless = is_reference(value) or value.lower() in _NO_SECRETS
            return value if harmless or re.fullmatch(_PLACE, value) else HIDDEN
        if _holds_credentials(value):
            return HIDDEN
        # An item such as "api_key: sk-1" was meant as a mapping.
        return _redact_assigned(value) if listed else redact_text(value)
    if isinstance(value, bytes | bytearray):
        text = value.decode("latin-1")
        return HIDDEN if secret or redact_text(text) != text else value
    if isinstance(value, int | float | complex) or type(value).__module__ in _SHOWN_MODULES:
        return HIDDEN if secret else value
    name = getattr(value, "__qualname__", type(value).__qualname__)
    return f"<{name.strip('<>')}>"  # it may hold anything


def _redact_key(key: Any, secret: bool, *, empty: bool = False) -> Any:
    """Redact a key; below the name of a secret, it may be the secret itself: `{sk1}`."""
    if secret and isinstance(key, str) and (empty or len(key) >= _LONG_KEY):
        return HIDDEN if re.search(r"\d", key.replace("x509", "")) else redact_key(key)
    return redact_key(key) if isinstance(key, str) else key


def _is_named(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_asdict")


def _is_compound(name: str) -> bool:
    """Return whether a name is that of a secret, and no mere word such as `token`."""
    return "_" in _snake(name) and is_secret(name)


def _holds_credentials(text: str) -> bool:
    """Return whether a string is a JSON object with a secret in it."""
    items = (json_object(text) or {}).items()
    return any(
        _is_compound(key) and _redact_single(value, secret=True) == HIDDEN for key, value in items
    )


def json_object(text: str) -> dict[str, Any] | None:
    """Return the object that a string is the JSON of; None for any other string.

    >>> json_object('{"a": 1}'), json_object("{a}"), json_object("[1]")
    ({'a': 1}, None, None)
    """
    import json  # takes a while to import

    with suppress(ValueError, RecursionError):
        found = json.loads(text) if text.lstrip().startswith("{") else None
        return found if isinstance(found, dict) else None
    return None


def redact_text(text: str) -> str:
    """Hide user information and keys in URLs, `api_key:…`, and what looks like a key, in any text.

    >>> redact_text("cannot reach redis://:hunter2@host/0?token=abc&db=1")
    'cannot reach redis://***@host/0?token=***&db=1'
    >>> redact_text("api_key:sk-1, api_key: none, gsk_0123456789abcdef")
    'api_key:***, api_key: none, ***'
    """
    if any(start in text for start in _SHAPE_STARTS):
        text = re.sub(_SHAPES, HIDDEN, text)
    if ":" not in text and "=" not in text:
        return text
    if "://" in text:
        text = re.sub(_USERINFO, f"{HIDDEN}@", text)
        text = re.sub(_QUERY, lambda m: m[1] + (HIDDEN if _is_secret_part(m) else m[3]), text)
    parts, at = [], 0
    value = re.compile(_ASSIGNED_VALUE)
    for name in re.finditer(_ASSIGNED, text):
        found = value.match(text, name.end()) if name.start() >= at and is_secret(name[1]) else None
        # In a hint such as `export GROQ_API_KEY=…` there is no value to hide.
        if found and found[0] != "…" and _redact_single(found[0], secret=True) == HIDDEN:
            parts += [text[at : found.start()], HIDDEN]
            at = found.end()
    return "".join((*parts, text[at:]))


def _is_secret_part(part: re.Match[str]) -> bool:
    named = is_secret(part[2]) or re.fullmatch(_KEYS_OF_QUERIES, part[2]) is not None
    return named and not is_reference(part[3])


def redact_key(key: str) -> str:
    """Hide what follows the name of a secret in a key, as in a mapping that was quoted by mistake.

    >>> redact_key("api_key: sk-1 x"), redact_key("api_key: none"), redact_key("max_tokens: 5")
    ('api_key: ***', 'api_key: none', 'max_tokens: 5')
    >>> redact_key('api_key "sk-1"')
    'api_key ***'
    """
    first = re.match(_UNASSIGNED, key)
    if first and is_secret(first[1]):
        return f"{first[1]} {HIDDEN}"
    return _redact_assigned(key)


def _redact_assigned(text: str) -> str:
    for name in re.finditer(_ASSIGNED_IN_KEY, text) if ":" in text or "=" in text else ():
        value = text[name.end() :].strip("\"'")
        if is_secret(name[1]) and _redact_single(value, secret=True) == HIDDEN:
            return redact_text(text[: name.end()]) + HIDDEN
    return redact_text(text)


def redact_path(path: Iterable[str | int]) -> tuple[str | int, ...]:
    """Redact each key of a path.

    >>> redact_path(("models", 0, "api_key: sk-1"))
    ('models', 0, 'api_key: ***')
    """
    steps: list[str | int] = []
    secret = False
    for step in path:
        steps.append(_redact_key(step, secret))
        secret = secret or (isinstance(step, str) and is_secret(step))
    return tuple(steps)


def mentions_secret(line: str) -> bool:
    """Return whether a line of a file mentions the name of a secret, or holds one by its shape.

    >>> mentions_secret('  "api_key": "x"'), mentions_secret("temperature: 0")
    (True, False)
    """
    return redact_text(line) != line or any(map(is_secret, re.findall(_LINE_WORDS, line)))


def printable(text: str) -> str:
    r"""Replace control characters, which could manipulate a terminal; line breaks are kept.

    >>> printable("a\x1b[2Jb\n")
    'a�[2Jb\n'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def quote_name(value: Any) -> str:
    """Quote a name for a message, redacted; describe anything else by its type.

    >>> quote_name("gpt-4o"), quote_name({"api_key": "sk-1"})
    ("'gpt-4o'", 'a dict')
    """
    if isinstance(value, str):
        shown = printable(redact_key(str.__str__(value)))
        return repr(shown) if not shown or re.fullmatch(_NAME_LIKE, shown) else "this string"
    return type_name(value)


def type_name(value: Any) -> str:
    """Return the name of a value's type, with an article.

    >>> type_name(1), type_name({})
    ('an int', 'a dict')
    """
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def display_name(model: Mapping[str, Any]) -> str:
    """Return the name under which a model is shown: its `name`, or else its `model`.

    >>> display_name({"name": "fast", "model": "gpt-4o"}), display_name({"model": "gpt-4o"})
    ('fast', 'gpt-4o')
    """
    names = (model.get(key) for key in ("name", "model"))
    return next((printable(redact_text(n)) for n in names if isinstance(n, str) and n.strip()), "")


def literal_secrets(value: Any, name: object = "") -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each value or key that holds a secret itself, not a reference to one.

    >>> list(literal_secrets({"api_key": "sk-1", "a": ["https://me:pw@host"], "token": None}))
    [('api_key',), ('a', 0)]
    """
    return _find_literals(value, name, isinstance(name, str) and is_secret(name))


def _find_literals(
    value: Any, name: object, secret: bool, *, listed: bool = False
) -> Iterator[tuple[str | int, ...]]:
    members = _members(value, name)
    if members is None:
        shown = _redact_single(value, secret, listed=listed)
        if (shown is HIDDEN or isinstance(value, str)) and value not in ("", shown):
            yield ()
        return
    listed = not (isinstance(value, Mapping) or _is_named(value))
    for key, item, hidden in members:
        if not listed and _redact_key(key, secret, empty=item is None) != key:
            yield (key,)
        inside = _find_literals(item, key, secret or hidden, listed=listed)
        yield from ((key, *path) for path in inside)


def secret_values(value: Any, *, min_length: int = 1) -> frozenset[str]:
    """Collect the secrets in a configuration, to `scrub` them from other messages.

    >>> sorted(secret_values({"api_key": "sk-1", "headers": {"X-Api-Key": "blue"}, "model": "m"}))
    ['blue', 'sk-1']
    """
    return frozenset(secret for secret in _secrets(value, False) if len(secret) >= min_length)


def _secrets(value: Any, secret: bool, name: object = "") -> Iterator[str]:
    for key, item, hidden in _members(value, name) or ():
        yield from _secrets(item, secret or hidden, key)
    if isinstance(value, str):
        hidden = _redact_single(value, secret) == HIDDEN if secret else _holds_credentials(value)
        if hidden:
            yield from (value, *_parts(value))
        if "://" in value:
            for match in re.finditer(_USERINFO, value):
                user, _, password = match[0].removesuffix("@").partition(":")
                yield password or user
            yield from (m[3] for m in re.finditer(_QUERY, value) if _is_secret_part(m))
        yield from (m[0] for m in re.finditer(_SHAPES, value))
    elif secret and isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _parts(secret: str) -> Iterator[str]:
    """Yield what may appear without the rest: a token without its scheme, a key out of JSON."""
    scheme, _, token = secret.strip().partition(" ")
    if scheme.lower() in _SCHEMES:
        yield token.strip()
    yield from _secrets(json_object(secret), False)


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Hide known secrets, however they are quoted, and what `redact_text` hides.

    >>> scrub("Incorrect API key provided: sk-1", {"sk-1"})
    'Incorrect API key provided: ***'
    """
    forms = {form for secret in secrets for form in _quoted(secret) if len(form) >= _SHORTEST}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return redact_text(text)


def _quoted(secret: str) -> Iterator[str]:
    import json  # like urllib: only messages of others need it
    from urllib.parse import quote, unquote

    yield from (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1])
    yield from (unquote(secret), quote(secret, "", errors="replace"))
