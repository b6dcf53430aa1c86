"""The search for table networks: gradients, pruning, the option, interruption, and a whole front on small data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import ConfigError, StorageError, Unsupported
from bitwright.core.progress import Silent
from bitwright.flow.search_asked import Asked
from bitwright.flow.search_tables import table_models
from bitwright.search.checkpoint import CheckpointFile
from bitwright.search.limits import Limits
from bitwright.search.splits import split
from bitwright.search.tables import Tables, model_of, table_front, widths_of
from bitwright.search.tables.network import TableNetwork, coded, fractions_of
from bitwright.search.tables.pruning import prune
from bitwright.search.tables.run import _slope  # pyright: ignore[reportPrivateUsage]

SMALL = Tables(
    points=2, hidden=(6,), input_bits=4, hidden_bits=3, epochs=(2, 3, 2), batch_size=64, learning_rate=0.01,
    distill=0.0, first=120.0, last=40.0,
)  # fmt: skip


def samples(count: int = 1500, seed: int = 0) -> tuple[Any, Any]:
    """Three classes by the signs of noisy features."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (count, 6)).astype(np.float32)
    return x, ((x[:, 0] + x[:, 1] > 0) + (x[:, 2] > x[:, 3])).astype(np.int64)


def network(seed: int = 0) -> TableNetwork:
    return TableNetwork.begun(seed, (7, 3), (6, 5), np.full(6, 2.0**-3))


def accuracy(outputs: Any, labels: Any) -> float:
    return float((outputs.argmax(axis=1) == labels).mean())


def found(options: Tables = SMALL, folder: Path | None = None, **more: Any) -> Any:
    x, y = samples()
    pairs = (x[:1200], y[:1200]), (x[1200:], y[1200:])
    return table_front((*(options.hidden or ()), 3), *pairs, options, score=accuracy, folder=folder, **more)


def test_gradients_of_entries_and_sums_are_those_of_the_loss() -> None:
    x, y = samples(200)
    net, at = network(), np.arange(200)
    codes, slope = coded(x, np.full(6, 3), 6), _slope(y, None, 0.0)

    def loss(outputs: Any) -> float:
        return float(np.mean(np.log(np.exp(outputs).sum(axis=1)) - outputs[at, y]))

    read = net.read(codes)
    flow = net.flows(read, slope(read.outputs, at))[-1]
    nudged = read.outputs.astype(np.float64)
    nudged[5, 1] += 1e-3
    assert (loss(nudged) - loss(read.outputs.astype(np.float64))) / 1e-3 == pytest.approx(flow[5, 1], rel=1e-2)
    before = loss(net.outputs(codes))
    for _ in range(30):
        net.learn(codes, at, slope, 0.01)
    assert loss(net.outputs(codes)) < 0.7 * before


def test_hidden_slopes_point_where_the_outputs_rise() -> None:
    net = network()
    last = net.layers[1]
    last.weights[:] = 0
    last.weights[2, :2, 0] = (-8.0, 8.0)
    read = net.read(coded(samples(50)[0], np.full(6, 3), 6))
    flow = net.flows(read, np.ones((50, 3), np.float32))[0]
    assert (flow[:, 2] > 0).all()
    assert not flow[:, [0, 1, 3, 4, 5, 6]].any()


def test_pruning_meets_the_price_and_takes_what_says_least() -> None:
    x, y = samples()
    codes, at, slope = coded(x, np.full(6, 3), 6), np.arange(len(x)), _slope(y, None, 0.0)
    net = TableNetwork.begun(0, (3,), (6,), np.full(6, 2.0**-3))
    for _ in range(60):
        net.learn(codes, at, slope, 0.02)
    goal = 0.5 * net.price()
    prune(net, codes, at, slope, goal)
    alive = net.layers[0].alive.sum(axis=1)
    assert net.price() <= goal
    # The classes depend on the first four features only.
    assert alive[:4].sum() > 3 * alive[4:].sum()
    assert accuracy(net.outputs(codes), y) > 0.75


def test_formats_of_inputs_follow_their_scale() -> None:
    x, y = samples()
    fractions = fractions_of(x * np.array([1, 8, 1, 1, 1, 1 / 8], np.float32), y, 6)
    assert fractions[1] == fractions_of(x, y, 6)[1] - 3
    assert coded(np.array([[-9.0], [0.0], [9.0]]), np.array([3]), 6)[:, 0].tolist() == [0, 32, 63]


def test_the_keras_model_computes_what_was_trained() -> None:
    x, _ = samples()
    told = found()
    net, codes = told.networks[-1], coded(x, told.fraction, SMALL.input_bits)
    model = model_of(net, told.fraction, "tables", False)
    assert np.array_equal(np.asarray(model.predict(x, verbose=0)), net.outputs(codes))


def test_a_front_repeats_itself_and_goes_on_after_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CheckpointFile, "every_s", 0.0)
    whole = found()

    class Stopped(bw.BitwrightError):
        pass

    def stop(outputs: Any, labels: Any) -> float:
        calls.append(1)
        if len(calls) == 4:
            raise Stopped("stopped")
        return accuracy(outputs, labels)

    calls: list[int] = []
    x, y = samples()
    pairs = (x[:1200], y[:1200]), (x[1200:], y[1200:])
    with pytest.raises(Stopped):
        table_front((6, 3), *pairs, SMALL, score=stop, folder=tmp_path)
    again = found(folder=tmp_path)
    assert [row.price for row in again.history] == [row.price for row in whole.history]
    for one, other in zip(again.networks, whole.networks, strict=True):
        assert all(np.array_equal(a.weights, b.weights) for a, b in zip(one.layers, other.layers, strict=True))
    with pytest.raises(ConfigError, match="another search"):
        found(replace(SMALL, seed=1), tmp_path)
    (tmp_path / "tables.npz").write_bytes(b"no archive")
    with pytest.raises(StorageError, match="cannot be read"):
        found(folder=tmp_path)


def test_distillation_moves_the_outputs_toward_the_teacher() -> None:
    _x, y = samples()
    taught = np.eye(3, dtype=np.float32)[(y + 1) % 3]
    slope = _slope(y, taught, 1.0)(np.zeros((4, 3), np.float32), np.arange(4))
    assert (slope.argmin(axis=1) == (y[:4] + 1) % 3).all()


@pytest.mark.parametrize(
    ("told", "match"),
    [({"points": 0}, "points=0"), ({"hidden": ()}, "hidden"), ({"distill": 2.0}, "distill"),
     ({"input_bits": 9}, "input_bits"), ({"epochs": (1, 0, 1)}, "epochs")],
)  # fmt: skip
def test_options_out_of_range_are_refused(told: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        Tables(**told)


def test_neurons_are_told_by_name_and_share_the_budget() -> None:
    with pytest.raises(ConfigError, match="neurons='wires'"):
        bw.Gradient(neurons="wires")
    with pytest.raises(ConfigError, match="nothing reads"):
        bw.Gradient(tables=SMALL)
    mixed = bw.Gradient(neurons="mixed", budget_s=100.0)
    assert (mixed.of_adders.budget_s, mixed.of_tables.budget_s) == (60.0, 40.0)
    assert Asked(neurons="tables").options(Limits(luts=600), 3).of_tables == Tables(10, first=3600, last=200, seed=3)
    with pytest.raises(ConfigError, match="neurons means nothing"):
        Asked("trials", neurons="tables").options(Limits(), 0)


def test_tables_stand_for_chains_of_dense_layers_only() -> None:
    deep = keras.Sequential([keras.Input((6,)), *(keras.layers.Dense(n) for n in (90, 32, 20, 3))])
    assert widths_of(deep, Tables()) == (32, 10, 3)
    assert widths_of(deep, Tables(hidden=(5,))) == (5, 3)
    image = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    with pytest.raises(Unsupported, match="inputs have the shape"):
        widths_of(image, Tables())
    a = keras.Input((4,))
    joined = keras.Model(a, keras.layers.Add(name="joined")([keras.layers.Dense(3)(a), keras.layers.Dense(3)(a)]))
    with pytest.raises(Unsupported, match="joined"):
        widths_of(joined, Tables())


def test_a_loss_of_ones_own_is_refused_before_training() -> None:
    x, y = samples()
    splits = split(((x[:1200], y[:1200]), (x[1200:], y[1200:])), 0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
    with pytest.raises(ConfigError, match="cross-entropy"):
        table_models(
            model, splits, SMALL, loss="mean_squared_error", score=accuracy, teacher=model, folder=None,
            progress=Silent(),
        )  # fmt: skip


@pytest.mark.long
def test_a_search_with_tables_returns_verified_designs() -> None:
    x, y = samples()
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8), keras.layers.Dense(3, activation="softmax")])
    method = bw.Gradient(neurons="tables", tables=replace(SMALL, points=1, first=60.0))
    result = bw.search(model, ((x[:1200], y[:1200]), (x[1200:], y[1200:])), method=method, verify="none")
    assert result.points
    assert all(point.origin.startswith("tables") for point in result.points)
    best = result.points[-1]
    assert best.validation > 0.6
    assert best.facts["luts"] < 400
    assert np.array_equal(best.design.predict(x[:300]).argmax(1), best.model.predict(x[:300], verbose=0).argmax(1))
    assert result.settings["neurons"] == "tables"
    assert result.settings["tables"]["epochs"] == [2, 3, 2]
