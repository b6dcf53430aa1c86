"""`cycles`: how long an engine takes, exactly, where words wait for it and nobody makes it wait."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.core.rules import Rules
from bitwright.ir.engine.engine import Engine
from bitwright.ir.engine.external import Bus, ahead
from bitwright.ir.engine.ops import Bring, Fetch, Instruction, Load, Matrix, Send, Store, Vector
from bitwright.ir.engine.types import Region

__all__ = ["Cycles", "cycles", "frame_ends", "steps"]

steps: Rules[[Region], int] = Rules("steps of an engine's instruction")


@steps.on(Load, Store, Send, Bring)
def _(op: Instruction, region: Region) -> int:
    return region.words


@steps.on(Matrix, Vector)
def _(op: Matrix | Vector, region: Region) -> int:
    return op.walk.steps


@steps.on(Fetch)
def _(op: Fetch, region: Region) -> int:
    return 1


_SETTLED = 6
"""Frames after which external memory and program have found their rhythm."""


@dataclass(frozen=True, slots=True)
class Cycles:
    """Cycles of each instruction by name, in order; the distance of frames; from first word in to last word out.

    With external memory they are those of a frame with others before it, waits for weights included.
    `preparing_cycles` pass before the first frame.
    """

    by_instruction: dict[str, int]
    initiation_cycles: int
    latency_cycles: int
    preparing_cycles: int = 0


def cycles(program: Engine) -> Cycles:
    """An instruction takes its steps and the machine's overhead; the next one begins when it has drained.

    The first word goes in after two cycles of the first instruction; the last one leaves in the cycle behind the
    last step of the last one.
    """
    run = _Run(program)
    run.through(0, program.again)
    preparing = run.now
    each = run.through(program.again, len(program))
    latency = run.ended - run.entered
    for _ in range(_SETTLED if program.machine.external else 0):
        each = run.through(program.again, len(program))
    return Cycles(each, sum(each.values()), latency, preparing)


def frame_ends(program: Engine, frames: int) -> list[int]:
    """The cycle in which the last word of each frame leaves, counted from the first word in."""
    run = _Run(program)
    run.through(0, program.again)
    seen: list[tuple[int, int]] = []
    for _ in range(frames):
        run.through(program.again, len(program))
        seen.append((run.entered, run.ended))
    return [ended - seen[0][0] for _, ended in seen]


class _Run:
    """A program on its way: the cycle `now` in which the next instruction is fetched."""

    def __init__(self, program: Engine) -> None:
        self.program = program
        self.bus = Bus(program.machine.external) if program.machine.external else None
        self.ahead = ahead(program)
        self.now = self.entered = self.ended = 0

    def through(self, first: int, end: int) -> dict[str, int]:
        """Instructions `first` up to `end`: the cycles of each."""
        taken: dict[str, int] = {}
        self.entered = -1
        machine = self.program.machine
        for position in range(first, end):
            node, began = self.program.nodes[position], self.now
            start = began + 2
            if isinstance(node.op, Fetch) and self.bus:
                self.now = self.bus.fetch(start, node.type.words * machine.beats) + 1
            elif isinstance(node.op, Bring) and self.bus:
                rows, beats, _ = machine.runs(node.type)
                self.bus.fetch(start, beats, rows)
                self.now = self.bus.beat + 2 + machine.drain_cycles
            elif isinstance(node.op, Send) and self.bus:
                rows, beats, _ = machine.runs(node.type)
                last, answered = self.bus.send(start, beats, rows, machine.feature_beats)
                self.now = max(last + machine.drain_cycles, answered + 1) + 1
            else:
                if self.bus and (allowed := self.ahead[position]) is not None:
                    start = max(start, self.bus.done(allowed))
                last = start + steps(node.op, node.type)
                if isinstance(node.op, Load) and self.entered < 0:
                    self.entered = start
                self.ended = last if isinstance(node.op, Store) else self.ended
                self.now = last + machine.drain_cycles
            taken[node.name] = self.now - began
        return taken
