"""Tensor helpers that quantizers share: the straight-through step, rounding, signs, powers of two.

All of them compute the same bits on every backend, eager or compiled: no transcendental function
decides a code, and no product is left for a compiler to contract into a fused multiply-add.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import numpy as np

from bitwright.train.door import keras, ops

__all__ = [
    "EPSILON",
    "HIGHEST",
    "LOWEST",
    "as_float",
    "at_once",
    "clip_code",
    "exact_exponent",
    "exponent_floor",
    "inside",
    "inverse",
    "is_concrete",
    "positive",
    "power",
    "quotient",
    "round_code",
    "round_power",
    "rounded_and_clipped",
    "sign",
    "stochastic_round",
    "straight",
    "takes_gradient",
]

EPSILON = 1e-7
"""What QKeras (as Keras) adds so that nothing is divided by zero."""
LOWEST, HIGHEST = -126, 127
"""The exponents of normal float32 numbers."""
_MANTISSA, _BIAS = 23, 127
# Added to a float's bits, it carries into the exponent where the mantissa exceeds that of the root of two.
_CARRY = (1 << _MANTISSA) - 1 - (int(np.sqrt(np.float32(2)).view(np.int32)) & ((1 << _MANTISSA) - 1))


def as_float(x: Any) -> Any:
    """`x` as a floating-point tensor (integers become the default float type)."""
    tensor = ops.convert_to_tensor(x)
    kind = keras.backend.standardize_dtype(tensor.dtype)
    return tensor if kind.startswith(("float", "bfloat")) else ops.cast(tensor, keras.config.floatx())


def is_concrete(tensor: Any) -> bool:
    """Whether `tensor` holds numbers now, rather than standing for those of a later, compiled run."""
    if isinstance(tensor, keras.KerasTensor):
        return False
    match keras.backend.backend():
        case "jax":
            from jax.core import Tracer

            return not isinstance(tensor, Tracer)
        case "tensorflow":
            return hasattr(tensor, "numpy")
        case _:
            return getattr(getattr(tensor, "device", None), "type", "cpu") != "meta"


def takes_gradient(tensor: Any) -> bool:
    """Whether a gradient may be asked of `tensor` later. JAX finds gradients by tracing, so numbers take none there."""
    return keras.backend.backend() != "jax" or not is_concrete(tensor)


def at_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function(tensor, *more)`, as one operation where JAX, called eagerly, would compile each of its steps.

    `more` are tensors and numbers. Only for functions that give the same bits however they are compiled:
    those that compare, choose, move bits, and multiply by powers of two.
    """

    @cache
    def compiled() -> Callable[..., Any]:
        import jax

        return jax.jit(function)

    @wraps(function)
    def call(tensor: Any, *more: Any) -> Any:
        if keras.backend.backend() != "jax" or not all(map(_settled, (tensor, *more))):
            return function(tensor, *more)
        # Numbers are arguments of the compiled operation, not part of it: it serves all of them.
        return compiled()(tensor, *(float(a) if isinstance(a, int | float) else a for a in more))

    return call


def _settled(argument: Any) -> bool:
    """Whether `argument` is a number, or a float32 array of JAX that no trace stands for."""
    if isinstance(argument, int | float):
        return True
    import jax

    return isinstance(argument, jax.Array) and argument.dtype == np.float32 and is_concrete(argument)


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
    through = ops.convert_to_tensor(through)
    value = _shaped_like(ops.convert_to_tensor(value), through)
    return _value_of_first(value, through) if takes_gradient(through) else value


@at_once
def _shaped_like(value: Any, like: Any) -> Any:
    """`value` without negative zeros, in the shape and type of `like`."""
    value = ops.stop_gradient(value)
    value = ops.where(value == 0, ops.zeros_like(value), value)
    if tuple(value.shape) != tuple(like.shape):
        value = ops.broadcast_to(value, ops.shape(like))
    return ops.cast(value, like.dtype)


@at_once
def sign(x: Any) -> Any:
    """+1 or -1, where zero counts as positive."""
    return ops.where(x >= 0, ops.ones_like(x), -ops.ones_like(x))


@at_once
def clip_code(x: Any, low: float, high: float) -> Any:
    """`x` limited to [low, high]."""
    return ops.minimum(ops.maximum(x, low), high)


@at_once
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


@at_once
def rounded_and_clipped(x: Any, levels: float, low: float, high: float, step: float) -> Any:
    """Round x * levels half to even, limit it to [low, high], multiply by step; levels and step are powers of two."""
    return ops.minimum(ops.maximum(ops.round(x * levels), low), high) * step


@at_once
def positive(scale: Any) -> Any:
    """`scale` with its zeros replaced by one, to divide by."""
    return ops.where(scale == 0, ops.ones_like(scale), scale)


@at_once
def quotient(x: Any, y: Any) -> Any:
    """x / y, rounded as a quotient even where y is a constant or broadcasts against x.

    Compilers multiply by the reciprocal there, which moves elements that lie on a tie or on an end.
    """
    return x / ops.where(x == x, y, ops.ones_like(y))


@at_once
def power(exponent: Any) -> Any:
    """2^exponent for integral float exponents in [-126, 127], exact on every backend."""
    biased = ops.cast(clip_code(ops.stop_gradient(exponent), LOWEST, HIGHEST), "int32") + _BIAS
    return ops.cast(ops.view(ops.left_shift(biased, _MANTISSA), dtype="float32"), exponent.dtype)


@at_once
def inverse(power: Any) -> Any:
    """1 / power for powers of two in [2^-126, 2^126], without a division."""
    return ops.cast(ops.view(((2 * _BIAS) << _MANTISSA) - _pattern(power), dtype="float32"), power.dtype)


@at_once
def exponent_floor(x: Any) -> Any:
    """floor(log2 x) for normal x > 0, exact: the exponent field of the float."""
    return ops.cast(ops.right_shift(_pattern(x), _MANTISSA) - _BIAS, x.dtype)


@at_once
def exact_exponent(x: Any) -> Any:
    """round(log2 x) for normal x > 0, exact: up from the float nearest to the square root of two."""
    return ops.cast(ops.right_shift(_pattern(x) + _CARRY, _MANTISSA) - _BIAS, x.dtype)


def _pattern(x: Any) -> Any:
    """The bits of a float32 as an int32: no logarithm, which backends round differently, and no table."""
    return ops.view(ops.cast(ops.stop_gradient(x), "float32"), dtype="int32")


def round_power(x: Any) -> Any:
    """The power of two nearest to x > 0 on a logarithmic scale."""
    return power(exact_exponent(x))
