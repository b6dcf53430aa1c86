"""Types of a model's inputs, as QKeras programs give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.cost.qtools import named_operand
from bitwright.cost.qtools.rulesets import DEFAULT
from bitwright.frontends.keras.operands import operand_of
from bitwright.ir.layers import Operand
from bitwright.train.spec import get_quantizer

__all__ = ["fused_layers", "operand", "sources"]

_WORDS = ("int", "fp")


def operand(given: Any) -> Operand:
    """One type: an `Operand`, a word ("int8", "fp16"), a quantizer or its string.

    >>> operand("fp16").bits, operand("quantized_bits(4,0,1)").bits
    (16, 4)
    """
    if isinstance(given, Operand):
        return given
    if isinstance(given, str) and given.startswith(_WORDS):
        return named_operand(given)
    held = getattr(given, "operand", None)
    if isinstance(held, Operand):
        return held
    quantizer = get_quantizer(given.removeprefix("quantizers.") if isinstance(given, str) else given)
    found = operand_of(quantizer)
    if found is None:
        raise InvalidValue(
            f"{given!r} is no type", where="QTools", remedy="give a quantizer, its string, or 'int8', 'fp16', ..."
        )
    return found


def sources(given: Any) -> tuple[Operand, ...]:
    """The types of the inputs: one for all of them, a list with one each, or None for quantized_bits(8,0,1)."""
    if given is None:
        return (DEFAULT,)
    items: list[Any] = list(given) if isinstance(given, list | tuple) else [given]
    return tuple(operand(item) for item in items)


def fused_layers(hw_weight_dict: Mapping[str, Any] | None) -> dict[str, str]:
    """Linear layers to the batch normalizations fused into them, from model_save_quantized_weights' result."""
    told = hw_weight_dict or {}
    return {
        name: str(entry["fused_bn_layer_name"])
        for name, entry in told.items()
        if isinstance(entry, Mapping) and entry.get("enable_bn_fusing") and entry.get("fused_bn_layer_name")
    }
