"""Line charts as SVG files that need nothing else: axes, lines, their names at their ends, a title for each mark.

A benchmark that draws some calls `main_with_figures`: they go beside its JSON file, and `render` shows them.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

from benchmarks._table import Outcome, main

__all__ = ["Chart", "Line", "decades", "main_with_figures", "svg", "ticks"]

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 50, 60
COLORS = ("#0b6e99", "#c4472b", "#3f7d20", "#8250a8", "#a06a00", "#555555", "#0a9396", "#b3006b", "#5b6abf", "#7a5230")
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#222}.quiet{fill:#666}.grid{stroke:#ddd}.axis{stroke:#888}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.quiet{fill:#aaa}.grid{stroke:#444}.paper{fill:#181818}}"
)


Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """A named line through (x, y) points in rising x; `marks`: draw each point. further: more lines of this name."""

    name: str
    points: Points
    marks: bool = True
    further: Sequence[Points] = ()


@dataclass(frozen=True)
class Chart:
    """Lines over two axes; `low`, `high` bound y (None: what the points need). logarithmic: x, which is positive."""

    title: str
    x: str
    y: str
    lines: Sequence[Line]
    low: float | None = None
    high: float | None = None
    logarithmic: bool = False


def ticks(low: float, high: float, wanted: int = 6) -> list[float]:
    """Round numbers from low to high.

    >>> ticks(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if high <= low:
        return [low]
    raw = (high - low) / max(wanted - 1, 1)
    scale = 10.0 ** math.floor(math.log10(raw))
    step = next(scale * m for m in (1, 2, 2.5, 5, 10) if scale * m >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def decades(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten from low to high.

    >>> decades(300.0, 3000.0)
    [500.0, 1000.0, 2000.0]
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = [float(m * 10**power) for power in range(first, last + 1) for m in (1, 2, 5)]
    return [value for value in every if low <= value <= high]


def svg(chart: Chart) -> str:
    """The chart as one SVG document."""
    every = [point for line in chart.lines for points in (line.points, *line.further) for point in points]
    xs, ys = [x for x, _ in every], [y for _, y in every]
    ends = (min(xs), max(xs)), (_or(chart.low, min(ys)), _or(chart.high, max(ys)))
    place = _Place(*ends, chart.logarithmic)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(chart.title)}</title><style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="28" font-weight="600">{escape(chart.title)}</text>',
        *_axes(chart, place),
    ]
    heights = _apart([place.at(*line.points[-1])[1] for line in chart.lines])
    for index, (line, height) in enumerate(zip(chart.lines, heights, strict=True)):
        parts += _line(line, place, COLORS[index % len(COLORS)], height)
    return "\n".join([*parts, "</svg>"]) + "\n"


@dataclass(frozen=True)
class _Place:
    """From values to places in the drawing."""

    x: tuple[float, float]
    y: tuple[float, float]
    logarithmic: bool = False

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixels from the left and from the top."""
        x, first, last = (math.log(v) if self.logarithmic else v for v in (x, *self.x))
        across = (x - first) / ((last - first) or 1)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)


def _axes(chart: Chart, place: _Place) -> list[str]:
    parts: list[str] = []
    for value in ticks(*place.y, 7):
        _, top = place.at(place.x[0], value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{top:.1f}" y2="{top:.1f}"/>')
        parts.append(f'<text class="quiet" x="{LEFT - 8}" y="{top + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value in decades(*place.x) if place.logarithmic else ticks(*place.x, 8):
        left, _ = place.at(value, place.y[0])
        parts.append(
            f'<text class="quiet" x="{left:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{value:g}</text>'
        )
    bottom = HEIGHT - BOTTOM
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}"/>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 16}" text-anchor="middle">{escape(chart.x)}</text>')
    parts.append(
        f'<text x="20" y="{(TOP + bottom) / 2}" text-anchor="middle" '
        f'transform="rotate(-90 20 {(TOP + bottom) / 2})">{escape(chart.y)}</text>'
    )
    return parts


def _line(line: Line, place: _Place, color: str, height: float) -> list[str]:
    parts: list[str] = []
    for points in (line.points, *line.further):
        clipped = [place.at(x, min(max(y, place.y[0]), place.y[1])) for x, y in points]
        path = " ".join(f"{left:.1f},{top:.1f}" for left, top in clipped)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        for (x, y), (left, top) in zip(points, clipped, strict=True) if line.marks else ():
            told = f"<title>{escape(line.name)}: {x:g}, {y:.4g}</title>"
            parts.append(f'<circle cx="{left:.1f}" cy="{top:.1f}" r="3.5" fill="{color}">{told}</circle>')
    end = WIDTH - RIGHT + 10
    parts.append(f'<text x="{end}" y="{height + 4:.1f}" style="fill:{color}">{escape(line.name)}</text>')
    return parts


def _apart(heights: Sequence[float], least: float = 18.0) -> list[float]:
    """The heights of the names, moved so that none covers another."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    moved = list(heights)
    for before, index in pairwise(order):
        moved[index] = max(moved[index], moved[before] + least)
    over = max(0.0, max(moved, default=0.0) - (HEIGHT - BOTTOM))
    return [height - over for height in moved]


def _or(told: float | None, found: float) -> float:
    return found if told is None else told


def main_with_figures(
    measure: Callable[[bool, dict[str, str]], Outcome], description: str | None, *, packages: Iterable[str] = (),
    argv: Sequence[str] | None = None,
) -> int:  # fmt: skip
    """`main` for a benchmark that fills a dict of figures, SVG by name; they are written beside its JSON file."""
    figures: dict[str, str] = {}
    status = main(lambda quick: measure(quick, figures), description, packages=packages, argv=argv)
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--json", type=Path)
    told = parser.parse_known_args(argv)[0].json
    for name, text in figures.items() if told else ():
        told.with_name(f"{told.stem}_{name}.svg").write_text(text, encoding="utf-8")
    return status
