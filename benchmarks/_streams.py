"""Small networks for streams, in foldings of every kind: what the actor model is calibrated and checked on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bitwright.ir.dataflow import Dataflow
from bitwright.ir.dataflow.ops import Memory
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Add, Concat, Conv, Dense, Map, MaxPool, Pad, Reshape, SumPool, Transpose, Upsample
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps, Thresholds
from bitwright.passes.buffer import Buffer
from bitwright.passes.streaming import Folding, Kernel, Place, Recode
from bitwright.platforms import Device

__all__ = ["Net", "networks"]

ONE = Steps.of(1)


class Net:
    """A builder of quantized networks with random weights."""

    def __init__(self, name: str, shape: tuple[int, ...], low: int, high: int, seed: int = 0) -> None:
        self.name, self.builder = name, GraphBuilder()
        self.draw = np.random.default_rng(seed)
        self.at = self.builder.input(TensorType(shape, Ints(low), Ints(high), ONE), "x")

    def weights(self, bits: int, *shape: int) -> Ints:
        """Random codes; of one bit: -1 and 1."""
        if bits == 1:
            return Ints(self.draw.choice([-1, 1], shape))
        top = (1 << (bits - 1)) - 1
        return Ints(self.draw.integers(-top, top + 1, shape))

    def conv(self, name: str, filters: int, bits: int, *, kernel: int = 3, pad: int = 0, stride: int = 1) -> Net:
        """A square convolution."""
        channels = self.builder.type(self.at).shape[-1]
        weights = self.weights(bits, kernel, kernel, channels, filters)
        bias = Ints(self.draw.integers(-8, 9, filters))
        op = Conv(weights, bias, (stride,) * 2, ((pad, pad),) * 2, (1, 1))
        return self.put(op, name)

    def depthwise(self, name: str, bits: int, *, kernel: int = 3, pad: int = 1) -> Net:
        """A filter of its own for each channel."""
        channels = self.builder.type(self.at).shape[-1]
        weights = self.weights(bits, kernel, kernel, 1, channels)
        zero = Ints(np.zeros(channels, dtype=np.int64))
        return self.put(Conv(weights, zero, (1, 1), ((pad, pad),) * 2, (1, 1), channels), name)

    def dense(self, name: str, units: int, bits: int) -> Net:
        """A dense layer over all elements."""
        given = self.builder.type(self.at)
        if len(given.shape) > 1:
            self.put(Reshape((given.size,)), f"{name}_flat")
        weights = self.weights(bits, given.size, units)
        return self.put(Dense(weights, Ints(self.draw.integers(-8, 9, units))), name)

    def relu(self, name: str, bits: int) -> Net:
        """Shift and saturate to `bits` without sign."""
        type = self.builder.type(self.at)
        shift = max(type.largest.bit_length() - bits - 1, 0)
        parts = [Ints([n]) for n in (1, 0, shift, 0, (1 << bits) - 1)]
        form = ShiftRoundSaturate(parts[0], parts[1], parts[2], Rounding.HALF_EVEN, parts[3], parts[4])
        return self.put(Map(form, Ints(0)), name)

    def thresholds(self, name: str, levels: int, low: int = 0) -> Net:
        """A row of `levels` thresholds a channel, values from `low` up; one level: -1 and 1."""
        type = self.builder.type(self.at)
        channels, reach = type.shape[-1], max(type.largest // 4, levels)
        at = np.sort(self.draw.integers(-reach, reach, (channels, levels)), axis=1)
        values = np.tile([-1, 1] if levels == 1 else np.arange(low, low + levels + 1), (channels, 1))
        return self.put(Map(Thresholds(Ints(at), Ints(values)), Ints(np.arange(channels))), name)

    def pool(self, name: str, size: int = 2) -> Net:
        """A maximum over squares."""
        return self.put(MaxPool((size, size), (size, size), ((0, 0), (0, 0))), name)

    def mean(self, name: str) -> Net:
        """The sum over all places."""
        rows, columns, _ = self.builder.type(self.at).shape
        return self.put(SumPool((rows, columns), (rows, columns), ((0, 0), (0, 0))), name)

    def put(self, op: object, name: str, *others: int) -> Net:
        """Any other operator."""
        self.at = self.builder.apply(op, [self.at, *others], step=ONE, name=name)  # pyright: ignore
        return self

    def graph(self) -> Graph:
        """The network."""
        return self.builder.graph(self.name, [self.at])


def cnn(name: str, w: int, a: int, size: int = 10) -> Graph:
    """Two convolutions with pools and two dense layers; weights of w bits, activations of a."""
    net = Net(name, (size, size, 3), 0, 255, seed=w * 16 + a)
    net.conv("c1", 16, 4, pad=1)
    (net.thresholds("a1", (1 << a) - 1)).pool("p1").conv("c2", 24, w)
    net.thresholds("a2", (1 << a) - 1).dense("d1", 32, w).thresholds("a3", (1 << a) - 1).dense("d2", 10, w)
    return net.graph()


def mlp(name: str, w: int, a: int, width: int = 64) -> Graph:
    """Three dense layers with quantized ReLUs."""
    net = Net(name, (48,), -128, 127, seed=w + a)
    net.dense("d1", width, w).relu("a1", a).dense("d2", width, w).relu("a2", a).dense("d3", 10, w)
    return net.graph()


def mixed(name: str) -> Graph:
    """Depthwise, pointwise, residual, concatenation, upsampling, transposition, a mean."""
    net = Net(name, (8, 8, 8), -8, 7, seed=5)
    net.depthwise("dw", 4).relu("r1", 4).conv("pw", 16, 4, kernel=1).relu("r2", 4)
    kept = net.at
    net.conv("c", 16, 3, pad=1).relu("r3", 4).put(Add(), "add", kept).relu("r4", 4)
    net.put(Concat(2), "cat", kept).pool("p").put(Upsample((2, 1, 1)), "up").put(Pad(((1, 0), (0, 1), (0, 0))), "pad")
    net.put(Transpose((1, 0, 2)), "turn").mean("mean").relu("r5", 6).dense("d", 12, 5)
    return net.graph()


def _plans() -> Iterator[tuple[Graph, dict[str, Folding]]]:
    f, block = Folding, Memory.BLOCK
    yield cnn("bits", 1, 1), {"c1": f(3, 4), "c2": f(8, 4), "d1": f(12, 4), "d2": f(4, 1)}
    yield (
        cnn("bits_wide", 1, 1),
        {"x": f(3), "c1": f(3, 16), "p1": f(16), "c2": f(16, 12), "d1": f(24, 16), "d2": f(32, 10)},
    )
    yield cnn("two", 2, 2), {"c1": f(1, 2), "c2": f(4, 3), "d1": f(8, 4, weights=block), "d2": f(2, 1)}
    yield (
        cnn("four", 4, 4, 12),
        {"c1": f(3, 8), "p1": f(4), "c2": f(2, 6, weights=block), "d1": f(6, 2, weights=block), "d2": f(1, 5)},
    )
    yield mlp("words", 6, 6), {"d1": f(4, 4), "d2": f(8, 2), "d3": f(2, 2)}
    yield mlp("wide_words", 8, 8), {"d1": f(2, 8, weights=block), "d2": f(4, 4, weights=block), "d3": f(1, 1)}
    yield mlp("slim", 3, 3, 32), {"d1": f(48, 1), "d2": f(32, 4), "d3": f(32, 10)}
    yield mlp("unrolled", 3, 4, 16), {"d1": f(6, 4), "d2": f(kernel=Kernel.UNROLLED), "d3": f(kernel=Kernel.UNROLLED)}
    yield mixed("mixed"), {"x": f(2), "dw": f(2), "pw": f(2, 4), "c": f(4, 4), "d": f(4, 3)}
    yield (
        mixed("mixed_wide"),
        {"x": f(8), "dw": f(8), "pw": f(8, 8), "c": f(8, 16, lines=block), "p": f(8), "d": f(16, 6)},
    )


def networks(device: Device, clock_mhz: float | None, quick: bool = False) -> Iterator[tuple[str, Dataflow]]:
    """Placed and buffered programs by name."""
    plans = list(_plans())
    for graph, foldings in plans[:2] if quick else plans:
        program = Place(device, clock_mhz, foldings)(Recode()(graph))
        yield graph.name, Buffer()(program)
