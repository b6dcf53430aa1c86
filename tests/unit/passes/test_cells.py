"""Folded recurrent layers: the same codes however many units are computed at a time, in the cycles of their steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.recurrent_graphs import CELLS, Steps4, recurrent

from bitwright.core.errors import InvalidProgram, Unsupported
from bitwright.cost.timetable import timetable
from bitwright.flow.vectors import random_codes
from bitwright.ir import dataflow
from bitwright.ir import graph as graphs
from bitwright.ir.dataflow.cell import cell_sizes
from bitwright.ir.dataflow.ops import Cell, Memory
from bitwright.ir.graph import Graph, Scan
from bitwright.ir.graph.ops import Concat
from bitwright.numeric import Ints
from bitwright.passes import apply
from bitwright.passes.buffer import Buffer
from bitwright.passes.streaming import Folding, Kernel, Place, Roll, fold_steps, legal_foldings
from bitwright.passes.streaming.between import plain_total
from bitwright.passes.streaming.gates import gates_of
from bitwright.platforms import device

ZYNQ = device("xc7z020")


def rolled(source: Graph) -> Graph:
    return graphs.check(apply(Roll()(source)))


def placed(graph: Graph, folding: Folding, clock: float | None) -> dataflow.Dataflow:
    return dataflow.check(Buffer()(Place(ZYNQ, clock, {"layer": folding})(graph)))


def foldings(graph: Graph) -> list[Folding]:
    node = next(n for n in graph.nodes if isinstance(n.op, Scan))
    found = legal_foldings(node.op, node, [a.type for a in graph.args_of(node)])
    return [f for f in found if f.kernel is Kernel.FOLDED]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("features", "units", "sequences", "clock"), [(3, 4, False, 100.0), (4, 6, True, None), (6, 4, False, 400.0)]
)
def test_any_folding_of_a_cell_computes_the_same(
    cell: str, features: int, units: int, sequences: bool, clock: float | None
) -> None:
    source = recurrent(cell, 5, features, units, sequences=sequences, backward=cell == "gru", seed=units)
    graph, codes = rolled(source), random_codes(source, 8, 1)
    wanted = graphs.run(source, codes)[0]
    assert [f.lanes for f in foldings(graph)] == [d for d in range(1, units + 1) if units % d == 0]
    node = next(n for n in graph.nodes if isinstance(n.op, Scan))
    for folding in foldings(graph):
        program = placed(graph, replace(folding, weights=Memory.BLOCK if folding.lanes == 2 else Memory.LUT), clock)
        assert np.array_equal(dataflow.run(program, codes)[0].reshape(wanted.shape), wanted), folding
        assert dataflow.parse(dataflow.show(program)) == program
        made = next(n for n in program.nodes if isinstance(n.op, Cell))
        assert isinstance(made.op, Cell)
        sizes = cell_sizes(made.op, [a.type for a in program.args_of(made)])
        least = fold_steps(node.op, node, [a.type for a in graph.args_of(node)], folding)
        steps = {a.name: a.steps for a in timetable(program).actors}["layer"]
        assert steps == least + 5 * (2 if cell == "gru_before" else 1) * sizes.idle


def test_sums_of_sums_take_a_second_visit_of_each_row() -> None:
    scan = next(n.op for n in rolled(recurrent("gru_before", features=3, units=4)).nodes if isinstance(n.op, Scan))
    found = gates_of(apply(scan.cell))
    assert found is not None
    assert found.between is not None
    assert (len(found.sums), found.kept, found.visits, len(found.between.carried)) == (3, [0], 2, 1)
    assert (len(found.between.early), len(found.between.late)) == (2, 1)
    gate = found.cell.nodes[found.between.carried[0]]
    assert (gate.type.low.array.min(), gate.type.high.array.max()) == (0, 7), "the gate is kept, not its sum"


class Deeper(Steps4):
    """Cells that visit rows more than twice, or at once with the state and what follows from it."""

    def three(self, x: int, states: list[int]) -> tuple[int, list[int]]:
        """Sums of sums of sums."""
        (h,) = self.read(states)
        for name in ("a", "b", "c"):
            h = self.clip(self.dense(name, self.put(Concat(0), x, h), self.units), 2, -8, 7)
        return h, [h]

    def both(self, x: int, states: list[int]) -> tuple[int, list[int]]:
        """The second sum reads the state too."""
        (h,) = self.read(states)
        a = self.clip(self.dense("a", self.put(Concat(0), x, h), self.units), 2, -8, 7)
        h = self.clip(self.dense("b", self.put(Concat(0), x, h, a), self.units), 2, -8, 7)
        return h, [h]


@pytest.mark.parametrize("cell", ["three", "both"])
def test_sums_that_more_visits_would_be_needed_for_are_not_folded(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.recurrent_graphs.Steps4", Deeper)
    graph = rolled(recurrent(cell))
    assert not foldings(graph)
    with pytest.raises(Unsupported, match="sums of sums of sums"):
        placed(graph, Folding(2), None)


def test_a_total_that_a_visit_does_not_know_stays_in_range() -> None:
    """Large biases: zero in the place of a sum would leave its range."""
    far = plain_total(np.array([5, -9, -3]), np.array([9, -4, 3]), np.array([0, 0, 20]))
    assert far.tolist() == [5, -4, -17]


def test_units_that_no_divisor_counts_are_refused() -> None:
    with pytest.raises(Unsupported, match="divisor"):
        placed(rolled(recurrent("lstm")), Folding(3), None)


def test_the_sums_of_a_gru_are_four_a_unit() -> None:
    """Two gates, and the row's and the state's part of the candidate apart."""
    scan = next(n.op for n in rolled(recurrent("gru", features=3, units=4)).nodes if isinstance(n.op, Scan))
    found = gates_of(apply(scan.cell))
    assert found is not None
    assert (len(found.sums), found.kept, found.back) == (4, [0], 0)
    assert found.weights.shape == (7, 16)
    parts = found.weights.reshape(7, 4, 4).any(axis=1)
    assert sorted((bool(parts[:3, s].any()), bool(parts[3:, s].any())) for s in range(4)) == [
        (False, True), (True, False), (True, True), (True, True),
    ]  # fmt: skip


def test_a_state_that_begins_unevenly_is_not_folded() -> None:
    graph = rolled(recurrent("simple"))
    at = next(i for i, n in enumerate(graph.nodes) if isinstance(n.op, Scan))
    node = graph.nodes[at]
    assert isinstance(node.op, Scan)
    uneven = replace(node, op=replace(node.op, initial=Ints([1, 0, 0, 0])))
    other = graphs.check(replace(graph, nodes=(*graph.nodes[:at], uneven, *graph.nodes[at + 1 :])))
    with pytest.raises(Unsupported, match="begin unevenly"):
        placed(other, Folding(2), None)
    codes = random_codes(other, 6, 1)
    whole = placed(other, Folding(kernel=Kernel.UNROLLED), None)
    assert np.array_equal(dataflow.run(whole, codes)[0].reshape(6, 4), graphs.run(other, codes)[0])


def test_a_cell_whose_state_grows_is_refused() -> None:
    program = placed(rolled(recurrent("lstm")), Folding(2), None)
    at = next(i for i, n in enumerate(program.nodes) if isinstance(n.op, Cell))
    node = program.nodes[at]
    assert isinstance(node.op, Cell)
    far = replace(node, op=replace(node.op, initial=Ints([0, 0, 999, 0])))
    with pytest.raises(InvalidProgram, match="begins as 999"):
        dataflow.check(replace(program, nodes=(*program.nodes[:at], far, *program.nodes[at + 1 :])))


def test_what_goes_back_may_be_any_state() -> None:
    source = recurrent("carried", 5, 3, 4)
    graph, codes = rolled(source), random_codes(source, 20, 1)
    scan = next(n.op for n in graph.nodes if isinstance(n.op, Scan))
    found = gates_of(apply(scan.cell))
    assert found is not None
    assert (found.back, found.kept) == (1, [0])
    program = placed(graph, Folding(2), 100.0)
    wanted = graphs.run(source, codes)[0]
    assert np.array_equal(dataflow.run(program, codes)[0].reshape(wanted.shape), wanted)
