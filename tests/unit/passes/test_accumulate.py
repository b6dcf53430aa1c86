"""Rows of tables on carry chains: the same sums, in the LUTs of the tables alone."""

from __future__ import annotations

import random

import numpy as np
import pytest

from bitwright.cost.neighbors import area_of, tables_taken_in
from bitwright.ir import netlist as netlists
from bitwright.ir.netlist import Netlist, NetlistBuilder, Word
from bitwright.ir.netlist.ops import Sum, Table
from bitwright.numeric import Steps
from bitwright.passes import Accumulate
from bitwright.platforms import fabric

XCUP = fabric("xcup")


def neuron(seed: int, tables: int, address: int = 5, bits: int = 4, others: int = 0, constant: int | None = None):
    """A sum, three words at a time, of random tables of words of their own, and of words beside them."""
    rng = random.Random(seed)
    builder = NetlistBuilder()
    types = [Word(0, (1 << address) - 1)] * tables + [Word(-9, 12), Word(0, 20), Word(-4, 3)][:others]
    port = builder.input_port("x", (len(types),), types, Steps.of(1))
    terms = [(w, rng.randint(0, 2), 1) for w in port.words]
    for place in range(tables):
        values = [rng.randrange(1 << bits) for _ in range(1 << address)]
        terms[place] = builder.table(port.words[place], 0, values), rng.randint(0, 2), 1
    terms[tables:] = [(w, s, rng.choice((1, -1))) for w, s, _ in terms[tables:]]
    rng.shuffle(terms)
    while len(terms) > 3:
        terms = [*terms[3:], (builder.sum(terms[:3], rng.randint(0, 5)), 0, 1)]
    last = rng.randint(-300, 300) if constant is None else constant
    result = netlists.Port("y", (), (builder.sum(terms, last),), Steps.of(1))
    return builder.finish("neuron", [port], [result])


def luts(program: Netlist) -> float:
    return sum(a.luts for a in area_of(program, XCUP))


def codes(program: Netlist, count: int = 400):
    rng = np.random.default_rng(0)
    types = [program.nodes[w].type for w in program.inputs[0].words]
    ends = [np.array([[getattr(t, end) for t in types]]) for end in ("low", "high")]
    return [np.concatenate([*ends, np.stack([rng.integers(t.low, t.high + 1, count) for t in types], axis=1)])]


@pytest.mark.parametrize("others", [0, 1, 3])
@pytest.mark.parametrize("most", [1, 2, 8])
def test_rows_of_tables_are_the_same_sum_in_fewer_luts(others: int, most: int) -> None:
    fewer = 0
    for seed in range(12):
        program = neuron(seed, tables=1 + seed % 7, others=others)
        found = netlists.check(Accumulate(XCUP, most)(program))
        given = codes(program)
        assert np.array_equal(netlists.run(found, given)[0], netlists.run(program, given)[0]), seed
        assert luts(found) <= luts(program)
        fewer += luts(found) < luts(program)
    assert fewer > 6


def test_one_row_takes_no_more_luts_than_its_tables() -> None:
    program = neuron(3, tables=6, constant=0)
    found = Accumulate(XCUP, 8)(program)
    tables = [n for n in found if isinstance(n.op, Table)]
    assert len(tables) == 6
    assert luts(found) <= 4 * 6 + 2
    assert luts(found) < 0.8 * luts(program)
    assert len(tables_taken_in(found, XCUP)) == 5


def test_wide_addresses_and_tables_that_others_read_stay() -> None:
    wide = neuron(1, tables=4, address=6)
    assert Accumulate(XCUP)(wide) is wide
    builder = NetlistBuilder()
    port = builder.input_port("x", (2,), [Word(0, 31)] * 2, Steps.of(1))
    both = [builder.table(w, 0, [(7 * v) % 11 for v in range(32)]) for w in port.words]
    total = builder.sum([(both[0], 0, 1), (both[1], 0, 1)])
    results = [netlists.Port(n, (), (w,), Steps.of(1)) for n, w in (("y", total), ("a", both[0]), ("b", both[1]))]
    program = builder.finish("shared", [port], results)
    assert not tables_taken_in(Accumulate(XCUP)(program), XCUP)


def test_other_fabrics_keep_their_sums() -> None:
    program = neuron(2, tables=5)
    for family in ("ecp5", "ice40"):
        assert Accumulate(fabric(family))(program) is program


def test_rows_have_at_most_so_many_tables_in_a_row() -> None:
    program = neuron(5, tables=7, constant=3)
    taken = tables_taken_in(found := Accumulate(XCUP, 2)(program), XCUP)
    depth = [0] * len(found)
    for position, node in enumerate(found.nodes):
        if isinstance(node.op, Sum):
            depth[position] = (position in taken) * (1 + max(depth[a] for a in node.args))
    assert max(depth) == 2
