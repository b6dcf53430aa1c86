"""`recode`: tensors of two values as bits, where what reads them can take it into its weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bitwright.ir.graph import Graph, GraphBuilder
from bitwright.ir.graph.ops import Conv, Dense, Map, MaxPool, Reshape, Slice, Transpose, Upsample, Writable
from bitwright.numeric import IntArray, Ints, Thresholds
from bitwright.passes.rewrite import GraphNode, keep, rebuild

__all__ = ["Recode"]

_MOVES = MaxPool | Reshape | Slice | Transpose | Upsample
"""What keeps two values two values, the larger one the larger."""


class Recode:
    """Maps to -1 and 1 (or any two codes) become maps to 0 and 1.

    x = low + (high - low) * bit: the linear layers that read it, directly or through what only moves or compares
    values, take the factor into their weights and the constant into their bias. A convolution that pads with
    zeros keeps the codes it has, as do outputs.
    """

    def __call__(self, program: Graph) -> Graph:
        """The same function with bits inside."""
        found = {p: ends for p in range(len(program)) if (ends := _recoded(program, p)) is not None}
        codes: dict[int, tuple[int, int]] = dict(found)
        for position, node in enumerate(program.nodes):
            if isinstance(node.op, _MOVES) and node.args[0] in codes:
                codes[position] = codes[node.args[0]]
        by_node = {id(program.nodes[p]): (p in found, ends) for p, ends in codes.items()}
        reads = {id(n): codes[n.args[0]] for n in program.nodes if n.args and n.args[0] in codes}

        def rewrite(builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
            if id(node) in by_node and isinstance(node.op, Map):
                return keep(builder, node, args, _bits(node.op, by_node[id(node)][1]), "recode")
            if id(node) in reads and isinstance(node.op, Dense | Conv):
                return keep(builder, node, args, _taken_in(node.op, reads[id(node)]), "recode")
            return keep(builder, node, args)

        return rebuild(program, rewrite) if codes else program


def _recoded(program: Graph, position: int) -> tuple[int, int] | None:
    """The two codes of a map all of whose readers allow bits; None where it stays."""
    node = program.nodes[position]
    if not isinstance(node.op, Map) or not isinstance(node.op.form, Thresholds):
        return None
    values = np.unique(node.op.form.values.array)
    if len(values) != 2 or (values == (0, 1)).all() or not _allowed(program, position):
        return None
    return int(values[0]), int(values[1])


def _allowed(program: Graph, position: int) -> bool:
    readers = program.consumers()[position]
    if position in program.outputs or not readers:
        return False
    return all(_takes(program, reader) for reader in readers)


def _takes(program: Graph, position: int) -> bool:
    op = program.nodes[position].op
    if isinstance(op, Dense):
        return True
    if isinstance(op, Conv):
        return not any(n for pads in op.pads for n in pads)
    return isinstance(op, _MOVES) and _allowed(program, position)


def _bits(op: Map, ends: tuple[int, int]) -> Map:
    form = op.form
    assert isinstance(form, Thresholds)
    return replace(op, form=Thresholds(form.thresholds, Ints((form.values.array == ends[1]).astype(np.int64))))


def _taken_in(op: Dense | Conv, ends: tuple[int, int]) -> Dense | Conv:
    weights: IntArray = op.weights.array
    column = weights.reshape(-1, weights.shape[-1]).sum(axis=0)
    apart = ends[1] - ends[0]
    told = op.writable
    if told is not None:
        # The constant is as far as the sum of so many weights may go.
        reach = sorted(ends[0] * end * (weights.size // weights.shape[-1]) for end in (told.low, told.high))
        told = Writable(
            told.low * apart, told.high * apart, told.grid * apart, told.bias_low + reach[0], told.bias_high + reach[1]
        )
    return replace(op, weights=Ints(weights * apart), bias=Ints(op.bias.array + ends[0] * column), writable=told)
