"""Which table network stands for a float model: the neurons of its layers."""

from __future__ import annotations

from typing import Any

from bitwright.core.errors import Unsupported
from bitwright.search.gradient.tables import Tables
from bitwright.train.door import keras
from bitwright.train.wiring import functional_of

__all__ = ["widths_of"]

_MOST = 32


def widths_of(model: Any, options: Tables) -> tuple[int, ...]:
    """The neurons of every layer, outputs last. Tables are learned from data alone: of `model` only shapes are read.

    Raises Unsupported, naming the layer, where the model is more than dense layers one after the other on one vector.
    """
    network = functional_of(model)
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise _refused(f"model '{model.name}'", "it has several inputs or outputs")
    for tensor, what in ((network.inputs[0], "inputs"), (network.outputs[0], "outputs")):
        if len(tensor.shape) != 2 or tensor.shape[1] is None:
            raise _refused(f"model '{model.name}'", f"its {what} have the shape {tuple(tensor.shape[1:])}")
    for layer in network.layers:
        if any(len(shape.shape) != 2 for shape in _tensors(layer)) or _joins(layer):
            raise _refused(f"layer '{layer.name}'", "it is no part of a chain of dense layers")
    dense = [int(layer.units) for layer in network.layers if isinstance(layer, keras.layers.Dense)]
    outputs = int(network.outputs[0].shape[1])
    if options.hidden is not None:
        return (*options.hidden, outputs)
    inner = dense[:-1] or [_MOST]
    return (*(max(min(units // 2, _MOST), 1) for units in (inner[0], inner[-1])), outputs)


def _tensors(layer: Any) -> list[Any]:
    output = layer.output
    return list(output) if isinstance(output, list | tuple) else [output]


def _joins(layer: Any) -> bool:
    given = getattr(layer, "input", None)
    return isinstance(given, list | tuple) and len(given) > 1


def _refused(where: str, why: str) -> Unsupported:
    return Unsupported(
        "table neurons stand for dense layers one after the other on one vector",
        where=where,
        why=why,
        remedy="use neurons='adders' for this model",
    )
