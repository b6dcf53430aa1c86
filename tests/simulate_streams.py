"""A dataflow program cycle by cycle, literally by the rules of `ir.dataflow.schedule`: so must its timetable be."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from bitwright.core.errors import InvalidProgram
from bitwright.cost.timetable import Timetable, timetable
from bitwright.ir.dataflow import SINK, Dataflow, Edge, order, released, schedule
from bitwright.ir.dataflow.ops import Memory, Rearrange

__all__ = ["Simulated", "agreed", "simulate"]


def agreed(program: Dataflow, frames: int = 4) -> Timetable | None:
    """The timetable of `program`, each of its cycles compared with the simulation; None where both are stuck.

    Ends of frames after the first are compared only with channels: without, sources run ahead in the simulation.
    """
    played = simulate(program, frames)
    found, stopped = None, ""
    try:
        found = timetable(program, frames)
    except InvalidProgram as error:
        stopped = error.what
    assert played.stuck == ("deadlock" in stopped) == (found is None)
    if found is None:
        return None
    seen = [frames if program.channels else 1] * len(program.outputs)
    assert [played.ends(o)[:n] for o, n in enumerate(seen)] == [
        list(e[:n]) for e, n in zip(found.ends, seen, strict=True)
    ]
    assert [(a.first_cycle, a.last_cycle) for a in found.actors] == played.first_frames()
    return found


@dataclass
class _Queue:
    """A channel: the cycles from which on its words can be taken, and the words it has or expects."""

    depth: int | None
    delay: int
    heads: deque[int] = field(default_factory=deque)
    held: int = 0

    def full(self) -> bool:
        return self.depth is not None and self.held >= self.depth

    def ready(self, cycle: int) -> bool:
        return bool(self.heads) and self.heads[0] <= cycle


@dataclass
class Simulated:
    """Cycles of each process's steps (by actor; `counts` a frame), and those in which each output's words are taken."""

    counts: list[list[int]]
    steps: list[list[list[int]]]
    words: list[int]
    taken: list[list[int]]
    stuck: bool

    def ends(self, output: int) -> list[int]:
        """The cycles in which frames of an output end."""
        return self.taken[output][self.words[output] - 1 :: self.words[output]]

    def first_frames(self) -> list[tuple[int, int]]:
        """The first and last cycle of each actor in the first frame."""
        return [
            (min(log[0] for log in own), max(log[n - 1] for log, n in zip(own, counts, strict=True)))
            for own, counts in zip(self.steps, self.counts, strict=True)
        ]


def simulate(program: Dataflow, frames: int) -> Simulated:
    """Until all have done `frames` frames, or nothing moves any more.

    Channels are those of the program, unlimited where it has none.
    """
    return _Machine(program, frames).run()


class _Machine:
    def __init__(self, program: Dataflow, frames: int) -> None:
        self.program, self.frames = program, frames
        depths = {c.edge: (c.depth, c.memory is not Memory.LUT) for c in program.channels}
        self.plans = [schedule(n.op, n.type, [a.type for a in program.args_of(n)]) for n in program.nodes]
        self.queues: dict[Edge, _Queue] = {}
        for edge in program.edges():
            depth, slow = depths.get(edge, (None, False))
            latency = self.plans[edge.producer][1]
            self.queues[edge] = _Queue(depth, latency + 1 + slow)
        self.done = [[0] * len(own) for own, _ in self.plans]
        self.log: list[list[list[int]]] = [[[] for _ in own] for own, _ in self.plans]
        self.taken: list[list[int]] = [[] for _ in program.outputs]
        self.wanted = [frames * program.nodes[o].type.words for o in program.outputs]

    def run(self) -> Simulated:
        cycle = idle = 0
        while self.unfinished():
            # Who steps is decided by what stood at the end of the cycle before: nobody sees what happens in this one.
            steps = [(i, p) for i, (own, _) in enumerate(self.plans) for p in range(len(own)) if self.may(i, p, cycle)]
            sinks = [e for e, q in self.queues.items() if e.consumer == SINK and q.ready(cycle)]
            for i, p in steps:
                self.step(i, p, cycle)
            for edge in sinks:
                self.pop(edge)
                self.taken[edge.port].append(cycle)
            coming = any(q.heads and q.heads[-1] > cycle for q in self.queues.values())
            idle = 0 if steps or sinks or coming else idle + 1
            if idle > 2:
                return self.result(True)
            cycle += 1
        return self.result(False)

    def result(self, stuck: bool) -> Simulated:
        counts = [[process.steps for process in own] for own, _ in self.plans]
        words = [self.program.nodes[o].type.words for o in self.program.outputs]
        return Simulated(counts, self.log, words, self.taken, stuck)

    def unfinished(self) -> bool:
        if any(len(t) < n for t, n in zip(self.taken, self.wanted, strict=True)):
            return True
        return any(
            done[p] < self.frames * process.steps
            for done, (own, _) in zip(self.done, self.plans, strict=True)
            for p, process in enumerate(own)
        )

    def may(self, node: int, process: int, cycle: int) -> bool:
        own = self.plans[node][0][process]
        frame, step = divmod(self.done[node][process], own.steps)
        if frame >= self.frames + 2:
            return False
        for port, flags in own.reads.items():
            edge = Edge(self.program.nodes[node].args[port], node, port)
            if flags[step] and not self.queues[edge].ready(cycle):
                return False
        if own.writes is not None and own.writes[step] and any(q.full() for q in self.results(node)):
            return False
        op = self.program.nodes[node].op
        return not isinstance(op, Rearrange) or self.may_move(node, op, process, frame, step)

    def may_move(self, node: int, op: Rearrange, process: int, frame: int, step: int) -> bool:
        """A reader needs a place in the memory, a writer its word."""
        words = self.plans[node][0][0].steps
        if process == 1:
            place = int(order(op)[step])
            return place < 0 or self.done[node][0] > frame * words + place
        at, there = divmod(self.done[node][1], self.plans[node][0][1].steps)
        free = at * words + int(released(op)[there])
        return not op.depth or self.done[node][0] - op.depth < free

    def results(self, node: int) -> list[_Queue]:
        return [q for e, q in self.queues.items() if e.producer == node]

    def step(self, node: int, process: int, cycle: int) -> None:
        own = self.plans[node][0][process]
        step = self.done[node][process] % own.steps
        for port, flags in own.reads.items():
            if flags[step]:
                self.pop(Edge(self.program.nodes[node].args[port], node, port))
        if own.writes is not None and own.writes[step]:
            for queue in self.results(node):
                queue.held += 1
                queue.heads.append(cycle + queue.delay)
        self.done[node][process] += 1
        self.log[node][process].append(cycle)

    def pop(self, edge: Edge) -> None:
        self.queues[edge].heads.popleft()
        self.queues[edge].held -= 1
