"""`Prune` and `prune_now`: what is pruned is exactly 0, in training and after, quantized or not."""

from __future__ import annotations

import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import ConfigError, InvalidValue, Unsupported
from bitwright.train.door import keras
from bitwright.train.health import HealthWarning
from bitwright.train.pruning import dense_weights, prunable_weights

# `make test` runs everything on JAX, `make test-backends` what is marked on the others.
everywhere = pytest.mark.filterwarnings() if keras.backend.backend() == "jax" else pytest.mark.backend

DRAWS = np.random.default_rng(1)
X = DRAWS.normal(size=(64, 8)).astype(np.float32)
Y = DRAWS.integers(0, 3, size=64)


def network(kernel="quantized_bits(6,0,1,alpha=1)", optimizer="adam", **options):
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((8,)),
            bw.QDense(12, kernel_quantizer=kernel, bias_quantizer="quantized_bits(6,1,1)", name="one"),
            bw.QActivation("quantized_relu(6,2)", name="relu"),
            keras.layers.Dense(8, activation="relu", name="two"),
            bw.QDense(3, kernel_quantizer="quantized_bits(6,0,1)", name="three"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, **options)
    return model


def fit(model, *callbacks, epochs=2, batch_size=8):
    return model.fit(X, Y, batch_size=batch_size, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks))


def zeros(model):
    """The zeros of the quantized kernels, by layer."""
    return {one.layer.name: int((one.quantized() == 0).sum()) for one in prunable_weights(model)}


def variables(model):
    return {one.layer.name: one.values() for one in prunable_weights(model)}


class Watch(keras.callbacks.Callback):
    """Looks at the weights of a layer after every step."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()
        self.seen.append(variables(self.model))


@everywhere
def test_pruned_weights_are_zero_after_every_step_and_the_others_move():
    model, watch, prune = network(), Watch(), bw.Prune(0.5)
    fit(model, prune, watch)
    assert len(watch.seen) == 16
    for name, mask in prune.pruned.masks.items():
        layer = name.split("/")[0]
        assert mask.sum() == mask.size / 2
        for values in watch.seen:
            assert not values[layer][~mask].any()
        assert (watch.seen[0][layer] != watch.seen[-1][layer])[mask].any()
    assert zeros(model)["one"] >= 48


@everywhere
def test_zeros_survive_the_fit_that_made_them_only_and_nothing_stays_attached():
    model, prune = network(), bw.Prune(0.5)
    before = len(model.optimizer.variables), [v.constraint for v in model.trainable_variables]
    fit(model, prune)
    assert [v.constraint for v in model.trainable_variables] == before[1]
    known = len(model.optimizer.variables)
    fit(model)
    assert len(model.optimizer.variables) == known
    assert zeros(model)["two"] < 48


def test_a_schedule_is_followed_over_several_fits():
    schedule = bw.PolynomialDecay(0.0, 0.75, 4, 20, power=2.0, frequency=4)
    model, prune = network(), bw.Prune(schedule)
    history = fit(model, prune, epochs=1).history["sparsity"]
    # Masks are due at steps 4, 8, ...: after eight steps the last were made at step 4.
    assert history == [pytest.approx(schedule.share(4), abs=0.02)]
    history = fit(model, prune, epochs=2).history["sparsity"]
    assert prune.step == 24
    assert history == [pytest.approx(schedule.share(12), abs=0.02), pytest.approx(0.75, abs=0.01)]


@pytest.mark.long
def test_steps_per_execution_count_as_they_are():
    model, prune = network(steps_per_execution=4), bw.Prune(bw.PolynomialDecay(0.0, 0.5, 0, 10, frequency=3))
    if keras.backend.backend() == "torch":
        model.steps_per_execution = 1
    fit(model, prune)
    assert prune.step == 16
    assert prune.pruned.share == pytest.approx(0.5, abs=0.01)


def test_every_layer_may_have_its_own_target():
    model = network()
    fit(model, bw.Prune(bw.ConstantSparsity(0.1), {"t*": 0.25, "two": 0.75}))
    assert zeros(model)["two"] == 72
    assert zeros(model)["three"] >= 6
    kernels = variables(model)
    assert (kernels["three"] == 0).sum() == 6
    assert not (kernels["one"] == 0).any()


def test_weights_of_all_layers_can_be_ranked_together():
    model = network()
    model.get_layer("two").kernel.assign(model.get_layer("two").kernel * 1e-4)
    bw.prune_now(model, 0.4, across=True)
    kernels = variables(model)
    size = sum(values.size for values in kernels.values())
    assert sum((values == 0).sum() for values in kernels.values()) == round(0.4 * size)
    assert (kernels["two"] == 0).mean() > 0.8


@everywhere
def test_a_run_goes_on_from_its_state_as_if_nothing_had_happened():
    whole, prune = network("quantized_bits(6,0,1)"), bw.Prune(bw.PolynomialDecay(0.0, 0.75, 0, 12, frequency=3))
    fit(whole, prune, epochs=2)
    half, first = network("quantized_bits(6,0,1)"), bw.Prune(bw.PolynomialDecay(0.0, 0.75, 0, 12, frequency=3))
    fit(half, first, epochs=1)
    second = bw.Prune(bw.PolynomialDecay(0.0, 0.75, 0, 12, frequency=3))
    second.set_state(first.get_state())
    fit(half, second, epochs=1)
    assert second.step == prune.step
    for name, mask in prune.pruned.masks.items():
        np.testing.assert_array_equal(mask, second.pruned.masks[name])
        np.testing.assert_array_equal(prune.pruned.dense[name], second.pruned.dense[name])
    for ours, theirs in zip(whole.get_weights(), half.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_state_of_another_model_is_refused():
    prune, other = bw.Prune(0.5), bw.Prune(0.5)
    fit(network(), prune)
    state = prune.get_state()
    other.set_state({**state, "masks": {"one/kernel": np.ones((2, 2), bool)}})
    with pytest.raises(InvalidValue, match="one/kernel"):
        fit(network(), other)


@pytest.mark.parametrize("quantizer", ["binary(alpha=1)", "stochastic_binary()", "quantized_po2(4)", "bernoulli()"])
def test_a_quantizer_without_a_zero_is_refused_by_name(quantizer):
    model = network(quantizer)
    with pytest.raises(Unsupported, match=r"layer 'one'.*has no zero") as caught:
        fit(model, bw.Prune(0.5))
    assert quantizer.split("(")[0] in str(caught.value)
    bw.prune_now(model, 0.5, layers="t*")
    assert (variables(model)["two"] == 0).sum() == 48


@pytest.mark.parametrize(
    "quantizer",
    ["quantized_bits(4,0,1)", "quantized_bits(4,0,1,alpha='auto')", "ternary()", "ternary(alpha='auto')",
     "stochastic_ternary(alpha='auto')", "quantized_linear(4,0)"],
)  # fmt: skip
def test_zeros_are_zeros_after_every_quantizer_that_has_one(quantizer):
    model = network(quantizer)
    pruned = bw.prune_now(model, 0.5)
    one = prunable_weights(model)[0]
    assert not one.quantized()[~pruned.masks[one.name]].any()
    assert np.isfinite(one.quantized()).all()


def test_a_layer_that_loses_everything_is_named():
    model = network()
    model.get_layer("two").kernel.assign(model.get_layer("two").kernel * 1e-6)
    prune = bw.Prune(0.6, across=True)
    with pytest.warns(HealthWarning, match="layer 'two': all .* are pruned"):
        fit(model, prune)
    assert [finding.layer for finding in prune.findings] == ["two"]


@everywhere
def test_averaged_weights_and_constraints_end_with_zeros_too():
    model = network(optimizer=keras.optimizers.Adam(use_ema=True, ema_momentum=0.9))
    kernel = model.get_layer("two").kernel
    kernel.constraint = keras.constraints.NonNeg()
    fit(model, bw.Prune(bw.ConstantSparsity(0.5, begin_step=6)))
    assert isinstance(kernel.constraint, keras.constraints.NonNeg)
    assert (variables(model)["two"] == 0).sum() >= 48


@everywhere
def test_checkpoints_taken_meanwhile_load_into_a_plain_model(tmp_path):
    model = network()
    path = tmp_path / "now.keras"
    fit(model, bw.Prune(0.5), keras.callbacks.ModelCheckpoint(path))
    loaded = keras.models.load_model(path)
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables)
    for ours, theirs in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs))
    assert zeros(loaded) == zeros(model)


@pytest.mark.long
def test_two_prunings_share_a_model_and_leave_it_clean():
    model = network()
    fit(model, bw.Prune(0.5, layers="one"), bw.Prune(structure=bw.NofM(1, 4), layers="two"))
    assert (variables(model)["two"] == 0).sum() == 72
    assert (variables(model)["one"] == 0).sum() == 48
    assert not any(type(v.constraint).__name__ == "_Held" for v in model.trainable_variables)


def test_a_fit_that_breaks_off_leaves_nothing_that_the_next_one_trips_over():
    class Break(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    model, prune = network(), bw.Prune(0.5)
    with pytest.raises(KeyboardInterrupt):
        fit(model, prune, Break())
    fit(model, prune, epochs=1)
    assert not any(type(v.constraint).__name__ == "_Held" for v in model.trainable_variables)
    assert (variables(model)["two"] == 0).sum() == 48


def test_pruning_at_once_keeps_what_went():
    model = network()
    before = [one.values() for one in prunable_weights(model)]
    pruned = bw.prune_now(model, 0.5)
    assert pruned.share == 0.5
    with dense_weights(model, pruned):
        for one, values in zip(prunable_weights(model), before, strict=True):
            np.testing.assert_array_equal(one.values(), values)
    assert (variables(model)["one"] == 0).sum() == 48
    smallest = np.sort(np.abs(before[0]).ravel())[:48].max()
    assert np.abs(before[0])[pruned.masks["one/kernel"]].min() >= smallest


def test_facts_tell_what_is_zero():
    model = network()
    bw.prune_now(model, {"two": 0.5}, structure=bw.Neurons())
    told = bw.sparsity(model)
    assert [one.empty_neurons for one in told.weights] == [0, 4, 0]
    assert told.weights[1].share == 0.5
    assert "two/kernel" in str(told)
    assert "4 of 8 neurons empty" in str(told)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": 0.5, "layers": "nothing*"}, "no layer that matches 'nothing"),
        ({"target": {"oen": 0.5}}, "did you mean 'one'"),
        ({}, "no share to prune"),
        ({"target": {"one": 0.5}, "across": True}, "across layers"),
        ({"structure": bw.NofM(2, 4), "across": True}, "NofM holds within each layer"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        fit(network(), bw.Prune(**options))


def test_shares_and_schedules_are_checked():
    for wrong in (-0.1, 1.0, 1.5):
        with pytest.raises(InvalidValue, match="sparsity"):
            bw.Prune(wrong)
    with pytest.raises(InvalidValue, match="end_step"):
        bw.PolynomialDecay(0.0, 0.5, 10, 10)
    with pytest.raises(InvalidValue, match="frequency"):
        bw.ConstantSparsity(0.5, frequency=0)
    with pytest.raises(InvalidValue, match="ends at"):
        fit(network(), bw.Prune(0.2, structure=bw.NofM(1, 4)))
