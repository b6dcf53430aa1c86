"""What a roofline needs: arithmetic in bit operations (ACE), bytes of activations and of weights.

ACE: arithmetic computation effort, multiplications times the bits of both operands (arXiv:2105.03536).
"""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.cost.qtools.typed import LayerTypes, TypeMap, sized
from bitwright.ir.layers import Network

__all__ = ["Roofline", "ace", "output_bytes", "roofline", "weight_bytes"]


@dataclass(frozen=True)
class Roofline:
    """The numbers of the quantized model, and of the same model with floats."""

    ace: int
    ace_float: int
    weight_bytes: int
    weight_bytes_float: int
    activation_bytes: int
    activation_bytes_float: int


def ace(types: TypeMap, float_bits: int = 32) -> tuple[int, int]:
    """`(quantized, float)`: over all layers that add products."""
    linear = [typed for typed in types.layers if typed.weight is not None]
    quantized = sum(t.operation_count * t.weight.bits * t.inputs[0].bits for t in linear if t.weight is not None)
    return quantized, sum(t.operation_count for t in linear) * float_bits * float_bits


def weight_bytes(types: TypeMap, float_bits: int = 32) -> tuple[int, int]:
    """`(quantized, float)`: kernels and biases of layers that add products, each cut to whole bytes."""
    sizes = [size for typed in types.layers for size in _weights(typed)]
    return sum(n * bits // 8 for n, bits in sizes), sum(n * float_bits // 8 for n, _ in sizes)


def _weights(typed: LayerTypes) -> list[tuple[int, int]]:
    """(elements, bits) of the kernel and the bias of a layer that adds products."""
    operands = {"kernel": typed.weight, "bias": typed.part("bias_quantizer")} if typed.weight else {}
    found = [(typed.layer.weight(role), operand) for role, operand in operands.items()]
    return [(sized(weight.shape), operand.bits) for weight, operand in found if weight and operand]


def output_bytes(
    types: TypeMap, network: Network, include_inputs: bool = True, float_bits: int = 32
) -> tuple[int, int]:
    """`(quantized, float)`: outputs of activation layers and, if wanted, the inputs."""
    sizes = [(sized(t.layer.output_shape), t.output.bits) for t in types.layers if _is_activation(t)]
    if include_inputs:
        pairs = zip(network.sources, types.sources, strict=True)
        sizes += [(sized(layer.output_shape), operand.bits) for layer, operand in pairs]
    return sum(n * bits // 8 for n, bits in sizes), sum(n * float_bits // 8 for n, _ in sizes)


def _is_activation(typed: LayerTypes) -> bool:
    return typed.layer.class_name in ("QActivation", "QAdaptiveActivation")


def roofline(types: TypeMap, network: Network, include_inputs: bool = True, float_bits: int = 32) -> Roofline:
    """All numbers at once."""
    effort = ace(types, float_bits)
    weights = weight_bytes(types, float_bits)
    outputs = output_bytes(types, network, include_inputs, float_bits)
    return Roofline(*effort, *weights, *outputs)
