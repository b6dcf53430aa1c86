"""Parts of the gradient method: folded normalizations, schedules, granularities, corrected prices."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl
from keras import ops

from bitwright.core.errors import ConfigError
from bitwright.numeric import nonzero_digits
from bitwright.search.gradient import Gradient, gradient_front, trainable_copy
from bitwright.search.gradient.control import Controller, descents, falling, holding, steering
from bitwright.search.gradient.normalization import folded
from bitwright.search.losses import accuracy, loss_for
from bitwright.search.price import price_now
from bitwright.train.layers import QActivation, QDense

RNG = np.random.default_rng(11)


def drawn(model: Any) -> Any:
    """Every variable of the model drawn, variances positive."""
    for variable in model.weights:
        value = RNG.normal(0.3, 0.5, variable.shape)
        variable.assign(np.abs(value) + 0.1 if "variance" in variable.name else value)
    return model


def test_normalizations_fold_into_the_sum_before_them_and_nowhere_else() -> None:
    inputs = keras.Input((6, 6, 2))
    x = kl.ReLU()(kl.BatchNormalization()(kl.Conv2D(3, 2, use_bias=False)(inputs)))
    x = kl.BatchNormalization(scale=False)(kl.DepthwiseConv2D(2, depth_multiplier=2)(x))
    x = kl.Dense(4, activation="relu")(kl.Flatten()(x))
    behind = kl.BatchNormalization(name="behind")(x)
    twice = kl.Dense(4)(behind)
    x = kl.Add()([kl.BatchNormalization(name="beside")(twice), twice])
    model = drawn(keras.Model(inputs, kl.BatchNormalization(center=False)(kl.Dense(3)(x))))
    found = folded(model)
    kept = [layer.name for layer in found.layers if isinstance(layer, kl.BatchNormalization)]
    assert kept == ["behind", "beside"]
    data = RNG.normal(0, 1, (20, 6, 6, 2)).astype(np.float32)
    before, after = model.predict(data, verbose=0), found.predict(data, verbose=0)
    assert np.allclose(before, after, rtol=1e-4, atol=1e-4 * np.abs(before).max())
    assert folded(found) is found


def test_the_rate_of_a_descent_falls_far_in_every_cycle_and_that_of_a_finish_to_nothing() -> None:
    cycles = falling(900, 100, 240, 0.01).rates.reshape(12, 20)
    assert np.allclose(cycles, cycles[0])
    assert cycles[0, 0] == pytest.approx(0.01)
    assert (np.diff(cycles[0]) < 0).all()
    assert 0.0004 < cycles[0, -1] < 0.0006
    finish = holding(np.array([5.0]), 20, 0.01).rates
    assert finish[0] == pytest.approx(0.005)
    assert (np.diff(finish) < 0).all()
    assert finish[-1] < 1e-4


def test_a_ramp_rises_evenly_on_a_logarithmic_scale_and_is_taken_up_again() -> None:
    plan, gains = falling(900, 100, 5, 1.0), (1.0, 0.0, 0.0)
    price, target = np.array([500.0]), np.array([100.0])
    ramp = steering(plan, np.ones(1), np.zeros(1), gains, (1e-6, 1e-2))
    betas = [float(ramp(price, target)[0]) for _ in range(3)]
    assert betas == pytest.approx([1e-6, 1e-5, 1e-4])
    again = steering(plan, np.ones(1), ramp.total, gains, (1e-6, 1e-2))
    assert float(again(price, target)[0]) == pytest.approx(1e-3)
    held = steering(holding(np.array([5.0, 9.0]), 4, 1.0), np.array([3.0, 4.0]), np.zeros(2), gains, (1e-6, 1e-2))
    assert [held(price, target).tolist() for _ in range(5)] == [[3.0, 4.0]] * 5


def test_the_gains_are_of_the_error_its_sum_and_its_change() -> None:
    target = np.array([100.0])
    errors = np.log([[1.2], [1.1], [0.9]])
    for gains, expected in (
        ((2.0, 0.0, 0.0), 2 * errors),
        ((0.0, 0.5, 0.0), 0.5 * errors.cumsum(axis=0)),
        ((0.0, 0.0, 1.0), np.diff(errors, axis=0, prepend=0.0)),
    ):
        control = Controller(np.array([7.0]), gains=gains)
        betas = [control(target * np.exp(error), target) for error in errors]
        assert np.allclose(np.log(np.array(betas) / 7.0), expected)


def span(code: Any) -> int:
    """Bits from the first to the last nonzero one of a code's non-adjacent form."""
    places, place, rest = list[int](), 0, int(code)
    while rest:
        if rest & 1:
            places.append(place)
            rest -= 2 - (rest & 3)
        rest, place = rest >> 1, place + 1
    return places[-1] - places[0] + 1 if places else 0


@pytest.mark.parametrize("granularity", ["tensor", "channel", "element"])
def test_widths_of_every_granularity_are_priced_as_they_are(granularity: str) -> None:
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((2, 4)), kl.Dense(5, activation="relu"), kl.Flatten(), kl.Dense(3)])
    options = Gradient(weight_granularity=granularity, activation_granularity=granularity)
    copy = trainable_copy(model, RNG.normal(0, 1, (64, 2, 4)).astype(np.float32), options)
    entry = next(layer for layer in copy.layers if isinstance(layer, QActivation)).quantizer
    first, second = (layer for layer in copy.layers if isinstance(layer, QDense))
    shapes = {"tensor": [(), (), ()], "channel": [(4,), (5,), (5,)], "element": [(2, 4), (2, 5), (4, 5)]}
    held = [entry, first.activation, first.kernel_quantizer]
    assert [next(iter(q.trained.values())).shape for q in held] == shapes[granularity]
    for quantizer in (*held, second.kernel_quantizer):
        for variable in quantizer.trained.values():
            variable.assign(variable + RNG.uniform(-1.4, 0.4, variable.shape))
    luts = ebops = 0.0
    for layer, quantizer, shape in ((first, entry, (2, 4)), (second, first.activation, (2, 5))):
        codes = np.rint(layer.quantized_weights()["kernel"].z * 256).astype(np.int64)
        bits = np.broadcast_to(ops.convert_to_numpy(quantizer.widths()), shape)
        bits = bits.reshape(-1, codes.shape[0])
        luts += (bits @ nonzero_digits(codes)).sum() / 2
        ebops += (bits @ np.vectorize(span)(np.abs(codes))).sum()
    luts += np.broadcast_to(ops.convert_to_numpy(first.activation.widths()), (2, 5)).sum()
    found = price_now(copy)
    assert found["luts"] == pytest.approx(luts, rel=1e-5)
    assert found["ebops"] == pytest.approx(ebops, rel=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="other backends have tests of their own")
def test_prices_are_corrected_by_compiled_models_several_times_on_the_way() -> None:
    x = RNG.normal(0, 1, (120, 3)).astype(np.float32)
    y = (x[:, 0] > x[:, 1]).astype(np.int64)
    keras.utils.set_random_seed(4)
    model = keras.Sequential([keras.Input((3,)), kl.Dense(4, activation="relu"), kl.Dense(2)])
    options = Gradient(points=1, epochs=(8, 1), batch_size=40, first=80.0, last=20.0, beta=(1e-6, 1e-3))
    met = list[float]()

    def measure(candidate: Any) -> float:
        met.append(candidate.price)
        return 2.0 * candidate.price

    found = gradient_front(
        trainable_copy(model, x, options), (x, y), (x, y), options, loss=loss_for(model, y, None, 0.0), score=accuracy,
        measure=measure,
    )  # fmt: skip
    rows = [row for row in found.history if row.stage == "descent"]
    # Compiled before every epoch but the first; the finish goes on from the corrected price that its model had.
    assert len(met) == 7
    (finish,) = (row for row in found.history if row.stage == "finish")
    assert finish.price in [pytest.approx(row.price, rel=0.2) for row in rows]
    assert [row.price for row in rows[:7]] == pytest.approx([met[0], *(2.0 * price for price in met[1:7])])
    assert [row.beta for row in rows] == pytest.approx(np.geomspace(1e-6, 1e-3, 8))
    assert found.candidates


def test_time_that_is_left_goes_into_further_descents_from_below() -> None:
    told = {
        epochs: [(plan.stage, len(plan.rates), round(plan.targets[0, 0])) for plan in descents(1000, 100, epochs, 1.0)]
        for epochs in (379, 380, 600)
    }
    assert told[379] == [("descent", 379, 1000)]
    assert told[380] == [("descent", 230, 1000), ("descent 2", 150, 447)]
    assert told[600] == [("descent", 293, 1000), ("descent 2", 190, 447), ("descent 3", 117, 251)]
    every = descents(1000, 100, 600, 1.0)
    assert [plan.targets[-1, 0] for plan in every] == pytest.approx([100.0] * 3)
    # A number of its own: the same data in the same order would be much the same descent.
    assert len({plan.number for plan in every} | {holding(np.ones(1), 5, 1.0).number}) == 4
    assert [len(plan.rates) for plan in descents(1000, 100, 600, 1.0, again=False)] == [600]
    assert [len(plan.rates) for plan in descents(100, 100, 600, 1.0)] == [600]


def test_the_end_of_a_finish_is_kept_however_short_it_is() -> None:
    assert [holding(np.ones(1), epochs, 1.0).kept.tolist().count(True) for epochs in (1, 2, 3, 10)] == [1, 1, 1, 3]


def test_a_ramp_of_no_weight_is_refused() -> None:
    with pytest.raises(ConfigError, match="beta"):
        Gradient(beta=(0.0, 1.0))
