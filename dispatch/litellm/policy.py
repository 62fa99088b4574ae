"""What a call of LiteLLM needs beyond the signature of its functions.

The policy holds back the program's own keys, resolves references to the environment, rejects
values that make a call impossible, and reports keys that look misspelled. LiteLLM passes on what it
does not know to the provider, so an unknown key is not an error.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from itertools import islice
from typing import Any

from dispatch.config.arguments import Finish, Locate, Node, Policy, report
from dispatch.config.environment import resolve, unresolved_items
from dispatch.config.signatures import Parameters, read_parameters
from dispatch.errors import Fault
from dispatch.immutable import SCALARS, leaves
from dispatch.litellm.endpoints import ENDPOINTS, find_credential_leak
from dispatch.litellm.keys import VALUE_TYPES, is_known, known_keys
from dispatch.litellm.tables import table
from dispatch.redaction import is_reference, is_secret, mark_secret
from dispatch.roles import CHATCOMPLETIONS, POSTCOMPLETIONS
from dispatch.suggestions import KINDS, describe_type, nearest

__all__ = ["RESERVED_KEYS", "LiteLLMPolicy", "PlainPolicy", "find_misspelt", "find_value_faults",
           "hide_misspelt_secrets", "is_litellm"]  # fmt: skip

RESERVED_KEYS = frozenset(
    {"name", "roles", "system_prompt", "enabled", "order", "weight", "model_info"}
)
"""Keys of a model that the program, or LiteLLM's Router, reads: no provider receives them."""

_ROUTED = (
    ("order", "integer", "the models of order 1 answer first"),
    ("weight", "number", "models of one order share the load by it"),
)
_OF_OTHERS = {"models", "model_list", "defaults"}
_MAY_BE_EMPTY = ("name", "api_version", "custom_llm_provider", "organization", "system_prompt")
_MOST_UNKNOWN = 200  # keys to look up the nearest known key for, 2 ms each
_NO_SECRETS = RESERVED_KEYS.union((CHATCOMPLETIONS, POSTCOMPLETIONS))  # not compared
_STRINGS = ENDPOINTS.union(_MAY_BE_EMPTY)
_CUTOFF = 0.82  # `max_token` matches `max_tokens`; `top_n`, which a provider may accept, nothing
_CUTOFF_RESERVED = 0.8  # `rolse` matches `roles`, whose absence changes the meaning
_SHORTEST = 4  # shorter names match too much, such as `top` and `stop`
_MOST_LOOKUPS = 200  # of unknown names, 1 to 2 ms each


class LiteLLMPolicy(Policy):
    """The policy for role groups and LiteLLM's own callables; `own_keys` are held back too.

    >>> from dispatch.immutable import freeze
    >>> model = freeze({"name": "a", "model": "gpt-4o", "temprature": 0})
    >>> print(*LiteLLMPolicy().find_faults(model, model, Parameters({}, True)))
    temprature: unknown key; did you mean 'temperature'?
    """

    def __init__(self, own_keys: Collection[str] = ()) -> None:
        self.reserved = RESERVED_KEYS.union(own_keys)

    def signed(self, target: Any) -> Any:
        # LiteLLM's `aembedding` has only `*args, **kwargs`; its `embedding` has parameters.
        if is_litellm(target) and read_parameters(target) == Parameters({}, True):
            twin = getattr(sys.modules["litellm"], target.__name__.removeprefix("a"), None)
            return target if twin is None else twin
        return target

    def find_faults(
        self, node: Node, values: Mapping[str, Any], parameters: Parameters
    ) -> Iterator[Fault]:
        yield from find_value_faults(values)
        named = self.reserved.union(parameters.defaults)
        # A callable without **kwargs cannot mean one of LiteLLM's keys.
        meant = None if parameters.has_var_keyword else parameters.defaults
        yield from find_misspelt(node, named, meant=meant)

    def select(
        self,
        values: Mapping[str, Any],
        named: Collection[str],  # noqa: ARG002
    ) -> Mapping[str, Any]:
        """Return the values whose references are resolved, here all of them."""
        return values

    def finisher(
        self, values: Mapping[str, Any], parameters: Parameters, locate: Locate, strict: bool
    ) -> Finish:
        unresolved = unresolved_items(self.select(values, parameters.defaults), VALUE_TYPES)

        def finish(kwargs: dict[str, Any]) -> None:
            if unresolved:
                kwargs.update(resolve(unresolved, types=VALUE_TYPES, locate=locate))
            if leak := find_credential_leak(kwargs):
                report([locate(leak)], strict=strict)

        return finish


class PlainPolicy(LiteLLMPolicy):
    """The policy for LiteLLM's callables if the node may be a whole configuration.

    Its models and sections are for other calls, so references in them stay references.
    """

    def select(self, values: Mapping[str, Any], named: Collection[str]) -> Mapping[str, Any]:
        """Return the values whose references are resolved, here those of this call."""
        named = {*named} - {"model_list"} if "model" in named else named
        others = _OF_OTHERS | table("sections", "settings").keys()
        return {
            key: value
            for key, value in values.items()
            if type(value) in SCALARS
            or key in named
            or (key not in others and ("model" in values or is_known(key)))
        }


def is_litellm(target: Any) -> bool:
    """Return whether a callable is LiteLLM's own; if so, LiteLLM is loaded already.

    >>> is_litellm(print)
    False
    """
    while isinstance(target, partial):
        target = target.func
    module = str(getattr(target, "__module__", ""))
    return module.partition(".")[0] == "litellm" and "litellm" in sys.modules


def find_misspelt(
    model: Iterable[str],
    named: Collection[str] = (),
    *,
    meant: Collection[str] | None = None,
    seen: set[str] | None = None,
) -> Iterator[Fault]:
    """Yield a warning for each unknown key of a model that is similar to a known one.

    `named` are known keys in addition to LiteLLM's; `meant`, if given, are the only suggestions.
    `seen` is shared by the models of a configuration, so that only the first 200 unknown keys are
    looked up.

    >>> [str(fault) for fault in find_misspelt(["temprature", "top_k"])]
    ["temprature: unknown key; did you mean 'temperature'?"]
    """
    reserved = RESERVED_KEYS.union(named)
    keys = [key for key in model if isinstance(key, str) and key not in reserved]
    unknown = [key for key in keys if not is_known(key)]
    if not unknown:
        return
    present = set(model)
    if isinstance(model, Mapping) and model.get("roles") == {CHATCOMPLETIONS: None}:
        present.discard("roles")  # the result of `normalize_roles` if the user wrote none
    names = (reserved | known_keys()) if meant is None else frozenset(meant)
    seen = set() if seen is None else seen
    for key in unknown:
        if len(seen) < _MOST_LOOKUPS:
            seen.add(key)
        for near in _nearest(key, names) if key in seen and len(key) >= _SHORTEST else ():
            # Do not suggest a secret key for one whose value is not hidden.
            if near not in present and (is_secret(key) or not is_secret(near)):
                hint = f"did you mean {near!r}?"
                yield Fault((key,), "unknown key", hint, "unknown-key", "warning")
                break


@lru_cache(maxsize=1024)
def _nearest(key: str, names: frozenset[str]) -> list[str]:
    from difflib import get_close_matches  # 3 ms to import, only for unknown keys

    known = {name.casefold(): name for name in sorted(names)}
    near = get_close_matches(key.casefold(), sorted(RESERVED_KEYS & names), 1, _CUTOFF_RESERVED)
    near += get_close_matches(key.casefold(), known, 5, _CUTOFF)
    return [known[name] for name in near]


def find_value_faults(model: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault for each value of a model that makes a call impossible.

    These are empty secrets and endpoints, which LiteLLM ignores in favor of a key from the
    environment that may not be the intended one; numbers that must be strings; and values of the
    wrong type for the Router.

    >>> for fault in find_value_faults({"model": "openai/m", "api_key": "", "api_base": 5}):
    ...     print(fault)
    api_key: is empty; write os.environ/NAME, or api_key: none
    api_base: expected a string, found a number; quote it
    """
    for key, kind, hint in _ROUTED:
        value = model.get(key)
        expected, types = KINDS[kind]
        absent = value is None or (isinstance(value, str) and is_reference(value))
        if not absent and type(value) not in types:
            found = "a fraction" if isinstance(value, float) else describe_type(value)
            yield Fault((key,), f"expected {expected}, found {found}", hint, "wrong-value")
    for key in ("headers", "extra_headers"):
        headers = model.get(key)
        for name, item in headers.items() if isinstance(headers, Mapping) else ():
            if isinstance(name, str) and is_secret(name) and _is_empty(item):
                yield Fault((key, name), "is empty", "leave it out", "empty-secret")
    for key, value in model.items():
        if not isinstance(key, str) or not (key in _STRINGS or (is_secret(key) and is_known(key))):
            continue
        number = isinstance(value, int | float) and (key in _STRINGS or not isinstance(value, bool))
        if number or type(value).__name__ in ("date", "datetime"):
            message = f"expected a string, found {describe_type(value)}"
            yield Fault((key,), message, "quote it", "wrong-string")
        elif value is None and key != "api_key":
            continue  # LiteLLM treats it as no key
        elif _is_empty(value) and key not in _MAY_BE_EMPTY:
            hint = "name an endpoint" if key in ENDPOINTS else "write os.environ/NAME"
            hint += ", or api_key: none" if key == "api_key" else ", or leave the key out"
            yield Fault((key,), "is empty", hint, "empty-secret")


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def hide_misspelt_secrets(tree: Mapping[str, Any]) -> None:
    """Mark keys as secret that are probably misspelled names of LiteLLM's secrets."""
    sections = [tree.get(name) for name in ("models", "model_list", "defaults")]
    steps = dict.fromkeys(step for path, _ in leaves(sections) for step in path)
    keys = (step for step in steps if isinstance(step, str) and step not in _NO_SECRETS)
    unknown = islice((key for key in keys if not is_known(key)), _MOST_UNKNOWN)
    near = {key: _near_known(key) for key in unknown if not is_secret(key)}
    if secret := [key for key, name in near.items() if name and is_secret(name)]:
        mark_secret(*secret)


@lru_cache(maxsize=1024)  # a command checks its keys twice, 1 to 2 ms each
def _near_known(key: str) -> str | None:
    return nearest(key, known_keys(), 0.8)
