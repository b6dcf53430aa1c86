"""Epochs of models one after the other, under TensorFlow (compiled) and torch (eager)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.search.gradient.interface import ADAM, CHUNK, Loss, Told
from bitwright.search.gradient.state import State, borrowed, stacked, started, widths_among
from bitwright.search.price import price_of
from bitwright.train.door import keras, ops

__all__ = ["SequentialEngine"]

_B1, _B2, _EPSILON = ADAM


class SequentialEngine:
    """Trains states of `model`, whose own variables are as before after each call. Arguments as of `engine_for`."""

    def __init__(self, model: Any, loss: Loss, metric: str, removed: float, width_rate: float) -> None:
        self.model, self.loss, self.metric, self.removed = model, loss, metric, removed
        self.rates = [width_rate if width else 1.0 for width in widths_among(model)]
        torch = keras.backend.backend() == "torch"
        self._slopes = _torch_slopes if torch else _tensorflow_slopes
        self._step = self._one if torch else _graph(self._one)
        self._forward = _without_gradients(self._predict) if torch else _graph(self._predict)
        self._priced = _without_gradients(self._price) if torch else _graph(self._price)

    def epoch(
        self,
        state: State,
        data: tuple[Any, Any, Any],
        order: NDArray[np.int64],
        betas: NDArray[np.float64],
        rate: float,
    ) -> tuple[State, Told]:
        """One pass of every model over the same batches, as `Engine` says."""
        after, losses, prices = list[State](), list[float](), list[float]()
        for run, beta in enumerate(betas):
            begun = state.pick(run)
            with borrowed(self.model, begun):
                moved, loss = self._pass(begun, data, order, float(beta), rate)
                prices.append(float(ops.convert_to_numpy(self._priced())))
            after.append(moved)
            losses.append(loss)
        return stacked(after), Told(np.array(losses, np.float64), np.array(prices, np.float64))

    def prices(self, state: State) -> NDArray[np.float64]:
        """The price of each model, (models,)."""
        found: list[float] = []
        for run in range(len(state.trained[0])):
            with borrowed(self.model, state.pick(run)):
                found.append(float(ops.convert_to_numpy(self._priced())))
        return np.array(found, np.float64)

    def outputs(self, state: State, x: NDArray[Any]) -> NDArray[np.float32]:
        """(models, samples, ...): what the models return at inference."""
        found: list[NDArray[np.float32]] = []
        for run in range(len(state.trained[0])):
            with borrowed(self.model, state.pick(run)):
                parts = [self._forward(ops.convert_to_tensor(x[i : i + CHUNK])) for i in range(0, len(x), CHUNK)]
            found.append(np.concatenate([np.asarray(ops.convert_to_numpy(part)) for part in parts]))
        return np.stack(found)

    def _pass(
        self, begun: State, data: tuple[Any, Any, Any], order: NDArray[np.int64], beta: float, rate: float
    ) -> tuple[State, float]:
        """(the model's state after the batches, their mean loss); the variables are those of the model."""
        mean, square = ([ops.convert_to_tensor(a) for a in part] for part in (begun.mean, begun.square))
        steps, losses = float(begun.steps), list[Any]()
        for chosen in order:
            x, y, taught = (None if a is None else ops.convert_to_tensor(np.asarray(a)[chosen]) for a in data)
            steps += 1.0
            told = [ops.convert_to_tensor(np.float32(n)) for n in (beta, rate, 1 - _B1**steps, 1 - _B2**steps)]
            mean, square, loss = self._step(x, y, taught, told, mean, square)
            losses.append(loss)
        now = started(self.model)
        kept = [[np.array(a) for a in part] for part in (now.trained, now.others)]
        means = [[np.asarray(ops.convert_to_numpy(a)) for a in part] for part in (mean, square)]
        total = np.mean([float(ops.convert_to_numpy(loss)) for loss in losses])
        return State(kept[0], kept[1], means[0], means[1], steps), float(total)

    def _one(self, x: Any, y: Any, taught: Any, told: Any, mean: Any, square: Any) -> Any:
        """A step of Adam on the model's own variables: the means after it and the loss."""
        beta, rate, first, second = told
        variables = self.model.trainable_variables

        def total() -> tuple[Any, Any]:
            loss = self.loss(self.model(x, training=True), y, taught)
            return loss + beta * self._price(), loss

        slopes, loss = self._slopes(total, variables)
        mean = [_B1 * m + (1 - _B1) * g for m, g in zip(mean, slopes, strict=True)]
        square = [_B2 * v + (1 - _B2) * g * g for v, g in zip(square, slopes, strict=True)]
        for variable, share, m, v in zip(variables, self.rates, mean, square, strict=True):
            value = ops.stop_gradient(ops.convert_to_tensor(variable))
            moved = value - rate * share * (m / first) / (ops.sqrt(v / second) + _EPSILON)
            variable.assign(moved if variable.constraint is None else variable.constraint(moved))
        return mean, square, loss

    def _predict(self, x: Any) -> Any:
        return self.model(x, training=False)

    def _price(self) -> Any:
        return getattr(price_of(self.model, self.removed), self.metric)


def _torch_slopes(total: Callable[[], tuple[Any, Any]], variables: list[Any]) -> tuple[list[Any], Any]:
    import torch

    values = [v.value for v in variables]
    with torch.enable_grad():
        value, loss = total()
        found: Any = torch.autograd.grad(value, values, allow_unused=True)
    return [torch.zeros_like(v) if g is None else g for g, v in zip(found, values, strict=True)], loss.detach()


def _tensorflow_slopes(total: Callable[[], tuple[Any, Any]], variables: list[Any]) -> tuple[list[Any], Any]:
    import tensorflow as tf

    values = [v.value for v in variables]
    with tf.GradientTape() as tape:
        value, loss = total()
    found = tape.gradient(value, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [tf.convert_to_tensor(g) for g in found], loss


def _graph(function: Callable[..., Any]) -> Callable[..., Any]:
    import tensorflow as tf

    return tf.function(function)


def _without_gradients(function: Callable[..., Any]) -> Callable[..., Any]:
    import torch

    return torch.no_grad()(function)
