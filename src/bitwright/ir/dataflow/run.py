"""What actors compute, a frame at a time: int64 codes in, int64 codes out, batch axis first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.core.rules import Rules
from bitwright.ir.dataflow.dataflow import Dataflow
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
    Reduction,
    Source,
    Window,
)
from bitwright.ir.dataflow.types import Stream
from bitwright.ir.dataflow.walk import order
from bitwright.ir.netlist import Netlist
from bitwright.ir.netlist import run as run_netlist
from bitwright.numeric import IntArray

__all__ = ["evaluate", "phases_of", "run", "trace"]

_ROWS_AT_ONCE = 1 << 20

evaluate: Rules[[Stream, list[IntArray]], IntArray] = Rules("dataflow evaluation")
"""(result, (batch, words, lanes) of each argument) -> (batch, words, lanes) before the tail (`Apply`: after it)."""


def run(program: Dataflow, inputs: Sequence[IntArray]) -> list[IntArray]:
    """The outputs for `inputs`, one int64 array (batch, *shape) per source in order."""
    values = trace(program, inputs)
    return [values[i] for i in program.outputs]


def trace(program: Dataflow, inputs: Sequence[IntArray]) -> list[IntArray]:
    """The codes of every stream, (batch, *shape) each, in order."""
    feed = iter(_checked(program, inputs))
    values: list[IntArray] = []
    for node in program.nodes:
        if isinstance(node.op, Source):
            values.append(next(feed))
            continue
        given = [_as_words(values[a], program.nodes[a].type) for a in node.args]
        found = _finished(node.op, evaluate(node.op, node.type, given))
        values.append(found.reshape(len(found), *node.type.shape))
    return values


def _checked(program: Dataflow, inputs: Sequence[IntArray]) -> list[IntArray]:
    if len(inputs) != len(program.inputs):
        raise InvalidValue(f"{len(inputs)} arrays for {len(program.inputs)} inputs", where=program.name)
    for node, codes in zip(program.inputs, inputs, strict=True):
        if codes.shape[1:] != node.type.shape:
            raise InvalidValue(f"codes of shape {codes.shape[1:]} instead of {node.type.shape}", where=node.name)
    return [np.asarray(codes, dtype=np.int64) for codes in inputs]


def _as_words(codes: IntArray, type: Stream) -> IntArray:
    return codes.reshape(len(codes), type.words, type.lanes)


def phases_of(tail: Netlist) -> int:
    """After how many words a tail does the same again: the range of its port `phase`, else 1."""
    for port in tail.inputs:
        if port.name == "phase":
            return tail.nodes[port.words[0]].type.high + 1
    return 1


def _finished(op: Actor, words: IntArray) -> IntArray:
    """`words` through the actor's tail."""
    tail = tail_of(op)
    if tail is None or isinstance(op, Apply):
        return words
    given = {"x": words}
    if isinstance(op, MatVec) and op.constants is not None:
        met = op.constants.array[np.arange(words.shape[1]) % op.constants.shape[0]]
        given["c"] = np.broadcast_to(met, (len(words), *met.shape))
    return _through(tail, given)


def _through(tail: Netlist, given: dict[str, IntArray]) -> IntArray:
    """A netlist over words: (batch, words, lanes) of each port to the same of its outputs."""
    batch, count = next(iter(given.values())).shape[:2]
    phase = np.tile(np.arange(count) % phases_of(tail), batch)
    given = given | {"phase": phase}
    arrays = [given[port.name].reshape(batch * count, *port.shape) for port in tail.inputs]
    pieces: list[IntArray] = []
    for start in range(0, batch * count, _ROWS_AT_ONCE):
        found = run_netlist(tail, [a[start : start + _ROWS_AT_ONCE] for a in arrays])
        pieces.append(np.concatenate([f.reshape(len(f), -1) for f in found], axis=1))
    return np.concatenate(pieces).reshape(batch, count, -1)


@evaluate.on(Apply)
def _(op: Apply, result: Stream, args: list[IntArray]) -> IntArray:
    names = ("x",) if len(args) == 1 else ("a", "b")
    return _through(op.tail, dict(zip(names, args, strict=True)))


@evaluate.on(Convert)
def _(op: Convert, result: Stream, args: list[IntArray]) -> IntArray:
    return args[0].reshape(len(args[0]), result.words, result.lanes)


@evaluate.on(Digits)
def _(op: Digits, result: Stream, args: list[IntArray]) -> IntArray:
    places = np.arange(op.count - 1, -1, -1) * op.bits
    digits = (args[0][:, :, None, :] + op.added >> places[:, None]) & ((1 << op.bits) - 1)
    return digits.reshape(len(args[0]), -1, args[0].shape[2])


@evaluate.on(Accumulate)
def _(op: Accumulate, result: Stream, args: list[IntArray]) -> IntArray:
    made = _through(op.kernel, {"x": args[0]})
    parts = made.reshape(len(made), -1, op.count, made.shape[2])
    weights = 1 << (np.arange(op.count - 1, -1, -1) * op.shift)
    return (parts * weights[:, None]).sum(axis=2) + op.start.array * int(weights[0])


@evaluate.on(Window)
def _(op: Window, result: Stream, args: list[IntArray]) -> IntArray:
    words, (rows, columns) = args[0], out_grid(op)
    lanes = words.shape[2]
    image = words.reshape(len(words), op.grid[0], op.grid[1], -1, lanes)
    pads = ((0, 0), *op.pads, (0, 0), (0, 0))
    padded = np.pad(image, pads, constant_values=op.fill)
    taps: list[IntArray] = []
    for row in range(op.kernel[0]):
        for column in range(op.kernel[1]):
            top, left = row * op.dilation[0], column * op.dilation[1]
            picked = padded[:, top :: op.strides[0], left :: op.strides[1]][:, :rows, :columns]
            taps.append(picked)
    joined = np.concatenate(taps, axis=-1)
    return joined.reshape(len(words), -1, len(taps) * lanes)


@evaluate.on(Rearrange)
def _(op: Rearrange, result: Stream, args: list[IntArray]) -> IntArray:
    place = order(op)
    found = args[0][:, np.maximum(place, 0)]
    return np.where((place < 0)[None, :, None], op.fill, found)


@evaluate.on(MatVec)
def _(op: MatVec, result: Stream, args: list[IntArray]) -> IntArray:
    groups, inputs, outputs = op.weights.shape
    batch, lanes = len(args[0]), args[0].shape[2]
    folds = inputs // lanes
    vectors = args[0].reshape(batch, -1, groups, folds, lanes)
    stored = op.weights.array.reshape(groups, folds, lanes, outputs)
    total = np.empty((*vectors.shape[:3], outputs), dtype=np.int64)
    kernel = kernel_of(op)
    count = len(kernel.outputs)
    for unit in range(0, outputs, count):
        some = np.moveaxis(stored[..., unit : unit + count], -1, -2)
        weights = np.broadcast_to(some, (*vectors.shape[:4], count, lanes))
        found = _through(kernel, {"x": vectors.reshape(1, -1, lanes), "w": weights.reshape(1, -1, count * lanes)})
        total[..., unit : unit + count] = found.reshape(*vectors.shape[:4], count).sum(axis=-2)
    return total.reshape(batch, -1, op.units)


@evaluate.on(Reduce)
def _(op: Reduce, result: Stream, args: list[IntArray]) -> IntArray:
    words = args[0]
    blocks = words.reshape(len(words), op.count, -1, words.shape[2])
    return blocks.sum(axis=1) if op.reduction is Reduction.SUM else blocks.max(axis=1)


@evaluate.on(Interleave)
def _(op: Interleave, result: Stream, args: list[IntArray]) -> IntArray:
    rounds = args[0].shape[1] // op.counts[0]
    turns = [a.reshape(len(a), rounds, n, a.shape[2]) for a, n in zip(args, op.counts, strict=True)]
    return np.concatenate(turns, axis=2).reshape(len(args[0]), -1, args[0].shape[2])
