"""The loss and the score of a task where nobody says: class numbers or numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.train.door import keras, ops
from bitwright.train.wiring import functional_of

__all__ = ["accuracy", "ends_in_softmax", "keras_loss", "loss_for", "negative_error", "score_for", "taught_by"]


def loss_for(model: Any, labels: NDArray[Any], told: Any, distill: float) -> Callable[[Any, Any, Any], Any]:
    """(outputs, labels, a teacher's outputs or None) to a scalar, the teacher weighing `distill`.

    told: a Keras loss or its name (None: cross-entropy for class numbers, else the mean squared error).
    """
    classes, softmax = _is_class(labels), ends_in_softmax(model)
    hard = keras_loss(model, labels, told)

    def loss(outputs: Any, y: Any, taught: Any) -> Any:
        found = ops.mean(hard(y, outputs))
        if taught is None or not distill:
            return found
        return (1 - distill) * found + distill * _apart(outputs, taught, classes, softmax)

    return loss


def keras_loss(model: Any, labels: NDArray[Any], told: Any) -> Any:
    """The Keras loss that is told, else cross-entropy for class numbers (of what `model` ends in) or squared error."""
    if told is not None:
        return keras.losses.get(told)
    if _is_class(labels):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=not ends_in_softmax(model))
    return keras.losses.MeanSquaredError()


def score_for(labels: NDArray[Any]) -> Callable[[NDArray[Any], NDArray[Any]], float]:
    """Accuracy for class numbers, else the negative mean squared error."""
    return accuracy if _is_class(labels) else negative_error


def accuracy(outputs: NDArray[Any], labels: NDArray[Any]) -> float:
    """The share of samples whose greatest output is that of their class."""
    return float((np.argmax(outputs, axis=-1) == labels).mean())


def negative_error(outputs: NDArray[Any], labels: NDArray[Any]) -> float:
    """The mean squared error with a minus: higher is better."""
    return -float(np.square(outputs - labels).mean())


def taught_by(teacher: Any, x: NDArray[Any], labels: NDArray[Any]) -> NDArray[Any]:
    """What `teacher` returns for `x`; for class numbers as probabilities, also where it ends in logits."""
    outputs = np.asarray(teacher.predict(x, batch_size=4096, verbose=0))
    if not _is_class(labels) or ends_in_softmax(teacher):
        return outputs
    return np.asarray(ops.convert_to_numpy(ops.softmax(outputs)))


def _apart(outputs: Any, taught: Any, classes: bool, softmax: bool) -> Any:
    """How far the outputs lie from the teacher's: cross-entropy of class probabilities, or the squared error."""
    if not classes:
        return ops.mean(ops.square(outputs - taught))
    logs = ops.log(outputs + 1e-7) if softmax else ops.log_softmax(outputs)
    return -ops.mean(ops.sum(taught * logs, axis=-1))


def _is_class(labels: NDArray[Any]) -> bool:
    return labels.ndim == 1 and labels.dtype.kind in "iu"


def ends_in_softmax(model: Any) -> bool:
    """Whether `model` returns probabilities."""
    last = functional_of(model).layers[-1]
    name = getattr(getattr(last, "activation", None), "__name__", "")
    return name == "softmax" or isinstance(last, keras.layers.Softmax)
