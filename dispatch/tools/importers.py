"""Convert the configurations of other programs.

Each format has a table that maps the path of a model's field to a key. Fields without an equivalent
are reported at their location.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from dispatch.config.environment import foreign_reference
from dispatch.config.files import decode, merge, parse
from dispatch.config.positions import File
from dispatch.config.yaml import read_yaml
from dispatch.errors import ConfigError, Fault, FileError, Position, SecretError, Step
from dispatch.immutable import LISTS, FrozenMap, Origin, Source, freeze, locate, with_origin
from dispatch.litellm.catalog import read_catalog
from dispatch.litellm.keys import is_known
from dispatch.litellm.proxy_file import find_proxy_faults, from_litellm, is_proxy_file
from dispatch.litellm.tables import rows
from dispatch.redaction import REFERENCE, literal_secrets, quote_name
from dispatch.roles import CHATCOMPLETIONS
from dispatch.suggestions import describe_type

__all__ = ["AIDER", "AUTOGEN", "CONTINUE", "PROXY_FILE", "Imported", "detect", "import_config",
           "read_foreign"]  # fmt: skip

PROXY_FILE = "the configuration of a LiteLLM proxy"
CONTINUE = "a config.yaml of Continue"
AIDER = "a .aider.model.settings.yml of aider"
AUTOGEN = "an OAI_CONFIG_LIST of AutoGen"

Read = tuple[list["_Model"], dict[str, Any]]

_REQUIRED = {CONTINUE: ("provider", "model"), AIDER: ("name",), AUTOGEN: ("model",)}
_LEFT_OUT = "has no equivalent: left out"
_OWN = ("defaults", "own_keys", "roles")

_TABLES = {
    name: {row[0]: row[-1] for row in rows(name, Path(__file__).with_suffix(""))}
    for name in ("continue", "aider", "autogen", "providers", "capabilities")
}
_NO_CHAT = frozenset({"autocomplete", "embed", "rerank"})
_CALLS = {
    "embed": {"calls": "litellm.embedding", "needs": {"mode": "embedding"}},
    "rerank": {"calls": "litellm.rerank", "needs": {"mode": "rerank"}},
}


class Imported(NamedTuple):
    """A converted configuration, its original format, and what could not be converted."""

    tree: FrozenMap[str, Any]
    format: str
    left_out: tuple[Fault, ...]


def detect(data: Any) -> str | None:
    """Return the format of a configuration if `import_config` can convert it.

    >>> detect([{"model": "gpt-4", "api_key": "sk-1", "tags": ["strong"]}])
    'an OAI_CONFIG_LIST of AutoGen'
    >>> detect({"models": [{"model": "gpt-4o"}]})
    """
    is_map = isinstance(data, Mapping)
    if is_map and is_proxy_file(data):
        return PROXY_FILE
    entries: Any = data
    if is_map:
        entries = None if any(key in data for key in _OWN) else data.get("models")
    listed = [*entries] if isinstance(entries, LISTS) else []
    found = [entry for entry in listed if isinstance(entry, Mapping)]
    if is_map:
        theirs = ["uses" in e or isinstance(e.get("provider"), str) for e in found]
        whole = all(theirs) and len(found) == len(listed)
        return CONTINUE if any(theirs) and (whole or "schema" in data) else None
    known = set[Any]().union(*found)
    if "model" in known:
        return None if {"name", "roles"} & known else AUTOGEN
    return AIDER if "name" in known else None


def read_foreign(path: Path) -> tuple[Any, File]:
    """Read a file whose root may be a list: YAML by its suffix, JSON with any other or none.

    Raises `FileError`.
    """
    problem = "" if path.is_file() else "is not a file"
    try:
        content = b"" if problem else path.read_bytes()
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    if problem:
        raise FileError([Fault((), problem, code="unreadable", position=Position(str(path)))])
    is_yaml = path.suffix.lower() in (".yaml", ".yml")
    file = decode(str(path), content, "yaml" if is_yaml else "json")
    try:
        return parse(file), file
    except FileError as error:
        if [fault.code for fault in error.faults] != ["no-mapping"]:
            raise
    return read_yaml(file.text)[0] if is_yaml else json.loads(file.text), file


def import_config(
    data: Any, source: Source | None = None, *, allow_literal_secrets: bool = False
) -> Imported:
    """Convert the configuration of another program, and report what could not be converted.

    >>> models = [{"name": "a", "provider": "openai", "model": "o3", "topK": 1, "roles": ["chat"]}]
    >>> imported = import_config({"schema": "v1", "models": models})
    >>> imported.tree["models"][0]
    FrozenMap({'name': 'a', 'model': 'openai/o3', 'roles': ['chatcompletions']})
    >>> print(imported.left_out[0])
    models[0].topK: has no equivalent: left out

    Raises `ConfigError` for an unknown format, and `SecretError` for a literal secret unless
    `allow_literal_secrets`.
    """
    origin = Origin((), source)
    found = detect(data)
    if found is None:
        message = f"is {describe_type(data)} of no known format"
        hint = f"known: {', '.join((PROXY_FILE, *_READERS))}"
        raise ConfigError([origin.locate(Fault((), message, hint, "unknown-format"))])
    left_out: list[Fault] = []
    if found == PROXY_FILE:
        original = with_origin(freeze(data), origin)
        tree = from_litellm(original)
        unread = ("unread-section", "unknown-key")
        left_out += (fault for fault in find_proxy_faults(original) if fault.code in unread)
    else:
        models, sections = _READERS[found](data, left_out)
        made = [
            with_origin(freeze(model.values), origin._replace(path=model.path, moved=model.moved))
            for model in models
        ]
        tree = FrozenMap.of({"models": freeze(made), **freeze(sections)})
    message = "a literal secret would be written to a file"
    hint = f"write {REFERENCE}NAME, or allow it: --allow-literal-secrets"
    secrets = [
        locate(Fault(path, message, hint, "literal-secret"), holder)
        for holder in (*tree["models"], with_origin(freeze(tree.discard("models")), origin))
        for path in literal_secrets(holder)
    ]
    if secrets and not allow_literal_secrets:
        raise SecretError(secrets)
    placed = (fault if fault.position else origin.locate(fault) for fault in left_out)
    return Imported(tree, found, tuple(fault.as_warning() for fault in placed))


def _entries(
    listed: Any, above: tuple[Step, ...], of: str, faults: list[Fault]
) -> Iterator[tuple[int, Any]]:
    """Yield the entries of a list that can be converted, and report the others."""
    for index, entry in enumerate(listed):
        given = entry if isinstance(entry, Mapping) else {}
        lacks = [key for key in _REQUIRED[of] if not isinstance(given.get(key), str)]
        if not lacks or "uses" in given or (lacks == ["model"] and given.get("env")):
            yield index, entry
        else:
            hint = f"it needs {' and '.join(lacks)}"
            faults.append(Fault((*above, index), "is not a model: left out", hint, "left-out"))


class _Model:
    """A model being converted: its values, their locations, and the fields not yet mapped."""

    def __init__(
        self, entry: Mapping[str, Any], path: tuple[Step, ...], table: str, faults: list[Fault]
    ) -> None:
        self.path, self.fields, self.faults = path, _TABLES[table], faults
        self.values: dict[str, Any] = {}
        self.moved: dict[str, tuple[Step, ...]] = {}
        self.rest: dict[str, Any] = {}
        self.read(entry)

    def read(self, entry: Mapping[str, Any], above: str = "") -> None:
        for key, value in entry.items():
            path = f"{above}{key}"
            target = self.fields.get(path)
            if target == "*" and isinstance(value, Mapping):
                for name, item in value.items():
                    self.put(str(name), item, f"{path}.{name}")
            elif target and target != "*":
                self.put(target, value, path)
            elif isinstance(value, Mapping) and any(f.startswith(f"{path}.") for f in self.fields):
                self.read(value, f"{path}.")
            else:
                self.rest[path] = value

    def put(self, key: str, value: Any, path: str) -> None:
        value = self.resolve(value, path)
        if value == "":
            self.report(path, "is empty: left out")
        elif value is not None:
            self.values[key] = value
            self.moved[key] = (*self.path, *path.split("."))

    def resolve(self, value: Any, path: str) -> Any:
        """Convert references to LiteLLM's form; strings that only contain one are left out."""
        if isinstance(value, Mapping):
            items = {key: self.resolve(item, f"{path}.{key}") for key, item in value.items()}
            return {key: item for key, item in items.items() if item is not None}
        variable = foreign_reference(value) if isinstance(value, str) else None
        if variable is None and isinstance(value, str) and "${{" in value:
            self.report(path, "is not expanded: left out", "put the whole value into a variable")
            return None
        if isinstance(value, date):  # YAML reads an API version as a date
            return value.isoformat()
        return REFERENCE + variable if variable else value

    def report(self, path: str, message: str, hint: str = "") -> None:
        steps = path.split(".") if path else ()
        self.faults.append(Fault((*self.path, *steps), message, hint, "left-out"))

    def finish(self, provider: Any = None) -> _Model:
        """Put the provider before the model's name, and report unmapped fields."""
        if isinstance(provider, str) and "model" in self.values:
            endpoint = "api_base" in self.values
            prefix = _TABLES["providers"].get(provider, provider)
            catalog = read_catalog()
            if catalog is not None and prefix not in catalog.providers:
                prefix = "openai" if endpoint else prefix
                hint = "written as openai/…, as most endpoints speak OpenAI's API"
                hint = hint if endpoint else "write the model as LiteLLM names it"
                self.report("model", f"LiteLLM has no provider {quote_name(provider)}", hint)
            self.values["model"] = f"{prefix}/{self.values['model']}"
        for path, value in self.rest.items():
            if value not in (None, [], {}):
                self.report(path, _LEFT_OUT)
        return self


def _read_continue(data: Mapping[str, Any], faults: list[Fault]) -> Read:
    known = ("name", "version", "schema", "models")
    faults += (Fault((key,), _LEFT_OUT, code="left-out") for key in data if key not in known)
    models: list[_Model] = []
    played: dict[str, None] = {}
    for index, entry in _entries(data["models"], ("models",), CONTINUE, faults):
        model = _Model(entry, ("models", index), "continue", faults)
        rest, values = model.rest, model.values
        if "uses" in rest:
            model.report("", "is a block of Continue's hub, which is not read: left out")
            continue
        provider = rest.pop("provider")
        values |= {"model": rest.pop("env.deployment", values.get("model"))}
        rest.pop("env.apiType", None)  # which of Azure's two APIs; the endpoint shows it, too
        if region := rest.pop("env.region", None):
            values["vertex_location" if provider == "vertexai" else "aws_region_name"] = region
        info: dict[str, Any] = {}
        if length := rest.pop("defaultCompletionOptions.contextLength", None):
            ollama = provider == "ollama"
            (values if ollama else info)["num_ctx" if ollama else "max_input_tokens"] = length
        if rest.pop("defaultCompletionOptions.reasoning", None):
            budget = rest.pop("defaultCompletionOptions.reasoningBudgetTokens", 2048)
            values["thinking"] = {"type": "enabled", "budget_tokens": budget}
        for name in _names(rest.pop("capabilities", None)):
            if name in _TABLES["capabilities"]:
                info[_TABLES["capabilities"][name]] = True
            else:
                model.report("capabilities", f"{quote_name(name)} {_LEFT_OUT}")
        values |= {"model_info": info} if info else {}
        if values["model"] == "AUTODETECT":
            model.report("model", "asks the server for its models", "name one of them")
        roles = _names(rest.pop("roles", None)) or ["chat", "edit", "apply", "summarize"]
        if provider == "ollama" and not _NO_CHAT.issuperset(roles):
            provider = "ollama_chat"
        prompt = {"system_prompt": values.pop("system_prompt", None)}
        chat = {CHATCOMPLETIONS: prompt} if prompt["system_prompt"] else CHATCOMPLETIONS
        values["roles"] = [chat if role == "chat" else role for role in roles]
        played |= dict.fromkeys(role for role in roles if role != "chat")
        models.append(model.finish(provider))
    for model in models:
        if model.values.get("name") in (CHATCOMPLETIONS, *played):
            model.report("name", "is also the name of a role: left out")
            del model.values["name"]
    sections = {f"x-{key}": data[key] for key in ("name", "version") if key in data}
    declared = {role: _CALLS.get(role) for role in played}
    return models, {**({"roles": declared} if declared else {}), **sections}


def _names(value: Any) -> list[str]:
    return [str(name) for name in (value if isinstance(value, LISTS) else [value]) if name]


def _read_aider(data: list[dict[str, Any]], faults: list[Fault]) -> Read:
    """Read aider's settings; keys that only aider itself uses become own keys."""
    models: list[_Model] = []
    always: dict[str, Any] = {}
    for index, entry in _entries(data, (), AIDER, faults):
        model = _Model(entry, (index,), "aider", faults).finish()
        if model.values.pop("model", None) == "aider/extra_params":
            always = model.values
            continue
        heat = model.values.get("use_temperature")
        if isinstance(heat, int | float) and not isinstance(heat, bool):
            model.values["temperature"] = model.values.pop("use_temperature")
        model.values = {"model": entry["name"], **model.values}
        models.append(model)
    for model in models:
        model.values = merge(model.values, always)  # these override the model's in aider too
    own = [
        key
        for key, here in _TABLES["aider"].items()
        if key == here and any(key in model.values for model in models)
    ]
    return models, {"own_keys": own} if own else {}


def _read_autogen(data: list[dict[str, Any]], faults: list[Fault]) -> Read:
    models: list[_Model] = []
    for index, entry in _entries(data, (), AUTOGEN, faults):
        model = _Model(entry, (index,), "autogen", faults)
        kind = model.rest.pop("api_type", None)
        price = model.rest.get("price")
        if isinstance(price, list) and [isinstance(p, int | float) for p in price] == [True] * 2:
            costs = (round(each / 1000, 15) for each in model.rest.pop("price"))
            keys = ("input_cost_per_token", "output_cost_per_token")
            model.values |= zip(keys, costs, strict=True)
        for key in [key for key in model.rest if key != "stream" and is_known(key)]:
            model.put(key, model.rest.pop(key), key)
        kind = kind or ("openai" if "api_base" in model.values else None)
        models.append(model.finish("ollama_chat" if kind == "ollama" else kind))
    tagged = any("tags" in model.values for model in models)
    return models, {"own_keys": ["tags"]} if tagged else {}


_READERS: Mapping[str, Callable[[Any, list[Fault]], Read]] = {
    CONTINUE: _read_continue,
    AIDER: _read_aider,
    AUTOGEN: _read_autogen,
}
