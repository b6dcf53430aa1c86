"""Random QONNX networks: with scales that are powers of two float32 holds every sum, and integers must agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tests.onnx_models import QONNX, model, node, quant

ROUNDINGS = ("ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN")


class Net:
    """A network as it grows: the newest tensor and its shape without the batch."""

    def __init__(self, seed: int, free: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.free = free
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self.count = 0
        self.name, self.shape = "x", (1,)

    def fresh(self) -> str:
        self.count += 1
        return f"t{self.count}"

    def hold(self, values: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(values, dtype=dtype)
        return name

    def add(self, kind: str, inputs: list[str], shape: tuple[int, ...], domain: str = "", **told: Any) -> None:
        self.name = self.fresh()
        self.nodes.append(node(kind, inputs, self.name, domain, **told))
        self.shape = shape

    def pick(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def stretched(self, scale: Any) -> Any:
        """A scale as told, or another one of any size."""
        return scale * self.rng.uniform(0.6, 1.4) if self.free else scale

    # Parts.

    def quantize(self, signed: int | None = None) -> None:
        signed = self.pick(0, 1) if signed is None else signed
        bits = int(self.rng.integers(2, 5))
        scale = self.stretched(2.0 ** int(self.rng.integers(-4, 1)))
        if self.rng.random() < 0.15:
            self.add("BipolarQuant", [self.name, self.hold(scale)], self.shape, QONNX)
            return
        told = {"signed": signed, "narrow": self.pick(0, 1), "rounding_mode": self.pick(*ROUNDINGS)}
        scales = scale
        if self.rng.random() < 0.3 and len(self.shape) in (1, 3):
            scales = scale * 2.0 ** self.rng.integers(0, 2, self.shape[0])
            scales = scales.reshape(1, -1, *(1,) * (len(self.shape) - 1))
        zero = float(self.rng.integers(-2, 3)) if self.rng.random() < 0.3 else 0.0
        target = self.fresh()
        self.nodes.append(quant(self.name, target, self.hold(scales), self.hold(bits), self.hold(zero), **told))
        self.name = target

    def weights(self, *shape: int) -> str:
        """Quantized weights, per output channel or per tensor; the first axis is that of the outputs."""
        raw, target = self.hold(self.rng.normal(size=shape)), self.fresh()
        scale = 0.25 * 2.0 ** self.rng.integers(-1, 2, (shape[0], *(1,) * (len(shape) - 1)))
        scale = self.stretched(scale if self.pick(0, 1) else 0.5)
        self.nodes.append(quant(raw, target, self.hold(scale), self.hold(3), narrow=self.pick(0, 1)))
        return target

    def normalize(self) -> None:
        c = self.shape[0]
        draws = self.rng.normal(size=(2, c))
        told = [np.where(np.abs(draws[0]) < 0.2, 1.0, draws[0]), draws[1], self.rng.normal(size=c),
                self.rng.uniform(0.2, 2, c)]  # fmt: skip
        self.add("BatchNormalization", [self.name, *(self.hold(v) for v in told)], self.shape)

    def activate(self) -> None:
        kind = self.pick("Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "normalize", "scale", "none")
        if kind == "normalize":
            self.normalize()
        elif kind == "scale":
            self.add("Mul", [self.name, self.hold(0.37)], self.shape)
            self.add("Add", [self.hold(0.21), self.name], self.shape)
        elif kind != "none":
            self.add(kind, [self.name], self.shape)

    def dense(self) -> None:
        units = int(self.rng.integers(2, 6))
        inner = self.shape[-1]
        form = self.pick("Gemm", "MatMul", "biased") if len(self.shape) == 1 else "MatMul"
        if form == "Gemm":
            self.add("Gemm", [self.name, self.weights(units, inner)], (*self.shape[:-1], units), transB=1)
            return
        weights, turned = self.weights(units, inner), self.fresh()
        self.nodes.append(node("Transpose", [weights], turned, perm=[1, 0]))
        self.add("MatMul", [self.name, turned], (*self.shape[:-1], units))
        if form == "biased":
            bias = self.rng.integers(-8, 9, units) / 16 if self.pick(0, 1) else self.rng.normal(size=units)
            self.add("Add", [self.name, self.hold(bias)], self.shape)

    def conv(self) -> None:
        channels, height, width = self.shape
        groups = self.pick(1, channels)
        filters = groups * int(self.rng.integers(1, 3)) if groups > 1 else int(self.rng.integers(1, 5))
        k = [int(self.rng.integers(1, min(3, n) + 1)) for n in (height, width)]
        pads = [int(v) for v in self.rng.integers(0, 2, 4)]
        strides = [int(v) for v in self.rng.integers(1, 3, 2)]
        size = tuple((n + pads[a] + pads[a + 2] - k[a]) // strides[a] + 1 for a, n in enumerate((height, width)))
        inputs = [self.name, self.weights(filters, channels // groups, *k)]
        if self.pick(0, 1):
            inputs.append(self.hold(self.rng.integers(-8, 9, filters) / 8))
        self.add("Conv", inputs, (filters, *size), strides=strides, pads=pads, group=groups)

    def transposed_conv(self) -> None:
        channels, height, width = self.shape
        filters, k, s = int(self.rng.integers(1, 4)), self.pick(2, 3), self.pick(1, 2)
        size = tuple((n - 1) * s + k - 1 for n in (height, width))
        weights = self.weights(1, filters * channels, k, k)
        spread = self.fresh()
        self.nodes.append(node("Reshape", [weights, self.hold([channels, filters, k, k], np.int64)], spread))
        told = {"strides": [s, s], "pads": [0, 1, 1, 0]}
        self.add("ConvTranspose", [self.name, spread], (filters, *size), **told)

    def pool(self) -> None:
        channels, height, width = self.shape
        kind = self.pick("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean")
        if kind in ("GlobalAveragePool", "GlobalMaxPool"):
            self.add(kind, [self.name], (channels, 1, 1))
        elif kind == "ReduceMean":
            self.add(kind, [self.name], (channels, 1, 1), axes=[2, 3], keepdims=1)
        else:
            k = [min(2, height), min(2, width)]
            self.add(kind, [self.name], (channels, height // k[0], width // k[1]), kernel_shape=k, strides=k)

    def join(self) -> None:
        """A residual connection around a quantized part."""
        kept, shape = self.name, self.shape
        self.activate()
        self.quantize()
        other = self.name
        kind = self.pick("Add", "Sub", "Concat", "Max", "Mul")
        if kind == "Concat":
            self.add(kind, [other, kept], (2 * shape[0], *shape[1:]), axis=1)
        else:
            self.add(kind, [kept, other], shape)

    def move(self) -> None:
        """Elements go elsewhere."""
        channels, *space = self.shape
        kind = self.pick("Transpose", "Slice", "Pad", "Split", "Resize", "Unsqueeze")
        if kind == "Transpose" and len(self.shape) == 3:
            self.add("Transpose", [self.name], (*space, channels), perm=[0, 2, 3, 1])
            turned = self.shape
            self.activate()
            self.quantize_plain()
            self.add("Transpose", [self.name], (turned[-1], *turned[:-1]), perm=[0, 3, 1, 2])
        elif kind == "Slice" and channels > 1:
            bounds = [self.hold(v, np.int64) for v in ([1], [99], [1])]
            self.add("Slice", [self.name, *bounds], (channels - 1, *space))
        elif kind == "Pad" and len(self.shape) == 3:
            pads = [0, 0, 1, 0, 0, 0, 0, 1]
            self.add("Pad", [self.name, self.hold(pads, np.int64)], (channels, space[0] + 1, space[1] + 1))
        elif kind == "Split" and channels > 1:
            names = [self.fresh(), self.fresh()]
            self.nodes.append(node("Split", [self.name, self.hold([1, channels - 1], np.int64)], names, axis=1))
            self.name, self.shape = names[1], (channels - 1, *space)
        elif kind == "Resize" and len(self.shape) == 3:
            scales = self.hold([1, 1, 2, 1])
            told = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            self.add("Resize", [self.name, "", scales], (channels, space[0] * 2, space[1]), **told)
        elif kind == "Unsqueeze" and len(self.shape) == 1:
            self.add("Unsqueeze", [self.name, self.hold([2], np.int64)], (channels, 1))
            self.normalize()
            self.add("Squeeze", [self.name, self.hold([2], np.int64)], (channels,))
            self.quantize()

    def quantize_plain(self) -> None:
        target = self.fresh()
        self.nodes.append(quant(self.name, target, self.hold(self.stretched(0.25)), self.hold(4)))
        self.name = target

    def flatten(self) -> None:
        size = int(np.prod(self.shape))
        if self.pick(0, 1):
            self.add("Flatten", [self.name], (size,), axis=1)
        else:
            self.add("Reshape", [self.name, self.hold([1, -1], np.int64)], (size,))


def random_onnx(seed: int, free: bool = False) -> Any:
    """A ModelProto: an image or a vector, some quantized layers, perhaps flattened, a dense layer or ArgMax last.

    free: scales of any size.
    """
    net = Net(seed, free)
    image = net.rng.random() < 0.6
    given = tuple(int(v) for v in net.rng.integers(2, 5, 3)) if image else (int(net.rng.integers(3, 9)),)
    net.shape = given
    net.quantize_plain()
    parts: list[Callable[[], None]] = [net.conv, net.transposed_conv, net.pool, net.join, net.move]
    for _ in range(int(net.rng.integers(1, 4))):
        part = net.pick(*parts) if image else net.pick(net.dense, net.join, net.move)
        part()
        net.activate()
        net.quantize()
        image = image and len(net.shape) == 3 and net.shape[1] * net.shape[2] <= 64
    if len(net.shape) > 1:
        net.flatten()
        if net.pick(0, 1):
            net.normalize()
            net.quantize()
    net.dense()
    if net.rng.random() < 0.3:
        net.add("ArgMax", [net.name], (1,), axis=1)
        return model(net.nodes, {"x": (1, *given)}, [net.name], net.constants, 13, {net.name: 7})
    return model(net.nodes, {"x": (1, *given)}, [net.name], net.constants, 13)
