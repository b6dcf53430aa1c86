"""A search that is killed, anywhere, and gone on with gives the trials of one that was not."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.unit.search.evaluations import SPACE, Logged, essence, make, plain

from bitwright.core.errors import StorageError
from bitwright.search.executors import InProcess
from bitwright.search.executors.attempt import Job, Result, attempt
from bitwright.search.study import Study
from bitwright.search.trial import Evaluate

pytest.importorskip("optuna")
METHODS = ("random", "bayesian", "hyperband", "evolution")


@dataclass(frozen=True)
class Scrambled:
    """Trials of this process that come back in an order of their own, as from a pool of `width`."""

    width: int
    ahead: int
    order: int

    def open(self, evaluate: Evaluate) -> _Session:
        return _Session(evaluate, random.Random(self.order))


class _Session:
    def __init__(self, evaluate: Evaluate, order: random.Random) -> None:
        self.evaluate, self.order, self.jobs = evaluate, order, []

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def wait(self) -> Result:
        return attempt(self.evaluate, self.jobs.pop(self.order.randrange(len(self.jobs))))

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *why: object) -> None:
        self.jobs.clear()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("place", [InProcess(), Scrambled(3, 0, 1)])
def test_a_journal_cut_anywhere_is_gone_on_with_to_the_same_end(tmp_path: Path, method: str, place) -> None:
    study, _ = make(tmp_path / "whole", method, "")
    whole = essence(study.run(plain, trials=14, executor=place))
    assert any(trial.repeats is None for trial in study.trials)
    data = (tmp_path / "whole" / "journal.log").read_bytes()
    cuts = random.Random(method).sample(range(len(data)), 6)
    for cut in [0, *cuts]:
        copy = tmp_path / f"cut{cut}"
        shutil.copytree(tmp_path / "whole", copy)
        (copy / "journal.log").write_bytes(data[:cut])
        again, _ = make(copy, method, "")
        assert len(again.trials) < 14 or not again.trials[-1].state.finished or cut > len(data) * 0.9
        assert essence(again.run(plain, trials=14, executor=place)) == whole


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ahead", [0, 1])
def test_the_order_in_which_a_batch_ends_changes_nothing(tmp_path: Path, method: str, ahead: int) -> None:
    found = []
    for order in range(3):
        study, _ = make(tmp_path / str(order), method, "")
        found.append(essence(study.run(plain, trials=18, executor=Scrambled(4, ahead, order))))
    assert found[0] == found[1] == found[2]


def test_trials_in_two_runs_are_those_of_one_run(tmp_path: Path) -> None:
    place = Scrambled(4, 0, 0)
    one, _ = make(tmp_path / "one", "bayesian", "")
    two, _ = make(tmp_path / "two", "bayesian", "")
    two.run(plain, trials=14, executor=place)
    assert essence(two.run(plain, trials=22, executor=place)) == essence(one.run(plain, trials=22, executor=place))


def test_what_a_cut_off_trial_left_in_its_folder_is_gone_when_it_runs_again(tmp_path: Path) -> None:
    study, _ = make(tmp_path, "random", "")

    def interrupted(configuration, context):
        (context.folder / "half").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.run(interrupted, trials=3)
    again, _ = make(tmp_path, "random", "")
    assert [trial.state.value for trial in again.trials] == ["running"]
    (trial, *_) = again.run(plain, trials=1)
    names = {path.name for path in again.artifacts(trial).iterdir()}
    assert "half" not in names
    assert "weights.txt" in names


def test_a_study_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    make(tmp_path, "random", "")
    (tmp_path / "study.json").write_text("{")
    with pytest.raises(StorageError, match=r"study\.json"):
        make(tmp_path, "random", "")


def launch(folder: Path, log: Path, method: str, executor: str, trials: int) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.unit.search.evaluations", str(folder), str(log), method, executor]
    return subprocess.Popen([*command, str(trials)], cwd=Path(__file__).parents[3])


def kill_after(started: int, folder: Path, log: Path, method: str, executor: str, trials: int) -> None:
    """Search in a process of its own, and kill that when `started` trainings have begun since."""
    before = len(Logged(log).started)
    process = launch(folder, log, method, executor, trials)
    try:
        while len(Logged(log).started) < before + started:
            assert process.poll() is None, "the search ended before it could be killed"
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("executor", "method"), [("inprocess", "bayesian"), ("processes", "evolution")])
def test_a_killed_search_goes_on_to_the_results_of_one_that_was_not(
    tmp_path: Path, executor: str, method: str
) -> None:
    trials, width = 16, 1 if executor == "inprocess" else 2
    whole, place = make(tmp_path / "whole", method, executor)
    expected = essence(whole.run(plain, trials=trials, executor=place))
    folder, log = tmp_path / "killed", tmp_path / "log"
    for started in (2, 5):
        kill_after(started, folder, log, method, executor, trials)
    assert launch(folder, log, method, executor, trials).wait() == 0
    resumed, _ = make(folder, method, executor)
    assert essence(resumed.trials) == expected
    # one training for each configuration, and one more at most for each that was running when the search was killed
    starts = Counter(number for number, _ in Logged(log).started)
    originals = {trial.number for trial in resumed.trials if trial.repeats is None}
    assert set(starts) == originals
    assert sum(starts.values()) <= len(originals) + 2 * width
    for number in originals:
        kept = [folder / "trials" / f"{number:05d}" / "weights.txt", whole.folder / f"trials/{number:05d}/weights.txt"]
        assert kept[0].exists() == kept[1].exists()
        assert not kept[0].exists() or kept[0].read_text() == kept[1].read_text()


def test_the_study_file_says_what_the_study_is(tmp_path: Path) -> None:
    make(tmp_path, "evolution", "")
    facts = json.loads((tmp_path / "study.json").read_text())
    assert facts["method"] == ["Evolution", {"population": 20}]
    assert facts["space"] == {choice.name: list(choice.options) for choice in SPACE}
    assert facts["seed"] == 5
    assert not list(tmp_path.glob(".study.json*"))
    assert Study(tmp_path, SPACE, directions=("maximize",), method="evolution", seed=5, warm=facts["warm"]).trials == ()
