"""`Mix`: a graph as streams, with a stretch of its layers on an engine between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bitwright.core.errors import InvalidValue
from bitwright.core.origin import Origin
from bitwright.ir.dataflow import Dataflow, DataflowBuilder, Execute
from bitwright.ir.dataflow.ops import Convert, Source
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Constant, Input, Map
from bitwright.ir.netlist import Word
from bitwright.numeric import Ints
from bitwright.passes.engine import ScheduleEngine
from bitwright.passes.rewrite import keep
from bitwright.passes.streaming.folding import Folding
from bitwright.passes.streaming.placer import Place

__all__ = ["ENGINE", "Mix", "Parts", "Segment", "cuts", "parts_of"]

ENGINE = "engine"
"""What the actor is called that the layers of a segment become."""


@dataclass(frozen=True, slots=True)
class Segment:
    """The layers between two values of a graph, by their nodes' names: those behind `given`, up to `made` itself."""

    given: str
    made: str

    def __str__(self) -> str:
        return f"behind {self.given}, up to {self.made}"


@dataclass(frozen=True, slots=True)
class Parts:
    """A graph in pieces that follow each other; `tail` is None where the segment ends it."""

    head: Graph
    middle: Graph
    tail: Graph | None


@dataclass(frozen=True)
class Mix:
    """Head and tail of a graph by `place`, the layers of `segment` as one `Execute` of an engine with `lanes`.

    Raises `Unsupported`, naming the layer, for what streams or the engine cannot do, and `InvalidValue` where the
    segment's ends are no cuts of the graph.
    """

    place: Place
    segment: Segment
    lanes: int = 16

    def __call__(self, program: Graph) -> Dataflow:
        """The dataflow program with the same function, without buffers."""
        builder = DataflowBuilder()
        taken = _appended(builder, self.place(parts_of(program, self.segment).head), None)[0]
        words = builder.type(taken).lane_words()
        parts = parts_of(program, self.segment, Word(min(w.low for w in words), max(w.high for w in words)))
        engine = ScheduleEngine(self.place.device, self.place.clock_mhz, self.lanes)(parts.middle)
        made = parts.middle.nodes[parts.middle.outputs[0]]
        given = _in_lanes(builder, taken, engine.inputs[0].type.lanes)
        unit = Execute(replace(engine, name=f"{program.name}_{ENGINE}"))
        shape, step = made.type.shape, made.type.step
        at = builder.apply(unit, [given], shape=shape, step=step, name=ENGINE, origin=Origin(ENGINE))
        outputs = [at] if parts.tail is None else _appended(builder, self._tail(parts.tail, builder.type(at).lanes), at)
        return builder.dataflow(program.name, outputs)

    def _tail(self, tail: Graph, lanes: int) -> Dataflow:
        """Its actors; what it reads comes in the engine's words."""
        given = {tail.inputs[0].name: Folding(lanes)}
        return replace(self.place, foldings={**self.place.foldings, **given})(tail)


def _in_lanes(builder: DataflowBuilder, position: int, lanes: int) -> int:
    """The stream in words of `lanes`."""
    node = builder.nodes[position]
    if node.type.lanes == lanes:
        return position
    return builder.apply(
        Convert(), [position], lanes=lanes, shape=node.type.shape, step=node.type.step, name=f"{node.name}_by{lanes}",
        origin=node.origin,
    )  # fmt: skip


def _appended(builder: DataflowBuilder, program: Dataflow, source: int | None) -> list[int]:
    """The actors of `program` behind those there are, its source (if `source` is told) that stream; the outputs."""
    place: dict[int, int] = {}
    for position, node in enumerate(program.nodes):
        if source is not None and isinstance(node.op, Source):
            place[position] = _in_lanes(builder, source, node.type.lanes)
            continue
        args = [place[a] for a in node.args]
        place[position] = builder.add(node.op, args, node.type, node.name, node.origin)
    return [place[o] for o in program.outputs]


def cuts(program: Graph) -> list[int]:
    """Positions of the values that all later ones depend on the earlier ones through, in order.

    All inputs come before a cut, and it is no layer whose map alone reads it: that map belongs to the layer.
    """
    readers, alive = program.consumers(), program.live()
    after = max(i for i, node in enumerate(program.nodes) if isinstance(node.op, Input))
    before = min(program.outputs)
    found: list[int] = []
    reach = 0
    for position, node in enumerate(program.nodes):
        if not alive[position] or isinstance(node.op, Constant):
            continue
        own = [r for r in readers[position] if alive[r]]
        fused = len(own) == 1 and isinstance(program.nodes[own[0]].op, Map) and not isinstance(node.op, Map | Input)
        if after <= position <= before and reach <= position and not fused:
            found.append(position)
        reach = max(reach, *own, position)
    return found


def parts_of(program: Graph, segment: Segment, loaded: Word | None = None) -> Parts:
    """The three pieces; the tail's input may take whatever the engine's words may, the same in all lanes.

    loaded: what the words that come to the engine may hold, which streams may know less exactly than the graph.
    """
    names = {program.nodes[c].name: c for c in cuts(program)}
    unknown = [name for name in (segment.given, segment.made) if name not in names]
    if unknown or names[segment.given] >= names[segment.made]:
        raise InvalidValue(
            f"no layers lie {segment}", where=program.name,
            why=f"it can be cut at {', '.join(names)}", remedy="name two of these, in their order",
        )  # fmt: skip
    given, made = names[segment.given], names[segment.made]
    head = Graph(program.name, program.nodes[: given + 1], (given,))
    middle = _piece(program, given, made, _holding(program.nodes[given].type, loaded), [made])
    if program.outputs == (made,):
        return Parts(head, middle, None)
    left = middle.nodes[middle.outputs[0]].type
    united = _united(left, _range(left))
    return Parts(head, middle, _piece(program, made, len(program.nodes) - 1, united, program.outputs))


def _range(type: TensorType) -> Word:
    return Word(int(type.low.array.min()), int(type.high.array.max()))


def _united(type: TensorType, word: Word) -> TensorType:
    """The tensor with the same range everywhere."""
    return TensorType(type.shape, Ints(word.low), Ints(word.high), type.step)


def _holding(type: TensorType, word: Word | None) -> TensorType:
    """The tensor, wide enough for `word`."""
    own = _range(type)
    if word is None or (own.low <= word.low and word.high <= own.high):
        return type
    return _united(type, Word(min(own.low, word.low), max(own.high, word.high)))


def _piece(program: Graph, given: int, last: int, type: TensorType, outputs: Sequence[int]) -> Graph:
    """The nodes behind `given` up to `last`, `given` itself as an input of `type`."""
    builder, alive = GraphBuilder(), program.live()
    place = {given: builder.input(type, program.nodes[given].name)}
    for position, node in enumerate(program.nodes[: last + 1]):
        constant = isinstance(node.op, Constant) and alive[position]
        if constant or (position > given and alive[position]):
            place[position] = keep(builder, node, [place[a] for a in node.args])
    return builder.graph(program.name, [place[o] for o in outputs])
