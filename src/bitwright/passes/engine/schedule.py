"""`ScheduleEngine`: from a graph to an engine program, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bitwright.core.errors import InvalidValue, Unsupported
from bitwright.ir.engine import Engine, Place, Region
from bitwright.ir.engine.ops import Instruction, Load, Loop, Matrix, Store, Vector, Walk
from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import Add, Conv, Dense, Input, Map, Maximum, MaxPool, Reshape, Subtract, SumPool
from bitwright.ir.netlist import Word
from bitwright.ir.program import Node
from bitwright.numeric import IntArray, Ints
from bitwright.passes.affine import Affine
from bitwright.passes.engine.draft import Draft, Shape, lanes_of
from bitwright.passes.engine.layers import Gathered, Site, gather, refused
from bitwright.passes.engine.machine import machine_for
from bitwright.passes.engine.post import alike, forms, plain, scaled
from bitwright.passes.engine.walks import first_fit
from bitwright.passes.rewrite import GraphNode
from bitwright.platforms import Device

__all__ = ["ScheduleEngine"]

_LAYERS = Dense | Conv | MaxPool | SumPool | Add | Subtract | Maximum | Map


@dataclass(frozen=True)
class ScheduleEngine:
    """One instruction a layer, with the map behind it; regions by liveness, first fit; constants laid out by words.

    `lanes` elements to a word; netlists pipelined for `clock_mhz` on `device` (None: no registers). Graphs have one
    input and one output. Raises `Unsupported`, naming the layer, for what the engine does not do: operators beyond
    linear layers, pools, Add, Subtract, Maximum and maps; maps that are not affine; reshapes other than flattening.
    """

    device: Device
    clock_mhz: float | None
    lanes: int = 8

    def __call__(self, program: Graph) -> Engine:
        """The engine program of the same function."""
        if self.lanes < 1:
            raise InvalidValue(f"{self.lanes} lanes", remedy="give 1 or more")
        if len(program.inputs) != 1 or len(program.outputs) != 1:
            raise Unsupported(
                f"{len(program.inputs)} inputs and {len(program.outputs)} outputs", where=program.name,
                why="the engine has one stream in and one out", remedy='use architecture="dataflow"',
            )  # fmt: skip
        drafts = _Drafting(program, self.lanes).made()
        return _Assembly(drafts, self).made(program.name)


class _Drafting:
    """Walks the graph; `held` says for each value which draft's region holds it."""

    def __init__(self, program: Graph, lanes: int) -> None:
        self.program, self.lanes = program, lanes
        self.readers, self.alive = program.consumers(), program.live()
        self.drafts: list[Draft] = []
        self.held: dict[int, int] = {}

    def made(self) -> list[Draft]:
        """All drafts, the last one of them stored."""
        for position, node in enumerate(self.program.nodes):
            if position in self.held or not (self.alive[position] or isinstance(node.op, Input)):
                continue
            if isinstance(node.op, Input):
                self.load(position, node)
            elif isinstance(node.op, Reshape) and node.args[0] in self.held:
                self.held[position] = self.held[node.args[0]]
            elif isinstance(node.op, _LAYERS):
                self.layer(position, node)
            else:
                raise refused(node, "it has no instruction for that")
        last = self.held[self.program.outputs[0]]
        if last != len(self.drafts) - 1 or not self.drafts[last].stored:
            self.copy(self.program.nodes[self.program.outputs[0]], last)
        return self.drafts

    def load(self, position: int, node: GraphNode) -> None:
        """The input as it comes in."""
        shape, (low, high) = _seen(node), _ends(node)
        lanes = lanes_of(shape[2], self.lanes, streamed=True)
        self.held[position] = len(self.drafts)
        self.drafts.append(Draft(node.name, node.origin, (), shape, lanes, Word(int(low.min()), int(high.max()))))

    def leaves(self, position: int) -> bool:
        """Whether a value does nothing but leave (perhaps reshaped)."""
        readers = [r for r in self.readers[position] if self.alive[r]]
        if position in self.program.outputs:
            return not readers
        return len(readers) == 1 and isinstance(self.program.nodes[readers[0]].op, Reshape) and self.leaves(readers[0])

    def layer(self, position: int, node: GraphNode) -> None:
        """An instruction for a node, and for the map behind it where nobody else reads the node."""
        end, readers = position, [r for r in self.readers[position] if self.alive[r]]
        follows = len(readers) == 1 and position not in self.program.outputs and not isinstance(node.op, Map)
        if follows and isinstance(self.program.nodes[readers[0]].op, Map):
            end = readers[0]
        stored = self.leaves(end)
        if any(a not in self.held for a in node.args):
            raise refused(node, "one of its arguments is a constant")
        args = tuple(self.held[a] for a in node.args)
        given = self.program.nodes[node.args[0]].type.shape
        site = Site(node, given, tuple(self.drafts[a] for a in args), self.lanes, stored)
        found = gather(node.op, site)
        last = self.program.nodes[end]
        post, even = self.posts(node, last, found)
        self.held[position] = self.held[end] = len(self.drafts)
        self.drafts.append(
            Draft(
                last.name, last.origin, args, found.shape, found.lanes, _kept(last), found.walk, found.weights,
                found.total, tuple(post), even, found.apart, stored,
            )
        )  # fmt: skip

    def posts(self, node: GraphNode, last: GraphNode, gathered: Gathered) -> tuple[list[Affine], bool]:
        """The last step of each channel: the layer's gain and bias, then the map `last` (or nothing)."""
        shape, gain = gathered.shape, gathered.gain
        source = self.program.nodes[last.args[0]] if isinstance(last.op, Map) else node
        low, high = _by_channel(source, shape)
        if isinstance(last.op, Map):
            rows = np.broadcast_to(last.op.rows.array, last.type.shape).reshape(-1, shape[2])
            if (rows != rows[0]).any():
                raise refused(last, "its function differs from pixel to pixel")
            found = forms(last.op.form, rows[0].tolist(), low, high, f"layer '{last.origin.layer or last.name}'")
        else:
            found = plain(low, high)
        least, most = _by_channel(last, shape)
        ends = zip(found, gathered.bias.tolist(), least.tolist(), most.tolist(), strict=True)
        return alike([
            replace(one, mul=one.mul * gain, add=one.add + one.mul * b, low=max(one.low, lo), high=min(one.high, hi))
            for one, b, lo, hi in ends
        ])  # fmt: skip

    def copy(self, node: GraphNode, source: int) -> None:
        """A region once more, where results lie."""
        arg = self.drafts[source]
        identity = Dense(Ints(np.eye(arg.shape[2], dtype=np.int64)), Ints(np.zeros(arg.shape[2], np.int64)))
        site = Site(Node(identity, (), node.type, node.name, node.origin), arg.shape, (arg,), self.lanes, True)
        found = gather(identity, site)
        post = tuple(plain(*_by_channel(node, arg.shape)))
        self.drafts.append(
            Draft(
                f"{node.name}_copy", node.origin, (source,), arg.shape, found.lanes, _kept(node), found.walk,
                found.weights, found.total, post, False, False, True,
            )
        )  # fmt: skip


def _seen(node: GraphNode) -> Shape:
    """Rows, columns, channels of a value."""
    shape = node.type.shape
    if len(shape) > 3:
        raise refused(node, f"{len(shape)} axes; the engine has rows, columns and channels")
    rows, columns, channels = (1,) * (3 - len(shape)) + shape
    return rows, columns, channels


def _ends(node: GraphNode) -> tuple[IntArray, IntArray]:
    return node.type.low.array, node.type.high.array


def _kept(node: GraphNode) -> Word:
    low, high = _ends(node)
    return Word(int(low.min()), int(high.max()))


def _by_channel(node: GraphNode, shape: Shape) -> tuple[IntArray, IntArray]:
    """The range of each channel over all pixels."""
    low, high = (a.reshape(-1, shape[2]) for a in node.type.bounds())
    return low.min(axis=0), high.max(axis=0)


class _Assembly:
    """Drafts on their way to a program: constants, addresses, the machine."""

    def __init__(self, drafts: Sequence[Draft], options: ScheduleEngine) -> None:
        self.drafts, self.options = drafts, options
        lanes = options.lanes
        self.shift = max((a.shift for d in drafts for a in d.post), default=0)
        self.weights: list[IntArray] = [np.eye(lanes, dtype=np.int64)[None]]
        self.parameters: list[IntArray] = []

    def made(self, name: str) -> Engine:
        """The program."""
        regions = first_fit(self.drafts)
        nodes: list[Node[Instruction, Region]] = []
        for draft, region in zip(self.drafts, regions, strict=True):
            op = self.instruction(draft, [regions[a] for a in draft.args])
            nodes.append(Node(op, draft.args, region, draft.name, draft.origin))
        final = len(nodes) - 1
        nodes.append(Node(Store(), (final,), regions[final], f"{nodes[final].name}_store", nodes[final].origin))
        weights, parameters = np.concatenate(self.weights), np.concatenate(self.parameters)
        features = max((r.end for r in regions if r.place is Place.FEATURES), default=0)
        machine = machine_for(
            self.drafts, weights, parameters, self.shift, features, self.options.device, self.options.clock_mhz,
            self.options.lanes,
        )  # fmt: skip
        return Engine(name, tuple(nodes), (final + 1,), machine, Ints(weights), Ints(parameters))

    def instruction(self, draft: Draft, args: list[Region]) -> Instruction:
        """A draft with addresses; its constants go behind those of the others."""
        if draft.walk is None:
            return Load()
        walk = _placed(draft.walk, args, draft.apart)
        parameters = sum(map(len, self.parameters))
        self.parameters.append(self.words_of(draft))
        if draft.weights is None:
            return Vector(walk, parameters, draft.half_even)
        if not len(draft.weights):
            return Matrix(walk, 0, parameters, True, draft.half_even)
        weights = sum(map(len, self.weights))
        self.weights.append(draft.weights)
        return Matrix(walk, weights, parameters, False, draft.half_even)

    def words_of(self, draft: Draft) -> IntArray:
        """Parameters (blocks, lanes, 4); zeros where no channel is."""
        words = np.zeros((draft.depth, self.options.lanes, 4), np.int64)
        flat = np.array([scaled(one, self.shift) for one in draft.post], np.int64)
        short = draft.depth * draft.lanes - len(flat)
        words[:, : draft.lanes] = np.pad(flat, ((0, short), (0, 0))).reshape(draft.depth, draft.lanes, 4)
        return words


def _placed(walk: Walk, args: list[Region], apart: bool) -> Walk:
    start = replace(walk.start, address=walk.start.address + args[0].address)
    if not apart:
        return replace(walk, start=start)
    row, column, block, first, second, word = walk.loops
    second = Loop(second.extent, args[1].address - args[0].address)
    return Walk(start, walk.grid, (row, column, block, first, second, word))
