"""Element-wise pieces of a Keras model, kept as the real functions until they meet the integer grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from bitwright.ir.interface import Head

__all__ = ["Elementwise", "Evaluation", "apply_chain", "evaluate"]

_FEWEST = 256


@dataclass(frozen=True)
class Elementwise:
    """One element-wise function of a layer.

    `apply` maps a backend tensor (any leading axes, channels last) to one of the same shape.
    `channelwise`: it differs from channel to channel; `elementwise`: even from element to element.
    `step` is the exact step of the values it yields, where a quantizer fixes one.
    `head` marks a float function that hardware does not compute. `variables` are the layer's.
    """

    layer: str
    apply: Callable[[Any], Any]
    channelwise: bool = False
    monotone: bool = True
    step: Fraction | None = None
    head: Head | None = None
    elementwise: bool = False
    variables: tuple[Any, ...] = field(default=(), compare=False)


class Evaluation(Enum):
    """How a chain is called: the layers one by one, or traced and compiled as in `predict`."""

    EAGER = "eager"
    COMPILED = "compiled"


def apply_chain(chain: Sequence[Elementwise], x: Any) -> Any:
    """The chain's value on a backend tensor."""
    for piece in chain:
        x = piece.apply(x)
    return x


def evaluate(chain: Sequence[Elementwise], mode: Evaluation) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """The chain as a function from numpy to numpy, on the model's own backend and precision."""
    call: Callable[[Any], Any] = lambda x: apply_chain(chain, x)  # noqa: E731
    if mode is Evaluation.COMPILED:
        call = _compiled(call, [v for piece in chain for v in piece.variables])

    def run(x: NDArray[Any]) -> NDArray[Any]:
        # Backends compile for each shape anew: few shapes, few compilations.
        rows = max(_FEWEST, 1 << (len(x) - 1).bit_length())
        padded = np.pad(x, ((0, rows - len(x)), *[(0, 0)] * (x.ndim - 1)), mode="edge")
        tensor = ops.convert_to_tensor(padded.astype(keras.config.floatx()))
        return np.asarray(ops.convert_to_numpy(call(tensor)))[: len(x)]

    return run


def _compiled(call: Callable[[Any], Any], variables: Sequence[Any]) -> Callable[[Any], Any]:
    match keras.backend.backend():
        case "jax":
            return _jitted(call, list({id(v): v for v in variables}.values()))
        case "tensorflow":
            import tensorflow as tf

            return tf.function(call, autograph=False)
        case _:
            return call


def _jitted(call: Callable[[Any], Any], variables: Sequence[Any]) -> Callable[[Any], Any]:
    """Weights are arguments, as in predict: folded as constants they would give other last digits."""
    import jax

    def pure(values: Sequence[Any], x: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return call(x)

    traced = jax.jit(pure)
    return lambda x: traced([v.value for v in variables], x)
