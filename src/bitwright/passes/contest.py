"""`contest`: scores of which only the largest counts keep their order, not their values."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from bitwright.ir.graph import Graph, GraphBuilder
from bitwright.ir.graph.ops import Dense
from bitwright.numeric import IntArray, Ints, nonzero_digits
from bitwright.passes.rewrite import GraphNode, keep, rebuild

__all__ = ["Contest", "Scores", "contested"]

_MOST_TRIED = 1 << 12


@dataclass(frozen=True)
class Scores:
    """x @ weights + bias, one column per class; codes are worth `scale` times what they were."""

    weights: IntArray
    bias: IntArray
    scale: Fraction = Fraction(1)


@dataclass(frozen=True)
class Contest:
    """Makes the outputs that are sums over classes cheaper; their argmax stays, first of equals included.

    Differences between classes are all that counts: what is common to them goes (`contested`). A softmax
    behind them changes only where biases below the grid of the sums became ranks. Outputs that are no Dense
    of one step, or that something else reads, stay.
    """

    def __call__(self, program: Graph) -> Graph:
        """A graph whose outputs have the same argmax over their last axis."""
        readers = program.consumers()
        ends = {id(program.nodes[o]) for o in program.outputs if not readers[o]}

        def rewrite(builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
            op = node.op
            step = node.type.step.uniform
            if id(node) not in ends or not isinstance(op, Dense) or step is None or op.weights.shape[1] < 2:
                return keep(builder, node, args)
            found = contested(Scores(op.weights.array, op.bias.array))
            smaller = Dense(Ints(found.weights), Ints(found.bias))
            origin = node.origin.through("contest")
            return builder.apply(smaller, args, step=node.type.step.times(found.scale), name=node.name, origin=origin)

        return rebuild(program, rewrite)


def contested(scores: Scores) -> Scores:
    """Scores with the same argmax for every x, ties included, in fewer signed digits.

    From every row of weights one number is subtracted, chosen so that least digits remain; so from the
    biases. Then a common factor g of all weights goes: the bias g*q + f becomes q and the rank of f among
    the remainders, which is all that a tie of the sums asks for.
    """
    centered = np.array([row - _best_reference(row) for row in scores.weights], dtype=np.int64)
    centered = centered.reshape(scores.weights.shape)
    bias = scores.bias - _best_reference(scores.bias)
    factor = int(np.gcd.reduce(centered.ravel())) or 1
    whole, rest = bias // factor, bias % factor
    ranks = np.unique(rest, return_inverse=True)[1].reshape(-1)
    room = 1 << int(ranks.max(initial=0)).bit_length()
    if room >= factor:
        return Scores(centered, bias, scores.scale)
    whole = whole - _best_reference(whole) if room == 1 else whole
    return Scores(centered // factor * room, whole * room + ranks, scores.scale * Fraction(factor, room))


def _best_reference(row: IntArray) -> int:
    """What to subtract from all of `row`: least digits remain, then the smallest numbers."""
    low, high = int(row.min()), int(row.max())
    tried = np.union1d(np.arange(low, high + 1) if high - low < _MOST_TRIED else row, [0])
    left = row[:, None] - tried
    costs = nonzero_digits(left).sum(axis=0)
    sizes = np.abs(left).sum(axis=0)
    return int(tried[np.lexsort((np.abs(tried), sizes, costs))[0]])
