"""The theorems of the adder graph: it is the matrix, it is as deep as allowed, and both makers agree."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitwright.core import native, twin

MAKERS = [pytest.param(twin.adder_graph, id="python")]
if native.HAVE_NATIVE:
    from bitwright import _native

    MAKERS.append(pytest.param(_native.adder_graph, id="native"))


@st.composite
def problems(draw, inputs=5, outputs=5, bits=8):
    """(matrix, low, high) with few to many zeros, repeated, shifted and negated columns."""
    rows, columns = draw(st.integers(1, inputs)), draw(st.integers(1, outputs))
    largest = 1 << draw(st.integers(0, bits))
    weight = st.integers(-largest, largest)
    weights = draw(
        st.lists(st.one_of(st.just(0), weight, weight), min_size=rows * columns, max_size=rows * columns)
    )
    matrix = np.array(weights, np.int64).reshape(rows, columns)
    for _ in range(draw(st.integers(0, 2))):
        source, target = draw(st.integers(0, columns - 1)), draw(st.integers(0, columns - 1))
        matrix[:, target] = matrix[:, source] * draw(st.sampled_from([1, -1, 2, -4]))
    low = np.array(draw(st.lists(st.integers(-9, 3), min_size=rows, max_size=rows)), np.int64)
    span = np.array(draw(st.lists(st.integers(0, 12), min_size=rows, max_size=rows)), np.int64)
    return matrix, low, low + span


def evaluate(nodes, outputs, x):
    """The graph on integer vectors x (samples, inputs)."""
    values = list(x.T)
    for a, shift_a, b, shift_b, sign in nodes.tolist():
        values.append((values[a] << shift_a) + sign * (values[b] << shift_b))
    zero = np.zeros(len(x), np.int64)
    columns = [sign * (values[i] << shift) if i >= 0 else zero for i, shift, sign in outputs.tolist()]
    return np.stack(columns, axis=1)


def depths(inputs, nodes):
    found = [0] * inputs
    for a, _, b, _, _ in nodes.tolist():
        found.append(max(found[a], found[b]) + 1)
    return found


def least_depth(matrix):
    digits = [sum(len(twin.csd(int(weight))) for weight in column) for column in matrix.T]
    return max((count - 1).bit_length() if count else 0 for count in digits)


def check_form(inputs, nodes, outputs):
    """Every row obeys the contract of `adder_graph` and every node is used."""
    used = set(outputs[:, 0].tolist())
    for row, (a, shift_a, b, shift_b, sign) in enumerate(nodes.tolist()):
        assert 0 <= min(a, b) <= max(a, b) < inputs + row
        assert min(shift_a, shift_b) == 0
        assert sign in (1, -1)
        used |= {a, b}
    assert set(range(inputs, inputs + len(nodes))) <= used
    for index, shift, sign in outputs.tolist():
        assert -1 <= index < inputs + len(nodes)
        assert shift >= 0
        assert sign in (1, -1)


@pytest.mark.parametrize("make", MAKERS)
@given(problem=problems())
@settings(max_examples=60)
def test_graph_equals_matrix_on_corners_and_random_vectors(make, problem):
    matrix, low, high = problem
    nodes, outputs = make(matrix, low, high)
    check_form(len(matrix), nodes, outputs)
    corners = np.array(list(product(*zip(low.tolist(), high.tolist(), strict=True))), np.int64)
    inside = np.random.default_rng(0).integers(low, high, (50, len(low)), endpoint=True)
    x = np.concatenate([corners, inside])
    assert np.array_equal(evaluate(nodes, outputs, x), x @ matrix)


@pytest.mark.parametrize("make", MAKERS)
def test_graph_equals_matrix_exhaustively_over_all_small_matrices(make):
    low, high = np.array([-2, 0]), np.array([1, 3])
    x = np.array(list(product(range(-2, 2), range(4))))
    for weights in product(range(-3, 4), repeat=4):
        matrix = np.array(weights).reshape(2, 2)
        assert np.array_equal(evaluate(*make(matrix, low, high), x), x @ matrix)


@given(
    problem=problems(inputs=9, outputs=9),
    max_depth=st.sampled_from([-1, 6, 7, 9, 60]),
    few_pairs=st.booleans(),
)
@settings(max_examples=150)
@pytest.mark.skipif(not native.HAVE_NATIVE, reason="the native module is not built")
def test_native_module_and_python_twin_give_the_same_graph(problem, max_depth, few_pairs):
    answers = []
    for make in (_native.adder_graph, twin.adder_graph):
        try:
            nodes, outputs = make(*problem, max_depth, 7 if few_pairs else 1 << 26)
            answers.append((nodes.tolist(), outputs.tolist()))
        except ValueError as error:
            answers.append(str(error))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(("inputs", "outputs", "bits"), [(1, 30, 12), (700, 1, 3), (24, 16, 6), (16, 32, 4)])
@pytest.mark.skipif(not native.HAVE_NATIVE, reason="the native module is not built")
def test_native_module_and_python_twin_agree_on_long_wide_and_large_matrices(inputs, outputs, bits):
    generator = np.random.default_rng(inputs)
    matrix = generator.integers(-(1 << bits - 1), 1 << bits - 1, (inputs, outputs))
    low = generator.integers(-128, 1, inputs)
    for ours, theirs in zip(
        _native.adder_graph(matrix, low, low + 127), twin.adder_graph(matrix, low, low + 127), strict=True
    ):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("make", MAKERS)
@given(problem=problems(inputs=6, outputs=8, bits=5), slack=st.integers(0, 2))
@settings(max_examples=40)
def test_no_output_is_deeper_than_allowed_and_by_default_one_level_above_the_least(make, problem, slack):
    matrix, low, high = problem
    live = matrix * ((low != 0) | (high != 0))[:, None]
    least = least_depth(live)
    for max_depth, bound in ((least + slack, least + slack), (-1, least + 1)):
        nodes, outputs = make(matrix, low, high, max_depth)
        deepest = depths(len(matrix), nodes)
        assert max((deepest[i] for i in outputs[:, 0] if i >= 0), default=0) <= bound


@pytest.mark.parametrize("make", MAKERS)
@given(problem=problems())
@settings(max_examples=60)
def test_outputs_with_a_positive_weight_are_negated_only_where_a_node_is_shared(make, problem):
    matrix, low, high = problem
    live = matrix * ((low != 0) | (high != 0))[:, None]
    nodes, outputs = make(matrix, low, high)
    uses = outputs[:, 0].tolist() + nodes[:, 0].tolist() + nodes[:, 2].tolist()
    for column, (index, _, sign) in zip(live.T, outputs.tolist(), strict=True):
        if sign < 0 and (column > 0).any():
            assert uses.count(index) > 1 or any(uses.count(i) > 1 for i in nodes[index - len(matrix), [0, 2]])


@pytest.mark.parametrize("make", MAKERS)
def test_sharing_within_blocks_is_still_the_matrix_and_shares_less(make):
    generator = np.random.default_rng(5)
    matrix, low, high = generator.integers(-8, 8, (12, 10)), np.full(12, -8), np.full(12, 7)
    x = generator.integers(-8, 8, (100, 12))
    sizes = []
    for pair_limit in (1 << 26, 300, 40, 0):
        nodes, outputs = make(matrix, low, high, -1, pair_limit)
        assert np.array_equal(evaluate(nodes, outputs, x), x @ matrix)
        sizes.append(len(nodes))
    assert sizes[0] < sizes[-1] < sum(len(twin.csd(w)) for w in matrix.ravel().tolist())


@pytest.mark.parametrize("make", MAKERS)
def test_sharing_saves_half_of_the_adders_of_a_dense_random_matrix(make):
    matrix = np.random.default_rng(0).integers(-32, 32, (16, 32))
    nodes, _ = make(matrix, np.full(16, -128), np.full(16, 127))
    unshared = sum(len(twin.csd(weight)) for weight in matrix.ravel().tolist()) - matrix.shape[1]
    assert len(nodes) < 0.55 * unshared


@pytest.mark.parametrize("make", MAKERS)
def test_values_at_the_edge_of_the_number_range_do_not_wrap(make):
    matrix = np.array([[(1 << 29) - 1, 1], [-(1 << 28) - 5, 3]])
    low, high = np.full(2, -(1 << 29)), np.full(2, (1 << 29) - 1)
    nodes, outputs = make(matrix, low, high)
    x = np.array(list(product(*zip(low.tolist(), high.tolist(), strict=True))))
    assert evaluate(nodes, outputs, x).tolist() == (x.astype(object) @ matrix.astype(object)).tolist()
