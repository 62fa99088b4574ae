"""The package as a whole: exports, import costs, and layers."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path
from types import FunctionType

import pytest

import dispatch
from tests.helpers import python

PACKAGES = {"dispatch.litellm", "dispatch.tools"}  # packages of modules, which offer nothing alone
MODULES = [
    module.name
    for module in pkgutil.walk_packages(dispatch.__path__, "dispatch.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", ["dispatch", *MODULES])
def test_public_names(name):
    """Each module lists its exports, sorted, and documents them."""
    module = importlib.import_module(name)
    assert module.__doc__
    public = [] if module.__name__ in PACKAGES else module.__all__
    assert public == sorted(public, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    for member in (getattr(module, name) for name in public):
        if isinstance(member, type | FunctionType):
            assert member.__doc__


def test_lazy_names():
    """Lazily imported names are listed, and included in star imports."""
    python("""
import dispatch
assert set(dispatch.__all__) == set(dir(dispatch))
assert 'ModelDispatcher' not in vars(dispatch)
from dispatch import *
assert ModelDispatcher([]).for_role('chatcompletions') is not None
assert not hasattr(dispatch, 'ModelDispatchers')
""")


HEAVY = {"litellm", "pydantic", "rich", "yaml", "click", "difflib", "openai", "json"}
COMMANDS = [module for module in MODULES if module.startswith("dispatch.cli")]


@pytest.mark.parametrize(
    ("modules", "needed"),
    [(["dispatch"], set()), (COMMANDS, {"click", "json", "rich", "yaml"})],
    ids=["package", "cli"],
)
def test_cheap_imports(modules, needed):
    """Importing the package, or all commands, imports nothing heavy."""
    code = f"import sys, {', '.join(modules)}\nprint(sorted({HEAVY - needed} & set(sys.modules)))"
    assert python(code).stdout.strip() == "[]"


# What a module may import of the package: only what comes further down in this list.
LAYERS = [
    "cli", "tools", "loading", "dispatcher", "sections", "models", "litellm", "pipeline", "stages",
    "validation", "roles", "config", "suggestions", "immutable", "errors", "redaction",
]  # fmt: skip


def layer(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("name", [m for m in MODULES if layer(m) in LAYERS])
def test_imports_point_one_way(name):
    """A module imports nothing from a higher layer, except for type checking."""
    spec = importlib.util.find_spec(name)
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if not isinstance(node, ast.If)]  # TYPE_CHECKING
    imported = [
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dispatch.")
    ]
    own = LAYERS.index(layer(name))
    assert [m for m in imported if LAYERS.index(layer(m)) < own] == []
