"""The search for table networks: a warm-up, a descent that prunes, and a finish of models on the way side by side."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.cores import usable_cores
from bitwright.core.errors import InvalidModel
from bitwright.core.progress import Progress, Silent
from bitwright.core.table_sums import Codes, Floats
from bitwright.search.checkpoint import Row, fingerprint_of
from bitwright.search.gradient.tables import TRAINED, Tables
from bitwright.search.tables.checkpoint import Journal, Standing
from bitwright.search.tables.network import Slope, TableNetwork, coded, fractions_of
from bitwright.search.tables.pruning import prune

__all__ = ["FoundTables", "table_front"]

Arrays = tuple[NDArray[Any], NDArray[Any]]
Score = Callable[[NDArray[Any], NDArray[Any]], float]

_DEFAULT_EPOCHS = (10, 24, 30)
_SHARES = (0.03, 0.2, 0.77)
"""Of the time that is trained, by stage."""
_DEPTH = 16.0
_CUTS = 4
"""How often an epoch of the descent prunes."""
_RESTARTS = 4
_DESCENT_RATE = 2 / 3
_PRUNED = 0.6
"""The part of the finish in which a model is still brought to its price."""
_JUDGED = 1 << 15
"""Samples by which tables are judged."""
_RANGED = 1 << 16
_LEAST_STEPS = 16


@dataclass(frozen=True)
class FoundTables:
    """The networks of the front, by falling price; the inputs' fractions; the history; the epochs that were done."""

    networks: tuple[TableNetwork, ...]
    fraction: NDArray[np.int64]
    history: tuple[Row, ...]
    epochs: tuple[int, int, int]


def table_front(
    widths: tuple[int, ...],
    train: Arrays,
    validation: Arrays,
    options: Tables,
    *,
    score: Score,
    taught: NDArray[Any] | None = None,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> FoundTables:
    """Train networks of tables with these `widths` (outputs last) at falling prices.

    train, validation: (inputs (n, inputs), labels: class numbers or numbers). `taught`: a teacher's outputs for the
    training samples, probabilities for class numbers. folder: where the search writes how it stands, and goes on after
    it was interrupted. The same options and data give the same networks, if `epochs` are told; with `budget_s` the
    epochs that were done are in the result, to be told again.
    """
    journal = Journal(folder, _fingerprint(widths, (*train, *validation), taught, options))
    return _Run(widths, train, validation, options, score, taught, journal, progress or Silent()).front()


def _fingerprint(widths: tuple[int, ...], data: tuple[Any, ...], taught: Any, options: Tables) -> str:
    told = json.dumps([widths, options.as_dict()], sort_keys=True)
    return fingerprint_of([told], (*data, *(() if taught is None else (taught,))))


class _Run:
    def __init__(
        self, widths: tuple[int, ...], train: Arrays, validation: Arrays, options: Tables, score: Score,
        taught: NDArray[Any] | None, journal: Journal, progress: Progress,
    ) -> None:  # fmt: skip
        self.options, self.score, self.journal, self.progress = options, score, journal, progress
        self.widths, self.labels = widths, validation[1]
        self.fraction = fractions_of(train[0][:_RANGED], train[1][:_RANGED], options.input_bits)
        self.codes = coded(train[0], self.fraction, options.input_bits)
        self.validation = coded(validation[0], self.fraction, options.input_bits)
        self.loss = _slope(train[1], taught, options.distill)
        self.batch = min(options.batch_size, max(len(self.codes) // _LEAST_STEPS, 1))
        self.count = len(self.codes) // self.batch

    def front(self) -> FoundTables:
        """All stages, from where the search stood."""
        at = self.journal.read() or self._begun()
        self._descend(at)
        self._finish(at)
        return FoundTables(
            tuple(at.finished[i] for i in sorted(at.finished)), self.fraction, tuple(at.history), at.epochs
        )

    def _begun(self) -> Standing:
        """The warm-up, whose first epoch also tells how long one takes."""
        bits = (self.options.input_bits, *[self.options.hidden_bits] * (len(self.widths) - 1))
        network = TableNetwork.begun(self.options.seed, self.widths, bits, np.exp2(-self.fraction.astype(np.float64)))
        at = Standing(network, self.options.epochs or _DEFAULT_EPOCHS, (0.0, 0.0))
        epoch, since = 0, time.perf_counter()
        self.progress.step("tables: warm up", at.epochs[0])
        while epoch < at.epochs[0]:
            rise = np.minimum(1.0, (epoch * self.count + np.arange(self.count) + 1) / (2 * self.count))
            self._epoch(network, (0, epoch), self.options.learning_rate * rise)
            self._note(at, "warm up", 0, epoch, network)
            if epoch == 0 and self.options.epochs is None and self.options.budget_s is not None:
                at.epochs = self._affordable(time.perf_counter() - since)
            epoch += 1
            self.progress.advance()
        self.progress.done()
        first = min(self.options.first or network.price(), network.price())
        at.ends = (first, min(self.options.last or first / _DEPTH, first))
        return at

    def _affordable(self, seconds: float) -> tuple[int, int, int]:
        many = (self.options.budget_s or 0.0) * TRAINED / seconds
        side = min(usable_cores(), self.options.points)
        warm, descent, finish = (share * many for share in _SHARES)
        return max(int(warm), 2), max(int(descent), 4), max(int(finish * side / self.options.points), 2)

    def _descend(self, at: Standing) -> None:
        """Epochs that prune to a price falling evenly on a logarithmic scale; models are kept on the way."""
        many, goals = at.epochs[1], np.geomspace(*at.ends, self.options.points)
        cycle = max(many // _RESTARTS, 1)
        self.progress.step("tables: descent", many)
        self.progress.advance(at.epoch)
        for epoch in range(at.epoch, many):
            rate = self.options.learning_rate * _DESCENT_RATE * (0.55 + 0.45 * np.cos(np.pi * (epoch % cycle) / cycle))
            for cut in range(_CUTS):
                share = (epoch * _CUTS + cut + 1) / (many * _CUTS)
                prune(
                    at.network,
                    *self._judged(1, epoch * _CUTS + cut),
                    self.loss,
                    at.ends[0] ** (1 - share) * at.ends[1] ** share,
                )
                steps = np.full(-(-self.count // _CUTS), rate)
                self._epoch(at.network, (1, epoch, cut), steps)
                price = at.network.price()
                while len(at.kept) < len(goals) and price <= goals[len(at.kept)] * 1.02:
                    at.kept.append(at.network.copied())
            self._note(at, "descent", 0, epoch, at.network)
            at.epoch = epoch + 1
            self.progress.advance()
            self.journal.write(at)
        # Too short a descent leaves the model that it ended with.
        at.kept = at.kept or [at.network.copied()]
        self.progress.done(f"{len(at.kept)} models kept")

    def _finish(self, at: Standing) -> None:
        """Each kept model to its price and to its end, in threads."""
        goals = np.geomspace(*at.ends, self.options.points)
        left = [i for i in range(len(at.kept)) if i not in at.finished]
        self.progress.step("tables: finish", len(at.kept))
        self.progress.advance(len(at.finished))
        with ThreadPoolExecutor(usable_cores()) as pool:
            work = {pool.submit(self._finished, at.kept[i].copied(), i, float(goals[i]), at.epochs[2]): i for i in left}
            for done in as_completed(work):
                at.finished[work[done]] = done.result()
                self.progress.advance()
                self.journal.write(at, always=True)
        for index in sorted(at.finished):
            self._note(at, "finish", index, at.epochs[2] - 1, at.finished[index])
        self.progress.done()

    def _finished(self, network: TableNetwork, index: int, goal: float, epochs: int) -> TableNetwork:
        total = epochs * self.count
        for epoch in range(epochs):
            step = epoch * self.count + np.arange(self.count)
            if epoch < _PRUNED * epochs:
                prune(network, *self._judged(2 + index, epoch), self.loss, goal)
            rates = self.options.learning_rate * np.minimum(1.0, (step + 1) / self.count)
            self._epoch(network, (2, index, epoch), rates * 0.5 * (1 + np.cos(np.pi * step / total)))
        return network

    def _epoch(self, network: TableNetwork, drawn: tuple[int, ...], rates: NDArray[np.float64]) -> None:
        """Steps with these `rates` on samples drawn by the numbers `drawn`."""
        order = np.random.default_rng((self.options.seed, 1, *drawn)).permutation(len(self.codes))
        for step, rate in enumerate(rates):
            at = order[step * self.batch : (step + 1) * self.batch]
            if len(at):
                network.learn(self.codes[at], at, self.loss, float(rate))

    def _judged(self, stage: int, turn: int) -> tuple[Codes, NDArray[np.int64]]:
        rng = np.random.default_rng((self.options.seed, 2, stage, turn))
        at = rng.choice(len(self.codes), min(_JUDGED, len(self.codes)), replace=False)
        return self.codes[at], at

    def _note(self, at: Standing, stage: str, run: int, epoch: int, network: TableNetwork) -> None:
        outputs = network.outputs(self.validation)
        loss = _mean_loss(outputs, self.labels)
        row = Row(f"tables: {stage}", run, epoch, loss, self.score(outputs, self.labels), network.price(), 0.0)
        if not np.isfinite(loss):
            raise InvalidModel(
                f"the loss is {loss} in the {stage}, epoch {epoch + 1}", where="search with tables",
                remedy="lower learning_rate, or check the data for NaN",
            )  # fmt: skip
        at.history.append(row)
        self.progress.note(f"{row.score:.4f} at {row.price:.0f} luts")


def _mean_loss(outputs: Floats, labels: NDArray[Any]) -> float:
    """The mean cross-entropy for class numbers, else the mean squared error."""
    if labels.dtype.kind not in "iu":
        return float(np.square(outputs - labels.reshape(len(labels), -1)).mean())
    raised = outputs - outputs.max(axis=1, keepdims=True)
    chosen = raised[np.arange(len(labels)), labels]
    return float((np.log(np.exp(raised).sum(axis=1)) - chosen).mean())


def _slope(labels: NDArray[Any], taught: NDArray[Any] | None, distill: float) -> Slope:
    """The gradient of the cross-entropy for class numbers, else of the squared error; `distill` to the teacher."""
    share = 0.0 if taught is None else distill
    if labels.dtype.kind not in "iu":
        wanted = labels.reshape(len(labels), -1).astype(np.float32)
        wanted = wanted if taught is None else (1 - share) * wanted + share * taught.astype(np.float32)
        return lambda outputs, at: (2 * (outputs - wanted[at]) / outputs.size).astype(np.float32)

    def slope(outputs: Floats, at: NDArray[np.int64]) -> Floats:
        raised = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        wanted = np.zeros_like(outputs)
        wanted[np.arange(len(at)), labels[at]] = 1 - share
        if taught is not None:
            wanted += np.float32(share) * taught[at]
        return (raised / raised.sum(axis=1, keepdims=True) - wanted) / np.float32(len(at))

    return slope
