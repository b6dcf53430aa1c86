"""How many signed digits and bits quantized weights take, with gradients toward the widths that training moves."""

from __future__ import annotations

from typing import Any

from bitwright.train.door import ops
from bitwright.train.quantizers import trained_bits, trained_digits
from bitwright.train.quantizers.straight import exponent_floor, power

__all__ = ["bit_spans", "digit_counts"]

_MOST = 12
_DIGITS_PER_BIT = 0.4
"""One more fraction bit adds a third of a digit in the mean, and half a digit to short weights."""
_BITS_PER_DIGIT = 2.0


def digit_counts(quantizer: Any, weights: Any) -> Any:
    """Digits of the non-adjacent form of each quantized weight, of the weights' shape.

    `quantizer`: that of the weights (None: the weights are taken as they are). Gradients go to its trained widths
    alone: a digit for a digit, and the mean share of a digit for a bit.
    """
    if isinstance(quantizer, trained_digits):
        return quantizer.counts(weights)
    return _expanded(ops.stop_gradient(_value(quantizer, weights)))[0] + _toward(quantizer, weights, _DIGITS_PER_BIT)


def bit_spans(quantizer: Any, weights: Any) -> Any:
    """Bits from the first to the last nonzero one of each quantized weight: the width of a multiplier (EBOPs)."""
    span = _expanded(ops.stop_gradient(_value(quantizer, weights)))[1]
    if isinstance(quantizer, trained_digits):
        counts = quantizer.counts(weights)
        return span + (counts - ops.stop_gradient(counts)) * _BITS_PER_DIGIT
    return span + _toward(quantizer, weights, 1.0)


def _value(quantizer: Any, weights: Any) -> Any:
    tensor = ops.convert_to_tensor(weights)
    return tensor if quantizer is None else quantizer(tensor)


def _toward(quantizer: Any, weights: Any, slope: float) -> Any:
    """Zero, with a gradient of `slope` toward the bits of each weight that has any."""
    if not isinstance(quantizer, trained_bits):
        return 0.0
    bits = quantizer.widths() + ops.zeros_like(weights)
    return (bits - ops.stop_gradient(bits)) * slope


def _expanded(value: Any) -> tuple[Any, Any]:
    """(digits, bits from the first to the last) of dyadic values, both 0 for 0."""
    rest, used = value, ops.zeros_like(value)
    first, last = ops.zeros_like(value), ops.zeros_like(value)
    for place in range(_MOST):
        size = ops.abs(rest)
        live = size > 0
        exponent = exponent_floor(ops.maximum(size * 1.5, 2.0**-60))
        digit = ops.where(live, power(exponent), 0.0)
        used = used + ops.cast(live, value.dtype)
        first = ops.where(live, exponent, first) if place == 0 else first
        last = ops.where(live, exponent, last)
        rest = rest - ops.where(rest < 0, -digit, digit)
    return used, ops.where(used > 0, first - last + 1.0, 0.0)
