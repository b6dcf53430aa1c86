"""`QAdaptiveActivation`: a quantizer whose integer bits follow the data that pass through it."""

from __future__ import annotations

from copy import copy
from fractions import Fraction
from math import gcd
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.public import public
from bitwright.train.quantizers import get_integer_bits, quantized_bits, quantized_relu
from bitwright.train.quantizers.base import BaseQuantizer, Parts
from bitwright.train.quantizers.grid import Grid
from bitwright.train.quantizers.straight import power

__all__ = ["QAdaptiveActivation"]


class _Floating(BaseQuantizer):
    """A quantizer whose `integer` is a variable: one number, or one for each channel.

    `still` is the same with integer = 0; since q(x; i) = 2^i q(x / 2^i; 0), it does all the work.
    """

    still: Any
    integer: Any
    relu_upper_bound: float | None = None

    def parts(self, x: Any, training: bool | None = None) -> Parts:
        """The quantized form of `x` before the straight-through step."""
        x = ops.convert_to_tensor(x)
        size = power(ops.cast(ops.convert_to_tensor(self.integer), x.dtype))
        found = self.still.parts(x / size, training)
        value, through = found.value * size, found.through * size
        if self.relu_upper_bound:
            value, through = (ops.minimum(part, self.relu_upper_bound) for part in (value, through))
        return Parts(value, through)

    def get_config(self) -> dict[str, Any]:
        """Every argument, with the integer bits as they are now."""
        now = self.integer_bits.tolist()
        return {**self.still.get_config(), "integer": now[0] if len(now) == 1 else now}

    @property
    def integer_bits(self) -> Any:
        """The integer bits as they are now, an int64 array of one axis."""
        return np.asarray(ops.convert_to_numpy(self.integer)).astype(np.int64).reshape(-1)

    def _base_grid(self) -> Grid:
        grids = [_at(self.still, int(i), self.relu_upper_bound) for i in np.unique(self.integer_bits)]
        step = Fraction(gcd(*(g.step.numerator * _COMMON // g.step.denominator for g in grids)), _COMMON)
        low, high = (pick(getattr(g, end) * g.step for g in grids) for pick, end in ((min, "low"), (max, "high")))
        return Grid(step, int(low / step), int(high / step))

    def _bound(self) -> float:
        return 2.0 ** int(self.integer_bits.max())


_COMMON = 1 << 60


def _at(still: Any, integer: int, bound: float | None) -> Grid:
    """The grid of the quantizer with these integer bits."""
    fixed = copy(still)
    fixed.integer = integer
    if bound:
        fixed.relu_upper_bound = bound
    return fixed._base_grid()


class _FloatingBits(_Floating, quantized_bits):
    pass


class _FloatingRelu(_Floating, quantized_relu):
    pass


# Programs tell them by their name, as in QKeras.
_FloatingBits.__name__, _FloatingRelu.__name__ = quantized_bits.__name__, quantized_relu.__name__


@public("bitwright.layers")
class QAdaptiveActivation(keras.layers.Layer):
    """quantized_bits or quantized_relu of `total_bits` bits, with integer bits found in training.

    activation: the quantizer's name. In training, moving averages of the least and greatest value (of
    each channel, with per_channel) follow the unquantized activation by ema_decay, until more than
    ema_freeze_delay steps have been taken; they decide the integer bits. Quantization starts after
    quantization_delay steps; at inference it always acts. symmetric is that of quantized_bits;
    po2_rounding rounds the range to a power of two instead of covering it; relu_neg_slope and
    relu_upper_bound are for quantized_relu.

    current_step: a variable that counts the steps and that the program itself increases, or None: the
    layer counts its own training calls. Unlike QKeras, inference never moves the averages.
    Source: google/qkeras, qlayers.py, `QAdaptiveActivation`.
    """

    def __init__(
        self,
        activation: str,
        total_bits: int,
        current_step: Any = None,
        symmetric: bool = True,
        quantization_delay: int = 0,
        ema_freeze_delay: int | None = None,
        ema_decay: float = 0.9999,
        per_channel: bool = False,
        po2_rounding: bool = False,
        relu_neg_slope: float = 0.0,
        relu_upper_bound: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.total_bits, self.symmetric = int(total_bits), bool(symmetric)
        self.quantization_delay, self.ema_freeze_delay = int(quantization_delay), ema_freeze_delay
        self.ema_decay, self.per_channel = float(ema_decay), bool(per_channel)
        self.po2_rounding = bool(po2_rounding)
        self.relu_neg_slope, self.relu_upper_bound = float(relu_neg_slope), relu_upper_bound
        self.quantizer = self._made(activation)
        self.activation = self.quantizer
        self.keep_negative = isinstance(self.quantizer, quantized_bits) or bool(relu_neg_slope)
        self.is_estimating_step_count = not isinstance(current_step, keras.Variable)
        self.step = self._counter(current_step)

    def build(self, input_shape: Any) -> None:
        """Create the averages and the integer bits."""
        size = int(input_shape[self._channel]) if self.per_channel else 1
        self.ema_min = self.add_weight(name="ema_min", shape=(size,), initializer="zeros", trainable=False)
        self.ema_max = self.add_weight(name="ema_max", shape=(size,), initializer="zeros", trainable=False)
        self.integer = self.add_weight(
            name="integer", shape=(size,), initializer="zeros", trainable=False, dtype="int32"
        )
        self.quantizer.integer = self.integer

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The quantized `inputs`; in training the averages and the integer bits follow them."""
        x = self._channels_last(ops.convert_to_tensor(inputs))
        if not (training and self.trainable):
            return self._own_format(self.quantizer(x))
        if self.is_estimating_step_count:
            self.step.assign(self.step + 1)
        step = ops.cast(ops.convert_to_tensor(self.step), "int32")
        soft, found = self.quantizer.parts(x, training).through, self.quantizer(x, training=training)
        if self.quantization_delay > 0:
            found = ops.where(step >= self.quantization_delay, found, soft)
        self._follow(ops.stop_gradient(soft), step)
        return self._own_format(found)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape

    def get_quantizers(self) -> list[Any]:
        """The one quantizer."""
        return [self.quantizer]

    def get_quantization_config(self) -> str:
        """The quantizer as a string, with the integer bits as they are now."""
        return str(self.quantizer)

    def get_prunable_weights(self) -> list[Any]:
        """None of the weights is pruned."""
        return []

    def get_config(self) -> dict[str, Any]:
        """Every argument; the step as it is now."""
        names = ("total_bits", "symmetric", "quantization_delay", "ema_freeze_delay", "ema_decay", "per_channel",
                 "po2_rounding", "relu_neg_slope", "relu_upper_bound")  # fmt: skip
        return {
            **super().get_config(),
            "activation": type(self.quantizer).__name__,
            "current_step": int(ops.convert_to_numpy(self.step)),
            **{name: getattr(self, name) for name in names},
        }

    @property
    def _channel(self) -> int:
        return 1 if keras.config.image_data_format() == "channels_first" else -1

    def _channels_last(self, x: Any) -> Any:
        return ops.moveaxis(x, 1, -1) if self.per_channel and self._channel == 1 else x

    def _own_format(self, x: Any) -> Any:
        return ops.moveaxis(x, -1, 1) if self.per_channel and self._channel == 1 else x

    def _follow(self, soft: Any, step: Any) -> None:
        """Move the averages towards the ends of `soft`, and set the integer bits by them."""
        axes = list(range(len(soft.shape) - self.per_channel))
        ends: list[Any] = []
        for variable, reduce in ((self.ema_min, ops.min), (self.ema_max, ops.max)):
            old = ops.convert_to_tensor(variable)
            new = old * self.ema_decay + ops.reshape(reduce(soft, axis=axes), (-1,)) * (1.0 - self.ema_decay)
            if self.ema_freeze_delay is not None:
                new = ops.where(step > self.ema_freeze_delay, old, new)
            variable.assign(new)
            ends.append(new)
        bits = get_integer_bits(
            ends[0], ends[1], self.total_bits, self.symmetric, self.keep_negative, self.po2_rounding
        )
        self.integer.assign(ops.cast(bits, "int32"))

    def _counter(self, given: Any) -> Any:
        if isinstance(given, keras.Variable):
            given.trainable = False
            return given
        start = -1 if given is None else int(np.asarray(given))
        return self.add_weight(
            name="step", shape=(), initializer=keras.initializers.Constant(start), trainable=False, dtype="int"
        )

    def _made(self, activation: Any) -> Any:
        name = activation if isinstance(activation, str) else getattr(activation, "__name__", str(activation))
        if name == "quantized_bits":
            return self._floating(_FloatingBits, quantized_bits(self.total_bits, symmetric=self.symmetric, alpha=1.0))
        if name != "quantized_relu":
            raise InvalidValue(
                f"activation={name!r}",
                where="QAdaptiveActivation",
                remedy="give 'quantized_bits' or 'quantized_relu', without arguments",
            )
        still = quantized_relu(max(self.total_bits, 2), 0, is_quantized_clip=False)
        # QKeras takes any slope here, and a single bit beside one.
        still.bits, still.negative_slope = self.total_bits, self.relu_neg_slope
        return self._floating(_FloatingRelu, still)

    def _floating(self, kind: Any, still: Any) -> Any:
        made: Any = kind(2, 0)
        vars(made).update(vars(still), still=still, symmetric=self.symmetric)
        if kind is _FloatingRelu:
            made.relu_upper_bound = self.relu_upper_bound
        return made
