"""Bounded fuzzing: only errors of this package are raised, without secrets."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from dispatch import ConfigError, ConfigMorpher, ConfigWarning, ModelDispatcher, check, explain
from dispatch.errors import DispatchError

EXAMPLES = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
BROKEN = yaml.safe_load((Path(__file__).parent / "broken.yaml").read_text("utf-8"))
SEEDS = [text for case in BROKEN for text in case["files"].values()]


def complete(model: str, **kwargs: Any) -> None:
    """Stand in for a callable that models are passed to."""


def try_file(path: Path, content: bytes) -> str:
    """Read a file, use it in every offline way, and return all output."""
    path.write_bytes(content)
    try:
        config = ConfigMorpher(path)
    except DispatchError as error:
        return show(error)
    return use(config)


def try_object(value: Any) -> None:
    """Use an object as a list of models, and as a configuration."""
    try:
        ModelDispatcher(value)
    except DispatchError as error:
        show(error)
    try:
        config = ConfigMorpher(value)
    except DispatchError as error:
        show(error)
    else:
        use(config)


def use(config: ConfigMorpher) -> str:
    """Check, explain, dispatch and morph."""
    report = check(config)
    shown = [report.summary, *(fault.render() for fault in (*report.faults, *report.warnings))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConfigWarning)
        try:
            explained = explain(config, target=complete)
            shown += [f"{e.where} {e.value} {e.describe()} {e.origins}" for e in explained]
            dispatcher = ModelDispatcher(config)
            for group in (dispatcher.for_chatcompletions, dispatcher.for_postcompletions):
                for index in range(min(len(group), 5)):
                    group.morph(complete, start_from=f"models[{index}]")
        except DispatchError as error:
            shown.append(show(error))
    assert "\n".join(shown).encode()
    return "\n".join(shown)


def show(error: DispatchError) -> str:
    """Return the text of an error, which can be printed."""
    assert repr(error).encode()
    if isinstance(error, ConfigError):
        assert error.faults
    return str(error).encode().decode()


NAMES = "models model name roles api_key headers chatcompletions << max_tokens defaults enabled"
KEYS = st.sampled_from(NAMES.split())
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["gpt-4o", "chatcompletions", "os.environ/NOPE", "${NOPE}", "https://a:b@c"])
)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=15,
)
CONFIGS = st.fixed_dictionaries(
    {"models": st.lists(st.dictionaries(KEYS, PLAIN, max_size=5), max_size=3)}
)
MARKS = """- : ? | > ' " \"\"\" ''' \\ # ! % @ [ ] { } , . = << &a *a ~ on null true --- ...
[[models]] [models] models model roles api_key gpt-4o chatcompletions 0123 1e3 3.10 2024-01-31 1:30
!!int !env !!merge os.environ/NOPE ${NOPE} \\ud800 \\u0000 é 日 😀"""
SPACES = ["\n", "\n  ", "\n- ", "\t", " ", ": ", " = ", "\ufeff", "\x85", "\u2028", "\0", "\x1b"]
PIECES = st.sampled_from([*MARKS.split(), *SPACES])
TEXTS = st.lists(PIECES | st.text(max_size=4), max_size=40).map("".join)
FORMATS = st.sampled_from([".yaml", ".json", ".toml"])


@st.composite
def mutated(draw, texts):
    """Take a text, and break it once or twice."""
    text = draw(texts)
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(PIECES) + text[at + draw(st.integers(0, 3)) :]
    return text


@EXAMPLES
@given(suffix=FORMATS, text=TEXTS | mutated(st.sampled_from(SEEDS)))
@example(suffix=".yaml", text="models:\n- {model: m, <<: {<<: [1]}}")
@example(suffix=".yaml", text="models:\n- {model: &n <<, *n : x}")
@example(suffix=".json", text='{"models": "\\ud800"}')
@example(suffix=".json", text='{"models": [{"model": "m", "temprature\\ud83d": 1}]}')
@example(suffix=".yaml", text='models: [{model: m, "temprature\\ud83d": 1}]')
def test_text(tmp_path, suffix, text):
    """Files made of fragments of the formats and of the broken configurations."""
    try_file(tmp_path / f"c{suffix}", text.encode("utf-8", "surrogatepass"))


@EXAMPLES
@given(suffix=FORMATS, content=st.binary(max_size=60))
def test_bytes(tmp_path, suffix, content):
    """Files of random bytes."""
    try_file(tmp_path / f"c{suffix}", content)


@EXAMPLES
@given(config=CONFIGS | PLAIN, as_yaml=st.booleans())
def test_well_formed(tmp_path, config, as_yaml):
    """Files that parse, with any content."""
    text = yaml.safe_dump(config) if as_yaml else json.dumps(config)
    try_file(tmp_path / ("c.yaml" if as_yaml else "c.json"), text.encode())


KEY = "-----BEGIN PRIVATE KEY-----\n" + "".join(f"cAnArY{n}x/+9MIIEvQ\n" for n in range(5))
KEY += "-----END PRIVATE KEY-----\n"
SECRETS = {
    ".yaml": f"""\
models:
- name: one
  api_key: 'cAnArY-1'
  vertex_credentials: |
    {KEY.replace(chr(10), chr(10) + "    ")}
  headers:
    Authorization: Bearer cAnArY-2
    X-Team: blue
  model: gpt-4o
# - api_key: cAnArY-3
- api_base: https://me:cAnArY-4@host/v1
  password: "cAnArY-5
    cAnArY-6"
  roles: [chatcompletions]
  model: o3
""",
    ".json": json.dumps(
        {
            "models": [
                {"name": "one", "vertex_credentials": KEY, "model": "gpt-4o"},
                {"api_key": "cAnArY-1", "headers": {"Authorization": "cAnArY-2"}, "model": "o3"},
            ],
            "router_settings": {"password": ["cAnArY-3"], "num_retries": 2},
        },
        indent=1,
    ),
    ".toml": f"""\
[[models]]
name = "one"
private_key = \"\"\"
{KEY}\"\"\"
model = "gpt-4o"
[[models]]
api_key = 'cAnArY-1' # not cAnArY-1b
headers = {{Authorization = "cAnArY-2"}}
model = "o3"
[models.credentials]
user = 'cAnArY-3'
password = 'cAnArY-4'
""",
}


NAMED = re.compile(  # what makes a secret of the values above
    r"(?<=[\s\x22{.])(api_key|vertex_credentials|Authorization|password|private_key|credentials)"
    r"(?=\x22?\s*[]:=])|https://me:\S+@host|-----(BEGIN|END) PRIVATE KEY-----"
)


@settings(EXAMPLES, derandomize=True)  # one in 10,000 makes a key of a secret
@given(data=st.data(), suffix=FORMATS)
def test_no_secret_is_shown(tmp_path, data, suffix):
    """However a file with secrets is broken, none is shown if its key is intact."""
    text = data.draw(mutated(st.just(SECRETS[suffix])))
    assume(len(NAMED.findall(text)) == len(NAMED.findall(SECRETS[suffix])))
    shown = try_file(tmp_path / f"c{suffix}", text.encode("utf-8", "surrogatepass"))
    assert not re.findall(r"(?i).*canary.*", shown)


class Odd:
    """An object that no configuration should contain."""


ODD = st.recursive(
    SCALARS | st.binary(max_size=4) | st.builds(Odd) | st.just(Odd) | st.complex_numbers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS | st.integers() | st.none() | st.booleans(), inner, max_size=4)
        | st.frozensets(st.integers() | st.text(max_size=3), max_size=3)
        | st.lists(inner, max_size=3).map(iter)
    ),
    max_leaves=12,
)


@EXAMPLES
@given(ODD | st.fixed_dictionaries({"models": st.lists(ODD, max_size=3)}))
def test_object(value):
    """Python objects of any kind, instead of models and configurations."""
    try_object(value)


def test_endless_object():
    """Cycles and very deep nesting, made in Python."""
    cycle: dict = {"model": "m"}
    cycle["roles"] = cycle["self"] = [cycle]
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    for value in ([cycle], {"models": [cycle]}, [{"model": "m", "x": deep}], {"models": deep}):
        try_object(value)
