"""What actors take: memories in their true shapes, and the parts that structure decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.stream_programs import PROGRAMS, buffered, convolved, folded

from bitwright.core.errors import InvalidProgram
from bitwright.cost.actors import actor_area, block_area, channel_area, predict_stream, ram_area, rom_area
from bitwright.cost.actors.logic import kernel_area
from bitwright.cost.actors.rules import convert_area, matvec_area, sliding_area
from bitwright.cost.area import Area
from bitwright.ir.dataflow import Execute, ops
from bitwright.ir.dataflow.ops import MatVec, Memory, Rearrange
from bitwright.ir.netlist import NetlistBuilder, Port, Word
from bitwright.numeric import Ints, Steps
from bitwright.platforms import device

ZYNQ, ONE = device("xc7z020"), Steps.of(1)

SYNTHESIZED = [
    (36, 512, 1), (36, 600, 2), (37, 512, 2), (18, 1024, 1), (8, 2048, 1), (9, 2048, 1), (72, 512, 2), (72, 1000, 4),
    (1, 16384, 1), (4, 4096, 1), (5, 4096, 2), (64, 300, 2), (36, 40, 1), (24, 1500, 3), (40, 3000, 8), (3, 20000, 5),
    (128, 700, 8), (12, 1100, 2), (100, 1025, 9), (18, 600, 1), (19, 600, 2), (10, 1500, 2), (2, 6000, 1),
    (200, 200, 6),
]  # fmt: skip
"""Width, words and the 18 kbit memories that yosys 0.23 took for `bw_memory` on xc7."""

CONSTANT = [(40, 512, 2), (20, 1024, 2), (48, 1024, 3), (8, 2000, 1), (9, 4096, 2), (1, 30000, 2), (32, 1500, 3)]
"""The same for `bw_rom`."""


@pytest.mark.parametrize(("width", "words", "blocks"), SYNTHESIZED)
def test_block_memories_are_as_many_as_yosys_takes(width: int, words: int, blocks: int) -> None:
    assert block_area(width, words).bram18s == blocks


@pytest.mark.parametrize(("width", "words", "blocks"), CONSTANT)
def test_constant_block_memories_are_as_many_as_yosys_takes(width: int, words: int, blocks: int) -> None:
    assert block_area(width, words, constant=True).bram18s == blocks


@pytest.mark.parametrize(
    ("width", "words", "luts"), [(32, 32, 24), (32, 33, 44), (7, 64, 12), (6, 16, 4), (9, 10, 8), (1, 20, 2)]
)
def test_memories_of_luts_are_ram32m_and_ram64m(width: int, words: int, luts: int) -> None:
    assert ram_area(width, words, Memory.LUT).luts == luts


def test_ultra_memories_are_72_by_4096() -> None:
    assert [ram_area(w, n, Memory.ULTRA).urams for w, n in ((72, 4096), (73, 4096), (72, 4097))] == [1, 2, 2]
    # As yosys 0.23 lays deeper words side by side.
    assert [ram_area(w, n, Memory.ULTRA).urams for w, n in ((100, 5000), (33, 5000), (16, 16384))] == [3, 1, 1]


def test_constant_bits_cost_what_differs() -> None:
    draw = np.random.default_rng(0).integers(0, 2, (64, 16))
    assert rom_area(draw, Memory.LUT).luts == 16
    assert rom_area(np.concatenate([draw, draw], axis=1), Memory.LUT) == rom_area(draw, Memory.LUT)
    assert rom_area(np.ones((8, 4), dtype=np.int64), Memory.LUT).ffs == 0
    assert rom_area(draw[:1], Memory.BLOCK).bram18s == 0


def test_every_actor_has_an_area() -> None:
    kinds = {k for k in vars(ops).values() if isinstance(k, type) and issubclass(k, ops.Actor) and k is not ops.Actor}
    assert kinds | {Execute} == set(actor_area.kinds)


@pytest.mark.parametrize("make", PROGRAMS, ids=lambda make: make.__name__)
def test_a_prediction_is_the_sum_of_its_parts(make) -> None:
    program = buffered(make())
    nodes = [
        replace(n, op=replace(n.op, depth=n.op.depth or 40)) if isinstance(n.op, Rearrange) else n
        for n in program.nodes
    ]
    found = predict_stream(replace(program, nodes=tuple(nodes)), device("xc7z020"))
    assert found.luts == round(
        sum(a.luts for a in (*found.actors.values(), *found.channels.values())) + found.ends.luts
    )
    assert all(area.luts >= 0 and area.ffs >= 0 for area in found.actors.values())
    assert set(found.actors) == {n.name for n in program.nodes if not isinstance(n.op, ops.Source)}


def test_deeper_channels_take_no_less() -> None:
    for kind in (Memory.LUT, Memory.BLOCK):
        sizes = [channel_area(20, depth, kind) for depth in (2, 30, 60, 200, 700, 3000)]
        assert [a.luts + 1000 * a.bram18s for a in sizes] == sorted(a.luts + 1000 * a.bram18s for a in sizes)


def test_more_units_take_more() -> None:
    program, part = folded(), device("xc7z020")
    node = next(n for n in program.nodes if isinstance(n.op, MatVec))
    args = [a.type for a in program.args_of(node)]
    assert isinstance(node.op, MatVec)
    areas = [actor_area(replace(node.op, units=u, tail=None), node.type, args, part.fabric).luts for u in (1, 2, 3, 6)]
    assert areas == sorted(set(areas))


def test_products_are_smaller_the_fewer_bits_of_their_weights_differ() -> None:
    program, part = folded(), device("xc7z020")
    node = next(n for n in program.nodes if isinstance(n.op, MatVec))
    assert isinstance(node.op, MatVec)
    lanes = program.args_of(node)[0].type.lanes
    drawn = node.op.weights.array
    rows = np.arange(drawn.shape[1])

    def luts(first: int) -> float:
        """Of weights that are alike in all steps, in every second one, in none."""
        weights = Ints(drawn[:, rows % (lanes * first)])
        assert isinstance(node.op, MatVec)
        return matvec_area(replace(node.op, weights=weights, units=6), 16, lanes, Area(), part.fabric).luts

    found = [luts(steps) for steps in (1, 2, 4)]
    assert found == sorted(set(found))


def test_cycles_come_from_the_timetable() -> None:
    found = predict_stream(buffered(convolved(), 64), device("xc7z020"))
    assert found.cycles.initiation_cycles >= max(a.steps for a in found.cycles.actors)


def test_programs_without_depths_are_refused() -> None:
    with pytest.raises(InvalidProgram, match="no depths"):
        predict_stream(folded(), device("xc7z020"))


@pytest.mark.parametrize(("width", "given", "taken", "luts"), [(5, 2, 3, 33), (5, 3, 2, 41)])
def test_a_gearbox_takes_what_its_places_choose_among(width: int, given: int, taken: int, luts: int) -> None:
    """As yosys 0.23 counts `bw_convert` on xc7."""
    assert convert_area(width, given, taken).luts == pytest.approx(luts, rel=0.05)


def test_places_that_do_not_move_are_not_compared() -> None:
    """Twelve words, each six times: yosys 0.23 takes 31 LUTs on xc7, whatever the columns of the grid are."""
    op = Rearrange((1, 1, 12), (ops.Loop(12, word=1), ops.Loop(6)), release=2, depth=12)
    assert sliding_area(op, 4).luts == pytest.approx(31, rel=0.1)
    rows = Rearrange((6, 1, 2), (ops.Loop(6, row=1), ops.Loop(2), ops.Loop(2, word=1)), release=2, depth=6)
    both = replace(rows, loops=(ops.Loop(6, row=1), ops.Loop(2, column=1), ops.Loop(2, word=1)))
    assert sliding_area(rows, 8).luts < sliding_area(both, 8).luts


def test_choices_between_choices_share_a_lut_as_long_as_it_has_inputs() -> None:
    """Of three words one: five inputs a bit. Of four by a tree of three selectors: seven."""
    found: list[float] = []
    for count in (2, 3, 4):
        b = NetlistBuilder()
        x = b.input_port("x", (count,), [Word(0, 255)] * count, ONE).words
        s = b.input_port("s", (3,), [Word(0, 1)] * 3, ONE).words
        low = b.mux(s[0], x[0], x[1])
        high = b.mux(s[1], x[2], x[3]) if count == 4 else x[-1]
        y = low if count == 2 else b.mux(s[2], low, high)
        ports = [Port("x", (count,), x, ONE), Port("s", (3,), s, ONE)]
        found.append(kernel_area(b.finish("choice", ports, [Port("y", (), (y,), ONE)]), ZYNQ.fabric).luts)
    assert found == [8, 8, 16]


def test_a_choice_that_others_read_keeps_its_luts() -> None:
    b = NetlistBuilder()
    x, s = b.input_port("x", (3,), [Word(0, 255)] * 3, ONE), b.input_port("s", (2,), [Word(0, 1)] * 2, ONE)
    low = b.mux(s.words[0], x.words[0], x.words[1])
    y = Port("y", (2,), (low, b.mux(s.words[1], low, x.words[2])), ONE)
    assert kernel_area(b.finish("both", [x, s], [y]), ZYNQ.fabric).luts == 16
