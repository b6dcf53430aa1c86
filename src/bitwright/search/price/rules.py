"""One rule per layer class: what it will cost in lookup tables, and how wide its outputs are.

A rule gets (layer, tally, what is known of its inputs) and returns what is known of its output. The figures follow
what the compiler builds for the parallel architecture: a sum takes one operand for each signed digit of a weight, as
wide as the input, and a carry chain removes one bit per LUT (two where it adds three operands); a bit that is clipped
or rectified takes a LUT.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.core.rules import Rules
from bitwright.numeric import Overflow
from bitwright.search.price.digits import bit_spans, digit_counts
from bitwright.train import layers as ql
from bitwright.train.door import keras, ops
from bitwright.train.layers.base import Quantized
from bitwright.train.quantizers import BaseQuantizer, trained_bits

kl = keras.layers

__all__ = ["Known", "Tally", "price"]

_PER_COMPARISON = 1.5


@dataclass(frozen=True)
class Known:
    """A tensor of one sample: its shape, and the bits of its elements (a tensor that broadcasts; None: not quantized).

    `entry`: nothing but an input was read so far, whose quantizer is free.
    """

    shape: tuple[int, ...]
    widths: Any = None
    entry: bool = False


@dataclass
class Tally:
    """What was counted so far, by layer name. `removed` is how many bits a LUT takes out of a sum."""

    removed: float = 2.0
    luts: dict[str, Any] = field(default_factory=dict[str, Any])
    ebops: dict[str, Any] = field(default_factory=dict[str, Any])
    bits: dict[str, Any] = field(default_factory=dict[str, Any])

    def add(self, layer: Any, luts: Any, ebops: Any = 0.0, bits: Any = 0.0) -> None:
        """Count these for `layer` on top of what it has."""
        for table, more in ((self.luts, luts), (self.ebops, ebops), (self.bits, bits)):
            table[layer.name] = table.get(layer.name, 0.0) + more


price: Rules[[Tally, list[Known]], Known] = Rules("price of a layer in search")


def _read(layer: Any, known: Known) -> Any:
    """The widths of an input that a sum reads; refuses what no quantizer guards."""
    if known.widths is None:
        raise Unsupported(
            "it reads values that are not quantized",
            where=f"layer '{layer.name}'",
            remedy="put a bw.QActivation before it, or let bw.search quantize the float model",
        )
    return known.widths


def activated(layer: Any, quantizer: Any, tally: Tally, known: Known) -> Known:
    """What is known behind an activation: the widths of its quantizer, each bit of which takes a LUT."""
    if not isinstance(quantizer, BaseQuantizer):
        return Known(known.shape)
    widths = quantizer.widths() if isinstance(quantizer, trained_bits) else _fixed(layer, quantizer)
    each = ops.broadcast_to(widths, known.shape)
    total = ops.sum(each)
    # What wraps keeps the bits that it has: only a ReLU looks at them.
    wraps = isinstance(quantizer, trained_bits) and quantizer.calibrated and quantizer.keep_negative
    tally.add(layer, 0.0 if known.entry or wraps else total, bits=total)
    return Known(known.shape, widths)


def _fixed(layer: Any, quantizer: Any) -> Any:
    grid = quantizer.grid()
    if grid is None:
        raise Unsupported(
            f"the width of {quantizer} is not known",
            where=f"layer '{layer.name}'",
            remedy="use alpha=1 or trained_bits",
        )
    return ops.convert_to_tensor(np.float32((grid.high - grid.low).bit_length()))


def _linear(layer: Any, tally: Tally, known: Known, kernel: Any, positions: int, sums: Callable[[Any], Any]) -> Known:
    """A sum over the kernel at each of `positions`; `sums` reduces an array like it to one number per input channel."""
    quantizer = _kernel_quantizer(layer)
    widths = ops.broadcast_to(_channels(_read(layer, known)), known.shape[-1:])
    digits, spans = digit_counts(quantizer, kernel), bit_spans(quantizer, kernel)
    luts = ops.sum(sums(digits) * widths) * (positions / tally.removed)
    tally.add(layer, luts, ops.sum(sums(spans) * widths) * positions, ops.sum(spans))
    shape = tuple(int(n) for n in layer.compute_output_shape((None, *known.shape))[1:])
    return activated(layer, getattr(layer, "activation", None), tally, Known(shape))


def _kernel_quantizer(layer: Any) -> Any:
    return layer.get_quantizers()[0] if isinstance(layer, Quantized) else None


def _channels(widths: Any) -> Any:
    """Widths per channel: the mean over space where they differ there."""
    rank = len(widths.shape)
    return ops.mean(widths, axis=tuple(range(rank - 1))) if rank > 1 else widths


@price.on(kl.Dense)
def _(layer: Any, tally: Tally, inputs: list[Known]) -> Known:
    known = inputs[0]
    return _linear(layer, tally, known, layer.kernel, prod(known.shape[:-1]), lambda a: ops.sum(a, axis=1))


@price.on(kl.Conv1D, kl.Conv2D)
def _(layer: Any, tally: Tally, inputs: list[Known]) -> Known:
    known, groups = inputs[0], int(layer.groups)
    shape = layer.compute_output_shape((None, *known.shape))[1:]

    def sums(array: Any) -> Any:
        inner = ops.sum(array, axis=tuple(range(len(array.shape) - 2)))
        return ops.reshape(ops.transpose(ops.sum(ops.reshape(inner, (inner.shape[0], groups, -1)), axis=2)), (-1,))

    return _linear(layer, tally, known, layer.kernel, prod(shape[:-1]), sums)


@price.on(kl.DepthwiseConv1D, kl.DepthwiseConv2D)
def _(layer: Any, tally: Tally, inputs: list[Known]) -> Known:
    shape = layer.compute_output_shape((None, *inputs[0].shape))[1:]

    def sums(array: Any) -> Any:
        return ops.sum(array, axis=(*range(len(array.shape) - 2), -1))

    return _linear(layer, tally, inputs[0], layer.kernel, prod(shape[:-1]), sums)


@price.on(ql.QTableDense)
def _(layer: Any, tally: Tally, inputs: list[Known]) -> Known:
    # Values become codes of a few bits; those of the model's own inputs are coded outside.
    known = inputs[0]
    coding = 0.0 if known.entry else float(layer.input_bits * prod(known.shape))
    bits = ops.sum(layer.table_bits())
    tally.add(layer, layer.table_luts() * prod(known.shape[:-1]) + coding, bits=bits)
    return Known((*known.shape[:-1], layer.units))


@price.on(ql.QActivation)
def _(layer: Any, tally: Tally, inputs: list[Known]) -> Known:
    return activated(layer, layer.quantizer, tally, inputs[0])


@price.on(ql.QFixedPoint)
def _(layer: Any, tally: Tally, inputs: list[Known]) -> Known:
    # What wraps drops its upper bits for nothing; what is unsigned stands behind a ReLU, each bit of which takes a LUT.
    known = inputs[0]
    sign, integer, fraction = (ops.convert_to_tensor(v) for v in (layer.keep_negative, layer.integer, layer.fraction))
    widths = ops.maximum(sign + integer + fraction, 0.0)
    paid = widths * (1.0 - sign) if layer.overflow is Overflow.WRAP else widths
    total = ops.sum(ops.broadcast_to(paid, known.shape))
    tally.add(layer, 0.0 if known.entry else total, bits=ops.sum(ops.broadcast_to(widths, known.shape)))
    return Known(known.shape, widths)


@price.on(kl.Activation, kl.ReLU, kl.LeakyReLU, kl.Softmax, kl.BatchNormalization)
def _(layer: Any, tally: Tally, inputs: list[Known]) -> Known:
    # A float function becomes part of the map of the quantizer behind it.
    return Known(inputs[0].shape)


@price.on(kl.InputLayer)
def _(layer: Any, tally: Tally, inputs: list[Known]) -> Known:
    return Known(tuple(int(n) for n in layer.batch_shape[1:]), entry=True)


@price.on(
    kl.Dropout, kl.SpatialDropout1D, kl.SpatialDropout2D, kl.GaussianNoise, kl.GaussianDropout, kl.Identity,
    kl.ActivityRegularization,
)  # fmt: skip
def _(layer: Any, tally: Tally, inputs: list[Known]) -> Known:
    return inputs[0]


@price.on(kl.Flatten, kl.Reshape, kl.Permute)
def _(layer: Any, tally: Tally, inputs: list[Known]) -> Known:
    known = inputs[0]
    shape = tuple(int(n) for n in layer.compute_output_shape((None, *known.shape))[1:])
    if known.widths is None:
        return Known(shape, None, known.entry)
    spread = ops.broadcast_to(known.widths, known.shape)
    spread = ops.transpose(spread, [d - 1 for d in layer.dims]) if isinstance(layer, kl.Permute) else spread
    return Known(shape, ops.reshape(spread, shape), known.entry)


@price.on(kl.MaxPooling1D, kl.MaxPooling2D)
def _(layer: Any, tally: Tally, inputs: list[Known]) -> Known:
    known, widths = inputs[0], _channels(_read(layer, inputs[0]))
    shape = tuple(int(n) for n in layer.compute_output_shape((None, *known.shape))[1:])
    many = (prod(layer.pool_size) - 1) * prod(shape[:-1]) * _PER_COMPARISON
    tally.add(layer, ops.sum(ops.broadcast_to(widths, shape[-1:])) * many)
    return Known(shape, widths)


@price.on(kl.AveragePooling1D, kl.AveragePooling2D, kl.GlobalAveragePooling1D, kl.GlobalAveragePooling2D)
def _(layer: Any, tally: Tally, inputs: list[Known]) -> Known:
    known, widths = inputs[0], _channels(_read(layer, inputs[0]))
    shape = tuple(int(n) for n in layer.compute_output_shape((None, *known.shape))[1:])
    tally.add(layer, ops.sum(ops.broadcast_to(widths, known.shape[-1:])) * (prod(known.shape[:-1]) / tally.removed))
    return activated(layer, getattr(layer, "activation", None), tally, Known(shape))


@price.on(kl.Add, kl.Subtract, kl.Maximum, kl.Minimum)
def _(layer: Any, tally: Tally, inputs: list[Known]) -> Known:
    shape = tuple(int(n) for n in np.broadcast_shapes(*(known.shape for known in inputs)))
    total = ops.zeros(())
    for known in inputs:
        total = total + ops.sum(ops.broadcast_to(_read(layer, known), shape))
    keeps = isinstance(layer, kl.Maximum | kl.Minimum)
    tally.add(layer, total * (_PER_COMPARISON / len(inputs)) if keeps else total / tally.removed)
    widest = inputs[0].widths
    for known in inputs[1:]:
        widest = ops.maximum(widest, known.widths)
    return Known(shape, widest if keeps else widest + 1.0)


@price.on(kl.Concatenate)
def _(layer: Any, tally: Tally, inputs: list[Known]) -> Known:
    shape = tuple(int(n) for n in layer.compute_output_shape([(None, *known.shape) for known in inputs])[1:])
    if any(known.widths is None for known in inputs):
        return Known(shape)
    axis = layer.axis if layer.axis < 0 else layer.axis - 1
    return Known(shape, ops.concatenate([ops.broadcast_to(k.widths, k.shape) for k in inputs], axis=axis))
