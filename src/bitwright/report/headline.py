"""What the page says first: the verdict on exactness and the headline numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bitwright.report import words
from bitwright.report.record import Accuracy, CostRow, LayerRow, Report, Timing

__all__ = ["Tile", "Verdict", "tiles", "verdict"]

CHECK, CROSS, DASH = "M14 25l7 7 14-15", "M16 16l16 16M32 16L16 32", "M15 24h18"


@dataclass(frozen=True, slots=True)
class Tile:
    """A headline: one number with its unit, or several named parts, and a line that explains."""

    name: str
    value: str = ""
    unit: str = ""
    note: str = ""
    parts: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the levels agree: `good`, `bad` or `open`, two lines of text, and the path of its sign."""

    state: str
    headline: str
    detail: str
    sign: str


def verdict(report: Report) -> Verdict:
    """The differing bits over all comparisons in one sentence, or the advice to verify."""
    levels = len(report.links) + 1
    if not report.verification:
        advice = "Run bitwright verify to compare the model with its hardware bit for bit."
        return Verdict("open", "Not verified yet", advice, DASH)
    headline = f"{words.count(report.differences)} differing bits over {words.count(report.vectors)} vectors"
    if report.differences:
        advice = "Run bitwright diff to see the first tensor and element that differ."
        return Verdict("bad", headline, advice, CROSS)
    detail = f"All {levels} levels give the same integers, from the trained model to the hardware."
    return Verdict("good", headline, detail, CHECK)


def tiles(report: Report) -> list[Tile]:
    """The headline numbers that the report knows, in order of interest."""
    amounts = (("Flip-flops", report.cost_of("FF")), ("DSP blocks", report.cost_of("DSP")))
    luts = report.cost_of("LUT")
    return [
        *([_accuracy_tile(report.accuracy)] if report.accuracy else []),
        *([_lut_tile(luts)] if luts else []),
        *(_timing_tiles(report.timing) if report.timing else []),
        *(_amount_tile(name, row) for name, row in amounts if row),
        *([_bits_tile(report.layers)] if any(layer.weight_bits for layer in report.layers) else []),
    ]


def _accuracy_tile(accuracy: Accuracy) -> Tile:
    steps = (("float", accuracy.float_), ("quantized", accuracy.quantized), ("hardware", accuracy.hardware))
    known = [(name, share) for name, share in steps if share is not None]
    parts = tuple(
        (name, words.percent(share), "" if index == 0 else words.points(share - known[index - 1][1]))
        for index, (name, share) in enumerate(known)
    )
    samples = "" if accuracy.samples is None else f"over {words.count(accuracy.samples)} test samples"
    return Tile(accuracy.metric.capitalize(), note=samples, parts=parts)


def _lut_tile(row: CostRow) -> Tile:
    if row.synthesized is None:
        return Tile("Lookup tables", words.count(row.predicted), "", "predicted, not synthesized yet")
    by = f"by {row.tool}" if row.tool else "synthesized"
    predicted = "" if row.error is None else f"; predicted {words.signed_percent(row.error)}"
    return Tile("Lookup tables", words.count(row.synthesized), "", f"{by}{predicted}")


def _amount_tile(name: str, row: CostRow) -> Tile:
    if row.synthesized is None:
        return Tile(name, words.count(row.predicted), "", "predicted, not synthesized yet")
    predicted = "" if row.error is None else f"; predicted {words.signed_percent(row.error)}"
    return Tile(name, words.count(row.synthesized), "", f"synthesized{predicted}")


def _timing_tiles(timing: Timing) -> list[Tile]:
    value, _, unit = words.time_ns(timing.nanoseconds).partition(" ")
    cycles = f"{_cycles(timing.latency_cycles)} at {timing.clock_mhz:g} MHz"
    every = "every cycle" if timing.initiation_cycles == 1 else f"every {_cycles(timing.initiation_cycles)}"
    fmax = f"; modelled Fmax {timing.fmax_mhz:.0f} MHz" if timing.fmax_mhz is not None else ""
    return [
        Tile("Latency", value, unit, cycles),
        Tile("Throughput", f"{timing.throughput_mhz:.4g}", "M inputs/s", f"a new input {every}{fmax}"),
    ]


def _bits_tile(layers: Iterable[LayerRow]) -> Tile:
    pairs = [pair for layer in layers for pair in layer.weight_bits]
    total, number = sum(bits * many for bits, many in pairs), sum(many for _, many in pairs)
    note = f"{words.count(number)} weights in {words.count(total / 8)} bytes; 32 bits each in float"
    return Tile("Weights", f"{total / max(number, 1):.2g}", "bits each", note)


def _cycles(cycles: int) -> str:
    return f"{words.count(cycles)} cycle{'s' * (cycles != 1)}"
