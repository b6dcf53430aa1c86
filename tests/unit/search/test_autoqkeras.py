"""AutoQKeras: trials on the engine, their scores, and the model that comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitwright.core.errors import ConfigError, InvalidValue, ToolFailed
from bitwright.search.autoqkeras import (
    AutoQKeras,
    get_quantization_dictionary,
    print_qmodel_summary,
    save_quantization_dict,
)
from bitwright.search.autoqkeras.arguments import Tuning
from bitwright.search.autoqkeras.metrics import Score, TrialSize
from bitwright.search.hopeless import Halving
from bitwright.search.trial import State
from bitwright.train.door import keras

LIMIT = {
    "Dense": [["quantized_bits(4,0,1,alpha=1.0)", "quantized_bits(2,0,1,alpha=1.0)"], "quantized_bits(8,3,1)", 4],
    "Activation": [["quantized_relu(4,2)", "quantized_relu(3,1)"]],
}


def data() -> tuple[Any, Any]:
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    return x, np.argmax(x[:, :2], -1)


def model(loss: Any = "sparse_categorical_crossentropy") -> Any:
    keras.utils.set_random_seed(0)
    kl = keras.layers
    network = keras.Sequential(
        [keras.Input((4,)), kl.Dense(4, name="fc"), kl.Activation("relu", name="relu"),
         kl.Dense(2, name="out"), kl.Activation("softmax", name="softmax")]
    )  # fmt: skip
    # Two steps an epoch are done before a compiler would have begun.
    network.compile(keras.optimizers.SGD(0.05), loss, metrics=["acc"], run_eagerly=True)
    return network


def search(folder: Path, **told: Any) -> AutoQKeras:
    return AutoQKeras(model(), ["acc"], limit=LIMIT, output_dir=folder / "found", seed=3, **told)


def fit(searched: AutoQKeras, **told: Any) -> AutoQKeras:
    x, y = data()
    searched.fit(x, y, **{"validation_data": (x, y), "epochs": 1, "batch_size": 32, **told})
    return searched


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> AutoQKeras:
    return fit(search(tmp_path_factory.mktemp("finished"), max_trials=3), epochs=2)


def test_the_score_of_a_trial_is_its_accuracy_raised_by_the_forgiving_factor(finished: AutoQKeras) -> None:
    history = finished.history()
    reference = finished.hypermodel.reference_size
    for score, accuracy, size in zip(history["score"], history["val_acc"], history["trial_size"], strict=True):
        gained = 0.08 * np.log2(reference / size)
        assert score == pytest.approx(accuracy * (1 + gained), rel=1e-5)
    assert history["score"] == sorted(history["score"], reverse=True)
    assert len(finished.history(1)["score"]) == 1


def test_the_best_model_has_the_weights_of_its_best_epoch_and_the_users_metrics(finished: AutoQKeras) -> None:
    best = finished.get_best_model()
    x, y = data()
    told = best.evaluate(x, y, batch_size=32, verbose=0, return_dict=True)
    assert set(told) == {"acc", "loss"}
    assert told["acc"] == pytest.approx(finished.history()["val_acc"][0], abs=1e-6)
    assert finished.get_learning_rate() == finished.get_best_lr(best) == pytest.approx(0.05)
    assert len(finished.get_best_models(2)) == 2


def test_a_quantized_model_tells_its_quantizers_by_layer(
    finished: AutoQKeras, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = finished.get_best_model()
    told = get_quantization_dictionary(best)
    assert set(told) == {"fc", "relu", "out"}
    assert told["relu"].startswith("quantized_relu(")
    assert told["fc"]["bias_quantizer"] == "quantized_bits(8,3,1)"
    print_qmodel_summary(best)
    assert "QDense(4) kernel_quantizer=quantized_bits(" in capsys.readouterr().out
    assert '"relu"' in save_quantization_dict(tmp_path / "q.json", best).read_text()


def test_a_search_that_was_ended_goes_on_to_the_same_results(tmp_path: Path) -> None:
    whole = fit(search(tmp_path / "whole", max_trials=2))
    assert len(fit(search(tmp_path / "parts", max_trials=1, overwrite=False)).history()["score"]) == 1
    resumed = fit(search(tmp_path / "parts", max_trials=2, overwrite=False))
    assert resumed.history() == whole.history()
    again = search(tmp_path / "parts")
    assert again.output_dir.name == "found_1"


def test_trials_below_the_rungs_of_hyperband_are_stopped_and_told(tmp_path: Path) -> None:
    searched = fit(search(tmp_path, mode="hyperband", max_trials=3, factor=2, max_epochs=2))
    assert searched.study is not None
    assert isinstance(searched.study.setup.hopeless, Halving)
    assert {trial.state for trial in searched.study.trials} <= {State.COMPLETE, State.PRUNED}
    assert all(len(trial.reports) <= 2 for trial in searched.study.trials)


def test_hyperband_tries_what_its_brackets_hold() -> None:
    # Nine epochs, thirds: 9 + 5 + 3 configurations (Li et al., table 1, with R = 9).
    assert Tuning(mode="hyperband").trials(9) == 9 + 5 + 3
    assert Tuning().trials(9) == 10


def test_early_stopping_is_added_unless_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(keras.Sequential, "fit", lambda self, **told: seen.extend(told["callbacks"]), raising=False)
    for callbacks in ([], [keras.callbacks.EarlyStopping("val_acc", patience=7)]):
        with pytest.raises(ToolFailed):
            fit(search(tmp_path, max_consecutive_failed_trials=1), epochs=50, callbacks=callbacks)
    stopping = [callback for callback in seen if isinstance(callback, keras.callbacks.EarlyStopping)]
    assert [(callback.monitor, callback.patience) for callback in stopping] == [("val_loss", 10), ("val_acc", 7)]


def test_a_search_without_validation_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match=r"logs no 'val_score'(.|\n)*give validation_data"):
        fit(search(tmp_path, max_consecutive_failed_trials=1), validation_data=None)


def test_before_fit_there_is_no_best_model(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="call fit"):
        search(tmp_path).get_best_model()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"distribution_strategy": object()}, "executor="),
        ({"hyperparameters": object()}, "quantization_config="),
        ({"max_retries_per_trial": 2}, "max_consecutive_failed_trials="),
        ({"objective": "val_acc"}, "score_metric="),
        ({"project_name": "x"}, "output_dir="),
        ({"alpha": 0.1, "mode": "bayesian"}, "Parzen"),
        ({"max_trial": 3}, "did you mean max_trials="),
        ({"factor": 3}, "belongs to mode='hyperband'"),
        ({"num_initial_points": 3}, "belongs to mode='bayesian'"),
        ({"mode": "grid"}, "random, bayesian, hyperband"),
    ],
)
def test_keywords_that_are_not_taken_are_refused_with_the_way_out(
    tmp_path: Path, told: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        search(tmp_path, **told)


def test_a_tuner_of_the_users_own_gets_the_hypermodel_and_the_objective(tmp_path: Path) -> None:
    class Tuner:
        def __init__(self, hypermodel: Any, objective: Any, project_name: str, **told: Any) -> None:
            self.hypermodel, self.objective, self.told = hypermodel, objective, told
            self.searched: dict[str, Any] = {}

        def search(self, **told: Any) -> None:
            self.searched = told

        def get_best_hyperparameters(self) -> list[Any]:
            return [{choice.name: choice.options[0] for choice in self.hypermodel.space()}]

    searched = fit(search(tmp_path, custom_tuner=Tuner, max_trials=5))
    assert searched.tuner is not None
    assert (searched.tuner.objective.name, searched.tuner.told["max_trials"]) == ("val_score", 5)
    assert searched.tuner.searched["epochs"] == 1
    assert type(searched.get_best_model().get_layer("fc")).__name__ == "QDense"
    with pytest.raises(InvalidValue, match="custom tuner"):
        searched.history()


def test_one_of_several_outputs_makes_the_score(tmp_path: Path) -> None:
    entry = keras.Input((4,))
    hidden = keras.layers.Dense(4, "relu", name="fc")(entry)
    heads = {"kind": keras.layers.Dense(2, "softmax", name="kind")(hidden), "size": keras.layers.Dense(1)(hidden)}
    network = keras.Model(entry, heads)
    losses = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
    network.compile("sgd", losses, metrics={"kind": ["acc"]}, loss_weights={"kind": 1.0, "size": 0.5}, run_eagerly=True)
    x, y = data()
    searched = AutoQKeras(
        network, {"kind": ["acc"], "size": ["mae"]}, limit=LIMIT, head_name="kind", output_dir=tmp_path / "found",
        max_trials=1,
    )  # fmt: skip
    both = {"kind": y, "size": x[:, :1]}
    searched.fit(x, both, validation_data=(x, both), epochs=1, batch_size=32)
    history = searched.history()
    gained = 0.08 * np.log2(searched.hypermodel.reference_size / history["trial_size"][0])
    assert history["score"][0] == pytest.approx(history["val_kind_acc"][0] * (1 + gained), rel=1e-5)
    assert history["val_loss"][0] == pytest.approx(
        history["val_kind_loss"][0] + 0.5 * history["val_size_loss"][0], rel=1e-5
    )


@pytest.mark.parametrize(
    ("metric", "y"),
    [("acc", [[0], [1], [1], [1]]), ("accuracy", [[1, 0], [0, 1], [0, 1], [0, 1]]), (None, [0, 1, 1, 1])],
)
def test_accuracy_is_read_from_the_shapes(metric: Any, y: Any) -> None:
    score = Score(metric, 0.5)
    score.update_state(np.array(y), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.1, 0.9]], "float32"))
    assert float(score.result()) == pytest.approx(0.75 * 1.5)
    score.reset_state()
    assert float(score.result()) == 0


def test_metrics_of_trials_survive_a_round_trip_through_their_configuration() -> None:
    score = Score(keras.metrics.MeanSquaredError(), 0.25)
    again = Score.from_config(score.get_config())
    for metric in (score, again):
        metric.update_state(np.array([[1.0]]), np.array([[3.0]]))
        assert float(metric.result()) == pytest.approx(5.0)
    assert float(TrialSize.from_config(TrialSize(123.0).get_config()).result()) == 123
