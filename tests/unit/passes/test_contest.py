"""Only the argmax: scores in fewer digits, and the same class wins, the first of equals included."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np

from bitwright.ir.graph import Graph, GraphBuilder, TensorType, ops, run
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps, nonzero_digits
from bitwright.passes import Contest
from bitwright.passes.contest import Scores, contested

ONE = Steps.of(1)


def test_the_same_class_wins_for_every_input_and_ties_stay_ties() -> None:
    rng = np.random.default_rng(0)
    x = np.array(list(itertools.product(range(-2, 3), range(3), range(-1, 2))))
    ties = 0
    for _ in range(600):
        classes = int(rng.integers(2, 6))
        grid = int(rng.choice([1, 2, 3, 4, 8, 12]))
        before = Scores(rng.integers(-4, 5, (3, classes)) * grid, rng.integers(-9, 10, classes))
        after = contested(before)
        old, new = x @ before.weights + before.bias, x @ after.weights + after.bias
        first, second = old[:, :, None] - old[:, None], new[:, :, None] - new[:, None]
        assert (np.sign(first) == np.sign(second)).all()
        assert nonzero_digits(after.weights).sum() <= nonzero_digits(before.weights).sum()
        ties += int((first == 0).sum() > len(x) * classes)
    assert ties > 100


def test_a_term_of_all_classes_goes_and_so_does_a_common_factor() -> None:
    found = contested(Scores(np.array([[5, 5, 5], [8, 0, 4]]), np.array([6, 2, 2])))
    assert found.weights.tolist() == [[0, 0, 0], [1, -1, 0]]
    assert found.bias.tolist() == [1, 0, 0]
    assert found.scale == 4


def test_biases_below_the_grid_become_ranks() -> None:
    found = contested(Scores(np.array([[64, 0], [0, 128]]), np.array([3, 50])))
    assert found.scale == Fraction(64, 2)
    assert found.weights.tolist() == [[2, 0], [0, 4]]
    assert sorted((found.bias % 2).tolist()) == [0, 1]


def net(op: ops.Dense, *, step: Steps = ONE, behind: bool = False, twice: bool = False) -> Graph:
    builder = GraphBuilder()
    x = builder.input(TensorType((2,), Ints(-4), Ints(3), ONE), "x")
    y = builder.apply(op, [x], step=step, name="scores")
    one, zero = Ints([1]), Ints([0])
    relu = ops.Map(ShiftRoundSaturate(one, zero, zero, Rounding.FLOOR, zero, Ints([7])), Ints(0))
    ends = [builder.apply(relu, [y], step=step)] if behind or twice else []
    return builder.graph("net", ends + ([] if behind else [y]))


def test_only_plain_sums_of_one_step_that_nothing_else_reads_are_reduced() -> None:
    op = ops.Dense(Ints([[5, 5], [8, 4]]), Ints([6, 2]))
    assert Contest()(net(op)) != net(op)
    for graph in (net(op, step=Steps.of([1, 2])), net(op, behind=True), net(op, twice=True)):
        assert Contest()(graph) == graph
    single = net(ops.Dense(Ints([[4], [8]]), Ints([3])))
    assert Contest()(single) == single


def test_the_values_of_the_scores_differ_by_a_common_term_only() -> None:
    graph = net(ops.Dense(Ints([[5, 5], [8, 4]]), Ints([6, 2])), step=Steps.of(Fraction(1, 8)))
    after = Contest()(graph)
    x = np.random.default_rng(1).integers(-4, 4, (50, 2))
    values = [run(g, [x])[0] * float(g.results[0].type.step.uniform or 0) for g in (graph, after)]
    assert np.ptp(values[0] - values[1], axis=1).max() == 0
