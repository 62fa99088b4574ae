"""Each job runs once, without timing, and does what it is compared with; so do the tools."""

from __future__ import annotations

import pytest

from benchmarks.faults import TOOLS, corpus, judge
from benchmarks.jobs import JOBS
from dispatch import thaw


@pytest.mark.parametrize("name", [name for name in JOBS if "00,000 models" not in name])
def test_job(name: str) -> None:
    """A ratio means something where both give equal results."""
    job = JOBS[name]()
    subject, *others = (thaw(contestant.run()) for contestant in job.contestants)
    assert not job.alike or all(other == subject for other in others)


@pytest.mark.parametrize("name", TOOLS)
def test_faults(name: str) -> None:
    """A tool that is installed says something of a few files; this package finds all of theirs."""
    pytest.importorskip(TOOLS[name].module)
    rows = corpus()
    faulty = [row for row in rows if row.place]
    verdicts = judge(name, [*faulty[:: len(faulty) // 6], rows[-1]])
    assert any(verdict.found for verdict in verdicts)
    if name == "dispatch check":
        assert all(
            verdict.found == verdict.placed == bool(verdict.row.place) for verdict in verdicts
        )
