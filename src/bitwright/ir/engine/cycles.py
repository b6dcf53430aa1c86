"""`cycles`: how long an engine takes, exactly, where words wait for it and nobody makes it wait."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.core.rules import Rules
from bitwright.ir.engine.engine import Engine
from bitwright.ir.engine.ops import Instruction, Load, Matrix, Store, Vector
from bitwright.ir.engine.types import Region

__all__ = ["Cycles", "cycles", "steps"]

steps: Rules[[Region], int] = Rules("steps of an engine's instruction")


@steps.on(Load, Store)
def _(op: Instruction, region: Region) -> int:
    return region.words


@steps.on(Matrix, Vector)
def _(op: Matrix | Vector, region: Region) -> int:
    return op.walk.steps


@dataclass(frozen=True, slots=True)
class Cycles:
    """Cycles of each instruction by name, in order; the distance of frames; from first word in to last word out."""

    by_instruction: dict[str, int]
    initiation_cycles: int
    latency_cycles: int


def cycles(program: Engine) -> Cycles:
    """An instruction takes its steps and the machine's overhead; the next one begins when it has drained.

    The first word goes in after two cycles of the first instruction; the last one leaves in the cycle behind the
    last step of the last one.
    """
    machine = program.machine
    each = {n.name: steps(n.op, n.type) + machine.overhead_cycles for n in program.nodes}
    total = sum(each.values())
    return Cycles(each, total, total - 2 - machine.drain_cycles)
