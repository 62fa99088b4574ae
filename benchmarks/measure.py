"""How a job is measured: its contestants in turn, round after round, and the medians."""

from __future__ import annotations

import gc
import os
import sys
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import repeat
from statistics import median
from subprocess import DEVNULL, CalledProcessError, Popen, run
from time import perf_counter, process_time
from typing import Any, NamedTuple, Protocol

__all__ = [
    "Call",
    "Contestant",
    "Job",
    "Memory",
    "Process",
    "Rival",
    "Sample",
    "Statement",
    "measure",
]

BATCH = 0.005  # seconds: short calls are repeated, so that the clock is small beside them
LEAST, MOST = 5, 400  # rounds


class Sample(NamedTuple):
    """The cost of one call: CPU time (user and system) and wall time in seconds, or bytes."""

    cpu: float = 0
    wall: float = 0
    bytes: float = 0


class Contestant(Protocol):
    """One way to do a job."""

    def run(self) -> Any:
        """Do the job once, and return the result."""

    def sample(self, calls: int) -> Sample:
        """Do the job, so many times where that is possible, and return the cost of one."""


@dataclass(frozen=True)
class Call:
    """A function, called in this process."""

    run: Callable[[], Any]

    def sample(self, calls: int) -> Sample:
        call = self.run
        wall, cpu = perf_counter(), process_time()
        for _ in repeat(None, calls):
            result = call()
        cpu, wall = process_time() - cpu, perf_counter() - wall
        del result  # what frees a large result is not the job
        return Sample(cpu / calls, wall / calls)


@dataclass(frozen=True)
class Memory:
    """What the result of a function takes, less that of another one, for each of so many parts."""

    run: Callable[[], Any]
    parts: int
    less: Callable[[], Any] | None = None

    def sample(self, calls: int) -> Sample:
        taken = _bytes_of(self.run) - (_bytes_of(self.less) if self.less else 0)
        return Sample(bytes=taken / self.parts)


def _bytes_of(make: Callable[[], Any]) -> int:
    make()  # what is made once, and kept, does not count
    tracemalloc.start()
    result = make()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del result
    return taken


@dataclass(frozen=True)
class Process:
    """A whole process: Python with these arguments, from its start to its end."""

    arguments: tuple[str, ...]

    def run(self) -> None:
        self.sample(1)

    def sample(self, calls: int) -> Sample:
        command = [sys.executable, *self.arguments]
        start = perf_counter()
        process = Popen(command, env=_environment(), stdout=DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise CalledProcessError(process.returncode, command)
        return Sample(usage.ru_utime + usage.ru_stime, wall)


@dataclass(frozen=True)
class Statement:
    """One statement in a fresh process, whose own start does not count."""

    code: str

    def run(self) -> None:
        self.sample(1)

    def sample(self, calls: int) -> Sample:
        script = (
            "from time import perf_counter, process_time\n"
            "wall, cpu = perf_counter(), process_time()\n"
            f"{self.code}\n"
            "print(process_time() - cpu, perf_counter() - wall)"
        )
        command = [sys.executable, "-c", script]
        done = run(command, env=_environment(), capture_output=True, check=True, text=True)
        return Sample(*map(float, done.stdout.split()))


def _environment() -> dict[str, str]:
    """Let bytecode be kept, as it is where pip installed a package: a first run compiles it."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


class Rival(NamedTuple):
    """What a job is compared with, and how many times its cost the job may have, if bounded."""

    contestant: Contestant
    bound: float | None = None


@dataclass(frozen=True)
class Job:
    """A job: the way of this package, and others by their names.

    `alike` means that all give equal results.
    """

    subject: Contestant
    rivals: Mapping[str, Rival]
    alike: bool = True


def measure(job: Job, seconds: float) -> list[Sample]:
    """Return the medians of the subject and of each rival, in turn.

    One round measures each of them once, so that a slow moment of the machine meets all; every
    other round goes backwards. The collector of garbage runs as it would for a user, from a clean
    start for each.
    """
    contestants = [job.subject, *(rival.contestant for rival in job.rivals.values())]
    batches = [(each, _find_calls(each), list[Sample]()) for each in contestants]
    end = perf_counter() + seconds
    for done in range(MOST):
        if done >= LEAST and perf_counter() > end:
            break
        for contestant, calls, samples in batches[:: -1 if done % 2 else 1]:
            gc.collect()
            samples.append(contestant.sample(calls))
    return [Sample(*map(median, zip(*samples, strict=True))) for _, _, samples in batches]


def _find_calls(contestant: Contestant) -> int:
    """Find how many calls make a batch; this also warms up what is warm for a user."""
    calls = 1
    cost = contestant.sample(calls).cpu
    while isinstance(contestant, Call) and cost * calls < BATCH:
        calls = max(2 * calls, int(0.8 * BATCH / max(cost, 1e-9)))
        cost = contestant.sample(calls).cpu
    return calls
