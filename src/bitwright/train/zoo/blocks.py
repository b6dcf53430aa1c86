"""What the networks are built of: a sum, batch normalization, an activation, each in the bits that were asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitwright.core.errors import InvalidValue, ParseError
from bitwright.numeric import Format
from bitwright.train import layers as ql
from bitwright.train import quantizers as q
from bitwright.train.door import keras

__all__ = ["Maker", "activation_quantizer", "entry", "signed_quantizer", "weight_quantizer"]


def weight_quantizer(bits: int) -> Any:
    """1 bit: -1 and 1. 2 bits: -1, 0 and 1. More: two's complement in [-1, 1).

    Scales are 1: batch normalization behind the sum takes what a scale would do.
    """
    if bits == 1:
        return q.binary(alpha=1)
    return q.ternary(alpha=1) if bits == 2 else q.quantized_bits(_positive(bits), 0, alpha=1)


def activation_quantizer(bits: int) -> Any:
    """1 bit: -1 and 1. More: a rectifier onto unsigned codes in [0, 2), or [0, 4) from 4 bits on."""
    if bits == 1:
        return q.binary(alpha=1)
    return q.quantized_relu(_positive(bits), 1 if bits < 4 else 2)


def signed_quantizer(bits: int) -> Any:
    """1 bit: -1 and 1. More: two's complement on the step of `activation_quantizer(bits - 1)`."""
    if bits == 1:
        return q.binary(alpha=1)
    return q.quantized_bits(_positive(bits), 1 if bits < 5 else 2, alpha=1)


def _positive(bits: int) -> int:
    if bits < 1:
        raise InvalidValue(f"{bits} bits", where="zoo", remedy="give at least 1")
    return bits


def entry(shape: tuple[int, ...], told: Any, usual: str) -> tuple[Any, Any]:
    """(input, quantized input) of this shape without the batch.

    told: None (then `usual`), a format ("u8.8" for pixels in [0, 1), "s8.7" for [-1, 1)), or any quantizer.
    """
    x = keras.Input(shape, name="x")
    return x, ql.QActivation(_entry_quantizer(usual if told is None else told), name="quantize")(x)


def _entry_quantizer(told: Any) -> Any:
    if isinstance(told, str):
        try:
            told = Format.parse(told)
        except ParseError:
            return told
    if not isinstance(told, Format):
        return told
    if not told.signed:
        return q.quantized_relu(told.width, told.width - told.fraction)
    if told.width == 1:
        raise InvalidValue(f"input_format {told}", where="zoo", remedy="use 'binary(alpha=1)' for -1 and 1")
    return q.quantized_bits(told.width, told.width - 1 - told.fraction, alpha=1)


@dataclass(frozen=True)
class Maker:
    """Layers in `weights` and `activations` bits, channels last. `bits` of a method overrules the width here.

    Sums have no bias unless the network it is taken from has one; biases take two bits more than weights, on the
    step of these. `drawn`: weights will be drawn from a seed, so Keras need not draw its own.
    """

    weights: int
    activations: int
    drawn: bool = False

    def conv(self, x: Any, filters: int, kernel: Any, name: str, *, bits: int | None = None, **told: Any) -> Any:
        """A convolution; `told` as for Keras's Conv2D."""
        quantizers = self._quantizers(bits, "kernel", told)
        return self._called(ql.QConv2D(filters, kernel, name=name, **quantizers, **told), x)

    def depthwise(self, x: Any, kernel: Any, name: str, *, bits: int | None = None, **told: Any) -> Any:
        """One filter a channel; `told` as for Keras's DepthwiseConv2D."""
        quantizers = self._quantizers(bits, "depthwise", told)
        return self._called(ql.QDepthwiseConv2D(kernel, name=name, **quantizers, **told), x)

    def dense(self, x: Any, units: int, name: str, *, bits: int | None = None, **told: Any) -> Any:
        """A matrix; `told` as for Keras's Dense."""
        quantizers = self._quantizers(bits, "kernel", told)
        return self._called(ql.QDense(units, name=name, **quantizers, **told), x)

    def act(self, x: Any, name: str, *, bits: int | None = None, norm: bool = True) -> Any:
        """Batch normalization (with `norm`) and the activation: thresholds of the sum before it."""
        x = keras.layers.BatchNormalization(name=f"{name}_bn")(x) if norm else x
        return ql.QActivation(activation_quantizer(bits or self.activations), name=f"{name}_act")(x)

    def branch(self, x: Any, name: str, bits: int, *, norm: bool = True) -> Any:
        """Batch normalization and signed rounding: what a residual addition reads."""
        x = keras.layers.BatchNormalization(name=f"{name}_bn")(x) if norm else x
        return ql.QActivation(signed_quantizer(bits), name=f"{name}_codes")(x)

    def mean(self, x: Any) -> Any:
        """The mean over all positions, rounded to 8 unsigned bits."""
        x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
        return ql.QActivation(activation_quantizer(8), name="mean_act")(x)

    def _called(self, layer: Any, x: Any) -> Any:
        """The layer's output. Zeros first where weights are drawn: backends compile initializers for each shape."""
        if not self.drawn:
            return layer(x)
        name = "depthwise_initializer" if hasattr(layer, "depthwise_initializer") else "kernel_initializer"
        own = getattr(layer, name)
        setattr(layer, name, keras.initializers.Zeros())
        y = layer(x)
        setattr(layer, name, own)
        return y

    def _quantizers(self, bits: int | None, role: str, told: dict[str, Any]) -> dict[str, Any]:
        width = bits or self.weights
        told.setdefault("use_bias", False)
        found = {f"{role}_quantizer": weight_quantizer(width)}
        if told["use_bias"]:
            found["bias_quantizer"] = q.quantized_bits(width + 2, 2, alpha=1)
        return found
