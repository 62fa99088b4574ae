"""The settings of LiteLLM's proxy: the shipped names agree with the installed release."""

from __future__ import annotations

import warnings

import litellm
import pytest
from litellm.proxy._types import ConfigGeneralSettings
from litellm.types.caching import LiteLLMCacheType
from litellm.types.guardrails import SupportedGuardrailIntegrations
from litellm.types.integrations.slack_alerting import AlertType
from litellm.types.mcp import MCPAuth

from dispatch.litellm.names import find_dead_aliases
from dispatch.litellm.settings import NESTED, SETTINGS, find_suspicious_settings, section_for

ENDPOINT = {"path": "/a", "target": "http://a", "headers": {"a": "b os.environ/C"}}


def test_names():
    """A name that the installed proxy has and the shipped list lacks is reported, no failure."""
    for name in sorted(ConfigGeneralSettings.model_fields.keys() - SETTINGS["general_settings"]):
        warnings.warn(f"LiteLLM's proxy has a setting {name}: add it", stacklevel=1)


def test_kinds():
    """A boolean of the list is one in the installed release."""
    for name, (kind, *_) in SETTINGS["litellm_settings"].items():
        if kind == "boolean" and not isinstance(getattr(litellm, name, False), bool):
            warnings.warn(f"litellm.{name} is no boolean", stacklevel=1)


INSTALLED = {
    ("litellm_settings.cache_params", "type"): [e.value for e in LiteLLMCacheType],
    ("guardrails.*.litellm_params", "guardrail"): [e.value for e in SupportedGuardrailIntegrations],
    ("general_settings.alert_types", "*"): [e.value for e in AlertType],
    ("mcp_servers.*", "auth_type"): [e.value for e in MCPAuth],
    ("litellm_settings.callbacks", "*"): litellm._known_custom_logger_compatible_callbacks,
}


@pytest.mark.parametrize(("holder", "key"), INSTALLED)
def test_values(holder, key):
    """A value that the installed release knows and the shipped list lacks is reported."""
    for name in sorted({*INSTALLED[holder, key]} - {*NESTED[tuple(holder.split("."))][key]}):
        warnings.warn(f"LiteLLM knows {name} for {holder}.{key}: add it", stacklevel=1)


def test_no_overlap_of_homes():
    """Settings that belong in a section are not moved to another."""
    sections = ("router_settings", "litellm_settings")
    assert tuple(section_for("num_retries", each) for each in sections) == sections[::-1]


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"general_settings": None, "guardrails": None},
        {"general_settings": [], "router_settings": "x"},
        {"litellm_settings": {"mine": 1, "callbacks": "my.handler", "cache": True}},
        {"litellm_settings": {1: 2}},
        {"general_settings": {"pass_through_endpoints": [ENDPOINT]}},
        {"general_settings": {"master_key": "os.environ/NOT_SET"}},
        {"router_settings": {"retry_policy": None, "cooldown_time": 0, "plugins": [object()]}},
        {"router_settings": {"model_group_alias": {"a": {"hidden": True}}}},
        # what belongs into one section is not sent to another
        {"router_settings": {"num_retries": 2}, "litellm_settings": {"num_retries": 2}},
    ],
)
def test_silence(sections):
    """Settings that may be right, or are reported elsewhere, are not reported."""
    assert list(find_suspicious_settings(sections)) == []
    assert list(find_dead_aliases(sections, ["a"])) == []
