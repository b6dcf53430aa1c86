"""Activations as element-wise pieces: what is known of a quantizer or a Keras function."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras

from bitwright.core.errors import Unsupported
from bitwright.frontends.keras.elementwise import Elementwise
from bitwright.frontends.keras.walk import Lazy
from bitwright.ir.interface import Head

__all__ = ["activation_piece", "then"]

_HEADS = {
    "softmax": Head.SOFTMAX,
    "log_softmax": Head.LOG_SOFTMAX,
    "sigmoid": Head.SIGMOID,
    "tanh": Head.TANH,
}
_MONOTONE = {"relu", "relu6", "linear", "hard_sigmoid", "hard_tanh", "softplus", "softsign", "elu", "selu",
             "leaky_relu", "exponential", "sigmoid", "tanh", "celu", "sparse_plus"}  # fmt: skip


def activation_piece(function: Any, name: str, call: Any) -> Elementwise:
    """An activation (a quantizer, a Keras function) as an element-wise piece with what is known of it."""
    label = getattr(function, "__name__", type(function).__name__)
    if hasattr(function, "elementwise"):
        if not function.elementwise:
            raise Unsupported(
                f"{function} depends on the whole tensor or on chance",
                where=f"layer '{name}'",
                remedy="use alpha=None, a number, or a deterministic quantizer for activations",
            )
        grid = function.grid()
        return Elementwise(name, call, monotone=True, step=None if grid is None else grid.step)
    # A user's function may carry any name: only Keras's own is known by it.
    known = function is getattr(keras.activations, label, None)
    if known and label in _HEADS:
        return Elementwise(name, call, head=_HEADS[label])
    return Elementwise(name, call, monotone=known and label in _MONOTONE)


def then(lazy: Lazy, piece: Elementwise) -> Lazy:
    """Append a piece; a float head that a quantizer follows is an ordinary function after all."""
    if lazy.chain and lazy.chain[-1].head in (Head.SIGMOID, Head.TANH) and piece.head is None:
        lazy = replace(lazy, chain=(*lazy.chain[:-1], replace(lazy.chain[-1], head=None)))
    return lazy.then(piece)


