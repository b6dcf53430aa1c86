"""Recurrent cells as actors: a row of the sequence at a time, the state in registers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.ir.dataflow.cell import cell_sizes
from bitwright.ir.dataflow.ops import Apply, Loop, Rearrange, Recur
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import Map
from bitwright.ir.graph.scan import Scan
from bitwright.ir.netlist import Netlist, NetlistBuilder
from bitwright.passes.recipe import apply, unrolled
from bitwright.passes.streaming.cells import Shape, folded_cell
from bitwright.passes.streaming.fold import divisors, fold_steps, legal_foldings
from bitwright.passes.streaming.folding import Folding, Kernel
from bitwright.passes.streaming.gates import gates_of
from bitwright.passes.streaming.moves import most_released
from bitwright.passes.streaming.placer import GraphNode, Placer, place
from bitwright.passes.streaming.tails import Mapped
from bitwright.passes.synthesize import Synthesize

__all__ = ["rows_of"]

_MOST_PRODUCTS = 1 << 12
"""Products that a folded cell makes at a time, at most."""


@place.on(Scan)
def _(op: Scan, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> int:
    folding = placer.options.foldings.get(node.name)
    if folding is not None and folding.kernel is Kernel.FOLDED:
        return _folded(op, placer, node, last, then)
    source = rows_of(op, placer, node, op.cell.inputs[0].type.size)
    step = placer.tails.looped(_netlist(op, placer))
    size = op.cell.results[0].type.size
    told = placer.mapped(last, then, size)
    if told.phases > 1:
        raise Unsupported("a map that differs from step to step", where=f"layer '{node.name}'", remedy="unroll it")
    tail = placer.tails.mapped([step.nodes[o].type for o in step.outputs[:size]], told)
    made = Recur(placer.program.nodes[node.args[0]].type.shape[0], op.initial, step, op.last, tail)
    return placer.put(made, [source], node, last.type)


def _netlist(op: Scan, placer: Placer) -> Netlist:
    """The cell unrolled: ports x and state, the result and then the next state."""
    return unrolled(apply(op.cell), Synthesize(placer.tails.share, fabric=placer.tails.fabric))


def _folded(op: Scan, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> int:
    """A cell with its weights in a memory, so many units at a time."""
    count, features = placer.folding(node).lanes, op.cell.inputs[0].type.size
    gates = gates_of(apply(op.cell))
    lanes = max(d for d in divisors(features) if d <= max(count, 1))
    source = rows_of(op, placer, node, lanes)
    rows = placer.program.nodes[node.args[0]].type.shape[0]
    if gates is not None and gates.visits > 1:
        source = _again(placer, node, source, (rows, 1, features // lanes), gates.visits)
    told = None if gates is None else Shape(count, rows, placer.folding(node).weights)
    made = told and gates and folded_cell(op, gates, placer.stream(source).lane_words(), told, placer.tails)
    if not made:
        raise Unsupported(
            f"a cell of {op.cell.results[0].type.size} units, {count} at a time", where=f"layer '{node.name}'",
            why="sums of sums of sums, states that begin unevenly, or no divisor of its units",
            remedy='take another divisor as SIMD, or kernel: "unrolled"',
        )  # fmt: skip
    sizes = cell_sizes(made, [placer.stream(source)])
    types = [made.step.nodes[o].type for o in made.step.outputs[: sizes.given]]
    tail = placer.tails.mapped(types, placer.mapped(last, then, count))
    made, visits = replace(made, tail=tail), made.rows // rows
    if op.last or visits == 1:
        return placer.put(made, [source], node, last.type)
    return _last_visits(placer, node, placer.put(made, [source], node), (rows, visits, sizes.blocks), last)


def _again(placer: Placer, node: GraphNode, source: int, grid: tuple[int, int, int], times: int) -> int:
    """Each row so many times, one after the other."""
    loops = Loop(grid[0], row=1), Loop(times), Loop(grid[2], word=1)
    kept = tuple(loop for loop in loops if loop.extent > 1)
    made = Rearrange(grid, kept, memory=placer.folding(node).lines)
    made = replace(made, release=most_released(made))
    return placer.put(made, [source], node, name=f"{node.name}_again")


def _last_visits(placer: Placer, node: GraphNode, source: int, grid: tuple[int, int, int], last: GraphNode) -> int:
    """Of all visits' results those of the last visit of each row."""
    loops = Loop(grid[0], row=1), Loop(grid[2], word=1)
    kept = tuple(loop for loop in loops if loop.extent > 1)
    made = Rearrange(grid, kept, (0, grid[1] - 1, 0), memory=placer.folding(node).lines)
    made = replace(made, release=most_released(made))
    return placer.put(made, [source], node, last.type, name=f"{node.name}_kept")


def rows_of(op: Scan, placer: Placer, node: GraphNode, lanes: int) -> int:
    """The rows in words of `lanes`, each within the range that the cell knows."""
    source = placer.argument(node, 0, lanes)
    low, high = (end.reshape(-1, lanes) for end in op.cell.inputs[0].type.bounds())
    least, most = low.min(axis=0).tolist(), high.max(axis=0).tolist()
    types = placer.stream(source).lane_words()
    if all(w.low >= a and w.high <= b for w, a, b in zip(types, least, most, strict=True)):
        return source

    def held(builder: NetlistBuilder, words: dict[str, list[int]], phase: int) -> list[int]:
        return [builder.clip(x, a, b) for x, a, b in zip(words["x"], least, most, strict=True)]

    none = np.zeros((1, lanes), dtype=np.int64)
    tail = placer.tails.combined({"x": types}, Mapped(None, none, 1, none), held)
    return placer.put(Apply(tail), [source], node, name=f"{node.name}_rows")


@legal_foldings.on(Scan)
def _(op: Scan, node: GraphNode, args: list[TensorType]) -> list[Folding]:
    """So many units at a time (SIMD; PE: their sums) with weights in a memory; or all at once, constants dissolved."""
    found = [Folding(op.cell.inputs[0].type.size, op.cell.results[0].type.size, Kernel.UNROLLED)]
    gates = gates_of(apply(op.cell))
    if gates is None:
        return found
    counts = [d for d in divisors(gates.units) if d == 1 or d * d * len(gates.sums) <= _MOST_PRODUCTS]
    return [Folding(d, d * len(gates.sums)) for d in counts] + found


@fold_steps.on(Scan)
def _(op: Scan, node: GraphNode, args: list[TensorType], folding: Folding) -> int:
    """At least: what a row waits for the one before depends on the clock."""
    features, units = op.cell.inputs[0].type.size, op.cell.results[0].type.size
    if folding.kernel is Kernel.UNROLLED:
        return args[0].shape[0]
    lanes = max(d for d in divisors(features) if d <= folding.lanes)
    blocks = units // folding.lanes
    gates = gates_of(apply(op.cell))
    visits = 1 if gates is None else gates.visits
    return visits * args[0].shape[0] * blocks * (features // lanes + blocks)
