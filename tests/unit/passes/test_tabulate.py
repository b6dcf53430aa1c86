"""Which form is built: one shift where that is exact and cheap, comparisons and tables otherwise."""

from __future__ import annotations

import numpy as np

from bitwright.ir.graph import GraphBuilder, TensorType, ops, run
from bitwright.numeric import IntArray, Ints, Rounding, ShiftRoundSaturate, Steps, Table, Thresholds
from bitwright.passes import Tabulate

LOW, HIGH = np.array(-64), np.array(63)
X = np.arange(-64, 64)


def steps(*columns: IntArray) -> ops.Map:
    """A Thresholds map with one row per function, padded to the longest."""
    changes = [np.flatnonzero(np.diff(y)) + 1 for y in columns]
    longest = max(len(c) for c in changes)
    far = np.iinfo(np.int64).max
    thresholds = [[*(X[c].tolist()), *[far] * (longest - len(c))] for c in changes]
    pairs = zip(columns, changes, strict=True)
    padded = [np.concatenate((y[:1], y[c], y[-1:].repeat(longest - len(c)))) for y, c in pairs]
    rows = np.arange(len(columns)) if len(columns) > 1 else 0
    return ops.Map(Thresholds(Ints(thresholds), Ints(np.stack(padded))), Ints(rows))


def relu(shift: int, mode: Rounding = Rounding.HALF_EVEN) -> IntArray:
    return np.clip(mode(X, shift), 0, 15)


def ends(op: ops.Map) -> tuple[IntArray, IntArray]:
    return np.broadcast_to(LOW, op.rows.shape), np.broadcast_to(HIGH, op.rows.shape)


def test_a_quantizer_becomes_one_shift() -> None:
    found = Tabulate().choose(steps(relu(2)), LOW, HIGH).form
    assert isinstance(found, ShiftRoundSaturate)
    assert (found.rounding, int(found.shift.array[0]), int(found.mul.array[0])) == (Rounding.HALF_EVEN, 2, 1)


def test_few_steps_stay_comparisons_unless_the_shift_is_free() -> None:
    odd = np.digitize(X, [-5, 8])
    assert isinstance(Tabulate().choose(steps(odd), LOW, HIGH).form, Thresholds)
    assert isinstance(Tabulate(most_levels=0).choose(steps(odd), LOW, HIGH).form, ShiftRoundSaturate)
    free = np.clip(X >> 3, 0, 2)
    assert isinstance(Tabulate().choose(steps(free), LOW, HIGH).form, ShiftRoundSaturate)


def test_rows_with_different_shifts_stay_one_map_but_modes_do_not_mix() -> None:
    found = Tabulate().choose(steps(relu(1), relu(2)), *ends(steps(relu(1), relu(2)))).form
    assert isinstance(found, ShiftRoundSaturate)
    assert found.shift == Ints([1, 2])
    mixed = steps(relu(2), relu(2, Rounding.FLOOR))
    assert Tabulate().choose(mixed, *ends(mixed)) == mixed


def test_one_row_that_is_no_staircase_keeps_all_of_them() -> None:
    op = steps(relu(2), np.abs(X) >> 2)
    assert Tabulate().choose(op, *ends(op)) == op


def test_a_constant_row_goes_with_any_mode() -> None:
    op = steps(relu(2), np.full(len(X), 7))
    found = Tabulate().choose(op, *ends(op)).form
    assert isinstance(found, ShiftRoundSaturate)
    assert (found(np.stack([X, X], axis=1), op.rows.array) == np.stack([relu(2), np.full(len(X), 7)], axis=1)).all()


def test_rows_that_no_element_uses_do_not_count() -> None:
    op = steps(relu(2), np.abs(X))
    only = ops.Map(op.form, Ints([0, 0]))
    assert isinstance(Tabulate().choose(only, *ends(only)).form, ShiftRoundSaturate)


def test_only_the_range_counts() -> None:
    bent = np.where(X < -32, -X, np.clip(X >> 2, -8, 15))
    assert isinstance(Tabulate().choose(steps(bent), LOW, HIGH).form, Thresholds)
    assert isinstance(Tabulate().choose(steps(bent), np.array(-32), HIGH).form, ShiftRoundSaturate)


def test_a_straight_table_becomes_a_shift_and_a_curve_stays() -> None:
    straight = ops.Map(Table(Ints([-64]), Ints((X >> 1)[None])), Ints(0))
    assert isinstance(Tabulate().choose(straight, LOW, HIGH).form, ShiftRoundSaturate)
    curved = ops.Map(Table(Ints([-64]), Ints((X * X)[None])), Ints(0))
    assert Tabulate().choose(curved, LOW, HIGH) == curved


def test_the_pass_is_recorded_only_on_the_maps_that_it_looked_at() -> None:
    builder = GraphBuilder()
    x = builder.input(TensorType((2,), Ints(LOW), Ints(HIGH), Steps.of(1)), "x")
    one = builder.apply(steps(relu(2)), [x], step=Steps.of(1), name="act")
    two = builder.apply(ops.Add(), [one, one], name="add")
    graph = builder.graph("net", [two])
    found = Tabulate()(graph)
    assert [n.origin.passes for n in found] == [(), ("tabulate",), ()]
    codes = [np.stack([X, X[::-1]], axis=1)]
    assert (run(found, codes)[0] == run(graph, codes)[0]).all()
    assert Tabulate()(found) == found
