"""What each Python example of the specification does, under the import names that it uses."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import dispatch.compat

CONFIG = """\
models:
  - name: gemini
    api_key: YOUR_API_KEY
    model: gemini/gemini-2.5-flash
    temperature: 0
    roles:
      - chatcompletions
      - postcompletions: "review the git diff changes and checkpoint the changes to 'gitdiff.md'"
"""
TASK = "review the git diff changes and checkpoint the changes to 'gitdiff.md'"


@pytest.fixture(autouse=True)
def _names(monkeypatch):
    """The names of the specification, in this process, until the test ends."""
    for name in ("drowcoder", "drowcoder.model", "config_morpher"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    dispatch.compat.install_as_drowcoder()
    yield
    for name in ("drowcoder", "drowcoder.model", "config_morpher"):
        sys.modules.pop(name, None)


def dispatched(models, **options):
    from drowcoder.model import ModelDispatcher

    return ModelDispatcher(models, **options)


def names(group):
    return [model["name"] for model in group.fetch("models")]


def test_basic_usage():
    """Basic usage gives both groups."""
    model = {"name": "g", "model": "gemini/x", "temperature": 0}
    dispatcher = dispatched(
        [{**model, "roles": ["chatcompletions", "postcompletions"]}], morph=True
    )
    assert names(dispatcher.for_chatcompletions) == names(dispatcher.for_postcompletions) == ["g"]


def test_integration(tmp_path):
    """A YAML file gives keyword arguments and the task."""
    import litellm
    from config_morpher import ConfigMorpher
    from drowcoder.model import ModelDispatcher

    file = tmp_path / "config.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    models = ModelDispatcher(ConfigMorpher.from_yaml(file).fetch("models"), morph=True)
    expected = {"api_key": "YOUR_API_KEY", "model": "gemini/gemini-2.5-flash", "temperature": 0}
    chat = models.for_chatcompletions.morph(litellm.completion, start_from="models[0]")
    assert list(chat.items()) == list(expected.items())
    assert models.for_postcompletions
    post = models.for_postcompletions.morph(litellm.completion, start_from="models[0]")
    assert list(post.items()) == list(expected.items())
    assert models.for_postcompletions.fetch("models[0].roles.postcompletions") == TASK


def test_role_string():
    """A simple role string has no task."""
    group = dispatched([{"name": "m", "model": "gpt-4", "roles": ["chatcompletions"]}])
    assert group.for_chatcompletions.fetch("models[0].roles") == {"chatcompletions": None}
    assert not group.for_postcompletions


def test_role_with_task():
    """A role with a task carries it, beside a plain role."""
    roles = ["chatcompletions", {"postcompletions": "Review and summarize changes"}]
    dispatcher = dispatched([{"name": "m", "model": "gpt-4", "roles": roles}])
    task = dispatcher.for_postcompletions.fetch("models[0].roles.postcompletions")
    assert task == "Review and summarize changes"
    assert dispatcher.for_chatcompletions.fetch("models[0].roles.chatcompletions") is None


def test_different_roles():
    """Models go to different roles."""
    dispatcher = dispatched(
        [
            {"name": "gpt-4", "model": "gpt-4", "roles": ["chatcompletions"]},
            {"name": "claude", "model": "claude-3", "roles": [{"postcompletions": "Summarize"}]},
        ]
    )
    assert names(dispatcher.for_chatcompletions) == ["gpt-4"]
    assert names(dispatcher.for_postcompletions) == ["claude"]


def test_morphing():
    """Morphing is the default, and can be switched off."""
    from config_morpher import ConfigMorpher

    models = [{"name": "m", "model": "gpt-4", "roles": ["chatcompletions"]}]
    assert isinstance(dispatched(models).for_chatcompletions, ConfigMorpher)
    assert isinstance(dispatched(models).for_postcompletions, ConfigMorpher)
    plain = dispatched(models, morph=False)
    assert plain.morph is False
    assert type(plain.for_chatcompletions) is type(plain.for_postcompletions) is dict
    assert plain.for_postcompletions == {"models": []}


def test_role_constants():
    """The names of the roles are a frozen dataclass."""
    import dataclasses

    from drowcoder.model import ModelRoleType

    assert dataclasses.asdict(ModelRoleType()) == {
        "chatcompletions": "chatcompletions",
        "postcompletions": "postcompletions",
    }


PROBE = """
import sys, json
import dispatch.compat
dispatch.compat.install_as_drowcoder()
dispatch.compat.install_as_drowcoder()
import drowcoder, drowcoder.model, config_morpher
print(json.dumps([getattr(drowcoder.model, "REAL", False), getattr(config_morpher, "REAL", False)]))
"""


@pytest.mark.parametrize("installed", ["drowcoder", "config_morpher"])
def test_installed_package(tmp_path, installed):
    """An installed package always wins."""
    package = tmp_path / installed
    package.mkdir()
    (package / "__init__.py").write_text("REAL = True")
    (package / "model.py").write_text("REAL = True")
    root = Path(__file__).parent.parent
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {[str(tmp_path), str(root)]}\n{PROBE}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(found.stdout) == [installed == "drowcoder", installed == "config_morpher"]


def test_find_spec():
    """A program can ask whether the names are importable."""
    assert all(find_spec(name) for name in ("drowcoder", "drowcoder.model", "config_morpher"))


def test_on_request():
    """The names are claimed only on request."""
    code = (
        "import dispatch, importlib.util as u\n"
        "print([u.find_spec(name) for name in ('drowcoder', 'config_morpher')])"
    )
    root = Path(__file__).parent.parent
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert found.stdout.strip() == "[None, None]"
