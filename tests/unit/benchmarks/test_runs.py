"""Runs of a benchmark keep their answers, and each has its own cores."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from benchmarks._runs import Run, finished

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


def test_what_is_on_disk_is_not_run_again(module: str, tmp_path: Path) -> None:
    runs = [Run(name, module, (name,)) for name in ("one", "two")]
    answers = finished(runs, tmp_path / "runs", cores=1)
    assert [a["told"] for a in answers] == ["one", "two"]
    assert all(len(a["cores"]) == 1 for a in answers)
    (tmp_path / "runs" / "one.json").write_text('{"told": "kept"}')
    again = finished([*runs, Run("three", module, ("three",))], tmp_path / "runs")
    assert [a["told"] for a in again] == ["kept", "two", "three"]
    assert set(again[2]["cores"]) == os.sched_getaffinity(0)


def test_a_run_that_fails_says_how_and_the_others_stay(module: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no such family"):
        finished([Run("one", module, ("one",)), Run("wrong", module, ("wrong",))], tmp_path, cores=1)
    assert (tmp_path / "one.json").exists()
    assert not (tmp_path / "wrong.json").exists()
