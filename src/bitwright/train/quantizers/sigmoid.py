"""`quantized_tanh` and `quantized_sigmoid`: bounded activations rounded onto fixed point."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.train.door import ops
from bitwright.train.public import public
from bitwright.train.quantizers.base import BaseQuantizer, Parts
from bitwright.train.quantizers.grid import Grid
from bitwright.train.quantizers.sigmoids import internal_sigmoid
from bitwright.train.quantizers.straight import clip_code, inside, round_code

__all__ = ["quantized_sigmoid", "quantized_tanh"]


class _Bounded(BaseQuantizer):
    """A bounded function, rounded half to even to multiples of 1 / levels and clipped."""

    shown = 1
    gradient = "the function's own; 0 where the rounded value had to be clipped"
    bits: int
    symmetric: bool
    use_stochastic_rounding: bool

    def _check(self, bits: int) -> int:
        if bits < 1:
            raise InvalidValue(f"bits={bits}", where=type(self).__name__, remedy="give at least one bit")
        return int(bits)

    def _rounded(self, p: Any, training: bool | None) -> Parts:
        grid = self._base_grid()
        levels = float(1 / grid.step)
        rounded = round_code(p * levels, self.seed_generator if training else None)
        # The clip's gradient: 0 where the rounded value lies outside, bounds count as inside.
        mask = ops.stop_gradient(inside(rounded, grid.low, grid.high))
        return Parts(clip_code(rounded, grid.low, grid.high) * float(grid.step), p * mask)

    def max(self) -> float:
        """The greatest value that can come out."""
        grid = self._base_grid()
        return float(grid.high * grid.step)

    def min(self) -> float:
        """The least value that can come out."""
        grid = self._base_grid()
        return float(grid.low * grid.step)


@public("bitwright.quantizers")
class quantized_tanh(_Bounded):
    """tanh onto `bits` bits: step 2^(1 - bits), from -1 (-1 + step if symmetric) to 1 - step.

    By default tanh is 2 s(x) - 1 with QKeras's internal sigmoid s, so clip(x, -1, 1);
    use_real_tanh takes the function itself. Source: google/qkeras, `quantized_tanh`.
    """

    positional = 1

    def __init__(
        self,
        bits: int = 8,
        use_stochastic_rounding: bool = False,
        symmetric: bool = False,
        use_real_tanh: bool = False,
    ) -> None:
        self.bits, self.symmetric = self._check(bits), bool(symmetric)
        self.use_stochastic_rounding = bool(use_stochastic_rounding)
        self.use_real_tanh = bool(use_real_tanh)
        self.seed_generator = self._seed(self.use_stochastic_rounding)

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        return self._rounded(ops.tanh(x) if self.use_real_tanh else 2.0 * internal_sigmoid(x) - 1.0, training)

    def _base_grid(self) -> Grid:
        levels = 2 ** (self.bits - 1)
        return Grid(Fraction(1, levels), self.symmetric - levels, levels - 1)


@public("bitwright.quantizers")
class quantized_sigmoid(_Bounded):
    """The sigmoid onto `bits` bits: step 2^-bits, from 0 (step if symmetric) to 1 - step.

    By default QKeras's internal sigmoid, clip(0.5 x + 0.5, 0, 1); use_real_sigmoid takes the
    function itself. Source: google/qkeras, `quantized_sigmoid`.
    """

    positional = 3

    def __init__(
        self,
        bits: int = 8,
        symmetric: bool = False,
        use_real_sigmoid: bool = False,
        use_stochastic_rounding: bool = False,
    ) -> None:
        self.bits, self.symmetric = self._check(bits), bool(symmetric)
        self.use_real_sigmoid = bool(use_real_sigmoid)
        self.use_stochastic_rounding = bool(use_stochastic_rounding)
        self.seed_generator = self._seed(self.use_stochastic_rounding)

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        return self._rounded(ops.sigmoid(x) if self.use_real_sigmoid else internal_sigmoid(x), training)

    def _base_grid(self) -> Grid:
        levels = 2**self.bits
        return Grid(Fraction(1, levels), int(self.symmetric), levels - 1)
