"""Integer sums: weights on one grid per output channel, biases inside them, and what is proven of them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import Inexact, Unsupported
from bitwright.frontends.grid.chains import dyadic_fraction
from bitwright.frontends.grid.walk import Walk
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense
from bitwright.numeric import IntArray

__all__ = ["input_steps", "integer_bias", "mantissa", "prove"]

_COARSE = 16


def input_steps(walk: Walk, source: int, codes: IntArray, name: str) -> tuple[IntArray, Fraction]:
    """Fold unequal steps of the input channels into the weights; returns them and the one step left."""
    step = walk.type(source).step
    if step.uniform is not None:
        return codes, step.uniform
    spatial = step.shape[:-1]
    if spatial != (1,) * len(spatial):
        raise Unsupported("its input's step changes over space", where=f"layer '{name}'", remedy="use one quantizer")
    common = step.finest
    factors = [f / common for f in step.array.ravel()]
    if max(f.numerator.bit_length() for f in factors) > 24:
        raise Unsupported(
            "its input channels have no common step", where=f"layer '{name}'",
            remedy="put bw.QActivation('quantized_bits(8,2,alpha=1)') before it, or use one scale for the sums there",
        )  # fmt: skip
    whole = np.array([int(f) for f in factors], dtype=np.int64)
    return codes * whole[:, None], common


def integer_bias(
    bias: NDArray[Any] | None, codes: IntArray, steps: list[Fraction]
) -> tuple[IntArray | None, IntArray, list[Fraction]]:
    """The bias as integers of the sum's step, refined by a few bits if that makes it exact; else None."""
    if bias is None:
        return np.zeros(len(steps), dtype=np.int64), codes, steps
    ratio = [Fraction(float(b)) / s for b, s in zip(bias.ravel(), steps, strict=True)]
    finest = max((r.denominator for r in ratio), default=1)
    dyadic = all(r.denominator & (r.denominator - 1) == 0 for r in ratio)
    if not dyadic or finest.bit_length() - 1 > _COARSE or dyadic_fraction(bias)[1] > 20:
        return None, codes, steps
    refine = [r.denominator for r in ratio] if len(set(steps)) > 1 else [finest] * len(ratio)
    whole = np.array([int(r * f) for r, f in zip(ratio, refine, strict=True)], dtype=np.int64)
    return whole, codes * np.array(refine), [s / f for s, f in zip(steps, refine, strict=True)]


def prove(walk: Walk, position: int, name: str) -> None:
    """Write down whether the float32 sum is exact; refuse sums that not even float64 holds."""
    node = walk.builder.nodes[position]
    op = node.op
    assert isinstance(op, Dense | Conv | ConvTranspose)
    source = walk.type(node.args[0])
    largest = source.largest
    columns = np.abs(op.weights.array).reshape(-1, op.weights.shape[-1]).sum(axis=0)
    reach = largest * int(columns.max(initial=0)) + int(np.abs(op.bias.array).max(initial=0))
    if reach >= 1 << 53:
        raise Inexact(f"a sum reaches 2**{reach.bit_length()}", where=f"layer '{name}'", remedy="use fewer bits")
    if not source.step.dyadic:
        walk.note(name, False, "the input's step is no power of two: a float32 sum rounds; the integers do not")
        return
    # A step takes its own bits of the mantissa: none where it is a power of two.
    widest = max(mantissa(v) for v in walk.type(position).step.array.ravel())
    if reach * widest < 1 << 24:
        bits = (reach * widest).bit_length()
        walk.note(name, True, f"every partial sum stays below 2**{bits} steps: exact in float32")
    elif widest > 1:
        walk.note(name, False, "the steps are no powers of two: a float32 sum rounds; the integers do not")
    else:
        why = f"sums reach 2**{reach.bit_length()} steps: read in and compared with the same layers in float64"
        walk.note(name, False, why, wide=True)


def mantissa(step: Fraction) -> int:
    """The odd part of a dyadic step's numerator: 1 for powers of two.

    >>> mantissa(Fraction(1, 8)), mantissa(Fraction(12))
    (1, 3)
    """
    return step.numerator // (step.numerator & -step.numerator)
