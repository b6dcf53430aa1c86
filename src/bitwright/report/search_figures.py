"""The geometry of the search page's figures, in percent of the plot's width and height (from the top).

The template only places what is computed here, so that a figure can be tested without a browser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bitwright.report import words
from bitwright.report.axes import Linear, Logarithmic, Tick
from bitwright.report.charts import Chart, Guide, Line, Mark
from bitwright.report.search_record import Curve, HistoryStep, LayerBits, Run, SearchPoint, SearchReport

__all__ = [
    "HeatCell",
    "HeatMap",
    "HeatRow",
    "heat_map",
    "history_charts",
    "tradeoff_chart",
]

MOST_ROWS = 24
MOST_STEPS = 240
MOST_PEERS = 4


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One number with its share of the largest, from 0 to 1."""

    text: str
    share: float
    tip: str


HeatPair = tuple[HeatCell | None, HeatCell | None]
"""Of one layer: its weights, and the activations that it sends on."""


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One point: its name, two words about it, and per layer a cell for weights and one for activations."""

    name: str
    accuracy: str
    area: str
    cells: tuple[HeatPair, ...]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Points by layers. left_out: how many points are only in the table."""

    layers: tuple[str, ...]
    rows: tuple[HeatRow, ...]
    left_out: int = 0


def tradeoff_chart(report: SearchReport) -> Chart | None:
    """Accuracy against LUTs (logarithmic), peers and limits included; None if no point has a number of LUTs."""
    placed = [point for point in report.points if point.area]
    if not placed:
        return None
    peers = report.peers[:MOST_PEERS]
    theirs = [area for peer in peers for area, _ in peer.points]
    x = Logarithmic.over([*(float(point.area or 0) for point in placed), *theirs])
    y = _accuracy_axis(report, placed)
    shown = [point for point in placed if point.accuracy >= y.low]
    marks = [_mark(point, x, y) for point in sorted(shown, key=lambda point: point.on_front)]
    lines = [_through("front", "front", [(float(p.area or 0), p.accuracy) for p in report.front if p.area], x, y)]
    for at, peer in enumerate(peers):
        series, inside = f"peer{at + 1}", [(a, b) for a, b in sorted(peer.points) if b >= y.low]
        lines.append(_through(series, peer.name, inside, x, y))
        marks += [
            Mark(series, peer.name, x.at(a), 100 - y.at(b), _peer_tip(peer, a, b), linked=False) for a, b in inside
        ]
    return Chart(
        title="Accuracy against LUTs",
        x_label="LUTs (logarithmic)",
        y_label=report.metric,
        x_ticks=x.ticks(),
        y_ticks=tuple(Tick(100 - y.at(v), f"{100 * v:g} %") for v in y.values()),
        series=_series(report, shown),
        marks=tuple(marks),
        lines=tuple(line for line in lines if " " in line.points),
        guides=tuple(_guides(report, x, y)),
        left_out=len(placed) - len(shown),
    )


def heat_map(report: SearchReport) -> HeatMap | None:
    """Mean bits of each layer for the points of the front (or all, if there is none), the cheapest first."""
    chosen = [point for point in (report.front or report.points) if point.bits_per_layer]
    if not chosen:
        return None
    layers = tuple(dict.fromkeys(layer.name for point in chosen for layer in point.bits_per_layer))
    every = [layer for point in chosen for layer in point.bits_per_layer]
    top = max((b for layer in every for b in (layer.weight_bits, layer.activation_bits) if b), default=1.0)
    rows = tuple(
        HeatRow(point.name, words.percent(point.accuracy), words.count(point.area), _cells(point, layers, top))
        for point in chosen[:MOST_ROWS]
    )
    return HeatMap(layers, rows, max(len(chosen) - MOST_ROWS, 0))


def history_charts(runs: Sequence[Run]) -> tuple[Chart, ...]:
    """One chart for each quantity that some run tells, over steps; all runs share the axes."""
    return tuple(chart for told in _HISTORY if (chart := _history(runs, *told)) is not None)


Read = Callable[[HistoryStep], float | None]
_HISTORY: tuple[tuple[str, Read, bool], ...] = (
    ("Loss", lambda step: step.loss, False),
    ("Validation accuracy", lambda step: step.validation_accuracy, False),
    ("Predicted LUTs", lambda step: step.luts, True),
    ("Weight of the penalty", lambda step: step.beta, True),
)


def _history(runs: Sequence[Run], title: str, read: Read, logarithmic: bool) -> Chart | None:
    told = [(run.name, [(step.step, value) for step in run.steps if (value := read(step)) is not None]) for run in runs]
    values = [value for _, pairs in told for _, value in pairs]
    if not values:
        return None
    y = Logarithmic.over(values) if logarithmic else Linear.over(values)
    steps = [float(step) for _, pairs in told for step, _ in pairs]
    x = Linear.over(steps, margin=0.0, least=1.0)
    last = max(len(told) - 1, 1)
    lines = tuple(
        Line("run", name, _path(_thinned(pairs), x.at, lambda v: 100 - y.at(v)), at / last)
        for at, (name, pairs) in enumerate(told)
        if pairs
    )
    percent = title == "Validation accuracy"
    ticks = y.ticks() if isinstance(y, Logarithmic) else tuple(Tick(y.at(v), _plain(v, percent)) for v in y.values(4))
    return Chart(
        title=title,
        x_label="trial" if [name for name, _ in told] == ["trials"] else "step",
        y_label="",
        x_ticks=tuple(Tick(x.at(v), f"{v:,.0f}") for v in x.values(3) if v == int(v)),
        y_ticks=tuple(Tick(100 - tick.at, tick.label, tick.minor) for tick in ticks),
        lines=lines,
    )


def _plain(value: float, percent: bool) -> str:
    return f"{100 * value:g} %" if percent else f"{value:g}"


def _thinned(pairs: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most about MOST_STEPS of them, the last one always among them."""
    every = -(-len(pairs) // MOST_STEPS)
    return pairs[:1] + pairs[len(pairs) - 1 :: -every][::-1] if every > 1 else pairs


def _path(pairs: Iterable[tuple[float, float]], x: Callable[[float], float], y: Callable[[float], float]) -> str:
    return " ".join(f"{x(a):.2f},{y(b):.2f}" for a, b in pairs)


def _through(series: str, name: str, pairs: list[tuple[float, float]], x: Logarithmic, y: Linear) -> Line:
    return Line(series, name, _path([pair for pair in pairs if pair[1] >= y.low], x.at, lambda v: 100 - y.at(v)))


def _accuracy_axis(report: SearchReport, placed: list[SearchPoint]) -> Linear:
    """Over the front, peers and limits; a point far below them would press these together, and is left out."""
    front = [point for point in placed if point.on_front] or placed
    ends = [p.accuracy + sign * (p.test_error or 0.0) for p in front for sign in (-1, 1)]
    ends += [accuracy for peer in report.peers[:MOST_PEERS] for _, accuracy in peer.points]
    ends += [value for value in (report.baseline_accuracy, report.limits.get("accuracy")) if value is not None]
    low = min(ends) - 0.6 * (max(ends) - min(ends))
    every = [*ends, *(point.accuracy for point in placed if point.accuracy >= low)]
    return Linear.over(every, least=1e-3)


def _mark(point: SearchPoint, x: Logarithmic, y: Linear) -> Mark:
    error = point.test_error if point.test_accuracy is not None else None
    ends = (None, None) if error is None else (100 - y.at(point.accuracy - error), 100 - y.at(point.accuracy + error))
    at = 100 - y.at(point.accuracy)
    hollow = point.test_accuracy is None
    return Mark(_series_of(point), point.name, x.at(float(point.area or 0)), at, _tip(point), *ends, hollow)


def _tip(point: SearchPoint) -> str:
    error = "" if point.test_error is None else f" ± {words.percent(point.test_error)}"
    told = (
        ("test", "" if point.test_accuracy is None else words.percent(point.test_accuracy) + error),
        ("validation", words.percent(point.validation_accuracy)),
        ("LUTs, predicted", _known(point.luts)),
        ("LUTs, measured", _known(point.measured_luts)),
        ("DSP blocks", _known(point.dsps or None)),
        ("latency", "" if point.latency_ns is None else words.time_ns(point.latency_ns)),
        ("weight bits", _known(point.bits)),
        ("limits", "kept" if point.feasible else "not kept"),
        ("from", point.origin),
        ("certificate", point.certificate),
    )
    return "\n".join([point.name, *(f"{name}: {value}" for name, value in told if value)])


def _known(number: float | None) -> str:
    return "" if number is None else words.count(number)


def _peer_tip(peer: Curve, luts: float, accuracy: float) -> str:
    told = (peer.name, f"accuracy: {words.percent(accuracy)}", f"LUTs: {words.count(luts)}", peer.note)
    return "\n".join(line for line in told if line)


def _series(report: SearchReport, shown: list[SearchPoint]) -> tuple[tuple[str, str], ...]:
    present = {_series_of(point) for point in shown}
    ours = (("front", "on the front"), ("dominated", "other points"), ("infeasible", "a limit is not kept"))
    peers = ((f"peer{at + 1}", peer.name) for at, peer in enumerate(report.peers[:MOST_PEERS]))
    return (*((key, label) for key, label in ours if key in present), *peers)


def _series_of(point: SearchPoint) -> str:
    return "front" if point.on_front else "infeasible" if not point.feasible else "dominated"


def _guides(report: SearchReport, x: Logarithmic, y: Linear) -> Iterable[Guide]:
    most = report.limits.get("luts")
    if most is not None and x.low <= most <= x.high:
        yield Guide(x.at(most), f"at most {words.count(most)} LUTs", upright=True)
    for name, value in (("least accuracy", report.limits.get("accuracy")), ("float", report.baseline_accuracy)):
        if value is not None and y.low <= value <= y.high:
            yield Guide(100 - y.at(value), f"{name} {words.percent(value)}", upright=False)


def _cells(point: SearchPoint, layers: tuple[str, ...], top: float) -> tuple[HeatPair, ...]:
    known = {layer.name: layer for layer in point.bits_per_layer}
    return tuple(_pair(known.get(name), top) for name in layers)


def _pair(layer: LayerBits | None, top: float) -> HeatPair:
    if layer is None:
        return None, None
    luts = "" if layer.luts is None else f"\n{words.count(layer.luts)} LUTs"
    weights = f"{layer.name}, weights\n{words.widths(layer.histogram)}{luts}"
    return _cell(layer.weight_bits, top, weights), _cell(layer.activation_bits, top, f"{layer.name}, activations")


def _cell(bits: float | None, top: float, tip: str) -> HeatCell | None:
    return None if bits is None else HeatCell(f"{bits:.1f}".removesuffix(".0"), min(bits / top, 1.0), tip)
