"""Facts about a model's layers, without Keras: what they are, their shapes, weights and operand types.

Frontends write a `Network`; cost models read it. A layer is a class of fields, so that rule tables
(`bitwright.core.rules`) can answer one question per class. Shapes leave the batch axis out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import ceil, log2

__all__ = [
    "Activation",
    "Attention",
    "AveragePool",
    "Conv",
    "ConvTranspose",
    "Dense",
    "Depthwise",
    "DepthwiseTranspose",
    "Einsum",
    "Embedding",
    "Folded",
    "Input",
    "Layer",
    "LayerNormalization",
    "Linear",
    "MaxPool",
    "Merge",
    "Mode",
    "Network",
    "Normalization",
    "Operand",
    "Other",
    "Recurrent",
    "ScaleShift",
    "Separable",
    "Shape",
    "Shaping",
    "Softmax",
    "TableSum",
    "Upsample",
    "Weight",
]

Shape = tuple[int, ...]


class Mode(Enum):
    """How the values of an operand are made, which decides what multiplies them."""

    FIXED = 0
    POWER = 1
    TERNARY = 2
    SIGN = 3
    """-1 and 1."""
    BIT = 4
    """0 and 1."""
    FLOAT = 5


@dataclass(frozen=True)
class Operand:
    """The type of a number in a data path.

    kind: the quantizer's name, "quantized_bits" or "floating_point" for instance. int_bits: bits before
    the point, the sign not counted. max_value: of powers of two, None without one. distinct: how many
    values occur among trained weights, None if unknown. scale: the least and the greatest exponent of a
    power-of-two scale found from data, None if there is none or it is unknown.
    """

    kind: str
    mode: Mode
    bits: int
    int_bits: int
    signed: bool
    max_value: float | None = None
    distinct: int | None = None
    scale: tuple[int, int] | None = None

    @property
    def fraction_bits(self) -> int:
        """Bits after the point; meaningless for floats."""
        return self.bits - self.int_bits - self.signed

    @property
    def exponents(self) -> tuple[int, int]:
        """`(least, greatest)` exponent of a power of two.

        One bit of the exponent is its sign. With a maximum, the greatest is that of the maximum, but
        at least 0.

        >>> Operand("quantized_po2", Mode.POWER, 4, 4, True).exponents
        (-4, 3)
        """
        span = 1 << max(self.bits - self.signed - 1, 0)
        greatest = span - 1 if self.max_value is None else max(0, ceil(log2(self.max_value)))
        return -span, greatest


@dataclass(frozen=True)
class Weight:
    """One weight tensor: its `role` ("kernel", "bias", "gamma", ...), shape and type (None: not quantized)."""

    role: str
    shape: Shape
    operand: Operand | None


@dataclass(frozen=True)
class Layer:
    """What every layer has.

    inputs: names of the layers that it reads, in order. quantized: whether it is a quantized layer, whose
    types are those of its quantizers; else it is a plain Keras layer. output: the type that its activation
    quantizer gives, None without one. function: the activation's name.
    """

    name: str
    class_name: str
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    weights: tuple[Weight, ...] = ()
    quantized: bool = False
    output: Operand | None = None
    function: str = "linear"

    def weight(self, role: str) -> Weight | None:
        """The weight in this role, or None."""
        return next((w for w in self.weights if w.role == role), None)


@dataclass(frozen=True)
class Input(Layer):
    """A model's input."""


@dataclass(frozen=True)
class Linear(Layer):
    """One kernel ("kernel") and perhaps a "bias"; sums of products."""


@dataclass(frozen=True)
class Dense(Linear):
    """kernel (inputs, units), on the last axis."""


@dataclass(frozen=True)
class Conv(Linear):
    """kernel (*window, inputs per group, filters)."""


@dataclass(frozen=True)
class ConvTranspose(Linear):
    """kernel (*window, filters, inputs)."""


@dataclass(frozen=True)
class Depthwise(Linear):
    """kernel (*window, channels, multiplier)."""


@dataclass(frozen=True)
class DepthwiseTranspose(Linear):
    """As `Depthwise`, scattered instead of gathered."""


@dataclass(frozen=True)
class Folded(Layer):
    """A linear layer with batch normalization folded into its weights: `linear` is the layer it becomes."""

    linear: Linear | None = None


@dataclass(frozen=True)
class Separable(Layer):
    """ "depthwise" (*window, channels, multiplier), then "pointwise" (1.., channels * multiplier, filters), "bias".

    transposed: the depthwise part is scattered. between: the type between both parts, None if unquantized.
    """

    transposed: bool = False
    between: Operand | None = None


@dataclass(frozen=True)
class ScaleShift(Layer):
    """x * "weight" + "bias", element by element."""


@dataclass(frozen=True)
class Normalization(Layer):
    """Batch normalization: "gamma", "beta", "mean", "variance" and perhaps "inverse" among the weights."""

    scale: bool = True
    center: bool = True


@dataclass(frozen=True)
class LayerNormalization(Layer):
    """Normalization over the last axis: "gamma", "beta"."""


@dataclass(frozen=True)
class Activation(Layer):
    """An element-wise function. `table` is true where it is more than rounding, clipping and comparing."""

    table: bool = False


@dataclass(frozen=True)
class AveragePool(Layer):
    """Mean over a window of `area` elements; quantized twins multiply by the "average" weight."""

    area: int = 1
    whole: bool = False
    """Over all positions (global pooling)."""


@dataclass(frozen=True)
class MaxPool(Layer):
    """Greatest of a window of `area` elements."""

    area: int = 1


@dataclass(frozen=True)
class Merge(Layer):
    """Several inputs, element by element; `kind` is "Add", "Subtract", "Multiply", "Concatenate", ..."""

    kind: str = "Add"


@dataclass(frozen=True)
class Shaping(Layer):
    """Moves or repeats elements without changing them (reshape, flatten, pad, crop, permute)."""


@dataclass(frozen=True)
class Upsample(Shaping):
    """Repeats elements."""


@dataclass(frozen=True)
class Softmax(Layer):
    """Softmax over the last axis."""


@dataclass(frozen=True)
class Embedding(Layer):
    """Rows of a table ("embeddings", (words, features)), chosen by index."""


@dataclass(frozen=True)
class TableSum(Layer):
    """Each output a sum of entries of "tables" (tables, entries, units), chosen by `address_bits` bits each."""

    address_bits: int = 1


@dataclass(frozen=True)
class Recurrent(Layer):
    """`steps` times a cell of `units` with `gates`; "kernel", "recurrent", "bias" per direction.

    state: the type of the state that comes back, None if unquantized. products: multiplications of two
    live values per unit and step.
    """

    steps: int = 1
    units: int = 1
    gates: int = 1
    products: int = 0
    directions: int = 1
    state: Operand | None = None


@dataclass(frozen=True)
class Einsum(Layer):
    """A contraction with "kernel": `terms` products are added for each output element; perhaps a "bias"."""

    terms: int = 1


@dataclass(frozen=True)
class Attention(Layer):
    """Attention of `heads`; lengths of queries and keys, sizes of keys and values per head.

    Projections, where the layer has them, are the weights "query", "key", "value" and "output".
    """

    heads: int = 1
    query_length: int = 1
    key_length: int = 1
    key_size: int = 1
    value_size: int = 1


@dataclass(frozen=True)
class Other(Layer):
    """A layer that no rule knows; it is passed through."""


@dataclass(frozen=True)
class Network:
    """The layers of a model, each after those that it reads, and the names of its outputs."""

    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]

    def __getitem__(self, name: str) -> Layer:
        return next(layer for layer in self.layers if layer.name == name)

    @property
    def sources(self) -> tuple[Input, ...]:
        """The inputs, in the model's order."""
        return tuple(layer for layer in self.layers if isinstance(layer, Input))
