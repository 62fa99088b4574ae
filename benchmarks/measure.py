"""How a job is measured: all its contestants in turn, round after round, and the medians."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from statistics import median
from time import perf_counter
from typing import Any

from dispatch import thaw

SUBJECT, BASELINE = "dispatch", "baseline"

BATCH = 0.005  # seconds: short calls are repeated, so that the clock is small beside them
BUDGET = 3.0  # seconds for all rounds of a job, once the least number of rounds is done
LEAST, MOST = 5, 200  # rounds


class AbsentError(Exception):
    """A job, or a peer, that cannot be measured here; says why."""


@dataclass(frozen=True)
class Contestant:
    """One way to do a job.

    `prepare` makes the arguments of each call anew, outside the time. A contestant that `reports`
    returns its own figure: the seconds of a process, the bytes of an object.
    """

    call: Callable[..., Any]
    prepare: Callable[[], tuple[Any, ...]] | None = None
    reports: bool = False


@dataclass(frozen=True)
class Job:
    """A job, the ways to do it, and how many times its baseline it may cost.

    `alike` tells that subject and baseline give equal results, which `check` sees to.
    """

    subject: Contestant
    baseline: Contestant
    peers: Mapping[str, Contestant] = field(default_factory=dict)
    alike: bool = True

    @property
    def contestants(self) -> dict[str, Contestant]:
        return {SUBJECT: self.subject, BASELINE: self.baseline, **self.peers}


def check(job: Job) -> None:
    """Raise where subject and baseline, which should do the same, do not."""
    if job.alike:
        done, expected = (
            thaw(contestant.call(*(contestant.prepare() if contestant.prepare else ())))
            for contestant in (job.subject, job.baseline)
        )
        if done != expected:
            raise AssertionError("subject and baseline do not give the same")


def measure(job: Job) -> dict[str, float]:
    """Return the median of each contestant, in seconds a call, or in what it reports.

    One round measures each contestant once, so that a slow moment of the machine meets all of
    them. The collector of garbage runs as it would for a user, from a clean start for each.
    """
    calls = {name: _calls_in_a_batch(contestant) for name, contestant in job.contestants.items()}
    figures: dict[str, list[float]] = {name: [] for name in calls}
    end = perf_counter() + BUDGET
    for done in range(MOST):
        if done >= LEAST and perf_counter() > end:
            break
        for name, contestant in job.contestants.items():
            gc.collect()
            figures[name].append(_figure(contestant, calls[name]))
    return {name: median(each) for name, each in figures.items()}


def _calls_in_a_batch(contestant: Contestant) -> int:
    """Find how many calls make a batch; also the warming up of caches that users would have."""
    calls = 1
    while not contestant.reports and (spent := _figure(contestant, calls) * calls) < BATCH:
        calls = max(2 * calls, int(0.8 * calls * BATCH / max(spent, 1e-9)))
    return calls


def _figure(contestant: Contestant, calls: int) -> float:
    if contestant.reports:
        return float(contestant.call())
    if contestant.prepare is not None:
        return sum(_one(contestant) for _ in range(calls)) / calls
    call = contestant.call
    start = perf_counter()
    for _ in repeat(None, calls):
        held = call()
    spent = perf_counter() - start
    del held  # what frees a large result is not the job
    return spent / calls


def _one(contestant: Contestant) -> float:
    arguments = contestant.prepare() if contestant.prepare else ()
    start = perf_counter()
    held = contestant.call(*arguments)
    spent = perf_counter() - start
    del held
    return spent
