"""What an engine computes: int64 in, int64 out, batch axis first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.core.rules import Rules
from bitwright.ir.engine.engine import Engine
from bitwright.ir.engine.ops import Bring, Fetch, Instruction, Load, Loop, Matrix, Send, Store, Vector, Walk
from bitwright.ir.engine.types import Place, Region
from bitwright.numeric import IntArray, Rounding

__all__ = ["execute", "places", "reads", "run", "weight_words"]


class _State:
    """The memories (frames, words, lanes), and what has come in and is to come in."""

    def __init__(self, program: Engine, inputs: Sequence[IntArray]) -> None:
        machine = program.machine
        frames = len(inputs[0])
        self.program = program
        self.memory = {
            Place.FEATURES: np.zeros((frames, machine.features, machine.lanes), np.int64),
            Place.RESULTS: np.zeros((frames, machine.results, machine.lanes), np.int64),
        }
        fetched = np.zeros((machine.buffered, machine.lanes, machine.lanes), np.int64)
        self.weights = fetched if machine.external else program.weights.array
        self.outside: dict[int, IntArray] = {}
        self.waiting = list(inputs)
        self.left: list[IntArray] = []

    def words(self, region: Region) -> IntArray:
        """The region's words, (frames, words, lanes), to read."""
        return self.memory[region.place][:, region.places()]

    def write(self, region: Region, words: IntArray) -> None:
        """Words (frames, words, up to `lanes`) to the region; other lanes hold zero."""
        memory, places = self.memory[region.place], region.places()
        memory[:, places] = 0
        memory[:, places, : words.shape[2]] = words


execute: Rules[[Region, _State], None] = Rules("execution of an engine's instruction")


def run(program: Engine, inputs: Sequence[IntArray]) -> list[IntArray]:
    """The stored tensors (frames, rows, columns, channels) for the loaded ones (frames, *any shape of that size)."""
    wanted = program.inputs
    if len(inputs) != len(wanted):
        raise InvalidValue(f"{len(inputs)} arrays for {len(wanted)} inputs", where=program.name)
    given = [np.asarray(a, np.int64).reshape(-1, *n.type.shape) for a, n in zip(inputs, wanted, strict=True)]
    for codes, node in zip(given, wanted, strict=True):
        if codes.size and (codes.min() < node.type.range.low or codes.max() > node.type.range.high):
            raise InvalidValue("a code lies outside the range", where=f"input '{node.name}'", remedy="encode first")
    state = _State(program, given)
    for node in program.nodes:
        execute(node.op, node.type, state)
    return state.left


@execute.on(Load)
def _(op: Load, region: Region, state: _State) -> None:
    codes, state.waiting[0] = np.split(state.waiting[0], [region.shape[0]], axis=1)
    short = region.depth * region.lanes - region.shape[2]
    padded = np.pad(codes, ((0, 0), (0, 0), (0, 0), (0, short)))
    state.write(region, padded.reshape(len(codes), region.words, region.lanes))


@execute.on(Fetch)
def _(op: Fetch, region: Region, state: _State) -> None:
    state.weights[region.address : region.end] = state.program.weights.array[op.first : op.first + region.words]


@execute.on(Send)
def _(op: Send, region: Region, state: _State) -> None:
    rows, _, bursts = state.program.machine.runs(region)
    words = state.words(region)
    for row, part in enumerate(np.split(words, rows, axis=1)):
        state.outside[op.burst + row * bursts] = part.copy()


@execute.on(Bring)
def _(op: Bring, region: Region, state: _State) -> None:
    rows, _, bursts = state.program.machine.runs(region)
    state.write(region, np.concatenate([state.outside[op.burst + row * bursts] for row in range(rows)], axis=1))


@execute.on(Store)
def _(op: Store, region: Region, state: _State) -> None:
    words = state.words(region)[..., : region.lanes]
    rows, columns, channels = region.shape
    state.left.append(words.reshape(len(words), rows, columns, -1)[..., :channels].copy())


def _sums(steps: Sequence[Loop], start: Loop) -> tuple[IntArray, IntArray, IntArray]:
    """Address, row and column over all rounds of some loops."""
    extents = [loop.extent for loop in steps]
    rounds = np.indices(extents).reshape(len(extents), -1)
    parts = [np.array([getattr(loop, part) for loop in steps]) @ rounds for part in ("address", "row", "column")]
    return parts[0] + start.address, parts[1] + start.row, parts[2] + start.column


def places(walk: Walk) -> tuple[IntArray, NDArray[np.bool_]]:
    """The address of every step and whether it is inside the grid, (result words, gathered)."""
    outer, inner = _sums(walk.loops[:3], walk.start), _sums(walk.loops[3:], Loop(0))
    address, row, column = (a[:, None] + b[None] for a, b in zip(outer, inner, strict=True))
    inside = (row >= 0) & (row < walk.grid[0]) & (column >= 0) & (column < walk.grid[1])
    return address, inside


def _posted(op: Matrix | Vector, total: IntArray, region: Region, state: _State) -> None:
    """The last step for totals (frames, result words, lanes), written to the region."""
    program = state.program
    blocks = region.words if op.each else op.walk.loops[2].extent
    chosen = program.parameters.array[op.parameters : op.parameters + blocks]
    mul, add, low, high, *steps = np.tile(chosen, (region.words // blocks, 1, 1)).transpose(2, 0, 1)
    if op.stepped:
        total = np.stack([total >= step for step in steps]).sum(axis=0)
    rounding = Rounding.HALF_EVEN if op.half_even else Rounding.FLOOR
    state.write(region, np.clip(rounding(total * mul + add, program.machine.shift), low, high))


def weight_words(op: Matrix) -> int:
    """How many words of weights an instruction reads, from op.weights on."""
    return 1 if op.shared else op.walk.loops[2].extent * op.walk.gathered


@execute.on(Matrix)
def _(op: Matrix, region: Region, state: _State) -> None:
    address, inside = places(op.walk)
    blocks, gathered, lanes = op.walk.loops[2].extent, op.walk.gathered, state.program.machine.lanes
    weights = state.weights
    first = np.full(blocks * gathered, op.weights) if op.shared else op.weights + np.arange(blocks * gathered)
    by_block = weights[first].reshape(blocks, gathered * lanes, lanes)
    if state.program.machine.signs:
        by_block = 2 * by_block - 1
    memory = state.memory[Place.FEATURES]
    total = np.empty((len(memory), region.words, lanes), np.int64)
    for block in range(blocks):
        for word in range(block, region.words, blocks):
            x = memory[:, address[word] * inside[word]] * inside[word][:, None]
            total[:, word] = x.reshape(len(memory), -1) @ by_block[block]
    _posted(op, total, region, state)


@execute.on(Vector)
def _(op: Vector, region: Region, state: _State) -> None:
    address, inside = places(op.walk)
    x = state.memory[Place.FEATURES][:, address * inside]
    lowest = np.int64(state.program.machine.feature.low)
    _posted(op, np.where(inside[..., None], x, lowest).max(axis=2), region, state)


def reads(op: Instruction) -> tuple[int, int] | None:
    """The first and last address of feature memory that an instruction reads; None where it reads none."""
    if not isinstance(op, Matrix | Vector):
        return None
    address, inside = places(op.walk)
    return int(address[inside].min()), int(address[inside].max())
