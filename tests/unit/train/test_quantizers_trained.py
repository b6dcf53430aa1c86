"""Quantizers with trained widths: exact grids, gradients toward widths, variables that are kept."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

import bitwright.layers  # noqa: F401 - models name its classes
from bitwright.core.errors import InvalidValue
from bitwright.numeric import nonzero_digits
from bitwright.train.layers import QActivation, QDense
from bitwright.train.quantizers import trained_bits, trained_digits

RNG = np.random.default_rng(5)


def as_numpy(x: object) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(x))


@pytest.mark.parametrize("keep_negative", [True, False])
@pytest.mark.parametrize("bits", [1, 2, 5])
def test_trained_bits_round_half_up_and_saturate(keep_negative: bool, bits: int) -> None:
    quantizer = trained_bits(bits + keep_negative, 1, keep_negative, "tensor")
    x = np.concatenate([RNG.normal(0, 2, 500), np.arange(-8, 8) / 16]).astype(np.float32)
    step = 2.0 ** (1 - bits)
    low, high = (-(2.0**bits) if keep_negative else 0.0), 2.0**bits - 1
    expected = np.clip(np.floor(x / step + 0.5), low, high) * step
    assert np.array_equal(as_numpy(quantizer(x)), expected.astype(np.float32))


@pytest.mark.parametrize("keep_negative", [True, False])
def test_an_element_without_bits_is_zero_and_has_no_width(keep_negative: bool) -> None:
    layer = QActivation(trained_bits(4 + keep_negative, 2, keep_negative))
    layer(np.zeros((1, 3), np.float32))
    layer.quantizer.trained["fraction"].assign([2.0, -2.0, -3.0])
    out = as_numpy(layer(np.full((1, 3), 1.3, np.float32)))
    assert out.tolist() == [[1.25, 0.0, 0.0]]
    assert as_numpy(layer.quantizer.widths()).tolist() == [4.0 + keep_negative, 0.0, 0.0]


@pytest.mark.parametrize("granularity", ["tensor", "channel", "element"])
def test_digits_are_the_nearest_powers_of_two_and_never_more_than_needed(granularity: str) -> None:
    quantizer = trained_digits(2, granularity=granularity)
    weights = RNG.normal(0, 1, (6, 5)).astype(np.float32)
    codes = np.rint(as_numpy(quantizer(weights)) * 256).astype(np.int64)
    assert np.array_equal(codes / 256, as_numpy(quantizer(weights)))
    digits = nonzero_digits(codes)
    assert digits.max() <= 2
    assert np.array_equal(as_numpy(quantizer.counts(weights)), digits)
    # Two digits leave at most a ninth of the largest one, or half the finest step.
    assert (np.abs(codes / 256 - weights) <= np.maximum(np.abs(weights) / 5, 1 / 256)).all()


def test_all_digits_give_the_nearest_multiple_of_the_finest_power() -> None:
    quantizer = trained_digits(8, most=8, fraction=4)
    weights = RNG.uniform(-3, 3, 300).astype(np.float32)
    assert (np.abs(as_numpy(quantizer(weights)) - weights) <= 2 / 3 / 16 + 1e-6).all()


def test_no_digits_prune() -> None:
    quantizer = trained_digits(0)
    weights = RNG.normal(0, 1, 20).astype(np.float32)
    assert not as_numpy(quantizer(weights)).any()
    assert not as_numpy(quantizer.counts(weights)).any()


def test_saved_models_keep_their_widths(tmp_path: Path) -> None:
    inputs = keras.Input((4,))
    x = QActivation(trained_bits(6, 2, granularity="element"))(inputs)
    x = QDense(3, activation=trained_bits(4, 1, False), kernel_quantizer=trained_digits(2), bias_quantizer=None)(x)
    model = keras.Model(inputs, QDense(2, kernel_quantizer=trained_bits(4, 1, granularity="tensor"))(x))
    for variable in model.trainable_variables:
        if variable.name in ("fraction", "integer", "digits"):
            variable.assign(variable + RNG.normal(0, 1, variable.shape))
    data = RNG.normal(0, 1, (50, 4)).astype(np.float32)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert np.array_equal(model.predict(data, verbose=0), again.predict(data, verbose=0))
    assert [v.shape for v in again.trainable_variables] == [v.shape for v in model.trainable_variables]


def test_widths_learn_from_the_loss_alone() -> None:
    """Too narrow to fit, a quantizer widens; its fraction moves although nothing prices it."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((1,))
    layer = QActivation(trained_bits(3, 1))
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.Adam(0.05), "mse")
    x = RNG.uniform(-1, 1, (512, 1)).astype(np.float32)
    before = model.evaluate(x, x, verbose=0)
    model.fit(x, x, epochs=30, batch_size=64, verbose=0)
    assert float(as_numpy(layer.quantizer.trained["fraction"])[0]) > 2.5
    assert model.evaluate(x, x, verbose=0) < before / 4


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="gradients are taken by JAX here")
@pytest.mark.parametrize("keep_negative", [True, False])
@pytest.mark.parametrize("count", [300, 5000])
def test_gradients_are_of_one_more_bit_and_of_at_most_4096_samples(count: int, keep_negative: bool) -> None:
    import jax

    layer = QActivation(trained_bits(3 + keep_negative, 1, keep_negative))
    x, flow = RNG.normal(0, 1.5, (2, count, 4)).astype(np.float32)
    layer(x[:1])
    held = layer.quantizer.trained
    held["fraction"].assign([2.0, 3.0, 1.0, -1.0])

    def total(x: object, values: list[object]) -> object:
        with keras.StatelessScope(state_mapping=list(zip(held.values(), values, strict=True))):
            return ops.sum(layer(x) * flow)

    inner, (fraction, integer) = jax.jit(jax.grad(total, argnums=(0, 1)))(x, [v.value for v in held.values()])
    value, step = as_numpy(layer(x)), 2.0 ** -np.array([2.0, 3.0, 1.0, -1.0])
    high, low = 2.0 - step, -2.0 if keep_negative else 0.0
    above, below = x > high, x < low
    inside = ~(above | below)
    many, weight = min(count, 4096), count / min(count, 4096)
    assert np.array_equal(as_numpy(inner)[:, :3], np.where(inside, flow, 0)[:, :3])
    moved = (flow * (x - value) * inside)[:many].sum(axis=0) * np.log(2) * weight
    reach = (flow * (above.astype(int) - (below.astype(int) if keep_negative else 0)))[:many].sum(axis=0)
    live = slice(0, 3)
    assert np.allclose(as_numpy(fraction)[live], moved[live], rtol=1e-4, atol=1e-3)
    assert np.allclose(as_numpy(integer)[live], (reach * 2 * np.log(2) * weight)[live], rtol=1e-4, atol=1e-3)


def test_calibrated_ranges_are_kept_but_not_trained() -> None:
    layer = QActivation(trained_bits(6, 2, calibrated=True))
    layer(np.zeros((1, 3), np.float32))
    assert [v.name for v in layer.trainable_variables] == ["fraction"]
    assert trained_bits.from_config(layer.quantizer.get_config()).calibrated


def test_a_new_range_keeps_the_width() -> None:
    layer = QActivation(trained_bits(8, 2))
    layer(np.zeros((1, 2), np.float32))
    layer.quantizer.set_range([0, 4])
    assert as_numpy(layer.quantizer.trained["fraction"]).tolist() == [7.0, 3.0]
    assert as_numpy(layer.quantizer.widths()).tolist() == [8.0, 8.0]
    with pytest.raises(InvalidValue, match="range is not trained"):
        trained_bits(8, 2, trained_range=False).set_range(1)


def test_unknown_granularities_and_counts_are_refused() -> None:
    with pytest.raises(InvalidValue, match="granularity"):
        trained_bits(granularity="row")
    with pytest.raises(InvalidValue, match="most=0"):
        trained_digits(most=0)
