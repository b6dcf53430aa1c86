"""Layers with several inputs: the type that holds them all, and what it takes to make it.

Source: google/qkeras, qtools/quantized_operators/merge_factory.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bitwright.core.errors import Unsupported
from bitwright.cost.qtools.arithmetic import Unit, as_fixed, multiply
from bitwright.cost.qtools.rulesets import RuleSet, fixed, floating
from bitwright.ir.layers import Mode, Operand

__all__ = ["MERGES", "merge"]


def merge(kind: str, inputs: Sequence[Operand], rules: RuleSet) -> Unit:
    """The unit of a merge layer of this kind; raises Unsupported for kinds without a rule."""
    if kind not in MERGES:
        raise Unsupported(f"no rule to merge by {kind}", where="QTools", remedy=f"use {', '.join(MERGES)}")
    return MERGES[kind](inputs, rules)


def _sum(inputs: Sequence[Operand], rules: RuleSet) -> Unit:
    """One bit more than the widest, whatever the number of inputs, as in QKeras."""
    if _floats(inputs):
        return Unit("add", floating(_floats(inputs)), _floats(inputs))
    held = [as_fixed(x) for x in inputs]
    bits = max(x.bits for x in held) + 1
    return Unit("add", fixed(bits, max(x.int_bits for x in held) + 1, any(x.signed for x in held)), bits)


def _product(inputs: Sequence[Operand], rules: RuleSet) -> Unit:
    unit = multiply(inputs[0], inputs[1], rules)
    for other in inputs[2:]:
        unit = multiply(unit.result, other, rules)
    return unit


def _widest(factor: float) -> Callable[[Sequence[Operand], RuleSet], Unit]:
    def holding(inputs: Sequence[Operand], rules: RuleSet) -> Unit:
        result = inputs[0] if _alike(inputs) else _holding(inputs)
        return Unit("add", result, result.bits, factor)

    return holding


def _alike(inputs: Sequence[Operand]) -> bool:
    return len({(x.kind, x.mode, x.bits, x.int_bits, x.signed) for x in inputs}) == 1


def _holding(inputs: Sequence[Operand]) -> Operand:
    if _floats(inputs):
        return floating(_floats(inputs))
    held = [as_fixed(x) for x in inputs]
    return fixed(max(x.bits for x in held), max(x.int_bits for x in held), any(x.signed for x in held))


def _floats(inputs: Sequence[Operand]) -> int:
    return max((x.bits for x in inputs if x.mode is Mode.FLOAT), default=0)


MERGES: dict[str, Callable[[Sequence[Operand], RuleSet], Unit]] = {
    "Add": _sum,
    "Subtract": lambda inputs, rules: _signed(_sum(inputs, rules)),
    "Multiply": _product,
    "Maximum": _widest(0.2),
    "Minimum": _widest(0.2),
    "Average": _widest(1.0),
    "Concatenate": _widest(0.0),
    "Dot": _product,
}
"""Kind to unit. Maximum, Minimum, Average and Concatenate only have to hold every input."""


def _signed(unit: Unit) -> Unit:
    """A difference needs a sign, which QKeras, failing on Subtract, has not told."""
    result = unit.result
    if result.signed or result.mode is Mode.FLOAT:
        return unit
    return Unit("add", fixed(result.bits + 1, result.int_bits, True), result.bits + 1)
