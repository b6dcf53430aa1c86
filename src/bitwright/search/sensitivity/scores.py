"""What a quantized tensor costs: how far the outputs move away from those of the float model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops

__all__ = ["divergence", "flat_outputs", "kind_of_score", "probabilities", "scorer", "share_right"]

Floats = NDArray[np.float64]
Scorer = Callable[[Any], float]
_LEAST = 1e-12


def kind_of_score(score: str, outputs: Any) -> str:
    """"kl", "loss" or "mse"; "auto" looks whether the outputs are probabilities of classes."""
    if score != "auto":
        return score
    return "kl" if all(probabilities(part) for part in flat_outputs(outputs)) else "mse"


def scorer(model: Any, score: str, outputs: Any, y: Any) -> Scorer:
    """The function from outputs to a score: 0 for `outputs`, which are the float model's.

    Raises InvalidValue for "loss" without labels or a compiled model, and for "kl" of outputs that are
    no probabilities.
    """
    wanted = flat_outputs(outputs)
    if score == "loss":
        return _rise(model, outputs, y)
    if score == "kl":
        if not all(probabilities(part) for part in wanted):
            raise InvalidValue(
                "the outputs are no probabilities", where="Sensitivity(score='kl')",
                remedy="end the model with a softmax, or use score='mse'",
            )  # fmt: skip
        return lambda found: sum(divergence(a, b) for a, b in zip(wanted, flat_outputs(found), strict=True))
    variances = [float(part.var()) or 1.0 for part in wanted]

    def error(found: Any) -> float:
        parts = zip(wanted, flat_outputs(found), variances, strict=True)
        return sum(float(((a - b) ** 2).mean()) / size for a, b, size in parts)

    return error


def share_right(outputs: Any, y: Any) -> Callable[[Any], float] | None:
    """The function from outputs to the share of right classes; None where y are no classes of one output.

    y: class numbers (samples,) or (samples, 1), or one-hot rows like the outputs.
    """
    parts = flat_outputs(outputs)
    if y is None or len(parts) != 1 or not probabilities(parts[0]) or len(keras.tree.flatten(y)) != 1:
        return None
    told = np.asarray(keras.tree.flatten(y)[0])
    if told.shape == parts[0].shape:
        told = told.argmax(axis=-1)
    told = told.reshape(len(told), -1)[:, 0] if told.size == len(told) else told
    if told.shape != parts[0].shape[:-1]:
        return None
    return lambda found: float((flat_outputs(found)[0].argmax(axis=-1) == told).mean())


def divergence(wanted: Floats, found: Floats) -> float:
    """The mean Kullback-Leibler divergence of the classes' probabilities (last axis), in nats."""
    p, q = np.maximum(wanted, _LEAST), np.maximum(found, _LEAST)
    return float((p * (np.log(p) - np.log(q))).sum(axis=-1).mean())


def probabilities(outputs: Floats) -> bool:
    """Whether the last axis holds probabilities of classes.

    >>> probabilities(np.array([[0.25, 0.75]])), probabilities(np.array([[0.5]]))
    (True, False)
    """
    return outputs.shape[-1] > 1 and bool((outputs >= 0).all() and np.allclose(outputs.sum(axis=-1), 1, atol=1e-3))


def flat_outputs(outputs: Any) -> list[Floats]:
    """The outputs of a model as float64 arrays, however they are nested."""
    return [np.asarray(part, np.float64) for part in keras.tree.flatten(outputs)]


def _rise(model: Any, outputs: Any, y: Any) -> Scorer:
    if y is None or not getattr(model, "compiled", False):
        raise InvalidValue(
            "the loss needs labels and a compiled model", where="Sensitivity(score='loss')",
            remedy="give y and compile the model, or use score='kl'",
        )  # fmt: skip
    target = keras.tree.map_structure(lambda part: ops.convert_to_tensor(np.asarray(part)), y)

    def loss(found: Any) -> float:
        given = keras.tree.map_structure(lambda part: ops.convert_to_tensor(np.asarray(part)), found)
        return float(ops.convert_to_numpy(model.compute_loss(y=target, y_pred=given)))

    base = loss(outputs)
    return lambda found: loss(found) - base
