"""`prune`: what no one reads, what is always the same number and what is computed twice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense
from bitwright.numeric import IntArray, Ints
from bitwright.passes.features import Flags, equal_features, first_of, is_writable, read_features, width
from bitwright.passes.rewrite import GraphNode, keep, rebuild

__all__ = ["Prune"]

Linear = Dense | Conv | ConvTranspose

_MOST = 1 << 60


@dataclass(frozen=True)
class Prune:
    """Sums read each feature once: equal ones with their weights added, constant ones in the bias; unread sums go.

    A feature is a place on the last axis. One that nothing reads (any more) becomes a constant, which takes
    no hardware; shapes stay, inputs stay as ports.
    """

    def __call__(self, program: Graph) -> Graph:
        """The same outputs with fewer features computed."""
        return _cleared(_merged(program))


@dataclass
class _Known:
    """For every node of a builder: its equal features, and the number of each constant one."""

    builder: GraphBuilder
    first: list[IntArray] = field(default_factory=list[IntArray])
    constant: list[dict[int, int]] = field(default_factory=list[dict[int, int]])

    def of(self, position: int) -> tuple[IntArray, dict[int, int]]:
        """First equal feature of each, and {feature: number} of the constant ones."""
        while len(self.first) <= position:
            node = self.builder.nodes[len(self.first)]
            types = [self.builder.type(a) for a in node.args]
            found = equal_features(node.op, [self.first[a] for a in node.args], types, node.type)
            numbers = _numbers(node.type)
            self.constant.append(numbers)
            keys = [(numbers.get(c), -1 if c in numbers else f) for c, f in enumerate(found.tolist())]
            self.first.append(first_of(keys))
        return self.first[position], self.constant[position]


def _numbers(type: TensorType) -> dict[int, int]:
    """The features that are one number everywhere."""
    low, high = (end.reshape(-1, width(type)) for end in type.bounds())
    fixed = (low == high).all(axis=0) & (low == low[0]).all(axis=0)
    return {int(c): int(low[0, c]) for c in np.flatnonzero(fixed)}


def _merged(program: Graph) -> Graph:
    """Weights of equal features added up at the first one, those of constant features moved into the bias."""
    known: list[_Known] = []

    def rewrite(builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
        if not known:
            known.append(_Known(builder))
        if not isinstance(node.op, Linear) or (not isinstance(node.op, Dense) and node.op.groups > 1):
            return keep(builder, node, args)
        if is_writable(node.op):
            return keep(builder, node, args)
        first, numbers = known[0].of(args[0])
        return keep(builder, node, args, _gathered(node.op, first, numbers))

    return rebuild(program, rewrite)


def _gathered(op: Linear, first: IntArray, numbers: dict[int, int]) -> Linear:
    """`op` reading only first features; constants that padding does not interrupt are in its bias."""
    weights = np.zeros(op.weights.shape, dtype=np.int64)
    np.add.at(np.moveaxis(weights, -2, 0), first, np.moveaxis(op.weights.array, -2, 0))
    bias = op.bias.array.copy()
    everywhere = isinstance(op, Dense) or (isinstance(op, Conv) and not np.any(op.pads))
    for feature, number in numbers.items():
        mine = weights[..., feature, :]
        moved = number * mine.reshape(-1, mine.shape[-1]).sum(axis=0)
        if number == 0 or (everywhere and np.abs(moved.astype(np.float64) + bias).max() < _MOST):
            bias += moved
            weights[..., feature, :] = 0
    return replace(op, weights=Ints(weights), bias=Ints(bias))


def _cleared(program: Graph) -> Graph:
    """Sums of features that no one reads as constants."""
    read = _read(program)
    unread = {id(node): ~flags for node, flags in zip(program.nodes, read, strict=True) if not flags.all()}

    def rewrite(builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
        if id(node) not in unread:
            return keep(builder, node, args)
        op = node.op
        if isinstance(op, Linear) and not is_writable(op):
            op = _without(op, node.type, unread[id(node)])
        same = op == node.op and not any(id(program.nodes[a]) in unread for a in node.args)
        return keep(builder, node, args, op, "" if same else "prune")

    return rebuild(program, rewrite)


def _read(program: Graph) -> list[Flags]:
    """For each node the features that reach an output."""
    read = [np.zeros(width(node.type), dtype=bool) for node in program.nodes]
    for position in program.outputs:
        read[position][:] = True
    for node, flags in zip(reversed(program.nodes), reversed(read), strict=True):
        if flags.any():
            wanted = read_features(node.op, flags, [program.nodes[a].type for a in node.args])
            for argument, features in zip(node.args, wanted, strict=True):
                read[argument] |= features
    return read


def _without(op: Linear, type: TensorType, unread: Flags) -> Linear:
    """`op` with constants for the unread columns: numbers of their old ranges, which whatever follows can take."""
    low, high = (end.reshape(-1, width(type)) for end in type.bounds())
    least, most = low.max(axis=0), high.min(axis=0)
    gone = unread & (least <= most)
    weights = np.where(gone, 0, op.weights.array)
    bias = np.where(gone, np.clip(0, least, most), op.bias.array)
    return replace(op, weights=Ints(weights), bias=Ints(bias))
