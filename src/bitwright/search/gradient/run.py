"""The gradient method: a descent in price that leaves a trail of models, then a finish of some of them side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel
from bitwright.core.progress import Progress, Silent
from bitwright.search.gradient.archive import Archive, Candidate
from bitwright.search.gradient.control import Controller, descent
from bitwright.search.gradient.engine import JaxEngine, Loss
from bitwright.search.gradient.options import Gradient
from bitwright.search.gradient.state import State, stacked, started

__all__ = ["Found", "Row", "gradient_front"]

Arrays = tuple[NDArray[Any], NDArray[Any]]
Score = Callable[[NDArray[Any], NDArray[Any]], float]
Measure = Callable[[Candidate], float]

_DEFAULT_EPOCHS = (60, 40)
_DESCENT_SHARE = 0.6
_CYCLES = 8
_WARM = 0.1
_FIRST_SHARE = 0.1
_DEPTH = 40.0
_MEASURED = 6
"""How often on the way down a model is compiled to correct the price."""
_OVER = 1.02
"""By how much a model may exceed the price that it was to keep."""
_QUIET = 0.7
"""The part of the finish after which the rate is low enough for candidates to be kept."""


@dataclass(frozen=True)
class Row:
    """One epoch of one model: the stage, its number, loss, validation score, price, and the price's weight."""

    stage: str
    run: int
    epoch: int
    loss: float
    score: float
    price: float
    beta: float


@dataclass(frozen=True)
class Found:
    """What the method found: `candidates` by rising price, the `history`, and the `epochs` that were done."""

    candidates: tuple[Candidate, ...]
    history: tuple[Row, ...]
    epochs: tuple[int, int]


def gradient_front(
    model: Any,
    train: Arrays,
    validation: Arrays,
    options: Gradient,
    *,
    loss: Loss,
    score: Score,
    removed: float = 2.0,
    taught: NDArray[Any] | None = None,
    measure: Measure | None = None,
    progress: Progress | None = None,
) -> Found:
    """Train `model` (from `trainable_copy`) at falling prices; the candidates of the front.

    train, validation: (inputs, labels). `score(outputs, labels)`: higher is better. `taught`: a teacher's outputs for
    the training samples. `removed`: see `price_of`. `measure(candidate)`: what the compiler makes of the price; the
    targets are then met in its units, compared anew several times on the way. The same options and data give the same
    front on one machine, if `epochs` are told; with `budget_s` the epochs that were done are in the result, to be told
    again.
    """
    run = _Run(model, train, validation, options, loss, score, removed, taught, measure, progress or Silent())
    return run.front()


class _Run:
    def __init__(
        self,
        model: Any,
        train: Arrays,
        validation: Arrays,
        options: Gradient,
        loss: Loss,
        score: Score,
        removed: float,
        taught: NDArray[Any] | None,
        measure: Measure | None,
        progress: Progress,
    ) -> None:
        self.model, self.options, self.score, self.progress = model, options, score, progress
        self.engine = JaxEngine(model, loss, options.metric, removed, options.width_rate)
        self.data = (*train, taught)
        self.validation = validation
        self.batch = min(options.batch_size, len(train[0]))
        self.archive, self.history = Archive(), list[Row]()
        self.measure, self.ratio = measure, np.ones(1)

    def front(self) -> Found:
        """Both stages."""
        state, (first, last), epochs = self._begin()
        self._descend(state, descent(first, last, epochs[0]))
        chosen = self.archive.spread(self.options.points, first, last)
        if not chosen:
            raise self._nothing(last)
        targets = self._finish(chosen, epochs[1])
        return Found(tuple(self.archive.within(targets * _OVER)), tuple(self.history), epochs)

    def _nothing(self, last: float) -> InvalidModel:
        return InvalidModel(
            f"no model came down to {self.options.first or last:.0f} {self.options.metric}",
            where=f"model '{self.model.name}'",
            remedy="train longer (epochs, budget_s), or begin with a smaller model",
        )

    def _order(self, stage: int, epoch: int) -> NDArray[np.int64]:
        count = len(self.data[0]) // self.batch
        drawn = np.random.default_rng((self.options.seed, stage, epoch)).permutation(len(self.data[0]))
        return drawn[: count * self.batch].reshape(count, self.batch)

    def _begin(self) -> tuple[State, tuple[float, float], tuple[int, int]]:
        """Some epochs without a price, which also tell how long an epoch takes."""
        state = stacked([started(self.model)])
        price = float(self.engine.prices(state)[0])
        first = self.options.first or price
        last = self.options.last or first / _DEPTH
        seconds: list[float] = []
        warm = 3
        self.progress.step("warm up", warm)
        for epoch in range(warm):
            since = time.perf_counter()
            none, rate = np.zeros(1), self.options.learning_rate
            state, told = self.engine.epoch(state, self.data, self._order(0, epoch), none, rate)
            self._note("warm up", state, epoch, told.loss, told.price, none, keep=False)
            seconds.append(time.perf_counter() - since)
            self.progress.advance()
        self.progress.done()
        return state, (first, last), self._epochs(min(seconds))

    def _epochs(self, seconds: float) -> tuple[int, int]:
        if self.options.epochs is not None:
            return self.options.epochs
        if self.options.budget_s is None:
            return _DEFAULT_EPOCHS
        here = max(int(self.options.budget_s * _DESCENT_SHARE / seconds), 10)
        there = int(self.options.budget_s * (1 - _DESCENT_SHARE) / (seconds * self.options.points))
        return here, max(there, 5)

    def _descend(self, state: State, targets: NDArray[np.float64]) -> None:
        epochs, price = len(targets), self.engine.prices(state)
        control = Controller(np.full(1, _FIRST_SHARE * self.history[-1].loss / price[0]))
        self.progress.step("descent", epochs)
        for epoch, target in enumerate(targets):
            if epoch and epoch % max(epochs // _MEASURED, 1) == 0:
                self.ratio = self._compared(state, price)
            betas = control(price * self.ratio, np.array([target]))
            state, told = self.engine.epoch(state, self.data, self._order(1, epoch), betas, self._rate(epoch, epochs))
            price = told.price
            self._note("descent", state, epoch, told.loss, price, betas)
            self.progress.advance()
        self.progress.done(f"{len(self.archive.candidates)} models on the trail")

    def _compared(self, state: State, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the compiler makes of the models, over their prices: the factors that correct prices from now on."""
        if self.measure is None or self.options.metric != "luts":
            return np.ones(len(price))
        models = [Candidate(state.pick(run), 0.0, float(price[run]), "compared") for run in range(len(price))]
        return np.array([max(self.measure(model), 1.0) / max(model.price, 1.0) for model in models])

    def _rate(self, epoch: int, epochs: int) -> float:
        """Cosine restarts: low rates let models settle, high ones let them leave."""
        cycle = max(epochs // _CYCLES, 1)
        return self.options.learning_rate * (0.55 + 0.45 * float(np.cos(np.pi * (epoch % cycle) / cycle)))

    def _finish(self, chosen: list[Candidate], epochs: int) -> NDArray[np.float64]:
        """All chosen models at once: each keeps its price while the rate falls to nothing; the prices kept."""
        state = stacked([c.state.fresh() for c in chosen])
        price = self.engine.prices(state)
        self.ratio = self._compared(state, price)
        targets = price * self.ratio
        control = Controller(np.array([self._beta_near(c) for c in chosen]))
        self.progress.step("finish", epochs)
        for epoch in range(epochs):
            rate = self.options.learning_rate * 0.5 * (1 + float(np.cos(np.pi * epoch / epochs)))
            betas = control(price * self.ratio, targets)
            state, told = self.engine.epoch(state, self.data, self._order(2, epoch), betas, rate)
            price = told.price
            self._note("finish", state, epoch, told.loss, price, betas, keep=epoch >= _QUIET * epochs)
            self.progress.advance()
        self.progress.done(f"{len(self.archive.candidates)} models on the front")
        return targets

    def _beta_near(self, candidate: Candidate) -> float:
        """The weight that the price had when the candidate was met."""
        rows = [row for row in self.history if row.stage == "descent"]
        return min(rows, key=lambda row: abs(row.price - candidate.price)).beta

    def _note(self, stage: str, state: State, epoch: int, loss: Any, price: Any, betas: Any, keep: bool = True) -> None:
        outputs = self.engine.outputs(state, self.validation[0])
        paid = np.asarray(price) * self.ratio
        for run, found in enumerate(outputs):
            reached = self.score(found, self.validation[1])
            row = Row(stage, run, epoch, float(loss[run]), reached, float(paid[run]), float(betas[run]))
            self._refuse_nan(row)
            self.history.append(row)
            if keep:
                self.archive.offer(Candidate(state.pick(run), row.score, row.price, f"{stage} {run}, epoch {epoch}"))
        best = max(self.history[-len(outputs) :], key=lambda row: row.score)
        self.progress.note(f"{best.score:.4f} at {best.price:.0f} {self.options.metric}")

    def _refuse_nan(self, row: Row) -> None:
        if not np.isfinite(row.loss):
            raise InvalidModel(
                f"the loss is {row.loss} in the {row.stage}, epoch {row.epoch + 1}",
                where=f"model '{self.model.name}'",
                remedy="lower learning_rate, or check the data for NaN",
            )
