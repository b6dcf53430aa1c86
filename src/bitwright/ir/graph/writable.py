"""Layers whose numbers may change while the hardware runs: what they may become, and what follows for ranges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bitwright.core.errors import InvalidProgram, InvalidValue
from bitwright.ir.graph.ops import Conv, Dense, Writable
from bitwright.ir.graph.types import TensorType
from bitwright.numeric import IntArray, Ints
from bitwright.numeric.interval import refuse_beyond

__all__ = ["any_weights", "check_numbers", "declared", "with_numbers"]


def any_weights(
    op: Dense | Conv, given: TensorType, told: Writable, summed: Callable[[IntArray], IntArray]
) -> tuple[IntArray, IntArray]:
    """The range of `op` for all weights and biases that `told` allows; `summed` adds up an input's products.

    The extremes of a product lie where both factors are extreme, and each weight takes its own.
    """
    check_numbers(op, told)
    refuse_beyond(given.largest * max(-told.low, told.high, 1) * op.weights.array[..., 0].size)
    corners = [end * weight for end in given.bounds() for weight in (told.low, told.high)]
    low, high = summed(np.minimum.reduce(corners)), summed(np.maximum.reduce(corners))
    return low + told.bias_low, high + told.bias_high


def check_numbers(op: Dense | Conv, told: Writable) -> None:
    """Raise `InvalidProgram` where the numbers of `op` are none that `told` allows."""
    weights, bias = op.weights.array, op.bias.array
    if told.grid < 1 or told.low > told.high or (told.high - told.low) % told.grid or told.bias_low > told.bias_high:
        raise InvalidProgram(f"{told} allows nothing", where=type(op).__name__)
    if bias.shape != weights.shape[-1:]:
        raise InvalidProgram(f"bias {bias.shape} for weights {weights.shape}", where=type(op).__name__)
    outside = (weights < told.low) | (weights > told.high) | ((weights - told.low) % told.grid != 0)
    if outside.any():
        least, most = int(weights.min()), int(weights.max())
        steps = f" in steps of {told.grid}" if told.grid > 1 else ""
        raise InvalidProgram(
            f"{int(outside.sum())} weights leave {told.low}..{told.high}{steps}", where=type(op).__name__,
            why=f"they go from {least} to {most}", remedy="declare a wider format for the layer",
        )  # fmt: skip
    if ((bias < told.bias_low) | (bias > told.bias_high)).any():
        raise InvalidProgram(
            f"biases from {int(bias.min())} to {int(bias.max())} leave {told.bias_low}..{told.bias_high}",
            where=type(op).__name__, remedy="declare more bits for the bias",
        )  # fmt: skip


def declared(op: Dense | Conv, bits: int | None = None, bias_bits: int | None = None) -> Dense | Conv:
    """`op` with weights of `bits` bits and biases of `bias_bits`, both signed, that may change.

    Weights count in units of the largest power of two that divides all of them, biases in units of the sum. None: as
    many bits as the numbers that are there need; two values -a and a stay two values. Biases have a bit to spare then.
    Raises `InvalidValue` where the numbers need more.
    """
    weights, bias = op.weights.array, op.bias.array
    joined = int(np.bitwise_or.reduce(np.abs(weights), axis=None))
    grid = joined & -joined or 1
    codes = weights // grid
    low, high, step = -1, 1, 2
    if bits is not None or not np.isin(codes, (-1, 1)).all():
        low, high = _signed(codes, bits, "weights")
        step = 1
    least, most = (0, 0) if not bias.any() and bias_bits is None else _signed(bias, bias_bits, "bias", spare=1)
    return replace(op, writable=Writable(low * grid, high * grid, step * grid, least, most))


def _signed(codes: IntArray, bits: int | None, what: str, spare: int = 0) -> tuple[int, int]:
    """The range of a two's complement number that holds `codes`."""
    needed = 1 + max(int(codes.max(initial=0)).bit_length(), int(~codes.min(initial=0)).bit_length())
    if bits is not None and needed > bits:
        raise InvalidValue(f"{what} of {needed} bits where {bits} are declared", remedy=f"declare {needed} or more")
    width = needed + spare if bits is None else bits
    return -(1 << width - 1), (1 << width - 1) - 1


def with_numbers(op: Dense | Conv, weights: IntArray | None, bias: IntArray | None) -> Dense | Conv:
    """`op` with other numbers; raises `InvalidValue` or `InvalidProgram` where it does not allow them."""
    if op.writable is None:
        raise InvalidValue("its numbers are fixed", remedy="name it in `writable`")
    told = {"weights": weights, "bias": bias}
    for name, array in told.items():
        shape = getattr(op, name).shape
        if array is not None and (array.shape != shape or array.dtype.kind not in "iu"):
            raise InvalidValue(
                f"{name} {array.dtype}{list(array.shape)} instead of int64{list(shape)}", remedy="give integer codes"
            )
    made = replace(op, **{name: Ints(array) for name, array in told.items() if array is not None})
    check_numbers(made, op.writable)
    return made
