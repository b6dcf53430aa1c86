"""`search`: the smallest hardware for a stated accuracy, found, compiled and verified."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
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
from bitwright.flow.search_asked import Asked, Method, named_method
from bitwright.flow.search_facts import Measured, facts_of
from bitwright.flow.search_tables import table_models
from bitwright.platforms import device as device_named
from bitwright.report import binomial_error
from bitwright.search.gradient import Candidate, Gradient, gradient_front, set_weights, trainable_copy, wrapped
from bitwright.search.journals import check_folder
from bitwright.search.limits import Limits
from bitwright.search.losses import keras_loss, loss_for, score_for, taught_by
from bitwright.search.objectives import USUAL, cost_of, objectives_of, unbeaten, values_of
from bitwright.search.result import SearchResult, TrainedPoint
from bitwright.search.scores import ENERGY_RULES
from bitwright.search.sensitivity import Sensitivity, front
from bitwright.search.splits import Splits, read_splits, split
from bitwright.search.trials import Trials, trials_front
from bitwright.train.rewrite import rebuilt, same

if TYPE_CHECKING:
    from bitwright.report import SearchReport

__all__ = ["search", "search_file"]

Score = Callable[[NDArray[Any], NDArray[Any]], float]
_VERIFIED = 2000
_BATCH = 4096
_RANGED = 16384
"""Samples that set the ranges of what wraps while a search is on its way; at its end all of them do."""
_TOLD = ("luts", "bits", "dsps", "accuracy_drop")
"""Limits that the integer program predicts; the others are judged when the models are compiled."""
_NAMES: dict[type[Any], str] = {Gradient: "gradient", Sensitivity: "sensitivity", Trials: "trials"}


def search(
    model: Any,
    data: Any,
    limits: Limits | None = None,
    method: str | Method = "gradient",
    *,
    objectives: Sequence[str] = USUAL,
    options: Options | None = None,
    teacher: Any = None,
    loss: Any = None,
    score: Score | None = None,
    budget_s: float | None = None,
    seed: int = 0,
    verify: str = "best",
    folder: str | Path | None = None,
    resume: bool = True,
    progress: Progress | None = None,
) -> SearchResult:
    """Train `model` in as few bits as its task needs: a front of models with their designs, the best within `limits`.

    model: a float Keras model, trained (or its path). data: see `split`; its test samples are used once, at the end.
    method: "gradient" (trained widths), "sensitivity" (post-training widths by integer program, for large models) or
    "trials" (quantizers tried one after the other), or the options of one: `Gradient`, `Sensitivity`, `Trials`.
    objectives: "score" and the costs weighed against it, any of luts, ffs, dsps, brams, latency_ns, energy_pj, bits,
    ebops, ...; the front is what nothing beats in all of them. options: how designs are compiled (device, clock, ...).
    teacher: the trained model whose outputs guide the training with `Gradient(distill=...)` (None: `model` itself).
    loss: of Keras (None: cross-entropy for class numbers, else the squared error). score(outputs, labels): higher is
    better (None: accuracy, or the negative squared error). budget_s: seconds that the search should take (None: fixed
    epochs or trials). verify: "best" simulates the RTL of the best point and
    compares the netlists of the others, "all" simulates all, "none" leaves it. folder: where the search keeps its
    journal; the same call goes on there after it was interrupted, unless resume is false: that refuses a folder that
    holds one.

    Raises Unsupported, naming the layer, for models that cannot be quantized; nothing is approximated silently. A
    folder with another search's journal is refused by a ConfigError.
    """
    if verify not in ("best", "all", "none"):
        raise ConfigError(f"verify={verify!r}", where="search", remedy="use 'best', 'all' or 'none'")
    told = limits or Limits()
    source = load_model(model) if isinstance(model, str | Path) else model
    place, chosen = None if folder is None else Path(folder), _options(method, told, budget_s, seed)
    weighed = objectives_of(objectives)
    if place is not None:
        check_folder(place, _NAMES[type(chosen)], resume)
    if teacher is not None and not (isinstance(chosen, Gradient) and chosen.listens):
        raise ConfigError(
            "a teacher that nothing asks", where="search", remedy="give method=Gradient(distill=0.5), or no teacher"
        )
    job = _Search(
        source, split(data, seed), told, chosen, weighed, options or Options(),
        source if teacher is None else teacher, loss, score, place, progress,
    )  # fmt: skip
    return job.result(verify)


def search_file(
    model: Path, data: str, limits: Mapping[str, float | None], out: Path, *, options: Mapping[str, Any],
    asked: Asked | None = None, progress: Progress | None = None,
) -> SearchReport:  # fmt: skip
    """`search` on files: the model's, the data's (see `read_splits`); models, report and journal go to `out`.

    A folder that holds a journal is refused, unless `asked.resume`: then the search there goes on, or begins.
    """
    from bitwright.flow.search_results import save_search, search_report

    words = asked or Asked()
    chosen = Options.of(dict(options))
    told, splits = Limits(**limits), read_splits(data, chosen.seed)
    result = search(
        model, splits, told, words.options(told, chosen.seed), objectives=words.objectives, options=chosen,
        seed=chosen.seed, folder=out, resume=words.resume, progress=progress,
    )  # fmt: skip
    save_search(result, out, Path(model).stem)
    return search_report(result, Path(model).stem)


def _options(method: str | Method, limits: Limits, budget_s: float | None, seed: int) -> Method:
    budget = {} if budget_s is None else {"budget_s": budget_s}
    if isinstance(method, str):
        return named_method(method, limits, seed, {} if method == "sensitivity" else budget)
    return method if isinstance(method, Sensitivity) or not budget else replace(method, **budget)


@dataclass(frozen=True, eq=False)
class _Made:
    model: Any
    origin: str


class _Search:
    def __init__(
        self, source: Any, splits: Splits, limits: Limits, method: Method, objectives: tuple[str, ...],
        options: Options, teacher: Any, loss: Any, score: Score | None, folder: Path | None, progress: Progress | None,
    ) -> None:  # fmt: skip
        self.source, self.splits, self.limits, self.method = source, splits, limits, method
        self.objectives = objectives
        self.options, self.teacher, self.loss, self.folder = options, teacher, loss, folder
        self.score = score or score_for(splits.train[1])
        self.progress = progress or Silent()
        self.fabric = device_named(options.device).fabric
        self.history: tuple[Any, ...] = ()
        self.settings: dict[str, Any] = {}
        self.warnings: tuple[str, ...] = ()

    def result(self, verify: str) -> SearchResult:
        """The search, then each model compiled, measured and verified."""
        reference = self._scored(self.source)
        models = self._found(reference[0])
        points = [self._point(made, reference[0]) for made in models]
        kept = unbeaten(points, lambda p: values_of(self.objectives, p.validation, p.facts), self.objectives)
        settings = {**self.settings, "device": self.options.device, "energy": ENERGY_RULES}
        made = SearchResult(
            tuple(kept), self.limits, reference, self.splits.sizes, self.history, settings, self.objectives,
            self.warnings,
        )  # fmt: skip
        self._verify(made, verify)
        return made

    def _found(self, reference: float) -> list[_Made]:
        """The models of the method."""
        if isinstance(self.method, Sensitivity):
            return self._by_sensitivity(self.method)
        if isinstance(self.method, Trials):
            return self._by_trials(self.method, reference)
        return self._by_gradient(self.method)

    def _by_gradient(self, gradient: Gradient) -> list[_Made]:
        """Networks of adders, of tables, or both."""
        made = [] if gradient.neurons == "tables" else self._by_adders(gradient.of_adders)
        return made if gradient.neurons == "adders" else made + self._by_tables(gradient)

    def _by_tables(self, gradient: Gradient) -> list[_Made]:
        chosen = gradient.of_tables
        found = table_models(
            self.source, self.splits, chosen, loss=self.loss, score=self.score, teacher=self.teacher,
            folder=self.folder, progress=self.progress,
        )  # fmt: skip
        self.history = (*self.history, *found.history)
        told = {"neurons": gradient.neurons, "tables": {**chosen.as_dict(), "epochs": list(found.epochs)}}
        self.settings = {"method": "gradient", **gradient.as_dict(), **self.settings, **told}
        return [_Made(model, origin) for model, origin in found.models]

    def _by_adders(self, gradient: Gradient) -> list[_Made]:
        copy = trainable_copy(self.source, self.splits.train[0], gradient)

        def own(candidate: Candidate, samples: int | None = None) -> Any:
            model = set_weights(rebuilt(copy, same).model, candidate.state)
            if gradient.overflow != "wrap":
                return model
            return wrapped(model, self.splits.train[0][:samples], gradient.margin)

        found = gradient_front(
            copy, self.splits.train, self.splits.validation, gradient,
            loss=loss_for(self.source, self.splits.train[1], self.loss, gradient.distill), score=self.score,
            removed=self.removed, taught=self._taught(gradient), folder=self.folder, progress=self.progress,
            measure=lambda candidate: float(self._compiled(own(candidate, _RANGED)).estimate().luts),
        )  # fmt: skip
        self.history, self.warnings = found.history, found.findings
        self.settings = {"method": "gradient", **gradient.as_dict(), "epochs": list(found.epochs)}
        return [_Made(own(candidate), candidate.origin) for candidate in found.candidates]

    def _by_sensitivity(self, method: Sensitivity) -> list[_Made]:
        """Post-training widths by integer program; only what can be told before compiling limits the program."""
        x, y = self.splits.train
        told = {name: most for name, most in self.limits.told.items() if name in _TOLD}
        found = front(
            self.source, x, y, limits=told, options=method, folder=self.folder, progress=self.progress,
            cost=cost_of(self.objectives), measure=Measured(self.options, self.removed),
        )  # fmt: skip
        self.settings = {"method": "sensitivity", **asdict(method)}
        return [_Made(made.model, f"integer program{', proved' if made.proved else ''}") for made in found]

    def _by_trials(self, method: Trials, reference: float) -> list[_Made]:
        found = trials_front(
            self.source, self.splits.train, self.splits.validation, method, limits=self.limits,
            objectives=self.objectives, score=self.score, loss=keras_loss(self.source, self.splits.train[1], self.loss),
            reference=reference, measure=Measured(self.options, self.removed), removed=self.removed,
            about=repr(self.options), folder=self.folder, progress=self.progress,
        )  # fmt: skip
        self.history = found.trials
        self.settings = {"method": "trials", **method.as_dict(), "trials": len(found.trials)}
        return [_Made(model, origin) for model, origin in found.models]

    @property
    def removed(self) -> float:
        """Bits that a LUT of the device takes out of a sum."""
        return float(self.fabric.adder_operands - 1)

    def _taught(self, gradient: Gradient) -> NDArray[Any] | None:
        if not gradient.distill:
            return None
        return taught_by(self.teacher, *self.splits.train)

    def _compiled(self, model: Any) -> Design:
        return compile_model(model, self.options)

    def _scored(self, model: Any) -> tuple[float, float | None]:
        def one(part: Any) -> float:
            return self.score(_outputs(model, part[0]), part[1])

        return one(self.splits.validation), None if self.splits.test is None else one(self.splits.test)

    def _point(self, made: _Made, reference: float) -> TrainedPoint:
        model, design = made.model, self._compiled(made.model)
        validation, test = self._scored(model)
        facts = {**facts_of(model, design, self.removed), "accuracy_drop": reference - validation}
        error = None if test is None or not 0 <= test <= 1 else binomial_error(test, self.splits.sizes[2])
        name = f"{self.source.name}_{facts['luts']:.0f}"
        return TrainedPoint(name, model, design, validation, test, error, facts, self.limits.excess(facts), made.origin)

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


def _outputs(model: Any, x: NDArray[Any]) -> NDArray[Any]:
    """What `model` makes of samples, in whole batches: for a smaller rest JAX would compile the network again."""
    padded = np.concatenate([x, np.repeat(x[-1:], -len(x) % _BATCH, axis=0)])
    return np.asarray(model.predict(padded, batch_size=_BATCH, verbose=0))[: len(x)]
