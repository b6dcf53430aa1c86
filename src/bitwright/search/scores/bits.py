"""The forgiving factor in bits of parameters and activations.

Source: google/qkeras, autoqkeras/forgiving_metrics/forgiving_bits.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from bitwright.core.errors import ConfigError
from bitwright.cost.qtools.bits import LayerBits, SizeSettings, network_bits
from bitwright.frontends.keras.facts import network_of
from bitwright.ir.layers import Input
from bitwright.search.scores.factor import ForgivingFactor, Measured

__all__ = ["ForgivingFactorBits"]

_PARTS = ("parameters", "activations")


class ForgivingFactorBits(ForgivingFactor):
    """Size is bits: those of weights and biases, and those of activations.

    input_bits, output_bits: of the model's inputs, and of softmax and sigmoid; ref_bits: of whatever is not
    quantized. config: class names ("Dense", "QDense", "InputLayer", ...) to what counts, a list of "parameters" and
    "activations"; "default" for the other classes, which do not count without it.
    """

    def __init__(
        self,
        delta_p: float = 8.0,
        delta_n: float = 8.0,
        rate: float = 2.0,
        stress: float = 1.0,
        input_bits: int = 8,
        output_bits: int = 8,
        ref_bits: int = 8,
        config: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(delta_p, delta_n, rate, stress)
        self.input_bits, self.output_bits, self.ref_bits = input_bits, output_bits, ref_bits
        self.config = {"default": _PARTS} if config is None else {kind: tuple(parts) for kind, parts in config.items()}
        for kind, parts in self.config.items():
            unknown = [part for part in parts if part not in _PARTS]
            if unknown:
                raise ConfigError(
                    f"{kind}: there is no part {unknown[0]!r}",
                    where="config of ForgivingFactorBits",
                    remedy="use 'parameters' and 'activations'",
                )

    def measure(self, model: Any, *, reference: bool = False) -> Measured:
        """Bits by layer; a reference is counted like any model."""
        network = network_of(model)
        found = {
            layer.name: LayerBits(0, prod(layer.output_shape) * self.input_bits) for layer in network.sources
        } | network_bits(network, SizeSettings(self.ref_bits, self.output_bits))
        layers: dict[str, dict[str, int]] = {}
        for layer in network.layers:
            kind = "InputLayer" if isinstance(layer, Input) else layer.class_name
            counted = self.config.get(kind, self.config.get("default"))
            if counted is not None:
                parts = {"parameters": found[layer.name].parameters, "activations": found[layer.name].activations}
                layers[layer.name] = {**parts, "total": sum(parts[part] for part in counted)}
        return Measured(float(sum(parts["total"] for parts in layers.values())), layers)
