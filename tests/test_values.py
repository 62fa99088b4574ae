"""Suspicious values in a model: each row of the table is found, and nothing in good files."""

from __future__ import annotations

import datetime
import inspect
import json
import re
import warnings
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.faults import Row, variables_of
from dispatch import check
from dispatch.immutable import freeze
from dispatch.litellm.catalog import Catalog, read_catalog
from dispatch.litellm.keys import KEY_KINDS, read_annotations
from dispatch.litellm.lint import find_suspicious
from dispatch.litellm.tables import rows, table
from tests.helpers import places, without_keys

HERE = Path(__file__).parent
GOOD = yaml.safe_load((HERE / "good.yaml").read_text("utf-8"))
SUSPECT = yaml.safe_load((HERE / "suspect.yaml").read_text("utf-8"))
MAP = json.loads((HERE / "lint_map.json").read_text("utf-8"))
CATALOG = Catalog(MAP["models"], MAP["providers"])
TODAY = datetime.date(2026, 6, 1)


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    """Remove variables that a value could name by chance."""
    without_keys(monkeypatch)
    monkeypatch.setenv("MY_SECRET_THING", "made up")


def find(model, catalog=CATALOG, **options):
    return list(find_suspicious(freeze(model), catalog, **{"today": TODAY, **options}))


def codes(*arguments, **options):
    return [fault.code for fault in find(*arguments, **options)]


def models(row):
    models = yaml.safe_load(row["file"]).get("models", [])
    return [*models.values()] if isinstance(models, dict) else models


def by_name(rows):
    return [pytest.param(row, id=row["what"]) for row in rows]


@pytest.mark.parametrize("row", by_name(GOOD))
def test_good(row, monkeypatch):
    """A good configuration with all variables set has no findings."""
    monkeypatch.setattr("dispatch.tools.check.read_catalog", lambda: CATALOG)
    for name, value in variables_of(Row(row["what"], {"c.yaml": row["file"]})).items():
        monkeypatch.setenv(name, value)
    report = check(freeze(yaml.safe_load(row["file"])), today=TODAY)
    assert [str(fault) for fault in (*report.faults, *report.warnings)] == []


@pytest.mark.parametrize("row", by_name(SUSPECT))
def test_suspect(row):
    """Each row is reported with its location and words, and nothing else."""
    (model,) = models(row)
    found = find(model)
    assert [fault.where for fault in found] == [row["where"]], [str(fault) for fault in found]
    assert [word for word in row["says"] if word not in str(found[0])] == [], str(found[0])
    assert found[0].severity == "warning"


@pytest.mark.parametrize("row", by_name(SUSPECT))
def test_advice(row):
    """Following a hint leads to no further hint there; a suggested key is new."""
    (model,) = models(row)
    (fault,) = find(model)
    form = r"write ([^\s,]+)(?=,|$| if| or)|remove the quotes: write (\S+)|did you mean '(\S+)'"
    advised = re.match(form, fault.hint)
    if advised is None or len(fault.path) > 1:
        return  # no advice that could be followed word by word
    written, key = advised[advised.lastindex], fault.path[0]
    if fault.code == "unknown-key":
        assert written not in model
        model[written] = model.pop(key)
        key = written
    else:
        model[key] = yaml.safe_load(written)
    assert [str(again) for again in find(model) if again.path == (key,)] == []


def test_enough():
    """The tables are as long as they are meant to be."""
    assert len(GOOD) >= 100
    assert len(SUSPECT) >= 300


@pytest.mark.parametrize("url", ["http://[", "[http://gpu-01:8000/v1]"])
def test_no_url(url):
    """URLs that Python's own parser rejects are reported too."""
    (fault,) = find({"model": "openai/m", "api_base": url, "api_key": "none"})
    assert (fault.where, fault.message) == ("api_base", "is not a URL")


def test_what_is_known():
    """A program's own keys are not checked, and its registered providers are known."""
    model = {"model": "gpt-4o", "mode": "chat", "maxTokens": "4"}
    assert find(model, own_keys=["mode", "maxTokens"]) == []
    assert codes({"model": "mine/m"}) == ["unknown-model"]
    assert find({"model": "mine/m"}, providers=["mine"]) == []


def test_drop_params(monkeypatch):
    """Parameters that are dropped for all models are not reported."""
    model = {"model": "o3", "temperature": 0}
    assert codes(model) == ["refused-parameter"]
    assert find(model, drop_params=True) == []
    monkeypatch.setenv("LITELLM_DROP_PARAMS", "True")
    assert find(model) == []


@pytest.mark.parametrize(
    ("model", "options", "count"),
    [
        ("gpt-4.5", {"ahead": 0}, 0),
        ("gpt-4.5", {"ahead": 18}, 0),
        ("gpt-4.5", {"ahead": 19}, 1),
        ("gpt-4.5", {"ahead": 30}, 1),
        ("gpt-4.6", {}, 0),
        ("gpt-4.6", {"ahead": 90}, 1),
    ],
)
def test_ahead(model, options, count):
    """A model is reported the given number of days before its end."""
    assert len(find({"model": model}, **options)) == count


def test_without_catalog():
    """Values, references, keys and endpoints are checked without LiteLLM too."""
    model = {"model": "x/y", "max_tokens": "5", "api_base": "h:1/v1", "apiKey": "os.environ/K"}
    assert places(find(model, None)) == ["apiKey", "max_tokens", "api_base"]


def test_secret_name():
    """A secret as a model name is not shown."""
    (fault,) = find({"model": "made-up-1", "api_key": "made-up-1"})
    assert "made-up-1" not in str(fault)
    assert "made-up-2" not in str(find({"model": "made-up-2"}, secrets=["made-up-2"])[0])


@pytest.mark.parametrize(
    "key", ["api_key", "apiKey", "aws_secret_access_key", "openai_api_key", "api_key_evn"]
)
def test_secrets(key):
    """No value of a key that holds a secret is shown."""
    for secret in ("canary", " canary ", "canary\n", ["canary"], {"a": "canary"}, "$canary x"):
        assert "canary" not in "".join(map(str, find({"model": "openai/gpt-4o", key: secret})))


NAMES = st.sampled_from(sorted({key for row in SUSPECT for key in models(row)[0]}))
ODD = ["gpt-5-mini", "openai/", "/", "http://", "http://[", "azure/x", "a:b", "o3", "claude-x"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates()
VALUES = st.recursive(
    SCALARS | st.sampled_from(ODD),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.integers() | st.text() | NAMES, inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(NAMES | st.text() | st.booleans(), VALUES, max_size=6))
def test_anything(model):
    """Whatever a model contains, there are only warnings."""
    assert {fault.severity for fault in find(model)} <= {"warning"}


# --- the installed LiteLLM, which changes: what differs is a warning here, never a failure


def report(differences, what):
    for each in sorted(differences):
        warnings.warn(f"{what}: {each}", stacklevel=2)


def test_installed_good():
    """A good configuration that the installed map makes a suspect is reported, no failure."""
    reports = (check(freeze(yaml.safe_load(row["file"])), today=TODAY, ahead=0) for row in GOOD)
    unset = ("unset-key", "unset-variable")
    found = {str(f) for each in reports for f in each.warnings if f.code not in unset}
    report(found, "a false alarm with the installed LiteLLM")


def test_installed_kinds():
    """A key that the installed release annotates otherwise is reported, no failure."""
    import litellm
    from litellm.types.router import LiteLLM_Params

    called = inspect.signature(litellm.completion).parameters.items()
    annotations = {key: parameter.annotation for key, parameter in called if key != "messages"}
    annotations |= {key: field.annotation for key, field in LiteLLM_Params.model_fields.items()}
    kinds = dict(read_annotations(annotations))
    differ = {key for key in kinds.keys() - KEY_KINDS if "cost" not in key}
    report(differ, "run python -m dispatch.litellm.keys: a new key")


def test_installed_hosts():
    """A host that the installed release knows and the shipped list lacks is reported."""
    import litellm

    urls = [url.partition("://")[2] or url for url in litellm.openai_compatible_endpoints]
    hosts = {url.partition("/")[0] for url in urls}
    report(hosts - set(table("hosts")["hosts"]), "a host that LiteLLM knows")


def test_installed_providers():
    """A prefix that is advised, and that the installed release does not know, is reported."""
    known = read_catalog().providers
    advised = {prefix for prefix, *_ in rows("names")}
    served = {provider for _, _, *names in rows("added") for provider in names}
    report((advised | served) - known, "no provider of the installed LiteLLM")


@pytest.mark.slow
def test_installed_refusals():
    """What is said to be refused, and the installed release takes, is reported, no failure."""
    import litellm
    from litellm.utils import get_optional_params

    asked = {"temperature": 0.2, "top_p": 0.5, "frequency_penalty": 0.5, "seed": 1, "stop": ["x"],
             "logprobs": True, "logit_bias": {"1": 1}, "reasoning_effort": "xhigh"}  # fmt: skip
    names = [n for n, e in read_catalog().entries.items() if e.get("mode") == "chat"][::17]
    differ = set()
    for name in names:
        for key, value in asked.items():
            found = find({"model": name, key: value}, read_catalog(), ahead=0)
            if not any(fault.code == "refused-parameter" for fault in found):
                continue
            try:
                model, provider, *_ = litellm.get_llm_provider(name)
                get_optional_params(model=model, custom_llm_provider=provider, **{key: value})
            except Exception:  # it is refused
                continue
            differ.add(f"{name} takes {key}")
    report(differ, "the installed LiteLLM says otherwise")


@pytest.mark.parametrize("number", [10**310, -(10**310), 1e308, float("nan")])
def test_any_size(number):
    """A number of any size is a warning, not an exception."""
    for key in ("max_tokens", "input_cost_per_token", "temperature"):
        assert places(find({"model": "gpt-4o", key: number})) == [key]


@pytest.mark.parametrize("key", ["vertex_credentials", "api_key", "api_base"])
def test_empty(key):
    """An empty value, which is an error of another module, is not an exception here."""
    assert key not in places(find({"model": "vertex_ai/gemini-2.5-pro", key: ""}))
