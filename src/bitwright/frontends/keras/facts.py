"""Keras models as networks of facts (`bitwright.ir.layers.Network`), for cost models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import keras
from keras import layers as kl

from bitwright.frontends.keras.layerfacts import Seen, facts
from bitwright.frontends.keras.read import functional_of
from bitwright.ir import layers as ir

__all__ = ["layer_network", "network_of"]

_TRANSPARENT = (
    kl.Dropout, kl.SpatialDropout1D, kl.SpatialDropout2D, kl.SpatialDropout3D, kl.GaussianNoise, kl.GaussianDropout,
    kl.AlphaDropout, kl.ActivityRegularization, kl.Identity,
)  # fmt: skip


def network_of(model: Any, *, quantize: bool = False) -> ir.Network:
    """The facts of a built Sequential or functional model, nested models in the place of these.

    quantize: kernels are float values that their quantizers have still to round (QKeras's
    model_weights_already_quantized=False), so that scales found from data become known.
    """
    functional = functional_of(model)
    walk = _Walk(quantize)
    sources = [walk.source(tensor) for tensor in functional.inputs]
    outputs = walk.inline(functional, sources)
    return ir.Network(tuple(walk.layers), tuple(dict.fromkeys(outputs)))


def layer_network(layer: Any, input_shape: Any) -> ir.Network:
    """The facts of one layer behind an input of this shape, whose first axis is the batch."""
    entry = keras.Input(tuple(input_shape)[1:])
    walk = _Walk(quantize=False)
    name = walk.source(entry)
    seen = Seen(layer.name, (name,), (_shape(entry),), _shape(layer(entry)), quantize=False)
    walk.layers.append(facts(layer, seen) if type(layer) in facts else _other(layer, seen))
    return ir.Network(tuple(walk.layers), (layer.name,))


@dataclass
class _Walk:
    quantize: bool
    layers: list[ir.Layer] = field(default_factory=list[ir.Layer])

    def source(self, tensor: Any) -> str:
        history = getattr(tensor, "_keras_history", None)
        name = self._unused(history.operation.name if history is not None else str(tensor.name))
        self.layers.append(ir.Input(name, "InputLayer", (), (), _shape(tensor)))
        return name

    def inline(self, functional: Any, sources: list[str]) -> list[str]:
        known = {id(t): name for t, name in zip(functional.inputs, sources, strict=True)}
        by_depth = functional._nodes_by_depth
        for node in (node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]):
            if node.is_input:
                continue
            tensors = node.arguments.keras_tensors
            names = [known[id(t)] for t in tensors]
            for tensor, name in zip(node.output_tensors, self._apply(node, tensors, names), strict=False):
                known[id(tensor)] = name
        return [known[id(t)] for t in functional.outputs]

    def _apply(self, node: Any, tensors: Any, names: list[str]) -> list[str]:
        layer = node.operation
        if isinstance(layer, keras.Model):
            return self.inline(functional_of(layer), names)
        if isinstance(layer, _TRANSPARENT):
            return names
        seen = Seen(
            self._unused(layer.name),
            tuple(names),
            tuple(_shape(t) for t in tensors),
            _shape(node.output_tensors[0]),
            self.quantize,
        )
        self.layers.append(facts(layer, seen) if type(layer) in facts else _other(layer, seen))
        return [seen.name] * len(node.output_tensors)

    def _unused(self, name: str) -> str:
        taken, number, free = {layer.name for layer in self.layers}, 1, name
        while free in taken:
            number += 1
            free = f"{name}:{number}"
        return free


def _shape(tensor: Any) -> ir.Shape:
    return tuple(1 if n is None else int(n) for n in tensor.shape[1:])


def _other(layer: Any, seen: Seen) -> ir.Layer:
    name = type(layer).__name__
    if not isinstance(layer, keras.Layer) and name in ("Add", "Subtract", "Multiply", "Maximum", "Minimum"):
        return ir.Merge(**seen.base(layer), kind=name)
    return ir.Other(**seen.base(layer))
