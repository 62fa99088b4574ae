"""What each tool finds of the faults that people make: `python -m benchmarks faults [--misses]`.

The corpus is the tables of the tests: broken.yaml and suspect.yaml, each row with one fault and its
place, and good.yaml, of which nothing is to be reported. A fault counts as found by this package if
it is reported in the words of the table; by another tool if it says anything that it does not say
of a clean file, be it an exception or a warning in its log. It counts as found with its line if the
line is named.

The peers run as they are, each file in a fresh fork of a process that has imported them. They read
other formats, so each file is rewritten for them, key by key, whatever is wrong with it; what no
YAML parser reads goes to them as it is. Faults in roles and tasks, which only this package has, are
put to check-jsonschema alone of the others, as it gets our own schemas; files of LiteLLM's proxy to
it and to LiteLLM.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import importlib
import json
import logging
import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, TemporaryFile
from time import perf_counter
from typing import Any, NamedTuple

import yaml

from dispatch import Contract, Role, check, thaw
from dispatch.errors import ConfigError
from dispatch.litellm.keys import KEY_KINDS, known_keys
from dispatch.loading import read_tree
from dispatch.roles import DEFAULT_CONTRACT
from dispatch.sections import OWN_SECTIONS
from dispatch.tools.schema import proxy_schema, schema

__all__ = ["TOOLS", "Row", "Tool", "Verdict", "ask", "corpus", "judge", "main", "variables_of"]

TESTS = Path(__file__).parents[1] / "tests"
TODAY = datetime.date(2026, 6, 1)  # as in the tests: models end from day to day
LONGEST = 30  # seconds: a tool that takes longer over a file says nothing
HEAD = ("tool", "found", "with the line", "false alarms", "a file", "all files")
CLEAN = "models:\n  - {name: a, model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY}\n"
VALUES = {"MODEL": "openai/gpt-4o", "BASE": "http://127.0.0.1:9/v1", "PROVIDER": "openai"}
"""What variables hold whose names end so; the others hold 1, which is a number and a string too."""


class Row(NamedTuple):
    """A configuration, and the fault that is in it: its file and line, and the words for it."""

    name: str
    files: Mapping[str, str]
    place: str = ""
    words: tuple[str, ...] = ()
    roles: tuple[str | Role, ...] | None = None

    @property
    def contract(self) -> Contract | None:
        """What the program declares."""
        return None if self.roles is None else Contract(self.roles)

    @property
    def is_about_roles(self) -> bool:
        """Whether other tools have no such thing."""
        named = re.search(r"\b(role|task|own_key|default)", " ".join(self.words))
        return self.roles is not None or named is not None

    def write(self, folder: Path) -> list[Path]:
        """Write the files into a folder."""
        for name, text in self.files.items():
            (folder / name).write_text(text, "utf-8")
        return [folder / name for name in self.files]


def corpus() -> list[Row]:
    """Return all rows of the tables, those with faults first."""
    tables = ("broken", "suspect", "good")
    broken, suspect, good = (yaml.safe_load((TESTS / f"{t}.yaml").read_bytes()) for t in tables)
    return [*map(_broken, broken), *map(_suspect, suspect), *map(_good, good)]


def _broken(case: Mapping[str, Any]) -> Row:
    roles = case.get("roles")
    roles = roles and tuple(Role(**r) if isinstance(r, dict) else r for r in roles)
    place = ":".join(case["position"].split(":")[:2])
    return Row(case["case"], case["files"], place, tuple(map(str, case["says"])), roles)


def _suspect(case: Mapping[str, Any]) -> Row:
    text = _spread(case["file"])
    key = re.escape(re.split(r"[.\[]", case["where"])[0])
    line = next(n for n, each in enumerate(text.splitlines(), 1) if re.search(rf"\b{key}:", each))
    return Row(case["what"], {"c.yaml": text}, f"c.yaml:{line}", tuple(map(str, case["says"])))


def _good(case: Mapping[str, Any]) -> Row:
    return Row(case["what"], {"c.yaml": case["file"]})


def _spread(text: str) -> str:
    """Write each key of the models on a line of its own, with its value as it is written."""
    depth, breaks = 0, []
    for token in yaml.scan(text):
        depth += isinstance(token, yaml.FlowSequenceStartToken | yaml.FlowMappingStartToken)
        depth -= isinstance(token, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken)
        if depth == 2 and isinstance(token, yaml.FlowEntryToken):
            breaks.append(token.end_mark.index)
    for index in reversed(breaks):
        text = f"{text[:index]}\n  {text[index:].lstrip(' ')}"
    return text


# What the peers are given


def to_proxy(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Rewrite a configuration as one of LiteLLM's proxy, key by key, whatever is wrong with it."""
    models, rest = _listed(tree.get("models")), _sections(tree)
    if not isinstance(models, list):
        return {**rest, **({"model_list": models} if "models" in tree else {})}
    entries = [_to_deployment(m) if isinstance(m, dict) else m for m in models]
    return {"model_list": entries, **rest}


def _sections(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections that this package does not read itself."""
    return {name: section for name, section in tree.items() if name not in OWN_SECTIONS}


def _listed(models: Any) -> Any:
    """Write models by their names as a list, which is what other tools read."""
    if not isinstance(models, dict) or "model" in models:
        return models
    return [{"name": n, **m} if isinstance(m, dict) else m for n, m in models.items()]


def _to_deployment(model: Mapping[str, Any]) -> dict[str, Any]:
    own = ("name", "roles", "enabled", "model_info", "litellm_params", "model_name")
    params = {key: value for key, value in model.items() if key not in own}
    if "system_prompt" in params:
        params["litellm_system_prompt"] = params.pop("system_prompt")
    entry = {"model_name": "chatcompletions", "litellm_params": params}
    beside = ("model_info", "litellm_params", "model_name")
    return entry | {key: model[key] for key in beside if key in model}


def to_llmhub(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Rewrite a configuration as a specification of rethink-llmhub."""
    models, roles, providers = _listed(tree.get("models")), {}, {}
    for number, model in enumerate(models if isinstance(models, list) else ()):
        if not isinstance(model, dict):
            roles[f"role-{number}"] = model
            continue
        provider, slash, name = str(model.get("model")).partition("/")
        forced = {"force_provider": provider, "force_model": name} if slash else {}
        forced = forced or {"force_model": model.get("model")}
        key = model.get("api_key")
        providers[provider if slash else "openai"] = {
            "env_key": key.removeprefix("os.environ/") if isinstance(key, str) else key
        }
        left = ("model", "api_key", "name", "roles", "enabled")
        params = {key: value for key, value in model.items() if key not in left}
        roles[str(model.get("name", f"role-{number}"))] = {
            "kind": "chat", "description": "a role", **forced, "mode_params": params,
        }  # fmt: skip
    head = {"project": "p", "env": "dev", "providers": providers, "roles": roles or models}
    return {**_sections(tree), **head}


def _rewritten(row: Row, folder: Path, rewrite: Callable[[Any], Any]) -> Path:
    """Write what a peer reads; the file as it is where it cannot be parsed."""
    files, path = row.write(folder), folder / "rewritten.yaml"
    try:
        tree = thaw(read_tree(files))
    except ConfigError:
        path.write_bytes(files[0].read_bytes())
        return path
    is_theirs = "model_list" in tree and "models" not in tree
    config = tree if is_theirs else rewrite(tree)
    path.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), "utf-8")
    return path


# The tools: each returns what it says of a row


def _dispatch(row: Row, folder: Path) -> str:
    try:
        report = check(read_tree(row.write(folder)), contract=row.contract, today=TODAY)
        faults = (*report.faults, *report.warnings)
    except ConfigError as error:
        faults = error.faults
    lines = (f"{fault.position}\t{fault}".replace(f"{folder}/", "") for fault in faults)
    return "\n".join(line.replace("\n", " ") for line in lines)


def _router(row: Row, folder: Path) -> str:
    """Make a Router of the models and the settings."""
    from litellm import Router

    config = yaml.safe_load(_rewritten(row, folder, to_proxy).read_bytes())
    settings = config.get("router_settings") or {}
    return _logged(lambda: Router(model_list=config.get("model_list"), **settings))


def _proxy(row: Row, folder: Path) -> str:
    """Do what `litellm --config FILE --validate_config` does, without a new process for each."""
    from litellm.proxy.proxy_server import ProxyConfig

    path = str(_rewritten(row, folder, to_proxy))
    load = ProxyConfig().load_config
    return _logged(lambda: asyncio.run(load(router=None, config_file_path=path)))


def _logged(run: Callable[[], Any]) -> str:
    """Return what LiteLLM warns of."""
    lines: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).handlers = [handler]
    run()
    return "\n".join(lines)


def _llmhub(row: Row, folder: Path) -> str:
    """Do what `llmhub spec validate` does."""
    from llmhub_cli.spec_models import load_spec

    load_spec(_rewritten(row, folder, to_llmhub))
    return ""


def _omegaconf(row: Row, folder: Path) -> str:
    """Load the file into a structured configuration, and resolve it."""
    from omegaconf import OmegaConf

    read = OmegaConf.load(row.write(folder)[0])
    merged = OmegaConf.merge(OmegaConf.structured(_structure()), read)
    OmegaConf.to_container(merged, resolve=True, throw_on_missing=True)
    return ""


def _structure() -> type:
    """Write the structured configuration: each known key, with its type where that is one."""
    plain = {"string": str, "integer": int, "number": float, "boolean": bool}
    keys = {key: KEY_KINDS.get(key, ()) for key in known_keys() if key.isidentifier()}
    keys |= dict.fromkeys(("roles", "model_info", "enabled", "system_prompt", "name"), ())
    fields = [
        (key, (plain[kinds[0]] | None) if len(kinds) == 1 and kinds[0] in plain else Any, None)
        for key, kinds in keys.items()
        if key != "model"
    ]
    model = dataclasses.make_dataclass("Model", [("model", str), *fields])
    sections = ("router_settings", "litellm_settings", "general_settings", "credential_list")
    any_section = [(name, Any, None) for name in ("defaults", "roles", "own_keys", *sections)]
    return dataclasses.make_dataclass("Config", [("models", list[model]), *any_section])


def _check_jsonschema(row: Row, folder: Path) -> str:
    """Run check-jsonschema, with the schema that `dispatch schema` prints."""
    from check_jsonschema import main
    from click.testing import CliRunner

    files = row.write(folder)
    made = folder / "made.schema"
    text = "".join(row.files.values())
    is_proxy = "model_list:" in text or ("_settings:" in text and "models:" not in text)
    made.write_text(
        json.dumps(proxy_schema() if is_proxy else schema(row.contract or DEFAULT_CONTRACT))
    )
    done = CliRunner().invoke(main, ["--schemafile", str(made), *map(str, files)])
    return done.output if done.exit_code else ""


class Tool(NamedTuple):
    """What says what is wrong with a row, the module that it needs, and the rows that it reads."""

    say: Callable[[Row, Path], str]
    module: str
    takes: Callable[[Row], bool]


def _any(row: Row) -> bool:
    return True


def _no_roles(row: Row) -> bool:
    return not row.is_about_roles


def _models_alone(row: Row) -> bool:
    return not (row.is_about_roles or "model_list:" in "".join(row.files.values()))


TOOLS: Mapping[str, Tool] = {
    "dispatch check": Tool(_dispatch, "dispatch", _any),
    "LiteLLM's Router": Tool(_router, "litellm.router", _no_roles),
    "LiteLLM's proxy": Tool(_proxy, "litellm.proxy.proxy_server", _no_roles),
    "rethink-llmhub": Tool(_llmhub, "llmhub_cli.spec_models", _models_alone),
    "check-jsonschema, our schema": Tool(_check_jsonschema, "check_jsonschema", _any),
    "OmegaConf, structured": Tool(_omegaconf, "omegaconf", _models_alone),
}
"""By their names; one that is not installed is left out."""


class Said(NamedTuple):
    """What a tool says of a row, and how many seconds it takes."""

    text: str
    seconds: float


def ask(tool: Tool, row: Row) -> Said:
    """Ask a tool about a row, in a fork of this process: nothing that it changes stays."""
    with TemporaryDirectory() as folder, TemporaryFile("w+") as answer:
        child = os.fork()
        if not child:
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            os.environ.update(variables_of(row))
            signal.alarm(LONGEST)  # which ends the fork
            start = perf_counter()
            try:
                text = tool.say(row, Path(folder))
            except BaseException as error:
                text = f"{type(error).__name__}: {error}"
            json.dump([text.replace(f"{folder}/", ""), perf_counter() - start], answer)
            answer.flush()
            os._exit(0)
        os.waitpid(child, 0)
        answer.seek(0)
        written = answer.read()
        return Said(*json.loads(written)) if written else Said("", LONGEST)


def variables_of(row: Row) -> dict[str, str]:
    """Return what is set: each variable that a row refers to; for a good one, what vendors want."""
    text = " ".join(row.files.values())
    names = {*re.findall(r"os\.environ/(\w+)", text)} - {"NOT_SET"}
    if not row.place:
        vendors = ("openai", "anthropic", *re.findall(r"""(?:model|provider): ['"]?(\w+)""", text))
        names |= {f"{vendor.upper()}_API_KEY" for vendor in vendors}
    values = {name: VALUES.get(name.rpartition("_")[2], "1") for name in names}
    return values | {"MY_SECRET_THING": "made up"}


class Verdict(NamedTuple):
    """What a tool makes of a row: whether it finds something there, and names the line."""

    row: Row
    found: bool
    placed: bool
    seconds: float


def judge(name: str, rows: list[Row]) -> list[Verdict]:
    """Ask a tool about each row that it takes.

    >>> row = Row("a typo", {"c.yaml": "model: 1"}, "c.yaml:1", ("models",))
    >>> (verdict,) = judge("dispatch check", [row])
    >>> verdict.found, verdict.placed
    (True, True)
    """
    tool = TOOLS[name]
    check([{"model": "gpt-4o"}])  # reads the map of models, as those that import LiteLLM have
    clean = set(ask(tool, Row("clean", {"c.yaml": CLEAN})).text.splitlines())
    return [_verdict(row, ask(tool, row), clean, tool) for row in rows if tool.takes(row)]


def _verdict(row: Row, said: Said, clean: set[str], tool: Tool) -> Verdict:
    lines = [line for line in said.text.splitlines() if line.strip() and line not in clean]
    if tool.say is not _dispatch:
        number = row.place.partition(":")[2] or "."
        placed = re.search(rf"(?i)\bline {number}\b|:{number}:", said.text) is not None
        return Verdict(row, bool(lines), placed, said.seconds)
    words = [line for line in lines if all(word in line for word in row.words)]
    places = [line.partition("\t")[0] for line in words]
    placed = any(place == row.place or place.startswith(f"{row.place}:") for place in places)
    return Verdict(row, bool(words), placed, said.seconds)


def main(*, misses: bool = False) -> None:
    """Print one table, and what this package misses if asked to."""
    rows = corpus()
    faulty = sum(bool(row.place) for row in rows)
    print(f"{faulty} files with one fault each, {len(rows) - faulty} good files.\n")
    print(_line(*HEAD), _line("---", *["--:"] * 5), sep="\n")
    for name, tool in TOOLS.items():
        try:
            importlib.import_module(tool.module)
        except ImportError:
            print(_line(name, "not installed", *[""] * 4))
            continue
        verdicts = judge(name, rows)
        print(_line(name, *_figures(verdicts)), flush=True)
        for verdict in verdicts if misses and tool.say is _dispatch else ():
            if verdict.found != bool(verdict.row.place) or verdict.placed != verdict.found:
                print(f"  missed, misplaced or false: {verdict.row.name}")


def _figures(verdicts: list[Verdict]) -> Iterator[str]:
    faulty = [each for each in verdicts if each.row.place]
    good = [each for each in verdicts if not each.row.place]
    found = sum(each.found for each in faulty)
    placed = sum(each.found and each.placed for each in faulty)
    yield f"{found} of {len(faulty)} ({found / max(len(faulty), 1):.0%})"
    yield f"{placed}"
    yield f"{sum(each.found for each in good)} of {len(good)}"
    seconds = [each.seconds for each in verdicts]
    yield f"{median(seconds) * 1e3:.3g} ms"
    yield f"{sum(seconds):.3g} s"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
