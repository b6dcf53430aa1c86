"""Every operator that exporters write becomes integers: each beside the executor, in every domain, layout and opset."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.onnx_models import helper, model, node, parsed, quant
from tests.unit.frontends.qonnx.test_lowering import lowered

from bitwright.frontends.qonnx import read_model
from bitwright.ir.graph import run

F, GENERAL = np.float32, "qonnx.custom_op.general"
DOMAINS = ("onnx.brevitas", "finn.custom_op.general", GENERAL)
RNG = np.random.default_rng(3)
WEIGHTS = RNG.integers(-3, 4, (4, 2, 2, 2)).astype(F)
STEPS = np.sort(RNG.integers(-12, 12, (3, 3)), axis=1).astype(F) / 4
HELD = {
    "w": WEIGHTS, "w_last": np.moveaxis(WEIGHTS, 1, -1).copy(), "turned": np.moveaxis(WEIGHTS, 0, 1).copy(),
    "steps": STEPS, "two": F(2), "three": F(3), "four": F(4), "six": F(6), "half": F(0.5), "low": F(-0.5),
    "bits_w": RNG.integers(0, 2, (6, 5)).astype(F), "one": F(1), "max": F(240), "sizes": np.array([1, 2]),
    "starts": np.array([1]), "ends": np.array([9]), "axes": np.array([1]), "pads": np.array([0, 0, 1, 0, 0, 0, 0, 1]),
    "scales": np.array([1, 1, 2, 3], F), "doubled": np.array([1, 2, 8, 8]), "shape": np.array([1, 2, 8, 2]),
    "minus": np.array([-1]), "one_place": np.array([1]), "first": np.array([0]), "c": np.array([1, -2, 0.5, 3], F) / 4,
    "tall": np.array([[1, -2, 0, 3, 1, 0], [2, 1, -1, 0, 3, 1], [0, 0, 1, -3, 2, 1], [1, 1, 1, 1, -2, 0]], F),
    "gamma": np.array([1.5, -0.5], F), "beta": np.array([0.25, -1], F), "mean": np.array([0.5, 0.3], F),
    "var": np.array([1, 4.2], F), "third": F(0.3), "fifth": F(0.21),
    "lone": RNG.integers(-3, 4, (2, 1, 2, 2)).astype(F),
    "row": RNG.integers(-3, 4, (2, 2, 2)).astype(F), "matrix": RNG.integers(-3, 4, (6, 4)).astype(F),
    "k": np.array([2]),
}  # fmt: skip
IMAGE, ROW = (2, 4, 4), (6,)
CASES: dict[str, tuple[list[Any], tuple[int, ...]]] = {
    **{f"Quant of {d}": ([node("Quant", ["q", "half", "zero", "three"], "y", d, signed=1)], ROW) for d in DOMAINS},
    **{f"BipolarQuant of {d}": ([node("BipolarQuant", ["q", "half"], "y", d)], ROW) for d in DOMAINS},
    **{f"Trunc 1 of {d}": ([node("Trunc", ["q", "s", "zero", "six", "four"], "y", d)], ROW) for d in DOMAINS},
    "IntQuant": ([node("IntQuant", ["q", "half", "zero", "three"], "y", GENERAL, signed=0, rounding_mode="UP")], ROW),
    "Trunc 2": ([node("Trunc", ["q", "s", "zero", "six", "two", "four"], "y", GENERAL, signed=1)], ROW),
    "FloatQuant": ([node("FloatQuant", ["q", "one", "four", "two", "six", "max"], "y", GENERAL)], ROW),
    "MultiThreshold NCHW": ([node("MultiThreshold", ["q", "steps"], "y", "finn.custom_op.general")], (3, 4, 4)),
    "MultiThreshold NHWC": (
        [node("MultiThreshold", ["q", "steps"], "y", GENERAL, data_layout="NHWC", out_scale=2.0, out_bias=-3.0)],
        (4, 4, 3),
    ),
    "XnorPopcountMatMul": (
        [node("MultiThreshold", ["q", "level"], "bin", GENERAL),
         node("XnorPopcountMatMul", ["bin", "bits_w"], "y", "finn.custom_op.general")], ROW,
    ),
    "QuantAvgPool2d": (
        [node("Mul", ["q", "four"], "i"),
         node("QuantAvgPool2d", ["i"], "y", GENERAL, kernel=2, stride=2, ibits=5, obits=5, signed=1)], IMAGE,
    ),
    "TruncAvgPool": (
        [node("AveragePool", ["q"], "m", kernel_shape=[2, 2], strides=[2, 2]), node("Mul", ["m", "four"], "n"),
         node("Trunc", ["n", "s", "zero", "six", "four"], "y", GENERAL, rounding_mode="FLOOR")], IMAGE,
    ),
    "Conv": ([node("Conv", ["q", "w"], "y", pads=[1, 0, 0, 1])], IMAGE),
    "Conv, channels last": ([node("Conv", ["q", "w_last"], "y", "qonnx.custom_op.channels_last")], (4, 4, 2)),
    "MaxPool, channels last": (
        [node("MaxPoolNHWC", ["q"], "y", GENERAL, kernel_shape=[2, 2], strides=[2, 2])], (4, 4, 2),
    ),
    "ConvTranspose": ([node("ConvTranspose", ["q", "turned"], "y", strides=[2, 2], pads=[0, 1, 1, 0])], IMAGE),
    "ConvTranspose in groups": ([node("ConvTranspose", ["q", "lone"], "y", strides=[2, 2], group=2)], IMAGE),
    "Conv along a row": ([node("Conv", ["q", "row"], "y", dilations=[2], auto_pad="SAME_UPPER")], (2, 8)),
    "Gemm with C": ([node("Gemm", ["q", "tall", "c"], "y", transB=1, beta=2.0)], ROW),
    "MatMul": ([node("MatMul", ["q", "matrix"], "y")], (3, 6)),
    "MatMul of live tensors": (
        [node("Transpose", ["q"], "t", perm=[0, 2, 1]), node("MatMul", ["q", "t"], "y")], (3, 4),
    ),
    "BatchNormalization": (
        [node("BatchNormalization", ["q", "gamma", "beta", "mean", "var"], "t"), quant("t", "y", "half", "four")],
        IMAGE,
    ),
    "BatchNormalization, channels last": (
        [node("BatchNormalization", ["q", "gamma", "beta", "mean", "var"], "t", "qonnx.custom_op.channels_last"),
         quant("t", "y", "half", "four")], (4, 4, 2),
    ),
    "FloatQuant of weights": (
        [node("FloatQuant", ["matrix", "one", "four", "two", "six", "max"], "f", GENERAL),
         node("MatMul", ["q", "f"], "y")], ROW,
    ),
    "Add": ([quant("q", "r", "half", "three"), node("Add", ["q", "r"], "y")], ROW),
    "Add of steps without a common grid": (
        [quant("q", "r", "third", "three"), node("Add", ["q", "r"], "t"), quant("t", "y", "half", "four")], ROW,
    ),
    "Add of three steps without a common grid": (
        [quant("q", "r", "third", "three"), quant("q", "v", "fifth", "three"), node("Add", ["q", "r"], "t"),
         node("Add", ["t", "v"], "u"), quant("u", "y", "half", "four")], ROW,
    ),
    "Add of three steps without a common grid, the sum in between scaled": (
        [quant("q", "r", "third", "three"), quant("q", "v", "fifth", "three"), node("Sub", ["q", "r"], "t"),
         node("Mul", ["t", "half"], "m"), node("Add", ["v", "m"], "u"), quant("u", "y", "half", "four")], ROW,
    ),
    "Mul": ([node("Mul", ["q", "third"], "t"), quant("t", "y", "half", "four")], ROW),
    "Mul of live tensors": ([quant("q", "r", "half", "three"), node("Mul", ["q", "r"], "y")], ROW),
    "Relu": ([node("Relu", ["q"], "y")], ROW),
    "Flatten": ([node("Flatten", ["q"], "y")], IMAGE),
    "Transpose": ([node("Transpose", ["q"], "y", perm=[0, 2, 3, 1])], IMAGE),
    "Reshape": ([node("Reshape", ["q", "shape"], "y")], IMAGE),
    "Reshape disguised": (
        [node("Unsqueeze", ["q", "axes"], "u"), node("Identity", ["u"], "i"), node("Squeeze", ["i", "axes"], "e"),
         node("Shape", ["e"], "n"), node("Gather", ["n", "first"], "m"), node("Concat", ["m", "minus"], "to", axis=0),
         node("Reshape", ["e", "to"], "d"), node("Dropout", ["d"], "y")], IMAGE,
    ),
    "Slice of the batch of 1": ([node("Slice", ["q", "first", "one_place", "first"], "y")], ROW),
    "Gemm without C": ([node("Gemm", ["q", "matrix"], "y", alpha=0.5)], ROW),
    "Div": ([node("Div", ["q", "half"], "y")], ROW),
    "Sub of live tensors": ([quant("q", "r", "half", "three"), node("Sub", ["q", "r"], "y")], ROW),
    "Concat": ([quant("q", "r", "half", "three"), node("Concat", ["q", "r"], "y", axis=1)], IMAGE),
    "Split": ([node("Split", ["q", "sizes"], ["t", "y"], axis=1)], (3, 4)),
    "Slice": ([node("Slice", ["q", "starts", "ends", "axes"], "y")], IMAGE),
    "Pad": ([node("Pad", ["q", "pads"], "y")], IMAGE),
    "Resize to sizes": ([node("Resize", ["q", "", "", "doubled"], "y", mode="nearest")], IMAGE),
    "Resize": ([node("Resize", ["q", "", "scales"], "y", mode="nearest", coordinate_transformation_mode="asymmetric",
                     nearest_mode="floor")], IMAGE),
    "DepthToSpace DCR": ([node("DepthToSpace", ["q"], "y", blocksize=2, mode="DCR")], (8, 2, 3)),
    "DepthToSpace CRD": ([node("DepthToSpace", ["q"], "y", blocksize=2, mode="CRD")], (8, 2, 3)),
    "SpaceToDepth": ([node("SpaceToDepth", ["q"], "y", blocksize=2)], IMAGE),
    "LeakyRelu": ([node("LeakyRelu", ["q"], "y", alpha=0.25)], ROW),
    "Clip": ([node("Clip", ["q", "low", "two"], "y")], ROW),
    "Sigmoid": ([node("Sigmoid", ["q"], "t"), quant("t", "y", "s", "four", signed=0)], ROW),
    "Tanh": ([node("Tanh", ["q"], "t"), quant("t", "y", "s", "four")], ROW),
    "Softmax": ([node("Softmax", ["q"], "y", axis=1)], ROW),
    "TopK": ([node("TopK", ["q", "k"], ["y", "i"], axis=1)], ROW),
    "ArgMax": ([node("ArgMax", ["q"], "y", axis=1)], ROW),
    "AveragePool": ([node("AveragePool", ["q"], "y", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1],
                          count_include_pad=1)], IMAGE),
    "GlobalMaxPool": ([node("GlobalMaxPool", ["q"], "y")], IMAGE),
    "MaxPool, padded": ([node("MaxPool", ["q"], "y", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])], IMAGE),
    "MaxPool": ([node("MaxPool", ["q"], "y", kernel_shape=[2, 2])], IMAGE),
    "GlobalAveragePool": ([node("GlobalAveragePool", ["q"], "y")], IMAGE),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_operator_becomes_integers(name: str) -> None:
    nodes, shape = CASES[name]
    held = {**HELD, "level": np.zeros((1, 1), F)}
    kinds = {"y": 7} if name == "ArgMax" else None
    lowered(nodes, shape, held, kinds=kinds)


def versioned(opset: int) -> Any:
    """One network in the words of an opset: Clip, Slice, Pad, Squeeze, Split and ReduceMean changed on the way."""
    attributes = opset < 13
    held: dict[str, Any] = {"s": F(0.25), "b": F(5), "w": WEIGHTS, "i3": np.array([3]), "i0": np.array([0]),
                            "i9": np.array([9]), "ax": np.array([2]), "sizes": np.array([1, 3]), "pads": HELD["pads"],
                            "low": F(0), "high": F(6), "space": np.array([2, 3])}  # fmt: skip
    pads = {"pads": HELD["pads"].tolist()}
    nodes = [
        quant("x", "q", "s", "b"),
        node("Pad", ["q"], "p", **pads) if opset < 11 else node("Pad", ["q", "pads"], "p"),
        node("Conv", ["p", "w"], "c"),
        node("Clip", ["c"], "a", min=0.0, max=6.0) if opset < 11 else node("Clip", ["c", "low", "high"], "a"),
        node("Slice", ["a"], "t", starts=[0], ends=[3], axes=[2]) if opset < 10
        else node("Slice", ["a", "i0", "i3", "ax"], "t"),
        node("Split", ["t"], ["u", "v"], axis=1, split=[1, 3]) if attributes
        else node("Split", ["t", "sizes"], ["u", "v"], axis=1),
        node("ReduceMean", ["v"], "m", axes=[2, 3]) if opset < 18 else node("ReduceMean", ["v", "space"], "m"),
        node("Squeeze", ["m"], "y", axes=[2, 3]) if attributes else node("Squeeze", ["m", "space"], "y"),
    ]  # fmt: skip
    return model(nodes, {"x": (1, 2, 4, 4)}, ("y",), held, opset)


@pytest.mark.parametrize("opset", range(9, 24))
def test_every_opset_from_9_to_23_gives_the_same_integers(opset: int) -> None:
    reading, truth = read_model(parsed(versioned(opset)))
    x = np.random.default_rng(0).normal(size=(50, 2, 4, 4)).astype(F)
    (found,) = run(reading.graph, [reading.encoders[0](x)])
    (values,) = truth.logits([x])
    assert np.array_equal(np.rint(reading.decoders[0].codes(values)), found)
    newest, _ = read_model(parsed(versioned(23)))
    assert np.array_equal(run(newest.graph, [newest.encoders[0](x)])[0], found)


def test_weights_may_be_listed_among_the_inputs_and_computed_from_constants() -> None:
    """As the dynamo exporter writes them, and as older ones do: Pow and Div around a variance."""
    held = {"w": RNG.integers(-3, 4, (4, 6)).astype(F), "v": np.full(4, 4, F), "p": F(0.5), "s": F(0.25), "b": F(5)}
    nodes = [quant("x", "q", "s", "b"), node("Transpose", ["w"], "t", perm=[1, 0]), node("Pow", ["v", "p"], "r"),
             node("Div", ["t", "r"], "d"), node("MatMul", ["q", "d"], "y")]  # fmt: skip
    proto = model(nodes, {"x": (1, 6)}, constants=held)
    proto.graph.input.append(helper.make_tensor_value_info("w", 1, [4, 6]))
    reading, truth = read_model(parsed(proto))
    assert len(reading.graph.inputs) == 1
    x = np.random.default_rng(0).normal(size=(50, 6)).astype(F)
    assert np.array_equal(reading.decoders[0](run(reading.graph, [reading.encoders[0](x)])[0]), truth.executor([x])[0])
