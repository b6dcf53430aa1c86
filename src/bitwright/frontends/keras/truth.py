"""What the model itself says: `predict` on its own backend, with float heads taken off."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import layers as kl
from numpy.typing import NDArray

from bitwright.frontends.keras.read import functional_of
from bitwright.ir.interface import Head

__all__ = ["logits"]

_SILENT = (kl.Dropout, kl.SpatialDropout1D, kl.SpatialDropout2D, kl.GaussianNoise, kl.GaussianDropout,
           kl.AlphaDropout, kl.ActivityRegularization, kl.Identity)  # fmt: skip


def logits(model: Any, x: Sequence[NDArray[Any]], heads: Sequence[Head]) -> list[NDArray[np.float32]]:
    """The model's outputs before their float heads, through the compiled `predict`; one array an output."""
    cut = _Cut(functional_of(model), tuple(head is not Head.NONE for head in heads))
    count, batch = len(x[0]), _batch(x)
    # Whole batches only: each shape would be compiled anew.
    whole = [np.pad(a, ((0, -count % batch), *[(0, 0)] * (a.ndim - 1)), mode="edge") for a in map(np.asarray, x)]
    found = cut.predict(whole, batch_size=batch, verbose=0)  # pyright: ignore[reportArgumentType]
    return [np.asarray(a)[:count] for a in (found if isinstance(found, list | tuple) else [found])]


def _batch(x: Sequence[NDArray[Any]]) -> int:
    size = int(np.prod(x[0].shape[1:], dtype=np.int64))
    return int(max(1, min(len(x[0]), 4096, (1 << 22) // max(size, 1))))


class _Cut(keras.Model):  # pyright: ignore[reportUntypedBaseClass]
    """The same layers in the same order, without the float heads of the outputs that `headed` marks."""

    def __init__(self, functional: Any, headed: tuple[bool, ...]) -> None:
        super().__init__(name="cut")  # TensorFlow takes no scope that begins with an underscore
        self.functional = functional
        self.headed = headed

    def call(self, inputs: Any) -> Any:
        """All outputs, as a list."""
        return _outputs(self.functional, inputs if isinstance(inputs, list | tuple) else [inputs], self.headed)


def _outputs(functional: Any, inputs: Sequence[Any], headed: Sequence[bool]) -> list[Any]:
    values = {id(t): value for t, value in zip(functional.inputs, inputs, strict=True)}
    made: dict[int, Any] = {}
    for depth in sorted(functional._nodes_by_depth, reverse=True):
        for node in functional._nodes_by_depth[depth]:
            if not node.is_input:
                out = keras.tree.flatten(_called(node, values))
                values.update(zip(map(id, node.outputs), out, strict=True))
                made.update(dict.fromkeys(map(id, node.outputs), node))
    return [
        _before_head(made, tensor, values) if cut else values[id(tensor)]
        for tensor, cut in zip(functional.outputs, headed, strict=True)
    ]


def _called(node: Any, values: dict[int, Any]) -> Any:
    args, kwargs = node.arguments.fill_in(values)
    # As in the functional model: predict's own `training` counts, not what a call was given.
    kwargs.pop("training", None)
    return node.operation(*args, **kwargs)


def _before_head(made: dict[int, Any], tensor: Any, values: dict[int, Any]) -> Any:
    """The value of an output without its head; an inner use of the same layer keeps it."""
    node = made[id(tensor)]
    layer, inputs = node.operation, node.arguments.keras_tensors
    if isinstance(layer, _SILENT):
        return _before_head(made, inputs[0], values)
    if isinstance(layer, kl.Softmax | kl.Activation) or hasattr(layer, "quantizer"):
        return values[id(inputs[0])]
    if isinstance(layer, keras.Model):
        marks = [t is tensor for t in node.outputs]
        return _outputs(functional_of(layer), [values[id(t)] for t in inputs], marks)[marks.index(True)]
    with _linear(layer):
        return _called(node, values)


@contextmanager
def _linear(layer: Any) -> Generator[None, None, None]:
    kept = layer.activation
    layer.activation = keras.activations.linear
    try:
        yield
    finally:
        layer.activation = kept
