"""What each part of a QONNX network becomes in the integer graph, and what is refused with a way out."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from tests.onnx_models import QONNX, model, node, parsed, quant

import bitwright as bw
from bitwright.core.errors import Inexact, InvalidModel, Unsupported
from bitwright.frontends.qonnx import Status, explain, read_model
from bitwright.ir.graph import run
from bitwright.ir.graph.ops import Add, Constant, Conv, Dense, Map, Reshape, TopK, Transpose
from bitwright.numeric import ShiftRoundSaturate

F = np.float32


def lowered(nodes: list[Any], shape: tuple[int, ...], held: Any = None, outputs: Any = ("y",), **told: Any) -> Any:
    """(reading, truth, operators of the graph) for nodes that read the quantized input "q"."""
    kinds = told.pop("kinds", None)
    constants = {"s": F(0.25), "b": F(5), **(held or {})}
    proto = model([quant("x", "q", "s", "b"), *nodes], {"x": (1, *shape)}, outputs, constants, 13, kinds)
    reading, truth = read_model(parsed(proto), **told)
    rng = np.random.default_rng(1)
    x = (rng.integers(-60, 61, (200, *shape)) / F(16)).astype(F)
    for found, values, decoder in zip(
        run(reading.graph, [e(x) for e in reading.encoders]), truth.logits([x]), reading.decoders, strict=True
    ):
        assert np.array_equal(decoder.codes(values.astype(np.float64)), found)
    return reading, truth, [type(n.op) for n in reading.graph]


def test_a_bias_behind_a_product_goes_into_the_sum() -> None:
    held = {"w": np.eye(3, dtype=F), "o": np.array([0.25, -1, 2], F)}
    _, _, made = lowered([node("MatMul", ["q", "w"], "t"), node("Add", ["o", "t"], "y")], (3,), held)
    assert Map not in made
    assert made.count(Dense) == 1


def test_branches_of_different_steps_are_added_on_a_common_grid() -> None:
    held = {"half": F(0.5), "four": F(4)}
    nodes = [quant("q", "r", "half", "four"), node("Add", ["q", "r"], "y")]
    reading, _, made = lowered(nodes, (4,), held)
    assert made.count(Add) == 1
    assert reading.graph.results[0].type.step.uniform == F(0.25)


def test_branches_without_a_common_grid_become_one_exact_table() -> None:
    """0.3 and 0.7 as floats have no small common step: every pair of codes is looked up as the executor adds it."""
    held = {"s1": F(0.3), "s2": F(0.7), "b3": F(3), "out": F(0.5)}
    nodes = [quant("q", "a", "s1", "b3"), quant("q", "c", "s2", "b3"), node("Add", ["a", "c"], "t"),
             quant("t", "y", "out", "b")]  # fmt: skip
    reading, _, made = lowered(nodes, (4,), held)
    assert Add not in made
    assert not any(f.unstable for f in reading.findings)
    assert any("pairs of codes" in f.why for f in reading.findings)


def test_a_flattened_image_permutes_weights_instead_of_wires() -> None:
    rng = np.random.default_rng(0)
    held = {"k": rng.integers(-2, 3, (3, 2, 2, 2)).astype(F), "v": rng.integers(-2, 3, (12, 2)).astype(F)}
    nodes = [node("Conv", ["q", "k"], "c"), quant("c", "d", "s", "b"), node("Flatten", ["d"], "f"),
             node("MatMul", ["f", "v"], "y")]  # fmt: skip
    _, _, made = lowered(nodes, (2, 3, 3), held)
    assert made.count(Transpose) == 1  # the input, from channels first to channels last
    assert made.count(Reshape) == 1


def test_transposes_around_a_convolution_cost_nothing() -> None:
    held = {"k": np.ones((2, 3, 1, 1), F)}
    nodes = [node("Transpose", ["q"], "t", perm=[0, 3, 1, 2]), node("Conv", ["t", "k"], "c"),
             node("Transpose", ["c"], "y", perm=[0, 2, 3, 1])]  # fmt: skip
    _, _, made = lowered(nodes, (4, 4, 3), held)
    assert Transpose not in made


def test_a_shape_computed_at_run_time_is_a_constant() -> None:
    held = {"zero_i": np.int64(0), "rest": np.array([-1]), "v": np.ones((12, 2), F)}
    nodes = [node("Shape", ["q"], "h"), node("Gather", ["h", "zero_i"], "n", axis=0),
             node("Unsqueeze", ["n", "axes"], "u"), node("Concat", ["u", "rest"], "to", axis=0),
             node("Reshape", ["q", "to"], "f"), node("MatMul", ["f", "v"], "y")]  # fmt: skip
    _, _, made = lowered(nodes, (3, 4), {**held, "axes": np.array([0])})
    assert Constant not in made


def test_steps_that_differ_by_channel_go_into_the_weights() -> None:
    held = {"sc": np.array([[0.25, 0.5, 1]], F), "v": np.ones((3, 2), F)}
    _, _, made = lowered([quant("q", "d", "sc", "b"), node("MatMul", ["d", "v"], "y")], (3,), held)
    assert made.count(Dense) == 1


def test_a_scale_between_quantizer_and_sum_changes_the_step_alone() -> None:
    held = {"f": F(0.3), "v": np.ones((3, 2), F)}
    nodes = [node("Mul", ["q", "f"], "t"), node("MatMul", ["t", "v"], "y")]
    proto = model([quant("x", "q", "s", "b"), *nodes], {"x": (1, 3)}, constants={"s": F(0.25), "b": F(5), **held})
    reading, _ = read_model(parsed(proto))
    (out,) = reading.graph.results
    assert out.type.step.uniform is not None
    assert float(out.type.step.uniform) == pytest.approx(0.075)


def test_argmax_ignores_a_function_that_keeps_the_order() -> None:
    held = {"v": np.eye(4, dtype=F), "f": F(0.3), "o": F(0.7)}
    nodes = [node("MatMul", ["q", "v"], "t"), node("Mul", ["t", "f"], "u"), node("Add", ["u", "o"], "w"),
             node("ArgMax", ["w"], "y", axis=1)]  # fmt: skip
    reading, _, _ = lowered(nodes, (4,), held, kinds={"y": 7})
    assert reading.graph.results[0].type.shape == (1,)


def test_the_largest_and_their_places_are_one_operator_each() -> None:
    held = {"v": np.eye(4, dtype=F), "k": np.array([3])}
    nodes = [node("MatMul", ["q", "v"], "t"), node("TopK", ["t", "k"], ["z", "y"], axis=-1)]
    reading, _, made = lowered(nodes, (4,), held, kinds={"y": 7})
    assert made[-1] is TopK
    assert reading.graph.results[0].type.shape == (3,)


def test_functions_behind_the_last_sum_are_left_to_the_decoder() -> None:
    held = {"v": np.eye(4, dtype=F), "f": F(0.3), "o": F(0.7)}
    nodes = [node("MatMul", ["q", "v"], "t"), node("Mul", ["t", "f"], "u"), node("Add", ["u", "o"], "y")]
    reading, truth, made = lowered(nodes, (4,), held)
    assert made[-1] is Dense
    x = np.zeros((1, 4), F)
    assert np.array_equal(reading.decoders[0](np.zeros((1, 4), np.int64)), truth.executor([x])[0])


def test_truncated_average_pooling_is_exact() -> None:
    held = {"four": F(4), "six": F(6), "kk": F(4)}
    nodes = [node("AveragePool", ["q"], "p", kernel_shape=[2, 2], strides=[2, 2]), node("Mul", ["p", "kk"], "m"),
             node("Trunc", ["m", "s", "zero", "six", "four"], "y", QONNX, rounding_mode="FLOOR")]  # fmt: skip
    lowered(nodes, (2, 4, 4), held)


def test_a_maximum_moves_in_front_of_functions_that_fall() -> None:
    norm = {"g": np.array([1, -1], F), "z": np.zeros(2, F), "o": np.ones(2, F)}
    nodes = [node("BatchNormalization", ["q", "g", "z", "z", "o"], "n"),
             node("MaxPool", ["n"], "p", kernel_shape=[2, 2]), quant("p", "y", "s", "b")]  # fmt: skip
    lowered(nodes, (2, 3, 3), norm)


def test_grouped_convolutions_keep_their_groups() -> None:
    rng = np.random.default_rng(0)
    held = {"k": rng.integers(-2, 3, (6, 1, 3, 3)).astype(F)}
    _, _, made = lowered([node("Conv", ["q", "k"], "y", group=3)], (3, 4, 4), held)
    assert Conv in made


@pytest.mark.parametrize(
    ("nodes", "held", "what"),
    [
        ([node("MatMul", ["x", "v"], "y")], {"v": np.eye(3, dtype=F)}, "float input"),
        ([node("MatMul", ["q", "v"], "y")], {"v": np.full((3, 3), 0.1234567, F)}, "not quantized"),
        ([node("Softmax", ["q"], "t"), node("MatMul", ["t", "v"], "y")], {"v": np.eye(3, dtype=F)}, "softmax"),
        ([node("Erfinv", ["q"], "y", "com.example")], {}, "unknown"),
        ([node("TopK", ["q", "k"], ["y", "p"], largest=0)], {"k": np.array([2])}, "smallest"),
        ([node("Tile", ["q", "k"], "y")], {"k": np.array([1, 2])}, "Tile of a live tensor"),
    ],
)
def test_what_has_no_integer_form_is_refused_with_a_way_out(nodes: list[Any], held: Any, what: str) -> None:
    proto = model([quant("x", "q", "s", "b"), *nodes], {"x": (1, 3)}, constants={"s": F(0.25), "b": F(5), **held})
    with pytest.raises((Unsupported, InvalidModel), match=what) as caught:
        read_model(parsed(proto))
    assert caught.value.remedy
    assert "bw.QActivation" not in str(caught.value)


def test_a_stated_input_format_takes_the_place_of_a_quantizer(tmp_path: Any) -> None:
    proto = model([node("MatMul", ["x", "v"], "y")], {"x": (1, 3)}, constants={"v": np.eye(3, dtype=F)})
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    design = bw.compile(tmp_path / "m.onnx", input_format="s4.1")
    assert design.predict(np.array([[0.5, -4, 9]], F)).tolist() == [[0.5, -4, 3.5]]
    assert design.verify(np.full((2, 3), 0.3, F), rtl=False, netlist=False).differences == 0


def test_explain_tells_what_becomes_of_every_node() -> None:
    held = {"s": F(0.25), "b": F(5), "w": np.eye(3, dtype=F), "o": np.array([0.25, -1, 2], F)}
    nodes = [quant("x", "q", "s", "b"), node("MatMul", ["q", "w"], "t"), node("Add", ["t", "o"], "u"),
             node("Relu", ["u"], "r"), node("Strange", ["r"], "v", "com.example"),
             node("Relu", ["v"], "y")]  # fmt: skip
    told = explain(parsed(model(nodes, {"x": (1, 3)}, constants=held)))
    assert [row.status for row in told.rows] == [
        Status.SUPPORTED, Status.SUPPORTED, Status.REWRITTEN, Status.SUPPORTED, Status.REFUSED, Status.UNREACHED,
    ]  # fmt: skip
    assert told.rows[2].into == "the bias of the sum before it"
    assert told.refused[0].remedy in told.text()
    assert "1 refused" in told.text()


def test_explain_goes_on_behind_an_input_that_needs_a_format() -> None:
    proto = model([node("MatMul", ["x", "v"], "y")], {"x": (1, 3)}, constants={"v": np.eye(3, dtype=F)})
    told = explain(parsed(proto))
    assert [row.status for row in told.rows] == [Status.REFUSED, Status.SUPPORTED]
    assert not explain(parsed(proto), input_format="s8.4").refused


@pytest.mark.tool("g++")
def test_the_emulator_in_c_applies_the_decoders_table(tmp_path: Any) -> None:
    held = {"v": np.eye(4, dtype=F), "f": F(0.3), "o": F(0.7), "s": F(0.25), "b": F(5)}
    nodes = [quant("x", "q", "s", "b"), node("MatMul", ["q", "v"], "t"), node("Mul", ["t", "f"], "u"),
             node("Add", ["u", "o"], "y")]  # fmt: skip
    (tmp_path / "m.onnx").write_bytes(model(nodes, {"x": (1, 4)}, constants=held).SerializeToString())
    design = bw.compile(tmp_path / "m.onnx")
    x = np.linspace(-5, 5, 400, dtype=F).reshape(100, 4)
    assert np.array_equal(design.build_emulator().predict(x), design.predict(x))
    assert np.array_equal(design.predict(x), design.model.executor([x])[0])


def test_argmax_behind_a_bias_of_any_floats_compares_ranks() -> None:
    rng = np.random.default_rng(3)
    held = {"v": rng.integers(-3, 4, (4, 5)).astype(F), "o": rng.normal(size=5).astype(F)}
    nodes = [node("MatMul", ["q", "v"], "t"), node("Add", ["t", "o"], "w"), node("ArgMax", ["w"], "y", axis=1)]
    lowered(nodes, (4,), held, kinds={"y": 7})


def test_the_first_value_of_topk_is_the_value_and_not_its_rank() -> None:
    held = {"v": np.eye(4, dtype=F), "o": np.arange(4, dtype=F) / F(8), "k": np.array([1])}
    nodes = [node("MatMul", ["q", "v"], "t"), node("Add", ["t", "o"], "w"), node("TopK", ["w", "k"], ["y", "p"])]
    lowered(nodes, (4,), held, ("y", "p"), kinds={"p": 7})


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_constant_that_is_no_number_is_refused_at_once(value: float) -> None:
    held = {"v": np.eye(3, dtype=F), "o": np.array([1, value, 2], F), "s": F(0.25), "b": F(5)}
    nodes = [quant("x", "q", "s", "b"), node("Mul", ["q", "o"], "t"), node("Relu", ["t"], "r"),
             node("MatMul", ["r", "v"], "y")]  # fmt: skip
    with pytest.raises(Inexact, match="infinities"):
        read_model(parsed(model(nodes, {"x": (1, 3)}, constants=held)))


def rectified(bias: float, **held: Any) -> Any:
    """Quantized matrices on scales that are no powers of two, a Relu between and no quantizer; `held` replaces."""
    rng = np.random.default_rng(4)
    told = {"s": F(0.3), "b": F(4), "v": rng.normal(size=(3, 4)).astype(F), "w": rng.normal(size=(4, 2)).astype(F),
            "c": F(0.137), "d": F(0.2), "o": F(bias) * np.arange(4, dtype=F)}  # fmt: skip
    nodes = [quant("x", "q", "s", "b"), quant("v", "m", "c", "b"), node("MatMul", ["q", "m"], "t"),
             node("Add", ["t", "o"], "u"), node("Relu", ["u"], "r"), node("Neg", ["r"], "n"),
             quant("w", "k", "d", "b"), node("MatMul", ["n", "k"], "y")]  # fmt: skip
    live = [n for n in nodes if n.output[0] not in held]
    return parsed(model(live, {"x": (1, 3)}, constants=told | held))


def test_a_relu_between_sums_on_any_scales_needs_no_quantizer() -> None:
    reading, truth = read_model(rectified(0))
    x = np.random.default_rng(0).normal(size=(500, 3)).astype(F)
    (found,) = run(reading.graph, [encoder(x) for encoder in reading.encoders])
    values, wanted = reading.decoders[0](found), truth.logits([x])[0]
    np.testing.assert_allclose(values, wanted, rtol=1e-5, atol=1e-6)
    assert wanted.any()
    assert not [n for n in reading.graph if isinstance(n.op, Map) and not isinstance(n.op.form, ShiftRoundSaturate)]


@pytest.mark.parametrize(
    ("bias", "held", "what", "remedy"),
    [(0.1, {}, "lie on no grid", "Quant node behind it"),
     (0, {"c": np.array([[0.137, 0.211, 0.059, 0.3]], F)}, "no common step", "Quant node"),
     (0, {"m": np.random.default_rng(0).normal(size=(3, 4)).astype(F)}, "not quantized", "quantize_static")],
)  # fmt: skip
def test_floats_that_no_quantizer_ends_are_refused_with_a_way_out(
    bias: float, held: Any, what: str, remedy: str
) -> None:
    with pytest.raises(Unsupported, match=what) as caught:
        read_model(rectified(bias, **held))
    assert remedy in caught.value.remedy


def normalized_image() -> Any:
    held = {"m": np.array([0.485, 0.456, 0.406], F).reshape(3, 1, 1), "d": np.array([0.229, 0.224, 0.225], F),
            "s": F(0.03125), "b": F(8), "k": np.ones((2, 3, 1, 1), F)}  # fmt: skip
    held["d"] = held["d"].reshape(1, 3, 1, 1)
    nodes = [node("Sub", ["x", "m"], "t"), node("Div", ["t", "d"], "u"), quant("u", "q", "s", "b"),
             node("Conv", ["q", "k"], "y")]  # fmt: skip
    return parsed(model(nodes, {"x": (1, 3, 4, 4)}, constants=held))


def test_images_normalized_by_channel_take_the_grid_of_their_pixels() -> None:
    reading, truth = read_model(normalized_image(), input_format=("u8.0", Fraction(1, 255)))
    codes = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 4))
    x = reading.encoders[0].sample(codes)
    (found,) = run(reading.graph, [codes])
    assert np.array_equal(np.rint(reading.decoders[0].codes(truth.logits([x])[0])), found)


def test_images_normalized_by_channel_without_a_grid_are_refused_with_one() -> None:
    with pytest.raises(Unsupported, match="input_format"):
        read_model(normalized_image())


@pytest.mark.tool("verilator")
def test_a_small_network_verifies_in_simulated_rtl(tmp_path: Any) -> None:
    rng = np.random.default_rng(5)
    held = {"v": rng.integers(-3, 4, (4, 3)).astype(F), "o": rng.normal(size=3).astype(F), "w": np.eye(3, dtype=F),
            "s": F(0.25), "h": F(0.3), "b": F(3)}  # fmt: skip
    nodes = [quant("x", "q", "s", "b"), node("MatMul", ["q", "v"], "t"), node("Add", ["t", "o"], "u"),
             node("Relu", ["u"], "r"), quant("r", "p", "h", "b", signed=0),
             node("MatMul", ["p", "w"], "y")]  # fmt: skip
    (tmp_path / "m.onnx").write_bytes(model(nodes, {"x": (1, 4)}, constants=held).SerializeToString())
    certificate = bw.compile(tmp_path / "m.onnx", effort=0).verify(rng.normal(size=(50, 4)).astype(F))
    assert certificate.differences == 0
    assert any(c.after.startswith("RTL") for c in certificate.comparisons)
