"""The geometry of the exploration page's figures, in percent of the plot's width and height (from the top)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bitwright.cost.roofline import ComputeRoof, Point, Roofline
from bitwright.report import words
from bitwright.report.axes import Logarithmic, Tick, linear_ticks
from bitwright.report.charts import Chart, Label, Line, Mark
from bitwright.report.explore_record import BindingRow, LayerChoice, PlanRow
from bitwright.report.figures import Bar, Figure, Row

__all__ = ["RESOURCE_NAMES", "binding_figure", "cycles_figure", "front_chart", "ops_words", "roofline_chart"]

RESOURCE_NAMES = {"luts": "LUT", "ffs": "FF", "dsps": "DSP", "bram18s": "BRAM18", "urams": "URAM"}
_COLORS = 4
"""Series of the style sheet that tell memories apart; they begin anew beyond."""
_FAMILIES = 8
"""Those that tell families, devices and clocks apart."""
_GIGA = 1e9


def front_chart(plans: Sequence[PlanRow]) -> Chart | None:
    """Frames a second against the share of LUTs, both logarithmic; None without shares.

    A line a family, device and clock; colors tell families apart where there are several, else devices and clocks.
    """
    placed = [plan for plan in plans if plan.lut_share]
    if not placed:
        return None
    x = Logarithmic.over([100 * (plan.lut_share or 0) for plan in placed])
    y = Logarithmic.over([plan.fps for plan in placed])
    told = {plan: _told_apart(plan, placed) for plan in placed}
    keys = {name: _series(at, _FAMILIES) for at, name in enumerate(dict.fromkeys(told.values()))}
    groups: dict[tuple[str, str, float], list[PlanRow]] = {}
    for plan in placed:
        groups.setdefault((told[plan], plan.device, plan.clock_mhz), []).append(plan)
    where = {plan: (x.at(100 * (plan.lut_share or 0)), 100 - y.at(plan.fps)) for plan in placed}
    return Chart(
        title="Frames a second against LUTs",
        x_label="share of the LUTs that may be used (logarithmic)",
        y_label="frames/s",
        x_ticks=tuple(Tick(tick.at, f"{tick.label} %", tick.minor) for tick in x.ticks()),
        y_ticks=_upright(y),
        series=tuple((key, name) for name, key in keys.items()),
        marks=tuple(Mark(keys[told[p]], p.name, *where[p], tip=_plan_tip(p), hollow=not p.proved) for p in placed),
        lines=tuple(
            Line(keys[name], _line_name(name, part, clock), _path([where[p] for p in own]))
            for (name, part, clock), own in groups.items()
            if len(own) > 1
        ),
        labels=tuple(Label(*where[p], "chosen", where[p][0] / 100) for p in placed if p.chosen),
    )


def _line_name(name: str, part: str, clock_mhz: float) -> str:
    place = f"{part} at {clock_mhz:g} MHz"
    return place if name == place else f"{name}, {place}"


def _told_apart(plan: PlanRow, plans: Sequence[PlanRow]) -> str:
    """What a plan's color stands for."""
    if not any(other.family for other in plans):
        return f"{plan.device} at {plan.clock_mhz:g} MHz"
    known = "" if plan.accuracy is None else f" ({words.percent(plan.accuracy, 1)})"
    return f"{plan.family or 'no family'}{known}"


def roofline_chart(roofline: Roofline) -> Chart | None:
    """Operations a second against operations a byte: memories as slopes, precisions as roofs, named points.

    Points stand where their memory feeds them, with a bar up to the planned pace if that is higher. The first is full,
    the others (less on the chip) are hollow. None without a roof for a precision, without a
    memory, or where no point computes anything.
    """
    points = [point for point in roofline.points if point.ops_s > 0 and point.intensity > 0]
    if not (points and roofline.compute and roofline.memories):
        return None
    plane = _Plane.over(roofline, points)
    marks = [_reached(point, plane, _fed(point, roofline), outside=n > 0) for n, point in enumerate(points)]
    told = [Label(100.0, plane.at(1, roof.ops_s)[1], _roof_words(roof), 1.0) for roof in roofline.compute]
    told += [Label(mark.x, mark.y, mark.name, mark.x / 100, below=mark.hollow) for mark in marks]
    return Chart(
        title=f"{roofline.device} at {roofline.clock_mhz:g} MHz",
        x_label="operations for each byte that the memory gives (logarithmic)",
        y_label="GOp/s",
        x_ticks=plane.x.ticks(),
        y_ticks=_upright(plane.y),
        series=(
            *((_series(i), f"{m.memory}, {m.bytes_s / _GIGA:,.4g} GB/s") for i, m in enumerate(roofline.memories)),
            ("roof", "logic, by precision"),
        ),
        marks=tuple(marks),
        lines=(*plane.slopes(roofline), *plane.roofs(roofline)),
        labels=tuple(told),
    )


def cycles_figure(layers: Sequence[LayerChoice]) -> Figure:
    """Cycles a frame of each layer of the chosen plan on one linear scale; the slowest are told apart."""
    top = max((layer.cycles for layer in layers), default=0)
    rows = tuple(
        Row(
            layer.name,
            (Bar(_pace(layer, top), 0, 100 * layer.cycles / max(top, 1), _layer_tip(layer)),),
            words.count(layer.cycles),
            "sets the pace" if layer.cycles == top else f"{layer.cycles / max(top, 1):.0%} of it",
        )
        for layer in layers
    )
    table = tuple(
        (layer.name, words.count(layer.cycles), words.percent(layer.cycles / max(top, 1), 1)) for layer in layers
    )
    series = (("slowest", "sets the pace"), ("lut", "waits for it"))
    return Figure(rows, linear_ticks(top), series, ("layer", "cycles a frame", "share of the slowest"), table)


def binding_figure(binding: BindingRow) -> Figure:
    """The share of every ceiling that the chosen plan takes; what ends first at the next pace is told apart."""
    top = max(1.0, *binding.shares.values()) if binding.shares else 1.0
    rows = tuple(
        Row(
            RESOURCE_NAMES.get(name, name),
            (Bar("slowest" if name == binding.resource else "lut", 0, 100 * share / top, words.percent(share, 1)),),
            words.percent(share, 1),
        )
        for name, share in binding.shares.items()
    )
    ticks = tuple(Tick(share / top, f"{share} %", minor=share % 50 != 0) for share in range(0, 101, 25))
    table = tuple((row.name, row.text) for row in rows)
    series = (("slowest", "ends first at the next pace"),) if binding.resource else ()
    return Figure(rows, ticks, series, ("resource", "share of the ceiling"), table)


def ops_words(ops_s: float) -> str:
    """Operations a second in the unit that keeps them short.

    >>> ops_words(2.5e12), ops_words(3e9), ops_words(4e6)
    ('2.5 TOp/s', '3 GOp/s', '4 MOp/s')
    """
    scale, unit = next(((s, u) for s, u in ((1e12, "T"), (1e9, "G")) if ops_s >= s), (1e6, "M"))
    return f"{ops_s / scale:.3g} {unit}Op/s"


@dataclass(frozen=True, slots=True)
class _Plane:
    """Operations a byte across, 10^9 operations a second upward, both logarithmic; `top` is the highest roof."""

    x: Logarithmic
    y: Logarithmic
    top: float

    @classmethod
    def over(cls, roofline: Roofline, points: Sequence[Point]) -> _Plane:
        peaks = [roof.ops_s for roof in roofline.compute]
        ridges = [peak / memory.bytes_s for peak in peaks for memory in roofline.memories]
        lowest = min(*(_fed(point, roofline) for point in points), min(peaks) / 8)
        across = Logarithmic.over([*ridges, *(point.intensity for point in points)], margin=0.12)
        highest = max(*peaks, *(point.ops_s for point in points))
        return cls(across, Logarithmic.over([lowest / _GIGA, highest / _GIGA], margin=0.07), max(peaks))

    def at(self, intensity: float, ops_s: float) -> tuple[float, float]:
        return self.x.at(intensity), 100 - self.y.at(ops_s / _GIGA)

    def slopes(self, roofline: Roofline) -> Iterable[Line]:
        """What each memory feeds, from the plot's edge up to the highest roof."""
        for index, memory in enumerate(roofline.memories):
            begin, ridge = max(self.x.low, self.y.low * _GIGA / memory.bytes_s), self.top / memory.bytes_s
            ends = (self.at(begin, memory.bytes_s * begin), self.at(ridge, self.top))
            yield Line(_series(index), memory.memory, _path(ends))

    def roofs(self, roofline: Roofline) -> Iterable[Line]:
        """Each precision's, from where the fastest memory meets it to the plot's edge."""
        fastest = max(memory.bytes_s for memory in roofline.memories)
        for roof in roofline.compute:
            ends = (self.at(roof.ops_s / fastest, roof.ops_s), self.at(self.x.high, roof.ops_s))
            yield Line("roof", roof.precision, _path(ends))


def _series(at: int, colors: int = _COLORS) -> str:
    return f"peer{at % colors + 1}"


def _upright(axis: Logarithmic) -> tuple[Tick, ...]:
    return tuple(Tick(100 - tick.at, tick.label, tick.minor) for tick in axis.ticks())


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)


def _pace(layer: LayerChoice, top: int) -> str:
    return "slowest" if layer.cycles == top else "lut"


def _roof_words(roof: ComputeRoof) -> str:
    return f"{roof.precision}, {ops_words(roof.ops_s)}, by {RESOURCE_NAMES.get(roof.bound, roof.bound)}s"


def _layer_tip(layer: LayerChoice) -> str:
    return f"{layer.name}: {words.count(layer.cycles)} cycles, SIMD {layer.simd}, PE {layer.pe}, {layer.kernel}"


def _plan_tip(plan: PlanRow) -> str:
    share = "" if plan.lut_share is None else f" ({words.percent(plan.lut_share, 1)})"
    told = (
        ("frames/s", words.count(plan.fps)),
        ("LUT, predicted", f"{words.count(plan.luts)}{share}"),
        ("BRAM18", words.count(plan.bram18s)),
        ("DSP", words.count(plan.dsps)),
        ("power, estimated", "" if plan.power_w is None else f"{plan.power_w:.3g} W"),
        ("proof", "the best" if plan.proved else f"within {plan.gap:.1%} of the best"),
    )
    return "\n".join([plan.name, *(f"{name}: {value}" for name, value in told if value)])


def _fed(point: Point, roofline: Roofline) -> float:
    """Operations a second that the point's memory feeds, and no more than are planned."""
    speeds = [memory.bytes_s for memory in roofline.memories if memory.memory == point.memory]
    return min([point.ops_s, *(speed * point.intensity for speed in speeds)])


def _reached(point: Point, plane: _Plane, fed: float, outside: bool) -> Mark:
    """Where the memory lets it stand, with a bar up to the plan's own pace if that is more."""
    (x, y), planned = plane.at(point.intensity, fed), plane.at(point.intensity, point.ops_s)[1]
    told = [f"planned: {ops_words(point.ops_s)}", f"operations a byte: {point.intensity:,.4g}, {point.memory}"]
    if fed < point.ops_s:
        told.insert(0, f"fed: {ops_words(fed)} at most")
    ends = (y, planned) if fed < point.ops_s else (None, None)
    return Mark("front", point.name, x, y, "\n".join((point.name, *told)), *ends, hollow=outside, linked=False)
