"""Rooflines from this project's own kernels: what a product takes, and where a planned network stands."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from bitwright.core.errors import InvalidValue
from bitwright.cost.actors.logic import kernel_area
from bitwright.cost.area import Area
from bitwright.cost.roofline import Point
from bitwright.explore.plan import Plan
from bitwright.ir.graph import Graph, TensorType
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense
from bitwright.ir.netlist import Word
from bitwright.passes.streaming.dots import dot, xnor
from bitwright.platforms import Fabric

__all__ = ["operations", "points_of", "product_area", "products_of"]

_LANES = 32
"""Of the dot product that is built; with its share of an accumulator."""


def product_area(weight_bits: int, activation_bits: int, fabric: Fabric) -> Area:
    """A multiplication with its addition, in a dot product of 32 lanes with an accumulator.

    Weights are signed (one bit: -1 and 1), activations not (one bit: 0 and 1, meaning -1 and 1).
    """
    if min(weight_bits, activation_bits) < 1:
        raise InvalidValue("a precision of no bits", where="roofline", remedy="one bit at least")
    if weight_bits == activation_bits == 1:
        kernel = xnor(_LANES, fabric)
    else:
        top = (1 << (weight_bits - 1)) - 1
        weight = Word(-top, top) if weight_bits > 1 else Word(-1, 1)
        kernel = dot((Word(0, (1 << activation_bits) - 1),) * _LANES, weight, fabric)
    width = kernel.nodes[kernel.outputs[0]].type.width + 6
    return (kernel_area(kernel, fabric) + Area(width, width)).times(1 / _LANES)


_PRECISIONS = ((1, 1), (2, 2), (4, 4), (8, 8))


def products_of(fabric: Fabric, precisions: tuple[tuple[int, int], ...] = _PRECISIONS) -> dict[str, Area]:
    """Areas of products by precision, as `cost.roofline.roofline_of` takes them: W1A1, W2A2, ..."""
    return {f"W{w}A{a}": product_area(w, a, fabric) for w, a in precisions}


def operations(graph: Graph) -> int:
    """Multiplications and additions of linear layers a frame."""
    total = 0
    for node in graph.nodes:
        if isinstance(node.op, Dense | Conv):
            total += 2 * prod(node.type.shape[:-1]) * node.op.weights.array.size
        elif isinstance(node.op, ConvTranspose):
            given = graph.nodes[node.args[0]].type.shape
            total += 2 * prod(given[:-1]) * node.op.weights.array.size
    return total


def points_of(graph: Graph, plan: Plan) -> tuple[Point, ...]:
    """Where a plan stands: with weights on the chip (only inputs and outputs come from outside), and without."""
    done = operations(graph)
    weights = sum(n.op.weights.array.size * _bits(n.op) for n in graph.nodes if isinstance(n.op, Dense | Conv))
    ends: Mapping[str, int] = {n.name: n.type.size * _width(n.type) for n in (*graph.inputs, *graph.results)}
    moved = max(sum(ends.values()) / 8, 1.0)
    reached = done * plan.fps
    return (
        Point(f"{plan.network}, weights on the chip", "external memory", done / moved, reached),
        Point(f"{plan.network}, weights from outside", "external memory", done / (moved + weights / 8), reached),
    )


def _bits(op: Dense | Conv) -> int:
    return Word(int(op.weights.array.min()), int(op.weights.array.max())).width


def _width(type: TensorType) -> int:
    return Word(int(type.low.array.min()), int(type.high.array.max())).width
