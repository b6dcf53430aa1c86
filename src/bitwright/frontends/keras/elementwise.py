"""Chains of element-wise pieces called as Keras calls them: eagerly, or compiled as in `predict`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from bitwright.frontends.grid.elementwise import Elementwise, Evaluation, apply_chain

__all__ = ["evaluate"]

_FEWEST = 256


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
