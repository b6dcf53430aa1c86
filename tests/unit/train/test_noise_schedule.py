"""`QNoiseScheduler`: quantization comes in step by step, seen by compiled training, and leaves no trace."""

from __future__ import annotations

import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import InvalidValue
from bitwright.train.callbacks import QNoiseScheduler
from bitwright.train.door import keras, ops
from bitwright.train.quantizers import quantized_bits, quantized_relu

# `make test` runs everything on JAX, `make test-backends` what is marked on the others.
pytestmark = [] if keras.backend.backend() == "jax" else [pytest.mark.backend]

X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)


def network(**options):
    inner = keras.Sequential([keras.Input((3,)), bw.QDense(2, kernel_quantizer=quantized_bits(4, alpha=1))])
    model = keras.Sequential(
        [
            keras.Input((4,)),
            bw.QDense(3, kernel_quantizer=quantized_bits(4, alpha=1, **options), bias_quantizer="quantized_bits(4)",
                      activation=quantized_relu(4, 1)),
            bw.QActivation("quantized_tanh(4)"),
            inner,
        ]
    )  # fmt: skip
    model.compile("sgd", "mse")
    return model


def fit(model, scheduler, epochs=1):
    model.fit(X, X[:, :2], batch_size=1, epochs=epochs, shuffle=False, verbose=0, callbacks=[scheduler])
    return [float(q.qnoise_factor) for q in scheduler.quantizers]


def test_every_quantizer_with_noise_is_found_nested_ones_included():
    scheduler = QNoiseScheduler(0, 1)
    scheduler.set_model(network())
    scheduler.on_train_begin()
    found = {type(q).__name__ for q in scheduler.quantizers}
    assert len(scheduler.quantizers) == 4
    assert found == {"quantized_bits", "quantized_relu"}


@pytest.mark.parametrize(
    ("options", "epochs", "factor"),
    [
        ({"start": 2, "finish": 4}, 1, 1.0),
        ({"start": 2, "finish": 10}, 1, 1 - (6 / 8) ** 3),
        ({"start": 2, "finish": 10, "exponent": 2.0}, 1, 1 - (6 / 8) ** 2),
        ({"start": 6, "finish": 10}, 1, 0.0),
        ({"start": 6, "finish": 20}, 2, 1 - (11 / 14) ** 3),
        ({"start": 0, "finish": 20, "update_freq": 2}, 2, 1 - (12 / 20) ** 3),
        ({"start": 2, "finish": 10, "initial_step_or_epoch": 3}, 1, 1 - (3 / 8) ** 3),
        ({"start": 1, "finish": 5, "freq_type": "epoch"}, 3, 1 - (3 / 4) ** 3),
    ],
)
def test_the_factor_follows_the_schedule(options, epochs, factor):
    scheduler = QNoiseScheduler(**{"freq_type": "step", **options})
    np.testing.assert_allclose(fit(network(), scheduler, epochs), factor, atol=1e-6)


def test_compiled_training_sees_the_factor_of_the_moment():
    """Without noise the weights move as those of the float network; then they move as the quantized ones."""
    results = []
    for start, noise in ((100, 0.0), (-1, 1.0)):
        keras.utils.set_random_seed(4)
        scheduled, fixed = network(), network()
        fixed.set_weights(scheduled.get_weights())
        for layer in fixed._flatten_layers():
            for name in ("kernel_quantizer", "bias_quantizer", "activation"):
                if hasattr(getattr(layer, name, None), "qnoise_factor"):
                    getattr(layer, name).update_qnoise_factor(noise)
        fit(scheduled, QNoiseScheduler(start, start + 1, "step"))
        fixed.fit(X, X[:, :2], batch_size=1, shuffle=False, verbose=0)
        for ours, theirs in zip(scheduled.get_weights(), fixed.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)
        results.append(scheduled.get_weights()[0])
    assert np.abs(results[0] - results[1]).max() > 1e-4


def test_afterwards_the_model_is_as_before_and_fully_quantized():
    model, plain = network(), network()
    before = len(model.variables)
    fit(model, QNoiseScheduler(0, 3, "step"))
    assert len(model.variables) == before
    held = (model.layers[0].kernel_quantizer, model.layers[0].activation)
    assert all(isinstance(q.qnoise_factor, float) for q in held)
    plain.set_weights(model.get_weights())
    assert np.array_equal(model.predict(X, verbose=0), plain.predict(X, verbose=0))


def test_it_can_be_used_again_and_counts_on():
    model, scheduler = network(), QNoiseScheduler(0, 20, "step")
    fit(model, scheduler)
    assert scheduler.num_iters == 5
    np.testing.assert_allclose(fit(model, scheduler), 1 - (11 / 20) ** 3, atol=1e-6)


def test_variables_that_quantizers_have_already_are_kept():
    model = network(use_variables=True)
    variable = model.layers[0].kernel_quantizer.qnoise_factor
    fit(model, QNoiseScheduler(2, 10, "step"))
    assert model.layers[0].kernel_quantizer.qnoise_factor is variable
    np.testing.assert_allclose(ops.convert_to_numpy(variable), 1 - (6 / 8) ** 3, atol=1e-6)


def test_the_straight_through_choice_goes_to_the_quantizers_that_know_it():
    model = network()
    fit(model, QNoiseScheduler(0, 3, "step", use_ste=False))
    assert model.layers[0].kernel_quantizer.use_ste is False


@pytest.mark.parametrize("wrong", [{"freq_type": "day"}, {"start": 5, "finish": 2}, {"update_freq": 0}], ids=str)
def test_impossible_schedules_are_refused(wrong):
    with pytest.raises(InvalidValue, match="try:"):
        QNoiseScheduler(**{"start": 0, "finish": 2, **wrong})
