"""Instructions as the words that `bw_engine.v` decodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitwright.core.rules import Rules
from bitwright.ir.engine import Engine, Place, Region, addresses, ahead
from bitwright.ir.engine.external import MOST_AHEAD, weight_bursts
from bitwright.ir.engine.ops import Bring, Fetch, Load, Loop, Matrix, Send, Store, Vector, Walk
from bitwright.numeric import IntArray

__all__ = ["encode", "field_bits", "fields_of"]

fields_of: Rules[[Region], list[int]] = Rules("code of an engine's instruction")

_FIELDS = 38


def encode(program: Engine) -> IntArray:
    """The fields of all instructions, (instructions, 38); their meaning is told in `bw_engine.v`."""
    waits = ahead(program)
    rows: list[list[int]] = []
    for node, allowed in zip(program.nodes, waits, strict=True):
        row = fields_of(node.op, node.type)
        row[2] = MOST_AHEAD if allowed is None else min(allowed, MOST_AHEAD)
        if isinstance(node.op, Fetch | Bring | Send):
            row[9], row[10], row[2] = _outside(program, node.op, node.type)
        rows.append(row)
    return np.array(rows, np.int64)


def _outside(program: Engine, op: Fetch | Bring | Send, region: Region) -> tuple[int, int, int]:
    """The number of the first burst, beats of a run, and runs."""
    external = program.machine.external
    assert external is not None
    if isinstance(op, Fetch):
        address, beats = addresses(program)[op.first]
        return address // external.burst_bytes, beats, 1
    rows, beats, _ = program.machine.runs(region)
    return weight_bursts(program) + op.burst, beats, rows


def field_bits(program: Engine, code: IntArray) -> int:
    """Bits of a field that hold every number of `code`, and every place of a memory, in two's complement."""
    machine = program.machine
    weights = machine.buffered if machine.external else program.weights.shape[0]
    memories = (machine.features, machine.results, weights, program.parameters.shape[0])
    high, low = max(int(code.max()), *memories), min(int(code.min()), -1)
    return max(high.bit_length(), (-low - 1).bit_length(), 5) + 1


@fields_of.on(Load)
def _(op: Load, region: Region) -> list[int]:
    straight = Walk(Loop(1), (1, 1), (Loop(), Loop(), Loop(region.words), Loop(), Loop(), Loop()))
    return [0, 0, 0, region.address, *_walked(straight, 0, 0), 0, 0, 1]


@fields_of.on(Store)
def _(op: Store, region: Region) -> list[int]:
    loops = (Loop(), Loop(), Loop(), Loop(), Loop(), Loop(region.words, 1))
    return [3, 0, 0, 0, *_walked(Walk(Loop(1, region.address), (1, 1), loops), 0, 0), 0, 0, 0]


@fields_of.on(Fetch)
def _(op: Fetch, region: Region) -> list[int]:
    return [4, 0, 0, region.address, *[0] * (_FIELDS - 4)]


def _rows(region: Region) -> list[tuple[int, int]]:
    """Extent and step of rows, pixels and words of a region."""
    pixel, line = region.strides
    return [(region.shape[0], line), (region.shape[1], pixel), (region.depth, 1)]


@fields_of.on(Bring)
def _(op: Bring, region: Region) -> list[int]:
    rows, columns, words = _rows(region)
    loops = (Loop(rows[0]), Loop(columns[0]), Loop(words[0]), Loop(), Loop(), Loop())
    walked = _walked(Walk(Loop(1), (1, 1), loops), 0, 0)
    return [5, 0, 0, region.address, *walked, *_moves([rows, columns, words])]


@fields_of.on(Send)
def _(op: Send, region: Region) -> list[int]:
    rows, columns, words = _rows(region)
    loops = (Loop(*rows), Loop(*columns), Loop(*words), Loop(), Loop(), Loop())
    return [6, 0, 0, 0, *_walked(Walk(Loop(1, region.address), (1, 1), loops), 0, 0), 0, 0, 0]


@fields_of.on(Matrix, Vector)
def _(op: Matrix | Vector, region: Region) -> list[int]:
    kind, shared, weights = (1, op.shared, op.weights) if isinstance(op, Matrix) else (2, False, 0)
    flags = [region.place is Place.RESULTS, op.half_even, shared, op.stepped, op.each]
    head = [kind, sum(flag << bit for bit, flag in enumerate(flags)), 0, region.address]
    pixel, line = region.strides
    blocks = op.walk.loops[2].extent
    writes = _moves([(op.walk.loops[0].extent, line), (op.walk.loops[1].extent, pixel), (blocks, 1)])
    return [*head, *_walked(op.walk, weights, op.parameters), *writes]


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
