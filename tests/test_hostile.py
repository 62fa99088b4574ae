"""Hostile files: each ends in an error of this package, in memory that is bounded."""

from __future__ import annotations

import sys
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from dispatch import ConfigMorpher, ModelDispatcher, Role
from dispatch.check import check
from dispatch.config.files import MAX_BYTES, MAX_TOML_BYTES
from dispatch.errors import ConfigError, DispatchError
from tests.hostile import HOSTILE, VALID, Hostile

MEMORY = 150_000_000  # bytes that a file may take, beside what Python and this package do
HANGS = 60  # seconds; no bound on the time, which the benchmarks show

in_a_process = pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process")


@pytest.fixture(autouse=True)
def _fresh(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text("models: [{model: m}]")
    check(ConfigMorpher("small.yaml"))  # what is imported late is no memory of a file


def largest(name: str) -> int:
    return MAX_TOML_BYTES if name.endswith("toml") else MAX_BYTES


def write(hostile: Hostile) -> str:
    text = hostile.make(largest(hostile.name))
    assert len(text) <= largest(hostile.name)
    Path(hostile.name).write_bytes(text.encode())
    return hostile.name


def dispatch_file(name: str) -> str:
    """Return the error that a file ends in."""
    try:
        ModelDispatcher(ConfigMorpher(name).fetch("models"))
    except DispatchError as error:
        return str(error)
    return ""


def in_little_memory(name: str) -> str:
    """Do that in a process that may take little more memory, and that is ended if it hangs."""
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_dispatch_in_little, args=(name, sender))
    process.start()
    sender.close()
    try:
        assert receiver.poll(HANGS), "it hangs"
        return receiver.recv()
    finally:
        process.kill()
        process.join()


def _dispatch_in_little(name: str, sender: Connection) -> None:
    import resource

    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY,) * 2)
    sender.send(dispatch_file(name))


@in_a_process
@pytest.mark.parametrize("hostile", HOSTILE, ids=[hostile.name for hostile in HOSTILE])
def test_a_hostile_file_ends_in_an_error_in_bounded_memory(hostile):
    """Each file of the table, as large as its format may be, is told by its name."""
    assert hostile.name in in_little_memory(write(hostile))


@in_a_process
def test_a_file_beyond_the_limit_is_hardly_read():
    """Hundreds of megabytes: it is sparse, so takes no room on the disk."""
    with open("huge.yaml", "wb") as huge:
        huge.truncate(900_000_000)
    assert in_little_memory("huge.yaml").startswith("huge.yaml: is larger than")


def test_a_thousand_faults_of_models_are_worked_out():
    """Each takes time, and nobody mends more; whether a role is unplayed is not known."""
    roles = [Role("chatcompletions", required=True)]
    with pytest.raises(ConfigError) as caught:
        ModelDispatcher([{"name": "x"}] * 1_500, roles=roles)
    assert [fault.code for fault in caught.value.faults] == ["missing-model"] * 1_000


@pytest.mark.parametrize("suffix", VALID)
def test_a_right_file_is_read_up_to_the_limit(suffix):
    """What is merely large is no fault, and takes no more memory than a hostile file may."""
    assert dispatch_file(write(Hostile(f"valid.{suffix}", VALID[suffix]))) == ""
