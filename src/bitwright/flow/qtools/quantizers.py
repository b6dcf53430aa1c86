"""QTools's quantizer objects: operand types that QKeras programs convert, read and change.

Source: google/qkeras, qtools/quantized_operators/quantizer_impl.py and quantizer_factory.py.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.cost.qtools.rulesets import KNOWN_KINDS, named_operand
from bitwright.frontends.keras.operands import operand_of
from bitwright.ir.layers import Mode, Operand
from bitwright.train import quantizers as q
from bitwright.train.spec import get_quantizer

__all__ = [
    "Bernoulli",
    "Binary",
    "FloatingPoint",
    "IQuantizer",
    "PowerOfTwo",
    "QuantizedBits",
    "QuantizedRelu",
    "QuantizedTanh",
    "QuantizedUlaw",
    "QuantizerFactory",
    "ReluPowerOfTwo",
    "StochasticBinary",
    "StochasticTernary",
    "Ternary",
    "from_operand",
    "get_exp",
    "get_np_value",
]


class IQuantizer:
    """An operand type as an object with QKeras's attributes.

    int_bits: without the sign. max_val_po2: the greatest power of two, -1 without one.
    """

    name: str = "quantized_bits"
    kind: ClassVar[Any] = None

    def __init__(self) -> None:
        self.mode, self.bits, self.int_bits, self.is_signed = -1, -1, -1, 0
        self.is_floating_point, self.is_po2, self.max_val_po2 = False, 0, -1
        self.op_type = "quantizer"
        self.inference_value_counts = -1
        self._seed: Any = None

    @property
    def operand(self) -> Operand:
        """The type as a value."""
        limit = None if self.max_val_po2 == -1 else float(self.max_val_po2)
        counts = None if self.inference_value_counts <= 0 else int(self.inference_value_counts)
        return Operand(
            self.name, Mode(self.mode), int(self.bits), int(self.int_bits), bool(self.is_signed), limit, counts
        )

    def become(self, operand: Operand) -> None:
        """Take over all of a type."""
        self.name, self.mode = operand.kind, operand.mode.value
        self.bits, self.int_bits, self.is_signed = operand.bits, operand.int_bits, int(operand.signed)
        self.is_floating_point, self.is_po2 = operand.mode is Mode.FLOAT, int(operand.mode is Mode.POWER)
        self.max_val_po2 = -1 if operand.max_value is None else operand.max_value
        self.inference_value_counts = operand.distinct or -1

    def convert_qkeras_quantizer(self, quantizer: Any) -> None:
        """Take over the type of a quantizer."""
        found = operand_of(quantizer)
        if found is None:
            raise InvalidValue(f"{quantizer!r} has no type", where="QTools", remedy="give a quantizer")
        self.become(found)
        self._seed = getattr(quantizer, "seed_generator", None)

    def convert_to_qkeras_quantizer(self, **settings: Any) -> Any:
        """A quantizer of this type; `settings` are its further arguments.

        If it draws, it goes on with the stream of the one that was converted here.
        """
        made = self.kind(**self._arguments(), **settings)
        if self._seed is not None and getattr(made, "seed_generator", None) is not None:
            made.seed_generator = self._seed
        return made

    def _arguments(self) -> dict[str, Any]:
        return {}


class QuantizedBits(IQuantizer):
    """Fixed point."""

    kind = q.quantized_bits

    def __init__(self) -> None:
        super().__init__()
        self.mode, self.is_signed = Mode.FIXED.value, 1

    def _arguments(self) -> dict[str, Any]:
        return {"bits": self.bits, "integer": self.int_bits, "keep_negative": bool(self.is_signed)}


class QuantizedTanh(QuantizedBits):
    """The type of quantized_tanh."""

    name = "quantized_tanh"
    kind = q.quantized_tanh

    def _arguments(self) -> dict[str, Any]:
        return {"bits": self.bits}


class QuantizedUlaw(QuantizedBits):
    """The type of quantized_ulaw."""

    name = "quantized_ulaw"
    kind = q.quantized_ulaw

    def _arguments(self) -> dict[str, Any]:
        return {"bits": self.bits, "integer": self.int_bits}


class QuantizedRelu(IQuantizer):
    """The type of quantized_relu."""

    name = "quantized_relu"
    kind = q.quantized_relu

    def __init__(self) -> None:
        super().__init__()
        self.mode = Mode.FIXED.value

    def _arguments(self) -> dict[str, Any]:
        return {"bits": self.bits, "integer": self.int_bits}


class Binary(IQuantizer):
    """-1 and 1, or 0 and 1."""

    name = "binary"
    kind = q.binary

    def __init__(self, use_01: bool = False) -> None:
        super().__init__()
        self.become(Operand(self.name, Mode.BIT if use_01 else Mode.SIGN, 1, 1, not use_01))

    @property
    def use_01(self) -> bool:
        """Whether it is 0 and 1."""
        return self.mode == Mode.BIT.value

    def _arguments(self) -> dict[str, Any]:
        return {"use_01": self.use_01}


class StochasticBinary(Binary):
    """The type of stochastic_binary."""

    name = "stochastic_binary"
    kind = q.stochastic_binary

    def __init__(self) -> None:
        super().__init__(use_01=False)

    def _arguments(self) -> dict[str, Any]:
        return {}


class Bernoulli(Binary):
    """The type of bernoulli."""

    name = "bernoulli"
    kind = q.bernoulli

    def __init__(self) -> None:
        super().__init__(use_01=True)

    def _arguments(self) -> dict[str, Any]:
        return {}


class Ternary(IQuantizer):
    """-1, 0 and 1."""

    name = "ternary"
    kind = q.ternary

    def __init__(self) -> None:
        super().__init__()
        self.become(Operand(self.name, Mode.TERNARY, 2, 2, True))


class StochasticTernary(Ternary):
    """The type of stochastic_ternary."""

    name = "stochastic_ternary"
    kind = q.stochastic_ternary


class FloatingPoint(IQuantizer):
    """Floats of 16 or 32 bits."""

    name = "floating_point"

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.become(Operand(self.name, Mode.FLOAT, bits, -1, True))


class PowerOfTwo(IQuantizer):
    """Powers of two, with or without a sign."""

    name = "quantized_po2"

    def __init__(self, is_signed: bool = True) -> None:
        super().__init__()
        self.mode, self.is_po2, self.is_signed = Mode.POWER.value, 1, int(is_signed)
        self.name = "quantized_po2" if is_signed else "quantized_relu_po2"

    def convert_to_qkeras_quantizer(self, **settings: Any) -> Any:
        """A quantized_po2 or, without a sign, a quantized_relu_po2 of this type."""
        limit = None if self.max_val_po2 == -1 else self.max_val_po2
        slope = settings.pop("negative_slope", None) or 0.0
        told: dict[str, Any] = {"bits": self.bits, "max_value": limit, **settings}
        return q.quantized_po2(**told) if self.is_signed else q.quantized_relu_po2(negative_slope=slope, **told)

    def get_min_max_exp(self) -> tuple[int, int]:
        """The least exponent without its sign, and the greatest."""
        least, greatest = self.operand.exponents
        return -least, greatest

    def update_inference_values(self, weights: Any) -> None:
        """Count the values of trained weights."""
        self.inference_value_counts = int(np.unique(np.asarray(weights)).size)


class ReluPowerOfTwo(PowerOfTwo):
    """Powers of two without a sign."""

    name = "quantized_relu_po2"

    def __init__(self) -> None:
        super().__init__(is_signed=False)


_KINDS: dict[str, Any] = {
    "quantized_bits": QuantizedBits,
    "quantized_tanh": QuantizedTanh,
    "quantized_ulaw": QuantizedUlaw,
    "quantized_relu": QuantizedRelu,
    "binary": Binary,
    "stochastic_binary": StochasticBinary,
    "bernoulli": Bernoulli,
    "ternary": Ternary,
    "stochastic_ternary": StochasticTernary,
    "quantized_po2": PowerOfTwo,
    "quantized_relu_po2": ReluPowerOfTwo,
}


def from_operand(operand: Operand) -> IQuantizer:
    """The object for a type."""
    if operand.mode is Mode.FLOAT:
        return FloatingPoint(operand.bits)
    made = _KINDS.get(operand.kind, QuantizedBits)()
    made.become(operand)
    return made


def get_np_value(val: Any) -> Any:
    """A tensor, variable or array as numpy; one element as a Python number."""
    array = np.asarray(val)
    return array.item() if array.size == 1 else array


def get_exp(quantizer: IQuantizer) -> tuple[int, int]:
    """The least exponent without its sign, and the greatest, of a power of two."""
    least, greatest = quantizer.operand.exponents
    return -least, greatest


class QuantizerFactory:
    """From QKeras quantizers to QTools's."""

    def make_quantizer(self, quantizer: Any) -> IQuantizer | None:
        """The type object of a quantizer, its string, or of a type object; None for None."""
        if quantizer is None or isinstance(quantizer, IQuantizer):
            return None if quantizer is None else self.clone_quantizer(quantizer)
        found = operand_of(get_quantizer(quantizer))
        return None if found is None else from_operand(found)

    def is_quantizer_supported(self, quantizer: Any) -> bool:
        """Whether google/qkeras's QTools knows the quantizer."""
        found = operand_of(quantizer)
        return found is not None and found.kind in KNOWN_KINDS

    def make_default_quantizer(self, mode: Any) -> IQuantizer:
        """The type called "int8", "int16", "int32", "fp16" or "fp32"; or that of a quantizer."""
        if isinstance(mode, str) and mode.startswith(("int", "fp")):
            return from_operand(named_operand(mode))
        made = self.make_quantizer(mode)
        if made is None:
            raise InvalidValue(f"{mode!r} is no type", where="QTools", remedy="use 'int8', 'fp16' or a quantizer")
        return made

    def clone_quantizer(self, quantizer: IQuantizer) -> IQuantizer:
        """Another one of the same type."""
        return from_operand(quantizer.operand)
