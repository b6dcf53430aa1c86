"""Digits that the loss does better without are taken from trained models, and no others."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from bitwright.core.errors import ConfigError
from bitwright.search.gradient import Gradient, gradient_front, set_weights, trainable_copy
from bitwright.search.gradient.accumulators import accumulator_bits
from bitwright.search.gradient.engines import engine_for
from bitwright.search.gradient.polish import Polish, Polished
from bitwright.search.gradient.state import State, started
from bitwright.search.losses import accuracy, loss_for
from bitwright.search.price import price_now

RNG = np.random.default_rng(31)
X = RNG.normal(0, 1, (640, 6)).astype(np.float32)
Y = (X[:, 0] - X[:, 1] > 0).astype(np.int64)


def network() -> Any:
    """The answer is in the first two inputs; the others are noise that its weights read all the same."""
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((6,)), kl.Dense(4, activation="relu"), kl.Dense(2)])
    copy = trainable_copy(model, X, Gradient())
    first, last = np.full((6, 4), 0.125), np.zeros((4, 2))
    first[:2] = [[1, 1, -1, -1], [-1, -1, 1, 1]]
    last[:2, 1], last[2:, 0] = 1, 1
    copy.layers[-2].kernel.assign(first)
    copy.layers[-1].kernel.assign(last)
    return copy


def polished(beta: float, work: float = 1e6) -> tuple[Any, Polished]:
    copy = network()
    loss = loss_for(copy, Y, None, 0.0)
    polish = Polish(copy, engine_for(copy, loss, "luts", 1.0, 1.0), loss, (X, Y, None), work, 0)
    assert not polish.idle
    return copy, polish(started(copy), beta, 0)


def kernels(model: Any, state: State) -> list[Any]:
    """The weights as hardware has them."""
    set_weights(model, state)
    return [np.asarray(layer.get_quantizers()[0](layer.kernel)) for layer in model.layers[-2:]]


def test_weights_of_noise_go_and_those_of_the_answer_stay() -> None:
    model, done = polished(1e-4)
    first, last = kernels(model, done.state)
    assert done.taken >= 12
    assert np.count_nonzero(first[2:]) <= 4
    assert np.array_equal(first[:2], [[1, 1, -1, -1], [-1, -1, 1, 1]])
    assert np.array_equal(last, [[0, 1], [0, 1], [1, 0], [1, 0]])


def test_loss_and_price_together_fall_and_an_expensive_price_takes_what_the_loss_would_keep() -> None:
    model = network()
    loss = loss_for(model, Y, None, 0.0)
    before = float(loss(keras.ops.convert_to_tensor(model.predict(X, verbose=0)), Y, None))
    begun = price_now(model, 1.0)["luts"]
    for beta in (1e-4, 1e-1):
        done = polished(beta)[1]
        assert done.loss + beta * done.price < before + beta * begun
        assert done.price < begun
    assert polished(1e-1)[1].price < polished(1e-4)[1].price


def test_the_same_seed_takes_the_same_digits_and_little_work_none() -> None:
    one, two = polished(1e-3)[1], polished(1e-3)[1]
    assert one.taken == two.taken > 0
    assert all(np.array_equal(a, b) for a, b in zip(one.state.trained, two.state.trained, strict=True))
    copy = network()
    loss = loss_for(copy, Y, None, 0.0)
    assert Polish(copy, engine_for(copy, loss, "luts", 1.0, 1.0), loss, (X, Y, None), 10 * len(X), 0).idle


@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_digits_that_weights_share_are_taken_from_all_of_them(granularity: str) -> None:
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((6,)), kl.Dense(24, activation="relu"), kl.Dense(24)])
    copy = trainable_copy(model, X, Gradient(weight_granularity=granularity))
    loss = loss_for(copy, Y, None, 0.0)
    polish = Polish(copy, engine_for(copy, loss, "luts", 1.0, 1.0), loss, (X, Y, None), 1e6, 0)
    done = polish(started(copy), 1.0, 0)
    assert done.taken >= (2 if granularity == "tensor" else 40)
    before = sum(np.count_nonzero(kernel) for kernel in kernels(copy, started(copy)))
    assert sum(np.count_nonzero(kernel) for kernel in kernels(copy, done.state)) < before / 2


def test_the_front_of_a_search_is_polished_and_keeps_what_was_asked_of_its_sums() -> None:
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((6,)), kl.Dense(8, activation="relu"), kl.Dense(2)])

    def front(polish: float) -> tuple[Any, Any]:
        options = Gradient(points=2, epochs=(60, 20), first=150.0, last=40.0, polish=polish, accumulator_bits=10)
        copy = trainable_copy(model, X, options)
        loss = loss_for(copy, Y, None, 0.0)
        told = gradient_front(copy, (X, Y), (X[:200], Y[:200]), options, loss=loss, score=accuracy)
        return copy, told.candidates

    (_, plain), (copy, found) = front(0.0), front(1.0)
    assert all("fewer" not in candidate.origin for candidate in plain)
    assert all(candidate.origin.endswith(" digits fewer") for candidate in found)
    assert sum(candidate.price for candidate in found) < sum(candidate.price for candidate in plain)
    assert max(candidate.score for candidate in found) > 0.9
    assert all(max(accumulator_bits(set_weights(copy, candidate.state)).values()) <= 10 for candidate in found)


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="polish"):
        Gradient(polish=1.5)
