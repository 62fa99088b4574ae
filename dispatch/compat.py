"""The import names of the specification, on request."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

__all__ = ["install_as_drowcoder"]


def install_as_drowcoder() -> None:
    """Make `drowcoder.model` and `config_morpher` importable if those packages are missing.

    Call it once, before those imports. A package that is installed or already imported wins.

    >>> install_as_drowcoder()
    >>> from drowcoder.model import ModelDispatcher, ModelRoleType
    >>> from config_morpher import ConfigMorpher
    """
    from dispatch.config.arguments import ReturnType
    from dispatch.dispatcher import ModelDispatcher, ModelRoleType
    from dispatch.models import ConfigMorpher

    if not _exists("drowcoder"):
        model = _module("drowcoder.model", ModelDispatcher, ModelRoleType)
        package = _module("drowcoder")
        package.__path__ = []  # what makes a module a package; its spec says the same
        package.__spec__ = ModuleSpec("drowcoder", None, is_package=True)
        package.model = model  # type: ignore[attr-defined]  # the submodule, as an import sets it
    if not _exists("config_morpher"):
        _module("config_morpher", ConfigMorpher, ReturnType)


def _exists(name: str) -> bool:
    return name in sys.modules or find_spec(name) is not None


def _module(name: str, *members: type) -> ModuleType:
    module = ModuleType(name, f"A replacement for {name}, made by dispatch.compat.")
    module.__spec__ = ModuleSpec(name, None)  # which `find_spec` asks an imported module for
    module.__all__ = [member.__name__ for member in members]  # type: ignore[attr-defined]
    vars(module).update({member.__name__: member for member in members})
    sys.modules[name] = module
    return module
