"""`quantized_relu`: unsigned fixed point on the positive half, optionally leaky or bounded."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.train.door import ops
from bitwright.train.public import public
from bitwright.train.quantizers.base import BaseQuantizer, Parts
from bitwright.train.quantizers.grid import Grid, common_step, power_of_two
from bitwright.train.quantizers.sigmoids import internal_sigmoid
from bitwright.train.quantizers.straight import clip_code, round_code, rounded_and_clipped

__all__ = ["quantized_relu"]

_PRECISION = 0.5  # QKeras rounds activations stochastically to half steps.


@public("bitwright.quantizers")
class quantized_relu(BaseQuantizer):
    """ReLU onto `bits` bits, `integer` of them before the point, rounded half to even.

    Step 2^(integer - b), codes 0 .. 2^b - 1, where b is `bits`, less one if there is a
    negative_slope (a power of two, for x < 0). use_sigmoid rounds a sigmoid instead of x.
    relu_upper_bound limits the output only if is_quantized_clip is false. The gradient is 0 for
    x <= 0 (the slope there, if any) and above the upper end. enable_fast_inference has no gradient.
    Stochastic rounding, in training, is to half steps, as in QKeras.

    Source: google/qkeras, quantizers.py, `quantized_relu`.
    """

    shown, positional = 2, 4

    def __init__(
        self,
        bits: int = 8,
        integer: int = 0,
        use_sigmoid: int = 0,
        negative_slope: float = 0.0,
        use_stochastic_rounding: bool = False,
        relu_upper_bound: float | None = None,
        is_quantized_clip: bool = True,
        qnoise_factor: float = 1.0,
        var_name: str | None = None,
        use_ste: bool = True,
        use_variables: bool = False,
        enable_fast_inference: bool = False,
    ) -> None:
        slope = Fraction(float(negative_slope))
        if slope and not power_of_two(slope):
            raise InvalidValue(
                f"negative_slope={negative_slope} is not a power of two",
                where="quantized_relu",
                remedy="use 0.5, 0.25, 0.125, ...",
            )
        if bits < 1 or (slope and bits < 2):
            raise InvalidValue(f"bits={bits} leaves no magnitude", where="quantized_relu", remedy="use more bits")
        self.bits, self.integer, self.use_sigmoid = int(bits), int(integer), int(use_sigmoid)
        self.negative_slope, self.relu_upper_bound = float(negative_slope), relu_upper_bound
        self.is_quantized_clip = bool(is_quantized_clip)
        self.use_stochastic_rounding = bool(use_stochastic_rounding)
        self.var_name, self.use_ste, self.use_variables = var_name, bool(use_ste), bool(use_variables)
        self.enable_fast_inference = bool(enable_fast_inference)
        self.qnoise_factor = self._noise(qnoise_factor, use_variables, var_name)
        self.seed_generator = self._seed(self.use_stochastic_rounding)

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        if self.enable_fast_inference:
            return Parts(self._fast(x), ops.zeros_like(x) * x)
        seed, still = self.seed_generator if training else None, ops.stop_gradient(x)
        value = self._sigmoid_value(still, seed) if self.use_sigmoid else self._value(still, seed)
        if self._outer_bound is not None:
            value = ops.minimum(value, self._outer_bound)
        return Parts(value, self._through, x=x)

    def _base_grid(self) -> Grid:
        size, bits = Fraction(2) ** self.integer, self.bits if self.enable_fast_inference else self._bits
        top, bottom = size * (1 - Fraction(1, 2**bits)), -size * Fraction(self.negative_slope)
        marks = [size / 2**bits, top, bottom]
        if self._outer_bound is not None and not self.enable_fast_inference:
            top = min(top, Fraction(float(np.float32(self._outer_bound))))
            marks.append(top)
        step = common_step(marks)
        return Grid(step, int(bottom / step), int(top / step))

    def max(self) -> float:
        """2^integer, at least 1."""
        return max(1.0, 2.0**self.integer)

    def min(self) -> float:
        """What a negative_slope leaves of -2^integer; else 0."""
        return -self.negative_slope * 2.0**self.integer if self.negative_slope else 0.0

    def range(self) -> Any:
        """Every value of the format, ascending from 0 (then the negative ones); an upper bound is ignored."""
        if self._outer_bound is None:
            return super().range()
        return type(self).from_config({**self.get_config(), "relu_upper_bound": None}).range()

    @property
    def gradient(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The rule of the backward pass, in words."""
        if self.enable_fast_inference:
            return "none: enable_fast_inference is for inference"
        end, slope = self._end, f", {self.negative_slope:g} for x <= 0" if self.negative_slope else ""
        return f"1 for {'x > 0' if end is None else f'0 < x <= {end:g}'}{slope}, 0 elsewhere"

    @property
    def _bits(self) -> int:
        return self.bits - (self.negative_slope != 0)

    @property
    def _end(self) -> float | None:
        """Above it the gradient is 0."""
        if self.is_quantized_clip:
            return 2.0**self.integer - 2.0 ** (self.integer - self._bits)
        return None if self.relu_upper_bound is None else float(self.relu_upper_bound)

    @property
    def _outer_bound(self) -> float | None:
        return None if self.is_quantized_clip or not self.relu_upper_bound else float(self.relu_upper_bound)

    def _value(self, x: Any, seed: Any) -> Any:
        levels, size, slope = 2.0**self._bits, 2.0**self.integer, self.negative_slope
        if seed is None:
            value = rounded_and_clipped(x, levels / size, 0.0, levels - 1, size / levels)
            if slope:
                value = value + rounded_and_clipped(x, levels * slope / size, -slope * levels, 0.0, size / levels)
            return value
        p = x * (levels / size)
        value = size * clip_code(round_code(p, seed, _PRECISION) / levels, 0.0, 1.0 - 1.0 / levels)
        if slope:
            below = round_code(p * slope, seed, _PRECISION) / (slope * levels)
            value = value + size * slope * clip_code(below, -1.0, 0.0)
        return value

    def _sigmoid_value(self, x: Any, seed: Any) -> Any:
        levels, size, slope = 2.0**self._bits, 2.0**self.integer, self.negative_slope
        p = internal_sigmoid(x / size) * levels
        whole = 2.0 * (round_code(p, seed, _PRECISION) / levels) - 1.0
        value = size * clip_code(whole, 0.0, 1.0 - 1.0 / levels)
        if slope:
            below = 2.0 * (round_code(p * slope, seed, _PRECISION) / (slope * levels)) - 1.0
            value = value + size * slope * clip_code(below, -1.0, 0.0)
        return value

    def _fast(self, x: Any) -> Any:
        code = ops.round(x * 2.0 ** (self.bits - self.integer))
        return clip_code(code, 0.0, 2.0**self.bits - 1) * 2.0 ** (self.integer - self.bits)

    def _through(self, x: Any) -> Any:
        # The gradient is the product with this mask: 0 at x = 0 and above the end, which is included.
        end = self._end
        mask = ops.where(x > 0, ops.ones_like(x), ops.full_like(x, self.negative_slope))
        if end is None:
            return x * ops.stop_gradient(mask)
        ramp = x * ops.stop_gradient(mask)
        return ops.where(x <= end, ramp, ops.full_like(x, end))
