"""`python -m benchmarks [--seconds S] [--plot FILE.svg] [WORD...]`: measure, print one table.

With words, only the jobs whose name contains one of them. `python -m benchmarks faults [--misses]`
prints what each tool finds of the faults that people make.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from benchmarks import faults
from benchmarks.jobs import JOBS, SIZES, dispatch_job
from benchmarks.measure import Job, Sample, measure
from benchmarks.plot import plot

PACKAGES = ("litellm", "pyrsistent", "toolz", "pyyaml", "click", "rich")
HEAD = ("job", "takes", "against", "takes", "ratio", "by the clock", "at most", "")


def main() -> None:
    """Measure what is asked for, print the table line by line, and draw the plot."""
    arguments = _arguments()
    if arguments.words == ["faults"]:
        faults.main(misses=arguments.misses)
        return
    words = arguments.words or [""]
    chosen = {name: make for name, make in JOBS.items() if any(word in name for word in words)}
    gc.freeze()  # what importing litellm left is no contestant's garbage
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    print(f"Python {platform.python_version()}, {versions}; {_load()}.")
    print("Medians of interleaved rounds: CPU time, user and system; one ratio is by the clock.\n")
    print(_row(*HEAD), _row("---", "--:", "---", *["--:"] * 4, "---"), sep="\n")
    medians = {}
    for name, make in chosen.items():
        made = make()
        medians[name] = measure(made, arguments.seconds)
        for row in _rows(name, made, medians[name]):
            print(row, flush=True)
    print(f"\nAfterwards: {_load()}.")
    if arguments.plot:
        costs = {size: [each.cpu for each in medians[dispatch_job(size)]] for size in SIZES}
        arguments.plot.write_text(plot(costs))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description="Measure every job.")
    parser.add_argument("words", nargs="*", metavar="WORD", help="only jobs whose name has one")
    parser.add_argument("--seconds", type=float, default=8, help="for each job: %(default)s")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw cost against number (SVG)")
    parser.add_argument("--misses", action="store_true", help="of faults: name our own misses")
    return parser.parse_args()


def _load() -> str:
    """Say how busy the machine is: above its number of cores, figures are not to be trusted."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def _rows(name: str, job: Job, medians: list[Sample]) -> Iterator[str]:
    subject = medians[0]
    for (rival, (_, bound)), its in zip(job.rivals.items(), medians[1:], strict=True):
        ratio = subject.bytes / its.bytes if its.bytes else subject.cpu / its.cpu
        clock = f"{subject.wall / its.wall:.3g}" if its.wall else ""
        most, reached = "", ""
        if bound is not None:
            most, reached = f"{bound:g}", "reached" if ratio <= bound else "NOT reached"
        cost, its_cost = _figure(subject), _figure(its)
        yield _row(name, cost, rival, its_cost, f"{ratio:.3g}", clock, most, reached)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(sample: Sample) -> str:
    if sample.bytes:
        return f"{sample.bytes:.0f} B"
    for scale, name in ((1, "s"), (1e-3, "ms")):
        if sample.cpu >= scale:
            return f"{sample.cpu / scale:.3g} {name}"
    return f"{sample.cpu * 1e6:.3g} µs"


if __name__ == "__main__":
    main()
