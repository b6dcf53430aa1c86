"""AutoQKerasScheduler: one block after the other, what came before frozen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitwright.core.errors import ConfigError, InvalidValue
from bitwright.search.autoqkeras import AutoQKerasScheduler, scheduler
from bitwright.train.door import keras

LIMIT = {
    "Dense": [["quantized_bits(4,0,1,alpha=1.0)", "quantized_bits(2,0,1,alpha=1.0)"], "quantized_bits(8,3,1)", 4],
    "Activation": [["quantized_relu(4,2)", "quantized_relu(3,1)"]],
}


def data() -> tuple[Any, Any]:
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    return x, np.argmax(x[:, :2], -1)


def search(folder: Path, **told: Any) -> AutoQKerasScheduler:
    keras.utils.set_random_seed(0)
    kl = keras.layers
    model = keras.Sequential(
        [keras.Input((4,)), kl.Dense(4, name="fc"), kl.Activation("relu", name="relu"),
         kl.Dense(8, name="wide"), kl.Activation("relu", name="relu2"), kl.Dense(2, name="out")]
    )  # fmt: skip
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # Two steps an epoch are done before a compiler would have begun.
    model.compile(keras.optimizers.SGD(0.05), loss, metrics=["acc"], run_eagerly=True)
    asked = {"blocks": ["fc|relu$", "wide"], "max_trials": 2, **told}
    return AutoQKerasScheduler(model, ["acc"], limit=LIMIT, output_dir=folder / "found", overwrite=False, **asked)


def fit(searched: AutoQKerasScheduler) -> AutoQKerasScheduler:
    x, y = data()
    searched.fit(x, y, validation_data=(x, y), epochs=1, batch_size=32)
    return searched


@pytest.fixture(autouse=True)
def blocks_of_two_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "LEAST_TRIALS", 2)


def names(searched: AutoQKerasScheduler) -> list[tuple[str, ...]]:
    return [block.layers for block in searched.blocks]


def test_blocks_come_as_they_are_listed_or_the_most_costly_first(tmp_path: Path) -> None:
    assert names(search(tmp_path)) == [("fc", "relu"), ("wide",)]
    by_cost = search(tmp_path, schedule_block="cost")
    assert names(by_cost) == [("wide",), ("fc", "relu")]
    bits = {block.pattern: block.cost for block in by_cost.blocks}
    assert bits == {"wide": (4 * 8 + 8) * 8, "fc|relu$": (4 * 4 + 4 + 4) * 8}


def test_a_layer_belongs_to_the_first_block_that_matches_it(tmp_path: Path) -> None:
    assert names(search(tmp_path, blocks=["fc", ".*"])) == [("fc",), ("relu", "wide", "relu2", "out")]


def test_a_block_is_quantized_with_the_one_before_frozen_and_all_layers_train_again_at_the_end(
    tmp_path: Path,
) -> None:
    searched = fit(search(tmp_path))
    best = searched.get_best_model()
    kinds = [type(layer).__name__ for layer in best.layers]
    assert kinds == ["QDense", "QActivation", "QDense", "Activation", "Dense"]
    assert all(layer.trainable for layer in best.layers)
    first = keras.models.load_model(tmp_path / "found/model_block_0.keras", compile=False)
    assert [type(layer).__name__ for layer in first.layers][:3] == ["QDense", "QActivation", "Dense"]
    for before, after in zip(first.get_layer("fc").get_weights(), best.get_layer("fc").get_weights(), strict=True):
        assert np.array_equal(before, after)
    assert len(searched.get_history()) == 2
    assert all(len(block["score"]) == 2 for block in searched.get_history())
    assert json.loads((tmp_path / "found/scheduler.json").read_text())["next_block"] == 2


def test_a_search_that_was_ended_between_blocks_goes_on_to_the_same_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(search(tmp_path / "whole"))
    parts = search(tmp_path / "parts")

    def killed(done: int) -> None:
        written(done)
        raise KeyboardInterrupt

    written = parts._write
    monkeypatch.setattr(parts, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(parts)
    resumed = fit(search(tmp_path / "parts"))
    assert resumed.get_history() == whole.get_history()
    for ours, theirs in zip(resumed.get_best_model().get_weights(), whole.get_best_model().get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    with pytest.raises(ConfigError, match="has the blocks"):
        fit(search(tmp_path / "parts", blocks=["fc", "wide"]))


def test_a_block_gets_its_share_of_the_trials_but_never_too_few(tmp_path: Path) -> None:
    searched = search(tmp_path, max_trials=100)
    share = searched.blocks[1].cost / searched.reference_size
    assert searched._trials(searched.blocks[1]) == int(100 * share) > 2
    assert search(tmp_path, max_trials=1)._trials(searched.blocks[1]) == 2


def test_debug_prints_the_blocks_and_trains_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    searched = fit(search(tmp_path, debug=True))
    assert "wide: wide (cost 320)" in capsys.readouterr().out
    assert not searched.output_dir.exists()
    with pytest.raises(InvalidValue, match="call fit"):
        searched.get_best_model()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"blocks": None}, "there are no blocks"),
        ({"blocks": ["fc", "conv"]}, "block 'conv': it matches no layer"),
        ({"blocks": ["fc", "softmax|nothing"]}, "matches no layer"),
        ({"schedule_block": "random"}, "'sequential' or 'cost'"),
        ({"executors": 3}, "did you mean executor="),
    ],
)
def test_blocks_that_cannot_be_searched_are_refused_before_anything_is_trained(
    tmp_path: Path, told: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        search(tmp_path, **told)
