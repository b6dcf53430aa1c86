"""`quantized_linear`: fixed point whose gradient stops at the ends of the range."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.train.door import ops
from bitwright.train.public import public
from bitwright.train.quantizers.base import Parts, Scaled
from bitwright.train.quantizers.grid import Grid
from bitwright.train.quantizers.scales import (
    Groups,
    constant,
    is_auto,
    is_scalar,
    least_squares,
    read_alpha,
    settled,
    to_power,
)
from bitwright.train.quantizers.straight import EPSILON, clip_code, inside, inverse, quotient, round_code, straight

__all__ = ["quantized_linear"]

_ROUNDS = 5


@public("bitwright.quantizers")
class quantized_linear(Scaled):
    """Fixed point: `bits` in all, `integer` of them before the point, one more for the sign.

    The step is alpha * 2^(integer - bits + keep_negative); codes run from -2^(bits-1) + symmetric to
    2^(bits-1) - 1 (0 to 2^bits - 1 without negatives), rounded half to even after clipping. One bit with
    a sign gives plus or minus half a step. The gradient is 1 from the least to the greatest value, both
    included, and 0 beyond.

    alpha: None or 1 for plain fixed point; a number or array scales the step; "auto" spreads the codes
    over each channel's range, "auto_po2" takes the power of two that fits best in the least-squares
    sense. scale_axis: the axis along which automatic scales differ (default: the last); every element
    of a vector has its own. The other arguments are those of `quantized_bits`.

    Source: google/qkeras, quantizers.py, `quantized_linear`.
    """

    shown, positional = 3, 3

    def __init__(
        self,
        bits: int = 8,
        integer: int = 0,
        symmetric: int = 1,
        keep_negative: bool = True,
        alpha: Any = None,
        use_stochastic_rounding: bool = False,
        scale_axis: Any = None,
        qnoise_factor: float = 1.0,
        var_name: str | None = None,
        use_variables: bool = False,
    ) -> None:
        if bits < 1:
            raise InvalidValue(f"bits={bits}", where="quantized_linear", remedy="give at least one bit")
        self.bits, self.integer, self.keep_negative = int(bits), int(integer), bool(keep_negative)
        self.symmetric, self.alpha = int(bool(symmetric)), read_alpha(alpha, "quantized_linear")
        self.use_stochastic_rounding, self.scale_axis = bool(use_stochastic_rounding), scale_axis
        self.var_name, self.use_variables = var_name, bool(use_variables)
        self.qnoise_factor = self._noise(qnoise_factor, use_variables, var_name)
        self.seed_generator = self._seed(self.use_stochastic_rounding)

    @property
    def data_type_scale(self) -> float:
        """The step that the format alone gives: 2^(integer - bits + keep_negative)."""
        return 2.0 ** (self.integer - self.bits + self.keep_negative)

    @property
    def quantization_scale(self) -> Any:
        """The step in use: scale * data_type_scale. None before an automatic scale is found."""
        return None if self.scale is None else self.scale * self.data_type_scale

    @property
    def auto_alpha(self) -> bool:
        """Whether the scale is found from the data."""
        return is_auto(self.alpha)

    @property
    def use_sign_function(self) -> bool:
        """Whether one bit leaves nothing but the sign."""
        return self.bits == 1 and self.keep_negative

    @property
    def clip_bounds(self) -> tuple[float, float]:
        """The least and the greatest code."""
        if self.use_sign_function:
            return -0.5, 0.5
        size = 2 ** (self.bits - self.keep_negative)
        return float((self.symmetric - size) * self.keep_negative), float(size - 1)

    def max(self) -> float:
        """The greatest value that can come out, an automatic scale counting as 1."""
        return self.clip_bounds[1] * self.data_type_scale * self._one_alpha

    def min(self) -> float:
        """The least value that can come out, an automatic scale counting as 1."""
        return self.clip_bounds[0] * self.data_type_scale * self._one_alpha

    @property
    def gradient(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The rule of the backward pass, in words."""
        times = ", times the scale" if not is_scalar(self.alpha) else ""
        return f"1 for {self.min():g} <= x <= {self.max():g}{times}; 0 beyond"

    @property
    def _one_alpha(self) -> float:
        return float(self.alpha) if self.alpha is not None and is_scalar(self.alpha) else 1.0

    def _base_grid(self) -> Grid:
        step, (low, high) = Fraction(self.data_type_scale), self.clip_bounds
        if self.use_sign_function:
            return Grid(step / 2, -1, 1)
        return Grid(step, int(low), int(high))

    def _values(self, grid: Grid) -> list[Fraction]:
        values = super()._values(grid)
        return [values[0], values[-1]] if self.use_sign_function else values

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        seed, size = self.seed_generator if training else None, self.data_type_scale
        if is_auto(self.alpha):
            scale, dyadic = self._found(x) * (1.0 / size), self.alpha == "auto_po2"
        else:
            scale, dyadic = constant(self.alpha, x.dtype)
        inner = self._over(x, scale, dyadic)
        return Parts(self._code(inner, seed) * size, lambda x: self._through(x, inner), scale, dyadic, x)

    def _over(self, x: Any, scale: Any, dyadic: bool) -> Any:
        """x in steps. The largest elements lie on an end of the range, so this must round right."""
        if scale is None:
            return x / self.data_type_scale
        step = scale * self.data_type_scale
        return x / step if dyadic else quotient(x, step)

    def _through(self, x: Any, inner: Any) -> Any:
        # Bounds count as inside, so that weights at the ends of the range still move.
        mask = ops.stop_gradient(inside(inner, *self.clip_bounds))
        if not self._noisy:
            return x * mask
        # With noise x itself is mixed in, and the mask acts on the quantized share alone.
        noise = ops.cast(ops.convert_to_tensor(self.qnoise_factor), x.dtype)
        return straight(x, x * (1 + noise * (mask - 1)))

    def _code(self, inner: Any, seed: Any = None) -> Any:
        low, high = self.clip_bounds
        clipped = clip_code(ops.stop_gradient(inner), low, high)
        if self.use_sign_function:
            return round_code(clipped - 0.5, seed) + 0.5
        return round_code(clipped, seed)

    def _found(self, x: Any) -> Any:
        """The step that the data asks for."""
        x, groups = ops.stop_gradient(x), Groups(self.scale_axis)
        low, high = self.clip_bounds
        size = ops.abs(x) if self.keep_negative else x
        top = groups.reduce(ops.max, size) if len(x.shape) > 1 else size
        levels = (high - low) / (2.0 if self.keep_negative else 1.0)
        step = ops.maximum(quotient(top, ops.full_like(top, levels)), EPSILON)
        if self.alpha == "auto":
            return step

        def refine(step: Any) -> tuple[Any]:
            return (least_squares(x, self._code(x * inverse(step)), groups, ordered=False),)

        return settled(refine, (step,), 1 if self.use_sign_function else _ROUNDS, to_power)[0]
