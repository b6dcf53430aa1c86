"""Linear layers that read one tensor: branches, and the gates of a recurrent cell, whose sums have terms in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np

from bitwright.ir.graph.ops import Conv, Dense, GraphOp
from bitwright.numeric import Ints
from bitwright.passes.rewrite import GraphNode

__all__ = ["joined", "siblings"]


def siblings(nodes: Sequence[GraphNode]) -> dict[int, list[int]]:
    """Positions of layers that take the same products of the same tensor, under the first of them; two at least.

    Convolutions do so through the same windows, and not in groups.
    """
    found: dict[Hashable, list[int]] = defaultdict(list)
    for position, node in enumerate(nodes):
        if isinstance(node.op, Dense | Conv) and (windows := _windows(node.op)) is not None:
            found[windows, node.args].append(position)
    return {places[0]: places for places in found.values() if len(places) > 1}


def _windows(op: Dense | Conv) -> Hashable | None:
    """What a layer multiplies with its weights; None for groups."""
    if isinstance(op, Dense):
        return op.weights.array.shape[:-1]
    return (op.weights.array.shape[:-1], op.strides, op.pads, op.dilation) if op.groups == 1 else None


def joined(ops: Sequence[GraphOp]) -> Dense | Conv:
    """One layer with the outputs of all `ops` (siblings), in order."""
    layers = [op for op in ops if isinstance(op, Dense | Conv)]
    weights = np.concatenate([op.weights.array for op in layers], axis=-1)
    return replace(layers[0], weights=Ints(weights), bias=Ints(np.concatenate([op.bias.array for op in layers])))
