"""Recurrent cells as actors: a row of the sequence at a time, the state in registers."""

from __future__ import annotations

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.ir.dataflow.ops import Apply, Recur
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import Map
from bitwright.ir.graph.scan import Scan
from bitwright.ir.netlist import Netlist, NetlistBuilder
from bitwright.passes.recipe import apply, unrolled
from bitwright.passes.streaming.fold import fold_steps, legal_foldings
from bitwright.passes.streaming.folding import Folding, Kernel
from bitwright.passes.streaming.placer import GraphNode, Placer, place
from bitwright.passes.streaming.tails import Mapped
from bitwright.passes.synthesize import Synthesize

__all__ = ["rows_of"]


@place.on(Scan)
def _(op: Scan, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> int:
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
    """The whole cell, its constants dissolved."""
    return [Folding(op.cell.inputs[0].type.size, op.cell.results[0].type.size, Kernel.UNROLLED)]


@fold_steps.on(Scan)
def _(op: Scan, node: GraphNode, args: list[TensorType], folding: Folding) -> int:
    """At least: what a step takes depends on the clock."""
    return args[0].shape[0]
