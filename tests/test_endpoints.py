"""Which key goes where, compared with what LiteLLM sends to a server on loopback."""

from __future__ import annotations

import warnings

import litellm
import pytest
from werkzeug import Response

from dispatch import ConfigMorpher, ModelDispatcher
from dispatch.errors import ConfigError, CredentialLeakWarning
from dispatch.litellm.endpoints import VENDORS, find_credential_leak, key_variables
from tests.helpers import USER

CANARY = "canary-of-a-vendor"
EVERY_VARIABLE = [(vendor, name) for vendor in VENDORS for name in key_variables(vendor)]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for _, variable in EVERY_VARIABLE:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def arrived(httpserver):
    """Ask LiteLLM for a completion, and return everything sent to the endpoint, as a string."""
    httpserver.expect_request("").respond_with_response(Response("{}", status=400))
    httpserver.respond_nohandler = lambda request, *_: Response("{}", status=400)

    def ask(**model):
        call = {"messages": [USER], "max_retries": 0, "timeout": 5}
        refusal = ""
        try:
            litellm.completion(**call, **model)
        except Exception as error:
            refusal = str(error)
        requests = [request for request, _ in httpserver.log]
        httpserver.clear_log()
        # From 1.110 on, LiteLLM refuses a call with two keys for Azure, and sends neither.
        assert requests or "mutually exclusive" in refusal, "nothing arrived"
        return "".join(f"{request.url} {request.headers}" for request in requests)

    return ask


def model_of(vendor, httpserver):
    extra = {"api_version": "2024-06-01"} if vendor.startswith("azure") else {}
    return {"model": f"{vendor}/m-1", "api_base": httpserver.url_for("/")} | extra


@pytest.mark.parametrize(("vendor", "variable"), EVERY_VARIABLE)
def test_variables(vendor, variable, arrived, httpserver, monkeypatch):
    """LiteLLM sends the variable that the warning names; `api_key: none` prevents it."""
    monkeypatch.setenv(variable, CANARY)
    model = model_of(vendor, httpserver)
    none = ConfigMorpher({**model, "api_key": "none"}).morph(litellm.completion, strict=True)
    assert CANARY not in arrived(**none)
    assert CANARY in arrived(**model)
    assert f"would send {variable} to localhost" in str(find_credential_leak(model))


INSTEAD = [
    {"azure_ad_token": "x"},
    *({"extra_headers": {name: "x"}} for name in ("Authorization", "api-key", "x-goog-api-key")),
    {"headers": {"Authorization": "Bearer x"}},
    {"extra_headers": {"X-Gateway-Token": "x"}},
    *({key: "x"} for key in ("langfuse_secret_key", "aws_secret_access_key", "user_token")),
]


@pytest.mark.parametrize("extra", INSTEAD, ids=range(len(INSTEAD)))
@pytest.mark.parametrize("vendor", ["openai", "azure", "azure_ai", "gemini", "groq", "anthropic"])
def test_other_secrets(vendor, extra, arrived, httpserver, monkeypatch):
    """Only secrets that LiteLLM sends instead of the vendor's key suppress the warning."""
    monkeypatch.setenv(key_variables(vendor)[0], CANARY)
    model = model_of(vendor, httpserver) | extra
    assert (CANARY in arrived(**model)) == (find_credential_leak(model) is not None)


BASE = {"api_base": "http://h"}
# fmt: off
SAFE = [
    {}, {"api_base": "https://api.groq.com/openai/v1"}, {"api_base": "api.groq.com/openai/v1"},
    {"api_key": "gsk-1"} | BASE, {"api_key": "os.environ/OTHER"} | BASE,
    {"model": "openai/m", "base_url": "http://h", "headers": {"Authorization": "Bearer x"}},
    {"model": "hosted_vllm/llama"} | BASE, {"model": "ollama/llama"} | BASE,
    {"model": "my-own"} | BASE, {"api_base": "http://[broken"}, {"api_base": 7},
    {"api_base": "os.environ/UNSET_BASE"},
]
LEAKING = [
    {"model": "gpt-4o"}, {"base_url": "http://h", "api_base": None},
    {"model": "x", "custom_llm_provider": "openai"}, {"api_base": "https://openai.com.h"},
    {"api_base": "https://notopenai.com"}, {"api_base": "https://api.groq.com/openai/v1"},
    {"api_key": ""}, {"api_key": None}, {"extra_headers": {"X-Team": "blue"}},
    {"api_base": "os.environ/BASE"}, {"model": "os.environ/MODEL"},
    {"api_base": "https://host.example./v1"}, {"api_base": "http://[fe80::]/v1"},
    {"api_base": "http://my-host-:80"}, {"api_base": "https://a!b.example"},
]
# fmt: on


@pytest.mark.parametrize("model", SAFE)
def test_no_leak(model, monkeypatch):
    """There is no warning if no key goes to another endpoint."""
    for variable in ("GROQ_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(variable, CANARY)
    assert find_credential_leak({"model": "groq/llama"} | model) is None


@pytest.mark.parametrize("model", LEAKING)
def test_leak(model, monkeypatch):
    """A key that would go to another endpoint is named, and never shown."""
    variables = {
        "MODEL": "gpt-4o",
        "OPENAI_API_KEY": CANARY,
        "BASE": "https://somewhere.example/v1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    fault = find_credential_leak({"model": "openai/x"} | BASE | model)
    assert "OPENAI_API_KEY" in fault.message
    assert CANARY not in str(fault)


def test_morph(monkeypatch):
    """`morph` warns for as long as the variable is set."""
    group = ModelDispatcher([{"model": "gpt-4o", "api_base": "http://h"}]).for_chatcompletions
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        group.morph(litellm.completion, "models[0]")
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    for _ in range(2):
        with pytest.warns(CredentialLeakWarning, match=r"^models\[0\]\.api_base: ") as caught:
            group.morph(litellm.completion, "models[0]")
        assert caught[0].filename == __file__
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        group.morph(litellm.completion, "models[0]", strict=True)
