"""`quantized_po2` and `quantized_relu_po2`: powers of two, with and without a sign."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor, log2
from typing import Any, ClassVar, Literal

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.public import public
from bitwright.train.quantizers.base import BaseQuantizer, Parts
from bitwright.train.quantizers.grid import Grid, power_of_two
from bitwright.train.quantizers.straight import (
    EPSILON,
    LOWEST,
    clip_code,
    exact_exponent,
    exponent_floor,
    power,
    sign,
)

__all__ = ["quantized_po2", "quantized_relu_po2"]


class _Po2(BaseQuantizer):
    """Powers of two with a bounded, rounded exponent; `sign_bits` of the bits are no exponent bits."""

    shown, positional = 1, 2
    sign_bits: ClassVar[int]
    bits: int
    max_value: float | None
    log2_rounding: str
    quadratic_approximation: bool
    use_stochastic_rounding: bool

    def _setup(
        self,
        bits: int,
        max_value: float | None,
        use_stochastic_rounding: bool,
        quadratic_approximation: bool,
        log2_rounding: str,
    ) -> None:
        if log2_rounding not in ("rnd", "floor"):
            raise InvalidValue(
                f"log2_rounding={log2_rounding!r}", where=type(self).__name__, remedy='use "rnd" or "floor"'
            )
        if max_value is not None and max_value <= 0:
            raise InvalidValue(f"max_value={max_value}", where=type(self).__name__, remedy="use a positive one")
        if not 1 <= bits <= 8:
            raise InvalidValue(
                f"bits={bits}",
                where=type(self).__name__,
                why="exponents must fit float32",
                remedy="use 1 to 8",
            )
        self.bits, self.max_value, self.log2_rounding = int(bits), max_value, log2_rounding
        self.quadratic_approximation = bool(quadratic_approximation)
        self.use_stochastic_rounding = bool(use_stochastic_rounding)
        self.seed_generator = self._seed(self.use_stochastic_rounding)
        self.min_exp, self.max_exp = self._exponent_range()

    def max(self) -> float:
        """max_value, or the greatest power of two; at least 1."""
        return max(1.0, float(self.max_value) if self.max_value else 2.0**self.max_exp)

    @property
    def powers(self) -> list[Fraction]:
        """The magnitudes that can come out, ascending."""
        low, high = self._exponents()
        return [Fraction(2) ** e for e in range(low, high + 1, 2 if self.quadratic_approximation else 1)]

    def _exponent_range(self) -> tuple[int, int]:
        signed = self.max_value is None or self.max_value > 1
        if self.bits - self.sign_bits < signed:
            return 0, 0  # no bit left for an exponent; QKeras gives 2^-0.5 here
        span = 2 ** (self.bits - self.sign_bits - signed)
        low, high = -span, span - 1
        return low, 2 * (high // 2) if self.quadratic_approximation else high

    def _exponents(self) -> tuple[int, int]:
        """The least and greatest exponent that can come out."""
        low, high = self.min_exp, self.max_exp
        step = 2 if self.quadratic_approximation else 1
        if self.max_value is not None:
            limit = log2(max(self.max_value, EPSILON)) / step
            limit = floor(limit) if self.log2_rounding == "floor" else ceil(limit - 0.5)
            high = max(low, min(high, limit))
        least = ceil(log2(EPSILON) / step) - 1
        return min(self.min_exp, step * max(low, least)), max(step * high, self.min_exp)

    def _magnitude(self, size: Any, training: bool | None) -> Any:
        limited = ops.maximum(size, EPSILON)
        if self.max_value is not None:
            limited = ops.minimum(limited, float(self.max_value))
        limited = ops.minimum(limited, 2.0**127)
        step = 2 if self.quadratic_approximation else 1
        exponent = step * clip_code(self._rounded(limited, training), self.min_exp, self.max_exp)
        exponent = ops.where(size < EPSILON, ops.full_like(exponent, self.min_exp), exponent)
        if self.min_exp >= LOWEST:
            return power(exponent)
        # Eight bits without a sign reach below the least normal float32, which counts as 0.
        return ops.where(exponent < LOWEST, ops.zeros_like(exponent), power(exponent))

    def _rounded(self, size: Any, training: bool | None) -> Any:
        floored = exponent_floor(size)
        if training and self.seed_generator is not None:
            return self._drawn(size, floored)
        if self.log2_rounding == "floor":
            return ops.floor(floored / 2) if self.quadratic_approximation else floored
        if not self.quadratic_approximation:
            return exact_exponent(size)
        # log2(x) / 2 half to even: an odd floor rounds up, except at the power itself (a tie).
        tie = ops.logical_and(size == power(floored), ops.floor(floored / 2) * 2 != floored)
        return ops.where(tie, ops.round(floored / 2), ops.floor((floored + 1) / 2))

    def _drawn(self, size: Any, floored: Any) -> Any:
        base = 2 * ops.floor(floored / 2) if self.quadratic_approximation else floored
        step = 2 if self.quadratic_approximation else 1
        chance = (size / power(base) - 1) / (2**step - 1)
        up = keras.random.uniform(ops.shape(size), dtype=size.dtype, seed=self.seed_generator) < chance
        return base / step + ops.cast(up, size.dtype)


@public("bitwright.quantizers")
class quantized_po2(_Po2):
    """sign(x) 2^e with e the rounded logarithm of |x|; the output is never 0, zero counts as positive.

    One of `bits` holds the sign; the rest hold e, with a sign of its own unless max_value <= 1.
    max_value limits |x|. log2_rounding is "rnd" or "floor"; quadratic_approximation keeps e even.
    Magnitudes below 1e-7 take the least exponent. The gradient is 1 everywhere. In training,
    stochastic rounding picks the neighboring powers so that the mean is |x|.

    Source: google/qkeras, quantizers.py, `quantized_po2`.
    """

    sign_bits = 1

    def __init__(
        self,
        bits: int = 8,
        max_value: float | None = None,
        use_stochastic_rounding: bool = False,
        quadratic_approximation: bool = False,
        log2_rounding: Literal["rnd", "floor"] = "rnd",
        qnoise_factor: float = 1.0,
        var_name: str | None = None,
        use_ste: bool = True,
        use_variables: bool = False,
    ) -> None:
        self._setup(bits, max_value, use_stochastic_rounding, quadratic_approximation, log2_rounding)
        self.var_name, self.use_ste, self.use_variables = var_name, bool(use_ste), bool(use_variables)
        self.qnoise_factor = self._noise(qnoise_factor, use_variables, var_name)

    def min(self) -> float:
        """-max()."""
        return -self.max()

    def _values(self, grid: Grid) -> list[Fraction]:
        return [*(-power for power in reversed(self.powers)), *self.powers]

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        return Parts(sign(x) * self._magnitude(ops.abs(x), training), x)

    def _base_grid(self) -> Grid:
        exponents = self._exponents()
        step, top = Fraction(2) ** min(exponents), 2 ** (max(exponents) - min(exponents))
        return Grid(step, -top, top)


@public("bitwright.quantizers")
class quantized_relu_po2(_Po2):
    """2^e for x > 0 with e the rounded logarithm; the least power of two (not 0) for x <= 0.

    With negative_slope (a power of two), x < 0 gives -2^e of |x| * negative_slope. All `bits` hold e;
    the other arguments are those of `quantized_po2`. The gradient is that of the ReLU, 0 above
    max_value.

    Source: google/qkeras, quantizers.py, `quantized_relu_po2`.
    """

    sign_bits = 0

    def __init__(
        self,
        bits: int = 8,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        use_stochastic_rounding: bool = False,
        quadratic_approximation: bool = False,
        log2_rounding: Literal["rnd", "floor"] = "rnd",
        qnoise_factor: float = 1.0,
        var_name: str | None = None,
        use_ste: bool = True,
        use_variables: bool = False,
    ) -> None:
        self.negative_slope = float(negative_slope)
        if self.negative_slope and not power_of_two(Fraction(self.negative_slope)):
            raise InvalidValue(
                f"negative_slope={negative_slope} is not a power of two",
                where="quantized_relu_po2",
                remedy="use 0.5, 0.25, 0.125, ...",
            )
        self._setup(bits, max_value, use_stochastic_rounding, quadratic_approximation, log2_rounding)
        self.var_name, self.use_ste, self.use_variables = var_name, bool(use_ste), bool(use_variables)
        self.qnoise_factor = self._noise(qnoise_factor, use_variables, var_name)

    def min(self) -> float:
        """The least power of two; with a slope QKeras tells -slope * 2^(bits - 1)."""
        return -self.negative_slope * 2.0 ** (self.bits - 1) if self.negative_slope else 2.0**self.min_exp

    def _values(self, grid: Grid) -> list[Fraction]:
        below = [-power for power in reversed(self.powers)] if self.negative_slope else []
        return [*below, *self.powers]

    @property
    def gradient(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The rule of the backward pass, in words."""
        above = "" if self.max_value is None else f", 0 above {self.max_value:g}"
        return f"1 for x > 0, {self.negative_slope:g} for x <= 0{above}"

    def _parts(self, x: Any, training: bool | None) -> Parts:
        value = self._magnitude(ops.maximum(x, 0.0), training)
        if self.negative_slope:
            below = -self._magnitude(ops.abs(x) * self.negative_slope, training)
            value = ops.where(x < 0, below, value)
        mask = ops.where(x > 0, ops.ones_like(x), ops.full_like(x, self.negative_slope))
        through = x * ops.stop_gradient(mask)
        if self.max_value is not None:
            through = ops.where(x <= float(self.max_value), through, ops.full_like(x, self.max_value))
        return Parts(value, through)

    def _base_grid(self) -> Grid:
        exponents = self._exponents()
        step, top = Fraction(2) ** min(exponents), 2 ** (max(exponents) - min(exponents))
        return Grid(step, -top if self.negative_slope else 1, top)
