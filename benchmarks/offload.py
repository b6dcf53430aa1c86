"""Dataflow beside the time-shared engine, both planned: frames a second, what they take, what binds.

Everything in these rows is planned: cycles are computed by the rules that simulation confirms elsewhere (`dataflow`,
`engine`), area is predicted, nothing is synthesized or measured here. DF: every layer has its own folded unit
(`explore_graph`, the highest pace that fits, proved). MO: one unit for all layers (`offload_lanes`, the fastest that
fits), weights and feature maps in external memory where the chip cannot hold them, at three quarters of what the
board's memory carries. `inner layers`: without the first and last layers of 8-bit weights, which a host would compute.
AlexNet streams as planned from its shapes, with random weights.
FINN-R's figures are other hardware at other clocks, on its own boards: published, for orientation.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

from benchmarks._shaped import shaped_graph
from benchmarks._table import Claim, Outcome, at_least, at_most, equal, main

SHARE = 0.75
"""Of a bus's bandwidth that transfers get."""
BOARDS = ("aws-f1", "ultra96")
CLOCK_MHZ = 200.0
SMALL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tfc", {"weight_bits": 1, "activation_bits": 1}),
    ("resnet8", {}),
    ("cnv", {"weight_bits": 1, "activation_bits": 1}),
)
LARGE: tuple[tuple[str, dict[str, Any]], ...] = (("dorefa_alexnet", {"pruned": True}), ("tincy_yolo", {}))
LOWERED = ("tincy_yolo",)
"""Of the large ones; what others stream is planned from graphs of their shapes, weights and activations random."""
PUBLISHED = {
    ("dorefa_alexnet", "DF", "aws-f1"): "1951 frames/s predicted at 101 MHz, AWS F1",
    ("tincy_yolo", "DF", "aws-f1"): "457 frames/s predicted at 178.6 MHz, AWS F1",
    ("dorefa_alexnet", "MO", "ultra96"): "43,043 LUTs, 278 BRAM18, 58 DSPs, PYNQ-Z1",
    ("tincy_yolo", "MO", "ultra96"): "46,888 LUTs, 280 BRAM18, 57 DSPs, PYNQ-Z1 (Tinier-YOLO)",
    ("cnv", "DF", "ultra96"): "3052 frames/s at 100 MHz, 26,072 LUTs, 248 BRAM18, PYNQ-Z1",
}
"""FINN-R, TRETS 2018; syntheses on the PYNQ-Z1."""


def layers_of(model: Any, edge_bits: int = 8) -> list[Any]:
    """The shapes of a chain of Keras layers (convolutions, pools, dense layers), activations taken in."""
    from bitwright.passes.engine.shapes import Kind, LayerShape, point

    rows, columns, channels = (int(n) for n in model.inputs[0].shape[1:])
    made = [LayerShape("x", Kind.INPUT, (), point((rows, columns, channels)), channels, edge_bits)]
    for layer in model.layers:
        kind = type(layer).__name__.removeprefix("Q")
        if kind not in ("Conv2D", "Dense", "MaxPooling2D"):
            continue
        made.append(one(layer, kind, (*made[-1].view.out, made[-1].channels), len(made) - 1))
    return widths(model, made)


def one(layer: Any, kind: str, grid: tuple[int, int, int], arg: int) -> Any:
    """A layer; bits are set by `widths`."""
    from bitwright.passes.engine.shapes import Kind, LayerShape, point
    from bitwright.passes.streaming.view import View

    if kind == "Dense":
        return LayerShape(layer.name, Kind.LINEAR, (arg,), point(grid, grid[:2]), layer.units, 0)
    kernel = tuple(layer.kernel_size if kind == "Conv2D" else layer.pool_size)
    strides = tuple(layer.strides)
    up, left = (padding(n, k, s, layer.padding) for n, k, s in zip(grid[:2], kernel, strides, strict=True))
    view = View(grid, kernel, strides, (up, left), (1, 1))
    if kind == "Conv2D":
        return LayerShape(layer.name, Kind.LINEAR, (arg,), view, layer.filters, 0, 0, layer.groups)
    return LayerShape(layer.name, Kind.POOL, (arg,), view, grid[2], 0)


def padding(size: int, kernel: int, stride: int, kind: str) -> tuple[int, int]:
    """Keras's 'same' and 'valid'."""
    whole = max((-(-size // stride) - 1) * stride + kernel - size, 0) if kind == "same" else 0
    return whole // 2, whole - whole // 2


def widths(model: Any, made: list[Any]) -> list[Any]:
    """Bits of weights and results, from the layers' quantizers; sums that leave have 24."""
    from dataclasses import replace

    found, bits = [made[0]], made[0].bits
    quantized = {layer.name: layer for layer in model.layers}
    for layer in made[1:]:
        act = quantized.get(f"{layer.name}_act")
        bits = quantizer_bits(act.quantizer) if act is not None else bits if not layer.weights else 24
        weight = quantizer_bits(quantized[layer.name].kernel_quantizer) if layer.weights else 0
        found.append(replace(layer, bits=bits, weight_bits=weight))
    return found


def quantizer_bits(quantizer: Any) -> int:
    """One bit of `binary`, two of `ternary`, else what it says."""
    return int(getattr(quantizer, "bits", {"binary": 1, "ternary": 2}.get(type(quantizer).__name__, 0)))


def inner(layers: Sequence[Any]) -> list[Any]:
    """Without the first and the last layer with weights: what comes between them comes in and goes out."""
    from dataclasses import replace

    from bitwright.passes.engine.shapes import Kind, point

    first = next(layer for layer in layers if layer.weights)
    entry = replace(first, kind=Kind.INPUT, args=(), view=point((*first.view.out, first.channels)), weight_bits=0)
    entry = replace(entry, groups=1)
    kept = [entry, *(replace(layer, args=(at,)) for at, layer in enumerate(layers[2:-1]))]
    if any(a.channels != b.view.grid[2] for a, b in pairwise(kept)):
        raise ValueError("the layers are no chain")
    return kept


def offloaded(network: str, layers: Any, board: Any) -> dict[str, Any]:
    """A row for the engine."""
    from bitwright.explore import offload_lanes

    bandwidth = SHARE * board.bandwidth_gb_s
    plan = offload_lanes(layers, board.device, CLOCK_MHZ, bandwidth, name=network)
    tight = max(plan.shares, key=lambda n: plan.shares[n])
    where = f"outside, two buffers of {plan.buffer_words} words" if plan.buffer_words else "on the chip"
    spilled = sum(n.spilled for n in plan.layers)
    return {
        "frames/s": round(plan.fps, 1),
        "cycles": plan.initiation_cycles,
        "unit": f"{plan.lanes} x {plan.lanes}",
        "LUT": round(plan.area.luts),
        "BRAM18": round(plan.area.bram18s),
        "DSP": round(plan.area.dsps),
        "weights": where + (f"; {spilled} maps outside" if spilled else ""),
        "binds": f"{plan.bound} ({plan.waiting:.0%} waiting); {tight} {plan.shares[tight]:.0%}",
    }


def streamed(graph: Any, board: Any) -> dict[str, Any]:
    """A row for dataflow, or why there is none."""
    from bitwright.core.errors import BitwrightError
    from bitwright.explore import explore_graph

    try:
        plan = explore_graph(graph, board.device, clock_mhz=CLOCK_MHZ)
    except BitwrightError as error:
        return {"binds": f"does not fit: {error.why}"}
    return {
        "frames/s": round(plan.fps, 1),
        "cycles": plan.initiation_cycles,
        "unit": "one a layer",
        "LUT": round(plan.area.luts),
        "BRAM18": round(plan.area.bram18s),
        "DSP": round(plan.area.dsps),
        "weights": "on the chip",
        "binds": plan.binding.resource or f"foldings end: {', '.join(plan.binding.layers[:2])}",
    }


def too_many_weights(layers: Sequence[Any], board: Any) -> dict[str, Any]:
    """A dataflow design holds all weights on the chip: the reason from capacity alone, or nothing."""
    device = board.device
    bits = sum(layer.weights * layer.weight_bits for layer in layers)
    room = device.bram18s * device.ceilings.brams * 18432 + device.urams * device.ceilings.urams * 294912
    room += device.usable.luts * 64
    if bits > room:
        return {"binds": f"does not fit: {bits / 1e6:.1f} Mbit of weights, memories and LUTs for {room / 1e6:.1f}"}
    return {}


def explored(name: str, model: Any, layers: Sequence[Any], board: Any) -> dict[str, Any]:
    """Of a network that is lowered for it, or of its shapes where that would take gigabytes and minutes."""
    from bitwright.flow.exploring import stream_graph

    graph = stream_graph(model, {}) if name in LOWERED else shaped_graph(name, layers)
    return streamed(graph, board)


def row(network: str, kind: str, board: Any, found: dict[str, Any]) -> dict[str, Any]:
    """All columns."""
    published = PUBLISHED.get((network, kind, board.name), "")
    return {"network": network, "architecture": kind, "board": board.name, **found, "FINN-R, published": published}


def small(name: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Both architectures of a network that is lowered."""
    from bitwright import zoo
    from bitwright.flow.exploring import stream_graph
    from bitwright.platforms import board

    graph = stream_graph(zoo.build(name, **told), {})
    made: list[dict[str, Any]] = []
    for one_board in map(board, BOARDS):
        made.append(row(name, "DF", one_board, streamed(graph, one_board)))
        made.append(row(name, "MO", one_board, offloaded(name, graph, one_board)))
    return made


def large(name: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    """A network planned from its shapes, whole and without its edges."""
    from bitwright import zoo
    from bitwright.core.errors import Unsupported
    from bitwright.platforms import board

    model = zoo.build(name, seed=0 if name in LOWERED else None, **told)
    layers = layers_of(model)
    products = sum(n.weights * n.view.out[0] * n.view.out[1] for n in layers)
    if products != zoo.operations(model).macs:
        raise ValueError(f"{name}: {products} products from shapes, {zoo.operations(model).macs} in the model")
    made: list[dict[str, Any]] = []
    for one_board in map(board, BOARDS):
        found = too_many_weights(layers, one_board) or explored(name, model, layers, one_board)
        made.append(row(name, "DF", one_board, found))
        if name not in LOWERED:
            found = too_many_weights(inner(layers), one_board) or streamed(shaped_graph(name, inner(layers)), one_board)
            made.append(row(name, "DF, inner layers", one_board, found))
        for kind, told_layers in (("MO", layers), ("MO, inner layers", inner(layers))):
            try:
                found = offloaded(name, told_layers, one_board)
            except Unsupported as error:
                found = {"binds": f"does not fit: {error.why}"}
            made.append(row(name, kind, one_board, found))
    return made


def claims(rows: Sequence[dict[str, Any]]) -> list[Claim]:
    """What the rows are held against."""
    engines = [r for r in rows if r["architecture"].startswith("MO")]
    planned = [r for r in engines if "frames/s" in r]
    told = [equal("engines without a plan", len(engines) - len(planned), 0)]
    for name, _ in LARGE:
        fps = [r["frames/s"] for r in planned if r["network"] == name]
        told += [at_least(f"{name}: frames a second of the slowest plan", min(fps), 1)] if fps else []
    slower = sum(
        a["frames/s"] > b["frames/s"]
        for a in planned for b in rows
        if b["architecture"] == "DF" and "frames/s" in b and (a["network"], a["board"]) == (b["network"], b["board"])
    )  # fmt: skip
    return [*told, at_most("networks that the engine plans faster than dataflow where both fit", slower, 0)]


def measure(quick: bool) -> Outcome:
    """Both architectures; the quick case is TFC."""
    rows = [r for name, told in SMALL[: 1 if quick else len(SMALL)] for r in small(name, told)]
    if not quick:
        rows += [r for name, told in LARGE for r in large(name, told)]
    return Outcome(rows, claims(rows))


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["keras", "numpy", "highspy"]))
