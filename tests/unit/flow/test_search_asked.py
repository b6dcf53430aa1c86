"""Searches in words: what the command line says becomes the method's options, or is refused by name."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from bitwright import cli
from bitwright.core.errors import ConfigError
from bitwright.flow.search_asked import Asked
from bitwright.search.executors import Processes, RayCluster
from bitwright.search.gradient import Gradient
from bitwright.search.limits import Limits
from bitwright.search.sensitivity import Sensitivity
from bitwright.search.trials import Trials


def test_words_become_the_options_of_their_method() -> None:
    found = Asked("trials", max_trials=7, mode="hyperband", epochs=9, points=3, budget_s=5.0, workers=4)
    assert found.options(Limits(), 2) == Trials(
        trials=7, mode="hyperband", epochs=9, points=3, budget_s=5.0, executor=Processes(4), seed=2
    )
    assert Asked("trials", ray="10.0.0.1:6379", workers=3).executor == RayCluster("10.0.0.1:6379", 3)
    assert Asked("trials", workers=1).executor is None
    assert Asked("sensitivity").options(Limits(), 1) == Sensitivity(seed=1)
    aimed = Asked(epochs=50, points=4).options(Limits(luts=600), 3)
    assert aimed == Gradient(epochs=(30, 20), points=4, seed=3, first=3600.0, last=200.0)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked("gradient", max_trials=3), "max_trials means nothing to method 'gradient'"),
        (Asked("gradient", ray="auto"), "ray means nothing"),
        (Asked("sensitivity", epochs=3), "epochs means nothing to method 'sensitivity'"),
        (Asked("luck"), "method 'luck'"),
        (Asked("trials", mode="luck"), "mode='luck'"),
    ],
)
def test_what_a_method_would_ignore_is_refused(asked: Asked, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        asked.options(Limits(), 0)


@pytest.mark.long
def test_the_command_line_searches_by_trials_and_goes_on_only_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("optuna")
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (300, 4)).astype(np.float32)
    y = (x[:, 0] > x[:, 1]).astype(np.int64)
    np.savez(tmp_path / "data.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    layers = [keras.layers.Dense(4, activation="relu", name="hidden"), keras.layers.Dense(2, name="out")]
    keras.Sequential([keras.Input((4,), name="x"), *layers], name="small").save(tmp_path / "m.keras")

    def run(trials: int, *more: str) -> tuple[int, str]:
        words = ["search", str(tmp_path / "m.keras"), "--data", str(tmp_path / "data.npz"), "--method", "trials"]
        words += ["--max-trials", str(trials), "--epochs", "1", "--objectives", "score,luts,energy_pj"]
        monkeypatch.setattr(sys, "argv", ["bitwright", *words, "--out", str(tmp_path / "out"), *more])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out + printed.err

    assert run(2, "--resume")[0] == 0
    status, text = run(3)
    assert status == 1
    assert "--resume" in text
    status, text = run(3, "--resume")
    assert (status, "pJ" in text) == (0, True)
    record = json.loads((tmp_path / "out" / "search.json").read_text())
    assert [step["step"] for step in record["history"][0]["steps"]] == [0, 1, 2]
    assert all(point["energy_pj"] > 0 for point in record["points"])
    status, text = run(3, "--resume", "--seed", "9")
    assert (status, "belongs to another model, other data or other options" in text) == (1, True)
