"""Ranges from data: integer bits that reach the data, widths and weights as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import InvalidModel, InvalidValue
from bitwright.train.calibrate import calibrate
from bitwright.train.door import keras, ops


def samples(scale: float = 1.0, count: int = 300) -> np.ndarray:
    return (np.random.default_rng(3).normal(size=(count, 5)) * scale).astype(np.float32)


def through(quantizer: Any, **more: Any) -> Any:
    """A model of that one activation."""
    x = keras.Input((5,))
    return keras.Model(x, bw.QActivation(quantizer, name="a", **more)(x))


def integer(model: Any, name: str = "a") -> int:
    return model.get_layer(name).quantizer.integer


@pytest.mark.parametrize(
    "quantizer",
    ["quantized_bits(8,{},alpha=1)", "quantized_bits(8,{})", "quantized_relu(8,{})", "quantized_linear(8,{})",
     "quantized_bits(8,{},0,0)", "quantized_relu(8,{},negative_slope=0.25)"],
)  # fmt: skip
@pytest.mark.parametrize("scale", [0.01, 1.0, 50.0])
def test_max_reaches_every_sample_and_no_further(quantizer: str, scale: float) -> None:
    x = samples(scale)
    made = calibrate(through(quantizer.format(0)), x, "max")
    quantizer = made.get_layer("a").quantizer
    step = float(quantizer.grid().step)
    positive = x.max()
    found = float(np.max(made.predict(x, verbose=0)))
    assert abs(found - positive) <= step / 2 * 1.001
    assert float(quantizer.grid().high * quantizer.grid().step) < 2 * np.abs(x).max() + step


def test_the_least_error_is_no_greater_than_with_any_other_integer() -> None:
    x = samples()
    x[0, 0] = 40.0  # reaching this outlier would cost all others their precision

    def error(model: Any) -> float:
        return float(((model.predict(x, verbose=0) - x) ** 2).sum())

    best = calibrate(through("quantized_bits(5,0,alpha=1)"), x)
    assert all(error(best) <= error(through(f"quantized_bits(5,{i},alpha=1)")) for i in range(-3, 8))
    x[0, 0] = 4.0
    assert integer(calibrate(through("quantized_bits(5,0,alpha=1)"), x)) < integer(best)


def test_a_percentile_leaves_the_tail_out() -> None:
    x = samples()
    x[0, 0] = 40.0
    start = through("quantized_bits(6,0,alpha=1)")
    assert integer(calibrate(start, x, 99.0)) == 2
    assert integer(calibrate(start, x, "max")) == 6


def network() -> Any:
    x = start = keras.Input((5,))
    x = bw.QActivation("quantized_bits(6,0,alpha=1)", name="entry")(x)
    x = bw.QDense(7, kernel_quantizer="quantized_bits(5,0,alpha=1)", activation="quantized_relu(5,-4)", name="fc")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = bw.QActivation("quantized_tanh(5)", name="bounded")(x)
    x = bw.QActivation("quantized_bits(5,0,alpha='auto')", name="scaled")(x)
    return keras.Model(start, bw.QDense(2, kernel_quantizer="quantized_bits(5,0,alpha=1)", name="out")(x))


def test_everything_but_the_ranges_stays() -> None:
    model, x = network(), samples(3.0)
    made = calibrate(model, x)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), made.get_weights(), strict=True))
    assert integer(model, "entry") == 0
    assert integer(made, "entry") > 1
    assert made.get_layer("fc").activation.bits == 5
    assert made.get_layer("fc").activation.integer > 0
    for name in ("bounded", "scaled"):
        assert str(made.get_layer(name).quantizer) == str(model.get_layer(name).quantizer)


def test_ranges_before_do_not_distort_ranges_behind() -> None:
    x = samples(3.0)
    wrong, right = network(), network()
    right.set_weights(wrong.get_weights())
    right.get_layer("entry").quantizer.integer = 5
    made = [calibrate(model, x).get_layer("fc").activation.integer for model in (wrong, right)]
    assert made[0] == made[1]


@pytest.mark.parametrize("per_channel", [False, True])
def test_adaptive_activations_get_the_averages_of_the_data(per_channel: bool) -> None:
    x = samples() * np.array([1, 2, 4, 8, 16], np.float32)
    start = keras.Input((5,))
    layer = bw.layers.QAdaptiveActivation("quantized_bits", 8, per_channel=per_channel, name="a")
    made = calibrate(keras.Model(start, layer(start)), x).get_layer("a")
    least = ops.convert_to_numpy(made.ema_min.value)
    np.testing.assert_allclose(least, x.min(axis=0) if per_channel else [x.min()])
    integers = ops.convert_to_numpy(made.integer.value)
    assert integers.max() == np.ceil(np.log2(np.abs(x).max()))
    assert len(integers) == (5 if per_channel else 1)
    assert not bw.check_health(keras.Sequential([keras.Input((5,)), made]))


def test_a_calibrated_model_is_healthy_and_compiles() -> None:
    model, x = network(), samples(3.0)
    design = bw.compile(calibrate(_without_scale(model), x))
    assert design.verify(x[:50], rtl=False).layers


def _without_scale(model: Any) -> Any:
    return keras.Model(model.input, model.get_layer("bounded").output)


def test_unusable_samples_and_methods_are_refused() -> None:
    model = through("quantized_relu(4,0)")
    with pytest.raises(InvalidModel, match="'a'"):
        calibrate(model, np.full((2, 5), np.nan, np.float32))
    with pytest.raises(InvalidValue, match="no samples"):
        calibrate(model, samples()[:0])
    for method in ("best", 0.0, 101):
        with pytest.raises(InvalidValue, match="percentile"):
            calibrate(model, samples(), method)


@pytest.mark.backend
@pytest.mark.parametrize(
    "claim",
    [test_everything_but_the_ranges_stays, test_ranges_before_do_not_distort_ranges_behind,
     test_the_least_error_is_no_greater_than_with_any_other_integer],
)  # fmt: skip
def test_on_this_backend(claim: Callable[[], None]) -> None:
    claim()
