from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitwright.core import native, twin
from bitwright.core.errors import InvalidValue
from bitwright.core.sum_graph import sum_graph

MAKERS = [pytest.param(twin.sum_graph, id="python")]
if native.HAVE_NATIVE:
    from bitwright import _native

    MAKERS.append(pytest.param(_native.sum_graph, id="native"))

needs_native = pytest.mark.skipif(not native.HAVE_NATIVE, reason="the native module is not built")
every_maker = pytest.mark.parametrize("make", MAKERS)


def inputs_of(kind, count, generator):
    """Intervals (low, high) of one kind."""
    zero = np.zeros(count, np.int64)
    low = {"signed": zero - 128, "unsigned": zero, "bit": zero, "sign": zero - 1}.get(kind)
    high = {"signed": zero + 127, "unsigned": zero + 15, "bit": zero + 1, "sign": zero}.get(kind)
    if low is None:
        low = generator.integers(-90, 40, count)
        high = low + generator.integers(0, 100, count)
    if kind == "dead":
        low[::2] = high[::2] = 0
    return low, high


def matrix_of(kind, generator):
    """A small matrix of one kind."""
    rows, columns = generator.integers(2, 8, 2)
    if kind == "ternary":
        return generator.integers(-1, 2, (rows + 3, columns + 2))
    largest = 1 << int(generator.integers(1, 7))
    made = generator.integers(-largest, largest, (rows, columns))
    if kind == "sparse":
        made *= generator.random(made.shape) < 0.4
    if kind == "related":
        made = np.column_stack([made, -made[:, 0], made[:, -1] << 2, np.zeros(rows, np.int64)])
    if kind == "single":
        made[1:] = 0
    return np.ascontiguousarray(made, np.int64)


def value_of(nodes, outputs, x):
    """The graph on integer vectors x (samples, inputs)."""
    values = [*x.T]
    for row in nodes.reshape(-1, 3, 3).tolist():
        values.append(sum(sign * (values[index] << shift) for index, shift, sign in row if index >= 0))
    zero = np.zeros(len(x), np.int64)
    return np.stack([sign * (values[i] << shift) if i >= 0 else zero for i, shift, sign in outputs.tolist()], 1)


def depth_of(inputs, nodes, outputs):
    found = [0] * inputs
    for row in nodes.reshape(-1, 3, 3).tolist():
        found.append(1 + max(found[index] for index, _, _ in row if index >= 0))
    return max((found[i] for i in outputs[:, 0] if i >= 0), default=0)


def least_depth(matrix):
    digits = max(sum(len(twin.csd(weight)) for weight in column) for column in matrix.T.tolist())
    return next(level for level in range(40) if 3**level >= digits)


def in_order(problem):
    """What a graph says, in a form that compares."""
    return problem[0].tolist(), problem[1].tolist(), *problem[2:]


@pytest.mark.parametrize("kind", ["dense", "sparse", "ternary", "related", "single"])
@pytest.mark.parametrize("operands", ["signed", "unsigned", "bit", "sign", "odd", "dead"])
def test_graph_of_native_module_and_of_twin_is_the_matrix_and_the_same(kind, operands):
    generator = np.random.default_rng([len(kind), len(operands)])
    matrix = matrix_of(kind, generator)
    low, high = inputs_of(operands, len(matrix), generator)
    depth = -1 if generator.random() < 0.7 else least_depth(matrix) + 1
    rounds = int(generator.integers(0, 2)) if matrix.size < 24 else 0
    nodes, outputs, done, cost = answer = twin.sum_graph(matrix, low, high, depth, rounds, math.inf, 3)
    x = np.concatenate([generator.integers(low, high, (50, len(low)), endpoint=True), low[None], high[None]])
    assert np.array_equal(value_of(nodes, outputs, x), x @ matrix)
    assert depth_of(len(matrix), nodes, outputs) <= max(depth, least_depth(matrix))
    assert done == rounds
    assert cost >= 0 if len(nodes) else cost == 0
    if native.HAVE_NATIVE:
        assert in_order(_native.sum_graph(matrix, low, high, depth, rounds, math.inf, 3)) == in_order(answer)


@needs_native
@pytest.mark.parametrize(("rounds", "seed"), [(2, 0), (1, 7), (1, -1), (1, (1 << 63) - 1)])
def test_native_module_and_twin_take_the_same_steps_for_every_seed(rounds, seed):
    matrix = np.random.default_rng(4).integers(-16, 16, (4, 4))
    problem = matrix, np.full(4, -8), np.full(4, 7), -1, rounds, math.inf, seed
    assert in_order(_native.sum_graph(*problem)) == in_order(twin.sum_graph(*problem))


@needs_native
@pytest.mark.parametrize(("inputs", "outputs", "bits"), [(1, 30, 10), (150, 2, 3), (16, 16, 6), (24, 32, 2)])
def test_native_module_and_twin_agree_on_long_wide_and_larger_matrices(inputs, outputs, bits):
    generator = np.random.default_rng(inputs)
    matrix = generator.integers(-(1 << bits - 1), 1 << bits - 1, (inputs, outputs))
    low = generator.integers(-128, 1, inputs)
    problem = matrix, low, low + 127, -1, 0, math.inf, 0
    assert in_order(_native.sum_graph(*problem)) == in_order(twin.sum_graph(*problem))


@st.composite
def problems(draw):
    rows, columns = draw(st.integers(0, 4)), draw(st.integers(1, 4))
    weight = st.integers(-(1 << 7), 1 << 7)
    many = st.lists(st.one_of(st.just(0), weight, weight), min_size=rows * columns, max_size=rows * columns)
    matrix = np.array(draw(many), np.int64).reshape(rows, columns)
    low = np.array(draw(st.lists(st.integers(-9, 3), min_size=rows, max_size=rows)), np.int64)
    span = np.array(draw(st.lists(st.integers(0, 12), min_size=rows, max_size=rows)), np.int64)
    return matrix, low, low + span, draw(st.sampled_from([-1, 1, 2, 3, 60])), draw(st.sampled_from([0, 0, 0, 1]))


@given(problem=problems())
@settings(max_examples=60)
def test_any_small_problem_gives_the_matrix_or_the_same_error_from_both_makers(problem):
    answers = []
    for make in [twin.sum_graph] + [_native.sum_graph] * native.HAVE_NATIVE:
        try:
            answers.append(in_order(made := make(*problem, math.inf, 1)))
        except ValueError as error:
            answers.append(str(error))
            continue
        matrix, low, high, depth, _ = problem
        assert np.array_equal(value_of(*made[:2], np.stack([low, high])), np.stack([low, high]) @ matrix)
        assert depth < 0 or depth_of(len(matrix), *made[:2]) <= depth
    assert all(answer == answers[0] for answer in answers)


@every_maker
def test_sums_are_in_order_used_and_of_addends_with_least_shift_zero(make):
    matrix = np.random.default_rng(1).integers(-32, 32, (6, 5))
    nodes, outputs, _, _ = make(matrix, np.full(6, -8), np.full(6, 7), -1, 0, math.inf, 0)
    used = {*outputs[:, 0].tolist()}
    for row, addends in enumerate(nodes.reshape(-1, 3, 3).tolist()):
        live = [addend for addend in addends if addend[0] >= 0]
        assert addends[2][0] >= 0 or addends[2] == [-1, 0, 1]
        assert all(0 <= index < 6 + row and sign in (1, -1) for index, _, sign in live)
        assert min(shift for _, shift, _ in live) == 0
        used |= {index for index, _, _ in live}
    assert {*range(6, 6 + len(nodes))} <= used


@every_maker
def test_search_costs_no_more_with_every_round_and_repeats_itself(make):
    matrix = np.random.default_rng(2).integers(-16, 16, (4, 4))
    problem = matrix, np.full(4, -8), np.full(4, 7), -1
    found = [make(*problem, rounds, math.inf, 5) for rounds in (0, 1, 2)]
    costs = [cost for *_, cost in found]
    assert costs[0] > costs[1] >= costs[2]
    assert in_order(make(*problem, 1, math.inf, 5)) == in_order(found[1])


@every_maker
def test_without_time_the_graph_is_whole_and_no_round_is_done(make):
    matrix = np.random.default_rng(3).integers(-16, 16, (6, 6))
    low, high = np.full(6, 0), np.full(6, 15)
    late = make(matrix, low, high, -1, 9, 0.0, 0)
    assert late[2] == 0
    assert in_order(late) == in_order(make(matrix, low, high, -1, 0, math.inf, 0))


@every_maker
def test_three_addends_are_one_sum_and_a_shared_one_is_made_once(make):
    matrix = np.array([[1, 1], [1, 1], [1, 1], [0, 1]])
    nodes, outputs, _, cost = make(matrix, np.zeros(4, np.int64), np.full(4, 15), -1, 0, math.inf, 0)
    assert (len(nodes), len(outputs)) == (2, 2)
    assert cost > 0


@every_maker
def test_columns_of_powers_of_two_and_zeros_take_no_sum_and_survive_a_search(make):
    nodes, outputs, rounds, cost = make(np.array([[4, 0, -1]]), np.array([-8]), np.array([7]), -1, 1, math.inf, 0)
    assert (nodes.shape, rounds, cost) == ((0, 9), 1, 0)
    assert outputs.tolist() == [[0, 2, 1], [-1, 0, 1], [0, 0, -1]]


@pytest.mark.parametrize(
    ("matrix", "depth", "what"),
    [
        ([[1, 1 << 54], [1, 3]], -1, "column 1 may leave 58 bits"),
        ([[1, 5], [0, 5]], 1, "column 1 needs 2 levels"),
    ],
)
def test_errors_name_the_column_and_what_to_do(matrix, depth, what):
    with pytest.raises(InvalidValue, match=what) as raised:
        sum_graph(np.array(matrix), np.full(2, -8), np.full(2, 7), max_depth=depth)
    assert "max_depth" in str(raised.value) or "fewer bits" in str(raised.value)


def test_an_interval_per_row_is_demanded():
    with pytest.raises(InvalidValue, match="one interval per row"):
        sum_graph(np.ones((2, 2), np.int64), np.zeros(3, np.int64), np.ones(3, np.int64))
