"""`quantized_bits`: fixed-point numbers of a given width, with a fixed or data-dependent scale."""

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
    least_squares,
    read_alpha,
    settled,
    to_power,
)
from bitwright.train.quantizers.straight import (
    clip_code,
    inverse,
    positive,
    quotient,
    round_code,
    rounded_and_clipped,
    sign,
    stochastic_round,
)

__all__ = ["quantized_bits"]

_ROUNDS = 5


@public("bitwright.quantizers")
class quantized_bits(Scaled):
    """Fixed point: `bits` in all, `integer` of them before the point, one more for the sign.

    With u = bits - keep_negative, the step is 2^(integer - u) and codes run from -2^u + symmetric
    (0 without negatives) to 2^u - 1, rounded half to even. The gradient is 1 everywhere.
    One bit gives -1 and 1 (0 and 1 without negatives), zero counting as positive.

    alpha: None or 1 for plain fixed point; a number or array scales the result; "auto" finds the
    scale per channel from the largest magnitude (rounding half away from zero there), "auto_po2" the
    power of two that fits best in the least-squares sense. Either makes the codes symmetric.
    scale_axis, elements_per_scale: which elements share an automatic scale (default: a channel, the
    last axis). min_po2_exponent, max_po2_exponent limit "auto_po2"; post_training_scale freezes it.
    use_stochastic_rounding acts in training only. qnoise_factor below 1 mixes the float value in;
    use_variables makes it a variable. With one bit, "auto" scales as `binary` does.

    Source: google/qkeras, quantizers.py, `quantized_bits`.
    """

    shown, positional = 3, 3

    def __init__(
        self,
        bits: int = 8,
        integer: int = 0,
        symmetric: int = 0,
        keep_negative: bool = True,
        alpha: Any = None,
        use_stochastic_rounding: bool = False,
        scale_axis: Any = None,
        qnoise_factor: float = 1.0,
        var_name: str | None = None,
        use_ste: bool = True,
        use_variables: bool = False,
        elements_per_scale: Any = None,
        min_po2_exponent: int | None = None,
        max_po2_exponent: int | None = None,
        post_training_scale: Any = None,
    ) -> None:
        if bits < 1:
            raise InvalidValue(f"bits={bits}", where="quantized_bits", remedy="give at least one bit")
        self.alpha = read_alpha(alpha, "quantized_bits")
        if post_training_scale is not None and not is_auto(self.alpha):
            raise InvalidValue(
                "post_training_scale needs an automatic scale to freeze",
                where="quantized_bits",
                remedy='add alpha="auto" or "auto_po2", or give the scale as alpha',
            )
        self.bits, self.integer, self.keep_negative = int(bits), int(integer), bool(keep_negative)
        self.symmetric = int(bool(symmetric) or is_auto(self.alpha))
        self.use_stochastic_rounding = bool(use_stochastic_rounding)
        self.scale_axis, self.elements_per_scale = scale_axis, elements_per_scale
        self.min_po2_exponent, self.max_po2_exponent = min_po2_exponent, max_po2_exponent
        self.post_training_scale = read_alpha(post_training_scale, "post_training_scale")
        self.var_name, self.use_ste, self.use_variables = var_name, bool(use_ste), bool(use_variables)
        self.qnoise_factor = self._noise(qnoise_factor, use_variables, var_name)
        self.seed_generator = self._seed(self.use_stochastic_rounding)

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        seed = self.seed_generator if training else None
        if is_auto(self.alpha):
            return self._auto(x, seed)
        scale, dyadic = constant(self.alpha, x.dtype)
        if self._magnitude_bits == 0:
            return Parts(self._signs(x), x, scale, dyadic)
        levels, grid = 2.0**self._magnitude_bits / 2.0**self.integer, self._base_grid()
        still, step = ops.stop_gradient(x), float(grid.step)
        if seed is None:
            return Parts(rounded_and_clipped(still, levels, grid.low, grid.high, step), x, scale, dyadic)
        code = clip_code(round_code(still * levels, seed), grid.low, grid.high)
        return Parts(code * step, x, scale, dyadic)

    def _base_grid(self) -> Grid:
        if self._magnitude_bits == 0:
            return Grid(Fraction(1), -1 if self.keep_negative else 0, 1)
        step = Fraction(2) ** (self.integer - self._magnitude_bits)
        if is_auto(self.alpha):
            return Grid(step, -self._top, self._top)
        levels = 2**self._magnitude_bits
        return Grid(step, (self.symmetric - levels) * self.keep_negative, levels - 1)

    def max(self) -> float:
        """2^integer, at least 1."""
        return max(1.0, 2.0**self.integer) if self._magnitude_bits else 1.0

    def min(self) -> float:
        """-max(), or 0 without negatives."""
        return -self.max() if self.keep_negative else 0.0

    def _set_trainable_parameter(self) -> None:
        super()._set_trainable_parameter()
        self.symmetric = int(self.symmetric or is_auto(self.alpha))

    def _values(self, grid: Grid) -> list[Fraction]:
        values = super()._values(grid)
        return values if self._magnitude_bits else [values[0], values[-1]]

    @property
    def _magnitude_bits(self) -> int:
        return self.bits - self.keep_negative

    @property
    def _top(self) -> int:
        return 2 ** (self.bits - 1) - 1

    @property
    def _groups(self) -> Groups:
        return Groups(self.scale_axis, self.elements_per_scale)

    def _signs(self, x: Any) -> Any:
        return sign(x) if self.keep_negative else (sign(x) + 1) / 2

    def _auto(self, x: Any, seed: Any) -> Parts:
        to_po2 = self.alpha == "auto_po2"
        if self._magnitude_bits == 0:
            code = self._signs(x)
            scale = least_squares(ops.stop_gradient(x), code, self._groups, ordered=not to_po2)
            return Parts(code, x, self._power(scale) if to_po2 else scale, to_po2)
        levels = 2.0**self._magnitude_bits
        inner = ops.stop_gradient(x) * 2.0**-self.integer
        scale, dyadic = self._frozen(x.dtype, levels)
        if scale is None:
            scale, dyadic = self._found(inner, to_po2), to_po2
        code = self._codes(inner, scale, seed)
        # QKeras's `scale` counts in units of the whole range, its codes in fractions of it.
        return Parts(code * (2.0**self.integer / levels), x, scale * levels, dyadic)

    def _frozen(self, dtype: Any, levels: float) -> tuple[Any, bool]:
        if self.post_training_scale is None:
            return None, False
        scale, dyadic = constant(self.post_training_scale, dtype)
        return scale / levels, dyadic

    def _found(self, x: Any, to_po2: bool) -> Any:
        size = ops.abs(x)
        # Per channel even where elements_per_scale makes smaller groups of them later.
        top = Groups(self.scale_axis).reduce(ops.max, size) if len(x.shape) > 1 else ops.max(size, keepdims=True)
        # A product with a constant rounds alike everywhere; a quotient may be compiled into one.
        scale = top * (1.0 / self._top)
        if not to_po2:
            return scale

        def refine(scale: Any) -> tuple[Any]:
            # Without signs, which both factors share.
            return (least_squares(size, self._whole(size, scale), self._groups, ordered=False),)

        return settled(refine, (scale,), _ROUNDS, self._power)[0]

    def _power(self, scale: Any) -> Any:
        return to_power(scale, self.min_po2_exponent, self.max_po2_exponent)

    def _codes(self, x: Any, scale: Any, seed: Any) -> Any:
        return ops.sign(x) * self._whole(ops.abs(x), scale, seed)

    def _whole(self, size: Any, scale: Any, seed: Any = None) -> Any:
        """The codes of magnitudes."""
        if self.alpha == "auto_po2" and self.post_training_scale is None:
            size = size * inverse(scale)
        else:
            size = quotient(size, positive(scale)) if self.alpha == "auto" else size / positive(scale)
        whole = ops.floor(size + 0.5) if seed is None else stochastic_round(size, seed)
        return ops.minimum(whole, float(self._top))
