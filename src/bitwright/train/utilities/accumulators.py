"""How many bits the sums inside each layer need, from ranges or from samples. Source: google/qkeras, estimate.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import ConfigError
from bitwright.train.door import keras
from bitwright.train.rewrite import every_layer, is_network
from bitwright.train.utilities.folding import unfold_model
from bitwright.train.utilities.saved import weights_of
from bitwright.train.wiring import outputs_of

__all__ = ["AccumulatorRange", "accumulator_text", "analyze", "analyze_sample"]

Ranges = Mapping[str, tuple[float, float]]
_LINEAR = ("QDense", "QConv1D", "QConv2D", "QDepthwiseConv2D")


@dataclass(frozen=True)
class AccumulatorRange:
    """What the sums of one layer (bias included, before the activation) can be."""

    low: float
    high: float

    @property
    def bits(self) -> int:
        """ceil(log2(largest magnitude)), at least 0: the bits before the point, without the sign."""
        largest = max(abs(self.low), abs(self.high))
        return int(np.ceil(np.log2(largest))) if largest > 1 else 0


def analyze(in_model: Any, x: Ranges) -> dict[str, AccumulatorRange]:
    """The worst case of each quantized linear layer when its inputs stay within `x[layer name]` = (min, max).

    Positive weights meet the input's maximum and negative ones its minimum, or the other way round,
    in every output channel. Raises ConfigError for a layer without a range.
    """
    model = unfold_model(in_model)
    found: dict[str, AccumulatorRange] = {}
    for layer in _linear_layers(model):
        if layer.name not in x:
            raise ConfigError(
                "no range of its inputs is given",
                where=f"layer '{layer.name}'",
                remedy=f"add {layer.name!r}: (min, max), or use analyze_accumulator_from_sample",
            )
        found[layer.name] = _worst(layer, *map(float, x[layer.name]))
    return found


def analyze_sample(
    in_model: Any, x_sample: Any, mode: Literal["conservative", "sampled"] = "conservative"
) -> dict[str, AccumulatorRange]:
    """The same from samples: "conservative", the worst case over the inputs' ranges; "sampled", what occurs."""
    if mode not in ("conservative", "sampled"):
        raise ConfigError(f"mode={mode!r}", where="analyze_accumulator", remedy="use 'conservative' or 'sampled'")
    model = unfold_model(in_model)
    read = list(_read(model, x_sample))
    if mode == "conservative":
        return analyze(model, {layer.name: (values.min(), values.max()) for layer, values in read})
    sums = {layer.name: _sums(layer, values) for layer, values in read}
    return {name: AccumulatorRange(float(found.min()), float(found.max())) for name, found in sums.items()}


def accumulator_text(found: Mapping[str, AccumulatorRange]) -> str:
    """A line for each layer: the range of its sums and the bits before the point."""
    return "\n".join(f"{name:30} {r.low:12.4f} {r.high:12.4f}   {r.bits} bits" for name, r in found.items())


def _linear_layers(model: Any) -> Iterator[Any]:
    return (layer for layer in every_layer(model) if type(layer).__name__ in _LINEAR)


def _read(network: Any, x: Any) -> Iterator[tuple[Any, NDArray[Any]]]:
    """Each linear layer, also in nested models, with what it reads when `network` predicts x."""
    layers = [layer for layer in network.layers if type(layer).__name__ in _LINEAR or is_network(layer)]
    for layer, values in zip(layers, outputs_of(network, layers, x, inputs=True), strict=True):
        if is_network(layer):
            yield from _read(layer, values)
        else:
            yield layer, values


def _worst(layer: Any, least: float, most: float) -> AccumulatorRange:
    weights = [weight.quantized.astype(np.float64) for weight in weights_of(layer)]
    kernel = weights[0].reshape(-1, weights[0].shape[-1])
    if type(layer).__name__ == "QDepthwiseConv2D":
        kernel = weights[0].reshape(-1, weights[0].shape[-2] * weights[0].shape[-1])
    bias = weights[1] if len(weights) > 1 else np.zeros(kernel.shape[1])
    ends = [kernel * least, kernel * most]
    # A border of padding adds zeros, which need no further room only if the range holds 0.
    if getattr(layer, "padding", "valid") != "valid":
        ends.append(np.zeros_like(kernel))
    low, high = np.min(ends, axis=0).sum(0) + bias, np.max(ends, axis=0).sum(0) + bias
    return AccumulatorRange(float(low.min()), float(high.max()))


def _sums(layer: Any, inputs: NDArray[Any]) -> NDArray[Any]:
    """The layer's output for `inputs` without its activation."""
    config = {**layer.get_config(), "activation": "linear"}
    plain = type(layer).from_config(config)
    plain.build(inputs.shape)
    plain.set_weights(layer.get_weights())
    return np.asarray(keras.ops.convert_to_numpy(plain(inputs)))
