from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from bitwright.core import native
from bitwright.core.errors import InvalidValue
from bitwright.core.native import adder_graph


def test_implementation_names_what_is_used():
    assert native.implementation() == ("native" if native.HAVE_NATIVE else "python")


def test_environment_can_force_the_python_twin():
    code = """
from bitwright.core import native
print(native.implementation(), len(native.adder_graph([[5]], [0], [9])[0]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "BITWRIGHT_NATIVE": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["python", "1"]


@pytest.mark.parametrize(
    ("matrix", "low", "high", "message"),
    [
        ([[1.5]], [0], [1], "matrix holds float64"),
        ([[1]], [0.0], [1], "low holds float64"),
        ([1], [0], [1], "matrix has 1 axes"),
        ([[1], [2]], [0], [1], "shape"),
        ([[1]], [0, 0], [1], "shape"),
        ([[1]], [2], [1], "empty interval"),
        (np.array([[1 << 63]], np.uint64), [0], [1], "63 bits"),
        ([[1 << 40]], [0], [1 << 20], "column 0 may leave 61 bits"),
        ([[0, 1], [0, -(1 << 63)]], [0, 0], [1, 1], "column 1 may leave 61 bits"),
    ],
)
def test_arguments_that_have_no_meaning_are_refused_by_name(matrix, low, high, message):
    with pytest.raises(InvalidValue, match=message):
        adder_graph(matrix, low, high)


def test_a_depth_that_no_tree_can_keep_is_refused_with_the_depth_needed():
    with pytest.raises(InvalidValue, match="column 1 needs 2 levels of adders, max_depth allows 1") as caught:
        adder_graph([[1, 1], [0, 1], [1, 1]], [0] * 3, [1] * 3, max_depth=1)
    assert "max_depth" in caught.value.remedy


def test_any_integer_type_and_memory_order_gives_the_same_graph():
    matrix = np.random.default_rng(1).integers(-32, 32, (6, 5))
    low, high = [-8] * 6, [7] * 6
    expected = adder_graph(matrix.tolist(), low, high)
    for given in (matrix.astype(np.int8), np.asfortranarray(matrix), matrix.astype(np.int32)[:, :]):
        for ours, theirs in zip(adder_graph(given, low, high), expected, strict=True):
            assert ours.dtype == np.int64
            assert np.array_equal(ours, theirs)


def test_zero_columns_empty_matrices_and_dead_inputs_cost_nothing():
    nodes, outputs = adder_graph([[0, 3], [0, 0]], [0, -4], [0, 3])
    assert (len(nodes), outputs.tolist()) == (0, [[-1, 0, 1], [-1, 0, 1]])
    nodes, outputs = adder_graph(np.zeros((0, 2), int), [], [])
    assert (nodes.shape, outputs.tolist()) == ((0, 5), [[-1, 0, 1], [-1, 0, 1]])
    nodes, outputs = adder_graph(np.zeros((2, 0), int), [0, 0], [1, 1])
    assert (nodes.shape, outputs.shape) == ((0, 5), (0, 3))


def test_columns_equal_up_to_shift_and_sign_share_one_node():
    column = np.array([3, -1, 0])
    nodes, outputs = adder_graph(np.stack([column, 4 * column, -2 * column], 1), [-8] * 3, [7] * 3)
    assert len(nodes) == 2
    assert outputs.tolist() == [[4, 0, 1], [4, 2, 1], [4, 1, -1]]


def test_an_output_is_negated_only_without_a_positive_weight():
    nodes, outputs = adder_graph([[-1, -1], [2, -2]], [-8] * 2, [7] * 2)
    assert outputs.tolist() == [[2, 0, 1], [3, 0, -1]]
    assert nodes.tolist() == [[1, 1, 0, 0, -1], [0, 0, 1, 1, 1]]


def test_the_product_by_three_needs_one_node_with_its_exact_interval():
    nodes, outputs = adder_graph([[3]], [-8], [7], max_depth=1)
    assert (len(nodes), outputs.tolist()) == (1, [[1, 0, 1]])
