"""What a chart is made of: marks, lines, limits and labels over two axes, placed in percent from the top left."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.report.axes import Tick

__all__ = ["Chart", "Guide", "Label", "Line", "Mark"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A point at (x, y); `low` and `high` end its error bar. `tip`: a first line, then "name: value" lines.

    linked: pointing at it shows what else on the page has its name.
    """

    series: str
    name: str
    x: float
    y: float
    tip: str
    low: float | None = None
    high: float | None = None
    hollow: bool = False
    linked: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """A line through `points`, "x,y x,y ..."; `share` says where it lies in its family, from 0 to 1."""

    series: str
    name: str
    points: str
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Guide:
    """A limit: a line across the plot at `at` percent, `upright` or level, with a label."""

    at: float
    label: str
    upright: bool


@dataclass(frozen=True, slots=True)
class Label:
    """A few words just above (x, y) or `below` it, which begin `lean` of their own width to the left of x."""

    x: float
    y: float
    text: str
    lean: float = 0.0
    below: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Marks and lines over two axes. left_out: how many points lie below the plot."""

    title: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    series: tuple[tuple[str, str], ...] = ()
    marks: tuple[Mark, ...] = ()
    lines: tuple[Line, ...] = ()
    guides: tuple[Guide, ...] = ()
    labels: tuple[Label, ...] = ()
    left_out: int = 0
