"""Streams with an engine between them: the same function, wherever the graph is cut, and the cycles of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from tests.engine_graphs import codes, grouped, perceptron, residual
from tests.stream_programs import Clockwork, buffered, executed

from bitwright.core.errors import InvalidProgram, InvalidValue
from bitwright.cost.timetable import timetable
from bitwright.ir import dataflow as streams
from bitwright.ir import graph as graphs
from bitwright.ir.dataflow import Execute, schedule
from bitwright.ir.engine import cycles
from bitwright.ir.graph import Graph
from bitwright.passes.buffer import Buffer
from bitwright.passes.mix import ENGINE, Mix, Segment, cuts, parts_of
from bitwright.passes.streaming import Place
from bitwright.platforms import device

PART = device("xc7z020")


def segments(graph: Graph) -> list[Segment]:
    names = [graph.nodes[c].name for c in cuts(graph)]
    return [Segment(a, b) for a, b in combinations(names, 2)]


@pytest.mark.parametrize("make", [perceptron, residual, grouped])
def test_every_stretch_on_an_engine_leaves_the_function_as_it_was(make: Callable[[], Graph]) -> None:
    graph = make()
    given = codes(graph, 3)
    wanted = graphs.run(graph, given)
    for segment in segments(graph):
        made = streams.check(Mix(Place(PART), segment, 4)(graph))
        found = streams.run(made, given)
        assert all(np.array_equal(a, b) for a, b in zip(wanted, found, strict=True)), str(segment)


def test_a_mixed_program_reads_back_from_its_text() -> None:
    made = executed()
    assert streams.parse(streams.show(made)) == made


def test_cuts_are_passed_by_all_that_comes_later_and_keep_maps_with_their_layers() -> None:
    graph = residual()
    names = [graph.nodes[c].name for c in cuts(graph)]
    assert "map_2" not in names
    assert "conv" not in names
    assert names[:3] == ["x", "map", "map_3"]


def test_an_engine_alone_between_source_and_sink_keeps_its_own_cycles() -> None:
    graph = perceptron()
    whole = Segment(graph.nodes[0].name, graph.nodes[-1].name)
    made = Buffer()(Mix(Place(PART), whole, 4)(graph))
    (node,) = [n for n in made.nodes if isinstance(n.op, Execute)]
    alone, found = cycles(node.op.program), timetable(made)
    assert found.initiation_cycles == alone.initiation_cycles
    # It asks for its first word in cycle 2, when the source's of cycle 0 has waited; a channel more lies behind it.
    assert found.latency_cycles == alone.latency_cycles + 3


@pytest.mark.parametrize("depth", [1, 2, 7])
def test_the_cycles_of_streams_and_engine_together_are_those_of_a_literal_reading(depth: int) -> None:
    program = buffered(executed(), depth)
    read = Clockwork(program, 3).run()
    assert [tuple(times[len(times) // 3 - 1 :: len(times) // 3]) for times in read] == list(timetable(program, 3).ends)


def test_the_pace_is_that_of_the_slower_and_buffers_cost_no_cycle() -> None:
    graph = grouped()
    for segment in segments(graph)[:3]:
        made = Buffer()(Mix(Place(PART), segment, 4)(graph))
        plans = [schedule(n.op, n.type, [a.type for a in made.args_of(n)])[0] for n in made.nodes]
        assert timetable(made).initiation_cycles == max(p.steps for own in plans for p in own)


def test_what_lies_between_no_cuts_is_refused_with_the_names_of_cuts() -> None:
    graph = residual()
    for given, made in (("conv", "dense"), ("pool", "map"), ("x", "nobody")):
        with pytest.raises(InvalidValue, match="can be cut at x, map, map_3"):
            parts_of(graph, Segment(given, made))


def test_words_of_another_kind_than_the_engine_loads_are_refused() -> None:
    made = executed()
    at = next(i for i, n in enumerate(made.nodes) if n.name == ENGINE)
    node = made.nodes[at]
    wrong = streams.Stream(node.type.shape, 1, node.type.low, node.type.high, node.type.step)
    nodes = (*made.nodes[:at], replace(node, type=wrong), *made.nodes[at + 1 :])
    with pytest.raises(InvalidProgram, match=rf"executed\.{ENGINE}"):
        streams.check(replace(made, nodes=nodes))
