"""`Buffer`: the shallowest channels and memories that cost no cycle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bitwright.core.errors import InvalidProgram
from bitwright.core.timetable import Verdict
from bitwright.cost.timetable import largest_occupancy, pace, paced
from bitwright.cost.waits import Waits, waits
from bitwright.ir.dataflow import Channel, Dataflow
from bitwright.ir.dataflow.ops import Memory, Rearrange
from bitwright.numeric import IntArray

__all__ = ["Buffer"]

_UNLIMITED = 1 << 32

Comings = Callable[[Sequence[IntArray]], tuple[IntArray, IntArray]]


@dataclass(frozen=True)
class Buffer:
    """Gives a dataflow program its channels, and each `Rearrange` its depth.

    Initiation is the steps of the busiest process, and latency that of the program with unlimited channels: no
    depths do better. And no channel and no memory of a Rearrange can be a word shallower without a worse initiation or
    latency, or a deadlock. Channels of `block_bits` (depth times width) or more are block memory and a cycle slower,
    which counts in the latency.

    Why it holds. Let every process begin its frames at the pace of the busiest one, channels be unlimited, and count
    how many places of one are ever taken at once (`largest_occupancy`). This schedule fulfills the waits for room in
    a channel so deep; the earliest schedule that does is no later, so its frames keep that pace, and its first frame,
    where no pace holds anything back, is as early as before. From there the depth is searched downwards, and the
    same is done with the next channel. A deeper channel removes waits and adds none, so times never grow with any
    depth: what was too shallow while the others were deeper is too shallow when they have shrunk, and one pass over
    all of them ends where none can shrink alone. Words that follow each other into the same place are the channel's
    latency and two cycles apart: it takes words * (latency + 2) / initiation places, where the search begins.

    Which of many such depths: what finds no room in one channel waits in another, and so long a wait costs as many
    bits there as pass by meanwhile. So the streams with most bits a frame shrink first.

    Kinds of memory are chosen by the depths found with lookup tables for all; where block memory is among them,
    depths are searched anew with these kinds.
    """

    block_bits: int = 9216

    def __call__(self, program: Dataflow) -> Dataflow:
        """`program` with channels and depths; those it has are not looked at. Raises InvalidProgram without outputs."""
        if not program.outputs:
            raise InvalidProgram("it has no outputs", where=program.name)
        search = _Search(program, [Memory.LUT] * len(program.edges()))
        search.run()
        blocks = [depth * bits >= self.block_bits for depth, bits in zip(search.depths, search.bits, strict=True)]
        if any(blocks):
            search = _Search(program, [Memory.BLOCK if block else Memory.LUT for block in blocks])
            search.run()
        return search.buffered()


class _Search:
    """Depths that suffice, and ever fewer."""

    def __init__(self, program: Dataflow, kinds: Sequence[Memory]) -> None:
        self.program, self.kinds = program, kinds
        edges = program.edges()
        self.bits = [program.nodes[edge.producer].type.bits for edge in edges]
        self.depths = [_UNLIMITED] * len(edges)
        self.memories = {i: _UNLIMITED for i, node in enumerate(program.nodes) if isinstance(node.op, Rearrange)}
        self.built: Waits = waits(program, kinds=kinds, depths=self.depths, memories=self.memories)
        self.rate, _, reference = pace(self.built)
        self.period = int(self.rate)
        latency = max(int(reference.times[p][0, -1]) for p in self.built.sinks)
        self.latest = [latency if p in self.built.sinks else -1 for p in range(len(self.built.system.steps))]

    def run(self) -> None:
        """Every depth as small as it can be, one after the other."""
        words = [self.program.nodes[edge.producer].type.words for edge in self.built.edges]
        channels = [(-words[i] * self.bits[i], 0, -i) for i in range(len(self.depths))]
        memories = [(-self._given_bits(i) * self.built.memory_words(i), 1, -i) for i in self.memories]
        for _, is_memory, place in sorted(channels + memories):
            if is_memory:
                self.memories[-place] = self._least_memory(-place)
            else:
                self.depths[-place] = self._least_channel(-place)

    def _least_channel(self, edge: int) -> int:
        return self._least(self.built.room_rules[edge], 0, self._floor(edge), partial(self.built.channel, edge))

    def _least_memory(self, node: int) -> int:
        rule, words = self.built.memory_rules[node], self.built.memory_words(node)
        return self._least(rule, words, 1, partial(self.built.memory, node))

    def _given_bits(self, node: int) -> int:
        return self.program.nodes[self.program.nodes[node].args[0]].type.bits

    def _floor(self, edge: int) -> int:
        """What the channel needs on its own."""
        producer = self.built.edges[edge].producer
        turn = self.built.latency[producer] + 2 + (self.kinds[edge] is not Memory.LUT)
        return max(-(-self.program.nodes[producer].type.words * turn // self.period), 1)

    def _least(self, rule: int, offset: int, low: int, comings: Comings) -> int:
        """The least depth that will do, `low` at least, and makes it the rule's."""
        found = low if self._fits(rule, low - offset) else self._between(rule, offset, low + 1, comings)
        self.built = self.built.with_shift(rule, found - offset)
        return found

    def _between(self, rule: int, offset: int, low: int, comings: Comings) -> int:
        """The same by search, up to what a schedule takes that does without this rule."""
        enough = largest_occupancy(comings(paced(self.built, self.rate).times), 1, self.period)
        if low < enough and not self._fits(rule, enough - 1 - offset):
            return enough
        enough, step = max(enough - 1, low), 1
        while low < enough:
            tried = min(low + step - 1, (low + enough) // 2)
            if self._fits(rule, tried - offset):
                enough = tried
            else:
                low, step = tried + 1, step * 2
        return enough

    def _fits(self, rule: int, shift: int) -> bool:
        tried = self.built.with_shift(rule, shift)
        return paced(tried, self.rate, self.latest, keep=False).verdict is Verdict.SETTLED

    def buffered(self) -> Dataflow:
        """The program with these depths."""
        nodes = list(self.program.nodes)
        for i, depth in self.memories.items():
            op = nodes[i].op
            assert isinstance(op, Rearrange)
            nodes[i] = replace(nodes[i], op=replace(op, depth=depth))
        told = zip(self.built.edges, self.depths, self.kinds, strict=True)
        channels = tuple(Channel(edge, depth, kind) for edge, depth, kind in told)
        return replace(self.program, nodes=tuple(nodes), channels=channels)
