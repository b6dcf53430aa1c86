from __future__ import annotations

import math

import numpy as np
import pytest
from tests.unit.core.test_sum_graph import depth_of, in_order, least_depth, value_of

from bitwright.core import native, twin
from bitwright.core.sum_graph import sum_graph
from bitwright.core.twin.differences import column_differences, row_differences

needs_native = pytest.mark.skipif(not native.HAVE_NATIVE, reason="the native module is not built")


def near(rows, columns, bits, changed, seed=0):
    """Columns that are one column with a few weights changed by little."""
    generator = np.random.default_rng(seed)
    base = generator.integers(-(1 << bits - 1), 1 << bits - 1, (rows, 1))
    return base + generator.integers(-2, 3, (rows, columns)) * (generator.random((rows, columns)) < changed)


def low_rank(rows, columns, seed):
    generator = np.random.default_rng(seed)
    product = generator.normal(size=(rows, 2)) @ generator.normal(size=(2, columns))
    return np.rint(product / np.abs(product).max() * 31).astype(np.int64)


RELATED = {
    "columns": near(9, 7, 6, 0.3),
    "rows": np.ascontiguousarray(near(8, 9, 6, 0.2).T),
    "opposite rows": np.ascontiguousarray((near(6, 10, 6, 0.1, 3) * ([1, -1] * 5)).T),
    "low rank": low_rank(7, 8, 1),
    "doubled": np.hstack([near(6, 4, 5, 0.5), 2 * near(6, 4, 5, 0.5), -near(6, 4, 5, 0.5)]),
    "many": near(20, 10, 8, 0.2),
}


@pytest.mark.parametrize("differences", [column_differences, row_differences])
@pytest.mark.parametrize("kind", RELATED)
def test_lines_are_what_is_left_and_the_lines_that_they_contain_which_come_first(differences, kind):
    lines = RELATED[kind].T
    tree = differences(lines, 6)
    assert sorted(tree.order) == list(range(len(lines)))
    for place, line in enumerate(tree.order):
        parent, shift, sign = tree.links[line]
        whole = tree.left[line] + (sign * (lines[parent] << shift) if parent >= 0 else 0)
        assert np.array_equal(whole, lines[line])
        assert parent < 0 or parent in tree.order[:place]
    digits = sum(len(twin.csd(weight)) for weight in tree.left.ravel().tolist())
    assert tree.cost == digits + sum(parent >= 0 for parent, _, _ in tree.links)
    assert tree.cost < tree.digits == sum(len(twin.csd(weight)) for weight in lines.ravel().tolist())


@pytest.mark.parametrize("levels", [3, 4, 5])
def test_no_column_of_a_tree_takes_more_places_than_its_levels_have(levels):
    lines = RELATED["columns"].T
    counts = [[len(twin.csd(weight)) for weight in line] for line in column_differences(lines, levels).left.tolist()]
    tree = column_differences(lines, levels)
    for line, count in enumerate(counts):
        parent = tree.links[line][0]
        places = sum(count) + (3 ** tree.levels[parent] if parent >= 0 else 0)
        assert places <= 3 ** tree.levels[line] <= 3**levels
    tree = row_differences(lines, levels)
    digits = np.array([[len(twin.csd(weight)) for weight in line] for line in tree.left.tolist()])
    assert (3 ** np.array(tree.levels) @ digits).max() <= 3**levels


def test_lines_without_anything_in_common_stay_as_they_are():
    lines = np.diag([3, 5, 7, 9])
    for differences in (column_differences, row_differences):
        tree = differences(lines, 5)
        assert [parent for parent, _, _ in tree.links] == [-1] * 4
        assert tree.cost == tree.digits


@needs_native
@pytest.mark.parametrize("kind", RELATED)
@pytest.mark.parametrize("depth", [-1, 5])
def test_native_module_and_twin_agree_on_related_columns_and_rows(kind, depth):
    from bitwright import _native

    matrix = RELATED[kind]
    generator = np.random.default_rng(len(kind))
    low = generator.integers(-90, 1, len(matrix))
    high = low + generator.integers(0, 200, len(matrix))
    low[::4] = high[::4] = 0
    answer = twin.sum_graph(matrix, low, high, depth, 0, math.inf, 0)
    assert in_order(_native.sum_graph(matrix, low, high, depth, 0, math.inf, 0)) == in_order(answer)
    x = np.concatenate([generator.integers(low, high, (50, len(low)), endpoint=True), low[None], high[None]])
    assert np.array_equal(value_of(*answer[:2], x), x @ matrix)
    assert depth < 0 or depth_of(len(matrix), *answer[:2]) <= depth


@needs_native
@pytest.mark.parametrize("transposed", [False, True])
def test_columns_that_hardly_differ_cost_little_more_than_one(transposed):
    matrix = near(32, 32, 8, 0.2)
    matrix = np.ascontiguousarray(matrix.T) if transposed else matrix
    others = np.random.default_rng(1).integers(matrix.min(), matrix.max(), matrix.shape)
    low, high = np.full(32, -128), np.full(32, 127)
    related, random = (sum_graph(m, low, high, rounds=0) for m in (matrix, others))
    assert related.cost < 0.4 * random.cost


@needs_native
def test_another_level_is_taken_where_it_saves_a_fifth_and_never_against_a_limit():
    matrix = near(32, 16, 8, 0.2)
    low, high = np.full(32, -128), np.full(32, 127)
    least = least_depth(matrix)
    free, bound = sum_graph(matrix, low, high, rounds=0), sum_graph(matrix, low, high, rounds=0, max_depth=least)
    assert depth_of(32, free.nodes, free.outputs) == least + 1
    assert depth_of(32, bound.nodes, bound.outputs) <= least
    assert 5 * free.cost < 4 * bound.cost


@needs_native
def test_inputs_that_cancel_leave_no_sum_to_search():
    weights = np.array([[-25, -25], [-7, -7]])
    fixed = np.full(2, -1)
    made = sum_graph(weights, fixed, fixed)
    assert len(made.nodes) == 0
    assert value_of(made.nodes, made.outputs, np.full((1, 2), -1)).tolist() == [[32, 32]]
    told = twin.sum_graph(weights, fixed, fixed, -1, 2, math.inf, 0)
    assert np.array_equal(told[1], made.outputs)
