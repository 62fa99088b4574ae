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
from subprocess import DEVNULL, PIPE, CalledProcessError, Popen
from time import perf_counter, process_time
from typing import Any, NamedTuple

__all__ = ["Call", "Job", "Memory", "Process", "Rival", "Sample", "Statement", "measure"]

BATCH = 0.005  # seconds: short calls are repeated, so that the clock is small beside them
LEAST, MOST = 5, 1000  # rounds


class Sample(NamedTuple):
    """The cost of one call: CPU time (user and system) and wall time in seconds, or bytes."""

    cpu: float = 0
    wall: float = 0
    bytes: float = 0


@dataclass(frozen=True)
class Call:
    """A function, called so many times in this process."""

    run: Callable[[], Any]
    calls: int = 1

    def sample(self) -> Sample:
        call, calls = self.run, self.calls
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
    less: Callable[[], Any] = tuple

    def sample(self) -> Sample:
        return Sample(bytes=(_bytes_of(self.run) - _bytes_of(self.less)) / self.parts)


def _bytes_of(make: Callable[[], Any]) -> int:
    first = make()  # holds what is made once, and what pyrsistent had in store
    tracemalloc.start()
    result = make()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del first, result
    return taken


@dataclass(frozen=True)
class Process:
    """A whole process: Python with these arguments, from its start to its end."""

    arguments: tuple[str, ...]

    def run(self) -> None:
        self.sample()

    def sample(self) -> Sample:
        return self._run()[1]

    def _run(self) -> tuple[str, Sample]:
        # Bytecode is kept, as it is where pip installed a package: the first run compiles it.
        env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        command = [sys.executable, *self.arguments]
        start = perf_counter()
        quiet: Any = {"stdin": DEVNULL, "stderr": DEVNULL}
        with Popen(command, env=env, stdout=PIPE, text=True, **quiet) as process:
            assert process.stdout
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            wall = perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise CalledProcessError(process.returncode, command)
        return output, Sample(usage.ru_utime + usage.ru_stime, wall)


class Statement(Process):
    """One statement in a fresh process, whose own start does not count."""

    def __init__(self, code: str) -> None:
        clock = "from time import perf_counter, process_time; w, c = perf_counter(), process_time()"
        told = "print(process_time() - c, perf_counter() - w)"
        super().__init__(("-c", f"{clock}\n{code}\n{told}"))

    def sample(self) -> Sample:
        return Sample(*map(float, self._run()[0].split()))


Contestant = Call | Memory | Process


class Rival(NamedTuple):
    """What a job is compared with, and how many times its cost the job may have, if bounded."""

    contestant: Contestant
    bound: float | None = None


@dataclass(frozen=True)
class Job:
    """A job as this package does it, and its rivals; `alike` if all give equal results."""

    subject: Contestant
    rivals: Mapping[str, Rival]
    alike: bool = True

    @property
    def contestants(self) -> list[Contestant]:
        return [self.subject, *(rival.contestant for rival in self.rivals.values())]


def measure(job: Job, seconds: float) -> list[Sample]:
    """Return the medians of the subject and of each rival, in turn.

    One round measures each of them once, so that a slow moment of the machine meets all; every
    other round goes backwards. The collector of garbage runs as it would for a user, from a clean
    start for each.
    """
    batches = [_warm_up(each) for each in job.contestants]
    samples: list[list[Sample]] = [[] for _ in batches]
    end = perf_counter() + seconds
    for done in range(MOST):
        if done >= LEAST and perf_counter() > end:
            break
        for index in sorted(range(len(batches)), reverse=done % 2 == 1):
            gc.collect()
            samples[index].append(batches[index].sample())
    return [Sample(*map(median, zip(*each, strict=True))) for each in samples]


def _warm_up(contestant: Contestant) -> Contestant:
    """Compile, fill caches, and find how many calls make a batch."""
    contestant.sample()
    while isinstance(contestant, Call):
        cost = contestant.sample().cpu * contestant.calls
        if cost >= BATCH:
            break
        calls = int(0.8 * contestant.calls * BATCH / max(cost, 1e-6))
        contestant = Call(contestant.run, max(2 * contestant.calls, calls))
    return contestant
