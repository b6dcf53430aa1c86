"""The geometry of the page's figures: where each mark starts and ends, in percent of the plot's width.

The template only places what is computed here, so that a figure can be tested without a browser.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bitwright.report import words
from bitwright.report.axes import SignedLog, Tick, linear_ticks
from bitwright.report.record import CostRow, Histogram, LayerRow, ScheduleRow, max_bits, mean_bits

__all__ = ["Bar", "Figure", "Row", "bits_figure", "cost_figure", "luts_figure", "ranges_figure", "schedule_figure"]


@dataclass(frozen=True, slots=True)
class Bar:
    """A mark of one series from `start` to `end` (percent); `cap` is a further tick, `tip` its text."""

    series: str
    start: float
    end: float
    tip: str
    label: str = ""
    cap: float | None = None

    @property
    def width(self) -> float:
        """The length in percent; what exists stays visible however small it is."""
        return max(self.end - self.start, 0.0)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a figure: its name, its marks, and the text that says the same."""

    name: str
    bars: tuple[Bar, ...]
    text: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """Rows over one axis; `header` and `table` hold the same numbers for those who cannot see it."""

    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    series: tuple[tuple[str, str], ...]
    header: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]


def bits_figure(layers: Iterable[LayerRow]) -> Figure:
    """Mean width of weights and activations per layer, with a tick where the widest element lies."""
    shown = [layer for layer in layers if layer.weight_bits or layer.activation_bits]
    both = [histogram for layer in shown for histogram in (layer.weight_bits, layer.activation_bits)]
    top = _even(max((max_bits(histogram) or 0 for histogram in both), default=0))
    rows = tuple(Row(layer.name, _widths(layer, top)) for layer in shown)
    step = max(top // 8, 1) * (1 + (top > 4))
    ticks = tuple(Tick(100 * bits / top, str(bits)) for bits in range(0, top + 1, step))
    table = tuple(
        (layer.name, words.widths(layer.weight_bits), words.widths(layer.activation_bits)) for layer in shown
    )
    series = (("weights", "weights"), ("activations", "activations"))
    return Figure(rows, ticks, series, ("layer", "weights", "activations"), table)


def luts_figure(layers: Iterable[LayerRow]) -> Figure:
    """Predicted LUTs and flip-flops per layer on one linear scale, with each layer's share of the LUTs."""
    shown = [layer for layer in layers if layer.luts_predicted is not None]
    total = sum(layer.luts_predicted or 0 for layer in shown)
    top = max((max(layer.luts_predicted or 0, layer.ffs_predicted or 0) for layer in shown), default=0)
    rows = tuple(
        Row(
            layer.name,
            (
                *_amount("lut", layer.luts_predicted, top, "LUT"),
                *_amount("ff", layer.ffs_predicted, top, "FF"),
            ),
            words.count(layer.luts_predicted),
            _share(layer.luts_predicted, total),
        )
        for layer in shown
    )
    header = ("layer", "LUT", "share of LUTs", "FF", "adders")
    table = tuple(
        (
            layer.name,
            words.count(layer.luts_predicted),
            _share(layer.luts_predicted, total),
            words.count(layer.ffs_predicted),
            words.count(layer.adders),
        )
        for layer in shown
    )
    return Figure(rows, linear_ticks(top), (("lut", "LUT"), ("ff", "FF")), header, table)


def cost_figure(cost: Sequence[CostRow]) -> Figure:
    """Predicted beside synthesized counts, all resources on one linear scale."""
    top = max((max(row.predicted or 0, row.synthesized or 0) for row in cost), default=0)
    rows = tuple(
        Row(
            row.quantity,
            (
                *_amount("predicted", row.predicted, top, row.quantity),
                *_amount("synthesized", row.synthesized, top, row.quantity),
            ),
            "",
            words.signed_percent(row.error),
        )
        for row in cost
    )
    header = ("resource", "predicted", "synthesized", "prediction is off by", "tool")
    table = tuple(
        (
            row.quantity,
            words.count(row.predicted),
            words.count(row.synthesized),
            words.signed_percent(row.error),
            row.tool or words.NOT_KNOWN,
        )
        for row in cost
    )
    series = (("predicted", "predicted"), ("synthesized", "synthesized"))
    return Figure(rows, linear_ticks(top), series, header, table)


def schedule_figure(schedule: Sequence[ScheduleRow]) -> Figure:
    """When each actor works on the first frame, and which share of all cycles it is busy once frames follow."""
    top = max((row.last_cycle for row in schedule), default=0)
    rows = tuple(
        Row(
            row.name,
            (
                Bar(
                    "lut", _part(row.first_cycle, top), _part(row.last_cycle, top),
                    f"{row.name}: cycle {row.first_cycle} to {row.last_cycle}",
                ),
            ),
            f"{row.busy:.0%} busy",
        )
        for row in schedule
    )  # fmt: skip
    header = ("actor", "first cycle", "last cycle", "busy")
    table = tuple(
        (row.name, words.count(row.first_cycle), words.count(row.last_cycle), f"{row.busy:.1%}") for row in schedule
    )
    return Figure(rows, linear_ticks(top), (("lut", "steps of the first frame"),), header, table)


def _part(cycle: int, top: int) -> float:
    return 100 * cycle / max(top, 1)


def ranges_figure(layers: Iterable[LayerRow]) -> Figure:
    """Proven value ranges inside what their formats could hold, on a signed logarithmic axis (base 2)."""
    shown = [layer for layer in layers if layer.value_low is not None and layer.value_high is not None]
    axis = SignedLog.over([edge for layer in shown for edge in _edges(layer)])
    rows = tuple(
        Row(
            layer.name,
            _spans(layer, axis),
            layer.output_format,
            f"{words.real(layer.value_low)} … {words.real(layer.value_high)}",
        )
        for layer in shown
    )
    header = ("layer", "format", "lowest value", "highest value", "format from", "format to")
    table = tuple(
        (
            layer.name,
            layer.output_format or words.NOT_KNOWN,
            words.real(layer.value_low),
            words.real(layer.value_high),
            words.real(layer.format_low),
            words.real(layer.format_high),
        )
        for layer in shown
    )
    series = (("value", "values that can occur"), ("format", "what the format could hold"))
    return Figure(rows, axis.ticks(), series, header, table)


def _edges(layer: LayerRow) -> list[float]:
    edges = (layer.value_low, layer.value_high, layer.format_low, layer.format_high)
    return [edge for edge in edges if edge is not None]


def _spans(layer: LayerRow, axis: SignedLog) -> tuple[Bar, ...]:
    spans = (("format", layer.format_low, layer.format_high), ("value", layer.value_low, layer.value_high))
    return tuple(
        Bar(series, axis.at(low), axis.at(high), f"{series}: {words.real(low)} … {words.real(high)}")
        for series, low, high in spans
        if low is not None and high is not None
    )


def _widths(layer: LayerRow, top: int) -> tuple[Bar, ...]:
    return (
        *_bits("weights", layer.weight_bits, top),
        *_bits("activations", layer.activation_bits, top),
    )


def _bits(series: str, histogram: Histogram, top: int) -> tuple[Bar, ...]:
    mean, largest = mean_bits(histogram), max_bits(histogram)
    if mean is None or largest is None:
        return ()
    cap = 100 * largest / top if largest > mean else None
    tip = f"{series}: {words.widths(histogram)}"
    return (Bar(series, 0, 100 * mean / top, tip, words.bits(histogram), cap),)


def _amount(series: str, amount: int | None, top: float, unit: str) -> tuple[Bar, ...]:
    if amount is None:
        return ()
    end = 100 * amount / top if top else 0.0
    return (Bar(series, 0, end, f"{series}: {words.count(amount)} {unit}", words.count(amount)),)


def _share(part: int | None, total: int) -> str:
    return words.percent((part or 0) / total, 0) if total else words.NOT_KNOWN


def _even(largest: int) -> int:
    return max(2, largest + largest % 2)
