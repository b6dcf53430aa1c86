"""The rules of `Cell`: a recurrent layer whose sums are folded."""

from __future__ import annotations

import numpy as np

from bitwright.core.errors import InvalidProgram
from bitwright.ir.dataflow.infer import bare, tail_of
from bitwright.ir.dataflow.ops import Cell
from bitwright.ir.dataflow.run import evaluate, phases_of
from bitwright.ir.dataflow.schedule import Process, schedule
from bitwright.ir.dataflow.types import Stream
from bitwright.ir.netlist import Netlist, Word, latency_cycles
from bitwright.ir.netlist import run as run_netlist
from bitwright.numeric import IntArray

__all__ = ["CellSizes", "cell_ports", "cell_sizes", "operand_words", "weight_words"]


class CellSizes:
    """What follows from a cell's weights: `blocks` of sums a row, `own` words of the row, `folds` of a block, `lanes`
    of a dot product, `states` words that a block keeps, `given` words of its result, `idle` steps behind a row.
    """

    def __init__(self, op: Cell, args: list[Stream]) -> None:
        _, inputs, outputs = op.weights.shape
        self.blocks = outputs // op.units
        self.own = args[0].words // op.rows
        self.folds = self.own + self.blocks
        self.lanes = inputs // self.folds
        self.states = sum(len(p.words) for p in op.step.inputs if p.name == "state")
        self.given = len(op.step.outputs) - op.back - self.states
        late = latency_cycles(op.dot) + latency_cycles(op.step)
        # Each block's word is read `blocks` steps after the row's own; a block's states a row later.
        vector = late + 4 - self.own - self.blocks
        states = latency_cycles(op.step) + 2 - self.blocks * self.folds
        self.idle = max(vector, states, 0)

    @property
    def steps(self) -> int:
        """Steps of a row."""
        return self.blocks * self.folds + self.idle


def cell_sizes(op: Cell, args: list[Stream]) -> CellSizes:
    """The sizes; raises `InvalidProgram` where they do not fit."""
    groups, inputs, outputs = op.weights.shape
    if groups != 1 or op.units < 1 or outputs % op.units or op.rows < 1 or args[0].words % op.rows:
        raise InvalidProgram(f"{outputs} sums by {op.units}, {args[0].words} words in {op.rows} rows", where="Cell")
    sizes = CellSizes(op, args)
    if inputs % sizes.folds or sizes.lanes < max(args[0].lanes, op.back) or sizes.given < 1 or op.back < 1:
        raise InvalidProgram(f"{inputs} inputs in {sizes.folds} words, {op.back} of them back", where="Cell")
    if op.initial.shape != (op.back + sizes.states,):
        raise InvalidProgram(f"{op.initial.shape} initial codes", where="Cell")
    return sizes


def weight_words(op: Cell, sizes: CellSizes) -> IntArray:
    """The words of weights (blocks * folds, units * lanes) in the order of steps."""
    parts = op.weights.array.reshape(sizes.folds, sizes.lanes, sizes.blocks, op.units)
    return np.ascontiguousarray(parts.transpose(2, 0, 3, 1)).reshape(-1, op.units * sizes.lanes)


def operand_words(op: Cell, args: list[Stream]) -> list[Word]:
    """The lanes of a dot product's operand: elements of the row, or what goes back, or zero."""
    own, sizes = args[0].lane_words(), cell_sizes(op, args)
    behind = _outputs(op)[sizes.given : sizes.given + op.back]
    found: list[Word] = []
    for lane in range(sizes.lanes):
        words = [w[lane] for w in (own, behind) if lane < len(w)]
        codes = [0, *(op.initial.array[lane : lane + 1].tolist() if lane < op.back else [])]
        found.append(Word(min([*codes, *(w.low for w in words)]), max([*codes, *(w.high for w in words)])))
    return found


def _outputs(op: Cell) -> list[Word]:
    return [op.step.nodes[o].type for o in op.step.outputs]


def cell_ports(op: Cell, args: list[Stream]) -> list[tuple[Netlist, dict[str, list[Word]]]]:
    """Both netlists with what their ports are given; raises `InvalidProgram` where a state does not go around."""
    sizes, stored = cell_sizes(op, args), op.weights.array
    state = [op.step.nodes[w].type for p in op.step.inputs if p.name == "state" for w in p.words]
    behind, codes = _outputs(op)[sizes.given + op.back :], op.initial.array[op.back :].tolist()
    for word, next_, code in zip(state, behind, codes, strict=True):
        if min(next_.low, code) < word.low or max(next_.high, code) > word.high:
            raise InvalidProgram(f"a state of {word} becomes {next_}", where="Cell", why=f"it begins as {code}")
    if len(op.dot.outputs) != 1 or phases_of(op.step) not in (1, sizes.blocks):
        raise InvalidProgram("a dot product of several words, or another phase than the block's", where="Cell")
    span = Word(int(stored.min()), int(stored.max()))
    ports = {"x": [Word(op.low, op.high)] * op.units} | ({"state": state} if state else {})
    return [(op.dot, {"x": operand_words(op, args), "w": [span] * sizes.lanes}), (op.step, ports)]


@bare.on(Cell)
def _(op: Cell, args: list[Stream], lanes: int) -> tuple[int, list[Word]]:
    sizes = cell_sizes(op, args)
    words = args[0].words // sizes.own * sizes.blocks
    return words // op.rows if op.last else words, _outputs(op)[: sizes.given]


@evaluate.on(Cell)
def _(op: Cell, result: Stream, args: list[IntArray]) -> IntArray:
    batch, words, lanes = args[0].shape
    sizes = _sizes_of(op, words, lanes)
    rows = args[0].reshape(batch, -1, op.rows, sizes.own, lanes).reshape(-1, op.rows, sizes.own, lanes)
    back = np.tile(op.initial.array[: op.back], (len(rows), sizes.blocks, 1))
    state = np.tile(op.initial.array[op.back :], (len(rows), sizes.blocks, 1))
    found: list[IntArray] = []
    for row in range(op.rows):
        vector = np.zeros((len(rows), sizes.folds, sizes.lanes), dtype=np.int64)
        vector[:, : sizes.own, :lanes], vector[:, sizes.own :, : op.back] = rows[:, row], back
        made = _stepped(op, sizes, _totals(op, sizes, vector), state)
        y, back, state = np.split(made, [sizes.given, sizes.given + op.back], axis=2)
        if not op.last or row == op.rows - 1:
            found.append(y)
    return np.stack(found, axis=1).reshape(batch, -1, sizes.given)


def _sizes_of(op: Cell, words: int, lanes: int) -> CellSizes:
    """From the words of a frame alone."""
    from bitwright.numeric import Ints, Steps

    return CellSizes(op, [Stream((words * lanes,), lanes, Ints(0), Ints(0), Steps.of(1))])


def _totals(op: Cell, sizes: CellSizes, vector: IntArray) -> IntArray:
    """Vectors (rows, folds, lanes) to their sums (rows, outputs)."""
    outputs = op.weights.shape[2]
    stored = op.weights.array.reshape(sizes.folds, sizes.lanes, outputs).transpose(2, 0, 1)
    shape = (len(vector), outputs, sizes.folds, sizes.lanes)
    given = {"x": np.broadcast_to(vector[:, None], shape), "w": np.broadcast_to(stored, shape)}
    (found,) = run_netlist(op.dot, [given[port.name].reshape(-1, sizes.lanes) for port in op.dot.inputs])
    return found.reshape(shape[:3]).sum(axis=2)


def _stepped(op: Cell, sizes: CellSizes, totals: IntArray, state: IntArray) -> IntArray:
    """The step's outputs (rows, blocks, words)."""
    rows = len(totals)
    given = {"x": totals.reshape(-1, op.units), "state": state.reshape(rows * sizes.blocks, -1)}
    given["phase"] = np.tile(np.arange(sizes.blocks) % phases_of(op.step), rows)
    made = run_netlist(op.step, [given[p.name].reshape(rows * sizes.blocks, *p.shape) for p in op.step.inputs])
    return np.concatenate([m.reshape(len(m), -1) for m in made], axis=1).reshape(rows, sizes.blocks, -1)


@schedule.on(Cell)
def _(op: Cell, result: Stream, args: list[Stream]) -> tuple[tuple[Process, ...], int]:
    """Rows of blocks of folds, then the idle steps; the last fold of a block writes."""
    sizes = cell_sizes(op, args)
    count = args[0].words // sizes.own
    step = np.arange(sizes.steps)
    working, fold = step < sizes.blocks * sizes.folds, step % sizes.folds
    reads = np.tile(step < sizes.own, count)
    writes = np.tile(working & (fold == sizes.folds - 1), count)
    if op.last:
        writes &= np.arange(count).repeat(sizes.steps) % op.rows == op.rows - 1
    tail = tail_of(op)
    late = 3 + latency_cycles(op.dot) + latency_cycles(op.step) + (0 if tail is None else latency_cycles(tail))
    return (Process(reads.size, {0: reads}, writes),), late
