"""Every standard operator gives what onnxruntime gives, over the opsets in which it changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.onnx_models import model, node, parsed

from bitwright.frontends.qonnx import Executor

runtime = pytest.importorskip("onnxruntime")
RNG = np.random.default_rng(7)


def floats(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def agree(proto: Any, feeds: dict[str, np.ndarray]) -> None:
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    session = runtime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    wanted = session.run(None, feeds)
    found = Executor(parsed(proto))(list(feeds.values()))
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


IMAGE = (2, 4, 7, 6)
# (name, opset, node, shapes of live inputs, constants, outputs)
CASES: list[tuple[str, int, Any, dict[str, tuple[int, ...]], dict[str, Any], list[str]]] = []


def case(name: str, opset: int, kind: str, shapes: Any, constants: Any = None, outputs: Any = "y", **told: Any) -> None:
    live = {f"x{i}": s for i, s in enumerate(shapes if isinstance(shapes, list) else [shapes])}
    held = {f"c{i}": v for i, v in enumerate(constants or []) if v is not None}
    names = [*live, *(f"c{i}" if v is not None else "" for i, v in enumerate(constants or []))]
    names_out = [outputs] if isinstance(outputs, str) else outputs
    CASES.append((name, opset, node(kind, names, names_out, **told), live, held, names_out))


for unary in ("Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Erf", "Exp", "Abs", "Neg", "Floor", "Ceil", "Round",
              "Reciprocal", "Sign", "Identity", "Sin", "Cos", "Dropout", "HardSwish"):  # fmt: skip
    case(unary, 17, unary, (2, 5))
case("LeakyRelu", 16, "LeakyRelu", (2, 5), alpha=0.3)
case("Elu", 17, "Elu", (2, 5), alpha=0.7)
case("Celu", 17, "Celu", (2, 5), alpha=0.7)
case("Selu", 17, "Selu", (2, 5))
case("ThresholdedRelu", 17, "ThresholdedRelu", (2, 5), alpha=0.4)
case("HardSigmoid", 17, "HardSigmoid", (2, 5), alpha=0.3, beta=0.4)
case("PRelu", 17, "PRelu", IMAGE, [floats(4, 1, 1)])
for binary in ("Add", "Sub", "Mul", "Div"):
    case(binary, 14, binary, [IMAGE, (4, 1, 1)])
    case(f"{binary}_constant", 13, binary, IMAGE, [np.float32(0.7)])
for several in ("Min", "Max", "Sum", "Mean"):
    case(several, 13, several, [(2, 5), (5,), (2, 1)])
case("Clip_attributes", 6, "Clip", (2, 5), min=-0.4, max=0.6)
case("Clip_inputs", 13, "Clip", (2, 5), [np.float32(-0.4), np.float32(0.6)])
case("Clip_low_only", 12, "Clip", (2, 5), [np.float32(-0.1)])
case("BatchNormalization", 15, "BatchNormalization", IMAGE, [floats(4), floats(4), floats(4), abs(floats(4))])
case("BatchNormalization_old", 9, "BatchNormalization", (2, 4), [floats(4), floats(4), floats(4), abs(floats(4))])
case("LayerNormalization", 17, "LayerNormalization", (2, 3, 8), [floats(8), floats(8)], axis=-1)
for axis in (1, 2):
    case(f"Softmax_{axis}", 13, "Softmax", (2, 3, 5), axis=axis)
    case(f"Softmax_flattened_{axis}", 11, "Softmax", (2, 3, 5), axis=axis)
case("LogSoftmax", 13, "LogSoftmax", (2, 5))
case("Conv", 11, "Conv", IMAGE, [floats(6, 4, 3, 2), floats(6)], strides=[2, 1], pads=[1, 0, 2, 1])
case("Conv_dilated_grouped", 11, "Conv", IMAGE, [floats(6, 2, 2, 2)], dilations=[2, 3], group=2)
case("Conv_depthwise_same", 11, "Conv", IMAGE, [floats(8, 1, 3, 3)], group=4, auto_pad="SAME_UPPER", strides=[2, 2])
case("Conv_same_lower", 11, "Conv", IMAGE, [floats(2, 4, 2, 2)], auto_pad="SAME_LOWER")
case("Conv_one_axis", 11, "Conv", (2, 3, 9), [floats(5, 3, 4)], strides=[2])
case("Conv_three_axes", 11, "Conv", (1, 2, 4, 5, 6), [floats(3, 2, 2, 2, 3)])
case("ConvTranspose", 11, "ConvTranspose", IMAGE, [floats(4, 3, 3, 2), floats(3)], strides=[2, 3], pads=[1, 0, 0, 1])
case("ConvTranspose_grouped", 11, "ConvTranspose", IMAGE, [floats(4, 3, 2, 2)], group=2, dilations=[2, 1])
case("ConvTranspose_padding", 11, "ConvTranspose", IMAGE, [floats(4, 2, 3, 3)], strides=[2, 2], output_padding=[1, 1])
case("ConvTranspose_shape", 11, "ConvTranspose", IMAGE, [floats(4, 2, 3, 3)], strides=[2, 2], output_shape=[14, 12])
case("ConvTranspose_same", 11, "ConvTranspose", IMAGE, [floats(4, 2, 3, 3)], strides=[2, 2], auto_pad="SAME_UPPER")
case("Gemm", 13, "Gemm", (3, 4), [floats(5, 4), floats(5)], transB=1, alpha=0.5, beta=2.0)
case("Gemm_without_c", 11, "Gemm", (3, 4), [floats(4, 5)])
case("Gemm_transposed", 13, "Gemm", (4, 3), [floats(4, 5), floats(3, 1)], transA=1)
case("MatMul", 13, "MatMul", (2, 3, 4), [floats(4, 5)])
case("MatMul_live", 13, "MatMul", [(2, 3, 4), (2, 4, 5)])
case("MaxPool", 12, "MaxPool", IMAGE, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])
case("MaxPool_dilated", 12, "MaxPool", IMAGE, kernel_shape=[2, 2], dilations=[2, 2])
case("MaxPool_ceil", 12, "MaxPool", IMAGE, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
case("AveragePool", 11, "AveragePool", IMAGE, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])
case("AveragePool_included", 11, "AveragePool", IMAGE, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
case("AveragePool_ceil", 19, "AveragePool", IMAGE, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
case("GlobalAveragePool", 13, "GlobalAveragePool", IMAGE)
case("GlobalMaxPool", 13, "GlobalMaxPool", IMAGE)
for reduction in ("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare"):
    case(f"Reduce{reduction}", 18, f"Reduce{reduction}", IMAGE, [ints(1, -1)], keepdims=0)
case("ReduceMean_attribute", 13, "ReduceMean", IMAGE, axes=[2, 3])
case("ReduceSum_all", 13, "ReduceSum", (2, 5))
case("ArgMax", 13, "ArgMax", (3, 5), axis=1, keepdims=0)
case("ArgMin_last", 13, "ArgMin", (3, 5), axis=-1, select_last_index=1)
case("TopK", 11, "TopK", (3, 6), [ints(2)], ["y", "z"], axis=-1)
case("TopK_least", 11, "TopK", (3, 6), [ints(3)], ["y", "z"], axis=0, largest=0)
case("TopK_attribute", 9, "TopK", (3, 6), None, ["y", "z"], axis=1, k=2)
case("Reshape", 14, "Reshape", IMAGE, [ints(0, -1, 3)])
case("Flatten", 13, "Flatten", IMAGE, axis=2)
case("Transpose", 13, "Transpose", IMAGE, perm=[0, 2, 3, 1])
case("Transpose_turned", 13, "Transpose", IMAGE)
case("Squeeze_attribute", 11, "Squeeze", (2, 1, 5, 1), axes=[1])
case("Squeeze", 13, "Squeeze", (2, 1, 5, 1), [ints(-1)])
case("Unsqueeze_attribute", 11, "Unsqueeze", (2, 5), axes=[0, 3])
case("Unsqueeze", 13, "Unsqueeze", (2, 5), [ints(1)])
case("Concat", 13, "Concat", [(2, 3), (2, 4)], axis=-1)
case("Split_equal", 13, "Split", (2, 6), None, ["y", "z"], axis=1)
case("Split_attribute", 11, "Split", (2, 6), None, ["y", "z"], axis=1, split=[2, 4])
case("Split_uneven", 18, "Split", (2, 7), None, ["y", "z", "w"], axis=1, num_outputs=3)
case("Slice_attributes", 9, "Slice", IMAGE, starts=[1, -4], ends=[9, -1], axes=[1, 2])
case("Slice", 13, "Slice", IMAGE, [ints(5, 0), ints(-99, 4), ints(2, 3), ints(-2, 3)])
case("Pad_attribute", 10, "Pad", (2, 3, 4), pads=[0, 1, 2, 0, 0, 1], value=0.5)
case("Pad", 13, "Pad", (2, 3, 4), [ints(0, 1, 2, 0, -1, 1)])
case("Pad_reflect", 13, "Pad", (2, 3, 4), [ints(0, 1, 2, 0, 1, 1)], mode="reflect")
case("Pad_axes", 18, "Pad", (2, 3, 4), [ints(1, 2), None, ints(-1)])
case("Gather", 13, "Gather", (3, 5), [ints(0, -1, 2)], axis=1)
case("Expand", 13, "Expand", (2, 1, 4), [ints(3, 1)])
case("Tile", 13, "Tile", (2, 3), [ints(1, 2)])
case("Shape", 15, "Shape", IMAGE, start=1, end=-1)
case("Size", 13, "Size", IMAGE)
case("DepthToSpace", 13, "DepthToSpace", (2, 8, 3, 2), blocksize=2, mode="DCR")
case("DepthToSpace_crd", 13, "DepthToSpace", (2, 8, 3, 2), blocksize=2, mode="CRD")
case("SpaceToDepth", 13, "SpaceToDepth", (2, 3, 4, 6), blocksize=2)
case("Upsample", 9, "Upsample", (1, 2, 3, 4), [np.array([1, 1, 2, 3], np.float32)], mode="nearest")
case("Resize_old", 10, "Resize", (1, 2, 3, 4), [np.array([1, 1, 2, 2], np.float32)], mode="nearest")
SCALES = np.array([1, 1, 2, 1.5], np.float32)
for coordinates in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"):
    told = {"coordinate_transformation_mode": coordinates}
    case(f"Resize_linear_{coordinates}", 13, "Resize", (1, 2, 3, 4), [None, SCALES], mode="linear", **told)
    for nearest in ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil"):
        both = {"nearest_mode": nearest, **told}
        case(f"Resize_{coordinates}_{nearest}", 13, "Resize", (1, 2, 3, 4), [None, SCALES], **both)
case("Resize_sizes", 13, "Resize", (1, 2, 3, 4), [None, None, ints(1, 2, 5, 7)], mode="linear")
for direction, count in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
    case(f"LSTM_{direction}", 14, "LSTM", (5, 2, 3), [floats(count, 16, 3), floats(count, 16, 4), floats(count, 32)],
         ["y", "h", "c"], hidden_size=4, direction=direction)  # fmt: skip
    case(f"GRU_{direction}", 14, "GRU", (5, 2, 3), [floats(count, 12, 3), floats(count, 12, 4), floats(count, 24)],
         ["y", "h"], hidden_size=4, direction=direction)  # fmt: skip
case("GRU_linear", 14, "GRU", (5, 2, 3), [floats(1, 12, 3), floats(1, 12, 4), floats(1, 24)], ["y", "h"],
     hidden_size=4, linear_before_reset=1)  # fmt: skip
case("LSTM_state", 14, "LSTM", (5, 2, 3), [floats(1, 16, 3), floats(1, 16, 4), None, None, floats(1, 2, 4),
     floats(1, 2, 4)], ["y", "h", "c"], hidden_size=4)  # fmt: skip
case("GRU_hard", 14, "GRU", (5, 2, 3), [floats(2, 12, 3), floats(2, 12, 4), floats(2, 24)], ["y", "h"], hidden_size=4,
     direction="bidirectional", activations=["HardSigmoid", "LeakyRelu", "hardsigmoid", "Softsign"],
     activation_alpha=[0.25, 0.1, 0.3], activation_beta=[0.4, 0.6])  # fmt: skip
case("RNN", 14, "RNN", (5, 2, 3), [floats(1, 4, 3), floats(1, 4, 4), floats(1, 8)], ["y", "h"], hidden_size=4)

INTEGERS = {"ArgMax": {"y": 7}, "ArgMin_last": {"y": 7}, "Shape": {"y": 7}, "Size": {"y": 7}}


@pytest.mark.parametrize("told", CASES, ids=[c[0] for c in CASES])
def test_an_operator_computes_what_onnxruntime_computes(told: Any) -> None:
    name, opset, made, live, constants, outputs = told
    kinds = {"z": 7} if name.startswith("TopK") else INTEGERS.get(name, {})
    proto = model([made], live, outputs, constants, opset, kinds)
    agree(proto, {k: floats(*s) for k, s in live.items()})
