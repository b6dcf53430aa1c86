"""A design's facts as one report record."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import bitwright
from bitwright.core.files import write_atomic
from bitwright.cost import Area, Prediction
from bitwright.flow.compiled import Compiled
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense, Map
from bitwright.ir.netlist.ops import Add, Subtract
from bitwright.numeric import IntArray, nonzero_digits
from bitwright.report import (
    Accuracy,
    CostRow,
    LayerRow,
    Report,
    ScheduleRow,
    Timing,
    VerifyRow,
    render_html,
    write_json,
)

__all__ = ["report", "write_report"]


def report(
    design: Compiled,
    *,
    accuracy: Accuracy | None = None,
    dataset: str = "",
    commands: Sequence[str] = (),
    notes: Sequence[str] = (),
    created: str = "",
    schedule: Sequence[ScheduleRow] = (),
) -> Report:
    """Everything known about `design` now; what was not measured is absent, not zero."""
    predicted = design.estimate()
    certificate = design.certificate
    rows = certificate.comparisons if certificate else ()
    return Report(
        title=design.name,
        created=created or datetime.now(UTC).isoformat(timespec="seconds"),
        model=design.origin or design.name,
        dataset=dataset,
        device=design.options.device,
        architecture="dataflow" if design.options.streams else "parallel",
        seed=design.options.seed,
        versions=versions(design),
        commands=tuple(commands),
        accuracy=accuracy,
        layers=layer_rows(design, predicted),
        cost=cost_rows(design, predicted),
        timing=Timing(
            latency_cycles=predicted.latency_cycles,
            initiation_cycles=predicted.initiation_cycles,
            clock_mhz=design.clock_mhz,
            fmax_mhz=predicted.fmax_mhz,
            statement=f"Cycles are simulated. Delays: {design.device.fabric.delays}.",
        ),
        schedule=tuple(schedule),
        verification=tuple(
            VerifyRow(before=c.before, after=c.after, vectors=c.vectors, differences=c.differences, data=c.data)
            for c in rows
        ),
        certificate=certificate.to_dict() if certificate else {},
        notes=tuple(notes),
    )


def versions(design: Compiled) -> dict[str, str]:
    """What the numbers depend on."""
    found = {"bitwright": bitwright.__version__, "python": platform.python_version(), "numpy": np.__version__}
    if design.measured is not None:
        found["vivado" if design.measured.tool == "vivado" else "yosys"] = design.measured.version
    return found


def cost_rows(design: Compiled, predicted: Prediction) -> tuple[CostRow, ...]:
    """Predicted beside synthesized, where there is a synthesis."""
    measured = design.measured
    tool = f"{measured.tool} {measured.version}" if measured else ""
    pairs = {
        "LUT": (predicted.luts, measured.luts if measured else None),
        "FF": (predicted.ffs, measured.ffs if measured else None),
        "CARRY": (predicted.carries, measured.carries if measured else None),
        "DSP": (predicted.dsps, measured.dsps if measured else None),
        "BRAM": (predicted.brams, measured.brams if measured else None),
    }
    return tuple(CostRow(quantity=q, predicted=p, synthesized=m, tool=tool) for q, (p, m) in pairs.items())


def layer_rows(design: Compiled, predicted: Prediction) -> tuple[LayerRow, ...]:
    """One row per layer of the model that left something in the graph, in the order of the graph."""
    adders = _adders(design)
    rows: list[LayerRow] = []
    for layer, nodes in _by_layer(design).items():
        rows.append(_row(design, layer, nodes, predicted.by_layer.get(layer, Area()), adders.get(layer, 0)))
    return tuple(rows)


def _by_layer(design: Compiled) -> dict[str, list[Any]]:
    layers: dict[str, list[Any]] = {}
    for node in design.graph.nodes:
        layers.setdefault(node.origin.layer, []).append(node)
    return layers


def _adders(design: Compiled) -> dict[str, int]:
    count: dict[str, int] = {}
    if design.options.streams:
        return count
    for node in design.combinational.nodes:
        if isinstance(node.op, Add | Subtract):
            count[node.origin.layer] = count.get(node.origin.layer, 0) + 1
    return count


def _row(design: Compiled, layer: str, nodes: list[Any], area: Area, adders: int) -> LayerRow:
    sums = [n for n in nodes if isinstance(n.op, Dense | Conv | ConvTranspose)]
    linear = sums[-1] if sums else None
    last: TensorType = nodes[-1].type
    proof = [f for f in design.findings if f.layer == layer]
    widest = max(last.formats(), key=lambda f: f.width)
    step = float(last.step.floats().max())
    weights = np.concatenate([np.zeros(0, dtype=np.int64), *(n.op.weights.array.ravel() for n in sums)])
    return LayerRow(
        name=layer,
        kind=design.kinds.get(layer, "input"),
        shape=last.shape,
        parameters=int(weights.size + (linear.op.bias.array.size if linear is not None else 0)),
        weight_bits=_histogram(_weight_bits(weights)),
        activation_bits=_histogram(last.widths().ravel()),
        output_format=str(widest),
        accumulator_format=_accumulator(nodes, linear),
        value_low=float(last.low.array.min()) * step,
        value_high=float(last.high.array.max()) * step,
        format_low=widest.low * step,
        format_high=widest.high * step,
        exact=all(f.exact for f in proof),
        why="; ".join(f.why for f in proof),
        luts_predicted=round(area.luts),
        ffs_predicted=round(area.ffs),
        digits=int(nonzero_digits(weights).sum()) if weights.size else None,
        adders=adders if weights.size else None,
    )


def _accumulator(nodes: list[Any], linear: Any) -> str:
    if linear is None or not any(isinstance(n.op, Map) for n in nodes):
        return "" if linear is None else str(max(linear.type.formats(), key=lambda f: f.width))
    return str(max(linear.type.formats(), key=lambda f: f.width))


def _weight_bits(weights: IntArray) -> IntArray:
    """Bits of each weight as a signed number; 0 for a weight that is not there."""
    magnitude = np.where(weights < 0, -weights - 1, weights)
    bits = np.ceil(np.log2(magnitude + 1.0)).astype(np.int64) + 1
    return np.where(weights == 0, 0, bits)


def _histogram(bits: IntArray) -> tuple[tuple[int, int], ...]:
    values, counts = np.unique(bits, return_counts=True)
    return tuple(zip(values.tolist(), counts.tolist(), strict=True))


def write_report(record: Report, folder: Path) -> Path:
    """report.html and report.json in `folder`, written atomically; returns the page."""
    write_json(record, folder / "report.json")
    return write_atomic(folder / "report.html", render_html(record))
