"""`search`: the smallest hardware for a stated accuracy, found, compiled and verified."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import BitwrightError, ConfigError
from bitwright.core.progress import Progress, Silent
from bitwright.flow.compiling import compile_model
from bitwright.flow.design import Design
from bitwright.flow.models import load_model
from bitwright.flow.options import Options
from bitwright.platforms import device as device_named
from bitwright.search.gradient import Candidate, Gradient, gradient_front, set_weights, trainable_copy
from bitwright.search.limits import Limits
from bitwright.search.losses import loss_for, score_for
from bitwright.search.price import price_now
from bitwright.search.result import SearchResult, TrainedPoint
from bitwright.search.splits import Splits, read_splits, split
from bitwright.train.rewrite import rebuilt, same

if TYPE_CHECKING:
    from bitwright.report import SearchReport

__all__ = ["search", "search_file"]

Score = Callable[[NDArray[Any], NDArray[Any]], float]
_VERIFIED = 2000


def search(
    model: Any,
    data: Any,
    limits: Limits | None = None,
    method: str | Gradient = "gradient",
    *,
    options: Options | None = None,
    teacher: Any = None,
    loss: Any = None,
    score: Score | None = None,
    budget_s: float | None = None,
    seed: int = 0,
    verify: str = "best",
    folder: str | Path | None = None,
    progress: Progress | None = None,
) -> SearchResult:
    """Train `model` in as few bits as its task needs: a front of models with their designs, the best within `limits`.

    model: a float Keras model, trained (or its path). data: see `split`; its test samples are used once, at the end.
    method: "gradient", or `Gradient` options. options: how designs are compiled (device, clock, ...). teacher: a larger
    trained model whose outputs guide the training (with `Gradient(distill=...)`). loss: of Keras (None: cross-entropy
    for class numbers, else the squared error). score(outputs, labels): higher is better (None: accuracy, or
    the negative squared error). verify: "best" simulates the RTL of the best point and compares the netlists
    of the others, "all" simulates all, "none" leaves it. folder: where the search keeps its journal.

    Raises Unsupported, naming the layer, for models that cannot be quantized; nothing is approximated silently.
    """
    if verify not in ("best", "all", "none"):
        raise ConfigError(f"verify={verify!r}", where="search", remedy="use 'best', 'all' or 'none'")
    told = limits or Limits()
    gradient = _options(method, told, budget_s, seed)
    source = load_model(model) if isinstance(model, str | Path) else model
    job = _Search(source, split(data, seed), told, gradient, options or Options(), teacher, loss, score, progress)
    return job.result(verify)


def search_file(
    model: Path, data: str, limits: Mapping[str, float | None], out: Path, *, options: Mapping[str, Any],
    budget_s: float | None = None, points: int = 10, progress: Progress | None = None,
) -> SearchReport:  # fmt: skip
    """`search` on files: the model's, the data's (see `read_splits`); models and report go to `out`."""
    from bitwright.flow.search_report import save_search, search_report

    chosen = Options.of(dict(options))
    told, splits = Limits(**limits), read_splits(data, chosen.seed)
    method = replace(_options("gradient", told, budget_s, chosen.seed), points=points)
    result = search(model, splits, told, method, options=chosen, seed=chosen.seed, progress=progress)
    save_search(result, out, Path(model).stem)
    return search_report(result, Path(model).stem)


def _options(method: str | Gradient, limits: Limits, budget_s: float | None, seed: int) -> Gradient:
    if isinstance(method, Gradient):
        return method if budget_s is None else replace(method, budget_s=budget_s)
    if method != "gradient":
        raise ConfigError(f"method {method!r}", where="search", remedy="use 'gradient' or Gradient(...)")
    found = Gradient(budget_s=budget_s, seed=seed)
    return found if limits.luts is None else replace(found, first=6.0 * limits.luts, last=limits.luts / 3)


class _Search:
    def __init__(
        self, source: Any, splits: Splits, limits: Limits, gradient: Gradient, options: Options, teacher: Any,
        loss: Any, score: Score | None, progress: Progress | None,
    ) -> None:  # fmt: skip
        self.source, self.splits, self.limits = source, splits, limits
        self.gradient, self.options, self.teacher = gradient, options, teacher
        self.loss = loss_for(source, splits.train[1], loss, gradient.distill if teacher is not None else 0.0)
        self.score = score or score_for(splits.train[1])
        self.progress = progress or Silent()
        self.fabric = device_named(self.options.device).fabric
        self.copy = trainable_copy(source, splits.train[0], gradient)

    def result(self, verify: str) -> SearchResult:
        """The search, then each model compiled, measured and verified."""
        found = gradient_front(
            self.copy, self.splits.train, self.splits.validation, self.gradient,
            loss=self.loss, score=self.score, removed=self.removed, taught=self._taught(),
            measure=self._luts, progress=self.progress,
        )  # fmt: skip
        reference = self._scored(self.source)
        points = [self._point(i, c, reference[0]) for i, c in enumerate(found.candidates)]
        points = _unbeaten([p for p in points if p is not None])
        settings = {**self.gradient.as_dict(), "epochs": list(found.epochs), "device": self.options.device}
        made = SearchResult(tuple(points), self.limits, reference, self.splits.sizes, found.history, settings)
        self._verify(made, verify)
        return made

    @property
    def removed(self) -> float:
        """Bits that a LUT of the device takes out of a sum."""
        return float(self.fabric.adder_operands - 1)

    def _taught(self) -> NDArray[Any] | None:
        if self.teacher is None or not self.gradient.distill:
            return None
        return np.asarray(self.teacher.predict(self.splits.train[0], batch_size=4096, verbose=0))

    def _with(self, candidate: Candidate) -> Any:
        """A model of its own for the candidate."""
        return set_weights(rebuilt(self.copy, same).model, candidate.state)

    def _luts(self, candidate: Candidate) -> float:
        return float(self._compiled(self._with(candidate)).estimate().luts)

    def _compiled(self, model: Any) -> Design:
        return compile_model(model, self.options)

    def _scored(self, model: Any) -> tuple[float, float | None]:
        def one(part: Any) -> float:
            return self.score(np.asarray(model.predict(part[0], batch_size=4096, verbose=0)), part[1])

        return one(self.splits.validation), None if self.splits.test is None else one(self.splits.test)

    def _point(self, index: int, candidate: Candidate, reference: float) -> TrainedPoint | None:
        model = self._with(candidate)
        design = self._compiled(model)
        validation, test = self._scored(model)
        facts = {**_facts(model, design, self.removed), "accuracy_drop": reference - validation}
        error = None if test is None else sqrt(max(test * (1 - test), 0.0) / self.splits.sizes[2])
        excess = self.limits.excess(facts)
        return TrainedPoint(f"p{index}", model, design, validation, test, error, facts, excess, candidate.origin)

    def _verify(self, made: SearchResult, verify: str) -> None:
        if verify == "none":
            return
        try:
            best = made.best
        except BitwrightError:
            best = None
        x = self.splits.validation[0][:_VERIFIED]
        self.progress.step("verify", len(made.points))
        for point in made.points:
            point.design.verify(x, rtl=verify == "all" or point is best)
            self.progress.advance()
        self.progress.done()


def _facts(model: Any, design: Design, removed: float) -> dict[str, float]:
    found, price = design.estimate(), price_now(model, removed)
    return {
        "luts": float(found.luts),
        "ffs": float(found.ffs),
        "carries": float(found.carries),
        "dsps": float(found.dsps),
        "brams": float(found.brams),
        "latency_cycles": float(found.latency_cycles),
        "latency_ns": found.latency_ns,
        "ebops": price["ebops"],
        "bits": price["bits"],
        "price": price["luts"],
    }


def _unbeaten(points: list[TrainedPoint]) -> list[TrainedPoint]:
    """Those that no other beats in validation score and compiled LUTs, by rising LUTs."""
    kept: list[TrainedPoint] = []
    for point in sorted(points, key=lambda p: (p.facts["luts"], -p.validation)):
        if not kept or point.validation > kept[-1].validation:
            kept.append(point)
    return kept
