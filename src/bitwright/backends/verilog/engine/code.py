"""Instructions as the words that `bw_engine.v` decodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitwright.core.rules import Rules
from bitwright.ir.engine import Engine, Place, Region
from bitwright.ir.engine.ops import Load, Loop, Matrix, Store, Vector, Walk
from bitwright.numeric import IntArray

__all__ = ["encode", "field_bits", "fields_of"]

fields_of: Rules[[Region], list[int]] = Rules("code of an engine's instruction")


def encode(program: Engine) -> IntArray:
    """The fields of all instructions, (instructions, 36); their meaning is told in `bw_engine.v`."""
    return np.array([fields_of(node.op, node.type) for node in program.nodes], np.int64)


def field_bits(program: Engine, code: IntArray) -> int:
    """Bits of a field that hold every number of `code`, and every place of a memory, in two's complement."""
    machine = program.machine
    memories = (machine.features, machine.results, program.weights.shape[0], program.parameters.shape[0])
    high, low = max(int(code.max()), *memories), min(int(code.min()), -1)
    return max(high.bit_length(), (-low - 1).bit_length(), 3) + 1


def _straight(region: Region) -> Walk:
    """Word after word of a region."""
    return Walk(Loop(1, region.address), (1, 1), (Loop(), Loop(), Loop(), Loop(), Loop(), Loop(region.words, 1)))


@fields_of.on(Load)
def _(op: Load, region: Region) -> list[int]:
    return [0, 0, 0, 0, region.address, *_walked(_straight(region), 0, 0)]


@fields_of.on(Store)
def _(op: Store, region: Region) -> list[int]:
    return [3, 0, 0, 0, 0, *_walked(_straight(region), 0, 0)]


@fields_of.on(Matrix, Vector)
def _(op: Matrix | Vector, region: Region) -> list[int]:
    kind, shared, weights = (1, op.shared, op.weights) if isinstance(op, Matrix) else (2, False, 0)
    results = region.place is Place.RESULTS
    flags = [kind, int(results), int(op.half_even), int(shared)]
    return [*flags, region.address, *_walked(op.walk, weights, op.parameters)]


def _walked(walk: Walk, weights: int, parameters: int) -> list[int]:
    start = walk.start
    head = [start.address, start.row, start.column, *walk.grid, weights, parameters]
    fields = head + [loop.extent - 1 for loop in walk.loops]
    for part in ("address", "row", "column"):
        fields += _moves([(loop.extent, getattr(loop, part)) for loop in walk.loops])
    return fields


def _moves(loops: Sequence[tuple[int, int]]) -> list[int]:
    """How far to go when a loop moves on: its own step, less what the inner ones have gone."""
    found: list[int] = []
    gone = 0
    for extent, step in reversed(loops):
        found.append(step - gone)
        gone += (extent - 1) * step
    return found[::-1]
