"""The C++ emulator of networks whose inputs enter in formats of their own."""

import keras
import numpy as np
import pytest

import bitwright as bw
from bitwright.flow.emulators import build_emulator
from bitwright.layers import QFixedPoint
from bitwright.numeric import Overflow, Rounding


@pytest.mark.long
@pytest.mark.parametrize("overflow", list(Overflow))
@pytest.mark.parametrize("rounding", [Rounding.HALF_UP, Rounding.HALF_ZERO, Rounding.HALF_DOWN, Rounding.TRUNCATE])
def test_inputs_enter_as_in_the_model(rounding, overflow):
    source, layer = keras.Input((6,)), QFixedPoint((6,), rounding, overflow)
    model = keras.Model(source, layer(source))
    layer.set_formats([1, 0, 1, 0, 1, 1], [2, 2, 3, 3, -2, 2], [3, 1, -3, -3, 2, -3])
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(200, 6)) * 6, rng.integers(-64, 64, size=(200, 6)) / 8]).astype(np.float32)
    assert np.array_equal(build_emulator(bw.compile(model)).predict(x), model.predict(x, verbose=0))
