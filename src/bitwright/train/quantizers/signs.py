"""`binary` and `ternary`: signs, and signs with a dead zone, times a scale."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
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
from bitwright.train.quantizers.straight import inverse, positive, round_code, sign, stochastic_round

__all__ = ["binary", "ternary"]


class _Signs(Scaled):
    """A few levels around zero, scaled by alpha; without alpha the gradient is tanh's."""

    def max(self) -> float:
        """The greatest alpha; 1 where there is none or it is automatic."""
        return self._largest_alpha()

    def min(self) -> float:
        """-max()."""
        return -self.max()

    @property
    def gradient(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The rule of the backward pass, in words."""
        return "that of tanh" if self.alpha is None else "1 everywhere (straight through)"

    def _carrier(self, x: Any) -> Any:
        return ops.tanh(x) if self.alpha is None else x


@public("bitwright.quantizers")
class binary(_Signs):
    """-1 or 1 (0 or 1 with use_01) times a scale; zero counts as positive.

    alpha: None (the gradient is tanh's), a number or array (the gradient is 1), or "auto" /
    "auto_po2": the least-squares scale of each channel, rounded to a power of two for the latter.
    scale_axis, elements_per_scale, min_po2_exponent, max_po2_exponent as in `quantized_bits`.
    In training use_stochastic_rounding adds noise before the sign.

    Source: google/qkeras, quantizers.py, `binary`.
    """

    def __init__(
        self,
        use_01: bool = False,
        alpha: Any = None,
        use_stochastic_rounding: bool = False,
        scale_axis: Any = None,
        elements_per_scale: Any = None,
        min_po2_exponent: int | None = None,
        max_po2_exponent: int | None = None,
    ) -> None:
        self.use_01, self.alpha = bool(use_01), read_alpha(alpha, "binary")
        self.use_stochastic_rounding = bool(use_stochastic_rounding)
        self.scale_axis, self.elements_per_scale = scale_axis, elements_per_scale
        self.min_po2_exponent, self.max_po2_exponent = min_po2_exponent, max_po2_exponent
        self.seed_generator = self._seed(self.use_stochastic_rounding)

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        signs, through = sign(x), self._carrier(x)
        if training and self.seed_generator is not None:
            signs = sign(self._shaken(x))
        code = (signs + 1) / 2 if self.use_01 else signs
        if not is_auto(self.alpha):
            scale, dyadic = constant(self.alpha, x.dtype)
            return Parts(code, through, scale, dyadic)
        scale = least_squares(ops.stop_gradient(x), code, self._groups, ordered=self.alpha == "auto")
        if self.alpha == "auto":
            return Parts(code, through, scale)
        return Parts(code, through, to_power(scale, self.min_po2_exponent, self.max_po2_exponent), True)

    def _base_grid(self) -> Grid:
        return Grid(Fraction(1), 0 if self.use_01 else -1, 1)

    def _values(self, grid: Grid) -> list[Fraction]:
        return [grid.low * grid.step, grid.high * grid.step]

    def min(self) -> float:
        """-max(), or 0 with use_01."""
        return 0.0 if self.use_01 else -self.max()

    @property
    def _groups(self) -> Groups:
        return Groups(self.scale_axis, self.elements_per_scale)

    def _shaken(self, x: Any) -> Any:
        size = ops.abs(x)
        top = self._groups.reduce(ops.max, size) if len(x.shape) > 1 else ops.max(size, keepdims=True)
        span = positive(2.0 * ops.minimum(top, 1.0))
        shaken = span * stochastic_round(x / span, self.seed_generator, 0.125)
        coin = keras.random.uniform(ops.shape(x), dtype=x.dtype, seed=self.seed_generator) - 0.5
        return ops.where(shaken == 0, coin, shaken)


@public("bitwright.quantizers")
class ternary(_Signs):
    """-1, 0 or 1 times a scale: 0 where |x| is below a threshold.

    alpha: None (gradient of tanh) or a fixed scale (gradient 1), with `threshold` (default 0.33); or
    "auto" / "auto_po2": the scale starts at two thirds of each channel's largest magnitude and is
    refined number_of_unrolls times by least squares, the threshold being half the scale. Stochastic
    rounding needs an automatic alpha; a threshold needs a fixed one.

    Source: google/qkeras, quantizers.py, `ternary`.
    """

    default_threshold = 0.33

    def __init__(
        self,
        alpha: Any = None,
        threshold: float | None = None,
        use_stochastic_rounding: bool = False,
        number_of_unrolls: int = 5,
    ) -> None:
        self.alpha = read_alpha(alpha, "ternary")
        if is_auto(self.alpha) and threshold is not None:
            raise InvalidValue(
                "an automatic scale finds its own threshold",
                where="ternary",
                remedy="leave out threshold, or give alpha as a number",
            )
        if use_stochastic_rounding and not is_auto(self.alpha):
            raise InvalidValue(
                "stochastic rounding needs an automatic scale", where="ternary", remedy='add alpha="auto"'
            )
        if number_of_unrolls < 1:
            raise InvalidValue(f"number_of_unrolls={number_of_unrolls}", where="ternary", remedy="use at least 1")
        self.threshold, self.number_of_unrolls = threshold, int(number_of_unrolls)
        self.use_stochastic_rounding = bool(use_stochastic_rounding)
        self.seed_generator = self._seed(self.use_stochastic_rounding)

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        if is_auto(self.alpha):
            return self._auto(x, self.seed_generator if training else None)
        code = ops.cast(ops.abs(x) >= self._threshold, x.dtype) * ops.sign(x)
        scale, dyadic = constant(self.alpha, x.dtype)
        return Parts(code, self._carrier(x), scale, dyadic)

    def _base_grid(self) -> Grid:
        return Grid(Fraction(1), -1, 1)

    @property
    def _threshold(self) -> float:
        return self.default_threshold if self.threshold is None else float(self.threshold)

    def _auto(self, x: Any, seed: Any) -> Parts:
        through, x = x, ops.stop_gradient(x)
        to_po2, groups, size = self.alpha == "auto_po2", Groups(), ops.abs(x)
        top = groups.reduce(ops.max, size) if len(x.shape) > 1 else ops.max(size, keepdims=True)
        scale = top * (2.0 / 3.0)

        def refine(scale: Any) -> tuple[Any, Any]:
            share = x * inverse(scale) if to_po2 else x / positive(scale)
            kept = ops.logical_and(ops.abs(round_code(share, seed, 1.0 / 3.0)) >= 0.5, scale > 0)  # 0 stays there
            code = ops.cast(kept, x.dtype) * ops.sign(x)
            return least_squares(x, code, groups, ordered=not to_po2), code

        rounded = to_power if to_po2 else ops.stop_gradient
        if seed is None:
            scale, code = settled(refine, (scale, x), self.number_of_unrolls, rounded)
        else:
            code = x
            for _ in range(self.number_of_unrolls):  # each round draws anew, so none is the last before its time
                scale, code = refine(rounded(scale))
            scale = rounded(scale)
        return Parts(code, through, scale, to_po2)
