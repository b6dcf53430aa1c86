"""The gradient method: steering, archives, states, and a whole small search that repeats itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import bitwright as bw
from bitwright.core.errors import ConfigError, InvalidValue
from bitwright.search.checkpoint import CheckpointFile
from bitwright.search.gradient import Archive, Candidate, Gradient, State, control, gradient_front, trainable_copy
from bitwright.search.gradient.control import Controller, falling
from bitwright.search.gradient.state import stacked, started
from bitwright.search.limits import Limits
from bitwright.search.losses import loss_for, taught_by
from bitwright.search.price import price_of
from bitwright.search.sensitivity import Sensitivity
from bitwright.search.splits import read_splits, split

needs_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="models side by side need JAX")
EMPTY = State([], [], [], [])


def candidate(score: float, price: float) -> Candidate:
    return Candidate(EMPTY, score, price, "")


def test_the_controller_steers_a_lagging_price_to_its_target() -> None:
    control, beta, price = Controller(np.array([1e-4])), np.array([1e-4]), np.array([5000.0])
    for target in [*falling(5000, 500, 120, 1.0).targets[:, 0], *[500.0] * 40]:
        # The price lags behind what the weight asks for.
        price = price + 0.2 * (0.5 / beta - price)
        beta = control(price, np.array([target]))
    assert abs(price[0] - 500) < 50


def test_an_archive_keeps_what_nothing_beats() -> None:
    archive = Archive()
    points = [(0.7, 100), (0.72, 150), (0.69, 120), (0.72, 140), (0.75, 400), (0.7, 90)]
    for score, price in points:
        archive.offer(candidate(score, price))
    assert [(c.score, c.price) for c in archive.candidates] == [(0.7, 90), (0.72, 140), (0.75, 400)]
    assert [c.price for c in archive.spread(3, 400, 100)] == [90, 140, 400]
    # No price is asked for where nothing is.
    assert [c.price for c in archive.spread(3, 4000, 10)] == [90, 140, 400]
    assert Archive().spread(3, 400, 100) == []


def test_states_are_stacked_and_picked_without_a_change() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()])
    first = started(model)
    second = State([a + 1 for a in first.trained], first.others, first.mean, first.square)
    both = stacked([first, second])
    for index, state in enumerate((first, second)):
        for name in ("trained", "others", "mean", "square"):
            pairs = zip(getattr(both.pick(index), name), getattr(state, name), strict=True)
            assert all(np.array_equal(a, b) for a, b in pairs)


def task(seed: int = 0) -> tuple[Any, Any]:
    """A float model and data: three classes by the signs of noisy features."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (1500, 6)).astype(np.float32)
    y = ((x[:, 0] + x[:, 1] > 0) + (x[:, 2] > x[:, 3])).astype(np.int64)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(12, activation="relu"), keras.layers.Dense(3, activation="softmax")]
    )
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(x[:1200], y[:1200], epochs=25, batch_size=100, verbose=0)
    return model, ((x[:1200], y[:1200]), (x[1200:], y[1200:]))


def test_the_copy_begins_close_to_the_float_model() -> None:
    model, ((x, _), _) = task()
    copy = trainable_copy(model, x, Gradient(activation_bits=8, digits=4))
    assert np.abs(copy.predict(x, verbose=0) - model.predict(x, verbose=0)).max() < 0.15


def searched(limits: Any) -> tuple[Any, Any]:
    """A small search: its result, and the test samples."""
    model, data = task()
    method = Gradient(points=3, epochs=(30, 6), batch_size=50, first=500.0, last=120.0, learning_rate=0.02)
    return bw.search(model, data, limits, method, verify="none"), data[1][0]


def by_layer(model: Any) -> dict[str, float]:
    """The price of each layer."""
    return {name: float(ops.convert_to_numpy(luts)) for name, luts in price_of(model).by_layer.items()}


@pytest.mark.long
@needs_jax
def test_tables_and_adders_in_one_model_pay_one_price() -> None:
    model, data = task()
    mixed = keras.Sequential([keras.Input((6,)), model.layers[0], bw.QTableDense(3, 1, 4, 4.0, name="tables")])
    mixed.compile(keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    mixed.fit(*data[0], epochs=10, batch_size=100, verbose=0)
    before = by_layer(trainable_copy(mixed, data[0][0], Gradient()))
    method = Gradient(points=3, epochs=(100, 10), batch_size=50, first=1000.0, last=250.0, learning_rate=0.02)
    result = bw.search(mixed, data, method=method, verify="none")
    cheapest, best = result.points[0], result.points[-1]
    after = by_layer(cheapest.model)
    assert cheapest.facts["luts"] < 500
    assert best.validation > 0.9
    # The target is met by tables that lost bits, and by digits of the layer of sums.
    for name in (model.layers[0].name, "tables"):
        assert after[name] < 0.7 * before[name]
    for point in (cheapest, best):
        x = data[1][0]
        assert np.allclose(point.design.predict(x), point.model.predict(x, verbose=0), atol=1e-6)


@needs_jax
def test_a_search_finds_exact_models_within_limits_and_tells_when_there_are_none() -> None:
    result, x = searched(bw.Limits(luts=350))
    luts = [point.facts["luts"] for point in result.points]
    scores = [point.validation for point in result.points]
    assert luts == sorted(luts)
    assert scores == sorted(scores)
    best = result.best
    assert best.facts["luts"] <= 350
    assert best.validation > 0.8
    assert np.allclose(best.design.predict(x), best.model.predict(x, verbose=0), atol=1e-6)
    report = bw.search_report(result)
    assert [point.luts for point in report.points] == [round(n) for n in luts]
    assert {run.name for run in report.history} >= {"descent", "finish 0"}
    broken = tuple(replace(point, excess={"luts": 9.0}) for point in result.points)
    tight = replace(result, limits=Limits(luts=5), points=broken)
    with pytest.raises(InvalidValue, match="exceeds luts by 900%"):
        _ = tight.best


@needs_jax
@pytest.mark.parametrize(
    ("stopped", "pace", "stages"), [pytest.param(5, 100, 2, marks=pytest.mark.long), (9, 1, 4), (13, 100, 2)]
)
def test_an_interrupted_search_goes_on_to_the_same_front(
    stopped: int, pace: int, stages: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the only descent, in the second of three, and in the finish."""
    monkeypatch.setattr(CheckpointFile, "every_s", 0.0)
    monkeypatch.setattr(control, "_PACE", pace)
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (400, 4)).astype(np.float32)
    y = (x[:, 0] > x[:, 1]).astype(np.int64)
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, activation="relu"), keras.layers.Dense(2)])
    options = Gradient(points=2, epochs=(8, 4), batch_size=100, first=150.0, last=80.0, learning_rate=0.02)
    copy = trainable_copy(model, x, options)
    seen = 0

    def score(outputs: Any, labels: Any) -> float:
        nonlocal seen
        seen += 1
        if seen == stopped:
            raise KeyboardInterrupt
        return float((outputs.argmax(1) == labels).mean())

    def run(folder: Path | None) -> Any:
        loss = loss_for(model, y, None, 0.0)
        return gradient_front(copy, (x, y), (x, y), options, loss=loss, score=score, folder=folder)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    resumed, whole = run(tmp_path), run(None)
    assert resumed.history == whole.history
    assert len({row.stage for row in whole.history}) == 1 + stages
    assert [(c.price, c.score, c.origin) for c in resumed.candidates] == [
        (c.price, c.score, c.origin) for c in whole.candidates
    ]
    options = replace(options, seed=1)
    with pytest.raises(ConfigError, match="another search"):
        run(tmp_path)


@needs_jax
@pytest.mark.long
def test_the_same_seed_and_epochs_give_the_same_front() -> None:
    fronts = [[(p.facts["luts"], p.validation) for p in searched(bw.Limits())[0].points] for _ in range(2)]
    assert fronts[0] == fronts[1]


@pytest.mark.parametrize("last", ["softmax", "linear"])
def test_a_teacher_teaches_probabilities_whatever_it_ends_in(last: str) -> None:
    keras.utils.set_random_seed(2)
    x = np.random.default_rng(2).normal(0, 1, (20, 4)).astype(np.float32)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation=last)])
    taught, y = taught_by(model, x, np.zeros(20, np.int64)), np.argmax(model.predict(x, verbose=0), axis=1)
    assert np.allclose(taught.sum(axis=1), 1, atol=1e-6)
    assert (taught >= 0).all()
    loss = loss_for(model, y, None, 1.0)
    # The cross-entropy with its own outputs is their entropy: no other outputs are nearer.
    itself = float(ops.convert_to_numpy(loss(model(x), y, taught)))
    assert itself == pytest.approx(float(-(taught * np.log(taught)).sum(axis=1).mean()), abs=1e-4)


def test_a_teacher_that_nothing_asks_is_refused() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    x, y = np.zeros((8, 4), np.float32), np.zeros(8, np.int64)
    with pytest.raises(ConfigError, match="teacher"):
        bw.search(model, ((x, y), (x, y)), teacher=model)


def test_limits_tell_by_how_much_they_are_broken() -> None:
    limits = Limits(luts=100, accuracy_drop=0.01)
    assert limits.excess({"luts": 150, "accuracy_drop": 0.005}) == {"luts": 0.5}
    assert limits.excess({"luts": None, "accuracy_drop": 0.02}) == {"accuracy_drop": 1.0}
    with pytest.raises(ConfigError, match="luts"):
        Limits(luts=-1)


def test_validation_samples_are_taken_from_training_and_never_from_test(tmp_path: Any) -> None:
    x = np.arange(100, dtype=np.float32)[:, None]
    splits = split(((x, x[:, 0]), (x + 1000, x[:, 0])), seed=3)
    assert splits.sizes == (80, 20, 100)
    assert sorted([*splits.train[1], *splits.validation[1]]) == list(range(100))
    np.savez(tmp_path / "d.npz", x_train=x, y_train=x[:, 0], x_test=x, y_test=x[:, 0])
    assert read_splits(tmp_path / "d.npz", 3).sizes == (80, 20, 100)
    with pytest.raises(InvalidValue, match="pair"):
        split((x, x))


@pytest.mark.long
def test_the_integer_program_answers_the_same_question() -> None:
    model, data = task()
    method = Sensitivity(weights=(2, 4, 6), activations=(3, 5), samples=400)
    result = bw.search(model, data, bw.Limits(accuracy_drop=0.03), method, verify="none")
    assert result.best.facts["accuracy_drop"] <= 0.03
    assert result.best.facts["luts"] == min(p.facts["luts"] for p in result.points if p.feasible)
