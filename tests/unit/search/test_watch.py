"""A gradient search that dies says where and what to do: dead layers, NaN in weights and data; and its event logs."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from bitwright.core.errors import InvalidValue
from bitwright.search.gradient import Gradient, Row, trainable_copy
from bitwright.search.gradient.logs import Logs
from bitwright.search.gradient.state import State, started
from bitwright.search.gradient.watch import Watch, refuse_bad_data
from bitwright.train.health import HealthWarning


@pytest.fixture(scope="module")
def copy() -> tuple[Any, Any]:
    keras.utils.set_random_seed(1)
    x = np.random.default_rng(1).normal(0, 1, (200, 6)).astype(np.float32)
    layers = [keras.layers.Dense(8, activation="relu", name=name) for name in ("first", "second")]
    model = keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(3, name="last")])
    return trainable_copy(model, x, Gradient()), x


def with_values(model: Any, part: str, value: float) -> State:
    """The model's state, every variable whose path begins with `part` set to `value`."""
    state = started(model)
    trained = [
        np.full_like(array, value) if str(v.path).startswith(part) else array
        for v, array in zip(model.trainable_variables, state.trained, strict=True)
    ]
    return State(trained, state.others, state.mean, state.square)


def test_a_healthy_model_is_not_warned_of(copy: tuple[Any, Any]) -> None:
    model, x = copy
    watch = Watch(model, x)
    with warnings.catch_warnings():
        warnings.simplefilter("error", HealthWarning)
        watch.look(started(model), "warm up", first=True)
    assert watch.told == []


def test_a_dead_layer_is_named_once_with_the_way_out_and_the_model_is_left_as_it_was(copy: tuple[Any, Any]) -> None:
    model, x = copy
    before = [np.array(v) for v in model.get_weights()]
    watch = Watch(model, x)
    dead = with_values(model, "second/kernel", 0.0)
    with pytest.warns(HealthWarning, match="layer 'second', weights are zero after quantization in the descent"):
        watch.look(dead, "descent, epoch 3 of 60")
    assert "Gradient(last=...)" in watch.told[0]
    many = len(watch.told)
    assert not any("gradient" in text for text in watch.told)
    with warnings.catch_warnings():
        warnings.simplefilter("error", HealthWarning)
        watch.look(dead, "descent, epoch 4 of 60")
        # A search that goes on knows what it told before it was interrupted.
        Watch(model, x, watch.told).look(dead, "descent, epoch 9 of 60")
    assert len(watch.told) == many
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_a_loss_that_is_no_number_names_the_layers(copy: tuple[Any, Any]) -> None:
    model, x = copy
    watch = Watch(model, x)
    error = watch.no_number(float("nan"), with_values(model, "second/", float("nan")), "descent, epoch 2")
    assert "the loss is nan in the descent, epoch 2" in str(error)
    assert "layer 'second'" in error.why
    assert "first" not in error.why
    assert "every layer" in watch.no_number(float("inf"), with_values(model, "", float("nan")), "finish").why
    assert "the loss itself" in watch.no_number(float("inf"), started(model), "finish").why


def test_data_that_are_no_numbers_are_refused_with_their_place() -> None:
    x = np.zeros((4, 3), np.float32)
    refuse_bad_data(x, np.zeros(4, np.int64))
    x[2, 1] = np.nan
    with pytest.raises(InvalidValue, match=r"1 of the training inputs are NaN or infinite, the first at \(2, 1\)"):
        refuse_bad_data(x, np.zeros(4, np.int64))


def test_a_gradient_search_leaves_an_event_file_for_each_stage_and_model(tmp_path: Path) -> None:
    with Logs(tmp_path) as logs:
        for epoch in range(2):
            logs.row(Row("warm up", 0, epoch, 0.5, 0.7, 900.0, 0.0), None)
            logs.row(Row("finish", 1, epoch, 0.4, 0.8, 300.0, 1e-4), 310.0)
    found = {path.parent.name: path.read_bytes() for path in (tmp_path / "logs").rglob("*tfevents*")}
    assert set(found) == {"warm-up-0", "finish-1"}
    assert found["finish-1"].count(b"target") == 2
    assert b"target" not in found["warm-up-0"]
    assert all(found["finish-1"].count(tag) == 2 for tag in (b"loss", b"score", b"price", b"beta"))
    with Logs(None) as nowhere:
        nowhere.row(Row("finish", 0, 0, 0.4, 0.8, 300.0, 1e-4), 310.0)
