"""An operator is one class and a row of rules: this prints which of them are missing."""

from __future__ import annotations

import pytest

from bitwright.backends.cpp import emulate
from bitwright.backends.cpp.folded import fold
from bitwright.backends.cpp.maps import body as form_body
from bitwright.backends.cpp.streaming import described
from bitwright.backends.cpp.streaming.engine import instruction
from bitwright.backends.cpp.words import hls
from bitwright.backends.verilog import verilog
from bitwright.backends.verilog.engine.code import fields_of
from bitwright.backends.verilog.stream.fronts import front
from bitwright.core.rules import Rules
from bitwright.cost import area, delay_ns
from bitwright.ir import dataflow as streams
from bitwright.ir import engine as engines
from bitwright.ir import graph as graphs
from bitwright.ir import netlist as netlists
from bitwright.ir.dataflow import ops as actors
from bitwright.ir.dataflow.infer import bare
from bitwright.ir.dataflow.text import WORDS as ACTOR_WORDS
from bitwright.ir.engine import ops as instructions
from bitwright.ir.engine.text import WORDS as ENGINE_WORDS
from bitwright.ir.graph import ops as graph_ops
from bitwright.ir.graph.infer import step
from bitwright.ir.graph.scan import Scan
from bitwright.ir.graph.text import WORDS as GRAPH_WORDS
from bitwright.ir.netlist import ops as netlist_ops
from bitwright.ir.netlist.text import WORDS as NETLIST_WORDS
from bitwright.ir.program import Op
from bitwright.numeric import ShiftRoundSaturate, Table, Thresholds
from bitwright.passes.streaming.placer import place
from bitwright.passes.synthesize import unroll
from bitwright.passes.words import element


def classes(module: object, base: type[Op]) -> list[type[Op]]:
    known = [getattr(module, name) for name in module.__all__]  # pyright: ignore[reportAttributeAccessIssue]
    return [kind for kind in known if isinstance(kind, type) and issubclass(kind, base) and kind is not base]


GRAPH = [*classes(graph_ops, graph_ops.GraphOp), Scan]
NETLIST = classes(netlist_ops, netlist_ops.WordOp)
ACTORS = [*classes(actors, actors.Actor), streams.Execute]
INSTRUCTIONS = classes(instructions, instructions.Instruction)

# Inputs are given, not computed: the programs' own loops handle them before they ask a rule.
TABLES: list[tuple[str, Rules[..., object], list[type[Op]], set[type[Op]]]] = [
    ("graph: run", graphs.evaluate, GRAPH, {graph_ops.Input}),
    ("graph: range", graphs.bounds, GRAPH, {graph_ops.Input}),
    ("graph: step", step, GRAPH, {graph_ops.Input}),
    ("graph: unroll", unroll, GRAPH, {graph_ops.Input}),
    # Scans are made on the way to streams; C++ has the steps.
    ("graph: C++", emulate, GRAPH, {graph_ops.Input, Scan}),
    ("graph: folded HLS C++", fold, GRAPH, {graph_ops.Input, Scan}),
    # Constants are operands of others.
    ("graph: place", place, GRAPH, {graph_ops.Input, graph_ops.Constant}),
    ("dataflow: run", streams.evaluate, ACTORS, {actors.Source}),
    ("dataflow: range", bare, ACTORS, {actors.Source}),
    ("dataflow: schedule", streams.schedule, ACTORS, set()),
    ("dataflow: Verilog", front, ACTORS, {actors.Source, streams.Execute}),
    ("dataflow: HLS C++", described, ACTORS, {actors.Source}),
    ("engine: HLS C++", instruction, INSTRUCTIONS, set()),
    ("engine: run", engines.execute, INSTRUCTIONS, set()),
    ("engine: steps", engines.steps, INSTRUCTIONS, set()),
    ("engine: code", fields_of, INSTRUCTIONS, set()),
    ("netlist: run", netlists.evaluate, NETLIST, {netlist_ops.Input}),
    ("netlist: instruction", netlists.instruction, NETLIST, {netlist_ops.Input, netlist_ops.Constant}),
    ("netlist: range", netlists.infer, NETLIST, {netlist_ops.Input}),
    ("netlist: area", area, NETLIST, set()),
    ("netlist: delay", delay_ns, NETLIST, set()),
    ("netlist: Verilog", verilog, NETLIST, {netlist_ops.Input}),
    ("netlist: HLS C++", hls, NETLIST, {netlist_ops.Input}),
]


def gaps(rules: Rules[..., object], kinds: list[type[Op]], given: set[type[Op]]) -> list[str]:
    return [kind.__name__ for kind in kinds if kind not in given and kind not in rules]


@pytest.mark.parametrize(("question", "rules", "kinds", "given"), TABLES, ids=[row[0] for row in TABLES])
def test_every_operator_has_a_rule(
    question: str, rules: Rules[..., object], kinds: list[type[Op]], given: set[type[Op]]
) -> None:
    missing = gaps(rules, kinds, given)
    assert not missing, f"{question} has no rule for {', '.join(missing)}"


@pytest.mark.parametrize(
    ("words", "kinds"),
    [(GRAPH_WORDS, GRAPH), (ACTOR_WORDS, ACTORS), (NETLIST_WORDS, NETLIST), (ENGINE_WORDS, INSTRUCTIONS)],
)
def test_every_operator_is_a_word_of_its_level(words: graphs.text.Vocabulary, kinds: list[type[Op]]) -> None:
    missing = [kind.__name__ for kind in kinds if words.classes.get(kind.__name__) is not kind]
    assert not missing, f"the text of a {words.level} cannot say {', '.join(missing)}"


def test_every_form_of_a_map_can_be_built_from_words_and_written() -> None:
    for form in (ShiftRoundSaturate, Thresholds, Table):
        assert form in element
        assert form in form_body
        assert GRAPH_WORDS.classes[form.__name__] is form


def test_no_table_answers_for_a_class_that_is_no_operator() -> None:
    for question, rules, kinds, _ in TABLES:
        base = graph_ops.GraphOp if kinds is GRAPH else netlist_ops.WordOp
        strangers = {kind for kind in rules.kinds if kind not in kinds and kind is not base}
        assert not strangers, f"{question} answers for {strangers}"


def test_a_gap_would_be_seen() -> None:
    fresh: Rules[[], int] = Rules("nothing yet")
    assert gaps(fresh, GRAPH, set()) == [kind.__name__ for kind in GRAPH]
    assert len(GRAPH) >= 18
    assert len(NETLIST) >= 12
