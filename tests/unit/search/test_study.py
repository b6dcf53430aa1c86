"""Studies: methods, repeats, failures, several objectives, constraints, warm starts, hopeless trials, refusals."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.search.evaluations import SPACE, WARM, essence, plain, score, several

from bitwright.core.errors import ConfigError, InvalidValue, StorageError, ToolFailed, ToolMissing
from bitwright.core.progress import Steps
from bitwright.search.hopeless import Never
from bitwright.search.pareto import front
from bitwright.search.space import Choice, identity
from bitwright.search.study import Study
from bitwright.search.suggest import Bayesian, Evolution
from bitwright.search.trial import Outcome, State, Trial, seed_of

pytest.importorskip("optuna")
METHODS = ("random", "bayesian", "hyperband", "evolution")


def always(configuration, context):
    return Outcome((score(configuration, context),))


@pytest.mark.parametrize("method", METHODS)
def test_one_seed_repeats_everything_and_another_gives_another_search(tmp_path: Path, method: str) -> None:
    runs = []
    for place, seed in (("a", 1), ("b", 1), ("c", 2)):
        study = Study(tmp_path / place, SPACE, directions=("maximize",), method=method, seed=seed)
        random.seed(place)
        runs.append(essence(study.run(plain, trials=20)))
    assert runs[0] == runs[1]
    assert [t.configuration for t in runs[0]] != [t.configuration for t in runs[2]]


@pytest.mark.parametrize("method", METHODS)
def test_a_reopened_study_is_the_one_that_was_left(tmp_path: Path, method: str) -> None:
    whole = Study(tmp_path / "whole", SPACE, directions=("maximize",), method=method).run(plain, trials=24)
    for trials in (1, 9, 15, 24):
        parts = Study(tmp_path / "parts", SPACE, directions=("maximize",), method=method)
        parts.run(plain, trials=trials)
    again = Study(tmp_path / "parts", SPACE, directions=("maximize",), method=method)
    assert again.trials == parts.trials
    assert essence(again.trials) == essence(whole)
    assert [t.number for t in whole] == list(range(24))


def test_equal_configurations_are_trained_once_and_logged_as_repeats(tmp_path: Path) -> None:
    seen: list[str] = []

    def evaluate(configuration, context):
        seen.append(identity(configuration))
        if configuration["a"] == 3:
            raise ValueError("no three")
        return Outcome((float(configuration["a"]),), facts={"number": context.number})

    study = Study(tmp_path, (Choice("a", (1, 2, 3, 4)),), directions=("maximize",))
    trials = study.run(evaluate, trials=12)
    assert len(trials) == 12
    assert len(seen) == len(set(seen)) == 4
    repeats = [trial for trial in trials if trial.repeats is not None]
    assert len(repeats) == 8
    for trial in repeats:
        original = trials[trial.repeats]
        assert original.repeats is None
        assert trial.configuration == original.configuration
        assert (trial.outcome, trial.state, trial.error) == (original.outcome, original.state, original.error)
        assert study.artifacts(trial) == study.artifacts(original)
    assert study.best.outcome.values == (4.0,)


def test_a_failed_trial_is_a_logged_point_and_the_search_goes_on(tmp_path: Path) -> None:
    trials = Study(tmp_path, SPACE, directions=("maximize",)).run(plain, trials=20)
    failed = [trial for trial in trials if trial.state is State.FAILED]
    assert failed
    for trial in failed:
        assert trial.configuration["quantizer"] is None
        assert trial.error == "ValueError: no quantizer is no answer"
        assert trial.outcome is None
    traces = list((tmp_path / "trials").glob("*/traceback.txt"))
    assert {path.parent.name for path in traces} == {f"{t.number:05d}" for t in failed if t.repeats is None}
    assert all("in plain" in path.read_text() for path in traces)


@pytest.mark.parametrize(
    ("outcome", "error"),
    [(Outcome((1.0, 2.0)), "2 values instead of 1"), (Outcome((1.0,), (0.0,)), "1 violations instead of 0"),
     (Outcome((math.nan,)), "not all numbers"), (Outcome((1.0,), facts={"x": object()}), "no JSON"),
     (3.0, "Attribute")],
)
def test_an_outcome_that_breaks_its_contract_is_a_failure_that_says_how(tmp_path: Path, outcome, error: str) -> None:
    (trial,) = Study(tmp_path, SPACE, directions=("maximize",)).run(lambda c, x: outcome, trials=1)
    assert trial.state is State.FAILED
    assert error in trial.error


def test_failures_in_a_row_stop_the_search_and_a_later_run_goes_on(tmp_path: Path) -> None:
    def broken(configuration, context):
        raise MemoryError(f"out of memory in {context.number}")

    study = Study(tmp_path, SPACE, directions=("maximize",))
    with pytest.raises(ToolFailed, match=r"3 trials failed in a row.*trial 2: MemoryError: out of memory in 2") as info:
        study.run(broken, trials=10, failures=3)
    assert "try: cure it and run the search again" in str(info.value)
    again = Study(tmp_path, SPACE, directions=("maximize",))
    assert [trial.state for trial in again.trials] == [State.FAILED] * 3
    assert len(again.run(always, trials=10)) == 10


def test_what_differs_from_the_study_in_the_folder_is_named(tmp_path: Path) -> None:
    def open_with(**changes):
        options = {"space": SPACE, "directions": ("maximize",), "method": "bayesian", "seed": 3, "constraints": 1}
        options |= changes
        return Study(tmp_path, options.pop("space"), **options)

    open_with()
    assert open_with(method=Bayesian(startup=10)).trials == ()
    for name, value in (
        ("space", SPACE[:2]), ("space", SPACE[::-1]), ("directions", ("minimize",)), ("method", "random"),
        ("method", Bayesian(startup=3)), ("seed", 4), ("constraints", 0), ("warm", (WARM,)), ("hopeless", Never()),
    ):
        with pytest.raises(ConfigError, match=f"the study there has another {name}: .* not .*"):
            open_with(**{name: value})


def test_the_arguments_of_a_study_are_checked_at_the_door(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no method 'grid'"):
        Study(tmp_path, SPACE, directions=("maximize",), method="grid")
    for directions in ("maximize", ("up",), ()):
        with pytest.raises(ConfigError, match="directions"):
            Study(tmp_path, SPACE, directions=directions)
    with pytest.raises(ConfigError, match="is not made"):
        Study(tmp_path, SPACE, directions=("maximize",), warm=({"bits": 1},))
    assert not list(tmp_path.iterdir())


def test_a_study_that_is_searched_can_be_read_but_not_searched_twice(tmp_path: Path) -> None:
    seen = []

    def nested(configuration, context):
        other = Study(tmp_path, SPACE, directions=("maximize",))
        with pytest.raises(StorageError, match="another process searches here"):
            other.run(always, trials=9)
        seen.append([trial.state.value for trial in other.trials])
        return Outcome((1.0,))

    trials = Study(tmp_path, SPACE, directions=("maximize",)).run(nested, trials=3)
    assert [trial.error for trial in trials] == ["", "", ""]
    assert seen == [["running"], ["complete", "running"], ["complete", "complete", "running"]]


def test_a_folder_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file.*no study can be kept here"):
        Study(tmp_path / "file", SPACE, directions=("maximize",))


def test_a_full_disk_stops_the_search_at_a_line_and_a_later_run_goes_on(tmp_path: Path, monkeypatch) -> None:
    whole = Study(tmp_path / "whole", SPACE, directions=("maximize",)).run(plain, trials=6)
    study = Study(tmp_path / "full", SPACE, directions=("maximize",))
    flushes = []

    def full(descriptor: int) -> None:
        flushes.append(descriptor)
        if len(flushes) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        study.run(plain, trials=6)
    again = Study(tmp_path / "full", SPACE, directions=("maximize",))
    assert again.trials[-1].state.value == "running"
    assert essence(again.run(plain, trials=6)) == essence(whole)


def test_warm_starts_come_first(tmp_path: Path) -> None:
    warm = (WARM, WARM | {"bits": 4, "quantizer": "ternary"})
    study = Study(tmp_path, SPACE, directions=("maximize",), method="bayesian", warm=warm)
    trials = study.run(always, trials=4)
    assert [trial.configuration for trial in trials[:2]] == list(warm)
    assert trials[2].configuration not in warm


@pytest.mark.parametrize("method", ["bayesian", "evolution"])
def test_a_method_that_learns_finds_more_than_chance_does(tmp_path: Path, method: str) -> None:
    space = tuple(Choice(f"c{place}", tuple(range(8))) for place in range(6))

    def evaluate(configuration, context):
        return Outcome((sum(abs(value - 5) for value in configuration.values()),))

    found = {}
    for name in (method, "random"):
        bests = []
        for seed in range(2):
            study = Study(tmp_path / f"{name}{seed}", space, directions=("minimize",), method=name, seed=seed)
            study.run(evaluate, trials=45)
            bests.append(study.best.outcome.values[0])
        found[name] = sum(bests)
    assert found[method] < found["random"]


@pytest.mark.parametrize("method", ["random", "bayesian", "evolution"])
def test_the_front_is_feasible_and_no_trial_beats_it(tmp_path: Path, method: str) -> None:
    study = Study(tmp_path, SPACE, directions=("maximize", "minimize"), method=method, constraints=1)
    trials = study.run(several, trials=30)
    with pytest.raises(InvalidValue, match=r"study\.front"):
        _ = study.best
    assert study.front
    assert any(not trial.outcome.feasible for trial in trials)
    for trial in study.front:
        value, bits = trial.outcome.values
        assert bits <= 6
        for other in trials:
            better, less = other.outcome.values
            beaten = better >= value and less <= bits and (better, less) != (value, bits)
            assert not (other.outcome.feasible and beaten)


def test_fronts_of_random_points_equal_their_definition() -> None:
    def beats(a, b):
        return a[0] >= b[0] and a[1] <= b[1] and a != b

    random.seed(7)
    for _ in range(50):
        points = [(random.randint(0, 4), random.randint(0, 4), random.choice((-1, 0, 1))) for _ in range(12)]
        trials = [Trial(n, {}, State.COMPLETE, Outcome(p[:2], (p[2],))) for n, p in enumerate(points)]
        good = [t for t in trials if t.outcome.violations[0] <= 0]
        expected = {t.outcome.values for t in good if not any(beats(o.outcome.values, t.outcome.values) for o in good)}
        found = front(trials, ("maximize", "minimize"))
        assert {t.outcome.values for t in found} == expected
        assert len(found) == len(expected)


def test_violated_constraints_drive_the_suggestions(tmp_path: Path) -> None:
    space = tuple(Choice(f"c{place}", tuple(range(8))) for place in range(4))

    def evaluate(configuration, context):
        total = sum(configuration.values())
        return Outcome((float(total),), violations=(total - 10.0,))

    bound = Study(tmp_path / "a", space, directions=("maximize",), method="bayesian", constraints=1, hopeless=Never())
    shares = [t.outcome.feasible for t in bound.run(evaluate, trials=60)]
    assert sum(shares[30:]) > sum(shares[:10]) / 10 * 30
    assert bound.best.outcome.values[0] <= 10


def test_seeds_follow_from_seed_number_and_purpose_alone() -> None:
    seeds = [seed_of(seed, number, purpose) for seed in range(5) for number in range(50) for purpose in ("", "x")]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert seed_of(1, 2) == seed_of(1, 2)


def test_a_run_tells_how_far_it_is_and_what_is_best(tmp_path: Path) -> None:
    lines: list[str] = []
    Study(tmp_path, SPACE, directions=("maximize",), seed=2).run(always, trials=3, progress=Steps(lines.append))
    assert lines[0] == "search ..."
    assert [line.split(", ")[0] for line in lines[1:4]] == ["search: 1 of 3", "search: 2 of 3", "search: 3 of 3"]
    assert all("best " in line and "(trial " in line for line in lines[1:])
    assert "left" in lines[1]


def test_no_new_trial_starts_after_the_time_is_over(tmp_path: Path) -> None:
    study = Study(tmp_path, SPACE, directions=("maximize",))
    assert study.run(always, trials=5, timeout_s=0.0) == ()
    assert len(study.run(always, trials=5, timeout_s=1e9)) == 5


def test_the_journal_is_one_that_optuna_itself_reads(tmp_path: Path) -> None:
    import optuna

    study = Study(tmp_path, SPACE, directions=("maximize",), method=Evolution(population=4))
    study.run(plain, trials=12)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal.log")))
    (name,) = optuna.get_all_study_names(storage)
    loaded = optuna.load_study(study_name=name, storage=storage)
    assert [trial.params for trial in loaded.trials] == [dict(trial.configuration) for trial in study.trials]
    assert loaded.best_value == study.best.outcome.values[0]


def test_without_optuna_the_remedy_is_named_and_nothing_is_written(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ToolMissing, match=r"pip install 'bitwright\[search\]'"):
        Study(tmp_path, SPACE, directions=("maximize",))
    assert not list(tmp_path.iterdir())


def test_naming_a_study_loads_neither_optuna_nor_keras() -> None:
    code = "import bitwright.search.study, sys; sys.exit(bool({'optuna', 'keras', 'ray', 'jax'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
