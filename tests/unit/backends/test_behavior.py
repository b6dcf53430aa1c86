"""The behavioral reference: a rule for every graph operator, and text that says what the graph says."""

from __future__ import annotations

import pytest

from bitwright.backends.verilog.behavior import Cell, behavior, behavioral
from bitwright.core.errors import Unsupported
from bitwright.core.origin import Origin
from bitwright.ir.graph import GraphBuilder, Scan, TensorType, evaluate
from bitwright.ir.graph.ops import Dense, Map
from bitwright.numeric import Interval, Ints, Rounding, ShiftRoundSaturate, Steps


def test_every_operator_that_runs_has_a_behavioral_rule() -> None:
    # A repetition is found for streams alone; the parallel architecture never sees it.
    assert evaluate.kinds - behavior.kinds == {Scan}


def test_a_neuron_reads_as_its_sum_of_products_and_its_map() -> None:
    builder = GraphBuilder()
    x = builder.input(TensorType((2,), Ints(-4), Ints(3), Steps.of(1)), "x")
    dense = builder.apply(Dense(Ints([[3], [-5]]), Ints([7])), [x], step=Steps.of(1), origin=Origin("fc"))
    form = ShiftRoundSaturate(*(Ints([n]) for n in (1, 0, 2)), Rounding.HALF_UP, Ints([0]), Ints([3]))
    out = builder.apply(Map(form, Ints(0)), [dense], step=Steps.of(1))
    graph = builder.graph("net", [out])
    given = {(0, 0): Cell("a", Interval(-4, 3)), (0, 1): Cell("b", Interval(-4, 3))}
    made = behavioral(graph, "neuron", given, {"y": (2, 0)})
    assert [(c.name, c.width) for c in (*made.inputs, *made.outputs)] == [("a", 3), ("b", 3), ("y", 3)]
    assert made.text == (
        "module neuron (\n"
        "    input  wire signed [2:0] a,\n"
        "    input  wire signed [2:0] b,\n"
        "    output wire signed [2:0] y\n"
        ");\n"
        "    wire signed [6:0] n1_0 = 5'sd7\n"
        "        + a * 4'sd3\n"
        "        + b * -5'sd5;\n"
        "    wire signed [6:0] n2_0_total = n1_0 * 3'sd1 + 2'sd0;\n"
        "    wire signed [6:0] n2_0_carried = n2_0_total + 4'sd2;\n"
        "    wire signed [4:0] n2_0_rounded = n2_0_carried >>> 2;\n"
        "    wire signed [2:0] n2_0 = n2_0_rounded < 2'sd0 ? 2'sd0 : n2_0_rounded > 4'sd3 ? 4'sd3 : n2_0_rounded;\n"
        "    assign y = n2_0;\n"
        "endmodule\n"
    )
    with pytest.raises(Unsupported, match="Input"):
        behavioral(graph, "neuron", {(0, 0): given[0, 0]}, {"y": (2, 0)})
