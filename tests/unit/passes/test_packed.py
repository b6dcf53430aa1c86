"""Several products in one multiplier block: exact on all values of small widths, and as many as fit."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from bitwright.backends.verilog import emit
from bitwright.core.files import write_atomic
from bitwright.cost.actors import predict_stream
from bitwright.cost.actors.logic import kernel_area
from bitwright.explore.candidates import stages_of
from bitwright.ir import dataflow
from bitwright.ir import graph as graphs
from bitwright.ir.dataflow.ops import MatVec
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Dense
from bitwright.ir.netlist import Netlist, Word, run
from bitwright.numeric import IntArray, Ints, Steps
from bitwright.passes.buffer import Buffer
from bitwright.passes.streaming import Folding, Place, Products, folding_of, foldings_to_json
from bitwright.passes.streaming.packed import joint_forms
from bitwright.platforms import device
from bitwright.toolchain import synthesize

PART = device("xc7z020")
FABRIC = PART.fabric


def units_of(netlist: Netlist) -> int:
    return len(netlist.outputs)


def check(netlist: Netlist, x: IntArray, w: IntArray) -> None:
    """x (cases, lanes), w (cases, units, lanes)."""
    (found,) = run(netlist, [x, w.reshape(len(w), -1)])
    assert np.array_equal(found, np.einsum("cl,cul->cu", x, w))


SMALL = [
    (Word(-4, 3), Word(-2, 1), 2),
    (Word(0, 7), Word(-2, 1), 3),
    (Word(-3, 3), Word(-1, 1), 4),
    (Word(0, 3), Word(0, 3), 3),
    (Word(-2, -1), Word(1, 3), 2),
]


@pytest.mark.parametrize(("x", "w", "count"), SMALL)
def test_small_products_are_exact_on_all_values(x: Word, w: Word, count: int) -> None:
    (made,) = (n for n in joint_forms([x], w, count, FABRIC) if units_of(n) == count)
    ranges = [range(x.low, x.high + 1), *[range(w.low, w.high + 1)] * count]
    cases = np.array(list(itertools.product(*ranges)), dtype=np.int64)
    check(made, cases[:, :1], cases[:, 1:, None])


@pytest.mark.parametrize("signs", list(itertools.product([0, 1], repeat=4)))
def test_extremes_of_many_lanes_fill_a_field_and_no_more(signs: tuple[int, ...]) -> None:
    """Every lane at the ends of its range, in all combinations of ends for the units."""
    wide = Word(-128, 127)
    small = ((Word(-8, 7), Word(-8, 7), 2), (Word(0, 15), Word(-8, 7), 2), (Word(-2, 1), Word(-2, 1), 4))
    for x, w, count in ((wide, wide, 2), (Word(0, 255), wide, 2), *small):
        (made,) = (n for n in joint_forms([x] * 12, w, count, FABRIC) if units_of(n) == count)
        for end in (x.low, x.high):
            chosen = np.array([[[w.high if sign else w.low] * 12 for sign in signs[:count]]])
            check(made, np.full((1, 12), end), chosen)


@pytest.mark.parametrize("seed", range(3))
def test_wide_products_are_exact(seed: int) -> None:
    draw = np.random.default_rng(seed)
    for x, w in ((Word(-128, 127), Word(-128, 127)), (Word(0, 255), Word(-127, 127)), (Word(-128, 127), Word(-8, 7))):
        forms = joint_forms([x] * 5, w, 12, FABRIC)
        assert forms
        for made in forms:
            xs = draw.integers(x.low, x.high + 1, (500, 5))
            check(made, xs, draw.integers(w.low, w.high + 1, (500, units_of(made), 5)))


def test_a_block_holds_two_products_of_eight_bits_and_four_of_four() -> None:
    eight = joint_forms([Word(-128, 127)], Word(-127, 127), 12, FABRIC)
    assert [units_of(n) for n in eight] == [2]
    assert [kernel_area(n, FABRIC).dsps for n in eight] == [1]
    four = joint_forms([Word(-8, 7)], Word(-7, 7), 12, FABRIC)
    assert [units_of(n) for n in four] == [2, 3, 4]
    assert [kernel_area(n, FABRIC).dsps for n in four] == [1, 1, 1]


def test_units_that_do_not_divide_and_fabrics_without_blocks_share_none() -> None:
    assert joint_forms([Word(-128, 127)], Word(-128, 127), 3, FABRIC) == []
    assert joint_forms([Word(-8, 7)], Word(-8, 7), 4, device("ice40hx8k").fabric) == []


def layer(bits: int) -> Graph:
    draw, b = np.random.default_rng(bits), GraphBuilder()
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    x = b.input(TensorType((24,), Ints(low), Ints(high), Steps.of(1)), "x")
    op = Dense(Ints(draw.integers(-high, high + 1, (24, 12))), Ints(draw.integers(-9, 9, 12)))
    return b.graph(f"bits{bits}", [b.apply(op, [x], step=Steps.of(1), name="fc")])


def placed(bits: int, folding: Folding) -> tuple[dataflow.Dataflow, MatVec]:
    made = Buffer()(Place(PART, 100, {"fc": folding, "x": Folding(folding.lanes)})(layer(bits)))
    (op,) = (n.op for n in made.nodes if isinstance(n.op, MatVec))
    return dataflow.check(made), op


@pytest.mark.parametrize(("bits", "folding", "shared"), [
    (8, Folding(4, 4), 2), (8, Folding(8, 12), 2), (8, Folding(3, 3), 0), (4, Folding(4, 4), 0),
    (4, Folding(4, 4, products=Products.BLOCKS), 4), (4, Folding(2, 3, products=Products.BLOCKS), 3),
])  # fmt: skip
def test_units_share_blocks_where_these_are_taken_or_told(bits: int, folding: Folding, shared: int) -> None:
    made, op = placed(bits, folding)
    assert (len(op.joint.outputs) if op.joint else 0) == shared
    codes = [np.random.default_rng(1).integers(-(1 << bits - 1), 1 << bits - 1, (6, 24))]
    assert np.array_equal(dataflow.run(made, codes)[0], graphs.run(layer(bits), codes)[0])
    assert dataflow.parse(dataflow.show(made)) == made
    if shared:
        blocks = predict_stream(made, PART).dsps
        assert blocks * shared == folding.units * folding.lanes


def test_candidates_of_exploration_share_blocks() -> None:
    _, stage = stages_of(layer(8), PART, 100, most_unrolled=0)[0]
    for candidate in stage.candidates:
        lanes, units = candidate.folding.lanes, candidate.folding.units
        assert candidate.area.dsps == lanes * units / (1 if units % 2 else 2)


def test_finns_key_for_blocks_is_read_and_written() -> None:
    told = folding_of("fc", {"SIMD": 4, "PE": 4, "resType": "dsp"}, Folding())
    assert told.products is Products.BLOCKS
    assert '"resType": "dsp"' in foldings_to_json({"fc": told})
    assert folding_of("fc", {"resType": "lut"}, Folding()).products is Products.AUTO


@pytest.mark.tool("yosys")
@pytest.mark.parametrize(("x", "w", "count"), [
    (Word(-8, 7), Word(-7, 7), 4),
    pytest.param(Word(-8, 7), Word(-7, 7), 3, marks=pytest.mark.long),
    pytest.param(Word(-128, 127), Word(-127, 127), 2, marks=pytest.mark.long),
])  # fmt: skip
def test_yosys_takes_as_many_blocks_as_predicted(x: Word, w: Word, count: int, tmp_path: Path) -> None:
    (made,) = (n for n in joint_forms([x] * 2, w, count, FABRIC) if units_of(n) == count)
    emitted = emit(made, name="shared")
    for path, text in emitted.files.items():
        write_atomic(tmp_path / path, text)
    sources = [tmp_path / path for path in emitted.sources]
    found, told = synthesize(sources, emitted.top, workdir=tmp_path, family="xc7"), kernel_area(made, FABRIC)
    assert found.dsps == told.dsps == 2
    assert abs(found.luts - told.luts) <= 0.25 * found.luts
