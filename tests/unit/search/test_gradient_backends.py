"""The gradient method on TensorFlow and torch: one model after the other, to the same result for the same seed."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from bitwright.search.gradient import Gradient, gradient_front, set_weights, trainable_copy
from bitwright.search.losses import accuracy, loss_for

pytestmark = [
    pytest.mark.backend,
    pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX trains models side by side"),
]


def search() -> tuple[Any, Any, Any]:
    """What a small search found, the copy that it trained, and its samples."""
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (200, 4)).astype(np.float32)
    y = (x[:, 0] > x[:, 1]).astype(np.int64)
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(6), keras.layers.BatchNormalization(), keras.layers.ReLU(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    options = Gradient(points=2, epochs=(6, 2), batch_size=25, first=150.0, last=80.0, learning_rate=0.03)
    copy = trainable_copy(model, x, options)
    found = gradient_front(
        copy, (x, y), (x, y), options, loss=loss_for(model, y, None, 0.0), score=accuracy, measure=lambda _: 100.0
    )
    return found, copy, (x, y)


def test_the_same_seed_gives_the_same_models_which_learned_and_grew_cheaper() -> None:
    found, copy, (x, y) = search()
    own = [np.array(ops.convert_to_numpy(v)) for v in copy.trainable_variables]
    assert search()[0].history == found.history
    assert all(np.array_equal(a, ops.convert_to_numpy(v)) for a, v in zip(own, copy.trainable_variables, strict=True))
    best = found.candidates[-1]
    assert best.score > 0.8
    assert found.history[-1].price < found.history[2].price
    assert {row.run for row in found.history if row.stage == "finish"} == set(range(len(found.candidates)))
    again = set_weights(copy, best.state).predict(x, batch_size=400, verbose=0)
    assert accuracy(again, y) == pytest.approx(best.score)
