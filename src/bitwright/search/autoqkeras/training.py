"""One trial: build, train, and report the score after each epoch; what an executor runs."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from bitwright.core.errors import ConfigError, InvalidModel, StorageError
from bitwright.core.files import write_atomic
from bitwright.search.autoqkeras.hypermodel import AutoQKHyperModel
from bitwright.search.space import Configuration
from bitwright.search.trial import Context, Outcome
from bitwright.train.door import keras

__all__ = ["Training", "read_weights"]

WEIGHTS = "weights.npz"
"""The weights of a trial's best epoch in its folder, in the order of `model.weights`."""


@dataclass(frozen=True)
class Training:
    """Trains `executions` models of a configuration; their best scores are averaged.

    arguments: those of `model.fit`. objective: the log that is the score ("val_score"). max_parameters: more make the
    trial fail. Facts of the outcome: the logs of the best epoch, "trial_size", "learning_rate", "epochs" trained.
    """

    hypermodel: AutoQKHyperModel
    objective: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    executions: int = 1
    max_parameters: int | None = None

    def __call__(self, configuration: Configuration, context: Context) -> Outcome:
        """Train; raises ConfigError when training logs no such objective."""
        runs = [self._run(configuration, context, execution) for execution in range(self.executions)]
        best = max(runs, key=lambda run: run.score)
        best.keep(context)
        facts = {**best.logs, **best.facts, "trial_size": self.hypermodel.trial_size}
        return Outcome((sum(run.score for run in runs) / len(runs),), facts=facts)

    def _run(self, configuration: Configuration, context: Context, execution: int) -> _Best:
        keras.utils.set_random_seed((context.seed + execution) % 2**31)
        model = self.hypermodel.build(configuration)
        parameters = model.count_params()
        if self.max_parameters is not None and parameters > self.max_parameters:
            why = f"max_model_size is {self.max_parameters}"
            raise InvalidModel(f"{parameters} parameters", where="trial", why=why, remedy="limit the filters")
        listener = _Best(self.objective, context if execution == 0 else None)
        # Callbacks keep state; every training begins with fresh ones.
        told = {"verbose": 0, **self.arguments, "callbacks": [listener, *copy.deepcopy(self.arguments["callbacks"])]}
        try:
            model.fit(**told)
        finally:
            # The compiled steps are most of what a trial leaves behind, and refer to the model that holds them: cut
            # here, they go at once, which spares every trial a collection of all such circles.
            model.train_function = model.test_function = None
        if not listener.weights:
            raise ConfigError("no epoch was trained", where="AutoQKeras.fit", remedy="give epochs above initial_epoch")
        listener.facts = {
            "learning_rate": float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)),
            "epochs": listener.epochs,
        }
        return listener


class _Best(keras.callbacks.Callback):
    """Remembers the best epoch, its logs and its weights, and tells the study how it goes."""

    def __init__(self, objective: str, context: Context | None) -> None:
        super().__init__()
        self.objective, self.context = objective, context
        self.score, self.epochs = float("-inf"), 0
        self.logs: dict[str, float] = {}
        self.facts: dict[str, float] = {}
        self.weights: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare, keep, report."""
        found = dict(logs or {})
        if self.objective not in found:
            raise ConfigError(
                f"training logs no {self.objective!r}",
                where="AutoQKeras.fit",
                why=f"it logs {', '.join(found)}",
                remedy="give validation_data or validation_split, or another score_metric",
            )
        score = float(found[self.objective])
        self.epochs += 1
        if score > self.score or not self.weights:
            self.score, self.weights = score, self.model.get_weights()
            self.logs = {key: float(value) for key, value in found.items()}
        if self.context is not None:
            self.context.report(self.epochs, score)

    def keep(self, context: Context) -> None:
        """Write the best weights into the trial's folder."""
        stream = BytesIO()
        np.savez(stream, *self.weights)
        write_atomic(context.folder / WEIGHTS, stream.getvalue())


def read_weights(folder: Path) -> list[Any]:
    """What a trial left in its folder; raises StorageError if it is not there."""
    path = folder / WEIGHTS
    if not path.is_file():
        raise StorageError("the weights of the trial are gone", where=str(path), remedy="search again in a new folder")
    with np.load(path) as arrays:
        return [arrays[name] for name in arrays.files]
