"""The netlists at the ends of actors: maps, sums, maxima and unrolled layers on one word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import lcm

import numpy as np

from bitwright.core.origin import Origin
from bitwright.ir.graph import GraphBuilder, TensorType
from bitwright.ir.graph.ops import Dense, Map
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word, latency_cycles
from bitwright.ir.netlist.ops import Register
from bitwright.numeric import IntArray, Ints, ShiftRoundSaturate, Steps, Table, Thresholds
from bitwright.passes.merge import Merge
from bitwright.passes.recipe import unrolled
from bitwright.passes.retime import Retime
from bitwright.passes.share import Share
from bitwright.passes.streaming.dots import summed
from bitwright.passes.streaming.maps import LaneMap, lane_map
from bitwright.passes.synthesize import Synthesize
from bitwright.platforms import Device, Fabric

__all__ = ["Mapped", "Tails"]


@dataclass(frozen=True)
class Mapped:
    """What happens to a result: row `rows` of `form` of gain * x + bias; arrays (phases, lanes), as words come."""

    form: ShiftRoundSaturate | Thresholds | Table | None
    rows: IntArray
    gain: int
    bias: IntArray

    def lane(self, lane: int) -> LaneMap:
        """One lane's share."""
        rows, bias = (tuple(a[:, lane].tolist()) for a in (self.rows, self.bias))
        return LaneMap(self.form, rows, self.gain, bias)

    @property
    def phases(self) -> int:
        """After how many words everything is the same again."""
        both = np.concatenate([self.rows, self.bias], axis=1)
        for period in range(1, len(both)):
            if len(both) % period == 0 and (both.reshape(-1, period, both.shape[1]) == both[:period]).all():
                return period
        return len(both)

    def over(self, phases: int) -> Mapped:
        """The same for so many phases, a multiple of its own."""
        rows, bias = (np.tile(a[: self.phases], (phases // self.phases, 1)) for a in (self.rows, self.bias))
        return Mapped(self.form, rows, self.gain, bias)

    @property
    def is_plain(self) -> bool:
        """Whether nothing happens."""
        return self.form is None and self.gain == 1 and not self.bias.any()


Combine = Callable[[NetlistBuilder, dict[str, list[int]], int], list[int]]
"""(builder, words of each port, the phase's word) -> one word a lane."""


@dataclass(frozen=True)
class Tails:
    """Builds netlists for actors on `device`, pipelined for `clock_mhz` (None: no registers)."""

    device: Device
    clock_mhz: float | None
    share: Share

    @property
    def fabric(self) -> Fabric:
        """What the device is made of."""
        return self.device.fabric

    def mapped(self, types: Sequence[Word], told: Mapped) -> Netlist | None:
        """The map of a word with the ranges `types`; None where nothing happens."""
        if told.is_plain:
            return None
        return self.combined({"x": types}, told, lambda builder, words, phase: words["x"])

    def combined(self, ports: Mapping[str, Sequence[Word]], told: Mapped, combine: Combine, more: int = 1) -> Netlist:
        """`combine` of the ports' words, then the map of each lane; `more` phases that `combine` itself needs."""
        builder = NetlistBuilder()
        made = [builder.input_port(name, (len(types),), types, Steps.of(1)) for name, types in ports.items()]
        phases, phase = lcm(told.phases, more), -1
        if phases > 1:
            made.append(builder.input_port("phase", (), [Word(0, phases - 1)], Steps.of(1)))
            phase = made[-1].words[0]
        builder.at(Origin("map"))
        words = combine(builder, {p.name: list(p.words) for p in made if p.name != "phase"}, phase)
        told = told.over(phases)
        out = [lane_map(builder, word, phase, told.lane(i), self.fabric) for i, word in enumerate(words)]
        result = Port("y", (len(out),), tuple(out), Steps.of(1))
        return self.pipelined(Merge(self.fabric)(builder.finish("tail", made, [result])))

    def layer(self, types: Sequence[Word], weights: IntArray, bias: IntArray, then: Mapped) -> Netlist:
        """A whole linear layer with its map, unrolled into adder graphs; weights (inputs, outputs)."""
        low, high = (Ints([getattr(t, end) for t in types]) for end in ("low", "high"))
        builder = GraphBuilder()
        x = builder.input(TensorType((len(types),), low, high, Steps.of(1)), "x")
        y = builder.apply(Dense(Ints(weights), Ints(bias)), [x], step=Steps.of(1), name="sum")
        if then.form is not None:
            y = builder.apply(Map(then.form, Ints(then.rows[0])), [y], step=Steps.of(1), name="map")
        graph = builder.graph("tail", [y])
        return self.pipelined(unrolled(graph, Synthesize(self.share, fabric=self.fabric)))

    def added(self, builder: NetlistBuilder, words: Sequence[int]) -> int:
        """Their sum."""
        return summed(builder, words, self.fabric)

    def pipelined(self, netlist: Netlist) -> Netlist:
        """`netlist` with registers, so that it meets the clock; what fits between two registers has none."""
        if self.clock_mhz is None:
            return netlist
        made = Retime(self.device, self.clock_mhz)(netlist)
        return made if latency_cycles(made) else netlist

    def looped(self, netlist: Netlist) -> Netlist:
        """`netlist` with registers inside alone: its outputs go into registers that a loop has anyway."""
        made = self.pipelined(netlist)
        last = [made.nodes[o] for o in made.outputs]
        if not any(isinstance(n.op, Register) for n in last):
            return made
        place = {word: word for word in range(len(made))}
        for output, node in zip(made.outputs, last, strict=True):
            place[output] = node.args[0] if isinstance(node.op, Register) else output
        results = tuple(port.at(place) for port in made.results)
        return replace(made, outputs=tuple(place[o] for o in made.outputs), results=results).pruned()
