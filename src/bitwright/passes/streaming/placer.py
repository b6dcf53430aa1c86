"""`Placer`: what the rules that lay out layers share, and the table of these rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.core.rules import Rules
from bitwright.ir.dataflow import Dataflow, DataflowBuilder, Stream
from bitwright.ir.dataflow.ops import Actor, Convert
from bitwright.ir.graph import Graph, TensorType
from bitwright.ir.graph.ops import Constant, GraphOp, Input, Map, Reshape
from bitwright.ir.netlist import Word
from bitwright.ir.program import Node
from bitwright.numeric import IntArray, Ints
from bitwright.passes.share import Share
from bitwright.passes.streaming.folding import Folding
from bitwright.passes.streaming.tails import Mapped, Tails
from bitwright.platforms import Device

__all__ = ["GraphNode", "Place", "Placer", "place", "repeats", "with_zero"]

GraphNode = Node[GraphOp, TensorType]


@dataclass(frozen=True)
class Place:
    """Lays a graph out as actors. `foldings` by the name of the layer's node; what is not named is folded wholly.

    Kernels are pipelined for `clock_mhz` on `device` (None: not at all). A map behind a layer that nothing else
    reads is that layer's tail. Raises `Unsupported`, naming the layer, for what streams cannot do yet.
    """

    device: Device
    clock_mhz: float | None = None
    foldings: Mapping[str, Folding] = field(default_factory=dict[str, Folding])
    share: Share = field(default_factory=Share)

    def __call__(self, program: Graph) -> Dataflow:
        """The dataflow program with the same function, without buffers."""
        return Placer(self, program).build()


class Placer:
    """One placement under way: the streams made so far, and the words that the rules of `place` use."""

    def __init__(self, options: Place, program: Graph) -> None:
        self.options = options
        self.program = program
        self.tails = Tails(options.device, options.clock_mhz, options.share)
        self.builder = DataflowBuilder()
        self.readers = program.consumers()
        self.at: dict[int, int] = {}
        self.converted: dict[tuple[int, int], int] = {}

    def build(self) -> Dataflow:
        """All layers, one after the other."""
        alive = self.program.live()
        for position, node in enumerate(self.program.nodes):
            if position in self.at or isinstance(node.op, Constant):
                continue
            if isinstance(node.op, Input):
                self.at[position] = self.source(node)
            elif alive[position]:
                if not any(a in self.at for a in node.args):
                    raise Unsupported(
                        "what no input reaches", where=f"layer '{node.origin.layer or node.name}'",
                        why="streams carry what comes in", remedy='use architecture="parallel", which folds constants',
                    )  # fmt: skip
                last, then = self.tail_of(position)
                self.at[last] = place(node.op, self, node, self.program.nodes[last], then)
        for position in self.program.outputs:
            if position not in self.at:
                node = self.program.nodes[position]
                raise Unsupported("an output that no input reaches", where=node.name, remedy="leave it out")
        outputs = [self.at[o] for o in self.program.outputs]
        return self.builder.dataflow(self.program.name, outputs)

    def source(self, node: GraphNode) -> int:
        """The stream of an input."""
        lanes = self.folding(node).lanes
        if node.type.size % lanes:
            raise Unsupported(
                f"{node.type.size} elements in words of {lanes}", where=f"input '{node.name}'",
                remedy="fold by divisors of the tensor's size",
            )  # fmt: skip
        low, high = node.type.bounds()
        flat = [a.reshape(-1, lanes) for a in (low, high)]
        ends = flat[0].min(axis=0), flat[1].max(axis=0)
        if len({(int(a), int(b)) for a, b in zip(*ends, strict=True)}) == 1:
            ends = ends[0][0], ends[1][0]
        type = Stream(node.type.shape, lanes, Ints(ends[0]), Ints(ends[1]), node.type.step)
        return self.builder.source(type, node.name)

    def folding(self, node: GraphNode) -> Folding:
        """How a layer is folded; one element at a time where nothing is told."""
        return self.options.foldings.get(node.name, Folding())

    def told_lanes(self, node: GraphNode) -> int | None:
        """The lanes that the folding names for a node; None where it names none."""
        found = self.options.foldings.get(node.name)
        return None if found is None else found.lanes

    def tail_of(self, position: int) -> tuple[int, Map | None]:
        """The node whose value a layer yields, and the map that makes it from the layer's own."""
        node = self.program.nodes[position]
        if isinstance(node.op, Map | Reshape) or position in self.program.outputs or len(self.readers[position]) != 1:
            return position, None
        reader = self.readers[position][0]
        op = self.program.nodes[reader].op
        return (reader, op) if isinstance(op, Map) else (position, None)

    def stream(self, position: int) -> Stream:
        """The stream at a position of the dataflow program."""
        return self.builder.type(position)

    def argument(self, node: GraphNode, port: int = 0, lanes: int | None = None) -> int:
        """The stream of an argument, in words of `lanes`."""
        return self.by_lanes(self.at[node.args[port]], lanes)

    def by_lanes(self, position: int, lanes: int | None) -> int:
        """The stream at `position` in words of `lanes` (None: as it is)."""
        if lanes is None or self.stream(position).lanes == lanes:
            return position
        made, given = self.builder.nodes[position], self.stream(position)
        if given.size % lanes:
            raise Unsupported(
                f"{given.size} elements in words of {lanes}", where=f"what follows layer '{made.name}'",
                remedy="fold by divisors of the tensor's size",
            )  # fmt: skip
        if (position, lanes) not in self.converted:
            self.converted[position, lanes] = self.builder.apply(
                Convert(), [position], lanes=lanes, shape=given.shape, step=given.step, name=f"{made.name}_by{lanes}",
                origin=made.origin,
            )  # fmt: skip
        return self.converted[position, lanes]

    def put(self, op: Actor, args: list[int], node: GraphNode, result: TensorType | None = None, name: str = "") -> int:
        """Append an actor of layer `node`, whose words make up `result` (None: what it yields by itself)."""
        shape, step = (result.shape, result.step) if result is not None else (None, None)
        return self.builder.apply(op, args, shape=shape, step=step, name=name or node.name, origin=node.origin)

    def mapped(
        self, last: GraphNode, then: Map | None, lanes: int, gain: int = 1, bias: IntArray | None = None
    ) -> Mapped:
        """What turns words of a layer's own result into `last`'s: arrays by word and lane, cut to their period."""
        shape = last.type.shape
        rows = np.broadcast_to(then.rows.array if then else np.int64(0), shape).reshape(-1, lanes)
        added = np.broadcast_to(bias if bias is not None else np.int64(0), shape).reshape(-1, lanes)
        form = then.form if then else None
        told = Mapped(form, rows, gain, added)
        channel_words = max(shape[-1] // lanes, 1) if shape and shape[-1] % lanes == 0 else 1
        for period in (1, channel_words):
            if len(rows) % period == 0 and repeats(rows, period) and repeats(added, period):
                return Mapped(form, rows[:period], gain, added[:period])
        return told


def repeats(values: IntArray, period: int) -> bool:
    """Whether the rows of `values` are the first `period` ones again and again."""
    return bool((values.reshape(-1, period, values.shape[1]) == values[:period]).all())


place: Rules[[Placer, GraphNode, GraphNode, Map | None], int] = Rules("graph operator as actors")
"""(op, placer, its node, the node whose value is wanted, the map in between) -> position of the stream."""


def with_zero(word: Word, padded: bool) -> Word:
    """The range of a lane, with the zeros of padding where there is any."""
    return Word(min(word.low, 0), max(word.high, 0)) if padded else word
