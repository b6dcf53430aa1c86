"""What multiplies, divides and adds two operands: the unit, its size, and the type of the result.

Source of every table: google/qkeras, qtools/quantized_operators, told in words in the functions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log10, sqrt

from bitwright.core.errors import Unsupported
from bitwright.cost.qtools.rulesets import LATEST, RuleSet, fixed, floating
from bitwright.ir.layers import Mode, Operand

__all__ = [
    "UnacceptedDivisor",
    "Unit",
    "accumulate",
    "add",
    "adjusted",
    "as_fixed",
    "bit_length",
    "divide",
    "multiply",
    "root",
]

_BINARIES = (Mode.SIGN, Mode.BIT)
_SELECTORS = (Mode.TERNARY, *_BINARIES)


class UnacceptedDivisor(Unsupported, ValueError):
    """A variance in binary or ternary cannot be divided by."""


@dataclass(frozen=True)
class Unit:
    """One arithmetic unit.

    op: "mul", "shifter", "mux", "xor", "and" or "add". result: the type of what comes out. bits: the size
    on which its energy counts; factor: by how much.
    """

    op: str
    result: Operand
    bits: float
    factor: float = 1.0

    def giving(self, result: Operand) -> Unit:
        """The same unit, its result declared to be of another type."""
        return replace(self, result=result)


def bit_length(count: int) -> int:
    """How many more bits a sum of `count` terms needs: the logarithm, rounded up.

    >>> [bit_length(n) for n in (1, 2, 3, 64, 65)]
    [0, 1, 2, 6, 7]
    """
    return max(count - 1, 0).bit_length()


def as_fixed(operand: Operand) -> Operand:
    """A power of two as the fixed-point number that holds all its values; others as they are."""
    if operand.mode is not Mode.POWER:
        return operand
    least, greatest = operand.exponents
    return fixed(greatest - least + operand.signed, greatest, operand.signed)


def multiply(weight: Operand, value: Operand, rules: RuleSet = LATEST) -> Unit:
    """What multiplies a `value` by a `weight`."""
    modes = (weight.mode, value.mode)
    if Mode.FLOAT in modes:
        return _float_multiply(weight, value)
    if Mode.BIT in modes:
        return _and(weight, value)
    if modes == (Mode.SIGN, Mode.SIGN):
        return Unit("xor", _one_of(weight, "binary"), 1, 0.3)
    if weight.kind == "stochastic_binary" and not rules.stochastic_binary_as_binary:
        return Unit("mux", fixed(1, 0, True), 1, 0.6)
    if weight.mode in _SELECTORS or value.mode in _SELECTORS:
        return _mux(weight, value)
    if modes == (Mode.POWER, Mode.POWER):
        tops = (weight.max_value, value.max_value)
        return _add_exponents(weight, value, None if tops[0] is None or tops[1] is None else tops[0] * tops[1])
    if Mode.POWER in modes:
        power, other = (weight, value) if weight.mode is Mode.POWER else (value, weight)
        least, greatest = power.exponents
        return _shift(power, other, greatest, -least)
    return _fixed_multiply(weight, value, rules)


def _float_multiply(a: Operand, b: Operand) -> Unit:
    bits = max(x.bits for x in (a, b) if x.mode is Mode.FLOAT)
    return Unit("mul", floating(bits), bits)


def _fixed_multiply(a: Operand, b: Operand, rules: RuleSet) -> Unit:
    """Integer and fraction bits add up; of two signs one is left, by the latest rules."""
    signed = a.signed or b.signed
    int_bits = a.int_bits + b.int_bits
    bits = a.bits + b.bits
    if rules.merged_signs:
        bits = int_bits + a.fraction_bits + b.fraction_bits + signed
    return Unit("mul", fixed(bits, int_bits, signed), sqrt(a.bits * b.bits))


def _and(weight: Operand, value: Operand) -> Unit:
    """A bit lets the other operand through: an and gate per bit, at 0.1 of an adder."""
    if weight.mode is value.mode:
        result = _one_of(weight, "binary")
    else:
        gate, other = (weight, value) if weight.mode is Mode.BIT else (value, weight)
        result = _ternary() if other.mode in _SELECTORS else _through(other, other.signed)
        if weight.kind == "bernoulli" and other.mode not in _SELECTORS:
            # QKeras takes over the weight's own integer bits here.
            result = replace(result, int_bits=gate.int_bits)
    return Unit("and", result, result.bits, 0.1)


def _mux(weight: Operand, value: Operand) -> Unit:
    """A sign or a ternary digit selects among the other operand's multiples; the result needs a sign."""
    selector, other = (weight, value) if weight.mode in _SELECTORS else (value, weight)
    # QKeras knows the cheaper selection for any binary weight, but for an input only by the name "binary".
    cheap = selector.mode is Mode.SIGN and (selector is weight or selector.kind == "binary")
    factor = 0.3 if cheap else 0.6
    if other.mode in _SELECTORS:
        return Unit("mux", replace(_ternary(), bits=other.bits, int_bits=other.int_bits), other.bits, factor)
    grown = _through(other, True)
    return Unit("mux", replace(grown, bits=other.bits + (not other.signed)), other.bits, factor)


def _through(operand: Operand, signed: bool) -> Operand:
    if operand.mode is Mode.POWER:
        return _power(operand.bits + (signed and not operand.signed), signed, operand.max_value)
    return fixed(operand.bits, operand.int_bits, signed)


def _power(bits: int, signed: bool, max_value: float | None) -> Operand:
    kind = "quantized_po2" if signed else "quantized_relu_po2"
    return Operand(kind, Mode.POWER, bits, bits, signed, max_value)


def _one_of(operand: Operand, kind: str) -> Operand:
    return Operand(kind, operand.mode, 1, 1, operand.signed)


def _ternary() -> Operand:
    return Operand("ternary", Mode.TERNARY, 2, 2, True)


def _add_exponents(a: Operand, b: Operand, max_value: float | None) -> Unit:
    bits = max(a.bits, b.bits) + 1
    return Unit("add", _power(bits, a.signed or b.signed, max_value), bits)


def _shift(power: Operand, other: Operand, left: int, right: int) -> Unit:
    """A barrel shifter that moves `other` up to `left` places up and `right` places down.

    Its size B log10(B) with B = sqrt(2^(bits of the power) * bits); where the values of trained
    weights are known, fixed shifts: 0.3 of an adder of the other's size for each of them.
    """
    signed = power.signed or other.signed
    int_bits = other.int_bits + left
    result = fixed(int_bits + other.fraction_bits + right + signed, int_bits, signed)
    if power.distinct:
        return Unit("shifter", result, other.bits, 0.3 * power.distinct)
    size = sqrt((1 << power.bits) * other.bits)
    return Unit("shifter", result, size * log10(size))


def divide(numerator: Operand, denominator: Operand) -> Unit:
    """What divides: a shifter or a subtraction of exponents for powers of two, else floating point."""
    if denominator.mode in _SELECTORS:
        raise UnacceptedDivisor(
            f"{denominator.kind} as a divisor",
            where="batch normalization",
            remedy="quantize the variance with quantized_bits or a power of two",
        )
    if Mode.FLOAT in (numerator.mode, denominator.mode):
        return _float_multiply(numerator, denominator)
    if denominator.mode is not Mode.POWER:
        return Unit("mul", floating(32), 32)
    least, greatest = denominator.exponents
    if numerator.mode is not Mode.POWER:
        return _shift(denominator, numerator, -least, greatest)
    return _subtract_exponents(numerator, denominator)


def root(variance: Operand) -> Operand:
    """The type of a standard deviation: of a power of two, half the exponents; else the same."""
    if variance.mode is not Mode.POWER:
        return variance
    bits = max(variance.bits - 1, 1)
    top = None if variance.max_value is None else float(round(sqrt(variance.max_value)))
    return replace(variance, bits=bits, int_bits=bits, max_value=top)


def _subtract_exponents(numerator: Operand, denominator: Operand) -> Unit:
    """The difference of two exponents, as wide as their sum; QKeras always gives the quotient a sign."""
    top, below = numerator.max_value, denominator.max_value
    unit = _add_exponents(numerator, denominator, None if top is None or below is None else top / below)
    unit = unit.giving(replace(unit.result, kind="quantized_po2", signed=True))
    if numerator.distinct and denominator.distinct:
        return unit.giving(replace(unit.result, distinct=numerator.distinct * denominator.distinct))
    return unit


def add(a: Operand, b: Operand) -> Unit:
    """An adder: one more integer bit than the larger operand, the finer fraction of both."""
    if Mode.FLOAT in (a.mode, b.mode):
        bits = max(x.bits for x in (a, b) if x.mode is Mode.FLOAT)
        return Unit("add", floating(bits), bits)
    a, b = as_fixed(a), as_fixed(b)
    signed = a.signed or b.signed
    int_bits = max(a.int_bits, b.int_bits) + 1
    bits = int_bits + max(a.fraction_bits, b.fraction_bits) + signed
    return Unit("add", fixed(bits, int_bits, signed), bits)


def accumulate(product: Operand, terms: int) -> Unit:
    """An accumulator of `terms` products: as many integer bits more as their sum can need."""
    if product.mode is Mode.FLOAT:
        return Unit("add", product, product.bits)
    held, more = as_fixed(product), bit_length(terms)
    result = fixed(held.bits + more, held.int_bits + more, held.signed)
    return Unit("add", result, result.bits)


def adjusted(product: Operand, scale: tuple[int, int] | None) -> Operand:
    """A product whose weights carry a power-of-two scale between these exponents: wider by their spread."""
    if scale is None or product.mode is Mode.FLOAT:
        return product
    least, greatest = scale
    return replace(product, bits=product.bits + greatest - least, int_bits=product.int_bits + greatest)
