"""Hopeless trials: pruned by bars that depend on finished trials only, and that Optuna's pruners agree with."""

from __future__ import annotations

import itertools
import math
import random
from pathlib import Path

import pytest
from tests.unit.search.evaluations import SPACE, several

from bitwright.core.errors import InvalidValue
from bitwright.search.hopeless import Halving, Median
from bitwright.search.space import Choice
from bitwright.search.study import Study
from bitwright.search.trial import Context, Hopeless, Outcome, State, Trial, best_so_far

pytest.importorskip("optuna")


def test_a_trial_that_misses_the_bar_is_pruned_and_its_reports_are_kept(tmp_path: Path) -> None:
    space = (Choice("a", tuple(range(20))),)
    went: list[int] = []

    def evaluate(configuration, context):
        for step in range(1, 6):
            went.append(context.number)
            context.report(step, configuration["a"] * step)
        return Outcome((configuration["a"] * 5.0,))

    warm = [{"a": a} for a in (10, 11, 12, 13, 14, 3, 19, 4)]
    study = Study(tmp_path, space, directions=("maximize",), warm=warm, hopeless=Median(startup=5, warmup=2))
    trials = study.run(evaluate, trials=8)
    assert [t.number for t in trials if t.state is State.PRUNED] == [5, 7]
    assert trials[5].reports == ((1, 3.0), (2, 6.0), (3, 9.0))
    assert trials[5].outcome is None
    assert went.count(5) == 3
    assert Study(tmp_path, space, directions=("maximize",), warm=warm, hopeless=Median(5, 2)).trials == trials


def test_several_objectives_prune_nothing_by_default(tmp_path: Path) -> None:
    def evaluate(configuration, context):
        context.report(1, -float(context.number))
        return several(configuration, context)

    study = Study(tmp_path, SPACE, directions=("maximize", "minimize"), constraints=1)
    assert all(trial.state is State.COMPLETE for trial in study.run(evaluate, trials=12))


def random_history(seed: int, count: int) -> list[Trial]:
    random.seed(seed)
    history = []
    for number in range(count):
        end = random.choice((1, 2, 5, 9))
        reports = tuple((step, random.choice((random.random(), math.nan))) for step in range(1, end + 1))
        complete = end == 9
        outcome = Outcome((random.random(),)) if complete else None
        history.append(Trial(number, {}, State.COMPLETE if complete else State.PRUNED, outcome, reports=reports))
    return history


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_median_rule_is_optunas(direction: str) -> None:
    import optuna

    pruner = optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=2)
    decisions = []
    for seed in range(60):
        history = random_history(seed, 14)
        study = oracle(history, direction)
        bars = Median(startup=3, warmup=1).bars(14, history, direction == "maximize")
        reports = [(step, random.random()) for step in range(1, 10)]
        ours, theirs = judged(reports, bars, direction), optunas(study, reports, pruner)
        assert ours == theirs
        decisions.append(ours)
    assert len(set(decisions)) > 3


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_halving_lets_the_best_of_every_factor_go_on_as_successive_halving_does(direction: str) -> None:
    import optuna

    rule = Halving(least=1, most=9, factor=3)
    assert rule.rungs == (1, 3)
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    decisions = []
    for seed in range(40):
        random.seed(seed)
        live, log = oracle([], direction), []
        for number in range(12):
            reports = [(step, round(random.random(), 3)) for step in range(1, 10)]
            bars = rule.bars(0, [replace_number(t, 0) for t in log], direction == "maximize")
            # Optuna's rung keeps the value of its own step, ours the best so far: equal where reports only improve
            reports = improving(reports, direction)
            ours, theirs = judged(reports[:8], bars, direction), optunas(live, reports[:8], pruner, keep=True)
            assert ours == theirs
            state = State.PRUNED if ours else State.COMPLETE
            log.append(Trial(number, {}, state, reports=tuple(reports[: ours or 8])))
            decisions.append(ours)
    assert {0, 1, 3} == set(decisions)


def replace_number(trial: Trial, number: int) -> Trial:
    return Trial(number, {}, trial.state, trial.outcome, reports=trial.reports)


def improving(reports, direction: str):
    best = list(itertools.accumulate((v for _, v in reports), max if direction == "maximize" else min))
    return [(step, value) for (step, _), value in zip(reports, best, strict=True)]


def oracle(history: list[Trial], direction: str):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction=direction)
    for trial in history:
        state = optuna.trial.TrialState[trial.state.name]
        value = trial.outcome.values[0] if trial.outcome else None
        study.add_trial(
            optuna.trial.create_trial(state=state, value=value, intermediate_values=dict(trial.reports))
        )
    return study


def optunas(study, reports, pruner, keep: bool = False) -> int:
    """The step at which Optuna's pruner stops a trial with these reports; 0 for never."""
    import optuna

    study.pruner = pruner
    trial = study.ask()
    for step, value in reports:
        trial.report(value, step)
        if trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return step
    study.tell(trial, reports[-1][1])
    return 0


def judged(reports, bars, direction: str) -> int:
    """The step at which our bars stop it; 0 for never."""
    context = Context(0, 0, Path(), bars, direction == "maximize")
    for step, value in reports:
        try:
            context.report(step, value)
        except Hopeless:
            return step
    return 0


def test_brackets_of_halving_have_hyperbands_shares() -> None:
    rule = Halving(least=1, most=27, factor=3)
    assert rule.rungs == (1, 3, 9)
    dealt = [rule.bracket(number) for number in range(400)]
    assert [dealt.count(bracket) for bracket in range(4)] == [270, 90, 30, 10]
    for wrong in ({"least": 0}, {"least": 30}, {"factor": 1}):
        with pytest.raises(InvalidValue, match="rungs"):
            Halving(**wrong)


def test_reports_that_are_no_numbers_are_hopeless_and_steps_must_ascend(tmp_path: Path) -> None:
    context = Context(0, 0, tmp_path, {2: 0.5})
    context.report(1, math.nan)
    with pytest.raises(InvalidValue, match="step 1 is reported after 1"):
        context.report(1, 3.0)
    with pytest.raises(Hopeless):
        context.report(3, math.nan)
    assert math.isnan(best_so_far([], True))
