"""The plot: what dispatching costs a model, by the number of models; both axes logarithmic.

Written as SVG by hand. Its colours follow the reader's light or dark theme.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor, log10

__all__ = ["plot"]

WIDTH, HEIGHT = 760, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 600, 48, 312
CURVES = ("dispatch", "pyrsistent")
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #57606a; }
path { fill: none; stroke: #d0d7de; }
.dispatch { stroke: #0969da; stroke-width: 2; } .pyrsistent { stroke: #57606a; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
text { fill: #9198a1; } path { stroke: #3d444d; }
.dispatch { stroke: #4493f8; } .pyrsistent { stroke: #9198a1; }
}
</style>"""


def plot(costs: Mapping[int, Sequence[float]]) -> str:
    """Draw `{number of models: (seconds of dispatch, of pyrsistent)}`, as microseconds a model.

    >>> plot({1: (2e-5, 1e-5), 10: (9e-5, 8e-5)}).startswith("<svg")
    True
    """
    return "\n".join(_lines({n: [each / n * 1e6 for each in costs[n]] for n in costs})) + "\n"


def _lines(costs: Mapping[int, Sequence[float]]) -> Iterator[str]:
    sizes = _decades(costs)
    heights = _decades([cost for each in costs.values() for cost in each])

    def x(size: float) -> float:
        return _between(LEFT, RIGHT, size, sizes)

    def y(cost: float) -> float:
        return _between(BOTTOM, TOP, cost, heights)

    label = "Cost of dispatching one model, by the number of models"
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    yield STYLE
    grid = [f"M{LEFT} {y(10.0**power)}H{RIGHT}" for power in heights]
    grid += [f"M{x(10.0**power)} {TOP}V{BOTTOM}" for power in sizes]
    yield f'<path d="{"".join(grid)}"/>'
    yield _text(16, TOP - 22, "microseconds a model", "start")
    yield "".join(_text(LEFT - 8, y(10.0**p) + 4, f"{10.0**p:g}", "end") for p in heights)
    yield "".join(_text(x(10.0**p), BOTTOM + 18, f"{10**p:,}", "middle") for p in sizes)
    yield _text((LEFT + RIGHT) / 2, HEIGHT - 10, "models", "middle")
    for index, name in enumerate(CURVES):
        points = [f"{x(size)} {y(each[index])}" for size, each in costs.items()]
        yield f'<path class="{name}" d="M{"L".join(points)}"/>'
        yield _text(RIGHT + 12, float(points[-1].split()[1]) + 4, name, "start")
    yield "</svg>"


def _decades(values: Sequence[float] | Mapping[int, object]) -> range:
    """Return the powers of ten that enclose all values."""
    return range(floor(log10(min(values))), max(1, ceil(log10(max(values)))) + 1)


def _between(start: float, end: float, value: float, powers: range) -> float:
    share = (log10(value) - powers[0]) / (powers[-1] - powers[0])
    return round(start + share * (end - start), 1)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{text}</text>'
