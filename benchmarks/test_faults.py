"""What the README says of the corpus of faults."""

from __future__ import annotations

from benchmarks import faults
from tests.test_docs import README


def test_corpus() -> None:
    """The README's table is of the configurations that are in the tables of the tests."""
    rows = faults.corpus()
    faulty = sum(bool(row.place) for row in rows)
    assert f"{faulty} configurations with one fault each" in README
    assert f"{len(rows) - faulty} good ones" in README
