"""The rules of `Recur`: a state that goes from word to word."""

from __future__ import annotations

import numpy as np

from bitwright.core.errors import InvalidProgram
from bitwright.ir.dataflow.cell import cell_ports
from bitwright.ir.dataflow.infer import bare, tail_of
from bitwright.ir.dataflow.inner import inner_ports
from bitwright.ir.dataflow.ops import Actor, Cell, Inner, Recur
from bitwright.ir.dataflow.run import evaluate
from bitwright.ir.dataflow.schedule import Process, schedule
from bitwright.ir.dataflow.types import Stream
from bitwright.ir.netlist import Netlist, Word, latency_cycles
from bitwright.ir.netlist import run as run_netlist
from bitwright.numeric import IntArray

__all__ = ["inner_netlists", "loop_cycles", "result_lanes", "state_words", "stepped"]


def state_words(step: Netlist) -> list[Word]:
    """The range of each word of a loop's state."""
    return [step.nodes[w].type for port in step.inputs if port.name == "state" for w in port.words]


def result_lanes(step: Netlist) -> int:
    """How many of a step's outputs are the result; the next state follows them."""
    return len(step.outputs) - len(state_words(step))


def loop_cycles(step: Netlist) -> int:
    """Cycles from a word to the next one that meets its state."""
    return latency_cycles(step) + 1


def inner_netlists(op: Actor, args: list[Stream]) -> list[tuple[Netlist, dict[str, list[Word]]]]:
    """The netlists within an actor, with what their ports are given.

    Raises `InvalidProgram` where a state does not go around.
    """
    if isinstance(op, Inner | Cell):
        return inner_ports(op, args) if isinstance(op, Inner) else cell_ports(op, args)
    return [(op.step, _given(op, args))] if isinstance(op, Recur) else []


def _given(op: Recur, args: list[Stream]) -> dict[str, list[Word]]:
    state = state_words(op.step)
    lanes = result_lanes(op.step)
    back = [op.step.nodes[o].type for o in op.step.outputs[lanes:]]
    initial = op.initial.array.ravel().tolist()
    if len(initial) != len(state) or lanes < 1:
        raise InvalidProgram(f"{len(initial)} initial codes, {len(state)} words of state", where="Recur")
    for word, next_, code in zip(state, back, initial, strict=True):
        if min(next_.low, code) < word.low or max(next_.high, code) > word.high:
            raise InvalidProgram(f"a state of {word} becomes {next_}", where="Recur", why=f"it begins as {code}")
    return {"x": args[0].lane_words(), "state": state}


@bare.on(Recur)
def _(op: Recur, args: list[Stream], lanes: int) -> tuple[int, list[Word]]:
    words = args[0].words
    if op.count < 1 or words % op.count:
        raise InvalidProgram(f"{words} words in rounds of {op.count}", where="Recur")
    made = [op.step.nodes[o].type for o in op.step.outputs[: result_lanes(op.step)]]
    return words // op.count if op.last else words, made


def stepped(step: Netlist, given: dict[str, IntArray]) -> tuple[IntArray, IntArray]:
    """The result (rows, lanes) and the next state (rows, words) of a step, both from arrays by port."""
    made = run_netlist(step, [given[port.name].reshape(-1, *port.shape) for port in step.inputs])
    joined = np.concatenate([m.reshape(len(m), -1) for m in made], axis=1)
    lanes = result_lanes(step)
    return joined[:, :lanes], joined[:, lanes:]


@evaluate.on(Recur)
def _(op: Recur, result: Stream, args: list[IntArray]) -> IntArray:
    batch, _, lanes = args[0].shape
    rounds = args[0].reshape(-1, op.count, lanes)
    state = np.tile(op.initial.array.reshape(1, -1), (len(rounds), 1))
    found: list[IntArray] = []
    for place in range(op.count):
        y, state = stepped(op.step, {"x": rounds[:, place], "state": state})
        if not op.last or place == op.count - 1:
            found.append(y)
    return np.stack(found, axis=1).reshape(batch, -1, found[0].shape[1])


@schedule.on(Recur)
def _(op: Recur, result: Stream, args: list[Stream]) -> tuple[tuple[Process, ...], int]:
    """A word is read, and the result's place kept, in the first of the cycles that the loop takes."""
    cycles, words = loop_cycles(op.step), args[0].words
    reads = np.arange(words * cycles) % cycles == 0
    writes = reads.copy()
    if op.last:
        writes &= np.arange(words * cycles) // cycles % op.count == op.count - 1
    tail = tail_of(op)
    return (Process(reads.size, {0: reads}, writes),), cycles + 1 + (0 if tail is None else latency_cycles(tail))
