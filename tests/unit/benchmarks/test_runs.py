"""Runs of a benchmark keep their answers, and each has its own cores."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from benchmarks._runs import Run, finished

CODE = ("benchmarks/_runs.py",)
MODULE = """
import json, os, sys
assert sys.argv[1] != "wrong", "no such family"
with open(sys.argv[-1], "w") as file:
    json.dump({"told": sys.argv[1], "cores": sorted(os.sched_getaffinity(0))}, file)
"""

if not hasattr(os, "sched_setaffinity"):
    pytest.skip("processes cannot be bound to cores here", allow_module_level=True)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "told_run.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "told_run"


def test_runs_have_cores_of_their_own_and_what_is_kept_is_not_run_again(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_PARTS", str(tmp_path / "parts"))
    runs = [Run(name, module, (name,), CODE) for name in ("one", "two")]
    answers = finished(runs, cores=1)
    assert [a["told"] for a in answers] == ["one", "two"]
    assert all(len(a["cores"]) == 1 for a in answers)
    again = finished([Run(name, module, (told,), CODE) for name, told in (("one", "wrong"), ("three", "three"))])
    assert [a["told"] for a in again] == ["one", "three"]
    assert set(again[1]["cores"]) == os.sched_getaffinity(0)


def test_a_run_that_fails_says_how_and_the_others_stay(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_PARTS", str(tmp_path / "parts"))
    with pytest.raises(SystemExit, match="no such family"):
        finished([Run(name, module, (name,), CODE) for name in ("one", "wrong")], cores=1)
    assert [file.name for file in (tmp_path / "parts").iterdir()] == ["one.json"]
