"""QKeras's functions beside its quantizers: stochastic rounding, scales, initializers, integer bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from bitwright.train.door import keras, ops
from bitwright.train.quantizers import straight
from bitwright.train.quantizers.straight import EPSILON, as_float, clip_code, exponent_floor, power, sign

__all__ = [
    "get_integer_bits",
    "get_quantized_initializer",
    "get_weight_scale",
    "stochastic_round",
    "stochastic_round_po2",
]

_VARIANCES = {"he": (2.0, "fan_in"), "lecun": (1.0, "fan_in"), "glorot": (1.0, "fan_avg")}


def stochastic_round(x: Any, precision: float = 0.5, seed: Any = None) -> Any:
    """`x` rounded at random to one of its neighboring multiples of `precision`, so that the mean is x.

    seed: a keras.random.SeedGenerator, which compiled code needs; None takes Keras's global one.
    """
    return straight.stochastic_round(as_float(x), seed, precision)


def stochastic_round_po2(x: Any, seed: Any = None) -> Any:
    """The sign of x times one of the two powers of two around |x|, drawn so that the mean is x.

    Magnitudes below 1e-7 count as that. seed: as in `stochastic_round`.
    """
    x = as_float(x)
    size = ops.maximum(ops.abs(x), EPSILON)
    floor = power(exponent_floor(size))
    chance = keras.random.uniform(ops.shape(x), dtype=x.dtype, seed=seed)
    return sign(x) * floor * ops.where(chance < size / floor - 1, ops.full_like(x, 2.0), ops.ones_like(x))


def get_weight_scale(quantizer: Any, x: Any = None) -> Any:
    """The quantizer's scale as a number or a numpy array, after it was called; 1.0 where it has none.

    x: taken for QKeras's sake.
    """
    scale = getattr(quantizer, "scale", None)
    if scale is None:
        return 1.0
    return np.asarray(ops.convert_to_numpy(scale)) if np.ndim(scale) else float(scale)


def get_quantized_initializer(w_initializer: Any, w_range: float) -> Any:
    """QKeras's rule for initial weights of a quantizer that reaches `w_range`.

    Names of variance-scaling initializers ("he_normal", "glorot_uniform", ...) become one whose variance
    is multiplied by w_range; "random_uniform" becomes uniform over [-w_range, w_range]; everything else
    is what keras.initializers.get makes of it.
    """
    if not isinstance(w_initializer, str):
        return keras.initializers.get(w_initializer)
    if w_initializer == "random_uniform":
        return keras.initializers.RandomUniform(-w_range, w_range)
    family, _, distribution = w_initializer.partition("_")
    if family not in _VARIANCES or distribution not in ("normal", "uniform"):
        return keras.initializers.get(w_initializer)
    scale, mode = _VARIANCES[family]
    shape = "truncated_normal" if distribution == "normal" else "uniform"
    return keras.initializers.VarianceScaling(scale * w_range, mode, shape)


def get_integer_bits(
    min_value: Any,
    max_value: Any,
    bits: int = 8,
    symmetric: bool = False,
    keep_negative: bool = False,
    is_clipping: bool = True,
) -> Any:
    """The integer bits, from 0 to bits - keep_negative, that a format needs for [min_value, max_value].

    Without is_clipping the format covers the whole interval; with it the ends are rounded to powers of
    two first, which may cut them off. Works on arrays, and under compilation; the result is float.
    symmetric and keep_negative are those of `quantized_bits`.
    """
    low, high = as_float(min_value), as_float(max_value)
    unsigned = bits - keep_negative
    top = _covering(high, unsigned, is_clipping, reached=False)
    if keep_negative:
        top = ops.maximum(top, _covering(-low, unsigned, is_clipping, reached=not symmetric))
    return clip_code(top, 0.0, float(unsigned))


def _covering(size: Any, bits: int, is_clipping: bool, reached: bool) -> Any:
    """The least n with size <= 2^n (`reached`), or <= 2^n - 2^(n - bits); or round(log2 size)."""
    safe = ops.maximum(size, EPSILON)
    if is_clipping:
        return straight.exact_exponent(safe)
    # The end itself times 2^-n, against what the format holds of 1: no logarithm decides it.
    limit = 1.0 if reached else 1.0 - 2.0**-bits
    floor = exponent_floor(safe)
    rest = safe / power(floor)
    return floor + ops.cast(rest > limit, safe.dtype) + ops.cast(rest > 2.0 * limit, safe.dtype)
