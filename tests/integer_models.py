"""Models with onnxruntime's operators on integers, and an input for each."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.onnx_models import model, node

F = np.float32


def convolution(rng: np.random.Generator) -> tuple[Any, np.ndarray]:
    """QLinearConv behind a QuantizeLinear, per output channel, with a bias."""
    names = ["q", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"]
    nodes = [node("QuantizeLinear", ["x", "xs", "xz"], "q"), node("QLinearConv", names, "c", pads=[1, 0, 0, 1]),
             node("DequantizeLinear", ["c", "ys", "yz"], "y")]  # fmt: skip
    constants = {
        "xs": F(rng.uniform(0.01, 0.1)), "xz": np.uint8(rng.integers(256)), "ys": F(rng.uniform(0.05, 0.5)),
        "w": rng.integers(-128, 128, (4, 3, 2, 2)).astype(np.int8), "ws": rng.uniform(0.01, 0.1, 4).astype(F),
        "wz": np.zeros(4, np.int8), "yz": np.uint8(rng.integers(256)), "b": rng.integers(-999, 999, 4).astype(np.int32),
    }  # fmt: skip
    return model(nodes, {"x": (1, 3, 4, 4)}, constants=constants, opset=13), rng.normal(size=(1, 3, 4, 4)) * 3


def product(rng: np.random.Generator) -> tuple[Any, np.ndarray]:
    names = ["q", "xs", "xz", "w", "ws", "wz", "ys", "yz"]
    nodes = [node("QuantizeLinear", ["x", "xs", "xz"], "q"), node("QLinearMatMul", names, "c"),
             node("DequantizeLinear", ["c", "ys", "yz"], "y")]  # fmt: skip
    constants = {
        "xs": F(rng.uniform(0.01, 0.1)), "xz": np.int8(rng.integers(-9, 9)), "ys": F(rng.uniform(0.05, 0.5)),
        "w": rng.integers(-128, 128, (6, 4)).astype(np.int8), "ws": F(rng.uniform(0.01, 0.1)),
        "wz": np.int8(rng.integers(-9, 9)), "yz": np.int8(rng.integers(-128, 128)),
    }  # fmt: skip
    return model(nodes, {"x": (1, 6)}, constants=constants, opset=13), rng.normal(size=(1, 6)) * 3


def whole_product(rng: np.random.Generator) -> tuple[Any, np.ndarray]:
    nodes = [node("QuantizeLinear", ["x", "xs", "xz"], "q"), node("MatMulInteger", ["q", "w", "xz"], "c"),
             node("Cast", ["c"], "d", to=1), node("Mul", ["d", "m"], "y")]  # fmt: skip
    constants = {"xs": F(0.05), "xz": np.uint8(rng.integers(256)), "m": F(0.125),
                 "w": rng.integers(-128, 128, (6, 4)).astype(np.int8)}  # fmt: skip
    return model(nodes, {"x": (1, 6)}, constants=constants, opset=13), rng.normal(size=(1, 6)) * 3


def whole_convolution(rng: np.random.Generator) -> tuple[Any, np.ndarray]:
    nodes = [node("QuantizeLinear", ["x", "xs", "xz"], "q"), node("ConvInteger", ["q", "w", "xz"], "c", strides=[2, 1]),
             node("Cast", ["c"], "d", to=1), node("Mul", ["d", "m"], "y")]  # fmt: skip
    constants = {"xs": F(0.05), "xz": np.uint8(rng.integers(256)), "m": F(0.125),
                 "w": rng.integers(0, 128, (2, 3, 2, 2)).astype(np.uint8)}  # fmt: skip
    return model(nodes, {"x": (1, 3, 4, 4)}, constants=constants, opset=13), rng.normal(size=(1, 3, 4, 4)) * 3
