"""Hostile files: each ends in an error of this package, in memory that is bounded."""

from __future__ import annotations

import sys
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from dispatch import ConfigMorpher, ModelDispatcher, check
from dispatch.errors import DispatchError
from tests.hostile import HOSTILE, VALID, Hostile

SMALL, LARGE = 4_000, 60_000  # bytes
MEMORY = 500_000_000  # bytes that a large file may take, beside what Python and this package do
HANGS = 120  # seconds

each_kind = pytest.mark.parametrize("hostile", HOSTILE, ids=[kind.name for kind in HOSTILE])


@pytest.fixture(autouse=True)
def _fresh(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(hostile: Hostile, size: int) -> str:
    Path(hostile.name).write_text(hostile.make(size), "utf-8", newline="")
    return hostile.name


def error_of(name: str) -> str:
    """Return the error that a file ends in, after it was checked too."""
    try:
        check(ConfigMorpher(name))
        ModelDispatcher(ConfigMorpher(name))
    except DispatchError as error:
        return str(error)
    return ""


@each_kind
def test_hostile_file(hostile):
    """A small file of each kind ends in an error that names it."""
    assert hostile.name in error_of(write(hostile, SMALL))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process")
@each_kind
def test_large_hostile_file(hostile):
    """A large file of each kind does so too, in a process of little memory."""
    write(Hostile("warm.yaml", VALID["yaml"]), SMALL)
    assert error_of("warm.yaml") == ""  # what is imported late is no memory of a file
    name = write(hostile, LARGE)
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run_in_little_memory, args=(name, sender))
    process.start()
    sender.close()
    try:
        assert receiver.poll(HANGS), "it hangs"
        assert name in receiver.recv()
    finally:
        process.kill()
        process.join()


def _run_in_little_memory(name: str, sender: Connection) -> None:
    import resource

    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY,) * 2)
    sender.send(error_of(name))


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "size"), [("yaml", 3_900_000), ("json", 9e5), ("toml", 9e5)])
def test_large_valid_file(suffix, size):
    """A valid file of nearly 4 MB, some 18,000 models, is read, checked and dispatched."""
    assert error_of(write(Hostile(f"valid.{suffix}", VALID[suffix]), int(size))) == ""
