"""Scales that are refined in rounds: a loop that ends early gives what all rounds in a row give."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.train.door import keras, ops
from bitwright.train.quantizers import quantized_bits, quantized_linear, ternary
from bitwright.train.quantizers.scales import settled, to_power
from bitwright.train.quantizers.straight import inverse

# `make test` runs everything on JAX, `make test-backends` what is marked on the others.
pytestmark = [] if keras.backend.backend() == "jax" else [pytest.mark.backend]

ROUNDS = 5
RNG = np.random.default_rng(3)
LADDER = np.repeat(0.51 * 0.5 ** np.arange(5), 5 ** np.arange(5))
"""Of half the size there are five times as many: with few levels, a scale moves by one power of two a round."""
HEAVY = (LADDER[:, None] * RNG.uniform(1.0, 1.05, 8) * RNG.choice([-1, 1], (len(LADDER), 8))).astype(np.float32)


@keras.saving.register_keras_serializable("tests")
class Quantized(keras.layers.Layer):
    """What a quantizer makes of one fixed tensor, times the input."""

    def __init__(self, quantizer):
        super().__init__()
        self.quantizer = quantizer

    def build(self, shape):
        self.tensor = self.add_weight(shape=HEAVY.shape, initializer="zeros")

    def call(self, x):
        return x[:, :1, None] * self.quantizer(self.tensor)[None]


def eager(quantizer):
    return ops.convert_to_numpy(quantizer(HEAVY))


def compiled(quantizer):
    entry = keras.Input((1,))
    layer = Quantized(quantizer)
    model = keras.Model(entry, layer(entry))
    layer.set_weights([HEAVY])
    return model.predict(np.ones((1, 1), np.float32), verbose=0)[0]


def power_of(scale):
    return np.exp2(np.rint(np.log2(scale.astype(np.float64) + 1e-7)))


def in_a_row(first, codes):
    """All rounds with numpy: the scale of every channel, and how often one of them moved."""
    scale, moves = power_of(first), 0
    for _ in range(ROUNDS):
        code = codes(HEAVY / scale)
        found = power_of((HEAVY * code).sum(0) / ((code * code).sum(0) + 1e-7 * len(HEAVY)))
        moves, scale = moves + bool((found != scale).any()), found
    return scale, moves


TOP = np.abs(HEAVY).max(0)
CASES = {
    "bits": (
        quantized_bits(2, 0, alpha="auto_po2"), TOP, lambda x: np.sign(x) * np.minimum(np.floor(abs(x) + 0.5), 1)
    ),
    "linear": (quantized_linear(2, 0, alpha="auto_po2"), TOP, lambda x: np.rint(np.clip(x, -1, 1))),
    "ternary": (ternary(alpha="auto_po2"), TOP * 2 / 3, lambda x: np.where(abs(np.rint(x)) >= 0.5, np.sign(x), 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_scale_is_where_all_rounds_in_a_row_bring_it_eager_and_compiled(name):
    quantizer, first, codes = CASES[name]
    scale, moves = in_a_row(first, codes)
    assert moves > 3
    found = eager(quantizer)
    assert np.array_equal(np.abs(found).max(0), scale)
    assert np.array_equal(found, compiled(quantizer))


def test_rounds_end_when_nothing_moves_and_after_the_last_one_at_the_latest():
    asked = []

    def falling(scale):
        asked.append(float(ops.convert_to_numpy(scale)[0]))
        return (ops.maximum(scale / 2, 4.0),)

    first = (ops.convert_to_tensor([32.0]),)
    assert ops.convert_to_numpy(settled(falling, first, 5)[0]) == [4.0]
    assert asked == [32.0, 16.0, 8.0, 4.0]
    asked.clear()
    assert ops.convert_to_numpy(settled(falling, first, 2)[0]) == [8.0]
    assert asked == [32.0, 16.0]
    asked.clear()
    # Rounded, the second round does not move it any more.
    assert ops.convert_to_numpy(settled(lambda s: (falling(s)[0] * 1.1,), first, 5, to_power)[0]) == [4.0]
    assert asked == [32.0, 16.0, 8.0, 4.0]


def test_inverses_of_powers_of_two_are_exact():
    exponents = np.arange(-126, 127)
    found = ops.convert_to_numpy(inverse(np.exp2(exponents.astype(np.float64)).astype(np.float32)))
    assert np.array_equal(found.astype(np.float64), np.exp2(-exponents.astype(np.float64)))
