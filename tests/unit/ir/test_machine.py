"""A netlist is flattened once, into as few instructions and as narrow lanes as it allows."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest

from bitwright.core.errors import InvalidValue
from bitwright.core.interpreter import IS_NATIVE, Instruction
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word, evaluated, machine_of, run
from bitwright.ir.netlist import machine as machines
from bitwright.ir.netlist import ops as words
from bitwright.ir.netlist.machine import flattened
from bitwright.ir.program import Node
from bitwright.numeric import Ints, Steps

ONE = Steps.of(1)


def finished(builder: NetlistBuilder, port: Port, *outputs: int) -> Netlist:
    return builder.finish("net", [port], [Port("y", (len(outputs),), outputs, ONE)])


def started(*types: Word) -> tuple[NetlistBuilder, Port]:
    builder = NetlistBuilder()
    return builder, builder.input_port("x", (len(types),), types, ONE)


def instructions(program: Netlist) -> list[Instruction]:
    return [Instruction(row[0]) for row in flattened(program).steps.tolist()]


def test_constants_and_registers_cost_no_instruction() -> None:
    builder, port = started(Word(0, 7), Word(0, 7))
    a, b = port.words
    five = builder.constant(5)
    total = builder.word(words.Register(), builder.word(words.Register(), builder.add(a, five)))
    least, most = builder.at_least(b, five), builder.at_least(five, b)
    difference = builder.subtract(five, builder.sum([(a, 0, 1), (b, 2, -1), (five, 1, -1)]))
    program = finished(builder, port, total, least, most, difference, five)
    found = instructions(program)
    assert found.count(Instruction.SUM_10) == 1
    assert {Instruction.AT_LEAST_NUMBER, Instruction.AT_MOST_NUMBER, Instruction.SUM_11} < set(found)
    assert len(found) == 5
    codes = np.array([[0, 0], [7, 7], [3, 5]])
    assert (run(program, [codes])[0] == evaluated(program, [codes])[0]).all()


@pytest.mark.parametrize(
    ("low", "high", "bits"),
    [
        (-(1 << 15), (1 << 15) - 1, 16),
        (-(1 << 15), 1 << 15, 32),
        (-(1 << 15) - 1, 0, 32),
        (-(1 << 31), (1 << 31) - 1, 32),
        (0, 1 << 31, 64),
        (-(1 << 31) - 1, 0, 64),
    ],
)
def test_lanes_are_the_narrowest_that_hold_every_word(low: int, high: int, bits: int) -> None:
    builder, port = started(Word(low, high), Word(0, 1))
    least = builder.at_least(port.words[0], builder.constant(high))
    program = finished(builder, port, builder.bits(port.words[0], 3, 4), least)
    assert flattened(program).lane_bits == bits
    codes = np.array([[low, 0], [high, 1], [(low + high) // 2, 0]])
    assert (run(program, [codes])[0] == evaluated(program, [codes])[0]).all()


def test_numbers_of_an_operator_may_be_wider_than_its_words() -> None:
    builder, port = started(Word(-9, 9))
    a = port.words[0]
    made = [
        builder.word(words.Clip(-5, 1 << 50), a),
        builder.word(words.Clip(-(1 << 50), 4), a),
        builder.word(words.Sum((0,), (1,), 1 << 20), builder.word(words.Sum((0,), (1,), -(1 << 20)), a)),
        builder.shift(a, -40),
        builder.word(words.Bits(0, 5), builder.shift(a, -16)),
        builder.word(words.Bits(2, 12), a),
    ]
    wide = finished(builder, port, *made)
    narrow = finished(builder, port, *made[:2], *made[3:])
    assert (flattened(wide).lane_bits, flattened(narrow).lane_bits) == (32, 16)
    for program in (wide, narrow):
        codes = np.arange(-9, 10)[:, None]
        assert (run(program, [codes])[0] == evaluated(program, [codes])[0]).all()


def test_equal_tables_are_kept_once() -> None:
    builder, port = started(Word(0, 7), Word(0, 7))
    squares = [builder.table(word, 0, [v * v for v in range(8)]) for word in port.words]
    program = finished(builder, port, *squares, builder.table(port.words[0], 0, range(9, 1, -1)))
    assert len(flattened(program).tables) == 16
    assert run(program, [np.array([[3, 4]])])[0].tolist() == [[9, 16, 6]]


def test_a_netlist_that_nobody_folded_runs_as_well() -> None:
    nodes = (
        Node(words.Constant(3), (), Word(3, 3), "three"),
        Node(words.Sum((1, 0), (-1, -1), 4), (0, 0), Word(-5, -5), "less"),
        Node(words.Add(2, 0), (0, 1), Word(7, 7), "more"),
        Node(words.AtLeast(), (0, 1), Word(1, 1), "least"),
        Node(words.Mux(), (3, 2, 1), Word(7, 7), "chosen"),
        Node(words.Table(7, Ints([11])), (4,), Word(11, 11), "found"),
    )
    program = Netlist("constant", nodes, (1, 5), (), (Port("y", (2,), (1, 5), ONE),))
    assert run(program, [])[0].tolist() == evaluated(program, [])[0].tolist() == [[-5, 11]]


def test_samples_beside_fewer_samples_are_refused() -> None:
    builder = NetlistBuilder()
    ports = [builder.input_port(name, (), [Word(0, 7)], ONE) for name in ("a", "b")]
    total = builder.add(ports[0].words[0], ports[1].words[0])
    program = builder.finish("net", ports, [Port("y", (), (total,), ONE)])
    assert run(program, [np.array([1, 2]), np.array([3, 7])])[0].tolist() == [4, 9]
    with pytest.raises(InvalidValue, match="port 'b'"):
        run(program, [np.array([1, 2]), np.array([3])])
    with pytest.raises(InvalidValue, match="port 'b': a code lies outside its range"):
        run(program, [np.array([1, 2]), np.array([3, 8])])


def test_a_netlist_is_flattened_once_and_forgotten_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    builder, port = started(Word(0, 7))
    program = finished(builder, port, builder.shift(port.words[0], 2))
    known = len(machines._known)
    assert machine_of(program) is machine_of(program)
    assert machine_of(replace(program)) is not machine_of(program)
    del program
    gc.collect()
    assert len(machines._known) == known


@pytest.mark.skipif(not IS_NATIVE, reason="the twin frees arrays, not slots")
def test_memory_is_that_of_the_words_alive_at_once() -> None:
    builder, port = started(Word(0, 1))
    word = port.words[0]
    for step in range(500):
        word = builder.word(words.Sum((0,), (1,), step % 2 * 2 - 1), word)
    assert machine_of(finished(builder, port, word))._machine.slots == 1
