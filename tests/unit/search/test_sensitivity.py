"""Sensitivities find what is fragile, without building a model for each candidate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from bitwright.core.errors import InvalidModel, InvalidValue, StorageError
from bitwright.search.sensitivity import Sensitivity
from bitwright.search.sensitivity.costs import calibration
from bitwright.search.sensitivity.journal import Journal
from bitwright.search.sensitivity.probe import Probe
from bitwright.search.sensitivity.sites import Network, Widths, build, explored
from bitwright.search.sensitivity.study import Study

OPTIONS = Sensitivity(weights=(2, 4, 8), activations=(3, 6), samples=None)
X = np.random.default_rng(0).normal(size=(256, 8)).astype("float32")
IMAGES = np.random.default_rng(1).random((64, 6, 6, 2)).astype("float32")


def dense(fragile: str = "") -> Any:
    """Three layers, alike on every backend; a few weights of `fragile` leave nothing of the others in few bits."""
    rng = np.random.default_rng(5)
    x = entry = keras.Input((8,), name="x")
    for name in ("a", "b"):
        x = kl.ReLU(name=f"{name}_relu")(kl.Dense(8, name=name)(x))
    model = keras.Model(entry, kl.Dense(4, activation="softmax", name="c")(x), name="net")
    model.set_weights([rng.normal(0, 0.5 if v.ndim == 2 else 0.0, v.shape) for v in model.get_weights()])
    if fragile:
        kernel, bias = model.get_layer(fragile).get_weights()
        kernel[0, 0], kernel[1, 0] = 40.0, -40.0
        bias[0] = -1000.0
        model.get_layer(fragile).set_weights([kernel, bias])
    return model


def convolutional() -> Any:
    """A residual block, batch normalization, pooling, an activation inside a layer, and a nested model."""
    keras.utils.set_random_seed(6)
    entry = keras.Input((6, 6, 2), name="image")
    x = kl.MaxPooling2D(name="pool")(kl.Conv2D(3, 3, padding="same", activation="relu", name="c1")(entry))
    side = kl.ReLU(name="r2")(kl.BatchNormalization(name="bn")(kl.Conv2D(3, 3, padding="same", name="c2")(x)))
    x = kl.Flatten(name="flat")(kl.Add(name="add")([x, side]))
    head = keras.Sequential([keras.Input((27,)), kl.Dense(5, activation="tanh", name="h1")], name="head")
    return keras.Model(entry, kl.Dense(3, activation="softmax", name="out")(head(x)))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return Study(dense(), X, options=OPTIONS, folder=tmp_path_factory.mktemp("study") / "whole")


def test_sites_and_their_sources_are_found_through_pooling_sums_and_nested_models() -> None:
    found = explored(convolutional(), IMAGES, OPTIONS)
    sources = {"c1": ("input",), "c2": ("c1",), "h1": ("c1", "r2"), "out": ("h1",)}
    assert found == Network(("c1", "c2", "h1", "out"), ("input", "c1", "r2", "h1"), sources)


def test_a_model_without_a_kernel_has_nothing_to_choose() -> None:
    model = keras.Sequential([keras.Input((4,)), kl.ReLU()])
    with pytest.raises(InvalidModel, match="no layer has a kernel"):
        explored(model, X[:, :4], OPTIONS)


@pytest.mark.parametrize(
    ("make", "x"), [(dense, X), pytest.param(convolutional, IMAGES, marks=pytest.mark.long)], ids=["dense", "images"]
)
def test_a_probe_at_chosen_widths_computes_what_the_built_model_computes(make: Any, x: Any) -> None:
    model = make()
    network = explored(model, x, OPTIONS)
    probe = Probe(model, network, x, OPTIONS)
    wide = Widths(dict.fromkeys(network.weights, 8), dict.fromkeys(network.activations, 6))
    built = build(model, wide, x, OPTIONS).predict(x, verbose=0, batch_size=1024)
    np.testing.assert_array_equal(probe.outputs(wide), built)
    np.testing.assert_allclose(probe.outputs(), model.predict(x, verbose=0, batch_size=1024), rtol=1e-5)


@pytest.mark.parametrize("method", ["runs", pytest.param("fisher", marks=pytest.mark.long)])
def test_the_planted_fragile_layer_is_the_most_sensitive(method: Any) -> None:
    told = Sensitivity(weights=(3, 5), activations=(6,), samples=None, method=method)
    even, planted = (Study(dense(name), X, options=told).problem.sites for name in ("", "b"))
    before, after = ({site.name: site.terms["loss"][0] for site in sites} for sites in (even, planted))
    assert before["b"] < 2 * before["a"]
    assert after["b"] > 5 * max(after["a"], after["c"])


def test_more_bits_are_never_much_worse_and_eight_are_nearly_free(study: Study) -> None:
    for site in study.problem.sites:
        loss = site.terms["loss"]
        assert loss[0] > loss[-1]
        assert loss[-1] < 5e-3


@pytest.mark.long
def test_gradients_estimate_what_runs_measure(study: Study) -> None:
    told = Sensitivity(weights=(2, 4, 8), activations=(3, 6), samples=None, method="fisher", fisher_samples=256)
    for site, estimate in zip(study.problem.sites, Study(dense(), X, options=told).problem.sites, strict=True):
        ratio = estimate.terms["loss"] / site.terms["loss"]
        assert np.all((ratio > 0.4) & (ratio < 2.5)), site.name


@pytest.mark.long
def test_regression_is_scored_by_the_error_of_its_outputs() -> None:
    model = keras.Sequential([keras.Input((8,)), kl.Dense(6, activation="relu", name="a"), kl.Dense(1, name="b")])
    study = Study(model, X, options=OPTIONS)
    assert study.score == "mse"
    assert all(site.terms["loss"][0] > site.terms["loss"][-1] > 0 for site in study.problem.sites)


@pytest.mark.long
def test_the_rise_of_the_loss_needs_labels_and_a_compiled_model() -> None:
    model, told = dense(), Sensitivity(weights=(2, 8), activations=(6,), score="loss")
    with pytest.raises(InvalidValue, match="needs labels"):
        Study(model, X, options=told)
    y = np.argmax(model.predict(X, verbose=0), axis=-1)
    model.compile(loss="sparse_categorical_crossentropy")
    sites = Study(model, X, y, options=told).problem.sites
    assert sites[0].terms["loss"][0] > 0


@pytest.mark.long
def test_states_of_recurrent_layers_are_a_site_of_their_own() -> None:
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((4, 3)), kl.SimpleRNN(4, name="rnn"), kl.Dense(2, activation="softmax")])
    x = np.random.default_rng(0).normal(size=(32, 4, 3)).astype("float32")
    study = Study(model, x, options=Sensitivity(weights=(2, 8), activations=(2, 8)))
    losses = {site.name: site.terms["loss"] for site in study.problem.sites[2:]}
    assert list(losses) == ["input", "rnn"]
    assert losses["rnn"][0] > losses["rnn"][1]


def test_what_was_measured_is_not_measured_again(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> float:
        raise AssertionError("measured again")

    monkeypatch.setattr(Study, "_moved", never)
    again = Study(dense(), X, options=OPTIONS, folder=study.journal.path.parent)  # type: ignore[union-attr]
    for one, other in zip(study.problem.sites, again.problem.sites, strict=True):
        np.testing.assert_array_equal(one.terms["loss"], other.terms["loss"])


def test_a_search_that_was_cut_off_goes_on_and_ends_the_same(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, calls = Study._moved, [0]

    def dies(self: Study, *told: Any) -> float:
        calls[0] += 1
        if calls[0] == 6:
            raise KeyboardInterrupt
        return plain(self, *told)

    monkeypatch.setattr(Study, "_moved", dies)
    with pytest.raises(KeyboardInterrupt):
        Study(dense(), X, options=OPTIONS, folder=tmp_path)
    monkeypatch.setattr(Study, "_moved", plain)
    cut = Study(dense(), X, options=OPTIONS, folder=tmp_path)
    for one, other in zip(study.problem.sites, cut.problem.sites, strict=True):
        np.testing.assert_array_equal(one.terms["loss"], other.terms["loss"])
    assert cut.journal.path.read_text() == study.journal.path.read_text()  # type: ignore[union-attr]


def test_a_journal_of_another_model_is_refused(tmp_path: Path) -> None:
    Journal(tmp_path, "one").get("a", lambda: {"2": 0.5})
    assert Journal(tmp_path, "one").get("a", dict) == {"2": 0.5}
    with pytest.raises(StorageError, match="belongs to another model"):
        Journal(tmp_path, "two")


def test_a_torn_journal_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "sensitivity.json").write_text(json.dumps({"schema": 1})[:-1])
    with pytest.raises(StorageError, match="cannot be read"):
        Journal(tmp_path, "one")


def test_the_surrogate_is_calibrated_by_constant_and_factor() -> None:
    anchors = [(size, {"luts": 50 + 0.75 * size, "dsps": 3.0, "none": 0.0}) for size in (100.0, 400.0, 1000.0)]
    found = calibration(anchors)
    assert found["luts"] == pytest.approx((50, 0.75))
    assert found["dsps"] == pytest.approx((3, 0), abs=1e-9)
    assert found["none"] == pytest.approx((0, 0))
