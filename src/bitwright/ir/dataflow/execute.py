"""`Execute`: the actor that runs an engine's program on every frame, and its rules; nothing else here knows engines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.core.errors import InvalidProgram
from bitwright.ir.dataflow.infer import bare
from bitwright.ir.dataflow.ops import Actor
from bitwright.ir.dataflow.run import evaluate
from bitwright.ir.dataflow.schedule import Flags, Process, Wait, schedule
from bitwright.ir.dataflow.types import Stream
from bitwright.ir.engine import Engine
from bitwright.ir.engine import check as check_engine
from bitwright.ir.engine import run as run_engine
from bitwright.ir.engine import steps as engine_steps
from bitwright.ir.engine.ops import Load, Store
from bitwright.ir.netlist import Word
from bitwright.numeric import IntArray

__all__ = ["Execute", "check_execute"]


@dataclass(frozen=True, slots=True)
class Execute(Actor):
    """Layers that one time-shared unit executes one after the other: a frame is loaded, `program` runs, it is stored.

    The program has one input and one output; words are those of its regions.
    """

    program: Engine


def check_execute(op: Execute) -> None:
    """Raises `InvalidProgram` where the program is none, has more than one stream in or out, or memory elsewhere."""
    check_engine(op.program)
    if op.program.machine.external is not None or op.program.again:
        raise InvalidProgram("an engine in a stream has its weights on the chip", where=op.program.name)
    if len(op.program.inputs) != 1 or len(op.program.results) != 1:
        raise InvalidProgram("an engine in a stream has one input and one output", where=op.program.name)


@bare.on(Execute)
def _(op: Execute, args: list[Stream], lanes: int) -> tuple[int, list[Word]]:
    load, store = op.program.inputs[0].type, op.program.results[0].type
    if (args[0].words, args[0].lanes) != (load.words, load.lanes):
        raise InvalidProgram(f"{args[0].words} words of {args[0].lanes} for {load.words} of {load.lanes}")
    if any(w.low < load.range.low or w.high > load.range.high for w in args[0].lane_words()):
        raise InvalidProgram(f"codes beyond {load.range} are loaded")
    return store.words, [store.range] * store.lanes


@evaluate.on(Execute)
def _(op: Execute, result: Stream, args: list[IntArray]) -> IntArray:
    (made,) = run_engine(op.program, [args[0].reshape(len(args[0]), -1)])
    return made.reshape(len(made), result.words, result.lanes)


@schedule.on(Execute)
def _(op: Execute, result: Stream, args: list[Stream]) -> tuple[tuple[Process, ...], int]:
    """The sequencer, which does something in every cycle from fetch to drain, and the register on the way out.

    That register takes a word in the cycle in which the one before leaves it: a wait without delay.
    """
    reads, writes = _moves(op.program)
    room = Wait(1, np.cumsum(writes) - 2, ~writes, 0)
    leaves = Wait(0, np.flatnonzero(writes), np.zeros(result.words, np.bool_))
    way_out = Process(result.words, {}, np.ones(result.words, np.bool_), (leaves,))
    return (Process(reads.size, {0: reads}, None, (room,)), way_out), 0


def _moves(program: Engine) -> tuple[Flags, Flags]:
    """For every cycle of a frame that nothing holds up whether a word comes in, and whether one is fetched to go out.

    An instruction is fetched, decoded, takes its steps and drains (`ir.engine.cycles`).
    """
    parts: dict[type, list[Flags]] = {Load: [], Store: []}
    for node in program.nodes:
        count = engine_steps(node.op, node.type)
        moves = np.zeros(program.machine.overhead_cycles + count, np.bool_)
        moves[2 : 2 + count] = True
        for kind, flags in parts.items():
            flags.append(moves & isinstance(node.op, kind))
    return np.concatenate(parts[Load]), np.concatenate(parts[Store])
