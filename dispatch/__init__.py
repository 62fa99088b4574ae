"""Model configurations in, role groups out, ready for LiteLLM.

>>> from dispatch import ModelDispatcher
>>> models = [{"name": "fast", "model": "gpt-4o", "roles": ["chatcompletions"], "temperature": 0}]
>>> def completion(model, messages=(), **kwargs): ...
>>> ModelDispatcher(models).for_chatcompletions.morph(completion, start_from="models[0]")
{'model': 'gpt-4o', 'temperature': 0}
"""

__version__ = "0.1.0"

from dispatch import errors, secrets, stages
from dispatch.config import ConfigMorpher, ReturnType
from dispatch.dispatcher import ModelDispatcher
from dispatch.frozen import FrozenMap, freeze, thaw
from dispatch.group import RoleGroup
from dispatch.llm.keys import OWN_KEYS
from dispatch.pipeline import dispatch
from dispatch.roles import Contract, ModelRoleType, Role
from dispatch.stages import Groups, Model

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
