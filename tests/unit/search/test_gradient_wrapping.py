"""Activations that wrap: as if nothing overflowed on the samples of the calibration, and bit-exact beyond them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers as kl

import bitwright as bw
from bitwright.core.errors import ConfigError
from bitwright.search.gradient import Gradient, set_weights, trainable_copy, wrapped
from bitwright.search.gradient.state import stacked, started
from bitwright.search.gradient.wrapping import calibrated
from bitwright.search.price import price_now
from bitwright.train.layers import QFixedPoint

RNG = np.random.default_rng(31)


def test_what_wraps_equals_what_saturates_wherever_ranges_hold_and_compiles_beyond_them() -> None:
    keras.utils.set_random_seed(6)
    x = RNG.normal(0, 1, (300, 5)).astype(np.float32)
    model = keras.Sequential([keras.Input((5,)), kl.Dense(6, activation="relu"), kl.Dense(4), kl.Dense(2)])
    copy = trainable_copy(model, x, Gradient(overflow="wrap", activation_bits=5))
    assert "integer" not in {v.name for v in copy.trainable_variables}
    # Far too narrow: only a calibration makes them fit.
    for variable in copy.non_trainable_variables:
        if variable.name == "integer":
            variable.assign(variable - 2.0)
    state = calibrated(copy, stacked([started(copy)]), x, 1.25).pick(0)
    narrow = copy.predict(x, verbose=0)
    found = wrapped(copy, x, 1.25)
    set_weights(copy, state)
    whole = copy.predict(x, verbose=0)
    assert price_now(found)["luts"] == price_now(copy)["luts"]
    assert sum(isinstance(layer, QFixedPoint) for layer in found.layers) == 3
    assert not np.array_equal(narrow, whole)
    assert np.array_equal(found.predict(x, verbose=0), whole)
    far = 6 * x
    reached = found.predict(far, verbose=0)
    assert not np.array_equal(reached, copy.predict(far, verbose=0))
    assert np.array_equal(bw.compile(found).predict(far), reached)


def test_ranges_that_follow_the_data_prove_no_sum() -> None:
    with pytest.raises(ConfigError, match="follow the data"):
        Gradient(overflow="wrap", accumulator_bits=12)
    with pytest.raises(ConfigError, match="margin"):
        Gradient(overflow="wrap", margin=0.5)
