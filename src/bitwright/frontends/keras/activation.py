"""Activations as element-wise pieces: what is known of a quantizer or a Keras function."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from bitwright.core.errors import Unsupported
from bitwright.frontends.grid.elementwise import Elementwise
from bitwright.frontends.grid.walk import then
from bitwright.ir.interface import Head
from bitwright.train import quantizers

__all__ = ["activation_piece", "then"]

_HEADS = {
    "softmax": Head.SOFTMAX,
    "log_softmax": Head.LOG_SOFTMAX,
    "sigmoid": Head.SIGMOID,
    "tanh": Head.TANH,
}
_MONOTONE = {"relu", "relu6", "linear", "hard_sigmoid", "hard_tanh", "softplus", "softsign", "elu", "selu",
             "leaky_relu", "exponential", "sigmoid", "tanh", "celu", "sparse_plus"}  # fmt: skip

_OURS = ("hard_sigmoid", "smooth_sigmoid", "binary_sigmoid", "hard_tanh", "smooth_tanh", "binary_tanh")


def activation_piece(function: Any, name: str, call: Any) -> Elementwise:
    """An activation (a quantizer, a Keras function) as an element-wise piece with what is known of it."""
    label = getattr(function, "__name__", type(function).__name__)
    if hasattr(function, "elementwise"):
        return _quantizer_piece(function, name, call)
    # A user's function may carry any name: only Keras's own is known by it.
    if any(function is getattr(quantizers, name) for name in _OURS):
        return Elementwise(name, call)
    known = function is not None and function is getattr(keras.activations, label, None)
    if known and label in _HEADS:
        return Elementwise(name, call, head=_HEADS[label])
    if known and label in _MONOTONE:
        return Elementwise(name, call)
    if function is not None and not _is_elementwise(function):
        raise Unsupported(
            f"the activation {label} is not element-wise",
            where=f"layer '{name}'",
            remedy="use one that is, or softmax at the output",
        )
    return Elementwise(name, call, monotone=False)


def _quantizer_piece(quantizer: Any, name: str, call: Any) -> Elementwise:
    if not quantizer.elementwise:
        raise Unsupported(
            f"{quantizer} depends on the whole tensor or on chance",
            where=f"layer '{name}'",
            remedy="use alpha=None, a number, or a deterministic quantizer for activations",
        )
    grid, axes = quantizer.grid(), quantizer.differs_along
    return Elementwise(
        name,
        call,
        channelwise=bool(axes),
        elementwise=any(axis < -1 for axis in axes),
        monotone=quantizer.monotone,
        step=None if grid is None else grid.step,
        steps_differ=bool(axes),
    )


def _is_elementwise(function: Any) -> bool:
    """Whether a part of a tensor gives the same part of the result: then elements do not meet."""
    x = np.linspace(-3, 3, 60, dtype=np.float32).reshape(12, 5)

    def call(part: Any) -> Any:
        return np.asarray(ops.convert_to_numpy(function(ops.convert_to_tensor(part))))

    try:
        whole, part, flat = call(x), call(x[:6, :2]), call(x.reshape(-1, 1))
    except Exception:  # a function of the user's may raise anything on shapes that it was not made for
        return False
    if whole.shape != x.shape or part.shape != (6, 2) or flat.shape != (60, 1):
        return False
    return np.allclose(whole[:6, :2], part, equal_nan=True) and np.allclose(whole.reshape(-1, 1), flat, equal_nan=True)
