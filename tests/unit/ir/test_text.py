"""Programs print as a person would write them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from bitwright.core.errors import ParseError
from bitwright.core.origin import Origin
from bitwright.ir import graph as graphs
from bitwright.ir import netlist as netlists
from bitwright.ir.graph import Graph, GraphBuilder, Scan, TensorType, ops
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.ir.netlist.ops import Register
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps, Table, Thresholds


def network() -> Graph:
    builder = GraphBuilder()
    x = builder.input(TensorType((3, 2), Ints([-8, 0]), Ints([7, 15]), Steps.of(Fraction(1, 16))), "x")
    weights = Ints([[[1, 0], [-3, 2]], [[0, 5], [0, 1]]])
    conv = ops.Conv(weights, Ints([1, 0]), (1,), ((1, 0),), (1,))
    last = builder.apply(conv, [x], step=Steps.of(Fraction(1, 255)), name="in", origin=Origin("block/conv 1"))
    relu = ShiftRoundSaturate(Ints([1, 1]), Ints([0, 2]), Ints([2, 3]), Rounding.HALF_EVEN, Ints([0, 0]), Ints([7, 7]))
    last = builder.apply(ops.Map(relu, Ints([0, 1])), [last], step=Steps.of([1, 2]), name="relu", origin=Origin("relu"))
    flat = builder.apply(ops.Reshape((6,)), [last], name="flatten", origin=Origin("flatten", ("canonical",)))
    sign = Thresholds(Ints([[3]]), Ints([[-1, 1]]))
    signs = builder.apply(ops.Map(sign, Ints(0)), [flat], step=Steps.of(1), name="sign")
    odd = builder.apply(ops.Map(Table(Ints([0]), Ints([[0, 3, 1, 4, 1, 5, 2, 6]])), Ints(0)), [flat], step=Steps.of(1))
    return builder.graph("small", [signs, odd])


def test_a_graph_reads_as_committed(golden: Callable[[str, str], None]) -> None:
    golden("ir/graph.txt", graphs.show(network()))


def words() -> Netlist:
    builder = NetlistBuilder()
    port = builder.input_port("x", (2,), [Word(-8, 7), Word(0, 15)], Steps.of(Fraction(1, 16)))
    builder.at(Origin("block/conv 1", ("share",)))
    a, b = port.words
    total = builder.add(a, b, 2)
    spread = builder.subtract(a, b, 0, 1)
    builder.at(Origin("relu"))
    cut = builder.clip(builder.shift(total, -2), 0, 7)
    wins = builder.mux(builder.at_least(spread, builder.constant(3)), cut, builder.bits(b, 1, 2))
    kept = builder.word(Register(), builder.table(wins, 0, [0, 3, 1, 4, 1, 5, 9, 2]))
    product = builder.word(Register(), builder.multiply(a, b))
    results = [Port("y", (1,), (kept,), Steps.of(1)), Port("z", (), (product,), Steps.of(Fraction(1, 255)))]
    return builder.finish("small", [port], results)


def test_a_netlist_reads_as_committed(golden: Callable[[str, str], None]) -> None:
    golden("ir/netlist.txt", netlists.show(netlists.check(words())))


def test_long_arrays_read_back_wherever_they_stand() -> None:
    """In a program, in a program inside it, and in a name that only looks like one."""
    rng, one = np.random.default_rng(0), Steps.of(1)
    inner = GraphBuilder()
    row = inner.input(TensorType((1, 40), Ints(-1), Ints(1), one), "row")
    state = inner.input(TensorType((2,), Ints(0), Ints(1), one), "state")
    flat = inner.apply(ops.Reshape((40,)), [row], name="flat")
    dense = ops.Dense(Ints(rng.integers(-(1 << 40), 1 << 40, (40, 8))), Ints([0] * 8))
    cell = inner.graph("cell", [inner.apply(dense, [flat], step=one, name="sum"), state])
    builder, odd = GraphBuilder(), "[" + "1," * 400 + "1]"
    x = builder.input(TensorType((5, 40), Ints(-1), Ints(1), one), "x")
    y = builder.apply(Scan(cell, Ints([0, 1])), [x], step=one, name="scan", origin=Origin(odd))
    graph = builder.graph(odd, [y])
    assert graphs.parse(graphs.show(graph)) == graph


@pytest.mark.parametrize(("was", "wrong"), [("1,1],[1", "1,1,1],[1"), ("1,1],[1", "1,-],[1"), ("1,1],[1", "1,01],[1")])
def test_a_long_array_that_is_none_is_refused(was: str, wrong: str) -> None:
    builder = GraphBuilder()
    x = builder.input(TensorType((300,), Ints(-1), Ints(1), Steps.of(1)), "x")
    dense = ops.Dense(Ints(np.ones((300, 2), dtype=np.int64)), Ints([0, 0]))
    text = graphs.show(builder.graph("net", [builder.apply(dense, [x], step=Steps.of(1), name="sum")]))
    assert was in text
    with pytest.raises(ParseError, match="line 3"):
        graphs.parse(text.replace(was, wrong, 1))


@pytest.mark.parametrize("turned", [False, True])
def test_arrays_of_integers_and_fractions_read_back(turned: bool) -> None:
    """Steps are both: a row of integers is a part of an array then, and no array."""
    rows = [[1] * 129 + [2], [Fraction(1, 2)] * 130]
    builder = GraphBuilder()
    x = builder.input(TensorType((2, 130), Ints(0), Ints(1), Steps.of(rows[::-1] if turned else rows)), "x")
    graph = builder.graph("net", [x])
    assert graphs.parse(graphs.show(graph)) == graph


def test_names_like_those_of_arrays_stay_names() -> None:
    """Written out they are names like others; spelled so that only Python's parser sees them they are refused."""
    builder = GraphBuilder()
    x = builder.input(TensorType((300,), Ints([-1] * 300), Ints(1), Steps.of(1)), "x")
    text = graphs.show(builder.graph("net", [x]))
    assert graphs.parse(text.replace("'net'", "'__array_0__'")).name == "__array_0__"
    for odd in ("\\x5f_array_0__", "\\x5f_array_7__"):
        with pytest.raises(ParseError, match="is not defined above"):
            graphs.parse(text.replace("'net'", f"'{odd}'"))


def test_brackets_without_end_are_refused_at_once() -> None:
    with pytest.raises(ParseError, match="no graph program"):
        graphs.parse("[" * 100_000)
