"""What an ONNX or QONNX node says, as frozen records: its newest form, whatever opset the file was written in.

Attributes that later became inputs (axes, pads, limits) are inputs here; the reader adds the constants.
Shapes include the batch axis, as in the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from bitwright.frontends.qonnx.functions import FloatRounding, Fold, Pointwise, Shrink, Two
from bitwright.frontends.qonnx.model import Array, Operator

__all__ = [
    "AutoPad",
    "AveragePool",
    "BatchNormalization",
    "Binary",
    "BipolarQuant",
    "Cast",
    "Clip",
    "Concat",
    "ConstantOfShape",
    "Conv",
    "ConvTranspose",
    "DepthToSpace",
    "Expand",
    "Extreme",
    "Flatten",
    "FloatQuant",
    "Foreign",
    "Gather",
    "Gemm",
    "GlobalPool",
    "Im2Col",
    "LayerNormalization",
    "Linear",
    "MatMul",
    "MaxPool",
    "MultiThreshold",
    "Pad",
    "Parametric",
    "Pool",
    "Quant",
    "QuantAveragePool",
    "Quantizer",
    "Range",
    "Recurrent",
    "Reduce",
    "Reshape",
    "Resize",
    "Shape",
    "Size",
    "Slice",
    "Softmax",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Tile",
    "TopK",
    "Transpose",
    "Trunc",
    "TruncTo",
    "Unary",
    "Unsqueeze",
    "Variadic",
    "Where",
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


@dataclass(frozen=True, slots=True)
class Foreign(Operator):
    """An operator that nobody here knows; `why` says so."""

    why: str


@dataclass(frozen=True, slots=True)
class Unary(Operator):
    """A function of each element without parameters."""

    function: Pointwise


@dataclass(frozen=True, slots=True)
class Parametric(Operator):
    """An activation with parameters: LeakyRelu, Elu, Selu, Celu, ThresholdedRelu, HardSigmoid, by its ONNX name."""

    kind: str
    alpha: float
    beta: float = 0.0


@dataclass(frozen=True, slots=True)
class Binary(Operator):
    """A function of two tensors, element by element."""

    function: Two


@dataclass(frozen=True, slots=True)
class Variadic(Operator):
    """Min, Max, Sum or Mean of any number of tensors."""

    function: Fold


@dataclass(frozen=True, slots=True)
class Where(Operator):
    """condition, x, y."""


@dataclass(frozen=True, slots=True)
class Clip(Operator):
    """x, and perhaps the least and the greatest value."""


@dataclass(frozen=True, slots=True)
class Cast(Operator):
    """To another dtype."""

    dtype: np.dtype[Any]


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
class BatchNormalization(Operator):
    """x, scale, bias, mean, variance; at inference."""

    epsilon: float
    channels_last: bool = False


@dataclass(frozen=True, slots=True)
class LayerNormalization(Operator):
    """x, scale, perhaps bias; over the axes from `axis` on."""

    axis: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Softmax(Operator):
    """Over `axis`; `flattened`: over all axes from `axis` on, as before opset 13. `log`: its logarithm."""

    axis: int
    flattened: bool
    log: bool


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
class Reshape(Operator):
    """x, shape: -1 is what is left, 0 keeps (unless `allow_zero`)."""

    allow_zero: bool


@dataclass(frozen=True, slots=True)
class Flatten(Operator):
    """Two axes: all before `axis`, and the rest."""

    axis: int


@dataclass(frozen=True, slots=True)
class Transpose(Operator):
    """Axes in another order; None turns them around."""

    perm: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Squeeze(Operator):
    """x, perhaps axes: axes of length 1 go away."""


@dataclass(frozen=True, slots=True)
class Unsqueeze(Operator):
    """x, axes: axes of length 1 come in."""


@dataclass(frozen=True, slots=True)
class Concat(Operator):
    """Tensors side by side along `axis`."""

    axis: int


@dataclass(frozen=True, slots=True)
class Split(Operator):
    """x, perhaps the sizes; else into as many equal parts as there are outputs."""

    axis: int


@dataclass(frozen=True, slots=True)
class Slice(Operator):
    """x, starts, ends, perhaps axes and steps."""


@dataclass(frozen=True, slots=True)
class Pad(Operator):
    """x, pads (all before, then all after), perhaps the value and the axes."""

    mode: str


@dataclass(frozen=True, slots=True)
class Gather(Operator):
    """x, indices, along `axis`."""

    axis: int


@dataclass(frozen=True, slots=True)
class Expand(Operator):
    """x, shape: broadcast."""


@dataclass(frozen=True, slots=True)
class Tile(Operator):
    """x, how often along each axis."""


@dataclass(frozen=True, slots=True)
class Shape(Operator):
    """The shape from `start` to `end` as integers."""

    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Size(Operator):
    """How many elements."""


@dataclass(frozen=True, slots=True, eq=False)
class ConstantOfShape(Operator):
    """shape: a tensor full of one value."""

    value: Array


@dataclass(frozen=True, slots=True)
class Range(Operator):
    """start, limit, step."""


@dataclass(frozen=True, slots=True)
class DepthToSpace(Operator):
    """Channels to blocks of pixels; `columns_first`: the mode CRD."""

    block: int
    columns_first: bool


@dataclass(frozen=True, slots=True)
class SpaceToDepth(Operator):
    """Blocks of pixels to channels."""

    block: int


@dataclass(frozen=True, slots=True)
class Resize(Operator):
    """x, "", scales, sizes (one of the two)."""

    mode: str
    coordinates: str
    nearest: str
    axes: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Recurrent(Operator):
    """LSTM, GRU or RNN (`kind`): x, w, r, b, lengths, h, c, p; `directions` of "forward", "reverse"."""

    kind: str
    hidden: int
    directions: tuple[str, ...]
    activations: tuple[Pointwise, ...]
    clip: float | None
    linear_before_reset: bool
    batch_first: bool


class Quantizer(Operator):
    """Yields values on a grid."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Quant(Quantizer):
    """Quant and IntQuant: x, scale, zero point, bits."""

    signed: bool
    narrow: bool
    rounding: FloatRounding


@dataclass(frozen=True, slots=True)
class BipolarQuant(Quantizer):
    """x, scale: the sign of x (0 counts as positive) times the scale."""


@dataclass(frozen=True, slots=True)
class Trunc(Quantizer):
    """Trunc of version 1: x, scale, zero point, bits before, bits after; the scale stays."""

    rounding: FloatRounding


@dataclass(frozen=True, slots=True)
class TruncTo(Quantizer):
    """Trunc of version 2: x, scale, zero point, bits before, scale after, bits after."""

    rounding: FloatRounding
    signed: bool
    narrow: bool


@dataclass(frozen=True, slots=True)
class FloatQuant(Quantizer):
    """x, scale, exponent bits, mantissa bits, bias of the exponent, greatest value (the last may be left out)."""

    signed: bool
    rounding: FloatRounding


@dataclass(frozen=True, slots=True)
class MultiThreshold(Quantizer):
    """x, thresholds (channels or 1, n): scale * how many are reached + bias, channels on axis `layout.index("C")`."""

    scale: float
    bias: float
    layout: str

    def axis(self, rank: int) -> int:
        """The axis of the channels of a tensor with `rank` axes."""
        told = self.layout or {2: "NC", 3: "NWC", 4: "NCHW"}.get(rank, "")
        return told.index("C") if "C" in told else min(1, rank - 1)


@dataclass(frozen=True, slots=True)
class Im2Col(Operator):
    """FINN's window generator: x (N, H, W, C) to (N, H', W', kernel * C)."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    pads: Pads
    dilations: tuple[int, int]
