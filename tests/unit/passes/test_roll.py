"""Steps of recurrent layers become one cell, which computes the same on every level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.recurrent_graphs import CELLS, recurrent

from bitwright.core.errors import InvalidProgram
from bitwright.cost.timetable import timetable
from bitwright.flow.vectors import random_codes
from bitwright.ir import dataflow, netlist
from bitwright.ir import graph as graphs
from bitwright.ir.dataflow.ops import Recur
from bitwright.ir.graph import Graph, GraphBuilder, Scan
from bitwright.ir.graph.ops import Constant, Dense, Map, Multiply, Slice
from bitwright.numeric import Ints, ShiftRoundSaturate, Steps
from bitwright.passes import Synthesize, apply
from bitwright.passes.buffer import Buffer
from bitwright.passes.rewrite import GraphNode, keep, rebuild
from bitwright.passes.streaming import Folding, Kernel, Place, Roll
from bitwright.platforms import device

ZYNQ = device("xc7z020")


def scans(graph: Graph) -> list[Scan]:
    return [n.op for n in graph.nodes if isinstance(n.op, Scan)]


def unrolled(rolled: Graph) -> dict[str, Folding]:
    return {n.name: Folding(kernel=Kernel.UNROLLED) for n in rolled.nodes if isinstance(n.op, Scan)}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("backward", [False, True])
def test_a_recurrent_layer_is_one_scan(cell: str, sequences: bool, backward: bool) -> None:
    source = recurrent(cell, sequences=sequences, backward=backward, dense=2)
    rolled = graphs.check(Roll()(source))
    assert len(scans(rolled)) == 1
    assert scans(rolled)[0].last == (not sequences)
    assert sum(isinstance(n.op, Dense) for n in rolled.nodes) == 1
    assert sum(isinstance(n.op, Slice) for n in rolled.nodes) == backward
    codes = random_codes(source, 40, 1)
    assert np.array_equal(graphs.run(rolled, codes)[0], graphs.run(source, codes)[0])
    assert graphs.parse(graphs.show(rolled)) == rolled
    passed = graphs.check(apply(rolled))
    assert len(scans(passed)) == 1
    assert np.array_equal(graphs.run(passed, codes)[0], graphs.run(source, codes)[0])


@pytest.mark.parametrize("cell", CELLS)
def test_rolling_what_passes_have_changed_changes_nothing(cell: str) -> None:
    source = recurrent(cell, 6, dense=2)
    codes = random_codes(source, 40, 1)
    rolled = graphs.check(Roll()(apply(source)))
    assert np.array_equal(graphs.run(rolled, codes)[0], graphs.run(source, codes)[0])


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_keeps_no_state_that_it_can_compute(cell: str) -> None:
    (scan,) = scans(Roll()(recurrent(cell)))
    assert scan.initial.array.size == (8 if cell == "lstm" else 4)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("clock", [None, 100.0, 400.0])
def test_a_cell_in_a_stream_computes_the_same(cell: str, clock: float | None) -> None:
    source = recurrent(cell, sequences=cell == "simple", backward=cell == "gru", seed=3)
    rolled = apply(Roll()(source))
    program = dataflow.check(Buffer()(Place(ZYNQ, clock, unrolled(rolled))(rolled)))
    assert sum(isinstance(n.op, Recur) for n in program.nodes) == 1
    codes = random_codes(source, 12, 2)
    wanted = graphs.run(source, codes)[0]
    assert np.array_equal(dataflow.run(program, codes)[0].reshape(wanted.shape), wanted)
    assert dataflow.parse(dataflow.show(program)) == program


def test_a_step_takes_as_long_as_its_loop() -> None:
    rolled = apply(Roll()(recurrent("lstm", 6)))
    slow, fast = (Buffer()(Place(ZYNQ, clock, unrolled(rolled))(rolled)) for clock in (400.0, None))
    (loop,) = (n.op for n in slow.nodes if isinstance(n.op, Recur))
    cycles = netlist.latency_cycles(loop.step) + 1
    assert cycles > 1
    busiest = {a.name: a.steps for a in timetable(slow).actors}
    assert busiest["layer"] == 6 * cycles
    assert {a.name: a.steps for a in timetable(fast).actors}["layer"] == 6


def test_unrolled_the_scan_is_the_layer_again() -> None:
    source = recurrent("lstm", 4)
    codes = random_codes(source, 10, 3)
    made = netlist.run(Synthesize()(Roll()(source)), codes)
    assert np.array_equal(made[0], graphs.run(source, codes)[0])


def test_steps_that_differ_stay_steps() -> None:
    source = recurrent("simple", 5)
    at = [i for i, n in enumerate(source.nodes) if isinstance(n.op, Dense)]
    for number in (0, 1, 3):
        node = source.nodes[at[number]]
        assert isinstance(node.op, Dense)
        weights = node.op.weights.array.copy()
        weights[0, 0] += 1
        changed = replace(node, op=replace(node.op, weights=Ints(weights)))
        other = replace(source, nodes=(*source.nodes[: at[number]], changed, *source.nodes[at[number] + 1 :]))
        assert not scans(Roll()(other))


def test_a_result_in_the_middle_keeps_the_steps() -> None:
    source = recurrent("simple", 5)
    at = [i for i, n in enumerate(source.nodes) if isinstance(n.op, Dense)]
    assert not scans(Roll()(replace(source, outputs=(*source.outputs, at[2]))))


def test_a_state_that_leaves_its_range_is_no_scan() -> None:
    rolled = Roll()(recurrent("simple", 5))
    at = next(i for i, n in enumerate(rolled.nodes) if isinstance(n.op, Scan))
    node = rolled.nodes[at]
    assert isinstance(node.op, Scan)
    far = replace(node, op=replace(node.op, initial=Ints([99, 0, 0, 0])))
    with pytest.raises(InvalidProgram, match="leaves its range"):
        graphs.check(replace(rolled, nodes=(*rolled.nodes[:at], far, *rolled.nodes[at + 1 :])))


@pytest.mark.parametrize("number", [0, 2, 3])
def test_a_step_with_another_function_stays_a_step(number: int) -> None:
    source = recurrent("simple", 5)
    dense = [i for i, n in enumerate(source.nodes) if isinstance(n.op, Dense)]
    at = next(i for i in source.consumers()[dense[number]])
    node = source.nodes[at]
    assert isinstance(node.op, Map)
    assert isinstance(node.op.form, ShiftRoundSaturate)
    form = replace(node.op.form, add=Ints([1]))
    changed = replace(node, op=replace(node.op, form=form))
    assert not scans(Roll()(replace(source, nodes=(*source.nodes[:at], changed, *source.nodes[at + 1 :]))))


@pytest.mark.parametrize("cell", CELLS)
def test_states_begin_with_the_layers_own_codes(cell: str) -> None:
    source = recurrent(cell, 4, sequences=True)
    at = next(i for i, n in enumerate(source.nodes) if isinstance(n.op, Constant))
    node = source.nodes[at]
    begins = Ints([3, -2, 0, 7])
    nodes = (*source.nodes[:at], replace(node, op=Constant(begins)), *source.nodes[at + 1 :])
    other = rebuild(replace(source, nodes=nodes), keep)
    rolled = graphs.check(Roll()(other))
    (scan,) = scans(rolled)
    assert scan.initial.array.reshape(-1, 4).tolist() == [[3, -2, 0, 7]] * (scan.initial.array.size // 4)
    codes = random_codes(other, 40, 4)
    assert np.array_equal(graphs.run(rolled, codes)[0], graphs.run(other, codes)[0])
    assert not np.array_equal(graphs.run(rolled, codes)[0], graphs.run(source, codes)[0])


def test_a_first_step_that_meets_two_states_in_one_is_no_step_of_the_cell() -> None:
    source = recurrent("gru", 4)
    first = next(n for n in source.nodes if isinstance(n.op, Multiply) and source.nodes[n.args[1]].type.largest == 0)

    def other(builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
        if node is first:
            args = [args[0], builder.apply(Constant(Ints([1, 0, 0, 0])), [], step=Steps.of(1), name="one")]
        return keep(builder, node, args)

    changed = graphs.check(rebuild(source, other))
    rolled, codes = graphs.check(Roll()(changed)), random_codes(source, 40, 1)
    assert not scans(rolled)
    assert np.array_equal(graphs.run(rolled, codes)[0], graphs.run(changed, codes)[0])
