"""The policy for LiteLLM: typos are reported, and impossible values are rejected."""

from __future__ import annotations

import datetime
import warnings
from functools import partial
from importlib.metadata import version
from itertools import product

import litellm
import pytest

from dispatch import ConfigMorpher, ModelDispatcher
from dispatch.errors import ConfigError, UnknownKeyWarning
from dispatch.litellm import keys
from dispatch.litellm.keys import is_known, live_keys
from dispatch.litellm.policy import (
    RESERVED_KEYS,
    LiteLLMPolicy,
    find_misspelt,
    find_value_faults,
    is_litellm,
)
from tests.helpers import python, raised

LIVE = frozenset().union(*live_keys())


# Keys of providers that LiteLLM's lists lack, in the spelling of each provider's pages.
TYPOS = """
    temprature:temperature max_token:max_tokens apikey:api_key apiKey:api_key api-key:api_key
    baseURL:base_url api_bases:api_base topP:top_p steam:stream system_promt:system_prompt
    frequency_penality:frequency_penalty extra_header:extra_headers role:roles rolse:roles
    rolez:roles rules:roles aws_region_nane:aws_region_name vertex_projects:vertex_project
    safety_setings:safety_settings tempratüre:temperature num_retry: nmae:
"""

# Keys of providers that LiteLLM's lists lack, in the spelling of each provider's pages.
PASSED = """
    top_k num_ctx extra_body safety_settings keep_alive mock_tool_calls min_p repetition_penalty
    guided_json chat_template_kwargs stop_sequences mcp_servers guardrailConfig performanceConfig
    generationConfig thinkingConfig num_predict repeat_penalty mirostat top_a transforms provider
    top_n typical_p x_internal_flag weird-flag zzz größe
"""


def complete(model, messages=(), **kwargs):
    """A program's own function."""


def group_of(**keys):
    return ModelDispatcher([{"model": "gpt-4o", **keys}]).for_chatcompletions


def hints(*keys):
    return [fault.hint for fault in find_misspelt(keys)]


# Known keys


def test_shipped_list():
    """Keys of the installed LiteLLM that the shipped list lacks are reported, without failing."""
    lines = keys.FILE.read_text("utf-8").splitlines()
    assert sum(line[:1] != "#" for line in lines) == len(keys.known_keys())
    if missing := keys.new_keys():
        message = f"LiteLLM {version('litellm')} also takes {', '.join(missing)}: "
        warnings.warn(f"{message}run python -m dispatch.litellm.keys", stacklevel=1)


def test_new_keys(monkeypatch, tmp_path):
    """The command adds the keys of another release, under its number, and updates their types."""
    monkeypatch.setattr(keys, "FILE", tmp_path / "known.txt")
    keys.FILE.write_text("# LiteLLM 1.0.0\ntemperature\n")
    kinds = tmp_path / "key_kinds.txt"
    kinds.write_text("# A head.\n\n[annotated]  # LiteLLM 1.0.0\nold string\n\n[written]\nn -\n")
    monkeypatch.setattr("litellm.types.utils.all_litellm_params", ["new_b", "new_a", "_internal"])
    keys.main()
    assert keys.FILE.read_text() == (
        f"# LiteLLM 1.0.0\ntemperature\n# LiteLLM {version('litellm')}\nnew_a\nnew_b\n"
    )
    renewed = kinds.read_text()
    assert renewed.startswith(f"# A head.\n\n[annotated]  # LiteLLM {version('litellm')}\n")
    assert "\ntemperature number\n" in renewed
    assert "old string" not in renewed
    assert renewed.endswith("\n\n[written]\nn -\n")


def test_prices():
    """Variants of a price are known, and a typo of one is a typo."""
    assert is_known("input_cost_per_token_above_2m_tokens_batches")
    assert hints("input_cost_per_tokn") == ["did you mean 'input_cost_per_token'?"]


def test_live_lists(monkeypatch):
    """A key that a loaded LiteLLM lists is known, whatever callable it is for."""
    assert hints(*sorted(LIVE)) == []
    assert hints("temperatures")
    monkeypatch.setattr("litellm.types.utils.all_litellm_params", ["temperatures"])
    keys._is_known.cache_clear()
    assert hints("temperatures") == []
    keys._is_known.cache_clear()


def test_no_import():
    """Knowing the keys imports no LiteLLM, even for what looks like a callable of it."""
    python("""
import sys, warnings
from dispatch import ModelDispatcher
warnings.simplefilter("ignore")
def litellm_like(model, **kwargs): ...
litellm_like.__module__ = "litellm.main"
models = [{"model": "m", "temprature": 0, "api_base": "http://h"}]
ModelDispatcher(models).for_chatcompletions.morph(litellm_like)
assert "litellm" not in sys.modules
""")


# Typos


@pytest.mark.parametrize(("typo", "meant"), [each.split(":") for each in TYPOS.split()])
def test_typos(typo, meant, recwarn):
    """A typo is passed on, with a warning that names its place and the right key."""
    warnings.simplefilter("always")
    assert group_of(**{typo: "1"}).morph(complete)[typo] == "1"
    expected = f"models[0].{typo}: unknown key; did you mean '{meant}'?"
    assert [str(each.message) for each in recwarn] == ([expected] if meant else [])


@pytest.mark.parametrize("key", PASSED.split())
def test_keys_of_providers(key):
    """A key of a provider is passed on without a warning."""
    group = group_of(**{key: 1})
    for target in (complete, litellm.completion, litellm.acompletion):
        assert group.morph(target, strict=True)[key] == 1


def test_present_keys():
    """A key that is there already is not suggested."""
    assert list(find_misspelt({"temperature": 1, "temprature": 0})) == []
    (fault,) = find_misspelt({"roles": {"chatcompletions": None}, "rolse": "x"})  # the default
    assert fault.hint == "did you mean 'roles'?"
    assert list(find_misspelt({"roles": {"postcompletions": None}, "rolse": "x"})) == []


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("client_secert", ["did you mean 'client_secret'?"]),
        ("gcs_path_service_acount", ["did you mean 'gcs_path_service_account'?"]),
        ("azure_usernme", ["did you mean 'azure_username'?"]),
        ("azure_pasword", []),
        ("oci_kye", []),
    ],
)
def test_secrets_are_not_suggested(typo, meant):
    """A secret is suggested only for a name that counts as secret itself."""
    assert hints(typo) == meant


def test_own_keys():
    """Own keys are not typos, and are held back like the reserved ones."""
    policy = LiteLLMPolicy(["tempratures"])
    assert policy.reserved == RESERVED_KEYS | {"tempratures"}
    models = [{"model": "m", "tempratures": [0, 1]}]
    group = ModelDispatcher(models, own_keys=["tempratures"]).for_chatcompletions
    assert group.morph(complete, strict=True) == {"model": "m"}


def test_warning():
    """The warning points at the line that morphed, and holds the fault."""
    with pytest.warns(UnknownKeyWarning) as caught:
        group_of(temprature=0).morph(complete, start_from="models[0]")
    assert caught[0].filename == __file__
    assert caught[0].message.args[0].path == ("models", 0, "temprature")


def test_strict():
    """`strict=True` makes all typos one error, in that call alone; a warning comes once."""
    group = group_of(temprature=0, apikey="sk-1")
    faults = raised(ConfigError, group.morph, complete, strict=True).faults
    found = [(fault.path[-1], fault.severity) for fault in faults]
    assert found == [("temprature", "error"), ("apikey", "error")]
    with pytest.warns(UnknownKeyWarning):
        assert group.morph(complete)["temprature"] == 0
    group.morph(complete)


def test_other_callables():
    """A parameter of one of several callables is no typo; without `**kwargs`, only those count."""
    taken = group_of(temprature=0).morph([complete, lambda temprature=None: None], strict=True)
    assert taken[1] == {"temprature": 0}

    def call(model, temperature=1): ...

    with pytest.warns(UnknownKeyWarning, match="did you mean 'temperature'"):
        group_of(temprature=0, max_token=1).morph(call)
    assert group_of(max_token=1).morph(call) == {"model": "gpt-4o"}


def test_any_configuration():
    """For other callables than LiteLLM's, keys of nodes other than models are not typos."""

    def build_tool(label, **options): ...

    config = ConfigMorpher({"tool": {"labell": 1, "temprature": 2}})
    assert config.morph(build_tool, "tool", strict=True) == {"labell": 1, "temprature": 2}


def test_thousands_of_unknown_keys():
    """Of thousands of unknown keys, the first 200 are looked up and reported."""
    typos = [f"temperatur{i}" for i in range(1000)]
    assert len(hints(*typos)) == 200
    seen = set()
    for typo in typos[:300]:
        list(find_misspelt([typo + "x"], seen=seen))
    assert len(seen) == 200


def test_is_litellm():
    """LiteLLM's callables are its functions, methods and partials of them."""
    twice = partial(partial(litellm.acompletion), model="m")
    assert all(map(is_litellm, (litellm.completion, litellm.Router.completion, twice)))
    assert not any(map(is_litellm, (complete, None)))


# Values


@pytest.mark.parametrize(
    ("key", "value"),
    [("api_key", None), *product(["api_key", "azure_ad_token", "api_base", "base_url"], ["", " "])],
)
def test_empty(key, value):
    """An empty secret or endpoint reaches no call: LiteLLM would look into the environment."""
    group = group_of(**{key: value})
    message = str(raised(ConfigError, group.morph, complete))
    assert message.startswith(f"models[0].{key}: is empty; ")
    assert ("api_key: none" in message) == (key == "api_key")
    assert group.morph(lambda model: None) == {"model": "gpt-4o"}


@pytest.mark.parametrize(
    "keys",
    [
        {"stop": None, "user": "", "extra_body": {"token": None}, "api_base": None},
        {"aws_session_token": None, "extra_headers": None, "image_token": None},
        {"headers": {"X-Team": ""}},
        # a number elsewhere is a number, whatever its key reminds of
        {"temperature": 0, "max_tokens": 5, "metadata": {"api_key": 1}},
        {"image_token": 32000, "sep_token": 2, "secret_fields": None},
    ],
)
def test_right_values(keys):
    """Empty values other than secrets, nulls, and allowed numbers are passed on."""
    assert group_of(**keys).morph(complete) == {"model": "gpt-4o", **keys}
    assert list(find_value_faults({"model": "gpt-4o", **keys})) == []


def test_unknown_secrets():
    """A key that LiteLLM does not know may be a number or empty, whatever its name reminds of."""
    keys = {"eot_token": 50256, "license_key": 5, "num_pass": 2, "map_key": ""}
    assert list(find_value_faults({"model": "gpt-4o", **keys})) == []


def test_empty_header():
    """Of headers, secret names count."""
    with pytest.raises(ConfigError, match=r"headers\.Authorization: is empty"):
        group_of(headers={"Authorization": ""}).morph(complete)


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("api_key", 83, "a number"),
        ("api_base", 5, "a number"),
        ("api_version", datetime.date(2024, 10, 21), "a date"),
        ("custom_llm_provider", True, "the boolean True"),
    ],
)
def test_strings(key, value, found):
    """What must be a string is refused before it is sent: `api_key: 0123` is 83 in YAML."""
    error = raised(ConfigError, group_of(**{key: value}).morph, complete)
    assert str(error) == f"models[0].{key}: expected a string, found {found}; quote it"
