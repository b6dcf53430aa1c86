"""The delay model is monotone and names nothing twice; predictions add up by layer."""

from __future__ import annotations

import random

import pytest
from tests.generate import random_netlist

from bitwright.core.origin import Origin
from bitwright.cost import area, delay_ns, predict
from bitwright.cost.predict import critical_ns
from bitwright.ir.netlist import NetlistBuilder, Port, Word
from bitwright.ir.netlist import ops as words
from bitwright.numeric import Ints, Steps
from bitwright.passes import Retime
from bitwright.platforms import device, devices

FABRIC = device("xcvu9p").fabric


def bits(n: int) -> Word:
    return Word(0, (1 << n) - 1)


@pytest.mark.parametrize("op", [words.Input(), words.Constant(1), words.Shift(2), words.Bits(0, 1), words.Register()])
def test_wires_and_registers_take_no_time(op: words.WordOp) -> None:
    assert delay_ns(op, bits(8), [bits(9)], FABRIC) == 0


def test_wider_words_are_never_faster() -> None:
    widths = range(2, 40)
    adders = [delay_ns(words.Add(), bits(n + 1), [bits(n), bits(n)], FABRIC) for n in widths]
    compares = [delay_ns(words.AtLeast(), bits(1), [bits(n), bits(n)], FABRIC) for n in widths]
    tables = [delay_ns(words.Table(0, Ints([0])), bits(4), [bits(n)], FABRIC) for n in widths]
    for delays in (adders, compares, tables):
        assert delays == sorted(delays)
        assert delays[0] >= FABRIC.lut_ns


def test_bits_side_by_side_take_no_time() -> None:
    assert delay_ns(words.Add(4, 0), bits(8), [bits(4), bits(4)], FABRIC) == 0


@pytest.mark.parametrize("name", devices())
def test_every_word_of_random_netlists_has_an_area_and_a_delay_on_every_fabric(name: str) -> None:
    program = random_netlist(random.Random(name))
    for node in program:
        args = [program.nodes[a].type for a in node.args]
        assert delay_ns(node.op, node.type, args, device(name).fabric) >= 0
        found = area(node.op, node.type, args, device(name).fabric)
        assert min(found.luts, found.ffs, found.carries, found.dsps) >= 0


def test_a_prediction_is_the_sum_of_its_layers() -> None:
    builder = NetlistBuilder()
    port = builder.input_port("x", (2,), [bits(8), bits(8)], Steps.of(1))
    builder.at(Origin("fc1"))
    total = builder.add(*port.words)
    builder.at(Origin("fc2"))
    kept = builder.word(words.Register(), builder.subtract(total, port.words[0]))
    program = builder.finish("net", [port], [Port("y", (), (kept,), Steps.of(1))])
    found = predict(program, device("xcvu9p"))
    assert list(found.by_layer) == ["fc1", "fc2"]
    assert found.luts == round(sum(a.luts for a in found.by_layer.values()))
    assert found.ffs == program.nodes[-1].type.width
    assert (found.latency_cycles, found.initiation_cycles) == (1, 1)
    assert found.fmax_mhz == pytest.approx(1000 / critical_ns(program, device("xcvu9p")))
    assert found.latency_ns == pytest.approx(critical_ns(program, device("xcvu9p")))


@pytest.mark.parametrize("clock_mhz", [50, 150, 300, 500])
def test_what_was_pipelined_for_a_clock_is_predicted_to_meet_it_unless_one_word_is_too_slow(clock_mhz: float) -> None:
    part = device("xcvu9p")
    for seed in range(20):
        plain = random_netlist(random.Random(seed), stages=0, words=60)
        found = Retime(part, clock_mhz)(plain)
        args = [[found.nodes[a].type for a in n.args] for n in found]
        slowest = max(delay_ns(n.op, n.type, a, part.fabric) for n, a in zip(found, args, strict=True))
        allowed = max(1000 / clock_mhz, slowest + part.fabric.register_ns)
        assert critical_ns(found, part) <= allowed + 1e-9
