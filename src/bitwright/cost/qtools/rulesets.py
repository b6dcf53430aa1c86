"""What differs between the revisions of QTools, and between copying it and completing it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from bitwright.core.errors import InvalidValue
from bitwright.ir.layers import Mode, Operand

__all__ = [
    "DEFAULT",
    "KNOWN_KINDS",
    "LATEST",
    "MISREAD_KINDS",
    "PAPER",
    "Coverage",
    "CoverageWord",
    "RuleSet",
    "RuleWord",
    "coverage_of",
    "fixed",
    "floating",
    "named_operand",
    "rules_of",
]


@dataclass(frozen=True)
class RuleSet:
    """The three rules that changed between February 2021 and the last commit of google/qkeras.

    merged_signs: the product of two signed numbers has one sign bit, not two. bias_by_adder: a bias is
    added by an adder where there is one, instead of counting as one more term everywhere.
    stochastic_binary_as_binary: such a weight selects its operand, instead of costing 0.6 of a
    one-bit selection whose result has one bit.
    """

    name: str
    merged_signs: bool
    bias_by_adder: bool
    stochastic_binary_as_binary: bool


LATEST = RuleSet("latest", merged_signs=True, bias_by_adder=True, stochastic_binary_as_binary=True)
PAPER = RuleSet("2021", merged_signs=False, bias_by_adder=False, stochastic_binary_as_binary=False)
"""As of 2021-02-08, with which Nature Machine Intelligence 3, 675 (arXiv:2006.10159) was computed."""

RuleWord = Literal["2021", "latest"]


def rules_of(rules: RuleWord | RuleSet) -> RuleSet:
    """The rule set called "2021" or "latest"."""
    if isinstance(rules, RuleSet):
        return rules
    for known in (LATEST, PAPER):
        if rules == known.name:
            return known
    raise InvalidValue(f"rules={rules!r}", where="QTools", remedy='use "latest" or "2021"')


class Coverage(Enum):
    """COMPATIBLE costs what QTools costs and leaves at zero what it leaves; COMPLETE costs everything."""

    COMPATIBLE = "compatible"
    COMPLETE = "complete"


CoverageWord = Literal["compatible", "complete"]


def coverage_of(coverage: CoverageWord | Coverage) -> Coverage:
    """The coverage called "compatible" or "complete"."""
    if isinstance(coverage, Coverage):
        return coverage
    if coverage not in {c.value for c in Coverage}:
        raise InvalidValue(f"coverage={coverage!r}", where="QTools", remedy='use "compatible" or "complete"')
    return Coverage(coverage)


def fixed(bits: int, int_bits: int, signed: bool, kind: str = "quantized_bits") -> Operand:
    """A fixed-point operand, its sign not counted in `int_bits`."""
    return Operand(kind, Mode.FIXED, bits, int_bits, signed)


def floating(bits: int) -> Operand:
    """A floating-point operand of 16 or 32 bits."""
    return Operand("floating_point", Mode.FLOAT, bits, -1, True)


DEFAULT = fixed(8, 0, True)
"""QTools's type for whatever has no quantizer: quantized_bits(8,0,1)."""

KNOWN_KINDS = frozenset(
    (
        "bernoulli", "binary", "floating_point", "quantized_bits", "quantized_po2", "quantized_relu",
        "quantized_relu_po2", "quantized_tanh", "quantized_ulaw", "stochastic_binary", "stochastic_ternary", "ternary",
    )
)  # fmt: skip
"""The quantizers that QTools knows; it fails on the others, COMPLETE takes them."""

MISREAD_KINDS = frozenset(("bernoulli", "quantized_tanh", "quantized_ulaw", "stochastic_binary"))
"""Types that QTools takes for stochastic_ternary when a layer hands them on (flatten, pools, merges, ...)."""

_NAMED = {
    "int8": DEFAULT,
    "int16": fixed(16, 7, True),
    "int32": fixed(32, 10, True),
    "fp16": floating(16),
    "fp32": floating(32),
}


def named_operand(word: str) -> Operand:
    """QTools's words for types: "int8", "int16", "int32", "fp16", "fp32"."""
    if word not in _NAMED:
        raise InvalidValue(f"there is no type {word!r}", where="QTools", remedy=f"use {', '.join(_NAMED)}")
    return _NAMED[word]
