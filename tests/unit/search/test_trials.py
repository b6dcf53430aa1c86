"""The trial method of `bw.search`: what it chooses, what it judges by, and what it never does twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import ConfigError, InvalidValue
from bitwright.search.journals import check_folder, held
from bitwright.search.limits import Limits
from bitwright.search.losses import accuracy
from bitwright.search.objectives import objectives_of, unbeaten, values_of
from bitwright.search.scores import inference_pj
from bitwright.search.space import Configuration
from bitwright.search.trial import Context, Hopeless, Outcome, State, Trial
from bitwright.search.trials.recipe import recipe_of
from bitwright.search.trials.run import chosen_trials, trials_front
from bitwright.search.trials.training import Training

pytest.importorskip("optuna")
TERNARY = "ternary(alpha='auto_po2')"


@pytest.fixture(scope="module")
def task() -> tuple[Any, Any]:
    """A float model of two layers, not trained, and data that it could learn."""
    rng = np.random.default_rng(3)
    x = rng.normal(0, 1, (240, 4)).astype(np.float32)
    y = (x[:, 0] > x[:, 1]).astype(np.int64)
    keras.utils.set_random_seed(3)
    layers = [keras.layers.Dense(4, activation="relu", name="hidden"), keras.layers.Dense(2, name="out")]
    return keras.Sequential([keras.Input((4,)), *layers], name="toy"), (x, y)


def bits_of(model: Any) -> dict[str, float]:
    """A stand-in for the compiler: bits of the kernels, summed."""
    quantizers = [layer.kernel_quantizer_internal for layer in model.layers if hasattr(layer, "kernel")]
    return {"luts": float(sum(getattr(quantizer, "bits", 2) for quantizer in quantizers))}


def test_a_recipe_makes_what_a_configuration_says(task: tuple[Any, Any]) -> None:
    model, (x, _) = task
    options = bw.Trials(weights=(TERNARY, 3, 5), activations=(2, 4), inputs=(3,), tune_filters="layer", warm=0)
    recipe = recipe_of(model, x, options)
    names = [choice.name for choice in recipe.space]
    assert names == ["hidden weights", "out weights", "input activations", "hidden activations", "hidden filters"]
    told: Configuration = {
        "hidden weights": TERNARY, "out weights": 5, "input activations": 3, "hidden activations": 4,
        "hidden filters": 0.5,
    }  # fmt: skip
    made = recipe.build(told)
    hidden, out = made.get_layer("hidden"), made.get_layer("out")
    assert hidden.units == 2
    assert (type(hidden.get_quantizers()[0]).__name__, out.get_quantizers()[0].bits) == ("ternary", 5)
    assert hidden.activation.bits == 4
    assert np.array_equal(np.asarray(hidden.kernel), np.asarray(model.get_layer("hidden").kernel)[:, :2])


def outcomes() -> list[Trial]:
    facts = [(0.9, 50, True), (0.8, 20, True), (0.95, 90, False), (0.7, 40, True), (0.9, 50, True), (0.6, 5, True)]
    return [
        Trial(
            number, {}, State.COMPLETE,
            Outcome((score, cost), () if kept else (1.0,), {"score": score, "luts": cost}),
            repeats=0 if number == 4 else None,
        )
        for number, (score, cost, kept) in enumerate(facts)
    ]  # fmt: skip


def test_the_trials_that_become_models_keep_the_limits_and_nothing_beats_them() -> None:
    trials = [*outcomes(), Trial(6, {}, State.FAILED, error="x"), Trial(7, {}, State.PRUNED)]
    objectives = ("score", "luts")
    assert [trial.number for trial in chosen_trials(trials, objectives, 9)] == [5, 1, 0]
    assert [trial.number for trial in chosen_trials(trials, objectives, 1)] == [0]
    assert [trial.number for trial in chosen_trials(trials[2:3], objectives, 9)] == [2]


def test_objectives_are_refused_by_name_and_judged_together() -> None:
    assert objectives_of(("luts", "energy_pj")) == ("score", "luts", "energy_pj")
    with pytest.raises(ConfigError, match="energy_pj"):
        objectives_of(("score", "energy"))
    with pytest.raises(ConfigError, match="nothing is weighed"):
        objectives_of(("score",))
    with pytest.raises(InvalidValue, match="bits of the model is not known"):
        values_of(("score", "bits"), 0.5, {"luts": 1.0})
    rows = [(0.9, 50.0, 3.0), (0.9, 60.0, 2.0), (0.9, 60.0, 3.0), (0.5, 50.0, 2.0)]
    assert unbeaten(rows, lambda row: row, ("score", "luts", "energy_pj")) == [rows[0], rows[3], rows[1]]


def test_a_trial_is_trained_judged_by_its_limits_and_never_when_it_is_far_too_dear(
    task: tuple[Any, Any], tmp_path: Path
) -> None:
    model, data = task
    options = bw.Trials(weights=(4,), activations=(4,), epochs=2, batch_size=60, warm=0)

    def training(limits: Limits) -> Training:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        return Training(
            recipe_of(model, data[0], options), data, data, limits, ("score", "luts"), accuracy, bits_of, loss, 0.75
        )

    told = {choice.name: choice.options[0] for choice in recipe_of(model, data[0], options).space}
    context = Context(0, 1, tmp_path)
    outcome = training(Limits(energy_pj=1.0, accuracy_drop=0.5))(told, context)
    assert outcome.values == (outcome.facts["score"], outcome.facts["luts"])
    assert outcome.facts["accuracy_drop"] == 0.75 - outcome.facts["score"]
    # Energy is not known here, so that limit counts as kept.
    assert outcome.violations == (0.0, (outcome.facts["accuracy_drop"] - 0.5) / 0.5)
    assert [step for step, _ in context.reports] == [1, 2]
    assert max(value for _, value in context.reports) == outcome.facts["score"]
    with pytest.raises(Hopeless, match="luts before training, where at most 1 are allowed"):
        training(Limits(luts=1))(told, Context(1, 1, tmp_path))


def test_failed_trials_are_logged_equal_ones_are_not_trained_again_and_another_task_is_refused(
    task: tuple[Any, Any], tmp_path: Path
) -> None:
    model, data = task
    options = bw.Trials(
        trials=5, weights=(3,), activations=(4, 5), inputs=(4,), epochs=1, batch_size=60, warm=0, mode="random"
    )
    measured: list[int] = []

    def measure(built: Any) -> dict[str, float]:
        measured.append(built.get_layer("hidden").activation.bits)
        if measured[-1] == 5:
            raise RuntimeError("this one cannot be compiled")
        return bits_of(built)

    def search(told: Any) -> Any:
        return trials_front(
            model, data, data, told, limits=Limits(), objectives=("score", "luts"), score=accuracy,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), reference=0.5, measure=measure,
            folder=tmp_path,
        )  # fmt: skip

    found = search(options)
    originals = [trial for trial in found.trials if trial.repeats is None]
    assert sorted(measured) == [4, 5]
    assert len(originals) == 2 < len(found.trials) == 5
    assert [trial.error for trial in originals if trial.state is State.FAILED] == [
        "RuntimeError: this one cannot be compiled"
    ]
    assert len(found.models) == 1
    measured.clear()
    assert [trial.state for trial in search(options).trials] == [trial.state for trial in found.trials]
    assert not measured
    with pytest.raises(ConfigError, match="another task"):
        search(bw.Trials(**{**options.as_dict(), "epochs": 2}))


def test_a_folder_is_gone_on_with_by_its_own_method_alone(tmp_path: Path) -> None:
    check_folder(tmp_path, "trials", resume=False)
    (tmp_path / "gradient.npz").write_bytes(b"")
    assert held(tmp_path) == ("gradient",)
    check_folder(tmp_path, "gradient", resume=True)
    with pytest.raises(ConfigError, match="--resume"):
        check_folder(tmp_path, "gradient", resume=False)
    with pytest.raises(ConfigError, match="holds a search by method 'gradient'"):
        check_folder(tmp_path, "trials", resume=True)


def test_energy_grows_with_the_widths(task: tuple[Any, Any]) -> None:
    model, _ = task
    few, many = (inference_pj(bw.quantize(model, {"*": bw.Bits(bits, bits)})) for bits in (3, 8))
    assert 0 < few < many / 2
