"""Registers where the clock asks for them, each once, and the same latency on all paths."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from tests.generate import random_netlist, random_vectors

from bitwright.core.errors import InvalidValue
from bitwright.cost.predict import critical_ns
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word, check, latency_cycles, run
from bitwright.ir.netlist.ops import Bits, Register, Shift
from bitwright.numeric import Steps
from bitwright.passes import Retime
from bitwright.platforms import device

PART = device("xcvu9p")
ONE = Steps.of(1)


def adders(count: int) -> Netlist:
    """x + (x + (x + ...)): a chain in which x is needed at every stage."""
    builder = NetlistBuilder()
    port = builder.input_port("x", (2,), [Word(-128, 127), Word(0, 255)], ONE)
    total = port.words[1]
    for _ in range(count):
        total = builder.add(total, port.words[0])
    late = builder.shift(port.words[1], 3)
    constant = builder.constant(9)
    return builder.finish("chain", [port], [Port("y", (3,), (total, late, constant), ONE)])


def registers(program: Netlist) -> list[int]:
    return [node.args[0] for node in program if isinstance(node.op, Register)]


def test_without_a_clock_only_outputs_are_registered() -> None:
    found = check(Retime(PART, None)(adders(5)))
    assert latency_cycles(found) == 1
    assert len(registers(found)) == 2, "a constant output needs none"


def test_a_word_waits_in_one_register_per_cycle_however_many_read_it() -> None:
    for clock in (100, 300, 600):
        found = check(Retime(PART, clock)(adders(7)))
        assert max(Counter(registers(found)).values()) == 1


def test_shifts_wait_as_what_they_shift() -> None:
    found = check(Retime(PART, 500)(adders(7)))
    assert latency_cycles(found) > 2
    shifted = [found.nodes[node.args[0]].op for node in found if isinstance(node.op, Shift)]
    assert shifted
    assert all(isinstance(op, Register) for op in shifted)
    assert not any(isinstance(found.nodes[source].op, Shift) for source in registers(found))


def test_a_faster_clock_takes_more_cycles_and_is_met() -> None:
    cycles: list[int] = []
    for clock in (100, 200, 400, 800):
        found = check(Retime(PART, clock)(adders(12)))
        assert critical_ns(found, PART) <= 1000 / clock + 1e-9
        cycles.append(latency_cycles(found))
    assert cycles == sorted(set(cycles))


def test_a_clock_that_leaves_no_time_is_refused_with_the_fastest_that_does() -> None:
    with pytest.raises(InvalidValue, match="leaves no time") as caught:
        Retime(PART, 1000 / PART.fabric.register_ns)(adders(1))
    assert "stay below 4000 MHz" in caught.value.remedy


def test_a_pipelined_netlist_is_not_pipelined_again() -> None:
    with pytest.raises(InvalidValue, match="pipelined already"):
        Retime(PART, 200)(Retime(PART, 200)(adders(2)))


def test_names_stay_unique_and_layers_stay_known() -> None:
    for seed in range(10):
        plain = random_netlist(random.Random(seed), stages=0, words=60)
        found = check(Retime(PART, 400)(plain))
        assert {n.origin.layer for n in found} <= {n.origin.layer for n in plain}
        assert {n.name for n in plain if not isinstance(n.op, Shift | Bits)} <= {n.name for n in found}


def test_unused_inputs_stay() -> None:
    builder = NetlistBuilder()
    port = builder.input_port("x", (2,), [Word(0, 1), Word(0, 1)], ONE)
    found = check(Retime(PART, 300)(builder.finish("net", [port], [Port("y", (), port.words[:1], ONE)])))
    assert len(found.inputs[0].words) == 2
    assert latency_cycles(found) == 1


def test_registers_hold_as_many_bits_as_the_plan_counted_and_fewer_than_with_earliest_stages() -> None:
    least = early = 0
    for seed in range(25):
        rng = random.Random(seed)
        plain = random_netlist(rng, stages=0, words=120)
        given = random_vectors(plain, rng, 30)
        for clock in (150, 400):
            found, soon = (check(Retime(PART, clock, most_words=most)(plain)) for most in (1000, 0))
            assert latency_cycles(found) == latency_cycles(soon)
            for a, b, c in zip(run(plain, given), run(found, given), run(soon, given), strict=True):
                assert (a == b).all()
                assert (a == c).all()
            assert held(found) <= held(soon)
            least, early = least + held(found), early + held(soon)
    assert least < 0.8 * early


def held(program: Netlist) -> int:
    return sum(node.type.width for node in program if isinstance(node.op, Register))


def test_a_cut_word_waits_with_the_bits_that_are_still_read() -> None:
    builder = NetlistBuilder()
    port = builder.input_port("x", (3,), [Word(-128, 127)] * 3, ONE)
    top, field = builder.shift(port.words[0], -5), builder.bits(port.words[1], 2, 3)
    late = adder_tail(builder, port.words[2], 8)
    program = builder.finish("cut", [port], [Port("y", (3,), (top, field, late), ONE)])
    found = check(Retime(PART, 500)(program))
    assert latency_cycles(found) > 2
    widths = Counter(node.type.width for node in found if isinstance(node.op, Register) and "x_" in node.name)
    assert widths[3] >= 2 * latency_cycles(found), "three bits of each of the first two inputs"
    every = random_vectors(program, random.Random(0), 50)
    assert all((a == b).all() for a, b in zip(run(program, every), run(found, every), strict=True))


def adder_tail(builder: NetlistBuilder, word: int, count: int) -> int:
    total = word
    for _ in range(count):
        total = builder.clip(builder.add(total, word), -100, 100)
    return total


def test_stages_without_a_clock_are_balanced() -> None:
    plain = adders(24)
    times = []
    for count in (1, 2, 3, 6):
        found = check(Retime(PART, None, stages=count)(plain))
        assert latency_cycles(found) == count
        times.append(critical_ns(found, PART))
    assert times == sorted(times, reverse=True)
    assert times[-1] < 0.5 * times[0]


def test_more_stages_than_a_clock_needs_are_taken_and_fewer_refused() -> None:
    plain = adders(12)
    least = latency_cycles(Retime(PART, 400)(plain))
    assert latency_cycles(Retime(PART, 400, stages=least + 2)(plain)) == least + 2
    with pytest.raises(InvalidValue, match=f"{least} stages are needed"):
        Retime(PART, 400, stages=least - 1)(plain)


def test_a_better_clock_may_cost_its_share_of_flip_flops_and_no_cycle() -> None:
    for seed in range(6):
        plain = random_netlist(random.Random(seed), stages=0, words=120)
        least = Retime(PART, 250)(plain)
        better = check(Retime(PART, 250, balance=0.1)(plain))
        assert latency_cycles(better) == latency_cycles(least)
        assert held(least) <= held(better) <= 1.1 * held(least)
        assert critical_ns(better, PART) <= 1000 / 250 or critical_ns(better, PART) == critical_ns(least, PART)
