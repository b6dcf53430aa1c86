"""What the model itself says: `predict` on its own backend, with float heads taken off."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from bitwright.frontends.keras.read import functional_of
from bitwright.ir.interface import Head

__all__ = ["logits"]


def logits(model: Any, x: Sequence[NDArray[Any]], heads: Sequence[Head]) -> list[NDArray[np.float32]]:
    """The model's outputs before their float heads, through the compiled `predict`; one array an output."""
    functional = functional_of(model)
    tensors, silenced = [], []
    for tensor, head in zip(functional.outputs, heads, strict=True):
        layer, before = _producer(functional, tensor)
        if head is Head.NONE:
            tensors.append(tensor)
        elif isinstance(layer, keras.layers.Softmax | keras.layers.Activation) or hasattr(layer, "quantizer"):
            tensors.append(before)
        else:
            tensors.append(tensor)
            silenced.append(layer)
    with _linear(silenced):
        # A new model has not compiled its predict yet, so it sees the silenced activations.
        cut = keras.Model(functional.inputs, tensors)
        found = cut.predict([np.asarray(a) for a in x], batch_size=_batch(x), verbose=0)  # pyright: ignore[reportArgumentType]
    return [np.asarray(a) for a in (found if isinstance(found, list | tuple) else [found])]


def _batch(x: Sequence[NDArray[Any]]) -> int:
    size = int(np.prod(x[0].shape[1:], dtype=np.int64))
    return int(max(1, min(len(x[0]), 4096, (1 << 22) // max(size, 1))))


def _producer(functional: Any, tensor: Any) -> tuple[Any, Any]:
    for nodes in functional._nodes_by_depth.values():
        for node in nodes:
            if any(t is tensor for t in node.output_tensors):
                inputs = node.arguments.keras_tensors
                return node.operation, inputs[0] if inputs else tensor
    return None, tensor


@contextmanager
def _linear(layers: Sequence[Any]) -> Generator[None, None, None]:
    kept = [layer.activation for layer in layers]
    for layer in layers:
        layer.activation = keras.activations.linear
    try:
        yield
    finally:
        for layer, activation in zip(layers, kept, strict=True):
            layer.activation = activation
