"""Small float networks, and what onnxruntime's own quantizer makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.onnx_models import helper, model, node, onnx

quantization = pytest.importorskip("onnxruntime.quantization")
runtime = pytest.importorskip("onnxruntime")

SHAPES = {"mlp": (10,), "cnn": (3, 8, 8)}


def _held(rng: np.random.Generator, **shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {k: (rng.normal(size=s) / np.sqrt(np.prod(s[1:]) or 1)).astype(np.float32) for k, s in shapes.items()}


def float_mlp(seed: int) -> Any:
    """Three layers."""
    held = _held(np.random.default_rng(seed), w1=(16, 10), b1=(16,), w2=(8, 16), b2=(8,), w3=(5, 8), b3=(5,))
    nodes = [
        node("Gemm", ["x", "w1", "b1"], "h1", transB=1), node("Relu", ["h1"], "r1"),
        node("Gemm", ["r1", "w2", "b2"], "h2", transB=1), node("LeakyRelu", ["h2"], "r2", alpha=0.125),
        node("Gemm", ["r2", "w3", "b3"], "y", transB=1),
    ]  # fmt: skip
    return _named(model(nodes, {"x": ("n", 10)}, constants=held, opset=21))


def float_cnn(seed: int) -> Any:
    """Convolutions, a residual connection, pools, and a dense layer behind them."""
    held = _held(np.random.default_rng(seed), k1=(6, 3, 3, 3), c1=(6,), k2=(6, 6, 3, 3), c2=(6,), k3=(6, 1, 3, 3),
                 w=(5, 6), b=(5,))  # fmt: skip
    pads = [1, 1, 1, 1]
    nodes = [
        node("Conv", ["x", "k1", "c1"], "a", pads=pads), node("Relu", ["a"], "ra"),
        node("Conv", ["ra", "k2", "c2"], "c", pads=pads), node("Add", ["c", "ra"], "s"), node("Relu", ["s"], "rs"),
        node("MaxPool", ["rs"], "m", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["m", "k3"], "d", pads=pads, group=6), node("Sigmoid", ["d"], "g"),
        node("GlobalAveragePool", ["g"], "p"), node("Flatten", ["p"], "f", axis=1),
        node("Gemm", ["f", "w", "b"], "y", transB=1),
    ]  # fmt: skip
    return _named(model(nodes, {"x": ("n", 3, 8, 8)}, constants=held, opset=21))


def _named(proto: Any) -> Any:
    """The quantizer wants names of nodes and shapes of tensors."""
    for i, n in enumerate(proto.graph.node):
        n.name = f"{n.op_type}_{i}"
    last = proto.graph.output[0]
    last.CopyFrom(helper.make_tensor_value_info(last.name, 1, ["n", 5]))
    return onnx.shape_inference.infer_shapes(proto)


FLOATS = {"mlp": float_mlp, "cnn": float_cnn}


class _Samples(quantization.CalibrationDataReader):
    def __init__(self, shape: tuple[int, ...], seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.left = [{"x": rng.normal(size=(1, *shape)).astype(np.float32)} for _ in range(20)]

    def get_next(self) -> Any:
        return self.left.pop() if self.left else None


def quantized(kind: str, folder: Path, seed: int = 0, dyadic: bool = False, **told: Any) -> Any:
    """The model that `quantize_static` writes; dyadic: its scales moved to powers of two, biases with them."""
    source, target = folder / "float.onnx", folder / "quantized.onnx"
    onnx.save(FLOATS[kind](seed), source)
    told = {"quant_format": quantization.QuantFormat.QDQ, **told}
    quantization.quantize_static(source, target, _Samples(SHAPES[kind], seed + 1), **told)
    found = onnx.load(target)
    return _on_powers_of_two(found) if dyadic else found


def _on_powers_of_two(proto: Any) -> Any:
    for held in proto.graph.initializer:
        if held.name.endswith("_scale"):
            values = onnx.numpy_helper.to_array(held)
            held.CopyFrom(onnx.numpy_helper.from_array(np.exp2(np.rint(np.log2(values))).astype(np.float32), held.name))
    scales = {t.name: onnx.numpy_helper.to_array(t) for t in proto.graph.initializer}
    made = {n.output[0]: n for n in proto.graph.node if n.op_type == "DequantizeLinear"}
    for held in proto.graph.initializer:  # the scale of a bias is that of the products
        reader = next((n for n in proto.graph.node if len(n.input) > 2 and n.input[2] in made
                       and made[n.input[2]].input[1] == held.name), None)  # fmt: skip
        if reader is not None:
            first, second = (scales[made[reader.input[i]].input[1]] for i in (0, 1))
            told = (first * second).reshape(scales[held.name].shape)
            held.CopyFrom(onnx.numpy_helper.from_array(told, held.name))
    return proto


def as_told(proto: Any, x: np.ndarray) -> np.ndarray:
    """onnxruntime's outputs without its optimizations, which fuse quantizers into operators that round otherwise."""
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(
        None, {"x": x}
    )[0]
