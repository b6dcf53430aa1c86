"""QTools's operators as objects: multipliers, accumulators, adders, dividers, merges, normalizations.

Each holds a `output` type object, and where its energy counts also `gate_bits` and `gate_factor`.
Source: google/qkeras, qtools/quantized_operators.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from bitwright.cost.qtools.arithmetic import Unit, accumulate, add, adjusted, divide, multiply, root
from bitwright.cost.qtools.merging import merge
from bitwright.cost.qtools.rulesets import LATEST
from bitwright.flow.qtools.quantizers import IQuantizer, from_operand
from bitwright.ir.layers import Operand

__all__ = [
    "AccumulatorFactory",
    "AndGate",
    "FixedPointAccumulator",
    "FixedPointAdder",
    "FixedPointMultiplier",
    "FloatingPointAccumulator",
    "FloatingPointAdder",
    "FloatingPointMultiplier",
    "FusedBNFactory",
    "IAccumulator",
    "IAdder",
    "IDivider",
    "IMultiplier",
    "ISubtractor",
    "MergeFactory",
    "MultiplierFactory",
    "Mux",
    "Operator",
    "Po2Accumulator",
    "Po2Adder",
    "Po2FixedPointAdder",
    "QBNFactory",
    "Shifter",
    "XorGate",
    "po2_to_qbits",
]


class Operator:
    """One unit: `implemented_as()` says which, `output` is the type of its result."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.output = from_operand(unit.result)
        self.gate_bits, self.gate_factor = unit.bits, unit.factor

    def implemented_as(self) -> str:
        """ "mul", "add", "shifter", "mux", "xor" or "and"."""
        return self.unit.op

    def widen(self, operand: Operand) -> None:
        """Give the result another type, the object staying the same."""
        self.output.become(operand)


class IMultiplier(Operator):
    """What multiplies an input by a weight."""

    def __init__(self, weight_quantizer: IQuantizer, input_quantizer: IQuantizer, output_quantizer: Any = None) -> None:
        self.weights, self.input = weight_quantizer, input_quantizer
        super().__init__(multiply(weight_quantizer.operand, input_quantizer.operand, LATEST))

    def name(self) -> str:
        """The class's name."""
        return type(self).__name__


class FixedPointMultiplier(IMultiplier):
    """Of two fixed-point numbers."""


class FloatingPointMultiplier(IMultiplier):
    """Where an operand is a float."""


class Shifter(IMultiplier):
    """By a power of two."""


class Mux(IMultiplier):
    """By a sign or a ternary digit."""


class XorGate(IMultiplier):
    """Of two signs."""


class AndGate(IMultiplier):
    """By a bit."""


class Adder(IMultiplier):
    """Of two powers of two."""


_BY_OP = {"shifter": Shifter, "mux": Mux, "xor": XorGate, "and": AndGate, "add": Adder}


class MultiplierFactory:
    """Finds what multiplies two types."""

    def make_multiplier(self, weight_quantizer: IQuantizer, input_quantizer: IQuantizer) -> IMultiplier:
        """The multiplier of these types."""
        unit = multiply(weight_quantizer.operand, input_quantizer.operand, LATEST)
        plain = FloatingPointMultiplier if from_operand(unit.result).is_floating_point else FixedPointMultiplier
        return _BY_OP.get(unit.op, plain)(weight_quantizer, input_quantizer)


class IAccumulator(Operator):
    """A sum of products."""

    def __init__(self, kernel_shape: Sequence[int], multiplier: Any, use_bias: bool = True) -> None:
        self.multiplier = multiplier
        super().__init__(accumulate(multiplier.output.operand, prod(kernel_shape[:-1]) + use_bias))


class FixedPointAccumulator(IAccumulator):
    """Of fixed-point numbers."""


class Po2Accumulator(IAccumulator):
    """Of powers of two, expanded first."""


class FloatingPointAccumulator(IAccumulator):
    """Of floats."""

    def __init__(self, multiplier: Any) -> None:
        super().__init__((1, 1), multiplier, use_bias=False)


class AccumulatorFactory:
    """Finds the accumulator of a kernel."""

    def make_accumulator(self, kernel_shape: Sequence[int], multiplier: Any, use_bias: bool = True) -> IAccumulator:
        """The accumulator for a kernel whose last axis is the output's; the bias counts as one more term."""
        if multiplier.output.is_floating_point:
            return FloatingPointAccumulator(multiplier)
        kind = Po2Accumulator if multiplier.output.is_po2 else FixedPointAccumulator
        return kind(kernel_shape, multiplier, use_bias)


class _Sum(Operator):
    def __init__(self, quantizer_1: IQuantizer, quantizer_2: IQuantizer) -> None:
        super().__init__(add(quantizer_1.operand, quantizer_2.operand))


class FixedPointAdder(_Sum):
    """Of two fixed-point numbers."""


class FloatingPointAdder(_Sum):
    """Where an operand is a float."""


class Po2FixedPointAdder(_Sum):
    """Of a power of two and a fixed-point number."""


class Po2Adder(_Sum):
    """Of two powers of two."""


class IAdder:
    """Finds what adds two types."""

    def make_quantizer(self, quantizer_1: IQuantizer, quantizer_2: IQuantizer) -> Operator:
        """The adder of these types."""
        if quantizer_1.is_floating_point or quantizer_2.is_floating_point:
            return FloatingPointAdder(quantizer_1, quantizer_2)
        powers = quantizer_1.is_po2 + quantizer_2.is_po2
        return (FixedPointAdder, Po2FixedPointAdder, Po2Adder)[powers](quantizer_1, quantizer_2)


class ISubtractor:
    """Finds what subtracts two types; the difference has a sign."""

    def make_quantizer(self, quantizer_1: IQuantizer, quantizer_2: IQuantizer) -> Operator:
        """The subtractor of these types."""
        return Operator(merge("Subtract", [quantizer_1.operand, quantizer_2.operand], LATEST))


class IDivider:
    """Finds what divides two types; raises UnacceptedDivisor where nothing does."""

    def make_quantizer(self, numerator_quantizer: IQuantizer, denominator_quantizer: IQuantizer) -> Operator:
        """The divider of these types."""
        return Operator(divide(numerator_quantizer.operand, denominator_quantizer.operand))


class MergeFactory:
    """Finds the operator of a merge layer."""

    def make_quantizer(self, input_qe_list: Sequence[Any], layer_type: str) -> Operator:
        """The operator of a layer of this class; `input_qe_list` holds (type object, edge) pairs."""
        return Operator(merge(layer_type, [pair[0].operand for pair in input_qe_list], LATEST))


class QBNFactory:
    """Batch normalization: gamma / deviation * x + beta."""

    def make_quantizer(
        self,
        input_quantizer: IQuantizer,
        gamma_quantizer: IQuantizer,
        beta_quantizer: IQuantizer,
        mean_quantizer: IQuantizer,
        variance_quantizer: IQuantizer,
        use_scale: bool,
        use_center: bool,
    ) -> None:
        """Sets internal_divide_quantizer, internal_multiplier, internal_accumulator and internal_output."""
        deviation, value = root(variance_quantizer.operand), input_quantizer.operand
        self.internal_multiplier = self.internal_accumulator = None
        if use_scale:
            self.internal_divide_quantizer = Operator(divide(gamma_quantizer.operand, deviation))
            inverse = self.internal_divide_quantizer.output.operand
            self.internal_output = self.internal_multiplier = Operator(multiply(inverse, value, LATEST))
        else:
            self.internal_output = self.internal_divide_quantizer = Operator(divide(value, deviation))
        if use_center:
            total = add(self.internal_output.output.operand, beta_quantizer.operand)
            self.internal_output = self.internal_accumulator = Operator(total)


class FusedBNFactory:
    """Batch normalization in the accumulator of the layer before: (x + bias - mean) * inverse + beta."""

    def make_quantizer(
        self,
        prev_output_quantizer: IQuantizer,
        beta_quantizer: IQuantizer,
        mean_quantizer: IQuantizer,
        inverse_quantizer: IQuantizer,
        prev_bias_quantizer: IQuantizer,
        use_beta: bool,
        use_bias: bool,
        qkeras_inverse_quantizer: Any = None,
        scale: tuple[int, int] | None = None,
    ) -> None:
        """Sets internal_accumulator and internal_output; `scale` are the exponents of the inverse's scale."""

        def scaled(quantizer: IQuantizer) -> Operand:
            return adjusted(multiply(inverse_quantizer.operand, quantizer.operand, LATEST).result, scale)

        small = scaled(mean_quantizer)
        if use_bias:
            small = add(small, scaled(prev_bias_quantizer)).result
        if use_beta:
            small = add(small, beta_quantizer.operand).result
        self.internal_accumulator = self.internal_output = Operator(add(scaled(prev_output_quantizer), small))


def po2_to_qbits(quantizer: IQuantizer) -> tuple[int, int]:
    """`(bits, int_bits)` of the fixed-point number that holds every value of a power of two."""
    least, greatest = quantizer.operand.exponents
    return greatest - least + quantizer.is_signed, greatest
