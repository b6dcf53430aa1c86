"""When everything happens: initiation, latency and occupancies of a dataflow program, computed from its schedules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from bitwright.core.errors import InvalidProgram
from bitwright.core.timetable import Settled, Verdict, settle
from bitwright.cost.waits import Waits, waits
from bitwright.ir.dataflow import Dataflow
from bitwright.numeric import IntArray

__all__ = ["ActorTimes", "Timetable", "largest_occupancy", "pace", "paced", "timetable"]

_TIMES = 1 << 27
"""How many times are kept at most while a schedule settles."""


@dataclass(frozen=True, slots=True)
class ActorTimes:
    """Cycles of an actor's first and last step in the first frame, and the steps of its busier process a frame."""

    name: str
    first_cycle: int
    last_cycle: int
    steps: int


@dataclass(frozen=True)
class Timetable:
    """A program in time, where words are always there and always taken; cycle 0 is that of the sources' first words.

    `rate` is the distance of frames once they repeat, `initiation_cycles` the same rounded up; `latency_cycles` is the
    cycle in which the last word of the first frame is taken. `ends[o][f]`: the cycle in which output o's last word of
    frame f is taken. `bottleneck` is the actor that allows no smaller distance of frames. `channels` are the most words
    that wait in, or are on their way to, each channel (in the order of `edges`), `memories` those of each Rearrange
    (by name): in a program with channels from the first frames on, else (nothing but the pace holds words
    back, which is that of the bottleneck) for ever.
    """

    rate: Fraction
    latency_cycles: int
    ends: tuple[tuple[int, ...], ...]
    actors: tuple[ActorTimes, ...]
    bottleneck: str
    channels: tuple[int, ...]
    memories: dict[str, int]

    @property
    def initiation_cycles(self) -> int:
        """Cycles from frame to frame."""
        return -(-self.rate.numerator // self.rate.denominator)

    def busy(self, actor: ActorTimes) -> float:
        """The share of cycles in which an actor takes a step."""
        return float(actor.steps / self.rate)


def timetable(program: Dataflow, frames: int = 3) -> Timetable:
    """The cycles of the first `frames` frames of `program`, and how it goes on; see `ir.dataflow.schedule`.

    A program without channels has unlimited ones, a `Rearrange` of depth 0 an unlimited memory. Raises
    InvalidProgram where it comes to a deadlock.
    """
    built = waits(program)
    rate, bottleneck, settled = pace(built)
    if program.channels:
        first = settle(built.system, most_frames=frames)
        times, unit, distance = first.times, 1, 0
    else:
        times, unit, distance = settled.times, rate.denominator, rate.numerator
    ends = tuple(_ends(times[p][:, -1], frames, unit, distance) for p in built.sinks)
    return Timetable(
        rate,
        max((e[0] for e in ends), default=0),
        ends,
        tuple(_actor(program, built, i, times, unit) for i in range(len(program.nodes))),
        program.nodes[bottleneck].name,
        tuple(largest_occupancy(built.channel(i, times), unit, distance) for i in range(len(built.edges))),
        {program.nodes[i].name: largest_occupancy(built.memory(i, times, unit), unit, distance) for i in built.holding},
    )


def pace(built: Waits) -> tuple[Fraction, int, Settled]:
    """The distance of frames once they repeat, the actor that is to blame, and the frames at that pace.

    No process can be faster than its steps. Where that many cycles a frame are too few, a circuit of waits is the
    proof, and says how many it needs; then that pace is tried. Raises InvalidProgram on a deadlock.
    """
    steps = built.system.steps
    rate, slowest = Fraction(int(steps.max())), int(steps.argmax())
    while True:
        found = paced(built, rate)
        if found.verdict is Verdict.SETTLED:
            return rate, built.actor_of(slowest), found
        if found.verdict is Verdict.STUCK:
            raise InvalidProgram(
                "it comes to a deadlock",
                where=built.program.name,
                why=", ".join(built.circle(found.blocked)),
                remedy="let passes.Buffer choose the depths",
            )
        cycles, frames, slowest = found.circuit
        rate = Fraction(cycles, frames)


def paced(built: Waits, rate: Fraction, latest: Sequence[int] = (), *, keep: bool = True) -> Settled:
    """The frames of a program when every process begins one each `rate` cycles; see `core.timetable.settle`."""
    most_frames = max(_TIMES // int(built.system.steps.sum()), 16)
    pace = {"period": rate.numerator, "scale": rate.denominator, "most_frames": most_frames}
    found = settle(built.system, **pace, latest=latest, keep=keep)
    if found.verdict is Verdict.ENDLESS:
        raise InvalidProgram(f"its schedule does not repeat within {most_frames} frames", where=built.program.name)
    return found


def _ends(ends: IntArray, frames: int, unit: int, distance: int) -> tuple[int, ...]:
    """Cycles of the first `frames` ends; what was not computed comes `distance` after the frame before."""
    more = ends[-1] + distance * np.arange(1, max(frames - len(ends), 0) + 1)
    return tuple((-(-np.concatenate([ends, more])[:frames] // unit)).tolist())


def _actor(program: Dataflow, built: Waits, node: int, times: Sequence[IntArray], unit: int) -> ActorTimes:
    own = built.processes[node]
    first = min(int(times[p][0, 0]) for p in own) // unit
    last = max(int(times[p][0, -1]) for p in own) // unit
    return ActorTimes(program.nodes[node].name, first, last, max(int(built.system.steps[p]) for p in own))


def largest_occupancy(comings: tuple[IntArray, IntArray], unit: int, distance: int) -> int:
    """The most places that are taken at once, by times (frames, words) at which words take and leave theirs.

    A place is free again a cycle (`unit`) after its word left. With `distance` more frames follow, each so much
    later than the one before, as many as can overlap.
    """
    taken, left = comings
    overlap = int(left[-1, -1] - taken[-1, 0]) // distance + 1 if distance else 0
    later = distance * np.arange(1, overlap + 1)[:, None]
    begin = np.concatenate([taken, taken[-1] + later]).ravel()
    end = np.concatenate([left, left[-1] + later]).ravel()
    still = np.arange(1, begin.size + 1) - np.searchsorted(end + unit, begin, side="right")
    return max(int(still.max()), 1)
