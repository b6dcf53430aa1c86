"""`assign` and `front`: the widths of every layer by sensitivity and integer program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.core.progress import Progress
from bitwright.search.sensitivity.costs import Measure
from bitwright.search.sensitivity.options import Sensitivity
from bitwright.search.sensitivity.program import Solution, bottleneck, solve
from bitwright.search.sensitivity.study import LOSS, Study

__all__ = ["Assignment", "assign", "front"]

Tune = Callable[[Any], Any]
_EQUAL = 1e-9
_MOST_CHANGE = 4.0


@dataclass(frozen=True)
class Assignment:
    """Widths chosen for a model, with what was predicted and what was measured of them.

    weights, activations: bits by layer name ("input" for the model's inputs). predicted: totals of the
    integer program, "loss" among them; measured: the same of the built model ("loss" is its score on the
    calibration data), as far as it was measured. score: which loss ("kl", "mse" or "loss"). gap, proved:
    of the integer program; 0 and true for a proven optimum of the predicted numbers. model: the Keras model.
    """

    weights: Mapping[str, int]
    activations: Mapping[str, int]
    predicted: Mapping[str, float]
    measured: Mapping[str, float]
    score: str
    gap: float
    proved: bool
    nodes: int
    model: Any = field(default=None, compare=False, repr=False)


def assign(
    model: Any, x: Any, y: Any = None, *, limits: Mapping[str, float], objective: str = LOSS,
    options: Sensitivity | None = None, measure: Measure | None = None, tune: Tune | None = None,
    folder: str | Path | None = None, progress: Progress | None = None,
) -> Assignment:  # fmt: skip
    """The widths with the least `objective` within `limits`, for a float Keras model; `model` is not changed.

    x, y: calibration data. Limits and objective are among "loss", "bits", "ebops", "luts", whatever `measure`
    tells of a quantized model and, where y are the classes of x and the outputs probabilities, "accuracy_drop"
    (a share, against the float model on x). What is measured of the built model corrects the prediction, at
    most `options.rounds` times; the best model that keeps the limits is returned. tune(model) may train
    a candidate further and returns it. folder: where measurements and tuned models are kept, for resuming;
    name another one when `measure` or `tune` mean something else.

    Raises InvalidValue for limits that no choice keeps, with the least that is possible.
    """
    chosen = options or Sensitivity()
    study = _study(model, x, y, chosen, measure, tune, folder, progress)
    factors, seen = dict[str, float](), set[tuple[int, ...]]()
    kept, failed = list[Assignment](), list[Assignment]()
    for _ in range(chosen.rounds + 1):
        found = _next(study, objective, limits, factors, chosen, seen, found_one=bool(kept))
        if found is None or found.choice in seen:
            break
        seen.add(found.choice)
        made = _built(study, found)
        (failed if _over(made, limits) else kept).append(made)
        factors = _corrected(factors, made, limits)
    if not kept:
        raise _not_kept(failed[-1], limits, chosen.rounds)
    return min(kept, key=lambda one: one.measured.get(objective, one.predicted[objective]))


def _over(made: Assignment, limits: Mapping[str, float]) -> list[str]:
    """The limits that the built model does not keep."""
    return [name for name, most in limits.items() if made.measured.get(name, made.predicted[name]) > most]


def _corrected(factors: Mapping[str, float], made: Assignment, limits: Mapping[str, float]) -> dict[str, float]:
    """Factors with which the prediction would have been right; a lucky measurement changes them little."""
    told = dict(factors)
    for name in limits:
        plain, old = made.predicted[name], factors.get(name, 1.0)
        if plain > 0 and name in made.measured:
            told[name] = max(made.measured[name] / plain, old / _MOST_CHANGE)
    return told


def _not_kept(made: Assignment, limits: Mapping[str, float], rounds: int) -> InvalidValue:
    name = _over(made, limits)[0]
    return InvalidValue(
        f"{name} of the built model is still {made.measured.get(name, made.predicted[name]):.6g}",
        where=f"limit {name}",
        why=f"{limits[name]:g} are allowed, and {rounds} corrections were made",
        remedy="give more rounds, or a higher limit",
    )


def front(
    model: Any, x: Any, y: Any = None, *, cost: str = "luts", points: int = 8,
    limits: Mapping[str, float] | None = None, options: Sensitivity | None = None, measure: Measure | None = None,
    tune: Tune | None = None, folder: str | Path | None = None, progress: Progress | None = None,
) -> tuple[Assignment, ...]:  # fmt: skip
    """Up to `points` Pareto-optimal assignments of loss against `cost`, the cheapest first.

    Each is the least predicted loss at most so much cost (limits evenly spaced in the logarithm between
    the cheapest choice and the best one), and among equals the cheapest: no choice is better in both.
    limits: kept by all of them, as predicted. The other arguments are those of `assign`.
    """
    if points < 2:
        raise InvalidValue(f"points={points}", where="front", remedy="ask for 2 or more")
    chosen, told = options or Sensitivity(), dict(limits or {})
    study = _study(model, x, y, chosen, measure, tune, folder, progress)
    ends = [_pareto(study, first, then, told, chosen) for first, then in ((cost, LOSS), (LOSS, cost))]
    low, high = (end.totals[cost] for end in ends)
    between = np.geomspace(max(low, 1e-9), max(high, 1e-9), points)[1:-1] if high > low else []
    inner = [_pareto(study, LOSS, cost, {**told, cost: float(most)}, chosen) for most in between]
    unique = {found.choice: found for found in (*ends, *inner)}
    ordered = sorted(unique.values(), key=lambda found: found.totals[cost])
    study.progress.step("candidates", len(ordered))
    return tuple(_built(study, found) for found in ordered)


def _study(
    model: Any, x: Any, y: Any, options: Sensitivity, measure: Measure | None, tune: Tune | None,
    folder: str | Path | None, progress: Progress | None,
) -> Study:  # fmt: skip
    where = None if folder is None else Path(folder)
    return Study(model, x, y, options=options, measure=measure, tune=tune, folder=where, progress=progress)


def _next(
    study: Study, objective: str, limits: Mapping[str, float], factors: Mapping[str, float], options: Sensitivity,
    seen: set[tuple[int, ...]], found_one: bool,
) -> Solution | None:  # fmt: skip
    """The best choice by corrected numbers, with its totals uncorrected; None where there is none any more.

    Where no choice seems to keep a limit, the one that comes nearest is tried before that is believed: the
    numbers are predicted.
    """
    problem = study.problem.scaled(factors)
    try:
        found = solve(problem, objective, limits, seconds=options.seconds)
    except InvalidValue:
        tight = bottleneck(problem, limits, seconds=options.seconds)
        if found_one:
            return None
        if tight is None or not study.measures(tight.name) or tight.least.choice in seen:
            raise
        found = tight.least
    totals = {name: study.problem.total(name, found.choice) for name in study.problem.quantities}
    return replace(found, totals=totals)


def _pareto(study: Study, first: str, then: str, limits: Mapping[str, float], options: Sensitivity) -> Solution:
    """The least `first`, and the least `then` among the choices that reach it."""
    best = solve(study.problem, first, limits, seconds=options.seconds)
    reached = best.totals[first]
    bound = {**limits, first: reached + _EQUAL * max(1.0, abs(reached))}
    return solve(study.problem, then, bound, seconds=options.seconds)


def _built(study: Study, found: Solution) -> Assignment:
    widths = study.widths(found.choice)
    made, measured = study.candidate(widths)
    study.progress.advance()
    return Assignment(
        widths.weights, widths.activations, found.totals, measured, study.score,
        found.gap, found.proved, found.nodes, made,
    )  # fmt: skip
