"""Gradients of a model's loss with respect to its weights, on whatever backend Keras runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.train.door import keras, ops

__all__ = ["gradients"]


def gradients(model: Any, x: Any, y: Any = None) -> list[NDArray[np.float32]]:
    """The gradient of each trainable variable of `model` on the batch `x`, in their order; zeros where none flows.

    The loss is the one that the model was compiled with, if there is one and `y` is given; otherwise
    a fixed random sum of the outputs, through which anything that can learn gets a gradient. The model
    runs as at inference: nothing in it changes.
    """
    compute = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}[keras.backend.backend()]
    inputs = keras.tree.map_structure(lambda a: ops.convert_to_tensor(np.asarray(a)), x)
    target = None if y is None else keras.tree.map_structure(lambda a: ops.convert_to_tensor(np.asarray(a)), y)
    return compute(model, inputs, target)


def _loss(model: Any, x: Any, y: Any) -> Any:
    found = model(x, training=False)
    if y is not None and getattr(model, "compiled", False):
        return model.compute_loss(x=x, y=y, y_pred=found)
    return sum(_random_sum(part) for part in keras.tree.flatten(found))


def _random_sum(output: Any) -> Any:
    pattern = np.random.default_rng(0).normal(size=tuple(output.shape)).astype(np.float32)
    return ops.mean(ops.cast(output, "float32") * ops.convert_to_tensor(pattern))


def _jax(model: Any, x: Any, y: Any) -> list[NDArray[np.float32]]:
    import jax

    variables = model.trainable_variables

    def loss(values: list[Any]) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return _loss(model, x, y)

    # At once: eagerly, every operation and its derivative would be compiled for itself.
    found = jax.jit(jax.grad(loss))([v.value for v in variables])
    return [np.asarray(g, dtype=np.float32) for g in found]


def _tensorflow(model: Any, x: Any, y: Any) -> list[NDArray[np.float32]]:
    import tensorflow as tf

    variables = [v.value for v in model.trainable_variables]
    with tf.GradientTape() as tape:
        loss = _loss(model, x, y)
    found = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [np.asarray(tf.convert_to_tensor(g), dtype=np.float32) for g in found]


def _torch(model: Any, x: Any, y: Any) -> list[NDArray[np.float32]]:
    import torch

    variables = [v.value for v in model.trainable_variables]
    loss = _loss(model, x, y)
    found: Any = torch.autograd.grad(loss, variables, allow_unused=True)
    pairs = zip(found, variables, strict=True)
    return [np.asarray((torch.zeros_like(v) if g is None else g).detach().cpu(), np.float32) for g, v in pairs]
