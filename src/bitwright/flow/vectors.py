"""Test vectors: seeded random codes and the corners where hardware breaks first."""

from __future__ import annotations

import numpy as np

from bitwright.ir.graph import Graph, TensorType
from bitwright.numeric import IntArray

__all__ = ["corner_codes", "random_codes"]


def random_codes(graph: Graph, count: int, seed: int) -> list[IntArray]:
    """`count` samples of uniform codes for every input."""
    rng = np.random.default_rng(seed)
    return [rng.integers(*_ends(node.type), size=(count, *node.type.shape)) for node in graph.inputs]


def _ends(type: TensorType) -> tuple[IntArray, IntArray]:
    low, high = type.bounds()
    return low, high + 1


def corner_codes(graph: Graph, seed: int, flips: int = 32) -> list[IntArray]:
    """All-low, all-high, all-zero, alternating and random patterns of lowest and highest codes."""
    rng = np.random.default_rng(seed)
    out: list[IntArray] = []
    for node in graph.inputs:
        low, high = node.type.bounds()
        checker = np.indices(node.type.shape).sum(axis=0) % 2 == 0 if node.type.shape else np.array(True)
        zero = np.clip(0, low, high)
        fixed = [low, high, zero, np.where(checker, low, high), np.where(checker, high, low), np.clip(1, low, high)]
        picks = rng.random((flips, *node.type.shape)) < 0.5
        out.append(np.concatenate([np.stack(fixed), np.where(picks, low, high)]).astype(np.int64))
    return out
