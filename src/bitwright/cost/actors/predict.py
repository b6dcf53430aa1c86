"""A placed and buffered program's predicted area, actor by actor, and its cycles when asked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bitwright.core.errors import InvalidProgram
from bitwright.cost.actors.channels import channel_area, sink_area, source_area
from bitwright.cost.actors.rules import actor_area
from bitwright.cost.actors.writable import control_area
from bitwright.cost.area import Area
from bitwright.cost.timetable import Timetable, timetable
from bitwright.ir.dataflow import SINK, Dataflow
from bitwright.ir.dataflow.ops import Rearrange, Source
from bitwright.platforms import Device

__all__ = ["StreamPrediction", "predict_stream"]


@dataclass(frozen=True)
class StreamPrediction:
    """Predicted area of a streaming design: `actors` by name, the `channels` behind each actor, both `ends` together.

    Numbers are those that yosys counts for Xilinx parts; `bram18s` are memories of 18 kbit, two of which make
    one of the 36 kbit that data sheets count. Cycles are computed from the schedules, exactly, when first asked for.
    """

    program: Dataflow
    device: Device
    actors: dict[str, Area]
    channels: dict[str, Area]
    ends: Area

    @cached_property
    def total(self) -> Area:
        """All of it."""
        return sum((*self.actors.values(), *self.channels.values()), self.ends)

    @property
    def luts(self) -> int:
        """LUTs, memories of LUTs among them."""
        return round(self.total.luts)

    @property
    def ffs(self) -> int:
        """Flip-flops."""
        return round(self.total.ffs)

    @property
    def carries(self) -> int:
        """Carry cells of four bits."""
        return round(self.total.carries)

    @property
    def dsps(self) -> int:
        """Multiplier blocks."""
        return round(self.total.dsps)

    @property
    def bram18s(self) -> int:
        """Block memories of 18 kbit."""
        return round(self.total.bram18s)

    @property
    def urams(self) -> int:
        """UltraRAMs."""
        return round(self.total.urams)

    @cached_property
    def cycles(self) -> Timetable:
        """Initiation, latency and occupancies."""
        return timetable(self.program)


def predict_stream(program: Dataflow, device: Device) -> StreamPrediction:
    """The area of a placed and buffered `program` on `device`.

    Raises `InvalidProgram` where channels or memories have no depth. Memories are those of Xilinx parts.
    """
    if not program.channels or any(isinstance(n.op, Rearrange) and n.op.depth < 1 for n in program.nodes):
        raise InvalidProgram("its channels have no depths", where=program.name, remedy="run passes.Buffer first")
    actors = {
        node.name: actor_area(node.op, node.type, [a.type for a in program.args_of(node)], device.fabric)
        for node in program.nodes
        if not isinstance(node.op, Source)
    }
    channels: dict[str, Area] = {}
    for channel in program.channels:
        node = program.nodes[channel.edge.producer]
        found = channel_area(node.type.bits, channel.depth, channel.memory)
        channels[node.name] = channels.get(node.name, Area()) + found
    ends = source_area().times(len(program.inputs))
    for channel in program.channels:
        if channel.edge.consumer == SINK:
            ends += sink_area(program.nodes[channel.edge.producer].type.words)
    ends += control_area(program)
    return StreamPrediction(program, device, actors, channels, ends)
