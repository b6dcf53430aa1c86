"""`assign` and `front`: the widths of every layer by sensitivity and integer program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.core.progress import Progress
from bitwright.search.sensitivity.costs import Measure
from bitwright.search.sensitivity.options import Sensitivity
from bitwright.search.sensitivity.program import Solution, solve
from bitwright.search.sensitivity.study import LOSS, Study

__all__ = ["Assignment", "assign", "front"]

Tune = Callable[[Any], Any]
_EQUAL = 1e-9


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

    x, y: calibration data (y for score="loss"). objective: "loss", or a quantity ("luts", "bits", "ebops",
    whatever `measure` tells) with a limit on "loss". measure: tells quantities of a quantized model; what it
    says corrects the prediction until the limits are kept, at most `options.rounds` times. tune(model) may
    train a candidate further and returns it. folder: where measurements are kept, for resuming.

    Raises InvalidValue for limits that no choice keeps, with the least that is possible.
    """
    chosen = options or Sensitivity()
    study = _study(model, x, y, chosen, measure, tune, folder, progress)
    factors: dict[str, float] = {}
    turns = 0
    while True:
        found = _best(study, objective, limits, factors, chosen)
        made = _built(study, found)
        over = [name for name, most in limits.items() if made.measured.get(name, 0.0) > most]
        if not over:
            return made
        if turns == chosen.rounds:
            raise _not_kept(over[0], made.measured[over[0]], limits[over[0]], turns)
        turns += 1
        for name in over:
            plain = found.totals[name]
            factors[name] = made.measured[name] / plain if plain > 0 else 2 * factors.get(name, 1.0)


def _not_kept(name: str, reached: float, most: float, rounds: int) -> InvalidValue:
    return InvalidValue(
        f"{name} of the built model is still {reached:.6g} after {rounds} corrections",
        where=f"limit {name}",
        why=f"{most:g} are allowed",
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


def _best(
    study: Study, objective: str, limits: Mapping[str, float], factors: Mapping[str, float], options: Sensitivity
) -> Solution:
    found = solve(study.problem.scaled(factors), objective, limits, seconds=options.seconds)
    totals = {name: study.problem.total(name, found.choice) for name in study.problem.quantities}
    return Solution(found.choice, totals, found.gap, found.proved, found.nodes)


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
