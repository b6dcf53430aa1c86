"""Tensor helpers that quantizers share: the straight-through step, rounding, signs, powers of two.

All of them compute the same bits on every backend, eager or compiled: no transcendental function
decides a code, and no product is left for a compiler to contract into a fused multiply-add.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bitwright.train.door import keras, ops

__all__ = [
    "as_float",
    "clip_code",
    "exact_exponent",
    "exponent_floor",
    "inside",
    "positive",
    "power",
    "round_code",
    "round_power",
    "sign",
    "stochastic_round",
    "straight",
]

EPSILON = 1e-7
_LOWEST, _HIGHEST = -126, 127
_POWERS = np.ldexp(np.float32(1), np.arange(_LOWEST, _HIGHEST + 1)).astype(np.float32)
_ROOT_TWO = float(np.float32(2.0) ** np.float32(0.5))


def as_float(x: Any) -> Any:
    """`x` as a floating-point tensor (integers become the default float type)."""
    tensor = ops.convert_to_tensor(x)
    kind = keras.backend.standardize_dtype(tensor.dtype)
    return tensor if kind.startswith(("float", "bfloat")) else ops.cast(tensor, keras.config.floatx())


@ops.custom_gradient
def _value_of_first(value: Any, through: Any) -> Any:
    def gradient(*upstream_args: Any, upstream: Any = None) -> tuple[Any, Any]:
        flow = upstream_args[0] if upstream is None else upstream
        return ops.zeros_like(flow), flow

    return value, gradient


def straight(value: Any, through: Any) -> Any:
    """`value` forward, exactly; the gradient of `through` backward. Both have one shape.

    This is `stop_gradient(value) + (through - stop_gradient(through))` without its arithmetic: where
    `through` is itself a product, a compiler may fuse that difference into a residue that is not 0.
    """
    value, through = ops.stop_gradient(value), ops.convert_to_tensor(through)
    value = ops.where(value == 0, ops.zeros_like(value), value)  # never -0.0
    shape = ops.shape(through)
    if tuple(value.shape) != tuple(through.shape):
        value = ops.broadcast_to(value, shape)
    return _value_of_first(ops.cast(value, through.dtype), through)


def sign(x: Any) -> Any:
    """+1 or -1, where zero counts as positive."""
    return ops.where(x >= 0, ops.ones_like(x), -ops.ones_like(x))


def clip_code(x: Any, low: float, high: float) -> Any:
    """`x` limited to [low, high]."""
    return ops.minimum(ops.maximum(x, low), high)


def inside(x: Any, low: float, high: float) -> Any:
    """1 where low <= x <= high and 0 elsewhere: the gradient of a clip, bounds included."""
    return ops.cast(ops.logical_and(x >= low, x <= high), x.dtype)


def stochastic_round(x: Any, seed: Any, precision: float = 1.0) -> Any:
    """Round to a neighboring multiple of `precision` at random, so that the mean is `x`."""
    scaled = x / precision
    floor = ops.floor(scaled)
    chance = keras.random.uniform(ops.shape(x), dtype=x.dtype, seed=seed)
    return ops.where(scaled - floor < chance, floor, ops.ceil(scaled)) * precision


def round_code(x: Any, seed: Any = None, precision: float = 1.0) -> Any:
    """Round half to even; or, given a seed generator, stochastically to multiples of `precision`."""
    return ops.round(x) if seed is None else stochastic_round(x, seed, precision)


def positive(scale: Any) -> Any:
    """`scale` with its zeros replaced by one, to divide by."""
    return ops.where(scale == 0, ops.ones_like(scale), scale)


def power(exponent: Any) -> Any:
    """2^exponent for integral float exponents in [-126, 127], exact on every backend."""
    index = ops.cast(clip_code(exponent, _LOWEST, _HIGHEST) - _LOWEST, "int32")
    return ops.cast(ops.take(ops.convert_to_tensor(_POWERS), index, axis=0), exponent.dtype)


def exponent_floor(x: Any) -> Any:
    """floor(log2 x) for normal x > 0, exact: the approximate logarithm is corrected by comparison."""
    guess = ops.floor(ops.log2(x))
    guess = clip_code(guess, _LOWEST, _HIGHEST)
    guess = guess - ops.cast(x < power(guess), x.dtype)
    return guess + ops.cast(x >= 2 * power(guess), x.dtype)


def exact_exponent(x: Any) -> Any:
    """round(log2 x) for normal x > 0, exact: up from the float nearest to the square root of two."""
    floor = exponent_floor(x)
    return floor + ops.cast(x > power(floor) * _ROOT_TWO, x.dtype)


def round_power(x: Any) -> Any:
    """The power of two nearest to x > 0 on a logarithmic scale."""
    return power(exact_exponent(x))
