"""Dead training is named: the layer, what is dead in it, and the way out; healthy models stay unnamed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras
from bitwright.train.gradients import gradients
from bitwright.train.health import Ailment, Finding, Health, HealthLimits, HealthWarning, check

WEIGHTS = "quantized_bits(4,0,alpha=1)"


def data(count: int = 128) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(count, 6)).astype(np.float32)
    return x, (x.sum(axis=1) > 0).astype(np.int32)


def network(first: str = "quantized_relu(4,2)", kernel: str = WEIGHTS, bias: float = 0.0, compiled: bool = True) -> Any:
    """6-8-8-2 with the activation `first` behind the first layer and weights that use their range."""
    x = start = keras.Input((6,))
    x = bw.QActivation("quantized_bits(8,2,alpha=1)", name="entry")(x)
    x = bw.QDense(8, kernel_quantizer=kernel, name="fc1")(x)
    x = bw.QActivation(first, name="act1")(x)
    x = bw.QDense(8, kernel_quantizer=WEIGHTS, activation="quantized_relu(4,2)", name="fc2")(x)
    model = keras.Model(start, keras.layers.Softmax(name="end")(bw.QDense(2, kernel_quantizer=WEIGHTS, name="out")(x)))
    rng = np.random.default_rng(1)
    for layer in ("fc1", "fc2", "out"):
        rows, columns = model.get_layer(layer).kernel.shape
        kernel_now = rng.uniform(-0.8, 0.8, (rows, columns)).astype(np.float32)
        model.get_layer(layer).set_weights([kernel_now, np.full(columns, bias, np.float32)])
    if compiled:
        model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def ailments(found: tuple[Finding, ...]) -> set[tuple[str, Ailment]]:
    return {(finding.layer, finding.ailment) for finding in found}


def test_a_healthy_model_has_no_findings() -> None:
    assert check(network(), *data()) == ()


def test_weights_that_quantize_to_zero_are_named_with_the_integer_bits_that_fit() -> None:
    model = network(kernel="quantized_bits(4,4,alpha=1)")
    kernel, bias = model.get_layer("fc1").get_weights()
    model.get_layer("fc1").set_weights([kernel * 0.1, bias])
    found = {finding.ailment: finding for finding in check(model)}
    zero = found[Ailment.ZERO_WEIGHTS]
    assert (zero.layer, zero.share) == ("fc1", 1.0)
    assert "integer=-3" in zero.remedy
    assert "0.0" in zero.what
    assert "fc1" in str(zero)
    assert "try: " in str(zero)


def test_a_kernel_of_zeros_is_told_from_one_that_rounds_to_zero() -> None:
    model = network()
    model.get_layer("out").set_weights([np.zeros((8, 2)), np.zeros(2)])
    (found,) = check(model)
    assert (found.layer, found.ailment) == ("out", Ailment.ZERO_WEIGHTS)
    assert "he_normal" in found.remedy


def test_weights_at_the_ends_of_their_format_are_named() -> None:
    found = check(network(kernel="quantized_bits(4,-4,alpha=1)"))
    assert ailments(found) == {("fc1", Ailment.SATURATED_WEIGHTS)}


def test_binary_and_ternary_weights_lie_at_their_ends_and_are_well() -> None:
    for kernel in ("binary(alpha=1)", "ternary(alpha=1)", "quantized_bits(2,1,1,alpha=1)"):
        assert check(network(kernel=kernel)) == ()


def test_the_first_dead_layer_is_named_not_its_victims() -> None:
    found = check(network(first="quantized_relu(4,9)"), *data())
    assert ("act1", Ailment.ZERO_ACTIVATIONS) in ailments(found)
    assert not {("fc2", Ailment.ZERO_ACTIVATIONS), ("end", Ailment.ZERO_ACTIVATIONS)} & ailments(found)


def test_layers_without_a_gradient_are_named_with_the_cause() -> None:
    found = {f.layer: f for f in check(network(first="quantized_relu(4,-9)"), *data()) if f.share == 1.0}
    assert found["fc1"].ailment is Ailment.NO_GRADIENT
    assert "act1" in found["fc1"].remedy


def test_saturated_activations_are_named() -> None:
    found = check(network(first="quantized_relu(4,-4)"), *data())
    assert ("act1", Ailment.SATURATED_ACTIVATIONS) in ailments(found)
    assert "calibrate" in next(f.remedy for f in found if f.layer == "act1")


def test_bits_that_nothing_reaches_are_counted() -> None:
    (found,) = [f for f in check(network(first="quantized_bits(12,7,alpha=1)"), data()[0]) if f.layer == "act1"]
    assert found.ailment is Ailment.UNUSED_RANGE
    assert "bits of quantized_bits(12,7" in found.what


def test_dead_channels_are_counted() -> None:
    model = network()
    kernel, bias = model.get_layer("fc1").get_weights()
    bias[:5] = -100
    model.get_layer("fc1").bias_constraint = None
    model.get_layer("fc1").set_weights([kernel, bias])
    found = {f.ailment: f for f in check(model, data()[0])}
    assert found[Ailment.DEAD_CHANNELS].what.startswith("5 of its 8 channels")
    assert found[Ailment.DEAD_CHANNELS].layer == "act1"


def test_a_range_that_training_never_set_is_named_once_training_is_over() -> None:
    x = start = keras.Input((6,))
    model = keras.Model(start, bw.layers.QAdaptiveActivation("quantized_relu", 5, name="adaptive")(x))
    assert ailments(check(model)) == {("adaptive", Ailment.RANGE_NEVER_SET)}
    assert check(model, trained=False) == ()
    model(data()[0], training=True)
    assert check(model) == ()


def test_nested_and_subclassed_models_are_looked_into() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network(first="quantized_relu(4,9)")

        def call(self, x: Any) -> Any:
            return self.inner(x)

    start = keras.Input((6,))
    nested = keras.Model(start, network(first="quantized_relu(4,9)")(start))
    own = Own()
    own(data()[0])
    for model in (nested, own):
        assert ("act1", Ailment.ZERO_ACTIVATIONS) in ailments(check(model, data()[0]))


def test_looking_changes_nothing() -> None:
    model, (x, y) = network(), data()
    before, predicted = model.get_weights(), model.predict(x, verbose=0)
    check(model, x, y)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert np.array_equal(predicted, model.predict(x, verbose=0))
    assert not any("call" in vars(layer) for layer in model.layers)


def test_the_callback_warns_once_of_each_finding_and_keeps_them() -> None:
    model, (x, y) = network(first="quantized_relu(4,9)"), data()
    health = Health(x, y, every=2, samples=32)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.fit(x, y, epochs=4, verbose=0, callbacks=[health])
    ours = [str(w.message) for w in told if issubclass(w.category, HealthWarning)]
    assert ours == [str(finding) for finding in health.findings]
    assert ("act1", Ailment.ZERO_ACTIVATIONS) in ailments(tuple(health.findings))
    assert len(set(ours)) == len(ours)


def test_the_callback_looks_at_the_weights_of_the_moment() -> None:
    model, (x, y) = network(), data()
    health = Health(every=1)

    class Kill(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                kernel = self.model.get_layer("out").kernel
                kernel.assign(np.zeros(kernel.shape))

    with pytest.warns(HealthWarning, match="'out'"):
        model.fit(x, y, epochs=2, verbose=0, callbacks=[Kill(), health])
    assert ailments(tuple(health.findings)) == {("out", Ailment.ZERO_WEIGHTS)}


def test_the_gradient_is_that_of_the_compiled_loss() -> None:
    model, (x, y) = network(compiled=False), data()
    assert len(gradients(model, x)) == len(model.trainable_variables)
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = [v.numpy() for v in model.trainable_variables]
    found = gradients(model, x, y)
    model.optimizer.learning_rate.assign(1.0)
    model.train_on_batch(x, y)
    for name, old, new, gradient in zip(model.trainable_variables, before, model.get_weights(), found, strict=True):
        inside = np.abs(new) < 1  # constraints clip
        np.testing.assert_allclose((old - new)[inside], gradient[inside], atol=1e-5, err_msg=name.path)


def test_compile_warns_of_a_layer_that_computes_nothing() -> None:
    model = network()
    model.get_layer("fc2").set_weights([np.zeros((8, 8)), np.zeros(8)])
    with pytest.warns(HealthWarning, match="'fc2'"):
        bw.compile(model)


@pytest.mark.parametrize("wrong", [{"every": 0}, {"samples": 0}])
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidValue):
        Health(**wrong)
    with pytest.raises(InvalidValue):
        HealthLimits(zero=0)


@pytest.mark.backend
@pytest.mark.parametrize(
    "claim",
    [
        test_a_healthy_model_has_no_findings,
        test_layers_without_a_gradient_are_named_with_the_cause,
        test_looking_changes_nothing,
        test_the_callback_warns_once_of_each_finding_and_keeps_them,
        test_the_callback_looks_at_the_weights_of_the_moment,
        test_the_gradient_is_that_of_the_compiled_loss,
        test_a_range_that_training_never_set_is_named_once_training_is_over,
    ],
)
def test_on_this_backend(claim: Callable[[], None]) -> None:
    claim()
