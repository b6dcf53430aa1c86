"""Small networks for the engine: what its instructions cover, alone and together."""

from __future__ import annotations

import numpy as np

from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph import ops as g
from bitwright.numeric import IntArray, Ints, Rounding, ShiftRoundSaturate, Steps, Thresholds
from bitwright.passes.streaming import Recode

__all__ = [
    "GRAPHS",
    "alexnet",
    "binary",
    "branched",
    "codes",
    "constants",
    "grouped",
    "moved",
    "perceptron",
    "residual",
    "uneven",
    "wide_head",
]

_ONE = Steps.of(1)


class _Net:
    """A builder with layers of random integers."""

    def __init__(self, seed: int, shape: tuple[int, ...], low: int, high: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.builder = GraphBuilder()
        self.at = self.builder.input(TensorType(shape, Ints(low), Ints(high), _ONE), "x")

    def ints(self, bound: int, *shape: int) -> Ints:
        return Ints(self.rng.integers(-bound, bound + 1, shape))

    def put(self, op: g.GraphOp, *args: int, step: Steps | None = None, name: str = "") -> int:
        self.at = self.builder.apply(op, args or [self.at], step=step, name=name)
        return self.at

    def dense(self, units: int, bound: int = 3) -> int:
        inputs = self.builder.type(self.at).shape[-1]
        return self.put(g.Dense(self.ints(bound, inputs, units), self.ints(9, units)), step=_ONE)

    def conv(
        self, filters: int, kernel: int = 3, stride: int = 1, pad: int = 1, groups: int = 1, dilation: int = 1
    ) -> int:
        channels = self.builder.type(self.at).shape[-1] // groups
        weights = self.ints(2, kernel, kernel, channels, filters)
        op = g.Conv(weights, self.ints(9, filters), (stride,) * 2, ((pad, pad),) * 2, (dilation,) * 2, groups)
        return self.put(op, step=_ONE)

    def relu(self, shift: int, bits: int, rounding: Rounding = Rounding.HALF_EVEN, mul: int = 1) -> int:
        """A rectifier with its own factor in each channel where `mul` is not one."""
        channels = self.builder.type(self.at).shape[-1] if mul > 1 else 1
        muls = self.rng.integers(1, mul + 1, channels)
        each = (np.zeros(channels, np.int64), np.full(channels, shift))
        ends = Ints(np.zeros(channels, np.int64)), Ints(np.full(channels, (1 << bits) - 1))
        form = ShiftRoundSaturate(Ints(muls), Ints(each[0]), Ints(each[1]), rounding, *ends)
        return self.put(g.Map(form, Ints(np.arange(channels) if channels > 1 else 0)), step=_ONE)

    def sign(self) -> int:
        """Two values, each channel with a threshold of its own."""
        channels = self.builder.type(self.at).shape[-1]
        form = Thresholds(self.ints(5, channels, 1), Ints(np.tile([-1, 1], (channels, 1))))
        return self.put(g.Map(form, Ints(np.arange(channels))), step=_ONE)

    def signs(self, *shape: int) -> Ints:
        return Ints(self.rng.choice([-1, 1], shape))

    def uneven(self, steps: int, *, falling: bool = False, places: int = 1) -> int:
        """A monotone map of so many steps, unevenly apart, each channel (or element) with its own."""
        channels = self.builder.type(self.at).shape[-1] * places
        rises = np.sort(self.rng.choice(np.arange(-40, 40), (channels, steps)), axis=1)
        values = np.cumsum(self.rng.integers(0, 3, (channels, steps + 1)), axis=1)
        form = Thresholds(Ints(rises), Ints(-values if falling else values))
        rows = np.arange(channels)
        if places > 1:
            rows = rows.reshape(self.builder.type(self.at).shape)
        return self.put(g.Map(form, Ints(rows)), step=_ONE)

    def constant(self, *shape: int) -> int:
        values = self.rng.integers(-6, 7, shape)
        kind = TensorType(shape, Ints(values), Ints(values), _ONE)
        return self.builder.add(g.Constant(Ints(values)), (), kind)

    def flat(self) -> int:
        return self.put(g.Reshape((self.builder.type(self.at).size,)))

    def graph(self, name: str) -> Graph:
        return Recode()(self.builder.graph(name, [self.at]))


def perceptron() -> Graph:
    """Binary dense layers, as TFC has them, with a head of raw sums."""
    net = _Net(1, (49,), -1, 1)
    for units in (16, 12, 20):
        net.dense(units, 1)
        net.sign()
    net.dense(10, 1)
    return net.graph("perceptron")


def binary() -> Graph:
    """Weights of -1 and 1 alone: convolutions whose channels fill no words, a pool, dense layers."""
    net = _Net(11, (7, 6, 3), 0, 3)
    none = ((0, 0), (0, 0))
    net.put(g.Conv(net.signs(3, 3, 3, 10), net.ints(9, 10), (1, 1), ((1, 1), (1, 1)), (1, 1)), step=_ONE)
    net.sign()
    net.put(g.MaxPool((2, 2), (2, 2), none))
    net.put(g.Conv(net.signs(2, 2, 10, 5), net.ints(3, 5), (1, 1), none, (1, 1)), step=_ONE)
    net.sign()
    net.flat()
    net.put(g.Dense(net.signs(net.builder.type(net.at).size, 7), net.ints(9, 7)), step=_ONE)
    return net.graph("binary")


def residual() -> Graph:
    """Padded and strided convolutions, a shortcut, pools, a flattened head; half-even and floor."""
    net = _Net(2, (9, 8, 3), -8, 7)
    net.conv(8)
    short = net.relu(4, 4)
    net.conv(8)
    body = net.relu(5, 4, Rounding.FLOOR)
    net.put(g.Add(), body, short, name="sum")
    net.relu(1, 4)
    net.put(g.MaxPool((3, 3), (2, 2), ((1, 1), (0, 0))), name="pool")
    net.conv(12, stride=2)
    net.relu(9, 4, Rounding.HALF_UP, mul=11)
    net.put(g.SumPool((2, 1), (1, 1), ((0, 0), (1, 0))), name="sums")
    net.flat()
    net.dense(5)
    return net.graph("residual")


def grouped() -> Graph:
    """Grouped, depthwise and dilated convolutions; the larger of two, a difference; negatives under a padded pool."""
    net = _Net(3, (7, 6, 8), -4, 3)
    net.conv(8, groups=8)
    one = net.relu(2, 3)
    net.conv(8, groups=2, pad=2, dilation=2)
    two = net.relu(3, 3)
    larger = net.put(g.Maximum(), one, two, name="larger")
    net.put(g.Subtract(), larger, one, name="difference")
    net.conv(6, kernel=1, pad=0)
    net.put(g.MaxPool((2, 2), (2, 2), ((1, 0), (0, 1))), name="pool")
    return net.graph("grouped")


def wide_head() -> Graph:
    """A value that leaves and is read besides; more outputs than lanes, no multiple of them."""
    net = _Net(4, (13,), 0, 15)
    net.dense(11)
    net.relu(3, 4)
    kept = net.dense(7)
    net.dense(3)
    net.at = kept
    return net.graph("wide_head")


def uneven() -> Graph:
    """Monotone maps that no slope fits: rising, falling, through a pool, with biases and bits before them."""
    net = _Net(5, (5, 6, 3), -8, 7)
    net.conv(10)
    net.uneven(3)
    net.conv(7)
    net.uneven(6, falling=True)
    net.put(g.MaxPool((2, 2), (2, 2), ((1, 0), (0, 0))), name="pool")
    net.uneven(2)
    net.conv(5, kernel=1, pad=0)
    net.sign()
    net.conv(4)
    net.uneven(4)
    net.flat()
    net.dense(3)
    return net.graph("uneven")


def moved() -> Graph:
    """Upsampling, concatenations along channels (whole words and not), rows and columns, transposition, slices."""
    net = _Net(6, (4, 3, 5), -8, 7)
    one = net.relu(0, 3)
    net.put(g.Upsample((2, 2, 1)), one, name="up")
    net.conv(8)
    two = net.relu(3, 3)
    net.conv(3)
    three = net.relu(4, 3)
    both = net.put(g.Concat(2), two, three, two, name="channels")
    net.conv(4, kernel=1, pad=0)
    four = net.relu(3, 3)
    below = net.put(g.Concat(0), four, four, name="rows")
    net.put(g.Transpose((1, 0, 2)), below, name="turned")
    net.put(g.Slice((1, 2, 1), (6, 15, 4), (2, 3, 1)), name="cut")
    net.put(g.Concat(1), net.at, net.at, name="columns")
    net.flat()
    net.dense(6)
    head = net.relu(4, 3)
    net.put(g.Slice((0, 0, 0), (1, 1, 19), (1, 1, 1)), both, name="corner")
    net.flat()
    net.put(g.Concat(0), net.at, head, name="out")
    return net.graph("moved")


def constants() -> Graph:
    """Constants added, subtracted, multiplied, compared; functions of their own for every pixel; another grid."""
    net = _Net(7, (4, 4, 6), -8, 7)
    net.put(g.Add(), net.at, net.constant(6))
    net.put(g.Subtract(), net.constant(4, 4, 6), net.at)
    net.relu(1, 4)
    net.put(g.Maximum(), net.at, net.constant(6))
    net.put(g.Minimum(), net.constant(4, 4, 6), net.at)
    net.put(g.Reshape((2, 8, 6)))
    net.conv(6)
    net.uneven(3, places=16)
    net.put(g.Multiply(), net.at, net.constant(6))
    net.put(g.Add(), net.at, net.constant(2, 8, 1))
    net.uneven(2, falling=True)
    return net.graph("constants")


def branched() -> Graph:
    """What two layers read comes out of a concatenation that lies in words of its own."""
    net = _Net(8, (6, 6, 4), 0, 3)
    net.conv(16)
    one = net.relu(3, 2)
    net.conv(16, stride=2)
    net.relu(3, 2)
    two = net.put(g.Upsample((2, 2, 1)), name="up")
    net.put(g.Concat(2), one, two, name="joined")
    net.conv(12, kernel=1, pad=0, groups=2)
    net.uneven(3)
    return net.graph("branched")


def alexnet() -> Graph:
    """DoReFa-AlexNet, small: a strided entry of many bits, layers in two groups and whole ones by turns, dense ones."""
    net = _Net(9, (19, 17, 3), 0, 255)
    net.conv(16, kernel=5, stride=2, pad=0)
    net.uneven(3)
    net.put(g.MaxPool((2, 2), (2, 2), ((0, 0), (0, 0))), name="pool")
    for filters, groups in ((24, 2), (32, 1), (24, 2), (16, 2)):
        net.conv(filters, groups=groups)
        net.uneven(3)
    net.put(g.MaxPool((2, 2), (2, 2), ((0, 0), (0, 1))), name="last_pool")
    net.flat()
    for units in (48, 40):
        net.dense(units, 1)
        net.uneven(3)
    net.dense(10, 1)
    return net.graph("alexnet")


GRAPHS = (perceptron, binary, residual, grouped, wide_head, uneven, moved, constants, branched, alexnet)


def codes(graph: Graph, frames: int, seed: int = 0) -> list[IntArray]:
    """Random input codes."""
    rng = np.random.default_rng(seed)
    return [rng.integers(n.type.low.array, n.type.high.array + 1, (frames, *n.type.shape)) for n in graph.inputs]
