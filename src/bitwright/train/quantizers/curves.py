"""`quantized_hswish` and `quantized_ulaw`: a curve and a quantizer in one."""

from __future__ import annotations

from math import log
from typing import Any, Self

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.train.door import ops
from bitwright.train.public import public
from bitwright.train.quantizers.base import BaseQuantizer, Parts
from bitwright.train.quantizers.bits import quantized_bits
from bitwright.train.quantizers.grid import Grid
from bitwright.train.quantizers.sigmoids import internal_sigmoid
from bitwright.train.quantizers.straight import clip_code, inside, quotient, straight

__all__ = ["quantized_hswish", "quantized_ulaw"]

_WRITTEN_TOO = ("keep_negative", "post_training_scale")


@public("bitwright.quantizers")
class quantized_hswish(quantized_bits):
    """`quantized_bits` of x * clip(x + relu_shift, 0, relu_upper_bound) / relu_upper_bound.

    The other arguments are those of `quantized_bits`. The gradient is that of the curve.

    Source: google/qkeras, quantizers.py, `quantized_hswish`.
    """

    monotone = False
    gradient = "that of x * clip(x + relu_shift, 0, relu_upper_bound) / relu_upper_bound"

    def __init__(
        self,
        bits: int = 8,
        integer: int = 0,
        symmetric: int = 0,
        alpha: Any = None,
        use_stochastic_rounding: bool = False,
        scale_axis: Any = None,
        qnoise_factor: float = 1.0,
        var_name: str | None = None,
        use_variables: bool = False,
        relu_shift: float = 3,
        relu_upper_bound: float = 6,
    ) -> None:
        if not relu_upper_bound or relu_upper_bound < 0:
            raise InvalidValue(
                f"relu_upper_bound={relu_upper_bound}", where="quantized_hswish", remedy="use a positive one, such as 6"
            )
        super().__init__(
            bits,
            integer,
            symmetric,
            alpha=alpha,
            use_stochastic_rounding=use_stochastic_rounding,
            scale_axis=scale_axis,
            qnoise_factor=qnoise_factor,
            var_name=var_name,
            use_variables=use_variables,
        )
        self.relu_shift, self.relu_upper_bound = relu_shift, relu_upper_bound

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The quantizer with these arguments; QKeras wrote two of `quantized_bits` beside them."""
        return super().from_config({k: v for k, v in config.items() if k not in _WRITTEN_TOO})

    def min(self) -> float:
        """The least value of the curve, as far as the format reaches."""
        return max(super().min(), -(float(self.relu_shift) ** 2) / (4 * float(self.relu_upper_bound)))

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        # A true quotient: products with a third constant are reordered, which moves what lies on a tie.
        top = ops.full_like(x, float(self.relu_upper_bound))
        return super()._parts(quotient(x * self._gate(x), top), training)

    def _gate(self, x: Any) -> Any:
        raw, top = x + float(self.relu_shift), float(self.relu_upper_bound)
        within = ops.logical_and(raw > 0, raw <= top)
        return straight(clip_code(raw, 0.0, top), raw * ops.stop_gradient(ops.cast(within, x.dtype)))


@public("bitwright.quantizers")
class quantized_ulaw(BaseQuantizer):
    """The mu-law curve of a rounded sigmoid: sign(r) log(1 + u |r|) / log(1 + u) * 2^integer.

    r = 2 round(s(x / 2^integer) m) / m - 1 with m = 2^(bits - 1) and QKeras's internal sigmoid s. The
    result is clipped to [-1 + symmetric / m, 1 - 1 / m]. Its values are not evenly spaced: no
    fixed-point format holds them, so in hardware another quantizer has to follow.

    Source: google/qkeras, quantizers.py, `quantized_ulaw`.
    """

    shown, positional = 2, 4
    evenly_spaced = False
    gradient = "the curve's own, 0 where it is clipped; rounding is passed straight through"

    def __init__(self, bits: int = 8, integer: int = 0, symmetric: int = 0, u: float = 255.0) -> None:
        if bits < 1:
            raise InvalidValue(f"bits={bits}", where="quantized_ulaw", remedy="give at least one bit")
        if u <= 0:
            raise InvalidValue(f"u={u}", where="quantized_ulaw", remedy="use a positive one, such as 255.0")
        self.bits, self.integer, self.symmetric, self.u = int(bits), int(integer), int(symmetric), float(u)

    def max(self) -> float:
        """2^integer, at least 1."""
        return max(1.0, 2.0**self.integer)

    def min(self) -> float:
        """-max()."""
        return -self.max()

    def grid(self) -> None:
        """None: the values are not evenly spaced; `range` lists them."""

    def range(self) -> Any:
        """Every value that can come out: 0 and the positive ones ascending, then the negative ones."""
        levels = 2 ** (self.bits - 1)
        rounded = np.arange(-levels, levels + 1, 2) / levels
        curve = np.sign(rounded) * np.log1p(self.u * np.abs(rounded)) / np.log1p(self.u)
        low, high = self._clips
        values = np.unique((2.0**self.integer * np.clip(curve, low, high)).astype(np.float32))
        return np.concatenate([values[values >= 0], values[values < 0]])

    @property
    def _clips(self) -> tuple[float, float]:
        levels = 2.0 ** (self.bits - 1)
        return -1.0 + self.symmetric / levels, 1.0 - 1.0 / levels

    def _base_grid(self) -> Grid:
        raise InvalidValue("its values lie on no grid", where="quantized_ulaw", remedy="use range()")

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        levels, size = 2.0 ** (self.bits - 1), 2.0**self.integer
        raw = internal_sigmoid(x / size) * levels
        rounded = 2.0 * (straight(ops.round(raw), raw) / levels) - 1.0
        curve = ops.sign(rounded) * ops.log(1.0 + self.u * ops.abs(rounded)) * (1.0 / log(1.0 + self.u))
        low, high = self._clips
        inner = curve * ops.stop_gradient(inside(curve, low, high))
        return Parts(size * clip_code(curve, low, high), size * inner)
