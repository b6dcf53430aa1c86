"""Sums of products, pools, reductions and recurrent cells."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bitwright.frontends.qonnx.functions import Pointwise, Shrink
from bitwright.frontends.qonnx.model import Operator
from bitwright.frontends.qonnx.operators.pointwise import Parametric, Unary
from bitwright.frontends.qonnx.operators.quantizer import Quant
from bitwright.numeric import Format

__all__ = [
    "AutoPad",
    "AveragePool",
    "Conv",
    "ConvTranspose",
    "Extreme",
    "Gemm",
    "GlobalPool",
    "Im2Col",
    "Linear",
    "MatMul",
    "MaxPool",
    "Pads",
    "Pool",
    "QuantAveragePool",
    "QuantLSTM",
    "Recurrent",
    "Reduce",
    "TopK",
    "XnorPopcountMatMul",
]

Pads = tuple[tuple[int, int], ...]


class AutoPad(Enum):
    """Who says how much a window operator pads."""

    NOTSET = "NOTSET"
    VALID = "VALID"
    SAME_UPPER = "SAME_UPPER"
    SAME_LOWER = "SAME_LOWER"

    def pads(self, told: Pads, sizes: tuple[int, ...], spans: tuple[int, ...], strides: tuple[int, ...]) -> Pads:
        """(before, after) per spatial axis for windows that span `spans` elements."""
        if self is AutoPad.NOTSET:
            return told or ((0, 0),) * len(sizes)
        if self is AutoPad.VALID:
            return ((0, 0),) * len(sizes)
        found: list[tuple[int, int]] = []
        for size, span, stride in zip(sizes, spans, strides, strict=True):
            total = max((-(-size // stride) - 1) * stride + span - size, 0)
            less, more = total // 2, total - total // 2
            found.append((less, more) if self is AutoPad.SAME_UPPER else (more, less))
        return tuple(found)


class Linear(Operator):
    """Sums of products with a second operand."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Conv(Linear):
    """x, weights (filters, channels // group, *kernel), perhaps bias; channels first unless told otherwise."""

    strides: tuple[int, ...]
    pads: Pads
    dilations: tuple[int, ...]
    group: int
    auto_pad: AutoPad
    channels_last: bool = False


@dataclass(frozen=True, slots=True)
class ConvTranspose(Linear):
    """x, weights (channels, filters // group, *kernel), perhaps bias."""

    strides: tuple[int, ...]
    pads: Pads
    dilations: tuple[int, ...]
    group: int
    auto_pad: AutoPad
    output_padding: tuple[int, ...]
    output_shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gemm(Linear):
    """alpha * a' @ b' + beta * c, c may be left out."""

    alpha: float = 1.0
    beta: float = 1.0
    trans_a: bool = False
    trans_b: bool = False


@dataclass(frozen=True, slots=True)
class MatMul(Linear):
    """numpy.matmul."""


@dataclass(frozen=True, slots=True)
class XnorPopcountMatMul(Linear):
    """Of bits 0 and 1: how many products of their signs are +1."""


@dataclass(frozen=True, slots=True)
class Pool(Operator):
    """A window that slides."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: Pads
    dilations: tuple[int, ...]
    auto_pad: AutoPad
    ceil_mode: bool
    channels_last: bool = False


@dataclass(frozen=True, slots=True)
class MaxPool(Pool):
    """The maximum of each window."""


@dataclass(frozen=True, slots=True)
class AveragePool(Pool):
    """The mean of each window; padded places count where `count_include_pad` says so."""

    count_include_pad: bool = False


@dataclass(frozen=True, slots=True)
class GlobalPool(Operator):
    """The mean or the maximum over all spatial axes."""

    function: Shrink


@dataclass(frozen=True, slots=True)
class QuantAveragePool(Operator):
    """QuantAvgPool2d: the sum of each window, shifted right by what makes it fit `output_bits`."""

    kernel: int
    stride: int
    input_bits: int
    output_bits: int
    channels_last: bool

    @property
    def shift(self) -> int:
        """How many bits are dropped."""
        widest = (2**self.input_bits - 1) * self.kernel * self.kernel
        return max(widest.bit_length() - self.output_bits, 0)


@dataclass(frozen=True, slots=True)
class Reduce(Operator):
    """x, perhaps the axes; without axes all of them, or none where `empty_is_none`."""

    function: Shrink
    keepdims: bool
    empty_is_none: bool


@dataclass(frozen=True, slots=True)
class Extreme(Operator):
    """ArgMax or ArgMin: the place of the extreme along `axis`, the first of equals unless `last`."""

    axis: int
    keepdims: bool
    last: bool
    largest: bool


@dataclass(frozen=True, slots=True)
class TopK(Operator):
    """x, k: the extreme values along `axis` in order, and their places; the first of equals comes first."""

    axis: int
    largest: bool


@dataclass(frozen=True, slots=True)
class Recurrent(Operator):
    """LSTM, GRU or RNN (`kind`): x, w, r, b, lengths, h, c, p; `directions` of "forward", "reverse".

    activations: Unary or Parametric, those of one direction after those of the other.
    state: what no file says: a format on which states are rounded, half to even, behind every step (None: nowhere).
    Functions then yield values of `grid`, and so do hidden states; what a GRU resets is rounded too.
    """

    kind: str
    hidden: int
    directions: tuple[str, ...]
    activations: tuple[Operator, ...]
    clip: float | None
    linear_before_reset: bool
    batch_first: bool
    state: Format | None = None

    def functions(self, direction: int) -> tuple[Operator, ...]:
        """The activations of a direction by its number."""
        each = len(self.activations) // len(self.directions)
        return self.activations[direction * each : (direction + 1) * each]

    def grid(self, function: Operator) -> Format | None:
        """Where a function's values are rounded: as many bits as `state`, over its own range if it has one."""
        if self.state is None:
            return None
        width = self.state.width
        hard = isinstance(function, Parametric) and function.kind == "HardSigmoid"
        if hard or function == Unary(Pointwise.SIGMOID):
            return Format(False, width, width)
        bounded = function in (Unary(Pointwise.TANH), Unary(Pointwise.SOFTSIGN))
        return Format(True, width, width - 1) if bounded else self.state

    def settled(self, direction: int) -> tuple[Format | None, Format | None, Format | None]:
        """Where a direction rounds hidden states, an LSTM's cell states, and what a GRU resets."""
        hidden = self.grid(self.functions(direction)[-1])
        return hidden, self.state, self.state if self.linear_before_reset else hidden


@dataclass(frozen=True, slots=True)
class QuantLSTM(Operator):
    """Brevitas's QuantLSTMCell over a sequence; `quantizers` in the order of `cells.QUANTIZERS`.

    coupled: the forget gate is 1 less the input gate.
    """

    batch_first: bool
    reverse: bool
    coupled: bool
    quantizers: tuple[Quant, ...]


@dataclass(frozen=True, slots=True)
class Im2Col(Operator):
    """FINN's window generator: x (N, H, W, C) to (N, H', W', kernel * C)."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    pads: Pads
    dilations: tuple[int, int]
