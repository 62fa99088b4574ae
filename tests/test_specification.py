"""Each Python example of the specification, with its import names."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec

import pytest

import dispatch.compat
from tests.helpers import ROOT, python

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


CHAT = {"name": "m", "model": "gpt-4", "roles": ["chatcompletions"]}


def dispatched(*models, **options):
    from drowcoder.model import ModelDispatcher

    return ModelDispatcher(list(models), **options)


def names(group):
    return [model["name"] for model in group.fetch("models")]


def test_basic_usage():
    """Basic usage gives both groups."""
    roles = ["chatcompletions", "postcompletions"]
    models = dispatched({"name": "g", "model": "gemini/x", "roles": roles}, morph=True)
    assert names(models.for_chatcompletions) == names(models.for_postcompletions) == ["g"]


def test_integration(write):
    """A YAML file gives keyword arguments and the task."""
    import litellm
    from config_morpher import ConfigMorpher

    file = write("config.yaml", CONFIG)
    models = dispatched(*ConfigMorpher.from_yaml(file).fetch("models"), morph=True)
    expected = {"api_key": "YOUR_API_KEY", "model": "gemini/gemini-2.5-flash", "temperature": 0}
    for group in (models.for_chatcompletions, models.for_postcompletions):
        assert group
        kwargs = group.morph(litellm.completion, start_from="models[0]")
        assert list(kwargs.items()) == list(expected.items())
    assert models.for_postcompletions.fetch("models[0].roles.postcompletions") == TASK


def test_roles():
    """A role is a string, which has no task, or carries one; models go to different roles."""
    roles = ["chatcompletions", {"postcompletions": "Review and summarize changes"}]
    only = {"name": "claude", "model": "claude-3", "roles": [{"postcompletions": "Summarize"}]}
    models = dispatched({**CHAT, "roles": roles}, only)
    chat, post = models.for_chatcompletions, models.for_postcompletions
    assert (names(chat), names(post)) == (["m"], ["m", "claude"])
    assert post.fetch("models[0].roles.postcompletions") == "Review and summarize changes"
    assert chat.fetch("models[0].roles.chatcompletions") is None
    assert chat.fetch("models[0].roles") == {"chatcompletions": None}
    assert not dispatched(CHAT).for_postcompletions


def test_morphing():
    """Morphing is the default, and can be switched off."""
    from config_morpher import ConfigMorpher

    made, plain = dispatched(CHAT), dispatched(CHAT, morph=False)
    assert isinstance(made.for_chatcompletions, ConfigMorpher)
    assert isinstance(made.for_postcompletions, ConfigMorpher)
    assert plain.morph is False
    assert type(plain.for_chatcompletions) is dict
    assert plain.for_postcompletions == {"models": []}


def test_role_constants():
    """The names of the roles are a frozen dataclass."""
    import dataclasses

    from drowcoder.model import ModelRoleType

    names = ("chatcompletions", "postcompletions")
    assert dataclasses.asdict(ModelRoleType()) == {name: name for name in names}


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
    for name in ("__init__.py", "model.py"):
        (package / name).write_text("REAL = True")
    found = python(f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]\n{PROBE}")
    assert json.loads(found.stdout) == [installed == "drowcoder", installed == "config_morpher"]


def test_find_spec():
    """A program can ask whether the names are importable."""
    assert all(find_spec(name) for name in ("drowcoder", "drowcoder.model", "config_morpher"))


def test_on_request():
    """The names are claimed only on request."""
    asked = "[u.find_spec(name) for name in ('drowcoder', 'config_morpher')]"
    found = python(f"import dispatch, importlib.util as u\nprint({asked})")
    assert found.stdout.strip() == "[None, None]"
