"""Small pieces of a netlist as tables: chosen only where they save LUTs, exact with their don't-cares."""

from __future__ import annotations

from itertools import product

import numpy as np

from bitwright.cost import predict
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word, check, run
from bitwright.ir.netlist.ops import Table
from bitwright.numeric import Steps
from bitwright.passes import Collapse
from bitwright.platforms import device

PART = device("xcvu9p")
ONE = Steps.of(1)


def a_neuron(ranges: list[tuple[int, int]], weights: list[int], top: int) -> Netlist:
    """clip(sum of weight * input - 3, 0, top)."""
    builder = NetlistBuilder()
    port = builder.input_port("x", (len(ranges),), [Word(a, b) for a, b in ranges], ONE)
    total = builder.constant(-3)
    for word, weight in zip(port.words, weights, strict=True):
        total = builder.sum([(total, 0, 1), (word, abs(weight) - 1, 1 if weight > 0 else -1)])
    y = builder.clip(total, 0, top)
    return check(builder.finish("neuron", [port], [_port("y", [y])]))


def _port(name: str, words: list[int]) -> Port:
    return Port(name, (len(words),), tuple(words), ONE)


def all_codes(ranges: list[tuple[int, int]]) -> np.ndarray:
    return np.array(list(product(*(range(a, b + 1) for a, b in ranges))))


def test_a_neuron_of_six_bits_is_a_lookup_table_for_each_output_bit() -> None:
    ranges = [(0, 3), (-2, 1), (0, 3)]
    before = a_neuron(ranges, [2, -1, 3], 3)
    after = check(Collapse(PART.fabric)(before))
    assert sum(isinstance(node.op, Table) for node in after.nodes) == 1
    assert predict(after, PART).luts == 2
    codes = all_codes(ranges)
    assert (run(after, [codes])[0] == run(before, [codes])[0]).all()


def test_codes_outside_proven_ranges_are_dont_cares_and_never_looked_up_wrongly() -> None:
    ranges = [(0, 2), (-3, 1), (1, 4)]
    before = a_neuron(ranges, [1, 2, -2], 5)
    after = check(Collapse(PART.fabric)(before))
    codes = all_codes(ranges)
    assert (run(after, [codes])[0] == run(before, [codes])[0]).all()
    assert predict(after, PART).luts <= predict(before, PART).luts


def test_a_sum_that_others_read_as_well_is_not_paid_twice() -> None:
    builder = NetlistBuilder()
    port = builder.input_port("x", (2,), [Word(0, 7), Word(0, 7)], ONE)
    total = builder.sum([(port.words[0], 0, 1), (port.words[1], 0, 1)])
    clipped = builder.clip(total, 0, 7)
    before = check(builder.finish("shared", [port], [_port("y", [total, clipped])]))
    after = check(Collapse(PART.fabric)(before))
    assert predict(after, PART).luts <= predict(before, PART).luts
    codes = all_codes([(0, 7), (0, 7)])
    assert (run(after, [codes])[0] == run(before, [codes])[0]).all()


def test_wide_words_stay_as_they_are() -> None:
    before = a_neuron([(0, 255), (-128, 127)], [1, 2], 300)
    assert Collapse(PART.fabric)(before) == before
