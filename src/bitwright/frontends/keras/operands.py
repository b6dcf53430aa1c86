"""Quantizers as operand types (`bitwright.ir.layers.Operand`), for cost models."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from keras import ops

from bitwright.core.rules import Rules
from bitwright.ir.layers import Mode, Operand
from bitwright.train import quantizers as q
from bitwright.train.quantizers.base import BaseQuantizer

__all__ = ["operand_of", "scale_exponents", "weight_operand"]

_typed: Rules[[], Operand] = Rules("operand type of a quantizer")


def operand_of(quantizer: Any) -> Operand | None:
    """The type of a quantizer's outputs; None for None and for functions that quantize nothing."""
    if not isinstance(quantizer, BaseQuantizer) or type(quantizer) not in _typed:
        return None
    return _typed(quantizer)


def weight_operand(quantizer: Any, values: Any, *, quantize: bool) -> Operand | None:
    """The type of a weight tensor: with the number of its values, and its power-of-two scale's exponents.

    quantize: the values are float weights, which the quantizer has still to see; else they count as they
    are, and a scale found from data is known only if the quantizer has been called.
    """
    operand = operand_of(quantizer)
    if operand is None:
        return None
    found = quantizer(ops.convert_to_tensor(values)) if quantize else values
    if operand.mode is Mode.POWER:
        return replace(operand, distinct=int(np.unique(np.asarray(ops.convert_to_numpy(found))).size))
    return replace(operand, scale=scale_exponents(quantizer))


def scale_exponents(quantizer: Any) -> tuple[int, int] | None:
    """The least and the greatest exponent of the power-of-two scale that a quantizer has found in data."""
    if getattr(quantizer, "alpha", None) != "auto_po2" or getattr(quantizer, "scale", None) is None:
        return None
    scale = np.asarray(ops.convert_to_numpy(quantizer.scale), np.float64)
    exponents = np.round(np.log2(np.maximum(scale, 2.0**-126)))
    return int(exponents.min()), int(exponents.max())


def _fixed(quantizer: Any, bits: int, int_bits: Any, signed: Any) -> Operand:
    """Fixed point; of integer bits that differ by channel, the most."""
    most = int_bits if isinstance(int_bits, int) else int(np.max(np.asarray(ops.convert_to_numpy(int_bits))))
    return Operand(type(quantizer).__name__, Mode.FIXED, int(bits), most, bool(signed))


@_typed.on(q.quantized_bits)
def _(quantizer: Any) -> Operand:
    return _fixed(quantizer, quantizer.bits, quantizer.integer, quantizer.keep_negative)


@_typed.on(q.quantized_relu)
def _(quantizer: Any) -> Operand:
    return _fixed(quantizer, quantizer.bits, quantizer.integer, quantizer.negative_slope != 0)


@_typed.on(q.quantized_tanh)
def _(quantizer: Any) -> Operand:
    """One bit before the point less than there is, as QTools has it."""
    return _fixed(quantizer, quantizer.bits, -1, True)


@_typed.on(q.quantized_sigmoid)
def _(quantizer: Any) -> Operand:
    return _fixed(quantizer, quantizer.bits, 0, False)


@_typed.on(q.quantized_ulaw)
def _(quantizer: Any) -> Operand:
    return _fixed(quantizer, quantizer.bits, quantizer.integer, True)


@_typed.on(q.quantized_linear)
def _(quantizer: Any) -> Operand:
    return _fixed(quantizer, quantizer.bits, quantizer.integer, quantizer.keep_negative)


@_typed.on(q.quantized_bits_learnable_po2, q.quantized_bits_msqe_po2)
def _(quantizer: Any) -> Operand:
    """Integers; the scale stands beside them."""
    return _fixed(quantizer, quantizer.bits, quantizer.bits - quantizer.keep_negative, quantizer.keep_negative)


@_typed.on(q.trained_bits)
def _(quantizer: Any) -> Operand:
    """Widths differ: the type that holds them all, as one multiplier or buffer for the tensor would."""
    fraction, integer = quantizer.exponents()
    finest, most, sign = int(fraction.max()), int(integer.max()), quantizer.keep_negative
    return _fixed(quantizer, max(finest + most + sign, 1), most, sign)


@_typed.on(q.trained_digits)
def _(quantizer: Any) -> Operand:
    return _fixed(quantizer, quantizer.integer + quantizer.fraction + 1, quantizer.integer, True)


@_typed.on(q.quantized_po2, q.quantized_relu_po2)
def _(quantizer: Any) -> Operand:
    limit = None if not quantizer.max_value else float(quantizer.max_value)
    signed = isinstance(quantizer, q.quantized_po2)
    return Operand(type(quantizer).__name__, Mode.POWER, quantizer.bits, quantizer.bits, signed, limit)


@_typed.on(q.binary)
def _(quantizer: Any) -> Operand:
    bit = bool(getattr(quantizer, "use_01", False))
    return Operand(type(quantizer).__name__, Mode.BIT if bit else Mode.SIGN, 1, 1, not bit)


@_typed.on(q.bernoulli)
def _(quantizer: Any) -> Operand:
    return Operand(type(quantizer).__name__, Mode.BIT, 1, 1, False)


@_typed.on(q.ternary)
def _(quantizer: Any) -> Operand:
    return Operand(type(quantizer).__name__, Mode.TERNARY, 2, 2, True)
