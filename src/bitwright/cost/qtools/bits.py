"""Bits of parameters and of activations: the size that AutoQKeras weighs against accuracy.

Source: google/qkeras, autoqkeras/forgiving_metrics/forgiving_bits.py; arXiv:2006.10159, table 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.core.rules import Rules
from bitwright.cost.qtools.typed import sized
from bitwright.ir import layers as ir

__all__ = ["LayerBits", "SizeSettings", "network_bits", "total_bits"]


@dataclass(frozen=True)
class SizeSettings:
    """Bits of what has no quantizer (`reference`), and of softmax and sigmoid outputs (`output`)."""

    reference: int = 8
    output: int = 8


@dataclass(frozen=True)
class LayerBits:
    """One layer's bits."""

    parameters: int = 0
    activations: int = 0

    @property
    def total(self) -> int:
        """Both."""
        return self.parameters + self.activations


bits_of: Rules[[SizeSettings], LayerBits] = Rules("bits of a layer")


def network_bits(network: ir.Network, settings: SizeSettings = SizeSettings()) -> dict[str, LayerBits]:
    """The bits of every layer but the inputs."""
    return {layer.name: bits_of(layer, settings) for layer in network.layers if not isinstance(layer, ir.Input)}


def total_bits(found: dict[str, LayerBits]) -> int:
    """All of them."""
    return sum(bits.total for bits in found.values())


@bits_of.on(ir.Layer)
def _(layer: ir.Layer, settings: SizeSettings) -> LayerBits:
    """Weights at the width of their quantizers, and the activation that the layer applies itself."""
    parameters = sum(
        sized(w.shape) * (settings.reference if w.operand is None else w.operand.bits) for w in layer.weights
    )
    return LayerBits(parameters, _activations(layer, settings))


@bits_of.on(ir.Normalization)
def _(layer: ir.Normalization, settings: SizeSettings) -> LayerBits:
    """Scale and offset; of a QBatchNormalization always 6 and 5 bits, as in QKeras."""
    gamma, beta = (6, 5) if layer.quantized else (settings.reference, settings.reference)
    return LayerBits(layer.output_shape[-1] * (gamma * layer.scale + beta * layer.center))


@bits_of.on(ir.Activation)
def _(layer: ir.Activation, settings: SizeSettings) -> LayerBits:
    """QKeras overlooks activations that are layer classes of their own, such as ReLU."""
    counted = layer.class_name in ("Activation", "QActivation", "QAdaptiveActivation")
    return LayerBits(0, _activations(layer, settings) if counted else 0)


@bits_of.on(ir.AveragePool)
def _(layer: ir.AveragePool, settings: SizeSettings) -> LayerBits:
    return LayerBits(0, _activations(layer, settings))


def _activations(layer: ir.Layer, settings: SizeSettings) -> int:
    if layer.output is not None:
        return sized(layer.output_shape) * layer.output.bits
    if layer.function == "linear":
        return 0
    width = settings.output if layer.function in ("softmax", "sigmoid") else settings.reference
    return sized(layer.output_shape) * width
