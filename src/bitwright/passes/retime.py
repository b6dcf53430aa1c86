"""`retime`: the fewest flip-flops with which every path meets the clock; fixed latency, a result a cycle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bitwright.core.collector import collector_paused
from bitwright.core.errors import InvalidValue
from bitwright.core.native import earliest_stages, least_registers
from bitwright.cost.timing import Timing, timing_of
from bitwright.ir.netlist import Netlist
from bitwright.ir.netlist.ops import Register
from bitwright.numeric import IntArray
from bitwright.passes.registers import Waits, registered, waits_of
from bitwright.platforms import Device

__all__ = ["Retime"]


@dataclass(frozen=True)
class Retime:
    """Pipelines a netlist for `clock_mhz` on `device`, by `bitwright.cost.timing` of its fabric.

    The latency is the least that meets the clock, or `stages` where given (more than the least may be asked for);
    among all assignments of words to stages with that latency, the flip-flop bits are the fewest
    (`bitwright.core.native.least_registers`). A word waits once whatever reads it, and only with the bits that are
    still read; shifts and bit fields wait as what they are cut from. Outputs are registered and all
    come out in the same cycle.

    Without a clock `stages` (1 if not given) are balanced: the fastest clock at that latency is met. With one,
    `balance` is the share of flip-flops that may be spent on a faster clock than asked for at the same latency.
    Netlists of more than `most_words` words get every word as early as possible instead of optimal stages.
    """

    device: Device
    clock_mhz: float | None
    stages: int | None = None
    balance: float = 0.0
    most_words: int = 5_000_000

    @collector_paused()
    def __call__(self, program: Netlist) -> Netlist:
        """The pipelined netlist: the same function, `latency_cycles` later."""
        if any(isinstance(node.op, Register) for node in program.nodes):
            raise InvalidValue("it is pipelined already", where=program.name, remedy="retime the plain netlist")
        timing = timing_of(program, self.device.fabric)
        waits = waits_of(program, timing)
        stage, last = _Plan(self, program, timing, waits).best()
        return registered(program, waits, stage.tolist(), last)

    @property
    def period(self) -> int | None:
        """Femtoseconds between registers for logic; None where no clock is asked for."""
        if self.clock_mhz is None:
            return None
        left = 1000.0 / self.clock_mhz - self.device.fabric.register_ns
        if left <= 0:
            raise InvalidValue(
                f"a clock of {self.clock_mhz} MHz leaves no time",
                where=self.device.name,
                remedy=f"stay below {1000.0 / self.device.fabric.register_ns:.0f} MHz",
            )
        return int(left * 1e6)


class _Plan:
    """The search for stages: least latency, fewest registers, and then the shortest period that costs no more."""

    def __init__(self, options: Retime, program: Netlist, timing: Timing, waits: Waits) -> None:
        self.options = options
        self.program = program
        self.timing = timing
        self.waits = waits

    def best(self) -> tuple[IntArray, int]:
        """The stage of every word and the last one."""
        asked = self.options.period
        if asked is None:
            count = self.options.stages or 1
            asked = self.shortest(count, max(self.timing.worst(), 1))
        else:
            count = self.options.stages or self.needed(asked)
        if len(self.program) > self.options.most_words:
            return earliest_stages(self.timing.arcs, self.timing.tails, asked), count - 1
        if count == 1 and self.options.stages is None:
            return np.zeros(len(self.program), np.int64), 0
        found = self.at(asked, count)
        if self.options.balance > 0 and self.options.clock_mhz is not None:
            found = self.balanced(found, asked, count)
        return found, count - 1

    def needed(self, period: int) -> int:
        """The fewest stages."""
        stages = earliest_stages(self.timing.arcs, self.timing.tails, period)
        return int(stages.max(initial=0)) + 1

    @cached_property
    def held(self) -> tuple[IntArray, IntArray]:
        return self.waits.holds(self.program)

    def at(self, period: int, count: int) -> IntArray:
        return least_registers(self.timing.arcs, self.timing.tails, *self.held, period, count)

    def shortest(self, count: int, longest: int) -> int:
        """The shortest period that `count` stages meet, to a thousandth."""
        short = 0
        while longest - short > max(longest // 1000, 1):
            middle = (short + longest) // 2
            if self.needed(max(middle, 1)) <= count:
                longest = middle
            else:
                short = middle
        return longest

    def balanced(self, found: IntArray, period: int, count: int) -> IntArray:
        """Stages for the shortest period whose registers stay within `balance` of the fewest."""
        allowed = self.bits(found, count) * (1 + self.options.balance)
        short = middle = self.shortest(count, period)
        for _ in range(6):
            trial = self.at(middle, count)
            if self.bits(trial, count) <= allowed:
                found, period = trial, middle
            else:
                short = middle
            middle = (short + period) // 2
            if period - short <= period // 100:
                break
        return found

    def bits(self, stage: IntArray, count: int) -> int:
        return self.waits.bits(self.program, stage.tolist(), count - 1)

