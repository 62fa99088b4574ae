"""Each job runs once, without timing, and does what it is compared with."""

from __future__ import annotations

import pytest

from benchmarks.jobs import JOBS
from dispatch import thaw


@pytest.mark.parametrize("name", [name for name in JOBS if "00,000 models" not in name])
def test_job(name: str) -> None:
    """A ratio means something where both give equal results."""
    job = JOBS[name]()
    result, *others = (
        thaw(each.run()) for each in (job.subject, *(it.contestant for it in job.rivals.values()))
    )
    assert not job.alike or all(other == result for other in others)
