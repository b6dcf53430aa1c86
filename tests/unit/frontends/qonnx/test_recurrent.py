"""Recurrent operators of ONNX become integers exactly where a grid goes round the loop, and are refused elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.onnx_models import model, node, onnx, parsed, quant

import bitwright as bw
from bitwright.core.errors import ConfigError, Inexact, InvalidModel, Unsupported
from bitwright.frontends.qonnx import Executor, Status, explain, read_model, with_states
from bitwright.ir.graph import run
from bitwright.ir.graph.ops import Dense

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
KEPT: dict[str, dict[str, Any]] = {
    "LSTM": {"activations": ["HardSigmoid", "Relu", "Relu"], "activation_alpha": [0.25]},
    "GRU": {"activations": ["HardSigmoid", "Relu"], "activation_alpha": [0.25]},
    "RNN": {"activations": ["Relu"]},
}
"""Activations that keep a grid of powers of two."""


def recurrent(
    kind: str, steps: int, direction: str = "forward", layout: int = 0, start: bool = False, **told: Any
) -> Any:
    """A model of one recurrent layer: its sequence as (1, steps, both directions) and its last state."""
    rng, units, features = np.random.default_rng(5), 2, 2
    count = 2 if direction == "bidirectional" else 1
    functions = {k: list(v) * count for k, v in KEPT[kind].items()}
    shapes = {
        "w": (count, GATES[kind] * units, features), "r": (count, GATES[kind] * units, units),
        "bias": (count, 2 * GATES[kind] * units), "h0": (1, count, units) if layout else (count, 1, units),
    }  # fmt: skip
    held: dict[str, Any] = {n: rng.integers(-1, 2, s).astype(np.float32) for n, s in shapes.items()}
    held |= {"s": np.float32(0.5), "b": np.float32(2), "sequence": np.array([1, steps, -1])}
    inputs = ["t" if not layout else "q", "w", "r", "bias", *(["", "h0"] if start else [])]
    settings = {"hidden_size": units, "direction": direction, **functions, **told}
    settings = {k: v for k, v in settings.items() if v != []}
    cell = node(kind, inputs, ["y", "h"], **settings, **({"layout": 1} if layout else {}))
    nodes = [quant("x", "q", "s", "b"), node("Transpose", ["q"], "t", perm=[1, 0, 2]), cell]
    if layout:
        nodes += [node("Reshape", ["y", "sequence"], "out"), node("Identity", ["h"], "last")]
    else:
        nodes += [node("Transpose", ["y"], "turned", perm=[2, 0, 1, 3]), node("Reshape", ["turned", "sequence"], "out")]
        nodes.append(node("Transpose", ["h"], "last", perm=[1, 0, 2]))
    return model(nodes, {"x": (1, steps, features)}, ("out", "last"), held, 14)


def exact(proto: Any) -> Any:
    """The reading; its integers are those of the executor."""
    reading, truth = read_model(parsed(proto))
    shape = reading.graph.inputs[0].type.shape
    x = (np.random.default_rng(0).normal(size=(100, *shape)) * 2).astype(np.float32)
    found = run(reading.graph, [e(x) for e in reading.encoders])
    for decoder, codes, values in zip(reading.decoders, found, truth.executor([x]), strict=True):
        assert np.array_equal(decoder(codes), values)
        assert codes.any()
    return reading


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("layout", [0, 1])
def test_a_plain_recurrence_unrolls_exactly_in_every_direction_and_layout(direction: str, layout: int) -> None:
    reading = exact(recurrent("RNN", 4, direction, layout, start=direction != "forward"))
    assert sum(isinstance(n.op, Dense) for n in reading.graph) == (8 if direction == "bidirectional" else 4)
    assert any(f.why.startswith("4 steps unrolled") for f in reading.findings)


@pytest.mark.parametrize("told", [{}, {"linear_before_reset": 1}, {"clip": 1.5}], ids=["", "after", "clipped"])
def test_a_step_of_gates_that_keep_a_grid_is_exact(told: dict[str, Any]) -> None:
    exact(recurrent("GRU", 1, start=True, **told))
    if "linear_before_reset" not in told:
        exact(recurrent("LSTM", 1, "bidirectional", start=True, **told))


def test_a_state_that_grows_beyond_float32_is_refused() -> None:
    with pytest.raises(Inexact, match="gain bits with every step") as caught:
        read_model(parsed(recurrent("GRU", 3)))
    assert "bw.QLSTM" in caught.value.remedy


@pytest.mark.parametrize(("lengths", "what"), [([4], None), ([3], "sequence lengths")])
def test_lengths_must_be_those_of_the_whole_sequence(lengths: list[int], what: str | None) -> None:
    proto = recurrent("RNN", 4)
    next(n for n in proto.graph.node if n.op_type == "RNN").input.append("lengths")
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array(lengths, np.int32), "lengths"))
    if what is None:
        exact(proto)
        return
    with pytest.raises(Unsupported, match=what):
        read_model(parsed(proto))
    with pytest.raises(Unsupported, match=what):
        Executor(parsed(proto))([np.zeros((1, 4, 2), np.float32)])


def test_float_gates_are_refused_by_name_with_what_to_do() -> None:
    proto = recurrent("LSTM", 3, activations=["Sigmoid", "Tanh", "Tanh"], activation_alpha=[])
    with pytest.raises(Unsupported, match="its Sigmoid and Tanh yield floats") as caught:
        read_model(parsed(proto))
    assert "QuantLSTM" in caught.value.remedy
    (row,) = explain(parsed(proto)).refused
    assert row.kind == "LSTM"
    assert row.status is Status.REFUSED


def fine(proto: Any) -> Any:
    """The model with weights, biases and first states of seven bits after the point."""
    for tensor in proto.graph.initializer:
        if tensor.name in ("w", "r", "bias", "h0"):
            values = np.random.default_rng(len(tensor.name)).integers(-100, 101, tuple(tensor.dims)) / 128
            tensor.raw_data = values.astype(np.float32).tobytes()
    return proto


FLOATS: dict[str, dict[str, Any]] = {"activations": [], "activation_alpha": []}


@pytest.mark.parametrize(
    ("kind", "direction", "told"),
    [("LSTM", "bidirectional", {}), ("GRU", "forward", {}), ("GRU", "reverse", {"linear_before_reset": 1}),
     ("RNN", "forward", {"clip": 0.75})],
    ids=["LSTM", "GRU", "GRU-after", "RNN"],
)  # fmt: skip
def test_sigmoid_and_tanh_are_exact_where_the_states_format_is_told(
    kind: str, direction: str, told: dict[str, Any]
) -> None:
    proto = fine(recurrent(kind, 4, direction, start=True, **FLOATS, **told))
    whole, given = Executor(parsed(proto)), with_states(parsed(proto), "s8.5")
    reading, truth = read_model(given)
    x = (np.random.default_rng(0).normal(size=(200, 4, 2)) * 2).astype(np.float32)
    found = run(reading.graph, [e(x) for e in reading.encoders])
    for decoder, codes, values, floats in zip(
        reading.decoders, found, truth.executor([x]), whole([x]), strict=True
    ):
        assert np.array_equal(decoder(codes), values)
        assert 0 < np.abs(values - floats).max() < 0.1
    assert any("rounded to 8 bits (state_format)" in f.why for f in reading.findings)


def test_a_format_of_states_is_an_option_of_compile_and_refused_where_there_are_none() -> None:
    proto = fine(recurrent("LSTM", 2, **FLOATS))
    with pytest.raises(Unsupported, match=r"state_format='s8\.4'"):
        bw.compile(parsed(proto))
    design = bw.compile(parsed(proto), state_format="s5.2", architecture="parallel", effort=0)
    x = np.random.default_rng(1).normal(size=(50, 2, 2)).astype(np.float32)
    assert np.array_equal(design.predict(x)[0], design.model.executor([x])[0])
    assert design.options.to_dict()["state_format"] == "s5.2"
    plain = model([quant("x", "y", "s", "b")], {"x": (1, 4)}, constants={"s": np.float32(1), "b": np.float32(4)})
    with pytest.raises(ConfigError, match="without LSTM"):
        bw.compile(parsed(plain), state_format="s8.4")


@pytest.mark.long
@pytest.mark.tool("verilator")
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_cells_of_sigmoid_and_tanh_verify_in_simulated_rtl(kind: str) -> None:
    proto = fine(recurrent(kind, 3, start=True, **FLOATS))
    design = bw.compile(parsed(proto), state_format="s6.3", architecture="parallel", effort=0)
    x = np.random.default_rng(1).normal(size=(200, 3, 2)).astype(np.float32)
    certificate = design.verify(x)
    assert certificate.differences == 0
    assert "ONNX" in {c.before for c in certificate.comparisons}
    assert any("RTL" in c.after for c in certificate.comparisons)


def test_weights_on_no_grid_and_sequences_behind_the_batch_are_refused() -> None:
    proto = recurrent("RNN", 2)
    weights = next(t for t in proto.graph.initializer if t.name == "w")
    weights.raw_data = np.full((1, 2, 2), 0.1, np.float32).tobytes()
    with pytest.raises(Unsupported, match="its weights need"):
        read_model(parsed(proto))
    proto = recurrent("RNN", 2)
    next(n for n in proto.graph.node if n.op_type == "RNN").input[0] = "q"
    with pytest.raises(Unsupported, match="no sequence"):
        read_model(parsed(proto))


def test_what_mixes_the_batch_behind_the_time_axis_is_refused_and_what_does_not_is_moved() -> None:
    held = {"s": np.float32(0.5), "b": np.float32(3), "i": np.array(1), "two": np.float32([1, 2]), "a": np.array([0])}
    opening = [quant("x", "q", "s", "b"), node("Transpose", ["q"], "t", perm=[1, 0, 2])]
    steps = [node("Mul", ["t", "two"], "m"), node("Gather", ["m", "i"], "g", axis=0),
             node("Unsqueeze", ["g", "a"], "u"), node("Concat", ["u", "u"], "c", axis=0),
             node("Transpose", ["c"], "y", perm=[1, 0, 2])]  # fmt: skip
    proto = model([*opening, *steps], {"x": (1, 3, 2)}, ("y",), held, 14)
    reading, truth = read_model(parsed(proto))
    x = np.random.default_rng(1).normal(size=(20, 3, 2)).astype(np.float32)
    (found,) = run(reading.graph, [reading.encoders[0](x)])
    assert np.array_equal(reading.decoders[0](found), truth.executor([x])[0])
    for bad in (node("Softmax", ["t"], "y", axis=0), node("Flatten", ["t"], "y", axis=1), node("Identity", ["t"], "y")):
        with pytest.raises(Unsupported, match=r"mixes the batch|first axis is not the batch|live tensor"):
            read_model(parsed(model([*opening, bad], {"x": (1, 3, 2)}, ("y",), held, 14)))


@pytest.mark.parametrize("kind", ["Loop", "Scan"])
def test_a_loop_with_a_body_is_refused_with_a_way_out(kind: str) -> None:
    held = {"s": np.float32(0.5), "b": np.float32(3)}
    proto = model([quant("x", "q", "s", "b"), node(kind, ["q"], "y")], {"x": (1, 3, 2)}, constants=held)
    (row,) = explain(parsed(proto)).refused
    assert "graph of its own" in row.why
    assert "unrolled" in row.remedy


def test_a_sequence_of_too_many_steps_is_refused_before_it_takes_memory() -> None:
    from bitwright.frontends.qonnx import operators as o
    from bitwright.frontends.qonnx.cells import QUANTIZERS, expanded
    from bitwright.frontends.qonnx.functions import FloatRounding
    from bitwright.frontends.qonnx.model import Node

    quantizer = o.Quant(True, False, FloatRounding.HALF_EVEN)
    op = o.QuantLSTM(True, False, False, (quantizer,) * len(QUANTIZERS))
    cell = Node("cell", "QuantLSTMCell", "", 2, op, tuple(f"i{n}" for n in range(48)), ("y", "", ""))
    assert len(expanded(cell, 2).nodes) < 120
    with pytest.raises(Unsupported, match="steps"):
        expanded(cell, 1 << 20)


def test_a_cell_with_an_input_left_out_is_no_model() -> None:
    cell = node("QuantLSTMCell", ["x", "", *[f"c{i}" for i in range(46)]], "y", "qonnx.custom_op.general")
    held = {f"c{i}": np.zeros((2, 2), np.float32) for i in range(46)}
    with pytest.raises(InvalidModel, match="48 inputs"):
        Executor(parsed(model([cell], {"x": (1, 3, 2)}, constants=held)))


@pytest.mark.long
@pytest.mark.parametrize("source", ["brevitas", "GRU", "RNN"])
def test_thousands_of_mutated_recurrent_models_work_or_are_refused(source: str) -> None:
    from tests.unit.frontends.qonnx.test_files import use

    path = Path(__file__).parents[3] / "compat/brevitas_files/lstm.onnx"
    whole = path.read_bytes() if source == "brevitas" else recurrent(source, 1, start=True).SerializeToString()
    rng = np.random.default_rng(0)
    for number in range(1000):
        data = bytearray(whole[: rng.integers(len(whole))] if number % 10 == 0 else whole)
        for place in rng.integers(0, max(len(data), 1), int(rng.integers(1, 9))) if data else ():
            data[place] = rng.integers(256)
        use(bytes(data))
