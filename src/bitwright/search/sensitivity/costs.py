"""What each layer costs at each weight width and input width: from the compiler, or from a surrogate.

Surrogate: a constant multiplication is a sum of its signed digits, so that a layer costs about (signed digits
of its weights) x (bits of its inputs) / 2 LUTs, and as often as it is unrolled. What `measure` says of whole
models at three homogeneous widths calibrates that: every quantity it tells becomes constant + factor x surrogate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.numeric.digits import nonzero_digits
from bitwright.search.sensitivity.journal import Journal
from bitwright.search.sensitivity.options import Sensitivity
from bitwright.search.sensitivity.probe import Probe
from bitwright.search.sensitivity.sites import FLOAT_LIKE, INPUT, Network, Widths, build
from bitwright.train.convert import Bits, quantize
from bitwright.train.door import keras
from bitwright.train.layers import QActivation
from bitwright.train.quantizers import quantized_bits
from bitwright.train.rewrite import every_layer

__all__ = ["LayerCosts", "Measure", "calibration", "layer_costs"]

Floats = NDArray[np.float64]
Measure = Callable[[Any], Mapping[str, float]]
_FINEST = 20
_BASE = "luts"


@dataclass(frozen=True)
class LayerCosts:
    """One layer: `single`, by quantity and weight width, and `double`, by quantity, weight and input width."""

    name: str
    single: Mapping[str, Floats]
    double: Mapping[str, Floats]


def layer_costs(
    model: Any, network: Network, probe: Probe, options: Sensitivity, measure: Measure | None, journal: Journal
) -> list[LayerCosts]:
    """The costs of every weight site; tables of input widths go over those of the layer's sources.

    "bits" counts stored weights and biases, "ebops" products of widths over nonzero weights; with costs="compiled"
    all that `measure` tells of single layers comes on top, else "luts" by the surrogate.
    """
    counts = [_counted(model, width, options) for width in options.weights]
    found: list[LayerCosts] = []
    for name in network.weights:
        weights = [count[name] for count in counts]
        inputs = np.array(source_widths(network, name, options), np.float64)
        digits = np.array([float(one.digits) for one in weights])
        products = np.array([float(one.products) for one in weights]) * np.array(options.weights)
        double = {_BASE: np.outer(digits, inputs) / 2, "ebops": np.outer(products, inputs)}
        if measure is not None and options.costs == "compiled":
            double |= _compiled(model, network, probe, options, measure, journal, name)
        found.append(LayerCosts(name, {"bits": np.array([float(one.bits) for one in weights])}, double))
    return found


def source_widths(network: Network, name: str, options: Sensitivity) -> tuple[int, ...]:
    """The widths that the inputs of layer `name` can have; one wide one where nothing quantizes them."""
    sources = network.sources[name]
    if not sources:
        return (FLOAT_LIKE,)
    return options.input_widths if sources[0] == INPUT else options.activations


@dataclass(frozen=True)
class _Count:
    """bits: stored. digits, products: signed digits and nonzero weights, as often as they are unrolled."""

    bits: int
    digits: int
    products: int


def _counted(model: Any, width: int, options: Sensitivity) -> dict[str, _Count]:
    twin = quantize(model, {"*": Bits(width, FLOAT_LIKE, alpha=options.alpha)})
    found: dict[str, _Count] = {}
    for layer in every_layer(twin):
        tensors = _tensors(layer)
        kernels = [codes for codes, is_kernel in tensors if is_kernel]
        times = _unrolled(layer)
        found[layer.name] = _Count(
            sum(codes.size * (width if is_kernel else width + 2) for codes, is_kernel in tensors),
            times * sum(int(nonzero_digits(codes).sum()) for codes in kernels),
            times * sum(int(np.count_nonzero(codes)) for codes in kernels),
        )
    return found


def _tensors(layer: Any) -> list[tuple[NDArray[np.int64], bool]]:
    """The quantized weights as integers (times some power of two), and whether each is a kernel."""
    if hasattr(layer, "forward_layer"):
        return [*_tensors(layer.forward_layer), *_tensors(layer.backward_layer)]
    if not hasattr(layer, "quantized_weights"):
        return []
    kernels = {role.attribute for role in getattr(layer, "cell", layer).roles if role.is_kernel}
    return [
        (np.rint(np.asarray(tensor.z, np.float64) * 2.0**_FINEST).astype(np.int64), name in kernels)
        for name, tensor in layer.quantized_weights().items()
    ]


def _unrolled(layer: Any) -> int:
    """How often each weight is used for one sample: output positions, or steps in time."""
    if hasattr(layer, "cell") or hasattr(layer, "forward_layer"):
        return layer.input.shape[1] or 1
    side = layer.input if "Transpose" in type(layer).__name__ else layer.output
    shape = tuple(side.shape)
    positions = shape[2:] if getattr(layer, "data_format", None) == "channels_first" else shape[1:-1]
    return prod(length or 1 for length in positions)


def _compiled(
    model: Any, network: Network, probe: Probe, options: Sensitivity, measure: Measure, journal: Journal, name: str
) -> dict[str, Floats]:
    """By quantity: (weight widths, input widths); compiled at both ends of the input widths, linear between."""
    inputs = source_widths(network, name, options)
    ends = (inputs[0], inputs[-1])

    def row(width: int, given: int) -> dict[str, float]:
        made = lambda: measure(_alone(model, network, probe, options, name, width, given))  # noqa: E731
        return journal.get(f"layer {name} {width} {given}", made)

    cells = [[row(width, given) for given in ends] for width in options.weights]
    share = np.array([(a - ends[0]) / max(ends[1] - ends[0], 1) for a in inputs])

    def table(quantity: str) -> Floats:
        low, high = (np.array([line[at].get(quantity, 0.0) for line in cells])[:, None] for at in (0, 1))
        return low + (high - low) * share

    return {quantity: table(quantity) for quantity in cells[0][0] if quantity != "bits"}


def _alone(
    model: Any, network: Network, probe: Probe, options: Sensitivity, name: str, width: int, given: int
) -> Any:
    """A model of one layer, its inputs quantized like those that it reads in the network."""
    widths = Widths({name: width}, dict.fromkeys(network.activations, options.activations[-1]))
    twin = build(model, widths, probe.x, options)
    layer = next(layer for layer in every_layer(twin) if layer.name == name)
    source = next(iter(network.sources[name]), "")
    quantizer = probe.quantizers.get(source, {}).get(given) or quantized_bits(given, min(4, given - 1), alpha=1.0)
    entry = keras.Input(batch_shape=layer.input.shape, name="x")
    return keras.Model(entry, layer(QActivation(quantizer, name="x_quantizer")(entry)), name=name)


def calibration(
    anchors: list[tuple[float, Mapping[str, float]]],
) -> dict[str, tuple[float, float]]:
    """By quantity: constant and factor, both at least 0, so that constant + factor * surrogate fits the anchors.

    anchors: (surrogate of a whole model, what was measured of it); errors count relative to what was measured.
    """
    sizes = np.array([size for size, _ in anchors])
    found: dict[str, tuple[float, float]] = {}
    for name in anchors[0][1]:
        told = np.array([measured[name] for _, measured in anchors], np.float64)
        if np.ptp(told) == 0:
            found[name] = (float(told[0]), 0.0)
            continue
        scale = 1.0 / np.maximum(np.abs(told), 1e-9 + 1e-3 * np.abs(told).max())
        rows = np.stack([np.ones_like(sizes), sizes], axis=1)
        constant, factor = np.linalg.lstsq(rows * scale[:, None], told * scale, rcond=None)[0]
        if constant < 0:
            constant, factor = 0.0, float((sizes * told * scale**2).sum() / ((sizes * scale) ** 2).sum())
        if factor < 0:
            constant, factor = float((told * scale**2).sum() / (scale**2).sum()), 0.0
        found[name] = (float(constant), float(factor))
    return found
