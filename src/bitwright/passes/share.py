"""`share`: a constant matrix times a vector as a graph of shared shift-and-add steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.core.native import adder_graph
from bitwright.numeric import IntArray

__all__ = ["AdderGraph", "Share"]


@dataclass(frozen=True)
class AdderGraph:
    """Steps value[n + i] = (value[a] << sa) + sign * (value[b] << sb); outputs (index, shift, sign).

    `steps` (k, 5) rows (a, sa, b, sb, sign); `outputs` (m, 3) rows, index -1 for constant zero.
    """

    inputs: int
    steps: IntArray
    outputs: IntArray

    def __call__(self, x: IntArray) -> IntArray:
        """x (batch, inputs) times the matrix, (batch, outputs)."""
        values = [x[:, i] for i in range(self.inputs)]
        for a, sa, b, sb, sign in self.steps.tolist():
            values.append((values[a] << sa) + sign * (values[b] << sb))
        zero = np.zeros(len(x), dtype=np.int64)
        columns = [zero if i < 0 else sign * (values[i] << shift) for i, shift, sign in self.outputs.tolist()]
        return np.stack(columns, axis=1) if columns else np.zeros((len(x), 0), dtype=np.int64)


@dataclass(frozen=True)
class Share:
    """Builds the adder graph of an integer matrix (inputs, outputs) for inputs in [low, high].

    `max_depth` bounds the adders on any path; -1 leaves it to the least-depth trees.
    """

    max_depth: int = -1

    def __call__(self, matrix: IntArray, low: IntArray, high: IntArray) -> AdderGraph:
        """The shared graph; exact for every input in the range (inputs that are always zero are left out)."""
        steps, outputs = adder_graph(
            np.ascontiguousarray(matrix, dtype=np.int64),
            np.ascontiguousarray(low, dtype=np.int64),
            np.ascontiguousarray(high, dtype=np.int64),
            self.max_depth,
        )
        return AdderGraph(matrix.shape[0], steps, outputs)
