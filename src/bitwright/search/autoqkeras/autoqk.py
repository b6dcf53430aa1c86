"""`AutoQKeras`: the quantizers, filters and learning rate of a model, chosen by trials.

Source: google/qkeras, autoqkeras/autoqkeras_internal.py; arXiv:2006.10159.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from bitwright.core.errors import ConfigError, InvalidValue
from bitwright.search.autoqkeras.arguments import Tuning
from bitwright.search.autoqkeras.batches import even
from bitwright.search.autoqkeras.hypermodel import AutoQKHyperModel
from bitwright.search.autoqkeras.training import Training, read_weights
from bitwright.search.scores import ForgivingFactor, goal_of
from bitwright.search.study import Study
from bitwright.search.trial import Trial
from bitwright.train.door import keras

__all__ = ["AutoQKeras", "unused_folder"]


class Objective(NamedTuple):
    """What a custom tuner maximizes, where keras-tuner is not installed."""

    name: str
    direction: str


class AutoQKeras:
    """Searches the quantized form of a compiled float model that scores best: metric * (1 + forgiving factor).

    model, metrics, custom_objects, transfer_weights, frozen_layers, activation_bits, limit, tune_filters,
    tune_filters_exceptions, learning_rate_optimizer, layer_indexes, quantization_config, head_name: see
    `AutoQKHyperModel`. goal: a `ForgivingFactor`, or {"type": "bits" or "energy", "params": {...}}. output_dir: the
    folder of the search; with overwrite (QKeras's word) a new one is made beside one that exists, without it the search
    there goes on. mode: "random", "bayesian" or "hyperband"; further keywords: see `Tuning`. score_metric: the log to
    maximize ("val_score"). custom_tuner: called as keras-tuner's tuners are, in the place of ours; `tuner` is what it
    returns.

    After `fit`: `get_best_model()`, `get_best_models(n)`, `history()`, and `study`, with all trials.
    """

    def __init__(
        self,
        model: Any,
        metrics: Any = None,
        custom_objects: Mapping[str, Any] | None = None,
        goal: ForgivingFactor | Mapping[str, Any] | None = None,
        output_dir: str | Path = "result",
        mode: Literal["random", "bayesian", "hyperband"] = "random",
        custom_tuner: Callable[..., Any] | None = None,
        transfer_weights: bool = False,
        frozen_layers: Collection[str] | None = None,
        activation_bits: int = 4,
        limit: Mapping[str, Any] | None = None,
        tune_filters: Literal["none", "layer", "block"] = "none",
        tune_filters_exceptions: str | None = None,
        learning_rate_optimizer: bool = False,
        layer_indexes: Collection[int] | None = None,
        quantization_config: Mapping[str, Mapping[str, int]] | None = None,
        overwrite: bool = True,
        head_name: str | None = None,
        score_metric: str | None = None,
        **tuner_kwargs: Any,
    ) -> None:
        self.hypermodel = AutoQKHyperModel(
            model,
            metrics,
            custom_objects,
            goal_of(goal),
            transfer_weights,
            frozen_layers,
            activation_bits,
            limit,
            tune_filters,
            tune_filters_exceptions,
            layer_indexes,
            learning_rate_optimizer,
            head_name,
            quantization_config,
        )
        self.head_name, self.learning_rate = head_name, float("nan")
        self.score_metric = score_metric or (f"val_{head_name}_score" if head_name else "val_score")
        self.tuning = Tuning() if custom_tuner else Tuning.of(mode, tuner_kwargs)
        self.output_dir = unused_folder(Path(self.tuning.directory or ".") / output_dir, overwrite)
        self.study: Study | None = None
        self.tuner = self._custom(custom_tuner, tuner_kwargs) if custom_tuner else None

    def fit(self, *args: Any, **kwargs: Any) -> None:
        """Search; the arguments are those of `model.fit`, for every trial.

        Without one, an EarlyStopping on "val_loss" is added (patience: a fifth of the epochs, at most 20). Epochs are
        10 unless given. Raises ToolFailed when trials fail one after the other, with the last reason.
        """
        told = _named(args, kwargs)
        epochs = self.tuning.epochs(int(told.get("epochs") or 10))
        callbacks = list(told.get("callbacks") or ())
        if not any(isinstance(callback, keras.callbacks.EarlyStopping) for callback in callbacks):
            callbacks.append(keras.callbacks.EarlyStopping("val_loss", patience=min(20, epochs // 5)))
        told |= {"epochs": epochs, "callbacks": callbacks}
        if self.tuner is not None:
            self.tuner.search(**told)
            return
        tuning = self.tuning
        told = even(told) if tuning.equal_batches else told
        training = Training(
            self.hypermodel, self.score_metric, told, tuning.executions_per_trial, tuning.max_model_size
        )
        self.study = self._study(epochs)
        self.study.run(
            training,
            tuning.trials(epochs),
            tuning.executor,
            tuning.progress,
            tuning.timeout_s,
            tuning.max_consecutive_failed_trials,
        )

    def history(self, number_of_trials: int = -1) -> dict[str, list[float]]:
        """The complete trials, best first (the first `number_of_trials`): "score", "trial_size", and their logs.

        Logs ("acc", "val_acc", "loss", ...) are those of a trial's best epoch. Raises InvalidValue where a custom tuner
        searched, which alone knows its trials.
        """
        if self.tuner is not None:
            raise InvalidValue("the trials are the custom tuner's", where="AutoQKeras.history", remedy="ask `tuner`")
        trials = self._ranked()
        shown = trials if number_of_trials < 0 else trials[:number_of_trials]
        outcomes = [trial.outcome for trial in shown if trial.outcome]
        kept = outcomes[0].facts if outcomes else {}
        names = [name for name in kept if name != "score" and name.rpartition("_")[2] != "trial"]
        told = {name: [float(outcome.facts[name]) for outcome in outcomes] for name in names}
        return {"score": [outcome.values[0] for outcome in outcomes], **told}

    def get_best_model(self) -> Any:
        """The best trial's model with the weights of its best epoch, compiled with the user's metrics."""
        if self.tuner is not None:
            model = self.hypermodel.build(self.tuner.get_best_hyperparameters()[0], final=True)
        else:
            model = self.get_best_models(1)[0]
        self.learning_rate = self.get_best_lr(model)
        return model

    def get_best_models(self, num_models: int = 1) -> list[Any]:
        """The models of the best trials, best first, as `get_best_model` gives them."""
        ranked = self._ranked()
        if not ranked:
            raise InvalidValue("no trial came to its end", where="AutoQKeras", remedy="call fit(...) first")
        return [self._model(trial) for trial in ranked[:num_models]]

    @staticmethod
    def get_best_lr(qmodel: Any) -> float:
        """The learning rate of a model."""
        return float(keras.ops.convert_to_numpy(qmodel.optimizer.learning_rate))

    def get_learning_rate(self) -> float:
        """That of the model that `get_best_model` returned."""
        return self.learning_rate

    def _study(self, epochs: int) -> Study:
        tuning = self.tuning
        return Study(
            self.output_dir,
            self.hypermodel.space(),
            directions=("maximize",),
            method=tuning.method(),
            seed=tuning.seed or 0,
            warm=tuning.warm,
            hopeless=tuning.rule(epochs),
        )

    def _ranked(self) -> list[Trial]:
        """Complete trials of different configurations, best first, the first of equal ones first."""
        trials = self.study.trials if self.study else ()
        complete = [trial for trial in trials if trial.outcome and trial.repeats is None]
        return sorted(complete, key=lambda trial: -trial.outcome.values[0] if trial.outcome else 0.0)

    def _model(self, trial: Trial) -> Any:
        model = self.hypermodel.build(trial.configuration, final=True)
        if self.study is not None:
            model.set_weights(read_weights(self.study.artifacts(trial)))
        return model

    def _custom(self, tuner: Callable[..., Any], told: Mapping[str, Any]) -> Any:
        try:
            from keras_tuner import Objective as Wanted  # pyright: ignore[reportMissingImports, reportUnknownVariableType]
        except ImportError:
            Wanted = Objective
        wanted: Any = Wanted(self.score_metric, "max")
        return tuner(self.hypermodel, objective=wanted, project_name=str(self.output_dir), **told)


def unused_folder(wanted: Path, overwrite: bool) -> Path:
    """The folder itself, or one beside it that does not exist yet."""
    folder, number = wanted, 0
    while overwrite and folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name}_{number}")
    return folder


def _named(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `fit` by name."""
    try:
        bound = inspect.signature(keras.Model.fit).bind_partial(None, *args, **kwargs)
    except TypeError as error:
        raise ConfigError("fit does not take these arguments", where="AutoQKeras.fit", why=str(error)) from error
    return {name: value for name, value in bound.arguments.items() if name != "self"}
