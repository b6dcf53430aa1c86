"""When actors act: the static schedule of each, from which every cycle count follows.

An actor consists of one or two processes. A process takes at most one step in a clock cycle, the same `steps` in
every frame, and each as soon as its conditions hold:

* a step that reads a port needs a word at the head of that channel (and takes it),
* a step that writes needs a free place in every channel of the result (and keeps it for its word; it is free again
  in the cycle after the one in which the word is taken),
* a `Wait` on the actor's other process.

Datapaths never stall: a word is in its channel `latency` cycles after the step that wrote it, since its place was
kept. So with t the cycle of a step:

    t(step n)            >= t(step n - 1) + 1
    t(reads word m)      >= t(writes word m) + latency + 1           (+ 1 more where the channel is no LUT memory)
    t(writes word m)     >= t(reads word m - depth) + 1              on every channel of the result
    t(waits on step j)   >= t(step j) + its delay (1 but where told)

and each is the earliest cycle that fulfills them. Outside, a source's word and room for a result's word are always
there (initiation and latency are meant so): in cycle 0, the first out of reset, every process may take its first step
(a window its padding, say, which it could take before a word that comes late), and each output's sink takes a word a
cycle from its channel, as any process that reads. Latency is the cycle in which the last word of the first frame, of
all outputs, is taken by the sink less that in which its first word came; initiation the distance of frames once it
repeats. `cost.timetable` solves these equations.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bitwright.core.rules import Rules
from bitwright.ir.dataflow.infer import kernel_of, out_grid, tail_of
from bitwright.ir.dataflow.ops import (
    Accumulate,
    Actor,
    Apply,
    Convert,
    Digits,
    Interleave,
    MatVec,
    Rearrange,
    Reduce,
    Source,
    Window,
)
from bitwright.ir.dataflow.types import Stream
from bitwright.ir.dataflow.walk import order, released
from bitwright.ir.netlist import latency_cycles
from bitwright.numeric import IntArray

__all__ = ["Flags", "Process", "Wait", "schedule"]

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Wait:
    """Steps (steps,) of the other process that must have passed, -1 where none; counted from this frame's first.

    Numbers below zero belong to earlier frames, those of `steps` of the other process to the frame before, and so on;
    `free` marks steps that wait for nothing (their number is not looked at). `delay`: cycles between the two at least,
    0 where both may come in the same one.
    """

    process: int
    step: IntArray
    free: Flags
    delay: int = 1


@dataclass(frozen=True)
class Process:
    """`steps` a frame; `reads[p]` the steps (flags) that read port p; `writes` those that write the result."""

    steps: int
    reads: dict[int, Flags] = field(default_factory=dict[int, Flags])
    writes: Flags | None = None
    waits: tuple[Wait, ...] = ()


schedule: Rules[[Stream, list[Stream]], tuple[tuple[Process, ...], int]] = Rules("schedule of an actor")
"""(result, arguments) -> its processes and the latency from a writing step to the channel."""


def _always(steps: int) -> Flags:
    return np.ones(steps, dtype=np.bool_)


def _tail(op: Actor) -> int:
    tail = tail_of(op)
    return 0 if tail is None else latency_cycles(tail)


@schedule.on(Source)
def _(op: Source, result: Stream, args: list[Stream]) -> tuple[tuple[Process, ...], int]:
    return (Process(result.words, {}, _always(result.words)),), 0


@schedule.on(Apply)
def _(op: Apply, result: Stream, args: list[Stream]) -> tuple[tuple[Process, ...], int]:
    reads = {port: _always(result.words) for port in range(len(args))}
    return (Process(result.words, reads, _always(result.words)),), 1 + _tail(op)


@schedule.on(Convert)
def _(op: Convert, result: Stream, args: list[Stream]) -> tuple[tuple[Process, ...], int]:
    """A gearbox: each step reads or writes or both; words wait in a register as wide as both together."""
    held, reads, writes = 0, list[bool](), list[bool]()
    given, taken = args[0].lanes, result.lanes
    left = args[0].words
    while left or held:
        # Read only when the next word cannot be made from what is held: no more than both widths ever wait.
        read = held < taken and left > 0
        held += given if read else 0
        left -= read
        write = held >= taken
        held -= taken if write else 0
        reads.append(read)
        writes.append(write)
    return (Process(len(reads), {0: np.array(reads)}, np.array(writes)),), 1


@schedule.on(Digits)
def _(op: Digits, result: Stream, args: list[Stream]) -> tuple[tuple[Process, ...], int]:
    reads = np.arange(result.words) % op.count == 0
    return (Process(result.words, {0: reads}, _always(result.words)),), 1


@schedule.on(Accumulate)
def _(op: Accumulate, result: Stream, args: list[Stream]) -> tuple[tuple[Process, ...], int]:
    words = args[0].words
    writes = np.arange(words) % op.count == op.count - 1
    return (Process(words, {0: _always(words)}, writes),), 2 + latency_cycles(op.kernel) + _tail(op)


@schedule.on(Window)
def _(op: Window, result: Stream, args: list[Stream]) -> tuple[tuple[Process, ...], int]:
    """Over the padded grid, row by row: reads inside, writes where a window is complete."""
    groups = op.grid[2] // args[0].lanes
    inside, complete = (_axis(op, axis) for axis in (0, 1))
    reads = (inside[0][:, None] & complete[0][None, :]).repeat(groups)
    writes = (inside[1][:, None] & complete[1][None, :]).repeat(groups)
    return (Process(reads.size, {0: reads}, writes),), 1 + _tail(op)


def _axis(op: Window, axis: int) -> tuple[Flags, Flags]:
    """Along one axis of the padded grid: where the argument has elements, and where windows end."""
    before, _ = op.pads[axis]
    size, reach = op.grid[axis], (op.kernel[axis] - 1) * op.dilation[axis]
    last = reach + (out_grid(op)[axis] - 1) * op.strides[axis]
    # What lies behind the last window is read all the same, padding there is not walked.
    index = np.arange(max(before + size, last + 1))
    ends = (index >= reach) & (index <= last) & ((index - reach) % op.strides[axis] == 0)
    return (index >= before) & (index < before + size), ends


@schedule.on(Rearrange)
def _(op: Rearrange, result: Stream, args: list[Stream]) -> tuple[tuple[Process, ...], int]:
    """A reader that fills the memory and a writer that walks over it."""
    place = order(op)
    writer = Process(place.size, {}, _always(place.size), (Wait(0, np.maximum(place, 0), place < 0),))
    reader = Process(args[0].words, {0: _always(args[0].words)}, None, (_room(op, args[0].words),))
    return (reader, writer), 1 + _tail(op)


def _room(op: Rearrange, words: int) -> Wait:
    """For each word read the step of the writer after which its place in the memory is free."""
    if not op.depth:
        return Wait(1, np.zeros(words, np.int64), _always(words))
    passed = released(op)
    # Word i takes the place of word i - depth, which is free once the writer stands where more are released:
    # behind the last step that still held it. Before a frame's first step all words of the frame before are free.
    frames, old = np.divmod(np.arange(words) - op.depth, words)
    last_holding = np.searchsorted(passed, old, side="right") - 1
    return Wait(1, frames * passed.size + last_holding, np.zeros(words, np.bool_))


@schedule.on(MatVec)
def _(op: MatVec, result: Stream, args: list[Stream]) -> tuple[tuple[Process, ...], int]:
    _, inputs, outputs = op.weights.shape
    folds, blocks = inputs // args[0].lanes, outputs // op.units
    vectors = args[0].size // inputs
    first = np.arange(blocks * folds) < folds
    last = np.arange(blocks * folds) % folds == folds - 1
    reads, writes = np.tile(first, vectors), np.tile(last, vectors)
    return (Process(reads.size, {0: reads}, writes),), 2 + latency_cycles(kernel_of(op)) + _tail(op)


@schedule.on(Reduce)
def _(op: Reduce, result: Stream, args: list[Stream]) -> tuple[tuple[Process, ...], int]:
    words = args[0].words
    writes = np.arange(words) >= words - result.words
    return (Process(words, {0: _always(words)}, writes),), 2 + _tail(op)


@schedule.on(Interleave)
def _(op: Interleave, result: Stream, args: list[Stream]) -> tuple[tuple[Process, ...], int]:
    turn = np.repeat(np.arange(len(args)), op.counts)
    rounds = args[0].words // op.counts[0]
    whose = np.tile(turn, rounds)
    return (Process(whose.size, {p: whose == p for p in range(len(args))}, _always(whose.size)),), 1 + _tail(op)
