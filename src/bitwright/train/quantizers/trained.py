"""Quantizers whose widths are trained by gradient: fixed point for activations and weights, signed digits for weights.

Both pass gradients straight through to what they quantize, and move their own variables by what one more bit
or digit would change. Without a price on hardware, training only ever widens them; `search` sets that price.

Sources: arXiv 2405.00645 (HGQ: trained fractions and their surrogate gradient); arXiv 1903.08066 (TQT: trained ranges).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import log
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.public import public
from bitwright.train.quantizers.base import BaseQuantizer, Parts
from bitwright.train.quantizers.grid import Grid
from bitwright.train.quantizers.straight import clip_code, exponent_floor, is_concrete, power

__all__ = ["GRANULARITIES", "TrainedWidths", "trained_bits", "trained_digits"]

GRANULARITIES = ("tensor", "channel", "element")
_DEEPEST, _TALLEST = -16.0, 24.0
_ENOUGH = 4096
"""Samples of a batch that tell what a width should do."""


class _Widths(keras.layers.Layer):
    """The variables of one quantizer; as a layer it is tracked, saved and trained wherever it is held."""

    def __init__(self, first: dict[str, float], held: tuple[str, ...] = ()) -> None:
        super().__init__(name="widths")
        self.first, self.held = first, held
        self.variable: dict[str, Any] = {}

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Make the variables, of this shape each, unless they are there."""
        if self.variable:
            return
        self.variable = {
            name: self.add_weight(
                shape=shape, initializer=keras.initializers.Constant(value), name=name, trainable=name not in self.held
            )
            for name, value in self.first.items()
        }
        self.built = True

    def load_own_variables(self, store: Any) -> None:
        """Take the variables of a file, whose shapes no call may have told yet."""
        if len(store.keys()):
            self.prepare(tuple(store["0"].shape))
        super().load_own_variables(store)


class TrainedWidths(BaseQuantizer):
    """What the quantizers with trained widths share: variables made for the shape of the tensor."""

    gradient: ClassVar[str] = "1 inside the range, 0 beyond; widths are trained"
    shaped: ClassVar[bool] = True
    granularity: str
    sampled: bool = False
    """Whether the first axis of what is quantized counts samples: activations."""
    _held: _Widths

    def _setup(self, granularity: str, first: dict[str, float], held: tuple[str, ...] = ()) -> None:
        if granularity not in GRANULARITIES:
            raise InvalidValue(
                f"granularity={granularity!r}", where=type(self).__name__, remedy=f"use one of {GRANULARITIES}"
            )
        self.granularity, self._held = granularity, _Widths(first, held)

    @property
    def state(self) -> list[Any]:
        """The layer that holds the variables."""
        return [*super().state, self._held]

    @property
    def trained(self) -> dict[str, Any]:
        """The trained variables by name; empty until the shape of the tensors is known."""
        return self._held.variable

    def prepare(self, shape: Any) -> None:
        """Make the variables for tensors of this shape (of weights; of one sample of activations)."""
        lengths = tuple(shape)
        kept = {"tensor": (), "channel": lengths[-1:], "element": lengths}[self.granularity]
        self._held.prepare(tuple(int(length) for length in kept))

    def prepare_activations(self, shape: Any) -> None:
        """Make the variables for tensors of activations, whose first axis is the batch."""
        self.sampled = True
        super().prepare_activations(shape)

    def _variable(self, name: str, x: Any) -> Any:
        """The variable as a tensor; made now if no layer announced the shape (weights only)."""
        if not self.trained:
            self.prepare(x.shape)
        return ops.cast(ops.convert_to_tensor(self.trained[name]), x.dtype)

    def _settled(self, name: str) -> NDArray[np.float32] | None:
        """The variable's numbers, where there are any to see."""
        tensor = ops.convert_to_tensor(self.trained[name]) if self.trained else None
        return None if tensor is None or not is_concrete(tensor) else np.asarray(ops.convert_to_numpy(tensor))

    @property
    def differs_along(self) -> tuple[int, ...]:
        """The axes, counted from the last (-1), along which widths may differ."""
        shape = next(iter(self.trained.values())).shape if self.trained else ()
        return tuple(axis - len(shape) for axis, length in enumerate(shape) if length > 1)


def _moved(variable: Any, by: Any) -> Any:
    """Zero, with the gradient `by` toward `variable`."""
    return (variable - ops.stop_gradient(variable)) * ops.stop_gradient(ops.convert_to_tensor(by, variable.dtype))


def _whole(variable: Any) -> Any:
    return ops.stop_gradient(ops.round(variable))


@dataclass(frozen=True)
class _Format:
    """Whole widths as tensors that broadcast to the values: codes from `low` to `top` - 1, of the step 2^-fraction."""

    many: Any
    step: Any
    low: Any
    top: Any
    tall: Any

    @classmethod
    def of(cls, fraction: Any, integer: Any, keep_negative: bool) -> _Format:
        """From the widths that training moves, rounded here."""
        fraction, tall = clip_code(_whole(fraction), _DEEPEST, _TALLEST), _whole(integer)
        top = power(clip_code(fraction + tall, -1.0, _TALLEST))
        # No bits left: every code is worth nothing.
        step = ops.where(fraction + tall > 0, power(-fraction), ops.zeros_like(top))
        return cls(power(fraction), step, -top if keep_negative else ops.zeros_like(top), top, tall)

    def value(self, x: Any) -> Any:
        """The value nearest to x, ties upward."""
        return clip_code(ops.floor(x * self.many + 0.5), self.low, self.top - 1) * self.step


@cache
def _through(keep_negative: bool, samples: bool) -> Any:
    """(x, fraction, integer) to x, with the gradients toward all three: one pass over x, and two sums.

    Inside the range x gets what comes; one more fraction bit would move the value by ln 2 (x - value), one more integer
    bit the end of the range by ln 2 times that end. The sums that widths get are products with ones, which every
    backend does fast where sums over the first axis of a fused expression are slow (eight times as slow under XLA on a
    CPU), and are estimated from the first 4096 samples of larger batches.
    """

    def through(x: Any, fraction: Any, integer: Any) -> Any:
        def gradient(*upstream_args: Any, upstream: Any = None) -> tuple[Any, Any, Any]:
            flow = upstream_args[0] if upstream is None else upstream
            form = _Format.of(fraction, integer, keep_negative)
            scaled, nothing = x * form.many, ops.zeros_like(flow)
            above, below = scaled > form.top - 1, scaled < form.low
            inner = ops.where(ops.logical_or(above, below), nothing, flow)
            missed = inner * (x - form.value(x))
            reach = ops.where(above, flow, nothing)
            reach = ops.where(below, -flow, reach) if keep_negative else reach
            ends = power(clip_code(form.tall, _DEEPEST, _TALLEST)) * log(2.0)
            return inner, _summed(missed, fraction, samples) * log(2.0), _summed(reach, integer, samples) * ends

        return x, gradient

    return ops.custom_gradient(through)


def _summed(x: Any, like: Any, samples: bool) -> Any:
    """`x`, whose last axes are those of `like`, summed over all others, of which the first counts `samples`."""
    if samples and isinstance(x.shape[0], int) and x.shape[0] > _ENOUGH:
        return _summed(x[:_ENOUGH], like, False) * (x.shape[0] / _ENOUGH)
    inner = int(np.prod(like.shape))
    rows = ops.reshape(x, (-1, inner))
    ones = ops.ones((1, ops.shape(rows)[0]), dtype=x.dtype)
    return ops.reshape(ops.matmul(ones, rows), like.shape)


@public("bitwright.quantizers")
class trained_bits(TrainedWidths):
    """Fixed point whose fraction and integer bits are trained, per tensor, channel or element.

    Codes are floor(x / step + 1/2), so that hardware adds the half to a bias that is there anyway, limited to
    [-2^(w-1), 2^(w-1) - 1] with a sign (w = integer + fraction + 1 bits) and to [0, 2^w - 1] without (w = integer +
    fraction; a ReLU comes for free). Widths of zero bits and less make the value 0: the element is pruned.

    bits, integer: where training starts; `integer` as in `quantized_bits`, without the sign. keep_negative: with a
    sign. granularity: "tensor", "channel" (the last axis) or "element" (of one sample). trained_range: whether the
    integer bits move too. calibrated: they are there, but follow the data (whoever trains sets them), not the gradient.
    """

    shown, positional = 2, 2

    def __init__(
        self,
        bits: int = 8,
        integer: int = 2,
        keep_negative: bool = True,
        granularity: str = "channel",
        trained_range: bool = True,
        calibrated: bool = False,
    ) -> None:
        self.bits, self.integer, self.keep_negative = int(bits), int(integer), bool(keep_negative)
        self.trained_range, self.calibrated = bool(trained_range), bool(calibrated)
        first = {"fraction": float(bits - integer - keep_negative)}
        held = ("integer",) if self.calibrated else ()
        self._setup(granularity, {**first, "integer": float(integer)} if self.trained_range else first, held)

    def set_range(self, integer: Any) -> None:
        """Start with these integer bits (an array that broadcasts to the variables), the width staying as it is."""
        if not self.trained or not self.trained_range:
            raise InvalidValue("its range is not trained, or its layer is not built", where=str(self))
        fraction, before = self.trained["fraction"], self.trained["integer"]
        chosen = np.broadcast_to(np.asarray(integer, np.float32), before.shape)
        fraction.assign(ops.convert_to_numpy(fraction) + ops.convert_to_numpy(before) - chosen)
        before.assign(chosen)

    def widths(self) -> Any:
        """Bits of each element, a tensor of the variables' shape whose gradient moves them: never below 0."""
        fraction = ops.convert_to_tensor(self.trained["fraction"])
        whole = _whole(fraction) + _moved(fraction, 1.0)
        if self.trained_range:
            integer = ops.convert_to_tensor(self.trained["integer"])
            whole = whole + _whole(integer) + _moved(integer, 1.0)
        else:
            whole = whole + float(self.integer)
        bits = whole + float(self.keep_negative)
        return ops.where(whole > 0, bits, ops.zeros_like(bits)) if self.keep_negative else ops.maximum(bits, 0.0)

    def max(self) -> float:
        """The magnitude of the widest range."""
        _, integer = self.exponents()
        return float(2.0 ** integer.max())

    def min(self) -> float:
        """-max(), or 0 without negatives."""
        return -self.max() if self.keep_negative else 0.0

    def exponents(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(fraction, integer) bits in whole numbers, those of elements without bits left out (where any has some)."""
        fraction, integer = self._settled("fraction"), self._settled("integer") if self.trained_range else None
        first = np.array([self.bits - self.integer - self.keep_negative], np.float32)
        f = np.rint(first if fraction is None else fraction).astype(np.int64).ravel()
        i = np.full_like(f, self.integer) if integer is None else np.rint(integer).astype(np.int64).ravel()
        live = f + i > 0
        return (f[live], i[live]) if live.any() else (np.zeros(1, np.int64), np.zeros(1, np.int64))

    def reach(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(the largest magnitude, the step) of each element, of the variables' shape; 0 and 1 without bits."""
        first = np.float32(self.bits - self.integer - self.keep_negative)
        told = self._settled("fraction"), self._settled("integer") if self.trained_range else None
        fraction = np.rint(first if told[0] is None else told[0]).astype(np.float64)
        tall = np.rint(self.integer if told[1] is None else told[1]).astype(np.float64)
        step, live = 2.0 ** -np.clip(fraction, _DEEPEST, _TALLEST), fraction + tall > 0
        peak = 2.0**tall if self.keep_negative else 2.0**tall - step
        return np.where(live, peak, 0.0), np.where(live, step, 1.0)

    def _base_grid(self) -> Grid:
        fraction, integer = self.exponents()
        step = Fraction(2) ** -int(fraction.max())
        top = int(Fraction(2) ** int(integer.max()) / step)
        return Grid(step, -top if self.keep_negative else 0, top - 1)

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        raw = self._variable("fraction", x)
        integer = self._variable("integer", x) if self.trained_range else None
        tall = ops.full_like(raw, float(self.integer)) if integer is None else integer
        value = _Format.of(raw, tall, self.keep_negative).value(ops.stop_gradient(x))
        return Parts(value, lambda x: _through(self.keep_negative, self.sampled)(x, raw, tall), x=x)


@public("bitwright.quantizers")
class trained_digits(TrainedWidths):
    """Weights as sums of a trained number of signed powers of two, per tensor, channel or element.

    Each digit is the power of two nearest to what the digits before it left over, so the sum is in the
    non-adjacent form, which has the fewest digits: an adder tree takes one operand for each. No digits make a 0.

    digits: where training starts. most: the greatest number. fraction: the finest power is 2^-fraction.
    integer: layers keep the weights within 2^integer.
    """

    shown, positional = 1, 1
    evenly_spaced = True

    def __init__(
        self, digits: float = 3, most: int = 4, fraction: int = 8, integer: int = 2, granularity: str = "element"
    ) -> None:
        if not 1 <= most <= 8:
            raise InvalidValue(f"most={most}", where="trained_digits", remedy="use 1 to 8 digits")
        self.digits, self.most = float(digits), int(most)
        self.fraction, self.integer = int(fraction), int(integer)
        self._setup(granularity, {"digits": self.digits})

    def max(self) -> float:
        """The bound of the weights."""
        return 2.0**self.integer

    def min(self) -> float:
        """-max()."""
        return -self.max()

    def counts(self, weights: Any) -> Any:
        """How many digits each weight takes, of the weights' shape; the gradient moves the trained numbers."""
        weights = ops.convert_to_tensor(weights)
        allowed = self._variable("digits", weights)
        used, live = self._expanded(ops.stop_gradient(weights), allowed)[1:3]
        return used + _moved(allowed, ops.cast(live, weights.dtype))

    def _base_grid(self) -> Grid:
        top = 1 << (self.integer + self.fraction + 1)
        return Grid(Fraction(1, 1 << self.fraction), -top, top)

    def _expanded(self, x: Any, allowed: Any) -> tuple[Any, Any, Any, Any]:
        """(value, digits used, whether a digit is used or somewhat allowed, the next digit) of each weight."""
        count = clip_code(_whole(allowed), 0.0, float(self.most))
        count = count + ops.zeros_like(x)
        value, used, after, rest = (ops.zeros_like(x), ops.zeros_like(x), ops.zeros_like(x), x)
        for place in range(self.most + 1):
            digit = self._nearest(rest)
            taken = count > place
            value = value + ops.where(taken, digit, 0.0)
            used = used + ops.cast(ops.logical_and(taken, digit != 0), x.dtype)
            after = ops.where(count == place, digit, after)
            rest = rest - digit
        # A weight without digits pays until it is allowed none at all, or the noise of training would revive it.
        return value, used, ops.logical_or(used > 0, allowed > 0.0), after

    def _nearest(self, x: Any) -> Any:
        """The signed power of two nearest to x (boundaries at 2/3 and 4/3 of it); 0 below the finest."""
        size = ops.abs(x) * 1.5
        exponent = exponent_floor(ops.maximum(size, 2.0**-60))
        digit = ops.where(exponent >= -self.fraction, power(exponent), 0.0)
        return ops.where(x < 0, -digit, digit)

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        allowed, still = self._variable("digits", x), ops.stop_gradient(x)
        value, _, _, after = self._expanded(still, allowed)
        return Parts(value, x + _moved(allowed, after))
