"""Model configurations in, role groups out, ready for LiteLLM.

>>> from dispatch import ModelDispatcher
>>> models = [{"name": "fast", "model": "gpt-4o", "roles": ["chatcompletions"], "temperature": 0}]
>>> def completion(model, messages=(), **kwargs): ...
>>> ModelDispatcher(models).for_chatcompletions.morph(completion, start_from="models[0]")
{'model': 'gpt-4o', 'temperature': 0}
"""

__version__ = "0.1.0"

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dispatch import errors, secrets, stages
from dispatch.frozen import FrozenMap, freeze, thaw
from dispatch.pipeline import dispatch
from dispatch.roles import Contract, Role
from dispatch.stages import Groups, Model

if TYPE_CHECKING:
    from dispatch.config import ConfigMorpher, ReturnType
    from dispatch.dispatcher import ModelDispatcher
    from dispatch.group import RoleGroup
    from dispatch.llm.keys import OWN_KEYS
    from dispatch.model_role_type import ModelRoleType

__all__ = [
    "OWN_KEYS",
    "ConfigMorpher",
    "Contract",
    "FrozenMap",
    "Groups",
    "Model",
    "ModelDispatcher",
    "ModelRoleType",
    "ReturnType",
    "Role",
    "RoleGroup",
    "dispatch",
    "errors",
    "freeze",
    "secrets",
    "stages",
    "thaw",
]

# The pipeline is there at once; what stands upon it is imported when it is first named.
_LATER = {
    "OWN_KEYS": "dispatch.llm.keys",
    "ConfigMorpher": "dispatch.config",
    "ModelDispatcher": "dispatch.dispatcher",
    "ModelRoleType": "dispatch.model_role_type",
    "ReturnType": "dispatch.config",
    "RoleGroup": "dispatch.group",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_LATER[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
