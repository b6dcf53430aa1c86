"""The rules of `Inner`: products of two streams, summed."""

from __future__ import annotations

import numpy as np

from bitwright.core.errors import InvalidProgram
from bitwright.ir.dataflow.infer import bare, tail_of
from bitwright.ir.dataflow.ops import Inner
from bitwright.ir.dataflow.run import evaluate
from bitwright.ir.dataflow.schedule import Process, schedule
from bitwright.ir.dataflow.types import Stream
from bitwright.ir.netlist import Netlist, Word, latency_cycles
from bitwright.ir.netlist import run as run_netlist
from bitwright.numeric import IntArray

__all__ = ["inner_ports"]


def inner_ports(op: Inner, args: list[Stream]) -> list[tuple[Netlist, dict[str, list[Word]]]]:
    """The dot product, with what its ports are given for each unit."""
    other, lanes = args[1].lane_words(), args[0].lanes
    units = [[other[lane * op.units + unit] for lane in range(lanes)] for unit in range(op.units)]
    if len(op.dot.outputs) != 1:
        raise InvalidProgram("a dot product of several words", where="Inner")
    return [(op.dot, {"x": args[0].lane_words(), "w": words}) for words in units]


@bare.on(Inner)
def _(op: Inner, args: list[Stream], lanes: int) -> tuple[int, list[Word]]:
    first, second = args
    if first.words != second.words or op.count < 1 or first.words % op.count:
        raise InvalidProgram(f"{first.words} and {second.words} words, {op.count} to a total", where="Inner")
    if second.lanes != first.lanes * op.units:
        raise InvalidProgram(f"words of {second.lanes} for {first.lanes} lanes and {op.units} units", where="Inner")
    return first.words // op.count, [Word(op.low, op.high)] * op.units


@evaluate.on(Inner)
def _(op: Inner, result: Stream, args: list[IntArray]) -> IntArray:
    batch, _, lanes = args[0].shape
    x, w = args[0].reshape(-1, lanes), args[1].reshape(-1, lanes, op.units)
    totals: list[IntArray] = []
    for unit in range(op.units):
        given = {"x": x, "w": w[:, :, unit]}
        (found,) = run_netlist(op.dot, [given[port.name] for port in op.dot.inputs])
        totals.append(found.reshape(batch, -1, op.count).sum(axis=2))
    return np.stack(totals, axis=2)


@schedule.on(Inner)
def _(op: Inner, result: Stream, args: list[Stream]) -> tuple[tuple[Process, ...], int]:
    words, tail = args[0].words, tail_of(op)
    always = np.ones(words, dtype=np.bool_)
    writes = np.arange(words) % op.count == op.count - 1
    late = 2 + latency_cycles(op.dot) + (0 if tail is None else latency_cycles(tail))
    return (Process(words, {0: always, 1: always}, writes),), late
