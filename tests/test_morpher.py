"""`ConfigMorpher`: the contract that its users rely on, and known upstream bugs."""

from __future__ import annotations

import collections
import copy
import dataclasses
import functools
import gc
import inspect
import json
import pickle
import sys
import typing
import weakref
from concurrent.futures import ThreadPoolExecutor

import litellm
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrsistent import pmap

from dispatch import ConfigMorpher, ModelDispatcher, ReturnType
from dispatch.config.morpher import ConfigMorpher as PlainMorpher
from dispatch.errors import (
    ConfigError,
    DispatchError,
    ExtraKeysError,
    MissingIndexError,
    MissingKeyError,
    PathSyntaxError,
    SignatureError,
    UnsetVariableError,
)
from tests.helpers import places, raised
from tests.models import models, values

MODEL = {
    "name": "fast",
    "system_prompt": "be brief",
    "temperature": 0,
    "model": "openai/gpt-4o",
    "roles": ["chatcompletions"],
    "api_key": "sk-canary",
    "api_base": "http://127.0.0.1:1/v1",
    "num_retries": 2,
    "stop": ["END"],
    "extra_body": {"top_k": 3, "deep": {"list": [1]}},
}
RESERVED = ("name", "system_prompt", "roles")
CONFIG = {"models": [MODEL, {"model": "ollama/llama3", "name": "local"}], "tools": {"roles": []}}


@pytest.fixture
def config():
    return ConfigMorpher(CONFIG)


@pytest.fixture
def group():
    return ModelDispatcher(CONFIG["models"]).for_chatcompletions


def named(model, temperature=1, stop=None): ...


def anything(**kwargs): ...


# Where a configuration comes from


def test_files(write):
    """One path, or a list of paths that are merged, is read; a format may be named."""
    texts = {
        "yaml": ("models: [{name: a, model: m}]\ntools: {x: 1, y: 1}\n", {"x": 1, "y": 1}),
        "json": ('{"tools": {"y": 2}, "models": [{"model": "n"}]}', {"y": 2}),
        "toml": ("[tools]\nz = 3\n", {"z": 3}),
    }
    for kind, (text, tools) in texts.items():
        config = ConfigMorpher(write(f"a.{kind}", text))
        assert config == ConfigMorpher(f"a.{kind}")
        assert config == getattr(ConfigMorpher, f"from_{kind}")(write(f"{kind}.conf", text))
        assert config.fetch("tools") == tools
    # from left to right: mappings merge, lists are replaced
    merged = ConfigMorpher([f"a.{kind}" for kind in texts]).config
    assert merged == {"models": [{"model": "n"}], "tools": {"x": 1, "y": 2, "z": 3}}
    assert list(merged) == ["models", "tools"]


# fetch


def test_fetch(config):
    """The calls that programs make give what they expect; a default only if there is no value."""
    assert config.fetch("models") == CONFIG["models"]
    assert config.fetch("models[name=x or model=ollama/llama3].name") == "local"
    default, nothing = [object()], ConfigMorpher({"a": None, "b": 0, "c": ""})
    for path in ("instruction", "tools.others", "models[name=none]", "models[7]"):
        assert config.fetch(path, default) is default
        assert config.fetch(path, None) is None
    assert [nothing.fetch(key, "default") for key in "abc"] == [None, 0, ""]


# morph: which keys


@pytest.mark.parametrize("target", [anything, litellm.completion, litellm.acompletion])
def test_kwargs_of_a_group(group, target):
    """From a role group, `**kwargs` take every key but the reserved ones, in the order written."""
    taken = group.morph(target, start_from="models[0]")
    assert taken == {key: value for key, value in MODEL.items() if key not in RESERVED}
    assert list(taken) == [key for key in MODEL if key not in RESERVED]


def test_kwargs_of_any_callable(config):
    """LiteLLM's own callables receive no reserved key; any other takes every key as written."""
    for target in (litellm.completion, functools.partial(litellm.acompletion, timeout=1)):
        assert not set(RESERVED) & set(config.morph(target, "models[0]"))
    assert config.morph(anything, "models[0]") == MODEL
    assert PlainMorpher(CONFIG).morph(litellm.completion, "models[0]") == MODEL, "has no policy"
    car = {"name": 911, "model": "Carrera", "roles": ["x"], "api_key": ""}
    cars = ConfigMorpher({"car": car})
    assert cars.morph(lambda name, model: None, "car") == {"name": 911, "model": "Carrera"}
    assert cars.morph(anything, "car", strict=True, return_config_keys_only=False) == car


def test_named_reserved_keys(group):
    """A reserved key goes to a callable that names it."""
    taken = group.morph(lambda name, *, system_prompt=None, **kwargs: None, "models[0]")
    assert (taken["name"], taken["system_prompt"]) == ("fast", "be brief")
    assert "roles" not in taken
    roles = group.morph(lambda roles: None, "models[0]")
    assert roles == {"roles": {"chatcompletions": None}}


def mixed(model, stop, **kwargs): ...


@pytest.mark.parametrize(
    "target",
    [
        named,
        functools.partial(mixed, "m"),
        functools.partial(functools.partial(mixed, "m"), []),
        functools.partial(litellm.completion, "m"),
        functools.partial(litellm.completion, model="m"),
    ],
)
def test_callable_with_what_comes_out(group, target):
    """The callable accepts the result, also if it is a partial."""
    kwargs = group.morph(target, "models[0]")
    inspect.signature(target).bind_partial(**kwargs)
    if isinstance(target, functools.partial):
        inspect.signature(target.func).bind_partial(*target.args, **kwargs)


@pytest.mark.filterwarnings("error")
def test_positional_only(config, group):
    """A key that names a positional-only parameter is an error with its place."""

    def positional(model, /, temperature): ...

    for each in (config, group):
        (fault,) = raised(ConfigError, each.morph, positional, "models[0]").faults
        assert (fault.code, fault.where) == ("positional-only", "models[0].model")
        assert fault.message.startswith("names a positional-only")
    assert config.morph(functools.partial(positional, "m"), "models[0]") == {"temperature": 0}
    assert "name" not in group.morph(lambda name, /, **kwargs: None, "models[0]")


@dataclasses.dataclass
class Settings:
    model: str
    stop: list = dataclasses.field(default_factory=list)
    key: dataclasses.InitVar[str] = "none"


class Row(typing.NamedTuple):
    model: str
    stop: list = []  # noqa: RUF012  # upstream gave this back as an empty object of another class


class Request(pydantic.BaseModel):
    model: str
    stop: list = []


def test_multiple_callables(config):
    """A list or a tuple of callables gives a tuple."""
    results = config.morph(named, "models[0]"), config.morph(anything, "models[0]")
    for targets in ([named, anything], (named, anything), [named], []):
        assert config.morph(targets, "models[0]") == results[: len(targets)]


# morph: its options


def test_forbidden_extra_keys(config, group):
    """Forbidden extra keys are named in the order written, without reserved ones in a group."""
    error = raised(ExtraKeysError, group.morph, named, "models[0]", allow_extra_keys=False)
    assert isinstance(error, ValueError)
    assert error.keys == ("api_key", "api_base", "num_retries", "extra_body")
    assert str(error) == "models[0]: no callable accepts api_key, api_base, num_retries, extra_body"
    with pytest.raises(ExtraKeysError, match=r"^models\[0\]: no callable accepts name, system_p"):
        config.morph(named, "models[name=fast]", allow_extra_keys=False)


def test_extra_key():
    """A key is extra only if no callable takes it."""
    config = ConfigMorpher({"model": "m", "stop": 1, "size": 2})
    first = lambda model: None  # noqa: E731
    with pytest.raises(ExtraKeysError, match=r"accepts size$"):
        config.morph([first, lambda stop: None], allow_extra_keys=False)
    both = config.morph([first, anything], allow_extra_keys=False)
    assert both == ({"model": "m"}, {"model": "m", "stop": 1, "size": 2})
    with pytest.raises(ExtraKeysError, match=r"accepts model$"):
        config.morph(functools.partial(lambda model, **rest: None, "m"), allow_extra_keys=False)


def test_every_parameter():
    """Every parameter may be asked for, with its default or else None."""
    stack = collections.deque([1])

    def target(required, model, limit=7, tags=[], queue=stack): ...  # noqa: B006

    config = ConfigMorpher({"limit": 9, "model": "m", "unknown": 1})
    for _time in range(2):
        taken = config.morph(target, return_config_keys_only=False)
        values = {"limit": 9, "model": "m", "required": None, "tags": [], "queue": stack}
        assert list(taken.items()) == list(values.items())
        taken["tags"].append("mine")
        taken["queue"].append(2)
    assert stack == collections.deque([1])


@pytest.mark.parametrize("form", ["dataclass", ReturnType.DATACLASS])
def test_dataclass(group, form):
    """The arguments may be the fields of a dataclass, which shows no secret."""
    arguments = group.morph(anything, "models[0]", return_type=form)
    names = [key for key in MODEL if key not in RESERVED]
    assert [field.name for field in dataclasses.fields(arguments)] == names
    assert dataclasses.asdict(arguments) == group.morph(anything, "models[0]")
    assert dataclasses.replace(arguments, model="other").model == "other"
    assert type(group.morph([named], "models[0]", return_type=form)) is tuple
    assert "'api_key': '***'" in repr(arguments)


def test_own_dataclass(config):
    """For a dataclass, they are an object of that class."""
    settings = config.morph(Settings, "models[0]", return_type="dataclass")
    assert settings == Settings("openai/gpt-4o", ["END"])
    settings.stop.append("mine")
    assert config.morph([Settings], "models[0]", return_type="dataclass")[0].stop == ["END"]
    with pytest.raises(ConfigError, match="has no key for model, which Settings requires"):
        config.morph(Settings, "tools", return_type="dataclass")
    assert config.morph(Settings, "tools") == {}


def test_return_type(config):
    """A dict is the default, by either name; an unknown return type is rejected."""
    for form in ("dict", ReturnType.DICT):
        assert config.morph(named, "tools", return_type=form) == config.morph(named, "tools") == {}
    with pytest.raises(ValueError, match="'tuple' is not a valid ReturnType: write 'dict' or"):
        config.morph(named, "models[0]", return_type="tuple")


def test_equal_dataclasses(config):
    """Dataclasses of equal arguments are equal, copies and pickles too."""
    paths = ("models[0]", "models[name=fast]", "models[1]")
    first, same, other = (config.morph(named, each, return_type="dataclass") for each in paths)
    assert first == same != other
    assert first != config.morph(named, "models[0]")
    for twin in again(first):
        assert (twin == first, twin is first) == (True, False)


@pytest.mark.parametrize("key", ["my-key", "class", "1st", "", "a b"])
def test_no_field(key):
    """A key that cannot be a field is an error with the place of its node."""
    config = ConfigMorpher({"models": [{"model": "m", key: 1}]})
    with pytest.raises(ConfigError, match="ask for a dict") as caught:
        config.morph(anything, "models[0]", return_type="dataclass")
    assert caught.value.faults[0].where == "models[0]"
    assert config.morph(anything, "models[0]") == {"model": "m", key: 1}


# morph: what it refuses


@pytest.mark.parametrize(
    ("start_from", "found"),
    [
        ("models", "a list"),
        ("models[0].model", "a string"),
        ("models[name=fast].temperature", "a number"),
    ],
)
def test_no_mapping(config, start_from, found):
    """Only a mapping is morphed."""
    (fault,) = raised(ConfigError, config.morph, named, start_from).faults
    assert fault.message == f"expected a mapping to morph, found {found}"
    assert fault.where == start_from.replace("name=fast", "0")


def test_keys_that_are_no_strings():
    """Keys that are not strings cannot be arguments if all keys are passed."""
    config = ConfigMorpher({"node": {1: "a", None: "b", "model": "m"}})
    assert config.morph(named, "node") == {"model": "m"}
    error = raised(ConfigError, config.morph, anything, "node")
    assert "a key must be a string, found a number" in str(error)
    assert places(error.faults) == ["node", "node"]


@pytest.mark.parametrize(
    ("target", "path", "error"),
    [
        (named, "models[9]", MissingIndexError),
        (named, "models[name=none]", MissingKeyError),
        (named, "models[0", PathSyntaxError),
        (None, "models[0]", SignatureError),
        ("named", "models[0]", SignatureError),
        ({named}, "models[0]", SignatureError),
        ([named, 7], "models[0]", SignatureError),
    ],
)
def test_wrong_path_or_callable(config, target, path, error):
    """A wrong path or callable raises, whatever else is asked for."""
    with pytest.raises(error):
        config.morph(target, path)


def test_places(write):
    """Errors have the path in the user's configuration, however the node was asked for."""
    model = {"name": "n", "model": "m", "h": {"k": ["os.environ/NO_SUCH_KEY"]}}
    file = write("c.yaml", f"a: 1\nmodels:\n- {json.dumps(model)}\n")
    plain = ConfigMorpher({"models": [model]})
    group = ModelDispatcher([{"model": "x", "roles": "postcompletions"}, model]).for_chatcompletions
    for config, path, where in [
        (plain, "models[0]", "models[0].h.k[0]: "),
        (plain, ["models", 0], "models[0].h.k[0]: "),
        (plain, "models[name=n]", "models[0].h.k[0]: "),
        (group, None, "models[1].h.k[0]: "),
        (ConfigMorpher(file), "models[-1]", "c.yaml:3:43: models[0].h.k[0]: "),
        (ConfigMorpher(model), None, "h.k[0]: "),
    ]:
        for _cached in range(2):
            error = raised(UnsetVariableError, config.morph, litellm.completion, path)
            assert str(error).startswith(f"{where}NO_SUCH_KEY is not set")


def test_models_are_never_resolved(monkeypatch):
    """A whole configuration resolves no reference; a group morphs its first model."""
    monkeypatch.setenv("SOME_KEY", "sk-canary")
    models = [{"model": "a", "api_key": "os.environ/SOME_KEY"}, {"model": "b"}]
    sections = {"defaults": models[0], "agents": {"main": models[0]}, "model_list": models}
    config = ConfigMorpher({"models": models, "user": "u", **sections})
    assert config.morph(litellm.completion) == config.morph(anything) == config.config
    group = ModelDispatcher(models).for_chatcompletions
    assert group.morph(litellm.completion) == {"model": "a", "api_key": "sk-canary"}
    assert group.morph(litellm.completion, "models[1]") == {"model": "b"}
    router = ConfigMorpher({"default_litellm_params": models[0]}).morph(litellm.Router)
    assert router["default_litellm_params"]["api_key"] == "sk-canary"  # it is for this call


@pytest.mark.parametrize(
    ("target", "path", "options"),
    [
        (named, "", {"allow_extra_keys": False}),
        (anything, "", {"return_type": "dataclass"}),
        (litellm.completion, "", {}),
        (named, ".text", {}),
        (anything, ["models", "[api_key=sk-canary-2]"], {}),
        (named, "models[api_key=sk-canary-3]", {}),
    ],
)
def test_no_error_shows_a_secret(target, path, options, monkeypatch):
    """No error of `morph` shows a secret in its path."""
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    item = {"api_key": "sk-canary", "text": "t", "x-y": 1, "h": "os.environ/NO_SUCH_KEY"}
    config = ConfigMorpher({"models": [item, {"api_key": "sk-canary-2", 1: 2}]})
    path = f"models[api_key=sk-canary]{path}" if path in ("", ".text") else path
    error = raised(DispatchError, config.morph, target, path, **options)
    while error is not None:
        assert "sk-canary" not in f"{error} {error!r} {error.args} {vars(error)}"
        error = error.__cause__ or error.__context__


# Nothing aliases anything


def spoil(value):
    """Change everything mutable, at every level."""
    if isinstance(value, dict):
        for item in list(value.values()):
            spoil(item)
        value.clear()
        value["spoilt"] = True
    elif isinstance(value, list):
        for item in value:
            spoil(item)
        value.append("spoilt")


nested = st.dictionaries(st.text(min_size=1, max_size=4), values, max_size=4)


@given(nested)
def test_nothing_is_shared(written):
    """No change of a result changes the configuration, or another result."""
    before = json.dumps(written)
    config = ConfigMorpher(written)
    gives = [
        lambda: config.config,
        lambda: config.fetch([]),
        lambda: config.fetch(["key"], copy.deepcopy(written)),
        lambda: config.morph(anything),
        lambda: config.morph(anything, return_config_keys_only=False),
        lambda: config.morph([anything, anything])[1],
        lambda: ConfigMorpher({"models": [written]}).fetch("models[0]"),
        *(lambda key=key: {key: config.fetch([key])} for key in written if "[" not in key),
    ]
    expected = [json.dumps(give()) for give in gives]
    for _time in range(3):
        for give, as_before in zip(gives, expected, strict=True):
            given_now = give()
            assert json.dumps(given_now) == as_before
            spoil(given_now)
    spoil(written)
    assert json.dumps(config.config) == before


@given(models())
def test_comprehension(model):
    """Morphing agrees with a comprehension over a plain dict, the second time as well."""
    config = ConfigMorpher({"models": [model]})
    some = [(k, v) for k, v in model.items() if k in ("model", "temperature", "stop")]
    for _time in range(2):
        assert list(config.morph(anything, "models[0]").items()) == list(model.items())
        assert list(config.morph(named, "models[0]").items()) == some


def test_objects():
    """Values other than containers are unchanged, and named tuples stay named tuples."""
    client = object()
    config = ConfigMorpher({"client": client, "response_format": Request, "row": Row("m", [1])})
    assert config.fetch("client") is client
    for _time in range(2):
        taken = config.morph(anything)
        assert taken == {"client": client, "response_format": Request, "row": ("m", [1])}
        assert type(taken["row"]) is Row
        taken["row"].stop.append("mine")


# Plans


class AlwaysEqual:
    def __init__(self, name):
        parameter = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)
        self.__signature__ = inspect.Signature([parameter])

    def __call__(self, **kwargs): ...
    def __eq__(self, other):
        return isinstance(other, AlwaysEqual)

    def __hash__(self):
        return 0

    def method(model, stop=None): ...  # noqa: N805


def test_equal_callables(config):
    """Two callables that compare equal, or a method and its function, are two."""
    for _time in range(2):
        assert list(config.morph(AlwaysEqual("model"), "models[0]")) == ["model"]
        assert list(config.morph(AlwaysEqual("stop"), "models[0]")) == ["stop"]
        assert list(config.morph(AlwaysEqual("stop").method, "models[0]")) == ["stop"]
        assert list(config.morph(AlwaysEqual.method, "models[0]")) == ["model", "stop"]


def test_callables_of_a_loop(config):
    """Callables made in a loop are distinguished, and none is kept alive."""
    alive = weakref.WeakSet()
    for number in range(1200):
        name = "model" if number % 3 else "stop"
        target = eval(f"lambda {name}: None")
        alive.add(target)
        assert list(config.morph(target, "models[0]")) == [name]
        del target
    gc.collect()
    assert len(alive) == 0


def test_patched_name(config, monkeypatch):
    """A patched name is morphed for what it is now."""
    assert "api_base" in config.morph(litellm.completion, "models[0]")
    monkeypatch.setattr(litellm, "completion", named)
    assert "api_base" not in config.morph(litellm.completion, "models[0]")


def test_threads(config):
    """Threads that share a configuration each get their own results."""

    def work(_number):
        for _time in range(300):
            taken = config.morph(litellm.completion, "models[0]")
            assert taken["stop"] == config.fetch("models[0].stop") == ["END"]
            spoil(taken)

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
    finally:
        sys.setswitchinterval(usual)


# As an object


def again(value):
    """Return copies of a value."""
    return copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))


def test_equality(config):
    """Configurations are compared, hashed, copied and pickled by content."""
    config.morph(litellm.completion, "models[0]")  # so that there is a plan
    for same in (*again(config), ConfigMorpher(CONFIG)):
        assert (same, hash(same)) == (config, hash(config))
        assert json.dumps(same.config) == json.dumps(CONFIG)
        assert same.morph(named, "models[0]") == config.morph(named, "models[0]")
    assert config not in (ConfigMorpher({}), CONFIG)


def test_key_called_source():
    """A key called source is no source, though a PMap has it as an attribute."""
    config = ConfigMorpher(pmap({"source": "x", "models": [{"model": "m"}]}))
    assert (config.source, config.fetch("models[0].model")) == (None, "m")
