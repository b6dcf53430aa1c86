"""`Drafting`: walks a graph and says what instructions will make each tensor, before memory is given out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import (
    Add,
    Concat,
    Constant,
    Conv,
    Dense,
    Input,
    Map,
    Maximum,
    MaxPool,
    Minimum,
    Multiply,
    Reshape,
    Subtract,
    SumPool,
)
from bitwright.ir.netlist import Word
from bitwright.ir.program import Node
from bitwright.numeric import IntArray, Ints
from bitwright.passes.engine.draft import Draft, Shape, lanes_of
from bitwright.passes.engine.layers import Gathered, Site, gather, refused
from bitwright.passes.engine.moves import MOVES
from bitwright.passes.engine.post import Last, alike, forms, plain
from bitwright.passes.rewrite import GraphNode

__all__ = ["Drafting"]

_LAYERS = Dense | Conv | MaxPool | SumPool | Add | Subtract | Maximum | Minimum | Multiply | Map
_MOST_ELEMENTS = 1 << 18


class Drafting:
    """`held` says for each value which draft's region holds it, and in which shape it is read."""

    def __init__(self, program: Graph, lanes: int) -> None:
        self.program, self.lanes = program, lanes
        self.readers, self.alive = program.consumers(), program.live()
        self.drafts: list[Draft] = []
        self.held: dict[int, tuple[int, Shape]] = {}
        self.packed: dict[int, int] = {}

    def made(self) -> list[Draft]:
        """All drafts, the last one of them stored."""
        for position, node in enumerate(self.program.nodes):
            if position in self.held or not (self.alive[position] or isinstance(node.op, Input)):
                continue
            if isinstance(node.op, Input):
                self.load(position, node)
            elif isinstance(node.op, Reshape) and node.args[0] in self.held:
                self.held[position] = self.reshaped(node)
            elif isinstance(node.op, _LAYERS | MOVES):
                self.layer(position, node)
            elif not isinstance(node.op, Constant):
                raise refused(node, "it has no instruction for that")
        last, _ = self.held[self.program.outputs[0]]
        if last != len(self.drafts) - 1 or not self.drafts[last].stored:
            self.copy(self.program.nodes[self.program.outputs[0]], last)
        return self.drafts

    def load(self, position: int, node: GraphNode) -> None:
        """The input as it comes in."""
        shape = _seen(node)
        lanes = lanes_of(shape[2], self.lanes, streamed=True)
        self.put(position, Draft(node.name, node.origin, (), shape, lanes, _kept(node)))

    def put(self, position: int, draft: Draft) -> None:
        """A draft that holds the value at `position`."""
        self.held[position] = len(self.drafts), draft.shape
        self.drafts.append(draft)

    def reshaped(self, node: GraphNode) -> tuple[int, Shape]:
        """The same words, read as pixels of the same channels in other rows and columns; else as they lie."""
        at, shape = self.held[node.args[0]]
        wanted = node.type.shape
        return at, _three(wanted) if 0 < len(wanted) <= 3 and wanted[-1] == shape[2] else shape

    def leaves(self, position: int) -> bool:
        """Whether a value does nothing but leave (perhaps reshaped)."""
        readers = [r for r in self.readers[position] if self.alive[r]]
        if position in self.program.outputs:
            return not readers
        return len(readers) == 1 and isinstance(self.program.nodes[readers[0]].op, Reshape) and self.leaves(readers[0])

    def layer(self, position: int, node: GraphNode) -> None:
        """Instructions for a node, and for the map behind it where nobody else reads the node."""
        end, readers = position, [r for r in self.readers[position] if self.alive[r]]
        args, site = self.site(node)
        follows = len(readers) == 1 and position not in self.program.outputs and not isinstance(node.op, Map)
        bounded = isinstance(node.op, Maximum | Minimum) and site.constant is not None
        if follows and isinstance(self.program.nodes[readers[0]].op, Map) and not bounded:
            end = readers[0]
        last, stored = self.program.nodes[end], self.leaves(end)
        if not isinstance(node.op, Dense | Conv | MOVES):
            # What keeps its argument's words can leave only if they are those of a stream.
            stored = stored and site.args[0].lanes == lanes_of(site.args[0].shape[2], self.lanes, streamed=True)
        found = gather(node.op, replace(site, streamed=stored and not isinstance(node.op, MOVES)))
        if found.order is not None:
            args, found = self.chosen(node, args, found, stored)
        draft = replace(self.finished(node, last, args, found), stored=stored and not found.pieces)
        self.held[position] = len(self.drafts), draft.shape
        self.put(end, draft)

    def site(self, node: GraphNode) -> tuple[tuple[int, ...], Site]:
        """The node with its arguments' drafts, in words alike, and the constant among them."""
        live = [a for a in node.args if a in self.held]
        fixed = [a for a in node.args if a not in self.held]
        constant, swapped = None, False
        if fixed:
            one = self.program.nodes[fixed[0]].op
            if len(live) != 1 or not isinstance(one, Constant):
                raise refused(node, "one of its arguments is a constant")
            constant, swapped = one.values.array, node.args[0] == fixed[0]
        if not self.program.nodes[live[0]].type.shape:
            raise refused(node, "its argument is a single number without axes")
        places = [self.held[a] for a in live]
        beside = isinstance(node.op, Concat) and node.op.axis == len(node.type.shape) - 1
        if len({self.drafts[at].lanes for at, _ in places}) > 1 and not beside:
            places = [(self.repacked(node, at), shape) for at, shape in places]
        drafts = tuple(replace(self.drafts[at], shape=shape) for at, shape in places)
        given = self.program.nodes[live[0]].type.shape
        site = Site(node, given, drafts, self.lanes, False, constant=constant, swapped=swapped)
        return tuple(at for at, _ in places), site

    def repacked(self, node: GraphNode, at: int) -> int:
        """A draft in words as full as those of a layer's result."""
        arg = self.drafts[at]
        if arg.lanes == lanes_of(arg.shape[2], self.lanes, streamed=False):
            return at
        if at not in self.packed:
            found = self.dense(node, arg, np.eye(arg.shape[2], dtype=np.int64), streamed=False)
            post, _, _ = alike(plain(*(np.full(arg.shape[2], end) for end in (arg.kept.low, arg.kept.high))))
            self.packed[at] = len(self.drafts)
            self.drafts.append(
                Draft(
                    f"{arg.name}_packed", arg.origin, (at,), found.shape, found.lanes, arg.kept, found.walk,
                    found.weights, found.total, tuple(post), fixed=True,
                )
            )  # fmt: skip
        return self.packed[at]

    def finished(self, node: GraphNode, last: GraphNode, args: tuple[int, ...], found: Gathered) -> Draft:
        """What was gathered, with the last step."""
        ends, each = self.posts(node, last, found)
        post, even, steps = alike(ends)
        if each and found.pieces:
            raise refused(last, "its function differs from pixel to pixel")
        return Draft(
            last.name, last.origin, args, found.shape, found.lanes, _kept(last), found.walk, found.weights, found.total,
            tuple(post), even, found.apart, pieces=found.pieces, steps=steps, each=each, fixed=found.fixed,
            signs=found.signs,
        )  # fmt: skip

    def posts(self, node: GraphNode, last: GraphNode, found: Gathered) -> tuple[list[Last], bool]:
        """The last step of each channel, or of each element: the layer's gain and bias, then the map (or nothing)."""
        shape = found.shape
        source = self.program.nodes[last.args[0]] if isinstance(last.op, Map) else node
        rows = np.zeros(1, np.int64)
        if isinstance(last.op, Map):
            rows = np.broadcast_to(last.op.rows.array, last.type.shape).reshape(-1, shape[2])
            rows = rows[0] if (rows == rows[:1]).all() else rows.reshape(shape)
        numbers = [np.asarray(n) for n in (rows, found.bias, found.gain, found.least, found.most) if n is not None]
        each = any(n.ndim == 3 for n in numbers)
        if each and shape[0] * shape[1] * shape[2] > _MOST_ELEMENTS:
            raise refused(last, "too many elements with functions of their own")

        def spread(part: IntArray | int) -> IntArray:
            return np.broadcast_to(part, shape if each else shape[2:]).reshape(-1)

        low, high = _ranges(source, shape, each)
        if isinstance(last.op, Map):
            where = f"layer '{last.origin.layer or last.name}'"
            made = forms(last.op.form, spread(rows).tolist(), low, high, where)
        else:
            least = low if found.least is None else spread(found.least)
            made = plain(least, high if found.most is None else spread(found.most))
        terms = (made, spread(found.gain).tolist(), spread(found.bias).tolist(), *_ranges(last, shape, each))
        return [one.behind(g, b).within(int(lo), int(hi)) for one, g, b, lo, hi in zip(*terms, strict=True)], each

    def chosen(
        self, node: GraphNode, args: tuple[int, ...], found: Gathered, streamed: bool
    ) -> tuple[tuple[int, ...], Gathered]:
        """The channels `found.order` of what the pieces make: they are a tensor of their own, then selected."""
        assert found.order is not None
        channels = found.shape[2]
        low, high = (np.full(channels, end) for end in (found.total.low, found.total.high))
        post, _, _ = alike(plain(low, high))
        name = f"{node.name}_words"
        raw = Draft(
            name, node.origin, args, found.shape, found.lanes, found.total, found.walk, None, found.total, tuple(post),
            pieces=found.pieces, fixed=True,
        )  # fmt: skip
        self.drafts.append(raw)
        weights = np.zeros((channels, len(found.order)), np.int64)
        weights[found.order, np.arange(len(found.order))] = 1
        made = self.dense(node, raw, weights, streamed=streamed)
        return (len(self.drafts) - 1,), replace(made, fixed=True)

    def dense(self, node: GraphNode, arg: Draft, weights: IntArray, *, streamed: bool) -> Gathered:
        """Constant sums of an argument's channels."""
        op = Dense(Ints(weights), Ints(np.zeros(weights.shape[1], np.int64)))
        site = Site(Node(op, (), node.type, node.name, node.origin), arg.shape, (arg,), self.lanes, streamed)
        return gather(op, site)

    def copy(self, node: GraphNode, source: int) -> None:
        """A region once more, where results lie."""
        arg = self.drafts[source]
        found = self.dense(node, arg, np.eye(arg.shape[2], dtype=np.int64), streamed=True)
        least, most = _ranges(node, arg.shape, each=False)
        post, _, _ = alike(plain(least, most))
        self.drafts.append(
            Draft(
                f"{node.name}_copy", node.origin, (source,), arg.shape, found.lanes, _kept(node), found.walk,
                found.weights, found.total, tuple(post), stored=True, fixed=True,
            )
        )  # fmt: skip


def _three(shape: tuple[int, ...]) -> Shape:
    rows, columns, channels = (1,) * (3 - len(shape)) + shape
    return rows, columns, channels


def _seen(node: GraphNode) -> Shape:
    """Rows, columns, channels of a value."""
    if len(node.type.shape) > 3:
        raise refused(node, f"{len(node.type.shape)} axes; the engine has rows, columns and channels")
    return _three(node.type.shape)


def _kept(node: GraphNode) -> Word:
    low, high = node.type.low.array, node.type.high.array
    return Word(int(low.min()), int(high.max()))


def _ranges(node: GraphNode, shape: Shape, each: bool) -> tuple[IntArray, IntArray]:
    """The range of each element, or of each channel over all pixels."""
    low, high = (a.reshape(-1, shape[2]) for a in node.type.bounds())
    return (low.reshape(-1), high.reshape(-1)) if each else (low.min(axis=0), high.max(axis=0))
