"""The plot: what dispatching costs a model, by the number of models; both axes logarithmic.

Written as SVG by hand. Its colours follow the reader's light or dark theme.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil, floor, log10

__all__ = ["plot"]

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 180, 48, 48

# Each with its colour on light and on dark.
LINES = {"pyrsistent": ("#57606a", "#9198a1"), "dispatch": ("#0969da", "#4493f8")}
LABELS = {"dispatch": "dispatch(models)", "pyrsistent": "pyrsistent alone"}


def plot(costs: Mapping[int, Mapping[str, float]]) -> str:
    """Draw `{number of models: {contestant: seconds}}`, as microseconds a model.

    >>> plot({1: {"dispatch": 2e-6}, 10: {"dispatch": 9e-6}}).startswith("<svg")
    True
    """
    curves = {
        name: {size: each[name] / size * 1e6 for size, each in costs.items() if name in each}
        for name in LINES
    }
    frame = _Frame(curves)
    body = [*frame.grid()]
    for name, curve in curves.items():
        body += frame.curve(name, curve) if curve else ()
    return "\n".join([*_head(), *body, "</svg>"]) + "\n"


class _Frame:
    """The axes: whole decades that hold every point."""

    def __init__(self, curves: Mapping[str, Mapping[int, float]]) -> None:
        sizes = [size for curve in curves.values() for size in curve]
        costs = [cost for curve in curves.values() for cost in curve.values()]
        self.sizes = range(floor(log10(min(sizes))), max(1, ceil(log10(max(sizes)))) + 1)
        self.costs = range(floor(log10(min(costs))), ceil(log10(max(costs))) + 1)

    def x(self, size: float) -> float:
        share = (log10(size) - self.sizes[0]) / (self.sizes[-1] - self.sizes[0])
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, cost: float) -> float:
        share = (log10(cost) - self.costs[0]) / (self.costs[-1] - self.costs[0])
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def grid(self) -> Iterator[str]:
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        for power in self.costs:
            y = self.y(10.0**power)
            yield f'<line class="grid" x1="{LEFT}" y1="{y}" x2="{right}" y2="{y}"/>'
            yield _text(LEFT - 8, y + 4, f"{10.0**power:g}", "end")
        for power in self.sizes:
            x = self.x(10.0**power)
            yield f'<line class="grid" x1="{x}" y1="{TOP}" x2="{x}" y2="{bottom}"/>'
            yield _text(x, bottom + 18, f"{10**power:,}", "middle")
        yield _text((LEFT + right) / 2, HEIGHT - 10, "models", "middle")
        yield _text(LEFT - 48, TOP - 22, "µs a model", "start")

    def curve(self, name: str, curve: Mapping[int, float]) -> Iterator[str]:
        points = [(self.x(size), self.y(cost)) for size, cost in curve.items()]
        line = " ".join(f"{x},{y}" for x, y in points)
        yield f'<polyline class="line {name}" points="{line}"/>'
        for x, y in points:
            yield f'<circle class="dot {name}" cx="{x}" cy="{y}" r="3.5"/>'
        yield _text(points[-1][0] + 12, points[-1][1] + 4, LABELS[name], "start", name)


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{text}</text>'


def _head() -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'role="img" aria-label="Cost of dispatching one model, by the number of models">'
    )
    yield "<style>"
    yield "text { font: 13px system-ui, sans-serif; fill: #57606a; }"
    yield ".grid { stroke: #d0d7de; stroke-width: 1; }"
    yield ".line { fill: none; stroke-width: 2; }"
    yield from _colours(theme=0)
    yield "@media (prefers-color-scheme: dark) {"
    yield "text { fill: #9198a1; } .grid { stroke: #3d444d; }"
    yield from _colours(theme=1)
    yield "}"
    yield "</style>"


def _colours(theme: int) -> Iterator[str]:
    for name, colours in LINES.items():
        yield f".line.{name} {{ stroke: {colours[theme]}; }}"
        yield f".dot.{name}, text.{name} {{ fill: {colours[theme]}; }}"
