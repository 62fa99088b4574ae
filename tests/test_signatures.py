"""The keyword arguments of any callable are read, without calling it."""

from __future__ import annotations

import array
import collections
import dataclasses
import enum
import functools
import gc
import inspect
import typing
import weakref
from functools import partial
from unittest import mock

import attrs
import litellm
import pydantic
import pytest

from dispatch.config.signatures import default_factory, read_parameters
from dispatch.errors import SignatureError
from dispatch.litellm.policy import LiteLLMPolicy


def never(*args, **kwargs):
    raise AssertionError("was called")


def plain(model, temperature=0, *, stop=None): ...


def positional(model, /, temperature=0, *rest, **extra): ...


async def coroutine(model, **extra): ...


@functools.wraps(plain)
def decorated(*args, **kwargs):
    never()


class Service:
    def __init__(self, model, stop=None):
        never()

    def method(self, model, stop=None): ...
    @classmethod
    def from_class(cls, model, stop=None): ...
    @staticmethod
    def static(model, stop=None): ...


class Overriding(Service):
    def __init__(self, temperature, **kwargs):
        never()


class Counting(type):
    def __call__(cls, shade, **kwargs):
        never()


class ByMetaclass(metaclass=Counting):
    def __init__(self, model): ...


class Calling:
    def __call__(self, model, stop=None):
        never()


class Promiscuous(Calling):
    """Has every attribute that it is asked for, as proxies do."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return 7


class Box(typing.Generic[typing.TypeVar("Item")]):
    def __init__(self, model, stop=None): ...


class Base(typing.TypedDict):
    model: Undefined  # noqa: F821  # which is never resolved


class Options(Base, total=False):
    stop: typing.NotRequired[list]


@dataclasses.dataclass
class Data:
    model: str
    key: dataclasses.InitVar[str]
    stop: list = dataclasses.field(default_factory=list)
    hidden: int = dataclasses.field(default=1, init=False)
    shared: typing.ClassVar[int] = 2
    seed: int = dataclasses.field(default=3, kw_only=True)

    def __post_init__(self, key):
        never()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    model: str
    stop: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Callback:
    """A dataclass whose instances take other arguments than its constructor."""

    stop: list = dataclasses.field(default_factory=list)

    def __call__(self, stop=None, model="m"): ...


class Request(pydantic.BaseModel):
    model: str
    stop: list = pydantic.Field(default_factory=list)
    top_p: float = pydantic.Field(default=1, alias="topP")
    tags: dict = pydantic.Field(default_factory=dict, alias="labels")
    derived: dict = pydantic.Field(default_factory=lambda data: dict(data))

    def model_post_init(self, context):
        never()


class Open(Request, extra="allow"):
    pass


@pydantic.dataclasses.dataclass
class Checked:
    model: str
    stop: list = pydantic.Field(default_factory=list)
    tags: dict = dataclasses.field(default_factory=dict)


@attrs.define
class Attrs:
    model: str
    _stop: list = attrs.field(factory=list)
    tags: dict = attrs.field(factory=dict, alias="labels")
    derived: dict = attrs.field(default=attrs.Factory(lambda self: never(), takes_self=True))

    def __attrs_post_init__(self):
        never()


service = object.__new__(Service)
Bare = type("Bare", (), {})
OnlyNew = type("OnlyNew", (), {"__new__": lambda cls, model, stop=None: never()})
Pair = collections.namedtuple("Pair", "model stop")

# fmt: off
TARGETS = [  # target, the names it takes by keyword, whether it has **kwargs
    (plain, "model temperature stop", False), (lambda model, stop: None, "model stop", False),
    (lambda: None, "", False), (lambda self, cls, model: None, "self cls model", False),
    (positional, "temperature", True), (coroutine, "model", True),
    (decorated, "model temperature stop", False),
    (functools.lru_cache(lambda model, stop=None: None), "model stop", False),
    (Service, "model stop", False), (service.method, "model stop", False),
    (Service.method, "self model stop", False), (Service.from_class, "model stop", False),
    (service.from_class, "model stop", False), (Service.static, "model stop", False),
    (type("Inheriting", (Service,), {}), "model stop", False), (Overriding, "temperature", True),
    (OnlyNew, "model stop", False), (ByMetaclass, "shade", True), (Bare, "", False),
    (Calling(), "model stop", False), (Promiscuous(), "model stop", False),
    (type("Unhashable", (Calling,), {"__hash__": None})(), "model stop", False),
    (Box, "model stop", False), (Box[int], "model stop", False), (Pair, "model stop", False),
    (typing.NamedTuple("Point", [("model", str), ("stop", int)]), "model stop", False),
    (Base, "model", False), (Options, "model stop", False),
    (typing.TypedDict("Free", {"api-key": str, "in": int}), "api-key in", False),
    (Data, "model key stop seed", False), (Frozen, "model stop", False),
    (Callback, "stop", False), (Callback([]), "stop model", False),
    (Request, "model stop topP labels derived", False),
    (Open, "model stop topP labels derived", True), (Checked, "model stop tags", False),
    (Attrs, "model stop labels derived", False),
    (partial(plain), "model temperature stop", False),
    (partial(plain, temperature=1), "model temperature stop", False),
    (partial(plain, "gpt-4o"), "temperature stop", False),
    (partial(partial(plain, "gpt-4o"), 1), "stop", False),
    (partial(Data, "gpt-4o"), "key stop seed", False),
    (functools.partialmethod(plain, 1).__get__(service), "stop", False),
    (print, "sep end file flush", False), (sorted, "key reverse", False), ("".join, "", False),
    (open, "file mode buffering encoding errors newline closefd opener", False),
    (mock.MagicMock(), "", True), (mock.create_autospec(plain), "model temperature stop", False),
    (mock.create_autospec(Data), "model key stop seed", False), (mock.AsyncMock(), "", True),
    (litellm.rerank, "model query documents custom_llm_provider", True),
]
# fmt: on


@pytest.mark.parametrize(
    ("target", "names", "has_var_keyword"),
    TARGETS,
    ids=[getattr(target, "__qualname__", type(target).__name__) for target, *_ in TARGETS],
)
def test_each_kind(target, names, has_var_keyword):
    """Each kind of callable has its keywords in order, the second time as well."""
    parameters = read_parameters(target)
    keywords = list(parameters.defaults)
    assert (keywords[:4] if target is litellm.rerank else keywords) == names.split()
    assert parameters.has_var_keyword is has_var_keyword
    assert read_parameters(target) == parameters


@pytest.mark.parametrize("name", ["embedding", "text_completion", "image_generation", "speech"])
def test_async_twin_of_litellm(name):
    """An async function that only has `**kwargs` takes what its sync twin takes."""
    twin = getattr(litellm, f"a{name}")
    assert set(inspect.signature(twin).parameters) == {"args", "kwargs"}  # else this shows nothing
    sync = read_parameters(getattr(litellm, name))
    assert list(read_parameters(LiteLLMPolicy().signed(twin)).defaults) == list(sync.defaults)


async def aplain(*args, **kwargs): ...  # has a sync twin above


def test_no_twin():
    """A program's async function takes its own parameters, whatever its sync twin."""
    assert LiteLLMPolicy().signed(aplain) is aplain


@pytest.mark.parametrize(
    ("target", "message"),
    [
        *((target, "has no signature; wrap it") for target in (dict, max, type, dict[str, int])),
        (partial(plain, 1, 2, 3, 4), "partial has no signature"),
        (None, "found a NoneType$"),
        (1, "found an int$"),
        ("litellm.completion", "found a str$"),
        ({}, "found a dict$"),
        (Bare(), "found a Bare$"),
    ],
)
def test_refused(target, message):
    """Anything not callable, without a signature or never callable is rejected by name."""
    with pytest.raises(SignatureError, match=message) as caught:
        read_parameters(target)
    assert isinstance(caught.value, TypeError)
    name = getattr(typing.get_origin(target) or target, "__name__", type(target).__name__)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("target", "field", "expected"),
    [
        (partial(positional, "gpt-4o", 1), "filled", {"temperature"}),
        (partial(partial(lambda a, b, **rest: None, 1), 2), "filled", {"a", "b"}),
        (plain, "filled", frozenset()),
        (positional, "positional_only", {"model"}),
        (partial(positional, "gpt-4o"), "positional_only", frozenset()),
        (sorted, "positional_only", {"iterable"}),
        (plain, "required", ["model"]),
        (Data, "required", ["model", "key"]),
    ],
)
def test_fields(target, field, expected):
    """What a partial gave by position, what is positional-only and what is required is known."""
    assert getattr(read_parameters(target), field) == expected


class Color(enum.Enum):
    RED = 1


class Stack(list):
    pass


SENTINEL = object()

# fmt: off
DEFAULTS = [  # a default, and whether it is made afresh
    (None, False), (0.5, False), ((), False), (SENTINEL, False), (Color.RED, False),
    (litellm.completion, False), ([1], True), ({"a": [1]}, True), ({1}, True),
    (bytearray(b"a"), True), (Stack([1]), True), (collections.OrderedDict(a=1), True),
    (collections.defaultdict(list, a=[1]), True), (collections.deque([1]), True),
    (collections.Counter("a"), True), (collections.UserDict(a=1), True),
    (array.array("i", [1]), True),
]
# fmt: on


@pytest.mark.parametrize(("default", "fresh"), DEFAULTS, ids=lambda each: type(each).__name__)
def test_mutable_default(default, fresh):
    """A mutable default is copied, keeping its class; any other is passed unchanged."""

    def target(value=default): ...

    make = default_factory(target, "value")
    assert type(make()) is type(default)
    assert make() == default
    assert (make() is not default) is fresh
    assert (make() is not make()) is fresh


def test_other_defaults():
    """What a mutable default holds is made afresh too; a parameter without a default has None."""

    def target(value={"a": [1]}): ...  # noqa: B006

    make = default_factory(target, "value")
    make()["a"].append(2)
    assert make() == {"a": [1]}
    assert default_factory(plain, "model")() is None
    assert default_factory(Options, "model")() is None


# fmt: off
FACTORIES = [
    (Data, "stop", []), (Data, "seed", 3), (Frozen, "stop", []),
    (partial(Data, "m"), "stop", []),
    (partial(partial(Data), "m"), "stop", []),
    (mock.create_autospec(Data), "stop", None),  # no class, so its factory is unknown
    (mock.Mock(__signature__=inspect.signature(Data)), "stop", None),
    (Callback([]), "stop", None), (Request, "stop", []), (Request, "topP", 1),
    (Request, "labels", {}), (Request, "derived", None),  # its factory wants the other values
    (Checked, "stop", []), (Checked, "tags", {}), (Attrs, "stop", []), (Attrs, "labels", {}),
    (Attrs, "derived", None),
]
# fmt: on


@pytest.mark.parametrize(("target", "name", "expected"), FACTORIES)
def test_default_factory(target, name, expected):
    """The factory of a field makes its default, where the class says which."""
    make = default_factory(target, name)
    assert make() == expected
    assert isinstance(expected, list | dict) is (make() is not make())


@pytest.mark.parametrize(
    "make",
    [
        lambda: lambda model, stop=[]: None,
        lambda: eval("lambda model: None"),
        lambda: partial(plain, "m"),
        lambda: dataclasses.make_dataclass(
            "Made", [("a", list, dataclasses.field(default_factory=list))]
        ),
        lambda: pydantic.create_model("Made", a=(list, pydantic.Field(default_factory=list))),
        Calling,
    ],
    ids=["function", "eval", "partial", "dataclass", "pydantic", "instance"],
)
def test_no_callable_is_kept_alive(make):
    """Reading the parameters of a callable of the user's keeps nothing alive."""
    target = make()
    read_parameters(target)
    gone = weakref.ref(target)
    del target
    gc.collect()
    assert gone() is None
