"""The gradient method: a descent in price that leaves a trail of models, then a finish of some of them side by side."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.progress import Progress, Silent
from bitwright.search.checkpoint import Row, fingerprint_of
from bitwright.search.gradient.accumulators import Guard
from bitwright.search.gradient.archive import Archive, Candidate
from bitwright.search.gradient.checkpoint import Checkpoint, Place
from bitwright.search.gradient.control import Schedule, descents, holding, steering
from bitwright.search.gradient.engines import engine_for
from bitwright.search.gradient.interface import Loss, Told
from bitwright.search.gradient.logs import Logs
from bitwright.search.gradient.options import Gradient
from bitwright.search.gradient.polish import Polish, Polished
from bitwright.search.gradient.state import State, stacked, started
from bitwright.search.gradient.tables import TRAINED
from bitwright.search.gradient.watch import Watch, refuse_bad_data
from bitwright.search.gradient.wrapping import calibrated

__all__ = ["Found", "Row", "gradient_front"]

Arrays = tuple[NDArray[Any], NDArray[Any]]
Score = Callable[[NDArray[Any], NDArray[Any]], float]
Measure = Callable[[Candidate], float]

_DEFAULT_EPOCHS = (60, 40)
_WARM = 3
_DESCENT_SHARE = 0.8
_FIRST_SHARE = 0.1
"""What the price weighs in the loss when the descent begins."""
_LEAST_STEPS = 16
"""Of an epoch: few samples are dealt to smaller batches."""
_RANGED = 16384
"""Training samples that set ranges on the way."""
_TOLD = 20
"""How often a stage says how it stands."""
_DEPTH = 40.0
_PASSES = 1.5
"""A sample in training takes as long as this many that digits are judged by (64-32-32-5 network under JAX)."""
_OVER = 1.02
"""By how much a model may exceed the price that it was to keep."""


@dataclass(frozen=True)
class Found:
    """What the method found: `candidates` by rising price, the `history`, and the `epochs` that were done.

    findings: layers that died on the way, in words, each with the way out.
    """

    candidates: tuple[Candidate, ...]
    history: tuple[Row, ...]
    epochs: tuple[int, int]
    findings: tuple[str, ...] = ()


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
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Found:
    """Train `model` (from `trainable_copy`) at falling prices; the candidates of the front.

    train, validation: (inputs, labels). `score(outputs, labels)`: higher is better. `taught`: a teacher's outputs for
    the training samples. `removed`: see `price_of`. `measure(candidate)`: what the compiler makes of the price; the
    targets are then met in its units, compared anew several times on the way. folder: where the search writes how it
    stands (and event files for TensorBoard), and goes on after it was interrupted. The same options and data give the
    same front on one machine, if `epochs` are told; with `budget_s` the epochs that were done are in the result, to be
    told again.

    Raises InvalidModel when a loss is no number, InvalidValue for such data. Layers that die, saturate or get no
    gradient are warned of (`HealthWarning`), and named in the result.
    """
    refuse_bad_data(*train)
    place = Place(folder, _fingerprint(model, (*train, *validation, *(() if taught is None else (taught,))), options))
    with Logs(folder) as logs:
        run = _Run(
            model, train, validation, options, loss, score, removed, taught, measure, place, logs, progress or Silent()
        )
        return run.front()


def _fingerprint(model: Any, data: tuple[NDArray[Any], ...], options: Gradient) -> str:
    texts = (json.dumps(options.as_dict(), sort_keys=True), model.to_json())
    return fingerprint_of(texts, (*data, *(np.asarray(w) for w in model.get_weights())))


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
        place: Place,
        logs: Logs,
        progress: Progress,
    ) -> None:
        self.model, self.loss, self.options, self.score, self.progress = model, loss, options, score, progress
        self.engine = engine_for(model, loss, options.metric, removed, options.width_rate)
        self.data = (*train, taught)
        self.validation, self.measure, self.place = validation, measure, place
        self.batch = min(options.batch_size, max(len(train[0]) // _LEAST_STEPS, 1))
        self.archive, self.history = Archive(), list[Row]()
        self.logs, self.watch = logs, Watch(model, train[0])
        self.since = time.perf_counter()

    def front(self) -> Found:
        """Both stages, from where the search stood."""
        at = self.place.read() or self._begun()
        self.archive, self.history = Archive(at.candidates), list(at.history)
        self.watch = Watch(self.model, self.data[0], at.findings)
        rate = self.options.learning_rate
        plans = descents(*at.ends, at.epochs[0], rate, again=self.options.beta is None)
        if at.stage != "finish":
            for plan in plans[[plan.stage for plan in plans].index(at.stage) :]:
                at = at if at.stage == plan.stage else self._begun_again(at, plan)
                self._through(plan, at)
            at = self._finishing(at)
        self._through(holding(at.targets, at.epochs[1], rate), at)
        # A finish that was too short for its targets still leaves what was met on the way.
        found = tuple(self.archive.within(at.targets * _OVER) or self.archive.candidates)
        return Found(self._polished(found, at.epochs), tuple(self.history), at.epochs, tuple(self.watch.told))

    def _begun(self) -> Checkpoint:
        """Some epochs without a price, which also tell how long an epoch takes; then the beginning of the descent."""
        state, seconds = stacked([started(self.model)]), list[float]()
        first = self.options.first or float(self.engine.prices(state)[0])
        ends = first, self.options.last or first / _DEPTH
        none, ratio, told = np.zeros(1), np.ones(1), None
        self.progress.step("warm up", _WARM)
        for epoch in range(_WARM):
            since = time.perf_counter()
            state, told = self._trained(state, self._order(0, epoch), none, self.options.learning_rate)
            self._note("warm up", state, epoch, told, ratio, none, None, keep=False)
            seconds.append(time.perf_counter() - since)
            self.progress.advance()
        self.progress.done()
        assert told is not None
        self.watch.look(state.pick(0), "warm up", first=True)
        start = np.full(1, _FIRST_SHARE * told.loss[0] / max(float(told.price[0]), 1.0))
        return Checkpoint(
            "descent", 0, self._epochs(min(seconds)), ends, np.array([ends[1]]), state, told.price, ratio, start,
            np.zeros(1), (), tuple(self.history), tuple(self.watch.told),
        )  # fmt: skip

    def _epochs(self, seconds: float) -> tuple[int, int]:
        if self.options.epochs is not None:
            return self.options.epochs
        if self.options.budget_s is None:
            return _DEFAULT_EPOCHS
        left = max(self.options.budget_s * TRAINED - (time.perf_counter() - self.since), 0.0)
        left /= 1.0 + self.options.polish
        here = max(int(left * _DESCENT_SHARE / seconds), 10)
        there = int(left * (1 - _DESCENT_SHARE) / (seconds * self.options.points))
        return here, max(there, 5)

    def _begun_again(self, at: Checkpoint, plan: Schedule) -> Checkpoint:
        """The beginning of a further descent, from the best model that costs what it begins with."""
        chosen = (self.archive.within(plan.targets[0]) or self.archive.candidates[:1])[0]
        state = self._calibrated(stacked([chosen.state.fresh()]))
        price = self.engine.prices(state)
        return replace(
            at, stage=plan.stage, epoch=0, state=state, price=price, ratio=self._compared(state, price),
            start=np.array([self._beta_near(chosen)]), total=np.zeros(1),
        )  # fmt: skip

    def _finishing(self, at: Checkpoint) -> Checkpoint:
        """The beginning of the finish: models spread over the trail, each to hold the price that it has."""
        # A descent that was too short for its ends still leaves its cheapest model.
        chosen = self.archive.spread(self.options.points, *at.ends) or self.archive.candidates[:1]
        state = self._calibrated(stacked([c.state.fresh() for c in chosen]))
        price = self.engine.prices(state)
        # Targets are relative: what was compiled on the way is near enough.
        prices = np.array([c.price for c in chosen])
        start = np.array([self._beta_near(c) for c in chosen])
        return replace(
            at, stage="finish", epoch=0, targets=prices, state=state, price=price, ratio=prices / price, start=start,
            total=np.zeros(len(chosen)),
        )  # fmt: skip

    def _polished(self, found: tuple[Candidate, ...], epochs: tuple[int, int]) -> tuple[Candidate, ...]:
        """The candidates without the digits that loss and price together do better without."""
        work = self.options.polish * _PASSES * len(self.data[0]) * (epochs[0] / max(len(found), 1) + epochs[1])
        polish = Polish(self.model, self.engine, self.loss, self.data, work, self.options.seed)
        if polish.idle:
            return found
        self.progress.step("polish", len(found))
        made, taken = list[Candidate](), 0
        for number, candidate in enumerate(found):
            done = polish(candidate.state, self._beta_near(candidate), number)
            made.append(self._rated(done, candidate))
            taken += done.taken
            self.progress.advance()
        self.progress.done(f"{taken} digits fewer")
        return tuple(sorted(made, key=lambda candidate: candidate.price))

    def _rated(self, done: Polished, before: Candidate) -> Candidate:
        """As a candidate; its price is corrected as that of `before` was."""
        state = stacked([done.state])
        if self.options.accumulator_bits is not None:
            # A weight of 7/8 that loses a digit is a 1.
            state = Guard(self.model, self.options.accumulator_bits)(state)
        raw = float(self.engine.prices(stacked([before.state]))[0])
        price = float(self.engine.prices(state)[0]) * before.price / max(raw, 1.0)
        score = self.score(self.engine.outputs(state, self.validation[0])[0], self.validation[1])
        return Candidate(state.pick(0).bare(), score, price, f"{before.origin}, {done.taken} digits fewer")

    def _through(self, plan: Schedule, at: Checkpoint) -> None:
        """The epochs of a stage from `at` on."""
        control = steering(plan, at.start, at.total, self.options.gains, self.options.beta)
        state, price, ratio = at.state, at.price, at.ratio
        many = len(plan.rates)
        self.progress.step(plan.stage, many)
        self.progress.advance(at.epoch)
        for epoch in range(at.epoch, many):
            if plan.compiled[epoch]:
                state = self._calibrated(state)
                price = self.engine.prices(state)
                ratio = self._compared(state, price)
            betas = control(price * ratio, plan.targets[epoch])
            order, rate = self._order(plan.number, epoch), float(plan.rates[epoch])
            state, told = self._trained(state, order, betas, rate)
            price = told.price
            self._note(plan.stage, state, epoch, told, ratio, betas, plan.targets[epoch], keep=bool(plan.kept[epoch]))
            self._look(plan, state, epoch)
            self.progress.advance()
            if (epoch + 1) % max(many // _TOLD, 1) == 0:
                self._tell()
            here = replace(at, epoch=epoch + 1, state=state, price=price, ratio=ratio, total=control.total)
            met = tuple(self.archive.candidates), tuple(self.history)
            self.place.write(replace(here, candidates=met[0], history=met[1], findings=tuple(self.watch.told)))
        self.progress.done(f"{len(self.archive.candidates)} models kept")

    def _look(self, plan: Schedule, state: State, epoch: int) -> None:
        """At the epochs that are compiled, and closely when a stage ends."""
        last = epoch + 1 == len(plan.rates)
        if plan.compiled[epoch] or last:
            where = f"{plan.stage}, epoch {epoch + 1} of {len(plan.rates)}"
            for run in range(len(plan.targets[epoch])):
                self.watch.look(state.pick(run), where, deep=last and run == 0)

    def _trained(
        self, state: State, order: NDArray[np.int64], betas: NDArray[np.float64], rate: float
    ) -> tuple[State, Told]:
        """An epoch, after which sums are as narrow as they were asked for."""
        state, told = self.engine.epoch(state, self.data, order, betas, rate)
        if self.options.accumulator_bits is None:
            return state, told
        state = Guard(self.model, self.options.accumulator_bits)(state)
        return state, replace(told, price=self.engine.prices(state))

    def _calibrated(self, state: State) -> State:
        """With ranges for the training samples, where activations will wrap."""
        if self.options.overflow != "wrap":
            return state
        return calibrated(self.model, state, self.data[0][:_RANGED], self.options.margin)

    def _order(self, stage: int, epoch: int) -> NDArray[np.int64]:
        count = len(self.data[0]) // self.batch
        drawn = np.random.default_rng((self.options.seed, stage, epoch)).permutation(len(self.data[0]))
        return drawn[: count * self.batch].reshape(count, self.batch)

    def _compared(self, state: State, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the compiler makes of the models, over their prices: the factors that correct prices from now on."""
        if self.measure is None or self.options.metric != "luts":
            return np.ones(len(price))
        models = [Candidate(state.pick(run), 0.0, float(price[run]), "compared") for run in range(len(price))]
        return np.array([max(self.measure(model), 1.0) / max(model.price, 1.0) for model in models])

    def _beta_near(self, candidate: Candidate) -> float:
        """The weight that the price had when the candidate was met."""
        rows = [row for row in self.history if row.stage.startswith("descent")]
        return min(rows, key=lambda row: abs(row.price - candidate.price)).beta

    def _note(
        self, stage: str, state: State, epoch: int, told: Told, ratio: NDArray[np.float64],
        betas: NDArray[np.float64], targets: NDArray[np.float64] | None, keep: bool,
    ) -> None:  # fmt: skip
        outputs = self.engine.outputs(state, self.validation[0])
        for run, found in enumerate(outputs):
            paid, reached = float(told.price[run] * ratio[run]), self.score(found, self.validation[1])
            row = Row(stage, run, epoch, float(told.loss[run]), reached, paid, float(betas[run]))
            if not np.isfinite(row.loss):
                raise self.watch.no_number(row.loss, state.pick(run), f"{stage}, epoch {epoch + 1}")
            self.history.append(row)
            self.logs.row(row, None if targets is None else float(targets[run]))
            if keep:
                origin = f"{stage} {run}, epoch {epoch}"
                self.archive.offer(Candidate(state.pick(run).bare(), row.score, row.price, origin))

    def _tell(self) -> None:
        best = self.archive.candidates[-1] if self.archive.candidates else None
        row = self.history[-1]
        text = f"{row.score:.4f} at {row.price:.0f} {self.options.metric}"
        self.progress.note(text if best is None else f"{text}, the best {best.score:.4f} at {best.price:.0f}")
