"""Octave convolutions (arXiv 1904.05049): one tensor of full and one of half resolution, and the ways between.

Each function here returns a function from [high, low] to [high, low]; a missing one is None.
Source: google/qkeras, qoctave.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bitwright.train.door import keras
from bitwright.train.layers.activation import QActivation
from bitwright.train.layers.linear import QConv2D
from bitwright.train.layers.pooling import QAveragePooling2D
from bitwright.train.layers.separable import QSeparableConv2D

__all__ = ["OctaveConv2D", "QOctaveConv2D"]

Pair = list[Any]


@dataclass(frozen=True)
class _Octave:
    """How to make the layers: functions from a name's suffix (and filters) to a layer."""

    filters: int
    alpha: float
    convolution: Callable[[int, str], Any]
    pool: Callable[[str], Any]
    settled: Callable[[str], Any]
    activated: Callable[[str], Any]
    name: str

    def __call__(self, tensors: Pair) -> Pair:
        """[high, low] from [high, low]."""
        high, low = tensors
        many = int(self.filters * (1 - self.alpha))
        few = self.filters - many
        return [self._high(high, low, many) if many else None, self._low(high, low, few) if few else None]

    def _high(self, high: Any, low: Any, filters: int) -> Any:
        parts: list[Any] = []
        if high is not None:
            parts.append(self._settled(self.convolution(filters, "_c_h_to_h")(high), "_c_h_to_h"))
        if low is not None:
            lifted = self._settled(self.convolution(filters, "_c_l_to_h")(low), "_c_l_to_h")
            parts.append(keras.layers.UpSampling2D(2, name=f"{self.name}_u_l_to_h")(lifted))
        return self._joined(parts, "h")

    def _low(self, high: Any, low: Any, filters: int) -> Any:
        parts: list[Any] = []
        if low is not None:
            parts.append(self._settled(self.convolution(filters, "_c_l_to_l")(low), "_c_l_to_l"))
        if high is not None:
            halved = self.pool("_h_to_l")(high)
            parts.append(self._settled(self.convolution(filters, "_c_h_to_l")(halved), "_c_h_to_l"))
        return self._joined(parts, "l")

    def _settled(self, x: Any, suffix: str) -> Any:
        layer = self.settled(suffix)
        return x if layer is None else layer(x)

    def _joined(self, parts: list[Any], letter: str) -> Any:
        total = keras.layers.Add(name=f"{self.name}_a_{letter}")(parts) if len(parts) > 1 else parts[0]
        layer = self.activated(f"_{letter}")
        return total if layer is None else layer(total)


def QOctaveConv2D(  # noqa: N802 - QKeras's name
    filters: int,
    kernel_size: Any,
    alpha: float,
    strides: Any = (1, 1),
    padding: str = "valid",
    kernel_initializer: Any = "he_normal",
    bias_initializer: Any = "zeros",
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    use_separable: bool = True,
    name: str = "",
    *,
    kernel_quantizer: Any = None,
    depthwise_quantizer: Any = None,
    pointwise_quantizer: Any = None,
    bias_quantizer: Any = None,
    average_quantizer: Any = None,
    acc_quantizer: Any = None,
    activation: Any = None,
    **kwargs: Any,
) -> Callable[[Pair], Pair]:
    """An octave convolution of quantized layers, of which `alpha` of the filters have half resolution.

    Four convolutions (QSeparableConv2D by depthwise_quantizer and pointwise_quantizer, or without
    use_separable QConv2D by kernel_quantizer), each followed by a QActivation with acc_quantizer; the
    sums of both ways; activation. Other keywords (a depthwise_activation among them) are taken for
    QKeras's sake and have no effect, as there.
    """
    ends = {"bias_quantizer": bias_quantizer, "bias_initializer": bias_initializer,
            "bias_regularizer": bias_regularizer, "bias_constraint": bias_constraint}  # fmt: skip
    kernel = {"initializer": kernel_initializer, "regularizer": kernel_regularizer, "constraint": kernel_constraint}

    def convolution(count: int, suffix: str) -> Any:
        place: dict[str, Any] = {"strides": strides, "padding": padding, "name": name + suffix}
        if not use_separable:
            told = {f"kernel_{key}": value for key, value in kernel.items()}
            return QConv2D(count, kernel_size, kernel_quantizer=kernel_quantizer, **told, **ends, **place)
        told = {f"{which}_{key}": value for which in ("depthwise", "pointwise") for key, value in kernel.items()}
        both: dict[str, Any] = {"depthwise_quantizer": depthwise_quantizer, "pointwise_quantizer": pointwise_quantizer}
        return QSeparableConv2D(count, kernel_size, **both, **told, **ends, **place)

    def pool(suffix: str) -> Any:
        return QAveragePooling2D(2, average_quantizer=average_quantizer, name=f"{name}_avg{suffix}")

    def point(quantizer: Any) -> Callable[[str], Any]:
        tag = f"_act_{_tag(quantizer)}"
        return lambda suffix: None if quantizer is None else QActivation(quantizer, name=name + suffix + tag)

    return _Octave(filters, alpha, convolution, pool, point(acc_quantizer), point(activation), name)


def OctaveConv2D(  # noqa: N802 - QKeras's name
    filters: int,
    kernel_size: Any,
    alpha: float,
    strides: Any = (1, 1),
    padding: str = "valid",
    kernel_initializer: Any = "he_normal",
    bias_initializer: Any = "zeros",
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    activation: Any = None,
    use_separable: bool = True,
    name: str = "",
    **kwargs: Any,
) -> Callable[[Pair], Pair]:
    """An octave convolution of plain Keras layers, to be quantized by model_quantize; see `QOctaveConv2D`."""
    ends = {"bias_initializer": bias_initializer, "bias_regularizer": bias_regularizer,
            "bias_constraint": bias_constraint}  # fmt: skip
    kernel = {"initializer": kernel_initializer, "regularizer": kernel_regularizer, "constraint": kernel_constraint}
    kinds = ("depthwise", "pointwise") if use_separable else ("kernel",)
    told = {f"{which}_{key}": value for which in kinds for key, value in kernel.items()} | ends
    layer: Any = keras.layers.SeparableConv2D if use_separable else keras.layers.Conv2D

    def convolution(count: int, suffix: str) -> Any:
        return layer(count, kernel_size, strides=strides, padding=padding, name=name + suffix, **told)

    def pool(suffix: str) -> Any:
        return keras.layers.AveragePooling2D(2, name=f"{name}_p{suffix}")

    def settled(suffix: str) -> Any:
        return keras.layers.Activation("linear", name=f"{name}{suffix}_act")

    def activated(suffix: str) -> Any:
        return None if activation is None else keras.layers.Activation(activation, name=f"{name}{suffix}_act")

    return _Octave(filters, alpha, convolution, pool, settled, activated, name)


def _tag(quantizer: Any) -> str:
    """QKeras's short name of a quantizer: "quantized_relu(4,2)" is "qr42".

    >>> _tag("quantized_relu(4,2)")
    'qr42'
    """
    head, _, rest = str(quantizer).partition("(")
    return "".join(word[0] for word in head.split("_") if word) + "".join(re.findall(r"\d", rest))
