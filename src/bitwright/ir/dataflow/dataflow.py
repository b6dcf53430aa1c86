"""`Dataflow`: a program of actors, the channels between them, and the builder that infers their streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bitwright.core.origin import Origin
from bitwright.ir.dataflow.infer import infer
from bitwright.ir.dataflow.ops import Actor, Memory, Source
from bitwright.ir.dataflow.types import Stream
from bitwright.ir.program import Builder, Node, Program
from bitwright.numeric import Steps

__all__ = ["SINK", "Channel", "Dataflow", "DataflowBuilder", "Edge"]

SINK = -1
"""The consumer of a channel that leads outside."""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """Where words go: from an actor to argument `port` of another, or (consumer SINK) to output number `port`."""

    producer: int
    consumer: int
    port: int


@dataclass(frozen=True, slots=True)
class Channel:
    """A first-in first-out buffer of `depth` words on an edge."""

    edge: Edge
    depth: int
    memory: Memory = Memory.LUT


@dataclass(frozen=True, slots=True)
class Dataflow(Program[Actor, Stream]):
    """A network laid out in space and time. `channels` has every edge once, or is empty: not yet buffered."""

    channels: tuple[Channel, ...] = ()

    @property
    def inputs(self) -> list[Node[Actor, Stream]]:
        """The sources, in the order in which `run` takes their arrays."""
        return [node for node in self.nodes if isinstance(node.op, Source)]

    @property
    def results(self) -> list[Node[Actor, Stream]]:
        """The actors whose words leave."""
        return [self.nodes[i] for i in self.outputs]

    def edges(self) -> list[Edge]:
        """All edges: those into actors in order, then those to the outside."""
        inner = [Edge(a, i, port) for i, node in enumerate(self.nodes) for port, a in enumerate(node.args)]
        return inner + [Edge(producer, SINK, port) for port, producer in enumerate(self.outputs)]


class DataflowBuilder(Builder[Actor, Stream]):
    """Builds a dataflow program; streams are inferred, only what an actor leaves open is told."""

    def source(self, type: Stream, name: str) -> int:
        """A new stream from outside."""
        return self.add(Source(), (), type, name, Origin(name))

    def apply(
        self,
        op: Actor,
        args: Sequence[int],
        *,
        shape: tuple[int, ...] | None = None,
        lanes: int | None = None,
        step: Steps | None = None,
        name: str = "",
        origin: Origin | None = None,
    ) -> int:
        """Append `op`. `lanes` only for Convert; `shape` and `step` where they are not the first argument's."""
        given = [self.type(a) for a in args]
        return self.add(op, args, infer(op, given, shape=shape, lanes=lanes, step=step), name, origin)

    def dataflow(self, name: str, outputs: Sequence[int]) -> Dataflow:
        """The finished program, without buffers."""
        return Dataflow(*self.finish(name, outputs))
