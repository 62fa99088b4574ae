"""The jobs: for each one the subject, its baseline, its peers, and its bound."""

from __future__ import annotations

import json
import tomllib
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import perf_counter
from typing import Any

import litellm

from benchmarks import by_hand, peers
from benchmarks.measure import AbsentError, Contestant, Job
from benchmarks.models import one_role, own_tasks, two_roles, yaml_file
from benchmarks.processes import process, statement
from dispatch import ConfigMorpher, ModelDispatcher, dispatch
from dispatch.config.files import MAX_BYTES, MAX_TOML_BYTES
from dispatch.errors import DispatchError
from dispatch.llm.deployments import model_list
from tests.hostile import HOSTILE, VALID

__all__ = ["JOBS", "SIZES", "Entry", "dispatch_job"]

SIZES = (1, 10, 100, 1_000, 10_000, 100_000)
FIRST = "models[0]"
TASK = "models[0].roles.postcompletions"


@dataclass(frozen=True)
class Entry:
    """A line of the table: what the baseline is, how many times it the job may cost, if bound."""

    make: Callable[[], Job]
    against: str
    bound: float | None
    unit: str = "s"


JOBS: dict[str, Entry] = {}


def job(name: str, against: str, bound: float | None, unit: str = "s") -> Any:
    def add(make: Callable[[], Job]) -> Callable[[], Job]:
        JOBS[name] = Entry(make, against, bound, unit)
        return make

    return add


# dispatch


def dispatch_job(number: int) -> str:
    return f"dispatch(models), {number:,} model{'s' * (number != 1)}"


def _dispatch(number: int) -> Job:
    models = two_roles(number)
    return Job(
        Contestant(partial(dispatch, models)),
        Contestant(partial(by_hand.group_pmaps, models)),
        {"plain dicts": Contestant(partial(by_hand.group_dicts, models))}
        | peers.installed(pydantic=partial(peers.pydantic_groups, models)),
    )


for size in SIZES:
    bound = 1.5 if size in (100, 10_000, 100_000) else 2.5
    job(dispatch_job(size), "pmap and two .set a model", bound)(partial(_dispatch, size))


@job("the same, 10,000 models, no two tasks alike", "the same, and pmap of each task", None)
def dispatch_own_tasks() -> Job:
    models = own_tasks(10_000)
    return Job(
        Contestant(partial(dispatch, models)),
        Contestant(partial(by_hand.group_pmaps_with_tasks, models)),
    )


@job("memory of an extra role of a model", "a dict copy of the model", 1, unit="B")
def memory() -> Job:
    number = 1_000
    copied = two_roles(number)
    once, twice = one_role(number), two_roles(number)

    def extra_role() -> float:
        return (_bytes(lambda: dispatch(twice)) - _bytes(lambda: dispatch(once))) / number

    def dict_copy() -> float:
        return _bytes(lambda: [dict(model) for model in copied]) / number

    return Job(
        Contestant(extra_role, reports=True), Contestant(dict_copy, reports=True), alike=False
    )


def _bytes(make: Callable[[], Any]) -> int:
    make()  # what is made once, and kept, does not count
    tracemalloc.start()
    held = make()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del held
    return taken


# the whole job: from models to arguments


@job("ModelDispatcher(models) to kwargs, both roles, 10 models", "dict loop, cached signature", 12)
def whole_job() -> Job:
    models = two_roles(10)
    return Job(
        Contestant(lambda: _kwargs_of_all(ModelDispatcher(models))),
        Contestant(lambda: by_hand.kwargs_of_all(models)),
        peers.installed(
            pydantic=partial(peers.pydantic_kwargs, models),
            OmegaConf=partial(peers.omegaconf_kwargs, models),
        )
        | {"litellm.Router of the same": _router()},
    )


@job("the same, of the first model of each role", "dict loop, cached signature", 12)
def whole_job_first() -> Job:
    models = two_roles(10)

    def subject() -> Any:
        dispatcher = ModelDispatcher(models)
        groups = (dispatcher.for_chatcompletions, dispatcher.for_postcompletions)
        return [group.morph(litellm.completion, start_from=FIRST) for group in groups]

    return Job(Contestant(subject), Contestant(lambda: by_hand.kwargs_of_first(models)))


def _router() -> Contestant:
    """In a process of its own, since each Router adds to LiteLLM's global callbacks."""
    imports = (
        "from litellm import Router\n"
        "from benchmarks import by_hand, models\n"
        "deployments = by_hand.model_list(by_hand.group_dicts(models.two_roles(10)))"
    )
    return statement("Router(model_list=deployments)", after=imports)


def _kwargs_of_all(dispatcher: ModelDispatcher) -> Any:
    return [
        group.morph(litellm.completion, start_from=f"models[{index}]")
        for group in (dispatcher.for_chatcompletions, dispatcher.for_postcompletions)
        for index in range(len(group))
    ]


@job("YAML file of 50 models to kwargs, both roles", "yaml.load by the C loader alone", 1.3)
def yaml_to_kwargs() -> Job:
    path = yaml_file(50)
    text = Path(path).read_text()

    def subject() -> Any:
        return _kwargs_of_all(ModelDispatcher(ConfigMorpher.from_yaml(path).fetch("models")))

    return Job(
        Contestant(subject),
        Contestant(lambda: by_hand.parse_yaml(text)),
        peers.installed(
            pydantic=partial(peers.pydantic_file, path),
            OmegaConf=partial(peers.omegaconf_file, path),
            dynaconf=partial(peers.dynaconf_file, path),
        ),
        alike=False,
    )


# morph


@job("morph(litellm.completion, 'models[0]'), again", "dict comprehension, cached signature", 2)
def morph_again() -> Job:
    model = two_roles(1)[0]
    group = ModelDispatcher([model]).for_chatcompletions
    return Job(
        Contestant(lambda: group.morph(litellm.completion, start_from=FIRST)),
        Contestant(lambda: by_hand.kwargs(model)),
        peers.installed(
            hydra_instantiate=partial(peers.hydra_instantiate, model),
            dataclass_by_signature=partial(peers.dataclass_each_call, model, litellm.completion),
        ),
    )


@job("the same, first call after import", "one inspect.signature", 2)
def morph_first() -> Job:
    imports = (
        "import inspect, litellm\n"
        "from benchmarks.models import two_roles\n"
        "from dispatch import ModelDispatcher\n"
        "group = ModelDispatcher(two_roles(1)).for_chatcompletions"
    )
    return Job(
        statement("group.morph(litellm.completion, start_from='models[0]')", after=imports),
        statement("inspect.signature(litellm.completion)", after=imports),
        alike=False,
    )


# fetch


@job(f"fetch({TASK!r})", "path compiled by a cached string", 2)
def fetch() -> Job:
    config = {"models": by_hand.group_dicts(two_roles(10))["postcompletions"]}
    group = ModelDispatcher(two_roles(10)).for_postcompletions
    return Job(
        Contestant(lambda: group.fetch(TASK)),
        Contestant(lambda: by_hand.follow(config, TASK)),
        {"literal indexing": Contestant(lambda: config["models"][0]["roles"]["postcompletions"])}
        | peers.installed(
            OmegaConf=partial(peers.omegaconf_select, config, TASK),
            glom=partial(peers.glom_path, config, "models.0.roles.postcompletions"),
            jmespath=partial(peers.jmespath_search, config, TASK),
            dynaconf=partial(peers.dynaconf_box, config),
        ),
    )


LAST = "model-999"
SEARCH = f"models[name={LAST}].model"


def _search(prepare: Callable[[], ConfigMorpher], models: by_hand.Models) -> Job:
    config = {"models": models}
    return Job(
        Contestant(lambda fresh: fresh.fetch(SEARCH), prepare=lambda: (prepare(),)),
        Contestant(lambda: by_hand.find_model(models, LAST)),
        peers.installed(
            glom=partial(peers.glom_first, config, LAST),
            jmespath=partial(peers.jmespath_search, config, f"models[?name=='{LAST}']|[0].model"),
        ),
    )


@job(
    "[name=LAST].model over 1,000 models, the first search of a configuration", "literal loop", None
)
def search_first() -> Job:
    models = two_roles(1_000)
    tree = dispatch(models)["chatcompletions"]
    return _search(lambda: ConfigMorpher({"models": tree}), models)


@job("[name=LAST].model over 1,000 models, after a search for another", "literal loop", 1.5)
def search_next() -> Job:
    models = two_roles(1_000)
    tree = dispatch(models)["chatcompletions"]

    def searched() -> ConfigMorpher:
        config = ConfigMorpher({"models": tree})
        config.fetch("models[name=model-0].model")
        return config

    return _search(searched, models)


# whole processes


@job("import dispatch", "import pyrsistent, toolz", 1.15)
def import_dispatch() -> Job:
    return Job(
        statement("import dispatch"),
        statement("import pyrsistent, toolz"),
        {
            "from dispatch import ModelDispatcher": statement(
                "from dispatch import ModelDispatcher"
            ),
            "import litellm": statement("import litellm"),
        },
        alike=False,
    )


def _command(name: str) -> Job:
    if find_spec("typer") is None:
        raise AbsentError("its baseline, typer, is not installed")
    command = ("-m", "dispatch", name, yaml_file(2))
    return Job(process(*command), process("-c", "import typer, rich.table"), alike=False)


for command in ("show", "check"):
    job(f"dispatch {command}, whole process", "python -c 'import typer, rich.table'", 1.6)(
        partial(_command, command)
    )


# the Router


@job("to model_list, 1,000 models", "list comprehension of the same dicts", 3)
def to_model_list() -> Job:
    models = two_roles(1_000)
    groups, plain = dispatch(models), by_hand.group_dicts(models)
    return Job(
        Contestant(lambda: model_list(groups)),
        Contestant(lambda: by_hand.model_list(plain)),
    )


# hostile files


def _hostile(suffix: str, parse: Callable[[str], Any]) -> Job:
    """Take the file of the table that takes longest, and a right one of its size for the parser."""
    size = MAX_TOML_BYTES if suffix == "toml" else MAX_BYTES
    made = (hostile.make(size) for hostile in HOSTILE if hostile.name.endswith(suffix))
    file = NamedTemporaryFile("w", newline="", suffix=f".{suffix}")  # noqa: SIM115  # as long as the job

    def read(text: str) -> float:
        start = perf_counter()
        _error_of(text, file)
        return perf_counter() - start

    slowest, right = max(made, key=read), VALID[suffix](size)
    return Job(
        Contestant(lambda: _error_of(slowest, file)),
        Contestant(lambda: parse(right)),
        alike=False,
    )


def _error_of(text: str, file: Any) -> str:
    """Write a text, which takes next to nothing, and return the error that reading it ends in."""
    Path(file.name).write_text(text, newline="")
    try:
        ModelDispatcher(ConfigMorpher(file.name).fetch("models"))
    except DispatchError as error:
        return str(error)
    raise AssertionError("it is right")


for suffix, parser, parse, bound in (
    ("yaml", "the C loader", by_hand.parse_yaml, 1),
    ("json", "json.loads", json.loads, 100),
    ("toml", "tomllib.loads", tomllib.loads, 20),
):
    job(f"the slowest hostile {suffix} to its error", f"{parser} on a right one", bound)(
        partial(_hostile, suffix, parse)
    )
