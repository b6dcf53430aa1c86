"""Overflow that wraps is the low bits of a word: found in tables, on every code, and built of wires."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from bitwright.cost.area import area
from bitwright.ir.netlist import NetlistBuilder, Port, Word, run
from bitwright.ir.netlist.ops import Table as TableWord
from bitwright.numeric import Ints, Steps, Table
from bitwright.passes.streaming.maps import LaneMap, lane_map
from bitwright.passes.words import element
from bitwright.passes.wraps import Wrap, low_bits, wrap_of
from bitwright.platforms import device

FABRIC = device("xcvu9p").fabric
CASES = [
    Wrap(*told) for told in product((False, True), (0, 1), (0, 3), (2, 5), (False, True)) if not told[1] or told[2]
]  # fmt: skip


@pytest.mark.parametrize("told", CASES, ids=str)
@pytest.mark.parametrize("ends", [(-150, 140), (-1, 300), (5, 270), (-700, -20)])
def test_low_bits_are_found_and_built_without_tables(told: Wrap, ends: tuple[int, int]) -> None:
    told = Wrap(told.cut, told.add << told.shift >> 1, *[told.shift, told.width, told.signed])
    codes = np.arange(ends[0], ends[1] + 1)
    values = told(codes)
    if told.cut and codes[-1] <= 0:
        assert wrap_of(ends[0], values) is None
        return
    found = wrap_of(ends[0], values)
    assert found is not None
    assert np.array_equal(found(codes), values)
    builder = NetlistBuilder()
    port = builder.input_port("x", (), [Word(*ends)], Steps.of(1))
    word = element(Table(Ints([ends[0]]), Ints(values[None])), 0, builder, port.words[0], FABRIC)
    netlist = builder.finish("wrap", [port], [Port("y", (), (word,), Steps.of(1))])
    (out,) = run(netlist, [codes])
    assert np.array_equal(out.ravel(), values)
    assert not any(isinstance(n.op, TableWord) for n in netlist.nodes)
    args = [(n, [netlist.nodes[a].type for a in n.args]) for n in netlist.nodes]
    assert sum(area(n.op, n.type, types, FABRIC).luts for n, types in args) <= 24


@pytest.mark.parametrize("signed", [False, True])
def test_words_too_narrow_to_wrap_are_right_too(signed: bool) -> None:
    told = Wrap(False, 1, 1, 6, signed)
    builder = NetlistBuilder()
    port = builder.input_port("x", (), [Word(-9, 7)], Steps.of(1))
    word = low_bits(builder, port.words[0], told)
    netlist = builder.finish("narrow", [port], [Port("y", (), (word,), Steps.of(1))])
    codes = np.arange(-9, 8)
    assert np.array_equal(run(netlist, [codes])[0].ravel(), told(codes))


def test_phases_that_keep_other_bits_choose_among_few_slices() -> None:
    """Channels of other formats one after the other, as an HGQ layer streams them."""
    kinds = [Wrap(False, 0, 0, 5, True), Wrap(True, 0, 1, 4, False), Wrap(False, 2, 2, 3, True)]
    starts = np.array([-200, -90, -150])
    codes = starts[:, None] + np.arange(400)
    form = Table(Ints(starts), Ints(np.array([k(c) for k, c in zip(kinds, codes, strict=True)])))
    told = LaneMap(form, (0, 1, 2, 1, 0), 1, (0, 3, -5, 0, 0))
    builder = NetlistBuilder()
    x = builder.input_port("x", (), [Word(-85, 190)], Steps.of(1))
    phase = builder.input_port("phase", (), [Word(0, 4)], Steps.of(1))
    word = lane_map(builder, x.words[0], phase.words[0], told, FABRIC)
    netlist = builder.finish("wrap", [x, phase], [Port("y", (), (word,), Steps.of(1))])
    assert max(n.type.width for n in netlist.nodes) < 12
    for number, (row, bias) in enumerate(zip(told.rows, told.bias, strict=True)):
        inside = np.arange(-85, 191)
        (out,) = run(netlist, [inside, np.full(inside.shape, number)])
        assert np.array_equal(out.ravel(), kinds[row](inside + bias))
    tables = [n.op for n in netlist.nodes if isinstance(n.op, TableWord)]
    assert all(t.values.array.size <= 8 for t in tables)


def test_what_is_no_slice_stays_a_table() -> None:
    draw = np.random.default_rng(0)
    assert wrap_of(0, draw.integers(0, 16, 64)) is None
    assert wrap_of(-4, np.full(9, 3)) is None
    moved = Wrap(False, 0, 1, 4, True)(np.arange(-100, 100))
    moved[77] ^= 1
    assert wrap_of(-100, moved) is None
