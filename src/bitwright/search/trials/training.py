"""One trial: build, train, compile; what an executor runs, here or on another machine."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel, StorageError, Unsupported
from bitwright.core.files import write_atomic
from bitwright.search.autoqkeras.batches import even, even_size
from bitwright.search.limits import Limits
from bitwright.search.objectives import values_of
from bitwright.search.price import price_now
from bitwright.search.scores import ForgivingFactor
from bitwright.search.space import Configuration
from bitwright.search.trial import Context, Hopeless, Outcome
from bitwright.search.trials.recipe import LEARNING_RATE, Recipe
from bitwright.train.door import keras

__all__ = ["Training", "trained_model"]

Arrays = tuple[NDArray[Any], NDArray[Any]]
Score = Callable[[NDArray[Any], NDArray[Any]], float]
Measure = Callable[[Any], Mapping[str, float]]

_WEIGHTS = "weights.npz"
"""The weights of a trial's best epoch in its folder."""
_PREDICTED = 4096
_PRICED = {"luts", "ebops", "bits"}
"""What is known of a model without compiling it."""


@dataclass(frozen=True, eq=False)
class Training:
    """Evaluates a configuration; everything it holds can travel to another process.

    measure(model): what the compiler makes of it. reference: the float model's score, from which drops are counted.
    loss: of Keras. removed: see `price_of`. factor: the forgiving factor, its reference measured; None: there is none.
    """

    recipe: Recipe
    train: Arrays
    validation: Arrays
    limits: Limits
    objectives: tuple[str, ...]
    score: Score
    measure: Measure
    loss: Any
    reference: float
    removed: float = 2.0
    factor: ForgivingFactor | None = None

    def __call__(self, configuration: Configuration, context: Context) -> Outcome:
        """Train, keep the best epoch, compile it, and judge it by objectives and limits."""
        # Models are circles of references, and the steps compiled for earlier trials go with them.
        gc.collect()
        keras.utils.set_random_seed(context.seed)
        model = self.recipe.build(configuration)
        self._refuse_dear(model)
        options = self.recipe.options
        rate = configuration.get(LEARNING_RATE, options.learning_rates[0])
        model.compile(keras.optimizers.Adam(rate), self.loss)
        best = _Best(self, context)
        told = {"x": self.train[0], "y": self.train[1], "batch_size": min(options.batch_size, len(self.train[0]))}
        model.fit(**even(told), epochs=options.epochs, verbose=0, callbacks=[best])
        model.set_weights(best.weights)
        best.keep(context.folder)
        return self._judged(model, best)

    def _judged(self, model: Any, best: _Best) -> Outcome:
        facts = {**self.measure(model), "accuracy_drop": self.reference - best.score}
        values = values_of(self.objectives, best.score, facts)
        if self.factor is not None:
            self.factor.get_trial(model)
            values = (best.score * (1.0 + self.factor.delta()),)
        told = self.limits.told
        violations = [(facts[name] - most) / max(most, 1e-9) if name in facts else 0.0 for name, most in told.items()]
        return Outcome(values, tuple(violations), {**facts, "score": best.score, "epochs": best.epochs})

    def _refuse_dear(self, model: Any) -> None:
        """Training moves what a model costs, but seldom by a factor."""
        if not self.limits.told.keys() & _PRICED:
            return
        try:
            cost: Mapping[str, float] = price_now(model, self.removed)
        except Unsupported:
            return  # a layer without a price: the compiler will tell
        for name, most in self.limits.told.items():
            if cost.get(name, 0.0) > most * self.recipe.options.beyond:
                raise Hopeless(f"about {cost[name]:.0f} {name} before training, where at most {most:g} are allowed")


class _Best(keras.callbacks.Callback):
    """Remembers the best epoch by the score on the validation samples, and tells the study how it goes."""

    def __init__(self, training: Training, context: Context) -> None:
        super().__init__()
        self.training, self.context = training, context
        self.score, self.epochs = -math.inf, 0
        self.weights: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Score, compare, keep, report."""
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise InvalidModel(
                f"the loss is {loss} in epoch {epoch + 1}", where="trial", remedy="lower learning_rates, check the data"
            )
        x, y = self.training.validation
        found = self.training.score(outputs_of(self.model, x), y)
        self.epochs += 1
        if found > self.score or not self.weights:
            self.score, self.weights = found, self.model.get_weights()
        self.context.report(self.epochs, found)

    def keep(self, folder: Path) -> None:
        """Write the best weights into the trial's folder."""
        stream = BytesIO()
        np.savez(stream, *self.weights)
        write_atomic(folder / _WEIGHTS, stream.getvalue())


def outputs_of(model: Any, x: NDArray[Any]) -> NDArray[Any]:
    """What the model returns, in batches of one size, so that one step is compiled."""
    return np.asarray(model.predict(x, batch_size=even_size(len(x), min(_PREDICTED, len(x))), verbose=0))


def trained_model(recipe: Recipe, configuration: Configuration, folder: Path) -> Any:
    """The model that a trial left in its folder; raises StorageError if it is not there."""
    path = folder / _WEIGHTS
    if not path.is_file():
        raise StorageError("the weights of the trial are gone", where=str(path), remedy="search again in a new folder")
    model = recipe.build(configuration)
    with np.load(path, allow_pickle=False) as arrays:
        model.set_weights([arrays[name] for name in arrays.files])
    return model
