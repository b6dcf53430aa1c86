"""Search on a real Ray cluster: two nodes with one CPU each, workers and a node that die, a search that is killed."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.unit.search.evaluations import Dying, Logged, Sleeping, essence, make, plain
from tests.unit.search.test_resume import kill_after, launch

from bitwright.core.errors import ToolFailed, ToolMissing
from bitwright.search.executors import InProcess, Processes, RayCluster
from bitwright.search.space import Configuration
from bitwright.search.study import Study
from bitwright.search.trial import Context, Outcome, State

pytest.importorskip("optuna")


@dataclass(frozen=True)
class Located:
    """`plain`, with the node that it ran on; `delay_s` makes sure that both have something to do."""

    log: Path
    delay_s: float = 0.2

    def __call__(self, configuration: Configuration, context: Context) -> Outcome:
        import ray

        outcome = Logged(self.log, self.delay_s)(configuration, context)
        return Outcome(outcome.values, facts={"node": ray.get_runtime_context().get_node_id()})


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    yield cluster
    cluster.shutdown()


@pytest.mark.long
def test_a_cluster_finds_what_a_pool_finds_and_sends_back_the_files(tmp_path: Path, cluster: Any) -> None:
    here, _ = make(tmp_path / "here", "bayesian", "")
    expected = here.run(plain, trials=12, executor=Processes(2))
    there, _ = make(tmp_path / "there", "bayesian", "")
    found = there.run(Located(tmp_path / "log"), trials=12, executor=RayCluster(cluster.address, workers=2))
    assert [trial.configuration for trial in found] == [trial.configuration for trial in expected]
    assert [trial.reports for trial in found] == [trial.reports for trial in expected]
    nodes = Counter(trial.outcome.facts["node"] for trial in found if trial.outcome)
    assert len(nodes) == 2
    for trial in expected:
        assert files(here, trial) == files(there, trial)


def files(study: Study, trial: Any) -> dict[str, str]:
    """What the trial left, but for the event files, which know the time."""
    paths = sorted(study.artifacts(trial).rglob("*.txt"))
    return {path.name: path.read_text() for path in paths if path.name != "traceback.txt"}


@pytest.mark.long
def test_a_worker_killed_in_mid_trial_is_tried_again_and_then_a_logged_failure(tmp_path: Path, cluster: Any) -> None:
    place = RayCluster(cluster.address, workers=2)
    calm, _ = make(tmp_path / "calm", "random", "")
    expected = essence(calm.run(plain, trials=8, executor=Processes(2)))
    once, _ = make(tmp_path / "once", "random", "")
    assert essence(once.run(Dying(tmp_path / "log1", 3, 1), trials=8, executor=place)) == expected
    assert Counter(number for number, _ in Logged(tmp_path / "log1").started)[3] == 2
    twice, _ = make(tmp_path / "twice", "random", "")
    trials = twice.run(Dying(tmp_path / "log2", 3, 2), trials=8, executor=place)
    assert trials[3].state is State.FAILED
    assert "the worker on the cluster died" in trials[3].error
    assert essence(trials[:3]) == expected[:3]
    assert all(trial.state.finished for trial in trials)


@pytest.mark.long
def test_a_trial_beyond_its_time_is_ended_on_the_cluster(tmp_path: Path, cluster: Any) -> None:
    study, _ = make(tmp_path, "random", "")
    trials = study.run(Sleeping(2), trials=4, executor=RayCluster(cluster.address, workers=2, limit_s=10.0))
    assert [trial.error for trial in trials] == ["", "", "took longer than 10 s", ""]


@pytest.mark.long
def test_a_node_that_leaves_in_mid_trial_loses_no_result(tmp_path: Path, cluster: Any) -> None:
    import threading

    whole, _ = make(tmp_path / "whole", "random", "")
    expected = essence(whole.run(plain, trials=8, executor=Processes(2)))
    node = cluster.add_node(num_cpus=1, resources={"leaving": 1})
    log = Logged(tmp_path / "log", delay_s=1.0)

    def leave() -> None:
        while len(log.started) < 3:
            threading.Event().wait(0.05)
        cluster.remove_node(node, allow_graceful=False)

    thread = threading.Thread(target=leave)
    thread.start()
    study, _ = make(tmp_path / "left", "random", "")
    found = study.run(log, trials=8, executor=RayCluster(cluster.address, workers=2))
    thread.join()
    assert essence(found) == expected


@pytest.mark.long
def test_a_killed_search_on_a_cluster_goes_on_to_the_same_results(tmp_path: Path, cluster: Any) -> None:
    whole, _ = make(tmp_path / "whole", "evolution", "")
    expected = essence(whole.run(plain, trials=10, executor=Processes(2)))
    folder, log = tmp_path / "killed", tmp_path / "log"
    kill_after(3, folder, log, "evolution", cluster.address, 10)
    assert launch(folder, log, "evolution", cluster.address, 10).wait() == 0
    resumed, _ = make(folder, "evolution", "")
    assert essence(resumed.trials) == expected


def test_a_cluster_that_does_not_answer_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    study, _ = make(tmp_path, "random", "")
    with pytest.raises(ToolFailed, match="ray start --head"):
        study.run(plain, trials=1, executor=RayCluster("127.0.0.1:1"))
    assert len(study.run(plain, trials=1, executor=InProcess())) == 1


def test_without_ray_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    study, _ = make(tmp_path, "random", "")
    with pytest.raises(ToolMissing, match=r"pip install 'bitwright\[cluster\]'"):
        study.run(plain, trials=1, executor=RayCluster("auto"))
