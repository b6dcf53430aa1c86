"""The operators of the graph level: frozen fields, integer constants inside, no behavior.

Shapes leave out the batch axis; channels are last. Windows have one entry per spatial axis.
"""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.ir.program import Op
from bitwright.numeric import Ints, ShiftRoundSaturate, Table, Thresholds

__all__ = [
    "Add",
    "Concat",
    "Constant",
    "Conv",
    "ConvTranspose",
    "Dense",
    "GraphOp",
    "Input",
    "Map",
    "MatMul",
    "MaxPool",
    "Maximum",
    "Minimum",
    "Multiply",
    "Pad",
    "Reshape",
    "Slice",
    "Subtract",
    "SumPool",
    "TopK",
    "Transpose",
    "Upsample",
    "Writable",
]


class GraphOp(Op):
    """Base of the graph's operators."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Input(GraphOp):
    """A tensor from outside."""


@dataclass(frozen=True, slots=True)
class Constant(GraphOp):
    """A tensor that never changes."""

    values: Ints


@dataclass(frozen=True, slots=True)
class Writable:
    """What the numbers of a layer may become while the hardware runs.

    Weights are low, low + grid, ... up to high, biases anything from bias_low to bias_high. Ranges are inferred from
    these, not from the numbers that are there, so that they hold for all that may come.
    """

    low: int
    high: int
    grid: int = 1
    bias_low: int = 0
    bias_high: int = 0


@dataclass(frozen=True, slots=True)
class Dense(GraphOp):
    """x @ weights + bias over the last axis. weights (inputs, units), bias (units,)."""

    weights: Ints
    bias: Ints
    writable: Writable | None = None


@dataclass(frozen=True, slots=True)
class Conv(GraphOp):
    """Cross-correlation of any rank with zero padding, channels last.

    weights (*kernel, channels // groups, filters), bias (filters,); pads (before, after) and
    strides, dilation per spatial axis. Filters of group g read the channels of group g.
    """

    weights: Ints
    bias: Ints
    strides: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1
    writable: Writable | None = None


@dataclass(frozen=True, slots=True)
class MatMul(GraphOp):
    """a @ b, both live: (*batch, rows, inner) times (*batch, inner, columns); batch axes broadcast.

    Each of the two has one step; the steps multiply.
    """


@dataclass(frozen=True, slots=True)
class ConvTranspose(GraphOp):
    """Transposed convolution of any rank, channels last.

    weights (*kernel, channels // groups, filters), bias (filters,). Element i of the input adds itself
    times weights[k] to element i * stride + k * dilation of the result; then `crops` (before, after)
    per spatial axis are cut off it, or zeros added where they are negative. Filters of group g read
    the channels of group g.
    """

    weights: Ints
    bias: Ints
    strides: tuple[int, ...]
    crops: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1


@dataclass(frozen=True, slots=True)
class Add(GraphOp):
    """Element-wise sum of two tensors with the same step; shapes broadcast."""


@dataclass(frozen=True, slots=True)
class Subtract(GraphOp):
    """Element-wise difference of two tensors with the same step; shapes broadcast."""


@dataclass(frozen=True, slots=True)
class Multiply(GraphOp):
    """Element-wise product; the steps multiply."""


@dataclass(frozen=True, slots=True)
class Maximum(GraphOp):
    """Element-wise maximum of two tensors with the same step."""


@dataclass(frozen=True, slots=True)
class Minimum(GraphOp):
    """Element-wise minimum of two tensors with the same step."""


@dataclass(frozen=True, slots=True)
class SumPool(GraphOp):
    """Sum over windows; pads add zeros."""

    pool: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class MaxPool(GraphOp):
    """Maximum over windows; padded places do not count."""

    pool: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class TopK(GraphOp):
    """The `count` largest along the last axis, falling, equal ones in the order of their places.

    Their places, or with `values` themselves; the elements have one step along that axis. One of them is the argmax.
    """

    count: int
    values: bool = False


@dataclass(frozen=True, slots=True)
class Map(GraphOp):
    """An integer function of each element; `rows` (broadcasts to the shape) picks the form's row."""

    form: ShiftRoundSaturate | Thresholds | Table
    rows: Ints


@dataclass(frozen=True, slots=True)
class Reshape(GraphOp):
    """The same codes in C order under another shape."""

    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Transpose(GraphOp):
    """Axes (without the batch) in another order."""

    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Concat(GraphOp):
    """Tensors side by side along `axis` (counted without the batch)."""

    axis: int


@dataclass(frozen=True, slots=True)
class Slice(GraphOp):
    """x[starts:stops:strides] on each axis; one entry per axis."""

    starts: tuple[int, ...]
    stops: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pad(GraphOp):
    """Zeros around a tensor; (before, after) per axis."""

    pads: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Upsample(GraphOp):
    """Each element repeated; a factor per axis."""

    factors: tuple[int, ...]
