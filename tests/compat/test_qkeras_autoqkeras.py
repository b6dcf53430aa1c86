"""AutoQKeras programs as they are written for QKeras run behind the door, from the search to the exported weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import MinMaxScaler

from bitwright.qkeras.autoqkeras import *  # noqa: F403
from bitwright.qkeras.autoqkeras import AutoQKeras, AutoQKerasScheduler, forgiving_metrics, print_qmodel_summary
from bitwright.qkeras.utils import model_save_quantized_weights
from bitwright.search.autoqkeras import scheduler
from bitwright.train.door import keras

QUANTIZERS = {
    "kernel": {"stochastic_ternary": 2, "quantized_bits(8,0,1,alpha=1.0)": 8},
    "bias": {"quantized_bits(4,0,1)": 4},
    "activation": {"quantized_relu(4,1)": 4},
    "linear": {"quantized_bits(4,1)": 4, "quantized_bits(6,1)": 6},
}
GOAL = {
    "type": "energy",
    "params": {
        "delta_p": 8.0, "delta_n": 8.0, "rate": 2.0, "stress": 1.0, "process": "horowitz",
        "parameters_on_memory": ["sram", "sram"], "activations_on_memory": ["sram", "sram"],
        "rd_wr_on_io": [False, False], "min_sram_size": [0, 0], "source_quantizers": ["int8"],
        "reference_internal": "int8", "reference_accumulator": "int32",
    },
}  # fmt: skip


def model() -> Any:
    keras.utils.set_random_seed(42)
    kl = keras.layers
    x = x_in = keras.Input((4,), name="input")
    for number in range(2):
        x = kl.Dense(6, name=f"dense_{number}")(x)
        x = kl.BatchNormalization(name=f"bn{number}")(x)
        x = kl.Activation("relu", name=f"relu_{number}")(x)
    x = kl.Activation("softmax", name="softmax")(kl.Dense(3, name="dense_2")(x))
    found = keras.Model(x_in, x)
    found.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy", metrics=["acc"])
    return found


def iris() -> tuple[Any, Any]:
    x, y = load_iris(return_X_y=True)
    return MinMaxScaler().fit_transform(x).astype("float32"), np.eye(3, dtype="float32")[y]


def config(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "output_dir": str(folder / "result"), "goal": GOAL, "quantization_config": QUANTIZERS,
        "learning_rate_optimizer": False, "transfer_weights": False, "mode": "random", "seed": 42, "max_trials": 1,
        "limit": {"Dense": [8, 8, 4], "BatchNormalization": [], "Activation": [4]},
        "tune_filters": "layer", "tune_filters_exceptions": "^dense", "layer_indexes": list(range(1, 7)), **more,
    }  # fmt: skip


def test_a_search_over_dense_layers_and_normalizations_ends_in_a_model_that_is_trained_on_and_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = iris()
    autoqk = AutoQKeras(model(), metrics=["acc"], custom_objects={}, **config(tmp_path))
    autoqk.fit(x, y, validation_data=(x, y), batch_size=150, epochs=1)
    qmodel = autoqk.get_best_model()
    print_qmodel_summary(qmodel)
    assert "dense_0" in capsys.readouterr().out
    kinds = {layer.name: type(layer).__name__ for layer in qmodel.layers}
    assert (kinds["dense_0"], kinds["bn0"], kinds["relu_0"]) == ("QDense", "QBatchNormalization", "QActivation")
    assert (kinds["dense_2"], kinds["softmax"]) == ("Dense", "Activation")
    assert set(model_save_quantized_weights(qmodel)) >= {"dense_0", "dense_1"}
    target = autoqk.hypermodel.target
    assert isinstance(target, forgiving_metrics.forgiving_factor["energy"])
    assert autoqk.history()["trial_size"][0] < autoqk.hypermodel.reference_size


def test_the_scheduler_of_a_program_goes_from_block_to_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "LEAST_TRIALS", 1)
    x, y = iris()
    told = config(tmp_path, blocks=["^.*_0$", "^.*_1$"], schedule_block="cost", transfer_weights=True)
    autoqk = AutoQKerasScheduler(model(), metrics=["acc"], **told)
    autoqk.fit(x, y, validation_data=(x, y), batch_size=150, epochs=1)
    kinds = [type(layer).__name__ for layer in autoqk.get_best_model().layers]
    assert (kinds.count("QDense"), kinds.count("QActivation")) == (2, 2)
    assert len(autoqk.get_history()) == 2
