"""`ConfigMorpher`: the contract that its users rely on, and all that upstream's suffer from."""

from __future__ import annotations

import asyncio
import collections
import copy
import dataclasses
import functools
import gc
import inspect
import json
import pickle
import threading
import types
import typing
import weakref

import litellm
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrsistent import PMap, pmap

from dispatch import ConfigMorpher, ModelDispatcher, ReturnType, RoleGroup, freeze
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
OWN = ("name", "system_prompt", "roles")
CONFIG = {"models": [MODEL, {"model": "ollama/llama3", "name": "local"}], "tools": {"roles": []}}


@pytest.fixture
def config():
    return ConfigMorpher(CONFIG)


def named(model, temperature=1, stop=None): ...


def anything(**kwargs): ...


# Where a configuration comes from


@pytest.mark.parametrize(
    "kind",
    [dict, collections.OrderedDict, types.MappingProxyType, freeze, collections.UserDict],
)
def test_any_mapping_is_a_configuration(kind):
    config = ConfigMorpher(kind(CONFIG))
    assert config.config == CONFIG
    assert type(config.config) is dict


@pytest.fixture
def files(tmp_path):
    (tmp_path / "a.yaml").write_text("models: [{name: a, model: m}]\ntools: {x: 1, y: 1}\n")
    (tmp_path / "b.json").write_text('{"tools": {"y": 2}, "models": [{"model": "n"}]}')
    (tmp_path / "c.toml").write_text("[tools]\nz = 3\n")
    return [tmp_path / name for name in ("a.yaml", "b.json", "c.toml")]


def test_one_path_is_read_by_its_ending(files):
    for path, tools in zip(files, ({"x": 1, "y": 1}, {"y": 2}, {"z": 3}), strict=True):
        assert ConfigMorpher(path).fetch("tools") == tools
        assert ConfigMorpher(str(path)).fetch("tools") == tools


def test_a_list_of_paths_is_merged_from_left_to_right(files):
    merged = ConfigMorpher(files).config
    assert merged == {"models": [{"model": "n"}], "tools": {"x": 1, "y": 2, "z": 3}}
    assert list(merged) == ["models", "tools"]


def test_a_format_may_be_named_where_the_ending_does_not_tell(files, tmp_path):
    readers = (ConfigMorpher.from_yaml, ConfigMorpher.from_json, ConfigMorpher.from_toml)
    for path, read in zip(files, readers, strict=True):
        hidden = tmp_path / f"{path.stem}.conf"
        hidden.write_text(path.read_text())
        assert read(hidden) == ConfigMorpher(path)


# fetch


def test_the_calls_that_programs_make_give_what_they_expect(config):
    assert config.fetch("models") == CONFIG["models"]
    assert config.fetch("instruction", "none") == "none"
    assert config.fetch("tools.others", []) == []
    assert config.fetch("models[name=nobody]", None) is None
    assert config.fetch("models[7]", None) is None
    assert config.fetch("models[name=x or model=ollama/llama3].name") == "local"
    dispatcher = ModelDispatcher(CONFIG["models"])
    group, empty = dispatcher.for_chatcompletions, dispatcher.for_postcompletions
    assert group
    assert group.fetch("models")
    assert not empty


def test_a_failed_step_raises_what_users_catch_and_a_malformed_path_always(config):
    with pytest.raises(ValueError, match="no key 'instruction'"):
        config.fetch("instruction")
    with pytest.raises(ValueError, match="no item with name='nobody'"):
        config.fetch("models[name=nobody]")
    with pytest.raises(IndexError, match=r"no item \[7\] in a list of 2 items"):
        config.fetch("models[7]")
    with pytest.raises(PathSyntaxError):
        config.fetch("models[0:1]", [])


def test_a_default_is_returned_as_it_is_and_what_stands_there_wins_over_it(config):
    default = []
    assert config.fetch("nowhere", default) is default
    nothing = ConfigMorpher({"a": None, "b": 0, "c": ""})
    assert [nothing.fetch(key, "default") for key in "abc"] == [None, 0, ""]


# morph: which keys


def test_a_callable_without_kwargs_takes_what_it_names_in_the_order_written(config):
    taken = config.morph(named, "models[0]")
    assert taken == {"temperature": 0, "model": "openai/gpt-4o", "stop": ["END"]}
    assert list(taken) == ["temperature", "model", "stop"]


@pytest.mark.parametrize("target", [anything, litellm.completion, litellm.acompletion])
def test_kwargs_take_every_key_but_the_own_ones_in_the_order_written(config, target):
    taken = config.morph(target, start_from="models[0]")
    assert taken == {key: value for key, value in MODEL.items() if key not in OWN}
    assert list(taken) == [key for key in MODEL if key not in OWN]


@pytest.mark.parametrize(
    "key",
    [
        "api_base",
        "num_retries",
        "max_retries",
        "mock_response",
        "drop_params",
        "additional_drop_params",
        "allowed_openai_params",
        "aws_access_key_id",
        "aws_region_name",
        "vertex_project",
        "vertex_location",
        "azure_ad_token",
        "organization",
        "fallbacks",
        "metadata",
        "caching",
        "custom_llm_provider",
        "extra_body",
        "headers",
        "rpm",
        "tpm",
        "stream_timeout",
        "top_k",
        "num_ctx",
        "safety_settings",
        "keep_alive",
    ],
)
def test_each_key_that_litellm_takes_through_kwargs_arrives(key):
    config = ConfigMorpher({"model": "m", key: {"any": [1]}})
    for target in (litellm.completion, litellm.acompletion, litellm.embedding, litellm.aembedding):
        assert config.morph(target) == {"model": "m", key: {"any": [1]}}


def test_an_own_key_is_given_to_a_callable_that_names_it(config):
    def naming(name, *, system_prompt=None, **kwargs): ...

    taken = config.morph(naming, "models[0]")
    assert (taken["name"], taken["system_prompt"]) == ("fast", "be brief")
    assert "roles" not in taken
    assert config.morph(lambda roles: None, "models[0]") == {"roles": ["chatcompletions"]}


def test_what_comes_out_is_what_the_callable_can_be_called_with(config):
    """Positional-only parameters, and those that a partial has filled, are no keywords."""

    def positional(model, /, temperature): ...

    def mixed(model, stop, **kwargs): ...

    assert config.morph(positional, "models[0]") == {"temperature": 0}
    inspect.signature(positional).bind("m", **config.morph(positional, "models[0]"))
    for target in (
        named,
        functools.partial(mixed, "m"),
        functools.partial(functools.partial(mixed, "m"), []),
        functools.partial(litellm.completion, "m"),
        functools.partial(litellm.completion, model="m"),
    ):
        target_kwargs = config.morph(target, "models[0]")
        inspect.signature(target).bind_partial(**target_kwargs)
        if isinstance(target, functools.partial):
            inspect.signature(target.func).bind_partial(*target.args, **target_kwargs)


def test_parameters_called_self_or_cls_are_kept_of_a_plain_function():
    config = ConfigMorpher({"self": 1, "cls": 2, "x": 3})

    def function(self, cls): ...

    class Some:
        def method(self, cls): ...

    assert config.morph(function) == {"self": 1, "cls": 2}
    assert config.morph(Some().method) == {"cls": 2}


def test_the_very_arguments_reach_litellm_and_it_answers(config):
    kwargs = ConfigMorpher({**MODEL, "mock_response": "hello"}).morph(litellm.completion)
    answer = litellm.completion(messages=[{"role": "user", "content": "hi"}], **kwargs)
    assert answer.choices[0].message.content == "hello"

    async def ask():
        return await litellm.acompletion(messages=[{"role": "user", "content": "hi"}], **kwargs)

    assert asyncio.run(ask()).choices[0].message.content == "hello"


@dataclasses.dataclass
class Settings:
    model: str
    stop: list = dataclasses.field(default_factory=list)
    key: dataclasses.InitVar[str] = "none"


class Row(typing.NamedTuple):
    model: str
    stop: list = []  # noqa: RUF012  # upstream gave this back as an empty object of another class


class Options(typing.TypedDict, total=False):
    model: str
    stop: list


class Request(pydantic.BaseModel):
    model: str
    stop: list = []


class Inheriting(Settings):
    pass


class Calling:
    def __call__(self, model, stop=()): ...


@pytest.mark.parametrize(
    "target",
    [Settings, Row, Options, Request, Inheriting, Calling(), functools.partial(named), Calling],
    ids=str,
)
def test_what_upstream_refused_is_morphed(config, target):
    expected = {"model": "openai/gpt-4o", "stop": ["END"]}
    taken = config.morph(target, "models[0]")
    if target is Calling:
        expected = {}
    elif isinstance(target, functools.partial):
        expected["temperature"] = 0
    assert taken == expected
    if target in (Settings, Row, Options, Request):
        target(**taken)


def test_several_callables_give_a_tuple(config):
    for several in ([named, anything], (named, anything)):
        first, second = config.morph(several, "models[0]")
        assert first == config.morph(named, "models[0]")
        assert second == config.morph(anything, "models[0]")
    assert config.morph([named], "models[0]") == (config.morph(named, "models[0]"),)
    assert config.morph([], "models[0]") == ()


# morph: its options


def test_extra_keys_may_be_forbidden_and_are_named_in_the_order_written(config):
    with pytest.raises(ExtraKeysError) as caught:
        config.morph(named, "models[0]", allow_extra_keys=False)
    assert isinstance(caught.value, ValueError)
    assert caught.value.keys == ("api_key", "api_base", "num_retries", "extra_body")
    assert str(caught.value) == (
        "models[0]: no callable takes api_key, api_base, num_retries, extra_body"
    )


def test_a_key_is_extra_only_where_no_callable_takes_it():
    config = ConfigMorpher({"model": "m", "stop": 1, "size": 2})
    with pytest.raises(ExtraKeysError, match=r"takes size$"):
        config.morph([lambda model: None, lambda stop: None], allow_extra_keys=False)
    both = config.morph([lambda model: None, anything], allow_extra_keys=False)
    assert both == ({"model": "m"}, {"model": "m", "stop": 1, "size": 2})
    with pytest.raises(ExtraKeysError, match=r"takes model$"):
        config.morph(functools.partial(lambda model, **rest: None, "m"), allow_extra_keys=False)


def test_own_keys_are_never_extra():
    config = ConfigMorpher({"model": "m", "name": "n", "roles": [], "system_prompt": "s"})
    assert config.morph(lambda model: None, allow_extra_keys=False) == {"model": "m"}


def test_every_parameter_may_be_asked_for_with_its_default_else_none():
    stack = collections.deque([1])

    def target(required, model, limit=7, tags=[], queue=stack): ...  # noqa: B006

    config = ConfigMorpher({"limit": 9, "model": "m", "unknown": 1})
    taken = config.morph(target, return_config_keys_only=False)
    assert taken == {
        "limit": 9,
        "model": "m",
        "required": None,
        "tags": [],
        "queue": collections.deque([1]),
    }
    assert list(taken) == ["limit", "model", "required", "tags", "queue"]
    taken["tags"].append("mine")
    taken["queue"].append(2)
    again = config.morph(target, return_config_keys_only=False)
    assert (again["tags"], again["queue"]) == ([], collections.deque([1]))
    assert stack == collections.deque([1])


def test_every_parameter_of_an_async_twin_is_that_of_the_sync_one(config):
    sync = config.morph(litellm.embedding, "models[1]", return_config_keys_only=False)
    twin = config.morph(litellm.aembedding, "models[1]", return_config_keys_only=False)
    assert twin == sync
    assert {"dimensions", "encoding_format"} < set(twin)


@pytest.mark.parametrize("form", ["dataclass", ReturnType.DATACLASS])
def test_a_dataclass_may_be_asked_for(config, form):
    given = config.morph(anything, "models[0]", return_type=form)
    assert dataclasses.is_dataclass(given)
    assert given.model == "openai/gpt-4o"
    assert dataclasses.asdict(given) == config.morph(anything, "models[0]")
    assert [field.name for field in dataclasses.fields(given)] == [
        key for key in MODEL if key not in OWN
    ]
    assert type(config.morph([named], "models[0]", return_type=form)) is tuple
    assert dataclasses.replace(given, model="other").model == "other"


@pytest.mark.parametrize("form", ["dict", ReturnType.DICT])
def test_a_dict_is_what_comes_unasked(config, form):
    assert config.morph(named, "models[0]", return_type=form) == config.morph(named, "models[0]")
    assert type(config.morph(named, "models[0]")) is dict


def test_a_form_that_there_is_not_is_refused(config):
    with pytest.raises(ValueError, match="'tuple' is not a valid ReturnType"):
        config.morph(named, "models[0]", return_type="tuple")


def test_dataclasses_of_equal_arguments_are_equal_wherever_they_came_from(config):
    by_index, by_name, other = (
        config.morph(named, path, return_type="dataclass")
        for path in ("models[0]", "models[name=fast]", "models[1]")
    )
    assert by_index == by_name != other
    assert by_index != config.morph(named, "models[0]")
    for again in (
        copy.copy(by_index),
        copy.deepcopy(by_index),
        pickle.loads(pickle.dumps(by_index)),
    ):
        assert again == by_index
        assert again is not by_index


def test_a_dataclass_shows_no_secret(config):
    shown = repr(config.morph(anything, "models[0]", return_type="dataclass"))
    assert "sk-canary" not in shown
    assert "'api_key': '***'" in shown


@pytest.mark.parametrize("key", ["my-key", "class", "1st", "", "a b"])
def test_a_key_that_can_be_no_field_is_told_with_its_place(key):
    config = ConfigMorpher({"models": [{"model": "m", key: 1}]})
    with pytest.raises(ConfigError, match="ask for a dict") as caught:
        config.morph(anything, "models[0]", return_type="dataclass")
    assert caught.value.faults[0].place == "models[0]"
    assert config.morph(anything, "models[0]") == {"model": "m", key: 1}


# morph: what it refuses


@pytest.mark.parametrize(
    ("start_from", "found"),
    [("models", "a list"), ("models[0].model", "a str"), ("models[0].temperature", "a int")],
)
def test_only_a_mapping_is_morphed(config, start_from, found):
    with pytest.raises(ConfigError, match=f"expected a mapping to morph, found {found}") as caught:
        config.morph(named, start_from)
    assert caught.value.faults[0].place == start_from


def test_keys_that_are_no_text_are_told():
    with pytest.raises(ConfigError, match="a key must be a text to become an argument") as caught:
        ConfigMorpher({"node": {1: "a", None: "b", "model": "m"}}).morph(named, "node")
    assert [fault.place for fault in caught.value.faults] == ["node", "node"]


def test_a_wrong_path_or_callable_is_told_and_absorbed_by_nothing(config):
    with pytest.raises(MissingIndexError):
        config.morph(named, "models[9]")
    with pytest.raises(MissingKeyError):
        config.morph(named, "models[name=nobody]")
    with pytest.raises(PathSyntaxError):
        config.morph(named, "models[0")
    for wrong in (None, "named", {named}, [named, 7]):
        with pytest.raises(SignatureError):
            config.morph(wrong, "models[0]")


def test_an_unset_variable_is_told_with_its_place_however_the_path_was_written(monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    model = {"name": "fast", "model": "m", "h": {"k": ["os.environ/NO_SUCH_KEY"]}}
    config = ConfigMorpher({"models": [model]})
    root = ConfigMorpher(model)
    for each, path, place in [
        (config, "models[0]", "models[0].h.k[0]"),
        (config, ["models", 0], "models[0].h.k[0]"),
        (config, "models[name=fast]", "models[name=fast].h.k[0]"),
        (root, None, "h.k[0]"),
    ]:
        for _cached in range(2):
            with pytest.raises(UnsetVariableError, match="NO_SUCH_KEY") as caught:
                each.morph(anything, path)
            assert caught.value.where == place
    monkeypatch.setenv("NO_SUCH_KEY", "sk-now")
    assert root.morph(anything)["h"] == {"k": ["sk-now"]}
    monkeypatch.setenv("NO_SUCH_KEY", "sk-later")
    assert root.morph(anything)["h"] == {"k": ["sk-later"]}


def test_no_error_of_morph_shows_a_secret_that_its_path_looks_for(monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    item = {"api_key": "sk-canary", "text": "t", "x-y": 1, "h": "os.environ/NO_SUCH_KEY"}
    config = ConfigMorpher({"models": [item, {"api_key": "sk-canary-2", 1: 2}]})
    path = "models[api_key=sk-canary]"
    calls = [
        lambda: config.morph(named, path, allow_extra_keys=False),
        lambda: config.morph(anything, path, return_type="dataclass"),
        lambda: config.morph(anything, path),
        lambda: config.morph(named, f"{path}.text"),
        lambda: config.morph(named, ["models", "[api_key=sk-canary-2]"]),
        lambda: config.morph(named, "models[api_key=sk-canary-3]"),
    ]
    for call in calls:
        with pytest.raises(DispatchError) as caught:
            call()
        error = caught.value
        while error is not None:
            assert "sk-canary" not in f"{error} {error!r} {error.args} {vars(error)}"
            error = error.__cause__ or error.__context__


# Nothing aliases anything


def spoil(value):
    """Change whatever can be changed, all the way down."""
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


@pytest.mark.filterwarnings("ignore::dispatch.errors.SuspiciousKeyWarning")
@given(nested)
def test_no_result_shares_anything_with_the_configuration_or_another(written):
    """Law: whatever a user does to what was given changes nothing else, cached calls included."""
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


@pytest.mark.filterwarnings("ignore::dispatch.errors.SuspiciousKeyWarning")
@given(models())
def test_morph_agrees_with_a_comprehension_over_a_plain_dict(model):
    """Law: by signature, without the own keys, in the order written; the second time as well."""
    config = ConfigMorpher({"models": [model]})
    for _time in range(2):
        taken = config.morph(anything, "models[0]")
        assert list(taken.items()) == [(k, v) for k, v in model.items() if k not in OWN]
        by_name = config.morph(named, "models[0]")
        expected = [(k, v) for k, v in model.items() if k in ("model", "temperature", "stop")]
        assert list(by_name.items()) == expected


def test_what_is_no_container_is_handed_on_as_it_is():
    client = object()
    config = ConfigMorpher({"client": client, "response_format": Request})
    assert config.fetch("client") is client
    assert config.morph(anything) == {"client": client, "response_format": Request}


# Remembering callables


class AlwaysEqual:
    def __init__(self, names):
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names]
        )

    def __call__(self, **kwargs): ...

    def __eq__(self, other):
        return isinstance(other, AlwaysEqual)

    def __hash__(self):
        return 0


def test_two_callables_that_compare_equal_are_two(config):
    first, second = AlwaysEqual(["model"]), AlwaysEqual(["stop"])
    assert config.morph(first, "models[0]") == {"model": "openai/gpt-4o"}
    assert config.morph(second, "models[0]") == {"stop": ["END"]}


def test_a_method_and_its_function_are_two(config):
    class Some:
        def method(model, stop=None): ...  # noqa: N805

    for _time in range(2):
        assert config.morph(Some().method, "models[0]") == {"stop": ["END"]}
        assert list(config.morph(Some.method, "models[0]")) == ["model", "stop"]


def test_callables_made_in_a_loop_are_told_apart_and_not_kept_alive(config):
    alive = weakref.WeakSet()
    for number in range(2000):
        name = "model" if number % 3 else "stop"
        target = eval(f"lambda {name}: None")
        alive.add(target)
        assert list(config.morph(target, "models[0]")) == [name]
        del target
    gc.collect()
    assert len(alive) == 0


def test_a_patched_name_is_morphed_for_what_it_is_now(config, monkeypatch):
    assert "api_base" in config.morph(litellm.completion, "models[0]")
    monkeypatch.setattr(litellm, "completion", named)
    assert "api_base" not in config.morph(litellm.completion, "models[0]")


def test_threads_that_share_a_configuration_each_get_their_own(config):
    wrong = []

    def work():
        for _time in range(300):
            taken = config.morph(litellm.completion, "models[0]")
            if taken["stop"] != ["END"] or config.fetch("models[0].stop") != ["END"]:
                wrong.append(taken)
            spoil(taken)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# As an object


def test_a_configuration_is_compared_hashed_copied_and_pickled_by_what_it_holds(config):
    config.morph(litellm.completion, "models[0]")  # so that there is something remembered
    for again in (
        copy.copy(config),
        copy.deepcopy(config),
        pickle.loads(pickle.dumps(config)),
        ConfigMorpher(CONFIG),
    ):
        assert again == config
        assert hash(again) == hash(config)
        assert json.dumps(again.config) == json.dumps(CONFIG)
        assert again.morph(named, "models[0]") == config.morph(named, "models[0]")
    assert config != ConfigMorpher({})
    assert config != CONFIG


def test_a_role_group_is_copied_and_pickled_with_its_role():
    group = ModelDispatcher([{**MODEL, "roles": {"postcompletions": "sum up"}}]).for_role(
        "postcompletions"
    )
    for again in (copy.copy(group), copy.deepcopy(group), pickle.loads(pickle.dumps(group))):
        assert type(again) is RoleGroup
        assert (again.role, again.tasks, len(again)) == ("postcompletions", ("sum up",), 1)
        assert again == group
        assert json.dumps(again.fetch("models")) == json.dumps(group.fetch("models"))


def test_no_repr_shows_a_secret(config):
    group = ModelDispatcher(CONFIG["models"]).for_chatcompletions
    for shown in (config, group, *group, group.models, pickle.loads(pickle.dumps(config))):
        assert "sk-canary" not in f"{shown} {shown!r} {shown!s}"


def test_what_a_group_iterates_over_cannot_be_changed():
    for model in ModelDispatcher(CONFIG["models"]).for_chatcompletions:
        assert isinstance(model, PMap)
        with pytest.raises(TypeError):
            model["model"] = "other"


def test_a_value_that_is_a_tuple_with_names_arrives_as_one():
    written = ConfigMorpher({"row": Row("m", ["END"])})
    for _time in range(2):
        taken = written.morph(anything)
        assert type(taken["row"]) is Row
        assert taken["row"] == ("m", ["END"])
        taken["row"].stop.append("mine")


@pytest.mark.parametrize("held", [None, "", "  "])
@pytest.mark.parametrize("key", ["api_key", "azure_ad_token", "api_base", "base_url"])
def test_an_empty_secret_or_endpoint_of_a_model_never_reaches_a_callable(key, held):
    """LiteLLM would look into the environment instead, and send what it finds there."""
    config = ConfigMorpher({"models": [{"name": "fast", "model": "m", key: held}]})
    with pytest.raises(ConfigError) as caught:
        config.morph(lambda **rest: None, "models[0]")
    assert str(caught.value).startswith(f"models[0].{key}: is empty in the model 'fast'; ")
    assert ("api_key: none" in str(caught.value)) == (key == "api_key")
    assert config.morph(lambda model: None, "models[0]") == {"model": "m"}


def test_what_is_empty_and_no_secret_is_passed_on_as_it_is():
    model = {"model": "m", "stop": None, "user": "", "extra_body": {"token": None}}
    headers = {"headers": {"X-Team": ""}, "extra_headers": None}
    given = ConfigMorpher(model | headers).morph(lambda **rest: None)
    assert given == model | headers
    with pytest.raises(ConfigError, match=r"headers\.Authorization: is empty"):
        ConfigMorpher(model | {"headers": {"Authorization": ""}}).morph(lambda **rest: None)


def test_a_key_called_source_is_a_key_like_any_other():
    """A PMap gives its keys as attributes, which must not be taken for the files it came from."""
    config = ConfigMorpher(pmap({"source": "x", "models": [{"model": "m"}]}))
    assert config.source is None
    assert config.fetch("models[0].model") == "m"
