"""Each job runs once, without timing, and does what it is compared with."""

from __future__ import annotations

import pytest

from benchmarks.jobs import JOBS
from dispatch import thaw


@pytest.mark.parametrize("name", [name for name in JOBS if "00,000 models" not in name])
def test_job(name: str) -> None:
    """A ratio means something where both give equal results."""
    job = JOBS[name]()
    subject, *others = (thaw(contestant.run()) for contestant in job.contestants)
    assert not job.alike or all(other == subject for other in others)
