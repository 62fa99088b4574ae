"""LiteLLM's OpenTelemetry callback, whose spans know the role and the task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from litellm.integrations.opentelemetry import OpenTelemetry

__all__ = ["ASKED", "telemetry"]

ASKED = "dispatch"
"""The key of a call's metadata under which LiteLLM's callbacks find the role and the task."""


def telemetry(**options: Any) -> OpenTelemetry:
    """Return LiteLLM's callback for OpenTelemetry, with the role and the task on each span.

    The role is the attribute `gen_ai.agent.name`, the task `gen_ai.agent.description`. `options`
    are those of LiteLLM's `OpenTelemetry`, such as `config` or `tracer_provider`. The package
    `opentelemetry-sdk` must be installed::

        litellm.callbacks = [dispatch.telemetry()]
    """
    from litellm.integrations.opentelemetry import OpenTelemetry

    class RoleTelemetry(OpenTelemetry):
        def set_attributes(self, span: Any, kwargs: Any, response_obj: Any) -> None:
            super().set_attributes(span, kwargs, response_obj)
            params = kwargs.get("litellm_params") or {}
            metadata = params.get("metadata") or params.get("litellm_metadata") or {}
            span.set_attributes(_attributes(metadata))

    return RoleTelemetry(**options)


def _attributes(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return the attributes of a span; a call of the Router alone has the role of its model."""
    info = metadata.get("model_info") or {}
    role = next(iter(info.get("roles") or ()), None)
    asked = metadata.get(ASKED) or {"role": role, "task": info.get("task")}
    named = {"gen_ai.agent.name": asked["role"], "gen_ai.agent.description": asked["task"]}
    return {name: value for name, value in named.items() if value is not None}
