"""Model configurations in, role groups out, ready for LiteLLM.

>>> from dispatch import ModelDispatcher
>>> models = [{"name": "fast", "model": "gpt-4o", "roles": ["chatcompletions"], "temperature": 0}]
>>> def completion(model, messages=(), **kwargs): ...
>>> ModelDispatcher(models).for_chatcompletions.morph(completion)
{'model': 'gpt-4o', 'temperature': 0}

`load` reads files, `complete` and `converse` answer with failover, `make_router` gives a
`litellm.Router` with a role as its model name, and `check`, `explain`, `schema`, `ping` and `usage`
are what the command line offers, as functions.
"""

__version__ = "0.1.0"

from typing import TYPE_CHECKING as _TYPE_CHECKING

from dispatch.errors import (
    BudgetError,
    CompletionError,
    ConfigError,
    ConfigWarning,
    CredentialLeakWarning,
    DispatchError,
    Fault,
    FileError,
    PathError,
    Position,
    RoleError,
    StageError,
    UnknownKeyWarning,
    UnsetVariableError,
    UnsetVariableWarning,
)
from dispatch.immutable import FrozenMap, freeze, thaw
from dispatch.pipeline import dispatch, pipeline
from dispatch.redaction import mark_secret
from dispatch.roles import Contract, Role
from dispatch.stages import Groups, Model, each

if _TYPE_CHECKING:
    from dispatch.config.arguments import ReturnType
    from dispatch.dispatcher import ModelDispatcher, ModelRoleType
    from dispatch.litellm.deployments import model_list
    from dispatch.litellm.proxy import proxy_config
    from dispatch.litellm.router import make_router, telemetry
    from dispatch.loading import load
    from dispatch.models import ConfigMorpher, RoleGroup
    from dispatch.tools.chat import Turn, aconverse, converse
    from dispatch.tools.check import check
    from dispatch.tools.complete import acall, acomplete, call, complete
    from dispatch.tools.explain import explain
    from dispatch.tools.hooks import with_secrets
    from dispatch.tools.ping import aping, ping
    from dispatch.tools.record import recorded
    from dispatch.tools.request import Answer
    from dispatch.tools.schema import schema
    from dispatch.tools.usage import usage
    from dispatch.tools.watch import watch

# The pipeline is imported at once; the rest when its name is first used.
_LAZY = {
    "config.arguments": ("ReturnType",),
    "dispatcher": ("ModelDispatcher", "ModelRoleType"),
    "litellm.deployments": ("model_list",),
    "litellm.proxy": ("proxy_config",),
    "litellm.router": ("make_router", "telemetry"),
    "loading": ("load",),
    "models": ("ConfigMorpher", "RoleGroup"),
    "tools.chat": ("Turn", "aconverse", "converse"),
    "tools.check": ("check",),
    "tools.complete": ("acall", "acomplete", "call", "complete"),
    "tools.explain": ("explain",),
    "tools.hooks": ("with_secrets",),
    "tools.ping": ("aping", "ping"),
    "tools.record": ("recorded",),
    "tools.request": ("Answer",),
    "tools.schema": ("schema",),
    "tools.usage": ("usage",),
    "tools.watch": ("watch",),
}

__all__ = [
    "Answer", "BudgetError", "CompletionError", "ConfigError", "ConfigMorpher", "ConfigWarning",
    "Contract", "CredentialLeakWarning", "DispatchError", "Fault", "FileError", "FrozenMap",
    "Groups", "Model", "ModelDispatcher", "ModelRoleType", "PathError", "Position",
    "ReturnType", "Role", "RoleError", "RoleGroup", "StageError", "Turn", "UnknownKeyWarning",
    "UnsetVariableError", "UnsetVariableWarning", "acall", "acomplete", "aconverse", "aping",
    "call", "check", "complete", "converse", "dispatch", "each", "explain", "freeze", "load",
    "make_router", "mark_secret", "model_list", "ping", "pipeline", "proxy_config", "recorded",
    "schema", "telemetry", "thaw", "usage", "watch", "with_secrets",
]  # fmt: skip


def __getattr__(name: str) -> object:
    module = next((module for module, names in _LAZY.items() if name in names), None)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"dispatch.{module}"), name)
    return value


def __dir__() -> list[str]:
    return __all__
