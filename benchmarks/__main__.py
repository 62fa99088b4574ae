"""`python -m benchmarks [--json FILE] [--plot FILE.svg] [WORD...]`: measure, and print one table.

With words, only the jobs whose name holds one of them.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.jobs import JOBS, SIZES, Entry, dispatch_job
from benchmarks.measure import BASELINE, SUBJECT, AbsentError, check, measure
from benchmarks.plot import plot

PACKAGES = ("litellm", "pyrsistent", "toolz", "click", "rich", "typer")


def main() -> None:
    """Measure what is asked for, print the table line by line, and write the files."""
    arguments = _arguments()
    chosen = [
        name
        for name in JOBS
        if not arguments.words or any(word in name for word in arguments.words)
    ]
    gc.freeze()  # what importing litellm left is nobody's garbage: let no contestant pay for it
    machine = _machine()
    print(machine, _load(), sep="\n", end="\n\n")
    print("| job | dispatch | baseline | | ratio | at most | | peers (times dispatch) |")
    print("|---|--:|---|--:|--:|--:|---|---|")
    results = {}
    for name in chosen:
        try:
            results[name] = _result(JOBS[name])
        except AbsentError as reason:
            print(f"| {name} | {reason} | | | | | | |")
            continue
        print(_line(name, results[name]), flush=True)
    print(f"\n{_load()}")
    if arguments.json:
        told = {"machine": machine, "load": _load(), "jobs": results}
        arguments.json.write_text(json.dumps(told, indent=1) + "\n")
    if arguments.plot:
        sizes = {size: results[dispatch_job(size)]["medians"] for size in SIZES}
        arguments.plot.write_text(plot(sizes))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description="Measure every job.")
    parser.add_argument("words", nargs="*", metavar="WORD", help="only jobs whose name holds one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw cost against number (SVG)")
    return parser.parse_args()


def _machine() -> str:
    """Say what the figures hang on: Python, the system, and the packages that are installed."""
    told = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return f"{told}; {', '.join(_versions())}"


def _versions() -> Iterator[str]:
    for name in PACKAGES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:  # a peer's: its jobs are skipped too
            continue


def _load() -> str:
    """Say how busy the machine is: above its number of cores, figures are not to be trusted."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def _result(entry: Entry) -> dict[str, Any]:
    job = entry.make()
    check(job)
    medians = measure(job)
    ratio = medians[SUBJECT] / medians[BASELINE]
    reached = None if entry.bound is None else ratio <= entry.bound
    told = {"against": entry.against, "bound": entry.bound, "unit": entry.unit}
    return {**told, "medians": medians, "ratio": ratio, "reached": reached}


def _line(name: str, result: dict[str, Any]) -> str:
    medians, unit = result["medians"], result["unit"]
    cost = medians[SUBJECT]
    others = {peer: it for peer, it in medians.items() if peer not in (SUBJECT, BASELINE)}
    told = ", ".join(
        f"{peer} {_figure(it, unit)} ({_ratio(it / cost)})" for peer, it in others.items()
    )
    bound = "" if result["bound"] is None else f"{result['bound']:g}×"
    reached = {None: "", True: "reached", False: "NOT reached"}[result["reached"]]
    cells = (
        name,
        _figure(cost, unit),
        result["against"],
        _figure(medians[BASELINE], unit),
        _ratio(result["ratio"]),
        bound,
        reached,
        told,
    )
    return f"| {' | '.join(cells)} |"


def _figure(value: float, unit: str) -> str:
    if unit == "B":
        return f"{value:.0f} B"
    for scale, name in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= scale:
            return f"{value / scale:.3g} {name}"
    return f"{value * 1e9:.0f} ns"


def _ratio(value: float) -> str:
    """Three digits, never in scientific notation."""
    return f"{value:.0f}×" if value >= 100 else f"{value:.3g}×"


if __name__ == "__main__":
    sys.exit(main())
