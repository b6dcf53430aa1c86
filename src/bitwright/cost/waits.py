"""The waits of a dataflow program: its processes and channels as one system of `core.timetable`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bitwright.core.timetable import WaitRule, WaitSystem
from bitwright.ir.dataflow import SINK, Dataflow, Edge, Process, schedule
from bitwright.ir.dataflow.ops import Memory, Rearrange
from bitwright.numeric import IntArray

__all__ = ["Waits", "waits"]


@dataclass(frozen=True)
class Waits:
    """The system of a program, and where its parts are in it.

    `processes[i]` are those of actor i, `latency[i]` its cycles, `sinks` the processes of the outputs.
    `room_rules[e]` is the number of the rule by which edge e's producer waits for room in the channel (its shift is
    the depth; empty where all are unlimited), `memory_rules[i]` the same for Rearrange i, whose depth is
    `memory_words(i)` more than the shift (none where unlimited); `holding[i]` is for each word given to it the step
    of its writer that needs it last. `ends[e]`: producer, its writing steps, consumer, its reading steps. `told`:
    each rule in words.
    """

    program: Dataflow
    edges: list[Edge]
    system: WaitSystem
    processes: list[tuple[int, ...]]
    sinks: list[int]
    latency: list[int]
    ends: list[tuple[int, IntArray, int, IntArray]]
    room_rules: list[int]
    memory_rules: dict[int, int]
    holding: dict[int, IntArray]
    told: list[str]

    def actor_of(self, process: int) -> int:
        """The actor that a process belongs to; for a sink's the one that feeds it."""
        for node, own in enumerate(self.processes):
            if process in own:
                return node
        return self.program.outputs[self.sinks.index(process)]

    def with_shift(self, rule: int, shift: int) -> Waits:
        """The same where rule number `rule` has another shift (a channel another depth, say)."""
        return replace(self, system=self.system.with_shift(rule, shift))

    def memory_words(self, node: int) -> int:
        """Words of a frame that a Rearrange is given."""
        return self.holding[node].size

    def channel(self, edge: int, times: Sequence[IntArray]) -> tuple[IntArray, IntArray]:
        """Times (frames, words) at which words take a place in the channel, and leave it."""
        producer, writes, consumer, reads = self.ends[edge]
        return times[producer][:, writes], times[consumer][:, reads]

    def memory(self, node: int, times: Sequence[IntArray], unit: int = 1) -> tuple[IntArray, IntArray]:
        """The same for the memory of a Rearrange."""
        reader, writer = (times[p] for p in self.processes[node])
        holding = self.holding[node]
        steps = np.arange(len(writer))[:, None] * writer.shape[1] + holding
        return reader, np.where(steps < 0, -unit, writer.ravel()[np.maximum(steps, 0)])

    def circle(self, blocked: Sequence[int]) -> list[str]:
        """Who waits for whom, once around, where processes wait by the rules `blocked` for each other."""
        process = next(p for p, rule in enumerate(blocked) if rule >= 0)
        met: list[int] = []
        while process not in met:
            met.append(process)
            process = self.system.rules[blocked[process]].source
        return [self.told[blocked[p]] for p in met[met.index(process) :]]


@dataclass
class _Collector:
    """Lists, rules and their words, as they come."""

    lists: list[IntArray] = field(default_factory=list[IntArray])
    rules: list[WaitRule] = field(default_factory=list[WaitRule])
    told: list[str] = field(default_factory=list[str])

    def put(self, steps: IntArray) -> int:
        self.lists.append(steps)
        return len(self.lists) - 1

    def rule(self, told: str, *row: int) -> int:
        self.rules.append(WaitRule(*row))
        self.told.append(told)
        return len(self.rules) - 1


class _Builder:
    def __init__(self, program: Dataflow) -> None:
        self.program = program
        self.out = _Collector()
        self.steps: list[int] = []
        self.processes: list[tuple[int, ...]] = []
        self.latency: list[int] = []
        self.writes: list[tuple[int, int]] = []
        self.reads: dict[tuple[int, int], tuple[int, int]] = {}
        self.sinks: list[int] = []
        self.memory_rules: dict[int, int] = {}
        self.holding: dict[int, IntArray] = {}

    def actors(self, memories: Mapping[int, int] | None) -> None:
        for i, node in enumerate(self.program.nodes):
            args = [a.type for a in self.program.args_of(node)]
            op = node.op
            if isinstance(op, Rearrange):
                # In a memory of one frame each word waits for what frees the place of its like in the frame before:
                # any other depth is the same list of waits, shifted.
                op = replace(op, depth=args[0].words)
            own, latency = schedule(op, node.type, args)
            self.latency.append(latency)
            first = len(self.steps)
            self.processes.append(tuple(range(first, first + len(own))))
            self.steps += [process.steps for process in own]
            for at, process in enumerate(own):
                self._ports(i, first + at, process)
            if isinstance(node.op, Rearrange):
                self._rearrange(i, node.op.depth if memories is None else memories.get(i, 0), own)
            else:
                self._inner(i, own)

    def _ports(self, node: int, at: int, process: Process) -> None:
        for port, flags in process.reads.items():
            self.reads[node, port] = at, self.out.put(np.flatnonzero(flags))
        if process.writes is not None:
            self.writes.append((at, self.out.put(np.flatnonzero(process.writes))))

    def _inner(self, node: int, own: tuple[Process, ...]) -> None:
        """What an actor's processes wait for in each other."""
        for at, process in zip(self.processes[node], own, strict=True):
            for wait in process.waits:
                kept = np.flatnonzero(~wait.free)
                places = self.out.put(kept), self.out.put(wait.step[kept])
                told = f"{self.program.nodes[node].name} waits for itself"
                self.out.rule(told, at, places[0], self.processes[node][wait.process], places[1], 0, wait.delay)

    def _rearrange(self, node: int, depth: int, own: tuple[Process, ...]) -> None:
        reader, writer = self.processes[node]
        name = self.program.nodes[node].name
        (data,), (room,) = own[1].waits, own[0].waits
        kept = np.flatnonzero(~data.free)
        places = self.out.put(kept), self.out.put(data.step[kept])
        self.out.rule(f"{name} waits for words in its memory", writer, places[0], reader, places[1], 0, 1)
        words = room.step.size
        self.holding[node] = room.step + own[1].steps
        if depth:
            lists = self.reads[node, 0][1], self.out.put(room.step)
            told = f"{name} waits for room in its memory of {depth} words"
            self.memory_rules[node] = self.out.rule(told, reader, lists[0], writer, lists[1], depth - words, 1)

    def channels(self, edges: list[Edge], slow: Sequence[bool], depths: Sequence[int]) -> list[int]:
        rooms: list[int] = []
        for i, edge in enumerate(edges):
            producer, writes = self.writes[edge.producer]
            consumer, reads = self._reader(edge)
            source = self.program.nodes[edge.producer].name
            reader = "outside" if edge.consumer == SINK else self.program.nodes[edge.consumer].name
            delay = self.latency[edge.producer] + 1 + slow[i]
            self.out.rule(f"{reader} waits for {source}", consumer, reads, producer, writes, 0, delay)
            if depths:
                told = f"{source} waits for room in its channel of {depths[i]} words to {reader}"
                rooms.append(self.out.rule(told, producer, writes, consumer, reads, depths[i], 1))
        return rooms

    def _reader(self, edge: Edge) -> tuple[int, int]:
        if edge.consumer != SINK:
            return self.reads[edge.consumer, edge.port]
        words = self.program.nodes[edge.producer].type.words
        self.steps.append(words)
        self.sinks.append(len(self.steps) - 1)
        self.reads[SINK, edge.port] = self.sinks[-1], self.out.put(np.arange(words))
        return self.reads[SINK, edge.port]

    def ends(self, edges: list[Edge]) -> list[tuple[int, IntArray, int, IntArray]]:
        found: list[tuple[int, IntArray, int, IntArray]] = []
        for edge in edges:
            (producer, writes), (consumer, reads) = self.writes[edge.producer], self.reads[edge.consumer, edge.port]
            found.append((producer, self.out.lists[writes], consumer, self.out.lists[reads]))
        return found


def waits(
    program: Dataflow,
    *,
    kinds: Sequence[Memory] | None = None,
    depths: Sequence[int] | None = None,
    memories: Mapping[int, int] | None = None,
) -> Waits:
    """The waits of `program`, with other memories and depths of its channels (in the order of `edges`) if told.

    `depths` empty: unlimited, and so are memories of Rearrange that are 0 or not in `memories`.
    """
    edges = program.edges()
    told = [c.memory for c in program.channels] or [Memory.LUT] * len(edges)
    slow = [kind is not Memory.LUT for kind in (kinds or told)]
    builder = _Builder(program)
    builder.actors(memories)
    rooms = builder.channels(edges, slow, [c.depth for c in program.channels] if depths is None else depths)
    return Waits(
        program,
        edges,
        WaitSystem(builder.steps, builder.out.lists, builder.out.rules),
        builder.processes,
        builder.sinks,
        builder.latency,
        builder.ends(edges),
        rooms,
        builder.memory_rules,
        builder.holding,
        builder.out.told,
    )
