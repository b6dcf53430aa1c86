"""Epochs of many models side by side under JAX: one compiled scan, vectorized over the models."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from bitwright.search.gradient.interface import ADAM, CHUNK, Loss, Told
from bitwright.search.gradient.state import State, widths_among
from bitwright.search.price import price_of
from bitwright.train.door import keras

__all__ = ["JaxEngine"]

_B1, _B2, _EPSILON = ADAM


class JaxEngine:
    """Trains states of `model`. Arguments as of `engine_for`."""

    def __init__(self, model: Any, loss: Loss, metric: str, removed: float, width_rate: float) -> None:
        self.model, self.loss, self.metric, self.removed = model, loss, metric, removed
        self.constraints = [v.constraint for v in model.trainable_variables]
        self.rates = [width_rate if width else 1.0 for width in widths_among(model)]
        self._epoch = jax.jit(self._run, donate_argnums=(0,))
        self._outputs = jax.jit(jax.vmap(self._predict, in_axes=(0, 0, None)))
        self._priced = jax.jit(jax.vmap(self._price))

    def epoch(
        self,
        state: State,
        data: tuple[Any, Any, Any],
        order: NDArray[np.int64],
        betas: NDArray[np.float64],
        rate: float,
    ) -> tuple[State, Told]:
        """One pass of all models at once, as `Engine` says."""
        parts = (state.trained, state.others, state.mean, state.square, jnp.float32(state.steps))
        packed, losses = self._epoch(parts, data, jnp.asarray(order), jnp.float32(betas), jnp.float32(rate))
        after = State(*packed)
        return after, Told(np.asarray(losses, np.float64), self.prices(after))

    def prices(self, state: State) -> NDArray[np.float64]:
        """The price of each model, (models,)."""
        return np.asarray(self._priced(state.trained, state.others), np.float64)

    def outputs(self, state: State, x: NDArray[Any]) -> NDArray[np.float32]:
        """(models, samples, ...): what the models return at inference."""
        parts = [self._outputs(state.trained, state.others, x[i : i + CHUNK]) for i in range(0, len(x), CHUNK)]
        return np.concatenate([np.asarray(part) for part in parts], axis=1)

    def _predict(self, trained: Any, others: Any, x: Any) -> Any:
        return self.model.stateless_call(trained, others, x, training=False)[0]

    def _price(self, trained: Any, others: Any) -> Any:
        pairs = [
            *zip(self.model.trainable_variables, trained, strict=True),
            *zip(self.model.non_trainable_variables, others, strict=True),
        ]
        with keras.StatelessScope(state_mapping=pairs):
            return getattr(price_of(self.model, self.removed), self.metric)

    def _run(self, state: Any, data: Any, order: Any, betas: Any, rate: Any) -> Any:
        step = jax.vmap(self._step, in_axes=((0, 0, 0, 0, None), None, 0, None), out_axes=((0, 0, 0, 0, None), 0))

        def body(carry: Any, chosen: Any) -> Any:
            return step(carry, jax.tree.map(lambda a: a[chosen], data), betas, rate)

        state, losses = jax.lax.scan(body, state, order)
        return state, jnp.mean(losses, axis=0)

    def _step(self, state: Any, batch: Any, beta: Any, rate: Any) -> Any:
        trained, others, mean, square, steps = state
        x, y, taught = batch

        def total(trained: Any) -> Any:
            found, after = self.model.stateless_call(trained, others, x, training=True)
            loss = self.loss(found, y, taught)
            return loss + beta * self._price(trained, others), (loss, after)

        (_, (loss, others)), slopes = jax.value_and_grad(total, has_aux=True)(trained)
        steps = steps + 1.0
        mean = [_B1 * m + (1 - _B1) * g for m, g in zip(mean, slopes, strict=True)]
        square = [_B2 * v + (1 - _B2) * g * g for v, g in zip(square, slopes, strict=True)]
        trained = [
            self._moved(i, value, m / (1 - _B1**steps), v / (1 - _B2**steps), rate)
            for i, (value, m, v) in enumerate(zip(trained, mean, square, strict=True))
        ]
        return (trained, others, mean, square, steps), loss

    def _moved(self, index: int, value: Any, mean: Any, square: Any, rate: Any) -> Any:
        moved = value - rate * self.rates[index] * mean / (jnp.sqrt(square) + _EPSILON)
        constraint = self.constraints[index]
        return moved if constraint is None else constraint(moved)
