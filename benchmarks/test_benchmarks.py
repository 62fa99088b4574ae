"""The jobs under pytest-benchmark, each beside its baseline; peers run once."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest

from benchmarks.jobs import JOBS
from benchmarks.measure import BASELINE, SUBJECT, AbsentError, Job, check


@lru_cache(maxsize=1)  # 100,000 models are not kept while others are measured
def made(name: str) -> Job:
    try:
        return JOBS[name].make()
    except AbsentError as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("contestant", [SUBJECT, BASELINE])
@pytest.mark.parametrize("name", JOBS)
def test_the_cost_of(name: str, contestant: str, benchmark: Any) -> None:
    """What a job costs, and what its baseline does."""
    benchmark.group = f"{name}; baseline: {JOBS[name].against}"
    it = made(name).contestants[contestant]
    if it.prepare is not None:
        benchmark.pedantic(it.call, setup=lambda: (it.prepare(), {}), rounds=50)
    elif it.reports:
        benchmark.extra_info["reported"] = benchmark.pedantic(it.call, rounds=3)
    else:
        benchmark(it.call)


@pytest.mark.parametrize("name", JOBS)
def test_subject_and_baseline_do_the_same(name: str) -> None:
    """A ratio tells something where both give equal results."""
    check(made(name))


@pytest.mark.parametrize("name", JOBS)
def test_peers_do_the_job(name: str) -> None:
    """Each peer that is installed runs, and gives something."""
    for peer in made(name).peers.values():
        assert peer.call()
