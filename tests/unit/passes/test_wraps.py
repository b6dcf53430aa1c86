"""Overflow that wraps is the low bits of a word: found in tables, on every code, and built of wires."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from bitwright.cost.area import area
from bitwright.ir.netlist import NetlistBuilder, Port, Word, run
from bitwright.ir.netlist.ops import Table as TableWord
from bitwright.numeric import Ints, Steps, Table
from bitwright.passes.words import element
from bitwright.passes.wraps import Wrap, wrap_of
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


def test_what_is_no_slice_stays_a_table() -> None:
    draw = np.random.default_rng(0)
    assert wrap_of(0, draw.integers(0, 16, 64)) is None
    assert wrap_of(-4, np.full(9, 3)) is None
    moved = Wrap(False, 0, 1, 4, True)(np.arange(-100, 100))
    moved[77] ^= 1
    assert wrap_of(-100, moved) is None
