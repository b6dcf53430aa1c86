"""`absorb`: constants of maps move into the sums before them, and keep only the bits that the maps can see."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bitwright.ir.graph import Graph, GraphBuilder
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense, Map
from bitwright.numeric import IntArray, Ints, Rounding, ShiftRoundSaturate, Steps
from bitwright.passes.affine import Affine, roundest
from bitwright.passes.features import is_writable
from bitwright.passes.rewrite import GraphNode, keep, rebuild
from bitwright.passes.settle import affine_of, settled, trailing_zeros

__all__ = ["Absorb", "Column", "absorbed"]

Linear = Dense | Conv | ConvTranspose

_MOST = 1 << 56
"""Constants beyond it stay where they are: the sum could leave int64."""
_DEEPEST = 54


@dataclass(frozen=True)
class Column:
    """A column of a sum and the map behind it: clip(rounding((mul * (x @ weights + bias) + add) / 2**shift)).

    `scale` is the power of two that the column gave up: its codes are that much coarser than they were.
    """

    weights: IntArray
    bias: int
    map: Affine
    scale: int = 0


@dataclass(frozen=True)
class Absorb:
    """Merges additions, rounding halves, signs and powers of two of a map into the weights and bias before it.

    Rewritten is a sum (Dense, Conv, ConvTranspose) whose only reader is a shift-round-saturate map with one
    row per channel; `absorbed` says how. The sum's codes and steps change, the map's results do not.
    """

    def __call__(self, program: Graph) -> Graph:
        """The same function with its constants in the sums."""
        readers = program.consumers()
        changed: dict[int, tuple[GraphNode, list[Column]]] = {}
        for position, node in enumerate(program.nodes):
            fixed = isinstance(node.op, Linear) and not is_writable(node.op)
            if fixed and position not in program.outputs and len(readers[position]) == 1:
                reader = program.nodes[readers[position][0]]
                columns = _columns(node, reader)
                rewritten = [absorbed(c) for c in columns]
                if columns and (form := _form([c.map for c in rewritten])) is not None:
                    changed[id(node)] = node, rewritten
                    changed[id(reader)] = _with_form(reader, form), rewritten

        def rewrite(builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
            if id(node) not in changed:
                return keep(builder, node, args)
            found, columns = changed[id(node)]
            return _sum(builder, found, args, columns) if isinstance(node.op, Linear) else keep(builder, found, args)

        return rebuild(program, rewrite)


def absorbed(column: Column) -> Column:
    """The same function of x: sign and constants in weights and bias, no bit that changes nothing.

    With weights that are multiples of 2**t every sum is one too: of a constant the map sees only what
    carries into that grid, and half-even rounding meets a tie only if the constant lies half way on it.
    """
    weights, bias, found = column.weights, column.bias, settled(column.map)
    constant = found.mul * bias + found.add
    if max(abs(constant), abs(bias)) >= _MOST or found.shift >= _DEEPEST:
        return column
    if found.mul == 0 or not weights.any():
        value = min(max(found.rounding(constant, found.shift), found.low), found.high)
        return replace(column, weights=weights * 0, bias=0, map=Affine(0, value, 0, Rounding.FLOOR, value, value))
    if found.mul < 0:
        weights, found = -weights, replace(found, mul=-found.mul)
    grid = trailing_zeros(int(np.bitwise_or.reduce(weights.ravel())))
    seen = min(grid + trailing_zeros(found.mul), found.shift)
    half = 1 << found.shift >> 1
    if found.rounding is Rounding.HALF_EVEN and (constant - half) % (1 << seen):
        constant, found = constant + half, replace(found, rounding=Rounding.FLOOR)  # no sum lies half way
    bias, add = _split(constant, found, seen)
    return _divided(Column(weights, bias, replace(found, add=add), column.scale), grid)


def _split(constant: int, found: Affine, seen: int) -> tuple[int, int]:
    """Bias and add with mul * bias + add as good as `constant`: one of them zero, but for the half of half-even."""
    if found.rounding is Rounding.FLOOR:
        least = constant >> seen << seen
        most = least + (1 << seen) - 1
        first, last = -(-least // found.mul), most // found.mul
        return (roundest(first, last), 0) if first <= last else (0, roundest(least, most))
    half = (1 << found.shift >> 1) if found.rounding is Rounding.HALF_EVEN else 0
    if (constant + half) % found.mul == 0:
        return (constant + half) // found.mul, -half  # where the map adds half anyway, nothing is left to add
    return 0, constant


def _divided(column: Column, grid: int) -> Column:
    """Without the power of two that all of a column is a multiple of."""
    found = column.map
    common = min(grid, trailing_zeros(column.bias), trailing_zeros(found.add), found.shift)
    if found.rounding not in (Rounding.FLOOR, Rounding.HALF_EVEN):
        return column
    if common and found.rounding is Rounding.HALF_EVEN:
        common = min(common, found.shift - 1)
    smaller = replace(found, add=found.add >> common, shift=found.shift - common)
    return Column(column.weights >> common, column.bias >> common, smaller, column.scale + common)


def _columns(node: GraphNode, reader: GraphNode) -> list[Column]:
    """The columns with their maps; none where they cannot be told apart."""
    op, behind = node.op, reader.op
    if not isinstance(op, Linear) or not isinstance(behind, Map) or not isinstance(behind.form, ShiftRoundSaturate):
        return []
    count = op.weights.shape[-1]
    rows = np.broadcast_to(behind.rows.array, node.type.shape).reshape(-1, count)
    if (rows != rows[0]).any() or node.type.step.shape not in ((), (count,)):
        return []
    flat = op.weights.array.reshape(-1, count)
    return [
        Column(flat[:, i], int(op.bias.array[i]), affine_of(behind.form, int(rows[0, i]))) for i in range(count)
    ]


def _form(maps: list[Affine]) -> ShiftRoundSaturate | None:
    """The maps as the rows of one form; None where their modes do not go together."""
    modes = {m.rounding for m in maps if m.mul} or {Rounding.FLOOR}
    if modes == {Rounding.FLOOR, Rounding.HALF_EVEN}:
        maps, modes = [_without_tie(m) for m in maps], {Rounding.HALF_EVEN}
    if len(modes) > 1:
        return None
    column = [Ints([getattr(m, name) for m in maps]) for name in ("mul", "add", "shift", "low", "high")]
    return ShiftRoundSaturate(column[0], column[1], column[2], modes.pop(), column[3], column[4])


def _without_tie(found: Affine) -> Affine:
    """A floor as half-even rounding in which no code lies half way (`settled` turns it back)."""
    if found.rounding is Rounding.HALF_EVEN or found.mul == 0:
        return replace(found, rounding=Rounding.HALF_EVEN)
    add = 2 * found.add + 1 - (1 << found.shift)
    return replace(found, mul=2 * found.mul, add=add, shift=found.shift + 1, rounding=Rounding.HALF_EVEN)


def _with_form(reader: GraphNode, form: ShiftRoundSaturate) -> GraphNode:
    """The map with one row per channel, equal ones once."""
    fields = np.stack([a.array for a in (form.mul, form.add, form.shift, form.low, form.high)])
    _, first, rows = np.unique(fields, axis=1, return_index=True, return_inverse=True)
    return replace(reader, op=Map(form.select(first), Ints(rows.reshape(-1)).collapsed()))


def _sum(builder: GraphBuilder, node: GraphNode, args: list[int], columns: list[Column]) -> int:
    op = node.op
    assert isinstance(op, Linear)
    weights = np.stack([c.weights for c in columns], axis=1).reshape(op.weights.shape)
    changed = replace(op, weights=Ints(weights), bias=Ints([c.bias for c in columns]))
    if changed == op:
        return keep(builder, node, args)
    steps = np.broadcast_to(node.type.step.array, (len(columns),))
    scaled = Steps.of([step * (1 << c.scale) for step, c in zip(steps, columns, strict=True)])
    origin = node.origin.through("absorb")
    return builder.apply(changed, args, step=scaled, name=node.name, origin=origin)
