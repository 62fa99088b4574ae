"""The package as a whole: what it offers, what it costs to import, how its errors hang together."""

from __future__ import annotations

import importlib
import pickle
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import pytest

import dispatch
from dispatch import errors

ROOT = Path(__file__).parent.parent
WITHOUT_NAMES = {"dispatch.llm"}  # a package of modules, which offers nothing itself
MODULES = [
    module.name
    for module in pkgutil.walk_packages(dispatch.__path__, "dispatch.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", ["dispatch", *MODULES])
def test_all_of_a_module_is_sorted_honest_and_documented(name):
    module = importlib.import_module(name)
    assert module.__doc__
    public = [] if module.__name__ in WITHOUT_NAMES else module.__all__
    assert public == sorted(public, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    for member in (getattr(module, name) for name in public):
        if isinstance(member, type | FunctionType):
            assert member.__doc__


def test_what_is_imported_later_is_there_for_those_who_look():
    """A name that nobody has used yet is listed, and comes with a star; a wrong one is an error."""
    code = (
        "import dispatch\n"
        "assert not set(dispatch.__all__) - set(dir(dispatch))\n"
        "assert 'ModelDispatcher' not in vars(dispatch)\n"
        "from dispatch import *\n"
        "assert ModelDispatcher([]).for_role('chatcompletions') is not None\n"
        "assert not hasattr(dispatch, 'ModelDispatchers')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


HEAVY = {"litellm", "pydantic", "typer", "rich", "yaml", "click", "difflib", "openai"}
COMMANDS = [module for module in MODULES if module.startswith("dispatch.cli")]


@pytest.mark.parametrize(
    ("modules", "needed"), [(["dispatch"], set()), (COMMANDS, {"click"})], ids=["package", "cli"]
)
def test_importing_the_package_imports_nothing_heavy(modules, needed):
    """Nor do all commands, but for what reads a command line."""
    code = f"import sys, {', '.join(modules)}\nprint(sorted({HEAVY - needed} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def leaves():
    return [
        member
        for member in vars(errors).values()
        if isinstance(member, type)
        and issubclass(member, errors.DispatchError | errors.ConfigWarning)
    ]


@pytest.mark.parametrize("error", leaves())
def test_every_error_is_drawn_in_the_tree_with_its_builtin(error):
    line = next(line for line in errors.__doc__.splitlines() if f" {error.__name__}" in f" {line}")
    builtins = [base.__name__ for base in error.__bases__ if base.__module__ == "builtins"]
    for builtin in builtins:
        assert builtin in line or error in (errors.DispatchError, errors.ConfigWarning)


@pytest.mark.parametrize(
    "error",
    [
        errors.ConfigError([errors.Fault(("models", 0), "is wrong", "mend it")]),
        errors.PathSyntaxError("malformed", "a..b", 3),
        errors.MissingKeyError("no key", "a.b"),
        errors.ExtraKeysError(["a"], "models[0]"),
        errors.UnsetVariableError("KEY", "models[0].api_key", "fast", "chatcompletions"),
    ],
)
def test_errors_survive_pickling(error):
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert vars(again) == vars(error)
