"""A dispatcher that follows its files, and is replaced only by valid ones."""

from __future__ import annotations

import gc
import json
import logging
import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import litellm
import pytest

from dispatch import FileError, watch
from dispatch.errors import ConfigError, UnsetVariableError
from dispatch.tools import request
from dispatch.tools.complete import complete
from dispatch.tools.usage import usage

VALID = "models: [{name: %s, model: gpt-4o}]"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "models.yaml"
    path.write_text(VALID % "a")
    return path


def names(watched):
    return [model["name"] for model in watched.current.groups["chatcompletions"]]


def test_change(file):
    """A valid file replaces the dispatcher; one in use is unchanged."""
    watched = watch(file)
    first = watched.current
    assert (watched.poll(), watched.current) == (False, first)
    file.write_text(VALID % "bb")
    assert (watched.poll(), names(watched)) == (True, ["bb"])
    assert first.groups["chatcompletions"][0]["name"] == "a"
    assert not watched.poll()


def test_replaced_file(file):
    """A new file with the same size and time is noticed."""
    watched, found = watch(file), os.stat(file)
    other = file.with_name("other.yaml")
    other.write_text(VALID % "b")
    os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
    other.replace(file)
    assert (watched.poll(), names(watched)) == (True, ["b"])


def test_same_content(file):
    """Rewriting a file with the same content replaces nothing."""
    watched = watch(file)
    first = watched.current
    os.utime(file, (1, 1))
    assert (watched.poll(), watched.current) == (False, first)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("models: [", "models.yaml"),
        ("models: [{name: a}]", "has no key 'model'"),
        ("models: [{model: a, roles: [chat], api_key: canary-1}]", "'chat' is not declared"),
        (None, "models.yaml"),
    ],
)
def test_invalid(text, message, file, caplog):
    """An invalid file is reported once, and keeps the dispatcher until it is valid again."""
    watched = watch(file)
    first = watched.current
    file.unlink()
    if text is not None:
        file.write_text(text)
    for _ in range(3):
        assert (watched.poll(), watched.current) == (False, first)
    assert isinstance(watched.error, ConfigError)
    assert watched.error.__traceback__ is None
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("dispatch", logging.WARNING)
    for said in (str(watched.error), record.getMessage()):
        assert message in said
    assert "canary" not in said
    file.write_text(VALID % "c")
    assert (watched.poll(), watched.error, names(watched)) == (True, None, ["c"])


def test_options(file, write):
    """Several files, an optional one that appears, and overrides count as for `load`."""
    second = write("second.yaml", "models: [{name: a, temperature: 1}]")
    watched = watch(file, second, optional=["third.yaml"], overrides=["models[0].seed=1"])
    third = write("third.yaml", "models: [{name: a, temperature: 2}]")
    assert watched.poll()
    expected = {"model": "gpt-4o", "temperature": 2, "seed": 1}
    assert watched.current.for_chatcompletions.kwargs() == expected
    third.unlink()
    assert watched.poll()
    assert watched.current.for_chatcompletions.kwargs()["temperature"] == 1


def test_first_load(tmp_path):
    """An invalid file at the start is an error at once."""
    with pytest.raises(FileError):
        watch(tmp_path / "absent.yaml")


def test_thread(file):
    """In a `with` block, a thread follows the file; after it, nothing does."""
    with watch(file, interval=0.01) as watched:
        seen = threading.Event()
        for name in ("b", "c"):
            file.write_text(VALID % name)
            for _ in range(2000):
                if names(watched) == [name] or seen.wait(0.01):
                    break
            assert names(watched) == [name]
        assert watched.start() is watched
        assert [t.name for t in threading.enumerate()].count("dispatch.watch") == 1
    assert "dispatch.watch" not in [thread.name for thread in threading.enumerate()]
    file.write_text(VALID % "d")
    assert names(watched) == ["c"]
    watched.stop()


def test_thread_goes_on(file, caplog, monkeypatch):
    """A thread survives an error of any class."""
    watched = watch(file, interval=0.01)
    failed = threading.Event()

    def fail():
        failed.set()
        raise RuntimeError("odd")

    monkeypatch.setattr(watched, "poll", fail)
    with watched:
        for _ in range(2):
            assert failed.wait(20)
            failed.clear()
    assert "odd" in caplog.text


# with a Router


@pytest.fixture
def served(file, model):
    """Write models that the provider serves into the file."""

    def write(*models, **sections):
        # JSON is YAML too
        file.write_text(json.dumps({"models": [model(*each) for each in models], **sections}))

    write(("a", "good"))
    return write


def test_calls_under_way(file, served):
    """A running call keeps its dispatcher."""
    served(("a", "hang"))
    watched, asked = watch(file), threading.Event()
    with ThreadPoolExecutor() as pool:
        hooks = {"before": lambda _, kwargs: asked.set() or kwargs}
        found = pool.submit(complete, watched.current, "hi", **hooks)
        assert asked.wait(20)
        served(("b", "good"))
        assert watched.poll()
        assert complete(watched.current, "hi").model == "b"
        assert found.result().model == "a"


def test_usage(file, served):
    """Usage continues to be counted."""
    watched = watch(file)
    for _ in range(2):
        complete(watched.current, "hi")
        served(("b", "good"))
        watched.poll()
    assert [(row.model, row.calls) for row in usage(watched.current)] == [("a", 1), ("b", 1)]


def test_router(file, served, monkeypatch):
    """If there is a Router, a file for which none can be built is invalid."""
    watched = watch(file)
    first = watched.current
    complete(first, "hi")
    served(("a", "good"), router_settings={"fallbacks": [{"chatcompletions": ["nothing"]}]})
    assert not watched.poll()
    assert "'nothing'" in str(watched.error)
    monkeypatch.delenv("ABSENT", raising=False)
    file.write_text(json.dumps({"models": [{"model": "gpt-4o", "api_key": "os.environ/ABSENT"}]}))
    assert not watched.poll()
    assert isinstance(watched.error, UnsetVariableError)
    assert complete(watched.current, "hi").text == "good"
    assert watched.current is first


def test_closed(file, served):
    """The Router of a dispatcher that is no longer used is collected, with its callbacks."""

    def held():
        owners = [getattr(each, "__self__", None) for each in litellm.success_callback]
        return sum(isinstance(owner, litellm.Router) for owner in owners)

    watched, routers = watch(file), []
    gc.collect()
    before = held()
    for name in "abcd":
        assert complete(watched.current, "hi").text == "good"
        routers.append(weakref.ref(request.connect(watched.current)._built.router))
        served((name + "x", "good"))
        assert watched.poll()
    complete(watched.current, "hi")
    gc.collect()
    assert [router for router in routers if router() is not None] == []
    assert held() <= before + 1
