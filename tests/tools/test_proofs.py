"""Formal proofs of emitted neurons: what is right is proved, a planted fault is refuted by an input that shows it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bitwright.core.errors import InvalidValue, Mismatch
from bitwright.core.origin import Origin
from bitwright.core.progress import Silent
from bitwright.flow.design import Design
from bitwright.flow.options import Options
from bitwright.flow.proofs.neurons import prove
from bitwright.ir import graph as graphs
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Dense, Map, MaxPool, Reshape
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps, Table, Thresholds
from bitwright.toolchain import Ports
from bitwright.toolchain.prove import Miter, Verdict, prove_all
from bitwright.toolchain.prove import prove as prove_modules

pytestmark = pytest.mark.tool("yosys")

SIDES = """
module reference(
  input wire signed [3:0] a, input wire signed [3:0] b, output wire [4:0] sum, output wire [7:0] product
);
  assign sum = {a[3], a} + {b[3], b};
  assign product = a * b;
endmodule
module candidate(
  input wire clk, input wire [3:0] a, input wire [3:0] b, output reg [4:0] sum, output wire [7:0] product
);
  reg [4:0] held;
  always @(posedge clk) held <= {b[3], b} - ~{a[3], a};
  always @(posedge clk) sum <= held - 5'd1;
  assign product = {{4{a[3]}}, a} * {{4{b[3]}}, b} ^ (a == 4'd7);
endmodule
"""
PORTS = Ports((("a", 4), ("b", 4)), (("sum", 5), ("product", 8)))


def test_outputs_are_judged_one_by_one_with_flip_flops_as_wires(tmp_path: Path) -> None:
    (tmp_path / "sides.v").write_text(SIDES)
    whole = Miter("reference", "candidate", PORTS)
    small = Miter("reference", "candidate", PORTS, {"a": (-8, 6), "b": (-3, 7)})
    (right, wrong), (_, outside) = prove_all([tmp_path / "sides.v"], [whole, small], workdir=tmp_path)
    assert (right.verdict, wrong.verdict) == (Verdict.PROVED, Verdict.REFUTED)
    assert wrong.inputs["a"] == 7
    assert wrong.reference is not None
    assert wrong.candidate == wrong.reference ^ 1
    assert outside.verdict is Verdict.PROVED, "the fault lies outside the assumed range"


def test_what_takes_too_long_is_undecided(tmp_path: Path) -> None:
    text = "".join(
        f"module {name}(input wire [15:0] a, input wire [15:0] b, output wire [31:0] y); assign y = {y}; endmodule\n"
        for name, y in (("p", "a * b"), ("q", "b * (a + 16'd1) - b"))
    )
    (tmp_path / "both.v").write_text(text)
    miter = Miter("p", "q", Ports((("a", 16), ("b", 16)), (("y", 32),), clock=""))
    (proof,) = prove_modules([tmp_path / "both.v"], miter, workdir=tmp_path, timeout_s=1)
    assert proof.verdict is Verdict.UNDECIDED


def _map(builder: GraphBuilder, source: int, form: object, layer: str) -> int:
    return builder.apply(
        Map(form, Ints(0)), [source], step=Steps.of(1), name=layer, origin=Origin(layer)  # type: ignore[arg-type]
    )


def _dense(builder: GraphBuilder, source: int, weights: np.ndarray, bias: list[int], layer: str) -> int:
    op = Dense(Ints(weights), Ints(bias))
    return builder.apply(op, [source], step=Steps.of(1), name=layer, origin=Origin(layer))


def network() -> Graph:
    """Three layers: rounding and saturation, thresholds, a table behind a pool."""
    rng = np.random.default_rng(3)
    builder = GraphBuilder()
    x = builder.input(TensorType((4,), Ints([-4, -4, 0, -3]), Ints([3, 3, 6, 3]), Steps.of(1)), "x")
    weights = rng.integers(-2, 3, (4, 4))
    first = _dense(builder, x, weights, [1, -3, 0, 2], "fc1")
    relu = ShiftRoundSaturate(*(Ints([n]) for n in (1, 0, 1)), Rounding.HALF_EVEN, Ints([0]), Ints([5]))
    second = _map(builder, first, relu, "relu")
    weights = rng.integers(-1, 2, (4, 4))
    third = _dense(builder, second, weights, [0, 1, -1, 0], "fc2")
    steps = _map(builder, third, Thresholds(Ints([[-4, -1, 2, 6]]), Ints([[-2, 1, 0, 3, 2]])), "steps")
    square = builder.apply(Reshape((2, 2, 1)), [steps], name="square", origin=Origin("square"))
    pool = builder.apply(MaxPool((1, 2), (1, 1), ((0, 0), (0, 0))), [square], name="pool", origin=Origin("pool"))
    last = _map(builder, pool, Table(Ints([-2]), Ints([[3, -4, 0, 7, 1, -6]])), "lut")
    return builder.graph("net", [last])


def design() -> Design:
    graph = network()
    return Design("net", Options(clock_mhz=400.0), graph, graph, (), ())


@pytest.mark.parametrize("primitives", [False, True])
def test_every_neuron_of_a_small_network_is_proved_in_the_files_that_were_written(
    tmp_path: Path, primitives: bool
) -> None:
    made = design()
    made.write(tmp_path, vectors=0, primitives=primitives, emulator=False)
    assert (tmp_path / "rtl" / "bw_sum.v").exists() == primitives
    certificate = made.prove(99, folder=tmp_path)
    assert {row.layer for row in certificate.neurons} >= {"relu", "steps", "lut"}
    assert certificate.proved == f"proved {len(certificate.neurons)} of {len(certificate.neurons)} neurons"
    # The outputs, and what the compiler leaves as words of its own: three elements went into the tables behind them.
    assert {(row.layer, row.element) for row in certificate.neurons} >= {("lut", 0), ("lut", 1)}
    assert len(certificate.neurons) >= 7
    assert type(certificate).from_json(certificate.to_json()) == certificate


def wide() -> Design:
    """Two neurons whose sums no SAT solver proves whole: what the compiler adds where is its own affair."""
    rng, builder = np.random.default_rng(1), GraphBuilder()
    x = builder.input(TensorType((8,), Ints(-16), Ints(15), Steps.of(1)), "x")
    sums = _dense(builder, x, rng.integers(-15, 16, (8, 2)), [100, -7], "fc")
    relu = ShiftRoundSaturate(*(Ints([n]) for n in (1, 0, 5)), Rounding.HALF_EVEN, Ints([0]), Ints([31]))
    last = _map(builder, sums, relu, "relu")
    graph = builder.graph("wide", [last])
    return Design("wide", Options(clock_mhz=300.0), graph, graph, (), ())


def test_sums_that_no_solver_sees_through_are_proved_by_parts(tmp_path: Path) -> None:
    made = wide()
    made.write(tmp_path, vectors=0, emulator=False)
    rows = prove(made, folder=tmp_path, progress=Silent(), timeout_s=30)
    assert [row.verdict for row in rows] == ["proved", "proved"]
    path = tmp_path / "rtl" / "wide_fc.v"
    path.write_text(path.read_text().replace(", 1'b0}", ", 1'b1}", 1))
    assert "refuted" in [row.verdict for row in prove(made, folder=tmp_path, progress=Silent(), timeout_s=30)]


FAULTS = {
    "sign": ("net_fc1", r" \+ ", " - "),
    "shift": ("net_fc1", r", 1'b0\}", ", 1'b1}"),
    "table entry": ("net_lut", r": (table_\d+) = (\S+);", r": \1 = ~\2;"),
    "constant": ("net_relu", r"(= [^;\n]*?)(\d+'s?[dbh]\d+)", r"\1~\2"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_refuted_with_an_input_that_shows_it(tmp_path: Path, fault: str) -> None:
    made = design()
    made.write(tmp_path, vectors=0, emulator=False)
    module, pattern, changed = FAULTS[fault]
    path = tmp_path / "rtl" / f"{module}.v"
    text, count = re.subn(pattern, changed, path.read_text(), count=1)
    assert count == 1, path.read_text()
    path.write_text(text)
    rows = prove(made, 99, folder=tmp_path, progress=Silent())
    wrong = [row for row in rows if row.verdict == "refuted"]
    assert wrong
    said = re.match(r"graph (-?\d+), Verilog (-?\d+) at (.*)", wrong[0].why)
    assert said is not None
    assert said[1] != said[2]
    with pytest.raises(Mismatch, match=rf"layer '{wrong[0].layer}': neuron {wrong[0].element}: graph"):
        made.prove(99, folder=tmp_path)


def test_a_counterexample_is_one_for_the_graph_as_well(tmp_path: Path) -> None:
    made = design()
    made.write(tmp_path, vectors=0, emulator=False)
    path = tmp_path / "rtl" / "net_fc1.v"
    path.write_text(path.read_text().replace(" + ", " - ", 1))
    row = next(r for r in prove(made, 99, folder=tmp_path, progress=Silent()) if r.layer == "relu" and r.why)
    said = re.match(r"graph (-?\d+), Verilog -?\d+ at (.*)", row.why)
    assert said is not None
    codes = np.zeros((1, 4), np.int64)
    for index, value in re.findall(r"x\[(\d)\] = (-?\d+)", said[2]):
        codes[0, int(index)] = int(value)
    values = graphs.trace(made.graph, [codes])
    assert int(values[2][0, row.element]) == int(said[1])


def test_a_neuron_is_chosen_by_layer_and_element_or_refused() -> None:
    made = design()
    rows = prove(made, [("relu", 1)], progress=Silent())
    assert [(row.layer, row.element, row.verdict) for row in rows] == [("relu", 1, "proved")]
    with pytest.raises(InvalidValue, match="no neuron 9"):
        prove(made, [("relu", 9)], progress=Silent())
