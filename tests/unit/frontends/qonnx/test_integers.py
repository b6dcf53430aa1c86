"""ONNX's own quantizers and onnxruntime's operators on integers: ties, ends, axes, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.integer_models import convolution, product, whole_convolution, whole_product
from tests.onnx_models import helper, model, node, onnx, parsed

from bitwright.core.errors import BitwrightError, Unsupported
from bitwright.frontends.qonnx import Executor, explain, read_model
from bitwright.ir.graph import run
from bitwright.ir.graph.ops import Input, Map

runtime = pytest.importorskip("onnxruntime")
F = np.float32
TYPES = {"int8": 3, "uint8": 2, "int16": 5, "uint16": 4, "int4": 22, "uint4": 21, "int2": 26, "uint2": 25}
ENDS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-(2**15), 2**15 - 1), "uint16": (0, 2**16 - 1),
        "int4": (-8, 7), "uint4": (0, 15), "int2": (-2, 1), "uint2": (0, 3)}  # fmt: skip


def held(values: Any, kind: str, name: str) -> Any:
    """An initializer of an ONNX type that numpy may not have."""
    array = np.asarray(values)
    return helper.make_tensor(name, TYPES[kind], array.shape, array.ravel().tolist())


def pair(kind: str, scale: Any, zero: Any, shape: tuple[int, ...], opset: int = 21, **told: Any) -> Any:
    """x through QuantizeLinear and DequantizeLinear."""
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], "q", **told), node("DequantizeLinear", ["q", "s", "z"], "y", **told)
    ]  # fmt: skip
    proto = model(nodes, {"x": shape}, constants={"s": np.asarray(scale, F)}, opset=opset)
    proto.graph.initializer.append(held(zero, kind, "z"))
    return proto


def in_onnxruntime(proto: Any, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = runtime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "int4", "uint4"])
@pytest.mark.parametrize("scale", [0.25, 0.3])
def test_quantizers_give_what_onnxruntime_gives(kind: str, scale: float) -> None:
    low, high = ENDS[kind]
    x = np.concatenate([np.arange(-40, 41) / F(8), np.array([low, high, 2 * high + 9, -1e9, 1e9]) * F(scale)])[None]
    for zero in {0, 3, low, high} & set(range(low, high + 1)):
        proto = pair(kind, scale, zero, (1, x.shape[1]))
        (wanted,) = in_onnxruntime(proto, {"x": x.astype(F)})
        assert np.array_equal(Executor(parsed(proto))([x.astype(F)])[0], wanted)


def test_ties_go_to_the_even_number_before_the_zero_point_is_added() -> None:
    (found,) = Executor(parsed(pair("int8", 1, 1, (1, 4))))([np.array([[-1.5, 0.5, 1.5, 2.5]], F)])
    assert found.tolist() == [[-2, 0, 2, 2]]


@pytest.mark.parametrize("kind", list(ENDS))
def test_codes_of_a_pair_leave_out_the_zero_point(kind: str) -> None:
    low, high = ENDS[kind]
    zero = low + 1
    reading, truth = read_model(parsed(pair(kind, 0.5, zero, (1, 7), opset=25 if "2" in kind else 21)))
    (only,) = reading.graph.nodes
    assert isinstance(only.op, Input)
    assert (int(only.type.low.array), int(only.type.high.array)) == (low - zero, high - zero)
    x = (np.arange(-21, 21).reshape(6, 7) / F(4)).astype(F)
    assert np.array_equal(reading.decoders[0](reading.encoders[0](x)), truth.logits([x])[0])


def test_scales_along_an_axis_are_steps_of_channels() -> None:
    proto = pair("int8", [0.25, 1, 0.5], [0, 2, -1], (1, 3, 2, 2), axis=1)
    proto.graph.node[0].input[0] = "p"
    proto.graph.node.insert(0, node("DequantizeLinear", ["o", "e", "u"], "p"))
    proto.graph.node.insert(0, node("QuantizeLinear", ["x", "e", "u"], "o"))
    proto.graph.initializer.extend([onnx.numpy_helper.from_array(F(0.125), "e"), held(1, "int16", "u")])
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    x = (np.random.default_rng(0).integers(-900, 900, (50, 3, 2, 2)) / F(8)).astype(F)
    (wanted,) = in_onnxruntime(proto, {"x": x})
    reading, truth = read_model(parsed(proto))
    assert np.array_equal(truth.logits([x])[0], wanted)
    (found,) = run(reading.graph, [e(x) for e in reading.encoders])
    assert np.array_equal(reading.decoders[0](found), wanted)


def test_several_readers_of_one_tensor_share_its_codes() -> None:
    proto = pair("uint8", 0.25, 128, (1, 6))
    proto.graph.node.append(node("DequantizeLinear", ["q", "s", "z"], "r"))
    proto.graph.node.append(node("Relu", ["r"], "t"))
    proto.graph.node.append(node("Add", ["t", "y"], "u"))
    proto.graph.output[0].name = "u"
    reading, _ = read_model(parsed(proto))
    assert sum(isinstance(n.op, Map) for n in reading.graph) == 1


def test_integers_may_pass_through_pools_and_shapes_between_the_two() -> None:
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], "q"), node("MaxPool", ["q"], "m", kernel_shape=[2, 2]),
        node("Reshape", ["m", "shape"], "f"), node("DequantizeLinear", ["f", "s", "z"], "y"),
    ]  # fmt: skip
    constants = {"s": F(0.5), "z": np.uint8(100), "shape": np.array([1, -1])}
    proto = model(nodes, {"x": (1, 2, 4, 4)}, constants=constants, opset=13)
    reading, truth = read_model(parsed(proto))
    x = np.random.default_rng(1).normal(size=(1, 2, 4, 4)).astype(F) * 20
    (found,) = run(reading.graph, [e(x) for e in reading.encoders])
    assert np.array_equal(reading.decoders[0](found), truth.logits([x])[0])
    assert np.array_equal(truth.logits([x])[0], in_onnxruntime(proto, {"x": x})[0])


@pytest.mark.parametrize("build", [convolution, product, whole_product, whole_convolution])
def test_operators_on_integers_give_what_onnxruntime_gives(build: Any) -> None:
    rng = np.random.default_rng(3)
    for _ in range(12):
        proto, x = build(rng)
        (wanted,) = in_onnxruntime(proto, {"x": x.astype(F)})
        reading, truth = read_model(parsed(proto))
        assert np.array_equal(truth.executor([x.astype(F)])[0], wanted)
        (found,) = run(reading.graph, [e(x.astype(F)) for e in reading.encoders])
        assert np.array_equal(reading.decoders[0](found), wanted)


def test_scales_by_blocks_are_refused() -> None:
    with pytest.raises(Unsupported, match="blocks") as caught:
        parsed(pair("int8", [[0.5], [0.5]], [[0], [0]], (2, 4), axis=1, block_size=4))
    assert "per channel" in caught.value.remedy


def test_quantizers_to_small_floats_are_refused() -> None:
    nodes = [node("QuantizeLinear", ["x", "s"], "y", output_dtype=17)]
    proto = model(nodes, {"x": (1, 3)}, constants={"s": F(1)}, opset=21)
    with pytest.raises(Unsupported, match="type number 17"):
        parsed(proto)


@pytest.mark.parametrize(("kind", "domain"), [("DynamicQuantizeLinear", ""), ("QLinearAdd", "com.microsoft"),
                                              ("QGemm", "com.microsoft")])  # fmt: skip
def test_dynamic_and_fused_operators_are_refused_with_the_way_out(kind: str, domain: str) -> None:
    found = parsed(model([node(kind, ["x"], ["y", "s", "z"], domain)], {"x": (1, 3)}))
    (row,) = explain(found).refused
    assert "QuantFormat.QDQ" in row.remedy
    with pytest.raises(BitwrightError, match=kind if domain else "follow each input"):
        read_model(found)


def test_integers_of_two_bits_are_unpacked_from_the_lowest_bits_up() -> None:
    proto = model([node("DequantizeLinear", ["w", "s"], "d"), node("Add", ["x", "d"], "y")], {"x": (1, 5)},
                  constants={"s": F(0.5)}, opset=25)  # fmt: skip
    tensor = onnx.TensorProto(name="w", data_type=26, dims=[5], raw_data=bytes([0b01_10_11_00, 0b10]))
    proto.graph.initializer.append(tensor)
    (found,) = Executor(parsed(proto))([np.zeros((1, 5), F)])
    assert found.tolist() == [[0, -0.5, -1, 0.5, -1]]
