"""Role groups as the configuration of a LiteLLM proxy: the same file for one machine or many.

Each role is a model name that any OpenAI client can call. Several proxies that share one Redis
share their rate limits and their knowledge of which model is failing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from dispatch.environment import find_unresolvable, references
from dispatch.errors import ConfigError, Fault, SecretError, Step
from dispatch.llm.deployments import Groups, name_prompts, of_model, sound_deployments
from dispatch.llm.settings import find_dead_fallbacks
from dispatch.secrets import REFERENCE, literal_secrets
from dispatch.stages import Model

__all__ = ["SECTIONS", "proxy_config", "to_yaml", "variables"]

MASTER_KEY = "LITELLM_MASTER_KEY"
SECTIONS = ("router_settings", "litellm_settings", "general_settings")
"""The sections of a configuration, beside `models`, that are the proxy's own."""


def proxy_config(
    groups: Groups,
    sections: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    allow_literal_secrets: bool = False,
) -> dict[str, Any]:
    """Return the configuration of a proxy that answers for each role.

    References to the environment stay: each machine resolves them when its proxy starts.
    `sections` are settings of the proxy's own, by the names in `SECTIONS`. The master key, which
    clients show to the proxy, is a reference too unless they name another.

    >>> from dispatch import dispatch
    >>> made = proxy_config(dispatch([{"model": "gpt-4o", "api_key": "os.environ/OPENAI_API_KEY"}]))
    >>> made["model_list"][0]["litellm_params"]["api_key"], made["general_settings"]
    ('os.environ/OPENAI_API_KEY', {'master_key': 'os.environ/LITELLM_MASTER_KEY'})

    Raises what `model_list` raises; `SecretError` for a secret that is no reference, unless
    `allow_literal_secrets`; `ConfigError` for a dead fallback, for a reference in a list, which
    the proxy would not resolve, for `${NAME}`, which it would send as it is, and where no model
    plays any role.
    """
    deployments = sound_deployments(groups)
    written = {name: dict(section) for name, section in (sections or {}).items() if section}
    general = {"master_key": REFERENCE + MASTER_KEY, **written.pop("general_settings", {})}
    config = {"model_list": deployments, **written, "general_settings": general}
    if not deployments:
        raise ConfigError([Fault(("models",), "no model plays any role", code="no-model")])
    faults = [
        *find_dead_fallbacks(written.get("router_settings", {}), deployments),
        *_placed(_find_listed_references(config), groups),
        *_placed(_find_wrong_references(config), groups),
    ]
    if faults:
        raise ConfigError(faults)
    literal = () if allow_literal_secrets else _placed(_find_literal_secrets(config), groups)
    if literal:
        raise SecretError(literal)
    name_prompts(deployments)
    return config


def _find_listed_references(config: Mapping[str, Any]) -> Iterator[Fault]:
    for path, name in references(config):
        if isinstance(path[-1], int):
            message = f"the proxy would not resolve os.environ/{name} in a list"
            hint = "it resolves values of mappings alone"
            yield Fault(path, message, hint, "listed-reference")


def _find_wrong_references(config: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what no proxy would ever expand; what is unset here may be set where it runs."""
    return (fault for fault in find_unresolvable(config) if fault.severity == "error")


def _find_literal_secrets(config: Mapping[str, Any]) -> Iterator[Fault]:
    hint = f"write {REFERENCE}NAME, or allow it: --allow-literal-secrets"
    for path in literal_secrets(config):
        yield Fault(path, "a literal secret would be written to a file", hint, "literal-secret")


def _placed(faults: Iterable[Fault], groups: Groups) -> list[Fault]:
    """Say of faults in `model_list` where in the models that the user wrote each is."""
    models = [model for each in groups.values() for model in each]
    # A model has a copy in each of its roles, with the same faults.
    return list(dict.fromkeys(_of_user(fault, models) for fault in faults))


def _of_user(fault: Fault, models: Sequence[Model]) -> Fault:
    match fault.path:
        case "model_list", int(index), part, *rest:
            model = models[index]
            path = tuple(rest) if part == "litellm_params" else (part, *rest)
            (placed,) = of_model([fault._replace(path=path)], model)
            return placed
        case _:
            return fault


def variables(config: Mapping[str, Any]) -> list[str]:
    """Return the environment variables that a proxy with this configuration needs, once each.

    >>> variables({"a": {"api_key": "os.environ/B"}, "c": "os.environ/A"})
    ['A', 'B']
    """
    return sorted({name for _, name in references(config)})


def to_yaml(config: Mapping[str, Any], header: Iterable[str] = ()) -> str:
    """Write a configuration as YAML, under a header of comments.

    >>> print(to_yaml({"model_list": []}, ["A proxy of nobody."]))
    # A proxy of nobody.
    model_list: []
    <BLANKLINE>

    Raises `ConfigError` for a value that YAML has no form for, such as a function.
    """
    import yaml

    faults = list(_find_unwritable(config))
    if faults:
        raise ConfigError(faults)
    comments = "".join(f"# {_printable(line)}".rstrip() + "\n" for line in header)
    return comments + yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=100)


def _printable(line: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in line)


def _find_unwritable(value: Any, path: tuple[Step, ...] = ()) -> Iterator[Fault]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _find_unwritable(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _find_unwritable(item, (*path, index))
    elif value is not None and not isinstance(value, str | int | float | bytes | date):
        message = f"a {type(value).__name__} cannot be written as YAML"
        yield Fault(path, message, code="no-yaml")
