"""What neighbors change: a ReLU before registers is their reset, an inverse is built once."""

from __future__ import annotations

import pytest

from bitwright.cost import Area, predict
from bitwright.cost.neighbors import area_of
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.ir.netlist import ops as words
from bitwright.numeric import Steps
from bitwright.platforms import device, fabric


def relu(*, high: int, registered: bool, read_twice: bool = False) -> Netlist:
    builder = NetlistBuilder()
    port = builder.input_port("x", (1,), [Word(-32, 31)], Steps.of(1))
    cut = builder.clip(port.words[0], 0, high)
    ends = [builder.word(words.Register(), cut)] if registered else [cut]
    ends += [builder.add(cut, cut, 1, 0)] if read_twice else []
    return builder.finish("relu", [port], [Port("y", (len(ends),), tuple(ends), Steps.of(1))])


@pytest.mark.parametrize("family", ["xcup", "xc7", "ecp5", "ice40", "gowin"])
def test_a_relu_that_only_registers_read_is_their_reset(family: str) -> None:
    on = fabric(family)
    total = sum(area_of(relu(high=31, registered=True), on), Area())
    assert (total.luts, total.ffs) == (0, 5)
    assert sum(area_of(relu(high=31, registered=False), on), Area()).luts == 5
    assert sum(area_of(relu(high=15, registered=True), on), Area()).luts >= 4, "saturation above needs LUTs"
    assert area_of(relu(high=31, registered=True, read_twice=True), on)[1].luts == 5, "an adder reads it, too"


def test_a_word_that_is_subtracted_twice_is_inverted_once_where_inverting_costs() -> None:
    def subtractions(count: int) -> Netlist:
        builder = NetlistBuilder()
        port = builder.input_port("x", (count + 1,), [Word(0, 255)] * (count + 1), Steps.of(1))
        *firsts, second = port.words
        ends = tuple(builder.subtract(first, second) for first in firsts)
        return builder.finish("minus", [port], [Port("y", (count,), ends, Steps.of(1))])

    one, two = (predict(subtractions(n), device("ice40hx8k")).luts for n in (1, 2))
    assert two == 2 * one - 8
    on_ecp5 = [predict(subtractions(n), device("lfe5u-25")).luts for n in (1, 2)]
    assert on_ecp5[1] == 2 * on_ecp5[0]


def test_an_inversion_or_saturation_behind_a_sum_fits_into_its_luts_where_they_have_an_input_to_spare() -> None:
    def behind(build: str, device_name: str) -> int:
        builder = NetlistBuilder()
        port = builder.input_port("x", (3,), [Word(0, 255)] * 3, Steps.of(1))
        a, b, c = port.words
        total = builder.add(a, b)
        end = {"sum": total, "minus": builder.subtract(c, total), "clip": builder.clip(total, 0, 255)}[build]
        return predict(builder.finish("net", [port], [Port("y", (1,), (end,), Steps.of(1))]), device(device_name)).luts

    for part in ("ice40hx8k", "lfe5u-25"):
        alone, cut = behind("sum", part), behind("clip", part)
        assert cut - alone <= (0 if part == "ice40hx8k" else 8)
        assert behind("minus", part) > alone
    assert behind("clip", "lfe5u-25") > behind("sum", "lfe5u-25")
    assert behind("minus", "ice40hx8k") - behind("sum", "ice40hx8k") <= 11, "the sum is inverted in its own LUTs"


def test_bits_of_a_sum_that_nothing_reads_cost_a_carry_but_no_lut_where_those_are_cells_of_their_own() -> None:
    def dropped(bits: int, device_name: str) -> Area:
        builder = NetlistBuilder()
        port = builder.input_port("x", (2,), [Word(-128, 127)] * 2, Steps.of(1))
        end = builder.shift(builder.add(*port.words), -bits)
        netlist = builder.finish("net", [port], [Port("y", (1,), (end,), Steps.of(1))])
        return sum(area_of(netlist, device(device_name).fabric), Area())

    whole, cut = dropped(0, "ice40hx8k"), dropped(3, "ice40hx8k")
    assert (whole.luts - cut.luts, whole.carries - cut.carries) == (3, 0)
    assert dropped(0, "lfe5u-25") == dropped(3, "lfe5u-25")
