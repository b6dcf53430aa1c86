"""Executors: the same trials wherever they run, and nothing is lost with a worker that dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.unit.search.evaluations import SPACE, Dying, Logged, Sleeping, Tooled, essence, plain

from bitwright.core.errors import ConfigError, InvalidValue
from bitwright.search.executors import InProcess, Processes, RayCluster
from bitwright.search.executors.attempt import Job, attempt
from bitwright.search.study import Study
from bitwright.search.trial import Outcome, State

pytest.importorskip("optuna")


def study_in(folder: Path, method: str = "bayesian") -> Study:
    return Study(folder, SPACE, directions=("maximize",), method=method, seed=5)


def test_one_worker_process_finds_what_this_process_finds_and_others_do_not_wait_for_it(tmp_path: Path) -> None:
    here = study_in(tmp_path / "here").run(plain, trials=14, executor=InProcess())
    log = Logged(tmp_path / "log")
    there = study_in(tmp_path / "there").run(log, trials=14, executor=Processes(1))
    assert essence(there) == essence(here)
    processes = {process for _, process in log.started}
    assert len(processes) == 1
    assert os.getpid() not in processes


@pytest.mark.parametrize("by_signal", [True, False])
def test_a_worker_that_dies_once_costs_nothing_but_time(tmp_path: Path, by_signal: bool) -> None:
    calm = study_in(tmp_path / "calm", "random").run(plain, trials=8, executor=InProcess())
    dying = Dying(tmp_path / "log", 3, 1, by_signal)
    study = study_in(tmp_path / "dying", "random")
    assert essence(study.run(dying, trials=8, executor=Processes(1))) == essence(calm)
    starts = [process for number, process in Logged(tmp_path / "log").started if number == 3]
    assert len(starts) == len(set(starts)) == 2
    assert not (study.artifacts(calm[3]) / "half").exists()


def test_a_worker_that_dies_twice_is_a_failed_trial_and_the_search_goes_on(tmp_path: Path) -> None:
    dying = Dying(tmp_path / "log", 3, 2)
    trials = study_in(tmp_path / "s", "random").run(dying, trials=8, executor=Processes(2))
    assert [trial.number for trial in trials if "died" in trial.error] == [3]
    assert trials[3].error == "the worker process died (signal SIGKILL)"
    assert trials[3].state is State.FAILED
    assert all(trial.state.finished for trial in trials)
    assert study_in(tmp_path / "s", "random").trials == trials


def test_a_trial_beyond_its_time_is_ended_and_fails(tmp_path: Path) -> None:
    trials = study_in(tmp_path, "random").run(Sleeping(2), trials=4, executor=Processes(2, limit_s=1.5))
    assert [trial.error for trial in trials] == ["", "", "took longer than 1.5 s", ""]


def test_workers_end_with_a_search_that_is_killed(tmp_path: Path) -> None:
    log = Logged(tmp_path / "log")
    code = (
        "import sys; from pathlib import Path; from tests.unit.search.evaluations import *\n"
        "if __name__ == '__main__':\n"
        "  Study(sys.argv[1], SPACE, directions=('maximize',)).run("
        "Logged(Path(sys.argv[2]), 60.0), trials=2, executor=Processes(1))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "s"), str(log.path)]
    search = subprocess.Popen(command, cwd=Path(__file__).parents[3])
    try:
        while not log.started:
            assert search.poll() is None
            time.sleep(0.01)
    finally:
        search.kill()
        search.wait()
    (_, worker), = log.started
    while running(worker):  # ends by the time limit of the test run if it does not
        time.sleep(0.01)


def test_tools_that_a_trial_started_end_with_it(tmp_path: Path) -> None:
    started = tmp_path / "tools"
    study_in(tmp_path / "s", "random").run(Tooled(started), trials=1, executor=Processes(1, limit_s=1.0))
    (tool,) = map(int, started.read_text().split())
    while running(tool):
        time.sleep(0.01)


def running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_an_evaluation_that_cannot_travel_is_refused_with_the_remedy(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    with pytest.raises(ConfigError, match="try: pass a top-level function"):
        study.run(lambda configuration, context: Outcome((1.0,)), trials=2, executor=Processes(2))
    assert len(study.run(plain, trials=2)) == 2


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from tests.unit.search.evaluations import *\n"
        f"Study({str(tmp_path / 's')!r}, SPACE, directions=('maximize',)).run(plain, trials=2, executor=Processes(2))\n"
    )
    root = Path(__file__).parents[3]
    run = subprocess.run(
        [sys.executable, str(script)], cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, check=False,
        capture_output=True, text=True,
    )
    assert run.returncode == 1
    assert 'try: put the search of the script under `if __name__ == "__main__":`' in run.stderr


def test_executors_need_at_least_one_worker() -> None:
    for make in (Processes, RayCluster):
        with pytest.raises(InvalidValue, match="at least one worker"):
            make(workers=0)


def test_an_attempt_starts_in_an_empty_folder(tmp_path: Path) -> None:
    folder = tmp_path / "00007"
    (folder / "old").mkdir(parents=True)
    configuration = {"bits": 4, "quantizer": "bits", "bias": True, "rate": 0.1}
    result = attempt(plain, Job(7, configuration, 1234, folder))
    assert result.outcome == Outcome((-1 + 0.000234,), facts={"bits": 4})
    assert [step for step, _ in result.reports] == [1, 2, 3]
    assert not (folder / "old").exists()
    assert (folder / "weights.txt").read_text() == "1234"
