"""Integer functions as words: every candidate is the function, on every code of the range."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.cost import area
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word, check, run
from bitwright.ir.netlist.ops import Add, AtLeast, Clip, Multiply, Subtract, Table
from bitwright.numeric import Ints, MapForm, Rounding, ShiftRoundSaturate, Steps, Thresholds, signed_digits
from bitwright.numeric import Table as TableForm
from bitwright.passes import words
from bitwright.passes.words import Build, element, half_even, rounded, times
from bitwright.platforms import fabric

RANGES = ((0, 0), (5, 5), (0, 1), (-1, 0), (0, 15), (-8, 7), (-13, -6), (3, 40), (-64, 63))


def built(low: int, high: int, build: Build) -> Netlist:
    builder = NetlistBuilder()
    port = builder.input_port("x", (), [Word(low, high)], Steps.of(1))
    result = build(builder, port.words[0])
    return check(builder.finish("one", [port], [Port("y", (), (result,), Steps.of(1))]))


def codes(program: Netlist) -> list[int]:
    type = program.nodes[program.inputs[0].words[0]].type
    return run(program, [np.arange(type.low, type.high + 1)])[0].tolist()


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_times_is_the_product_in_as_few_adders_as_digits(low: int, high: int) -> None:
    for factor in range(-70, 71):
        program = built(low, high, lambda b, x, f=factor: times(b, x, f))
        assert codes(program) == [c * factor for c in range(low, high + 1)]
        assert not any(isinstance(n.op, Multiply) for n in program)
        adders = sum(isinstance(n.op, Add | Subtract) for n in program)
        assert adders <= max(len(signed_digits(factor)) - 1, 0) + (factor < 0)


def test_times_by_a_power_of_two_is_wires() -> None:
    assert not any(isinstance(n.op, Add | Subtract) for n in built(-8, 7, lambda b, x: times(b, x, 32)))


@pytest.mark.parametrize(("low", "high"), RANGES)
@pytest.mark.parametrize("mode", list(Rounding))
def test_rounded_is_the_mode(mode: Rounding, low: int, high: int) -> None:
    for shift in range(6):
        program = built(low, high, lambda b, x, s=shift: rounded(b, x, s, mode))
        assert codes(program) == [mode(c, shift) for c in range(low, high + 1)]
        if mode is Rounding.HALF_EVEN and shift:
            again = built(low, high, lambda b, x, s=shift: half_even(b, x, s))
            assert codes(again) == codes(program)


@pytest.mark.parametrize("mode", list(Rounding))
def test_wide_words_are_rounded_without_a_table(mode: Rounding) -> None:
    top = (1 << 58) - 1
    one = Ints([1])
    form = ShiftRoundSaturate(one, Ints([-3]), Ints([50]), mode, Ints([-100]), Ints([100]))
    program = built(-top, top, lambda b, x: element(form, 0, b, x, fabric()))
    assert len(program) < 20
    x = np.array([-top, top, 0, 1, -1, 3 << 49, (3 << 49) + 3, -(3 << 49) + 3, 5 << 49, (1 << 50) + 3, 2])
    assert run(program, [x])[0].tolist() == form(x, np.array(0)).tolist()


def thresholds(rng: np.random.Generator, low: int, high: int) -> Thresholds:
    count = int(rng.integers(0, 12))
    steps = np.sort(rng.integers(low - 3, high + 4, count))
    values = rng.integers(-9, 10, count + 1)
    if rng.random() < 0.5:
        values = np.sort(values)
    if rng.random() < 0.3 and count:
        steps[-1], values[-1] = np.iinfo(np.int64).max, values[-2]
    return Thresholds(Ints(steps[None]), Ints(values[None]))


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_search_and_table_and_the_cheapest_of_them_are_the_thresholds(
    low: int, high: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(abs(high))
    for _ in range(40):
        form = thresholds(rng, low, high)
        expected = form(np.arange(low, high + 1), np.array(0)).tolist()
        assert codes(built(low, high, lambda b, x, f=form: element(f, 0, b, x, fabric()))) == expected
        for chosen in (0, -1):  # the search, then the table, whatever they cost
            monkeypatch.setattr(words, "_cheapest", lambda candidates, b, x, _, c=chosen: candidates[c](b, x))
            assert codes(built(low, high, lambda b, x, f=form: element(f, 0, b, x, fabric()))) == expected
            monkeypatch.undo()


def test_thresholds_on_wide_words_become_a_search() -> None:
    top = (1 << 60) - 1
    form = Thresholds(Ints([[-(1 << 59), -5, 0, 7, 1 << 40]]), Ints([[-9, 3, -2, 8, 1, 30]]))
    program = built(-top, top, lambda b, x: element(form, 0, b, x, fabric()))
    assert max(len(n.op.values.array) for n in program if isinstance(n.op, Table)) <= 8
    assert sum(isinstance(n.op, AtLeast) for n in program) == 3
    x = np.array([-top, -(1 << 59) - 1, -(1 << 59), -6, -5, -1, 0, 6, 7, (1 << 40) - 1, 1 << 40, top])
    assert run(program, [x])[0].tolist() == form(x, np.array(0)).tolist()


def test_a_table_element_is_its_row_cut_to_the_range() -> None:
    form = TableForm(Ints([-4, -5]), Ints([[3, 1, 4, 1, 5, 9, 2, 6], [2, 7, 1, 8, 2, 8, 1, 8]]))
    for row, start in ((0, -4), (1, -5)):
        program = built(-2, 2, lambda b, x, r=row: element(form, r, b, x, fabric()))
        assert codes(program) == form.values.array[row][-2 - start : 3 - start].tolist()
        assert [n.op.values.shape for n in program if isinstance(n.op, Table)] == [(5,)]


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_every_affine_element_is_its_function(low: int, high: int) -> None:
    rng = np.random.default_rng(abs(low))
    for mode in Rounding:
        for _ in range(8):
            ends = np.sort(rng.integers(-20, 20, 2))
            columns = [rng.choice([0, 1, 1, -1, 3, -7, 16]), rng.integers(-30, 30), rng.integers(0, 5)]
            mul, add, shift = (Ints([int(c)]) for c in columns)
            form = ShiftRoundSaturate(mul, add, shift, mode, Ints(ends[:1]), Ints(ends[1:]))
            program = built(low, high, lambda b, x, f=form: element(f, 0, b, x, fabric()))
            assert codes(program) == form(np.arange(low, high + 1), np.array(0)).tolist()


def test_a_plain_saturation_is_one_clip_and_an_identity_is_nothing() -> None:
    one, zero = Ints([1]), Ints([0])

    def ops_of(form: MapForm) -> list[str]:
        program = built(-8, 7, lambda b, x: element(form, 0, b, x, fabric()))
        return [type(n.op).__name__ for n in program if n.args]

    assert ops_of(ShiftRoundSaturate(one, zero, zero, Rounding.FLOOR, Ints([0]), Ints([5]))) == [Clip.__name__]
    assert ops_of(ShiftRoundSaturate(one, zero, zero, Rounding.HALF_EVEN, Ints([-8]), Ints([7]))) == []
    assert ops_of(Thresholds(Ints([np.arange(-7, 8)]), Ints([np.arange(-8, 8)]))) == []


def test_the_cheapest_candidate_is_built() -> None:
    form = Thresholds(Ints([[0]]), Ints([[-1, 1]]))
    program = built(-128, 127, lambda b, x: element(form, 0, b, x, fabric()))
    total = sum(area(n.op, n.type, [program.nodes[a].type for a in n.args], fabric()).luts for n in program)
    assert total <= 3
