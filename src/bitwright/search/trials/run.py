"""The trial method: a study over the quantizers of a model, and the models of its front."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.progress import Progress, Silent
from bitwright.search.limits import Limits
from bitwright.search.objectives import SCORE, directions_of, unbeaten, values_of
from bitwright.search.scores import goal_of
from bitwright.search.sensitivity import front
from bitwright.search.sensitivity.sites import Widths
from bitwright.search.space import Configuration
from bitwright.search.study import Study
from bitwright.search.trial import Trial
from bitwright.search.trials.options import Trials
from bitwright.search.trials.recipe import Recipe, recipe_of, sensitivity_of
from bitwright.search.trials.training import Measure, Score, Training, trained_model

__all__ = ["TrialsFound", "trials_front"]

Arrays = tuple[NDArray[Any], NDArray[Any]]
_GUESS = "guess"
"""The folder of the first guess, beside the study's own files."""


@dataclass(frozen=True, eq=False)
class TrialsFound:
    """`models`: (model, origin) of the trials that nothing beats; `trials`: all of them, repeats and failures too."""

    models: tuple[tuple[Any, str], ...]
    trials: tuple[Trial, ...]


def trials_front(
    model: Any, train: Arrays, validation: Arrays, options: Trials, *, limits: Limits, objectives: tuple[str, ...],
    score: Score, loss: Any, reference: float, measure: Measure, removed: float = 2.0, about: str = "",
    folder: Path | None = None, progress: Progress | None = None,
) -> TrialsFound:  # fmt: skip
    """Trials of quantized forms of `model` (float), within `limits`; see `Training` for the arguments.

    about: what `measure` depends on, compared when a study is gone on with. folder: of the journal (None: a temporary
    one); the same call goes on there. For an executor of other processes, `score`, `loss` and `measure` must be such
    that they can be pickled.

    Raises ConfigError for a folder with another study, ToolFailed when trials fail one after the other.
    """
    told = progress or Silent()
    # Samples in their order: which ones must not depend on who asks.
    recipe = recipe_of(model, train[0][: options.samples], options)
    factor = None if options.goal is None else goal_of(options.goal)
    if factor is not None:
        factor.get_reference(model)
    training = Training(
        recipe, train, validation, limits, objectives, score, measure, loss, reference, removed, factor
    )
    place = tempfile.TemporaryDirectory(prefix="bitwright-") if folder is None else nullcontext(str(folder))
    with place as name:
        study = Study(
            name, recipe.space, directions=("maximize",) if factor else directions_of(objectives), method=options.mode,
            seed=options.seed, constraints=len(limits.told), hopeless=options.rule,
            warm=_guesses(recipe, train, Path(name) / _GUESS, told),
            task=_task(model, (*train, *validation), options, objectives, limits, about),
        )  # fmt: skip
        trials = study.run(training, options.trials, options.executor, told, options.budget_s, options.failures)
        models = tuple(
            (trained_model(recipe, trial.configuration, study.artifacts(trial)), f"trial {trial.number}")
            for trial in chosen_trials(trials, objectives, options.points)
        )
    return TrialsFound(models, trials)


def _guesses(recipe: Recipe, train: Arrays, folder: Path, progress: Progress) -> tuple[Configuration, ...]:
    """What the sensitivity of each tensor suggests, without training; the cheapest first."""
    options = recipe.options
    if not options.warm or not options.widths:
        return ()
    many = max(options.warm, 2)
    found = front(
        recipe.model, *train, cost="luts", points=many, options=sensitivity_of(options), folder=folder,
        progress=progress,
    )  # fmt: skip
    guessed = [recipe.meaning(Widths(one.weights, one.activations)) for one in found]
    return tuple(guessed[: options.warm])


def chosen_trials(trials: Sequence[Trial], objectives: tuple[str, ...], most: int) -> list[Trial]:
    """The trials that no other one beats in the objectives, at most so many, by rising cost, the best one included.

    Those that keep all limits; all of them where none does.
    """
    done = [trial for trial in trials if trial.outcome and trial.repeats is None]
    within = [trial for trial in done if trial.outcome and trial.outcome.feasible]

    def figures(trial: Trial) -> tuple[float, ...]:
        facts = trial.outcome.facts if trial.outcome else {}
        return values_of(objectives, float(facts[SCORE]), facts)

    kept = unbeaten(within or done, figures, objectives)
    if len(kept) <= most:
        return kept
    best = max(range(len(kept)), key=lambda place: figures(kept[place])[0])
    places = {best, *np.linspace(0, len(kept) - 1, most).round().astype(int).tolist()[: most - 1]}
    return [kept[place] for place in sorted(places)]


def _task(
    model: Any, data: Sequence[NDArray[Any]], options: Trials, objectives: Sequence[str], limits: Limits, about: str
) -> str:
    """A digest of everything that a trial's result follows from, beside its configuration and seed."""
    told = hashlib.sha256(repr((options.about(), tuple(objectives), limits.told, about)).encode())
    told.update(model.to_json().encode())
    for array in (*data, *model.get_weights()):
        told.update(np.ascontiguousarray(array).tobytes())
    return told.hexdigest()
