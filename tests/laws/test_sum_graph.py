"""The theorems of shared three-operand sums: they are the matrix, and as deep as allowed."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from bitwright.core import native, twin

MAKERS = [pytest.param(twin.sum_graph, range(-2, 3), id="python")]
if native.HAVE_NATIVE:
    from bitwright import _native

    MAKERS.append(pytest.param(_native.sum_graph, range(-3, 4), id="native"))


def evaluate(nodes, outputs, x):
    values = [*x.T]
    for row in nodes.reshape(-1, 3, 3).tolist():
        values.append(sum(sign * (values[index] << shift) for index, shift, sign in row if index >= 0))
    zero = np.zeros(len(x), np.int64)
    return np.stack([sign * (values[i] << shift) if i >= 0 else zero for i, shift, sign in outputs.tolist()], 1)


def deepest(inputs, nodes):
    found = [0] * inputs
    for row in nodes.reshape(-1, 3, 3).tolist():
        found.append(1 + max(found[index] for index, _, _ in row if index >= 0))
    return max(found)


@pytest.mark.parametrize(("make", "weights"), MAKERS)
def test_sums_equal_matrix_exhaustively_over_all_small_matrices(make, weights):
    low, high = np.array([-2, 0]), np.array([1, 3])
    x = np.array(list(product(range(-2, 2), range(4))))
    for chosen in product(weights, repeat=4):
        matrix = np.array(chosen).reshape(2, 2)
        nodes, outputs, _, _ = make(matrix, low, high, -1, 0, math.inf, 0)
        assert np.array_equal(evaluate(nodes, outputs, x), x @ matrix)


@pytest.mark.skipif(not native.HAVE_NATIVE, reason="the native module is not built")
@pytest.mark.parametrize("seed", range(12))
def test_no_sum_is_deeper_than_the_deepest_column_needs_whatever_the_search_does(seed):
    generator = np.random.default_rng(seed)
    matrix = generator.integers(-32, 32, generator.integers(4, 14, 2))
    low, high = np.full(len(matrix), -8), np.full(len(matrix), 7)
    digits = max(sum(len(twin.csd(weight)) for weight in column) for column in matrix.T.tolist())
    least = next(level for level in range(40) if 3**level >= digits)
    x = generator.integers(-8, 8, (100, len(matrix)))
    for slack in (0, 1, 2):
        nodes, outputs, _, _ = _native.sum_graph(matrix, low, high, least + slack, 1, math.inf, seed)
        assert deepest(len(matrix), nodes) <= least + slack
        assert np.array_equal(evaluate(nodes, outputs, x), x @ matrix)
