"""`QFixedPoint`: values rounded to fixed-point formats that are told element by element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.numeric import IntArray, Overflow, Rounding
from bitwright.train.door import keras, ops
from bitwright.train.public import public
from bitwright.train.quantizers.straight import clip_code, power, straight

__all__ = ["FixedPoint", "QFixedPoint"]

M = TypeVar("M", Rounding, Overflow)


@dataclass(frozen=True)
class FixedPoint:
    """Formats as integers: value = code * 2**-fraction with low <= code <= high; elements without bits are 0.

    Shapes: all arrays are alike and broadcast against one sample.
    """

    fraction: IntArray
    low: IntArray
    high: IntArray
    rounding: Rounding
    overflow: Overflow


@public("bitwright.layers")
class QFixedPoint(keras.layers.Layer):
    """Each value rounded and limited to a fixed-point format of its own, as HGQ's quantizers do.

    widths: the shape of the formats, which broadcasts against one sample (() is one format for all). rounding,
    overflow: modes of `bw.Rounding` and `bw.Overflow`, or their values ("half_up", "wrap"). A value takes
    `fraction` bits behind the point, `integer` before it, and a sign if `keep_negative` is 1; with no bits left it
    is 0. The formats are weights that are not trained: `set_formats`. Gradients pass straight through.
    """

    def __init__(
        self,
        widths: Sequence[int] = (),
        rounding: str | Rounding = "half_up",
        overflow: str | Overflow = "wrap",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.widths = tuple(int(n) for n in widths)
        self.rounding, self.overflow = _mode(Rounding, rounding), _mode(Overflow, overflow)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Create the formats: 8 bits with sign, 4 of them behind the point."""
        try:
            fits = np.broadcast_shapes(self.widths, tuple(input_shape[1:])) == tuple(input_shape[1:])
        except ValueError:
            fits = False
        if not fits:
            raise InvalidValue(
                f"formats of the shape {self.widths} for samples of {tuple(input_shape[1:])}",
                where=f"layer '{self.name}'",
                remedy="give widths= that broadcasts against one sample",
            )
        self.keep_negative, self.integer, self.fraction = (
            self.add_weight(
                name=name, shape=self.widths, initializer=keras.initializers.Constant(value), trainable=False
            )
            for name, value in (("keep_negative", 1), ("integer", 3), ("fraction", 4))
        )

    def set_formats(self, keep_negative: Any, integer: Any, fraction: Any) -> None:
        """Take these whole numbers, each of which broadcasts to the shape of the formats."""
        given = zip((self.keep_negative, self.integer, self.fraction), (keep_negative, integer, fraction), strict=True)
        for variable, value in given:
            variable.assign(np.broadcast_to(np.rint(np.asarray(value, dtype=np.float32)), self.widths))

    def formats(self) -> FixedPoint:
        """The formats as integers."""
        sign, integer, fraction = (
            np.asarray(ops.convert_to_numpy(v)).astype(np.int64)
            for v in (self.keep_negative, self.integer, self.fraction)
        )
        width = np.minimum(integer + fraction, 62)
        low, high = np.where(sign > 0, -(1 << np.maximum(width, 0)), 0), (1 << np.maximum(width, 0)) - 1
        low = np.where(width < 0, 0, np.maximum(low, -high) if self._symmetric else low)
        return FixedPoint(np.where(high > low, fraction, 0), low, high, self.rounding, self.overflow)

    @property
    def _symmetric(self) -> bool:
        return self.overflow is Overflow.SATURATE_SYMMETRIC

    def call(self, inputs: Any) -> Any:
        """The layer's output for `inputs`, in their shape."""
        value = self.limited(self.rounded(inputs))
        return straight(value, inputs)

    def places(self, inputs: Any) -> Any:
        """How far the codes of `inputs` lie above their lowest ones, as whole floats."""
        whole, many = self._told(inputs)
        return self.limited(self.rounded(inputs)) * many - self._ends(whole)[0]

    def rounded(self, inputs: Any) -> Any:
        """Rounded to the formats' steps, of any size; what saturates is limited too."""
        whole, many = self._told(inputs)
        scaled = _ROUNDED[self.rounding](ops.stop_gradient(inputs) * many)
        return (scaled if self.overflow is Overflow.WRAP else self._clipped(scaled, whole)) * power(-whole[2])

    def limited(self, values: Any) -> Any:
        """Values on the formats' steps, brought into the formats."""
        if self.overflow is not Overflow.WRAP:
            return values
        whole, many = self._told(values)
        sign, integer, fraction = whole
        width = integer + fraction
        size = power(clip_code(width + sign, -1.0, 62.0))
        turns = values * many / size
        # Exact for codes of up to 24 bits in formats of up to 24 bits: nothing is added to the code itself.
        code = (turns - ops.floor(turns)) * size
        code = ops.where(ops.logical_and(sign > 0, code * 2 >= size), code - size, code)
        return ops.where(width + sign > 0, code, ops.zeros_like(code)) * power(-fraction)

    def _told(self, like: Any) -> tuple[tuple[Any, Any, Any], Any]:
        sign, integer, fraction = (
            ops.cast(ops.convert_to_tensor(v), like.dtype) for v in (self.keep_negative, self.integer, self.fraction)
        )
        # No bits at all: nothing before the point and nothing behind it, which is 0 in every mode.
        live = integer + fraction + sign > 0
        sign, integer, fraction = (ops.where(live, v, ops.zeros_like(v)) for v in (sign, integer, fraction))
        return (sign, integer, fraction), power(fraction)

    def _ends(self, whole: tuple[Any, Any, Any]) -> tuple[Any, Any]:
        """The lowest and the highest code."""
        sign, integer, fraction = whole
        width = integer + fraction
        high = power(clip_code(width, 0.0, 62.0)) - 1.0
        low = ops.where(ops.logical_and(sign > 0, width >= 0), -high if self._symmetric else -high - 1.0, 0.0)
        return low, high

    def _clipped(self, scaled: Any, whole: tuple[Any, Any, Any]) -> Any:
        low, high = self._ends(whole)
        return ops.minimum(ops.maximum(scaled, low), high)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Every argument."""
        modes = {"rounding": self.rounding.value, "overflow": self.overflow.value}
        return {**super().get_config(), "widths": list(self.widths), **modes}


def _mode(kind: type[M], told: str | M) -> M:
    try:
        return kind(told)
    except ValueError as error:
        known = ", ".join(repr(mode.value) for mode in kind)
        raise InvalidValue(f"{told!r}", where="QFixedPoint", remedy=f"use one of {known}") from error


def _half_up(x: Any) -> Any:
    below = ops.floor(x)
    return below + ops.cast(x - below >= 0.5, x.dtype)


def _half_down(x: Any) -> Any:
    above = ops.ceil(x)
    return above - ops.cast(above - x >= 0.5, x.dtype)


def _both_ways(mode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The mode on magnitudes, with the sign put back."""
    return lambda x: ops.sign(x) * mode(ops.abs(x))


_ROUNDED: dict[Rounding, Callable[[Any], Any]] = {
    Rounding.FLOOR: lambda x: ops.floor(x),
    Rounding.CEIL: lambda x: ops.ceil(x),
    Rounding.TRUNCATE: _both_ways(lambda x: ops.floor(x)),
    Rounding.AWAY: _both_ways(lambda x: ops.ceil(x)),
    Rounding.HALF_UP: _half_up,
    Rounding.HALF_DOWN: _half_down,
    Rounding.HALF_EVEN: lambda x: ops.round(x),
    Rounding.HALF_AWAY: _both_ways(_half_up),
    Rounding.HALF_ZERO: _both_ways(_half_down),
}
"""Modes on floats, without adding a half to them: float32 would round 0.49999997 + 0.5 to 1."""
