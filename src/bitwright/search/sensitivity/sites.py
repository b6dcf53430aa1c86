"""Where a model has widths to choose, and which layer's input comes from where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.search.sensitivity.options import Sensitivity
from bitwright.train.calibrate import calibrate
from bitwright.train.convert import Bits, quantize
from bitwright.train.door import keras
from bitwright.train.observe import activation_quantizers
from bitwright.train.quantizers import quantized_bits
from bitwright.train.rewrite import every_layer, is_network
from bitwright.train.wiring import every_network, followers, functional_of

__all__ = ["FLOAT_LIKE", "INPUT", "Network", "Widths", "build", "explored", "quantized"]

INPUT = "input"
FLOAT_LIKE = 16
"""Width at which rounding no longer shows, for everything but the one tensor that is looked at."""


@dataclass(frozen=True)
class Widths:
    """A width for each weight site and each activation site, by layer name; INPUT is the model's inputs."""

    weights: Mapping[str, int]
    activations: Mapping[str, int]

    @property
    def key(self) -> str:
        """A short text that tells equal widths from others."""
        return " ".join(f"{name}={w}" for part in (self.weights, self.activations) for name, w in part.items())


@dataclass(frozen=True)
class Network:
    """A float model's weight sites, activation sites, and for each weight site the sites that feed it.

    weights: names of layers with a kernel. activations: names of layers whose output is quantized, INPUT
    first where inputs are. sources: empty for a layer that reads sums which nothing quantizes.
    """

    weights: tuple[str, ...]
    activations: tuple[str, ...]
    sources: Mapping[str, tuple[str, ...]]

    def everywhere(self, weights: int, activations: int) -> Widths:
        """The same widths at every site."""
        return Widths(dict.fromkeys(self.weights, weights), dict.fromkeys(self.activations, activations))


def build(model: Any, widths: Widths, x: Any, options: Sensitivity) -> Any:
    """`model` after post-training quantization to `widths`, ranges calibrated on x; weights transferred."""
    return calibrate(quantized(model, widths, x, options), x, batch_size=options.batch_size)


def quantized(model: Any, widths: Widths, x: Any, options: Sensitivity) -> Any:
    """`model` of these widths, weights transferred, the ranges of its activations not set yet."""
    rules: dict[str, Bits] = {}
    for layer in every_layer(model):
        name = layer.name
        rules[name] = Bits(
            widths.weights.get(name, FLOAT_LIKE), widths.activations.get(name, FLOAT_LIKE), alpha=options.alpha
        )
    return quantize(model, rules, input_quantizer=_input_quantizer(widths, x))


def _input_quantizer(widths: Widths, x: Any) -> Any:
    if INPUT not in widths.activations:
        return None
    signed = any(float(np.min(part)) < 0 for part in keras.tree.flatten(x))
    return quantized_bits(widths.activations[INPUT], 0, keep_negative=signed, alpha=1.0)


def explored(model: Any, x: Any, options: Sensitivity) -> Network:
    """The sites of `model`; x are samples of its inputs.

    Raises InvalidModel for a model without a kernel, and what `quantize` raises.
    """
    if not (is_network(model) and getattr(model, "inputs", None)):
        raise Unsupported(
            "only built Sequential and functional models have sites", where=f"model '{getattr(model, 'name', model)}'",
            remedy="write it with keras.Input and keras.Model",
        )  # fmt: skip
    is_float = all(keras.backend.is_float_dtype(tensor.dtype) for tensor in model.inputs)
    first = {INPUT: FLOAT_LIKE} if is_float else {}
    twin = quantized(model, Widths({}, first), x, options)
    names = {layer.name for layer in every_layer(model)}
    weights = tuple(layer.name for layer in every_layer(twin) if layer.name in names and _has_kernel(layer))
    if not weights:
        raise InvalidModel(
            "no layer has a kernel to quantize", where=f"model '{model.name}'", remedy="give a float model of layers"
        )
    held = [layer.name for layer, _ in activation_quantizers(twin) if layer.name in names]
    inner = [name for name in weights if _keeps_states(twin, name)]
    rounded = {*held, *inner}
    return Network(weights, (*first, *_in_order(twin, rounded)), _sources(twin, weights, rounded, names))


def _has_kernel(layer: Any) -> bool:
    holder = getattr(layer, "forward_layer", layer)
    roles = getattr(getattr(holder, "cell", holder), "roles", ())
    return bool(layer.weights) and any(role.is_kernel for role in roles) and hasattr(holder, "quantized_weights")


def _keeps_states(twin: Any, name: str) -> bool:
    layer = next(layer for layer in every_layer(twin) if layer.name == name)
    return hasattr(layer, "cell") or hasattr(layer, "forward_layer")


def _in_order(twin: Any, wanted: set[str]) -> tuple[str, ...]:
    return tuple(layer.name for layer in every_layer(twin) if layer.name in wanted)


def _sources(twin: Any, weights: tuple[str, ...], held: set[str], names: set[str]) -> dict[str, tuple[str, ...]]:
    """By walking on from each site, through layers that neither have a kernel nor round."""
    readers, found = _readers(twin), dict[str, list[str]]((name, []) for name in weights)
    for layer in every_layer(twin):
        site = layer.name if layer.name in held else INPUT if _is_entrance(layer, names) else ""
        waiting, seen = list(readers.get(id(layer), ())) if site else [], set[int]()
        while waiting:
            reader = waiting.pop()
            if id(reader) in seen:
                continue
            seen.add(id(reader))
            if reader.name in found:
                found[reader.name] = list(dict.fromkeys([*found[reader.name], site]))
            elif reader.name not in held:
                waiting += readers.get(id(reader), ())
    return {name: tuple(sites) for name, sites in found.items()}


def _readers(model: Any) -> dict[int, list[Any]]:
    """By the id of each layer: the layers that read it, into nested models and out of them."""
    readers, enclosing = dict[int, list[Any]](), dict[int, Any]()
    for network in every_network(model):
        readers |= followers(network)
        enclosing |= {id(operation): network for operation in functional_of(network).operations}

    def within(reader: Any, layer: Any) -> list[Any]:
        if reader is None:
            outer = enclosing[id(layer)]
            return [] if outer is model else [r for o in readers[id(outer)] for r in within(o, outer)]
        if not is_network(reader):
            return [reader]
        entries = [inner for inner in functional_of(reader).operations if type(inner).__name__ == "InputLayer"]
        return [r for entry in entries for o in readers[id(entry)] for r in within(o, entry)]

    chosen = {id(layer): layer for layer in every_layer(model)}
    return {key: [r for o in readers.get(key, ()) for r in within(o, layer)] for key, layer in chosen.items()}


def _is_entrance(layer: Any, names: set[str]) -> bool:
    """Whether it is the quantizer that `quantize` put behind an input."""
    return layer.name not in names and layer.name.endswith("_quantizer")
