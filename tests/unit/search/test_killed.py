"""`bw.search` killed with SIGKILL in the middle, and called again, ends where an uninterrupted one does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import keras
import pytest

REPOSITORY = Path(__file__).parents[3]
pytest.importorskip("optuna")


def run(folder: Path, method: str, step: str = "", units: int = 0) -> int:
    command = [sys.executable, "-m", "tests.unit.search.killed", str(folder), method, step, str(units)]
    return subprocess.run(command, cwd=REPOSITORY, check=False, stderr=subprocess.DEVNULL).returncode


@pytest.mark.long
@pytest.mark.skipif(keras.backend.backend() != "jax", reason="one backend is enough")
@pytest.mark.parametrize(
    ("method", "kills"), [("gradient", [("descent", 4), ("finish", 2)]), ("trials", [("search", 1), ("search", 3)])]
)
def test_a_search_killed_and_called_again_ends_where_an_uninterrupted_one_does(
    tmp_path: Path, method: str, kills: list[tuple[str, int]]
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    assert run(whole, method) == 0
    for step, units in kills:
        assert run(killed, method, step, units) == -signal.SIGKILL
    assert run(killed, method) == 0
    assert json.loads((killed / "found.json").read_text()) == json.loads((whole / "found.json").read_text())
