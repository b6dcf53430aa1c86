"""Scales of quantizers: the argument `alpha`, and the scales found from the data ("auto").

Semantics: google/qkeras, quantizers.py (`_get_least_squares_scale` and its callers).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.quantizers.grid import power_of_two
from bitwright.train.quantizers.straight import EPSILON, clip_code, exact_exponent, is_concrete, power

__all__ = ["Groups", "constant", "is_auto", "is_scalar", "least_squares", "read_alpha", "settled", "to_power"]

Alpha = Any
"""None, a number, an array, "auto" or "auto_po2"."""


def read_alpha(alpha: Alpha, where: str) -> Alpha:
    """`alpha` checked: None, "auto", "auto_po2", a float, or a float32 array."""
    if alpha is None:
        return None
    if isinstance(alpha, str):
        if alpha in ("auto", "auto_po2"):
            return alpha
        raise InvalidValue(
            f"alpha={alpha!r} is unknown", where=where, remedy='use None, a number, "auto" or "auto_po2"'
        )
    array = np.asarray(ops.convert_to_numpy(alpha), np.float32)
    if not np.all(np.isfinite(array)):
        raise InvalidValue("alpha is not finite", where=where, remedy="give finite numbers")
    return float(alpha) if array.ndim == 0 and not isinstance(alpha, np.ndarray) else array


def is_auto(alpha: Alpha) -> bool:
    """Whether the scale is found from the data."""
    return isinstance(alpha, str)


def is_scalar(alpha: Alpha) -> bool:
    """Whether the scale is one known number (None counts as 1)."""
    return alpha is None or (not is_auto(alpha) and np.ndim(alpha) == 0)


def constant(alpha: Alpha, dtype: Any) -> tuple[Any, bool]:
    """A fixed alpha as a tensor (None stays None), and whether it holds only powers of two."""
    if alpha is None:
        return None, True
    array = np.asarray(alpha, np.float32)
    dyadic = all(power_of_two(Fraction(float(value))) for value in array.ravel())
    return ops.cast(ops.convert_to_tensor(array), dtype), dyadic


@dataclass(frozen=True)
class Groups:
    """Which elements of a tensor share one scale.

    `axes` are the axes along which scales differ (None: the last, in QKeras's words per channel);
    `sizes` how many neighbors along each of them still share one (None: one scale per index).
    """

    axes: int | Sequence[int] | None = None
    sizes: int | Sequence[int] | None = None

    def reduce(self, reduction: Callable[..., Any], x: Any) -> Any:
        """`reduction` over each group, shaped to broadcast against `x`."""
        axes = self._kept(x)
        if self.sizes is None:
            return reduction(x, axis=[a for a in range(len(x.shape)) if a not in axes], keepdims=True)
        shape, reduced = list[int](), list[int]()
        sizes = self._sizes(len(axes))
        for axis, length in enumerate(x.shape):
            if axis in axes:
                size = sizes[axes.index(axis)]
                self._check(axis, length, size)
                shape += [length // size, size]
            else:
                shape.append(length)
            reduced.append(len(shape) - 1)
        found = reduction(ops.reshape(x, shape), axis=reduced, keepdims=False)
        group_counts = [n // sizes[axes.index(a)] if a in axes else 1 for a, n in enumerate(x.shape)]
        found = ops.reshape(found, group_counts)
        for axis, size in zip(axes, sizes, strict=True):
            found = ops.repeat(found, size, axis=axis)
        return found

    def count(self, x: Any) -> Any:
        """How many elements each group has: a number where the shape tells it."""
        if self.sizes is None and all(isinstance(n, int) for n in x.shape):
            kept = self._kept(x)
            return float(prod(n for a, n in enumerate(x.shape) if a not in kept))
        return self.reduce(ops.sum, ops.ones_like(x))

    def _kept(self, x: Any) -> list[int]:
        rank = len(x.shape)
        if self.axes is None:
            first = keras.config.image_data_format() == "channels_first"
            return [0 if first else rank - 1]
        axes = [self.axes] if isinstance(self.axes, int) else list(self.axes)
        if any(not -rank <= axis < rank for axis in axes):
            raise InvalidValue(f"scale_axis {self.axes} does not exist", why=f"the tensor has {rank} axes")
        return sorted(axis % rank for axis in axes)

    def _sizes(self, count: int) -> list[int]:
        sizes = [self.sizes] * count if isinstance(self.sizes, int) else list(self.sizes or ())
        if len(sizes) != count:
            raise InvalidValue("elements_per_scale needs one entry for each scale_axis")
        return sizes

    def _check(self, axis: int, length: int, size: int) -> None:
        if length % size:
            raise InvalidValue(
                f"axis {axis} of {length} elements cannot be cut into groups of {size}",
                where="elements_per_scale",
                remedy="choose a divisor of its length",
            )


def least_squares(x: Any, q: Any, groups: Groups, ordered: bool = True) -> Any:
    """The scale s that minimizes |x - s q|^2 in each group; for vectors, in each element.

    `ordered` fixes the order of the additions, so that every backend, eager or compiled, finds the
    same bits; a scale that is rounded to a power of two afterwards does not need it.
    """
    if len(x.shape) <= 1:
        return x * q / (q * q + EPSILON)
    total = _ordered_sum if ordered else ops.sum
    count = groups.count(x)
    # A quotient of sums: of means, each would divide by a constant, which compilers turn into products.
    return groups.reduce(total, x * q) / (groups.reduce(total, q * q) + EPSILON * count)


def _ordered_sum(x: Any, axis: Sequence[int], keepdims: bool) -> Any:
    kept = [a for a in range(len(x.shape)) if a not in axis]
    flat = ops.reshape(ops.transpose(x, [*kept, *axis]), [*(x.shape[a] for a in kept), -1])
    missing = (1 << (flat.shape[-1] - 1).bit_length()) - flat.shape[-1]
    flat = ops.pad(flat, [(0, 0)] * len(kept) + [(0, missing)])
    while (half := flat.shape[-1] // 2) > 0:
        flat = flat[..., :half] + flat[..., half:]
    shape = [1 if a in axis else n for a, n in enumerate(x.shape)] if keepdims else [x.shape[a] for a in kept]
    return ops.reshape(flat, shape)


def to_power(scale: Any, low: int | None = None, high: int | None = None) -> Any:
    """The nearest power of two of `scale` >= 0, its exponent limited to [low, high]."""
    exponent = exact_exponent(scale + EPSILON)
    if low is not None or high is not None:
        exponent = clip_code(exponent, -126 if low is None else low, 127 if high is None else high)
    return power(exponent)


def settled(
    refine: Callable[[Any], tuple[Any, ...]],
    first: tuple[Any, ...],
    rounds: int,
    rounded: Callable[[Any], Any] = lambda scale: scale,
) -> tuple[Any, ...]:
    """`rounds` times `state = refine(rounded(state[0]))` from `first`; then the state with its scale rounded.

    Later rounds are left out once a round does not move the rounded scale, for they would not either. A loop, not its
    rounds in a row: a compiler then sees one of them.
    """

    def still(before: Any, after: Any) -> Any:
        return ops.all(rounded(before) == rounded(after))

    def once(count: Any, scale: Any, *_: Any) -> tuple[Any, ...]:
        state = refine(rounded(scale))
        return ops.where(still(scale, state[0]), rounds, count + 1), *state

    if not is_concrete(first[0]) and keras.backend.backend() in ("jax", "tensorflow"):
        state = ops.while_loop(lambda count, *_: count < rounds, once, (0, *first))[1:]
    else:
        state = first
        for _ in range(rounds):
            before, state = state[0], refine(rounded(state[0]))
            if not is_concrete(before) or bool(still(before, state[0])):
                break  # Torch asks for shapes with tensors that hold no numbers: one round tells those.
    return rounded(state[0]), *state[1:]
