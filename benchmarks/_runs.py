"""Long runs of a benchmark, each in a process on its own cores; `_parts` keeps their answers.

Runs that share no core are compared fairly while they go side by side: each has the same cores for itself.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks._parts import part

__all__ = ["Run", "finished"]


@dataclass(frozen=True)
class Run:
    """`python -m module *arguments FILE` writes its answer as JSON to FILE; `code` is what that depends on (`part`)."""

    name: str
    module: str
    arguments: tuple[str, ...]
    code: tuple[str, ...]


def finished(runs: Iterable[Run], cores: int | None = None) -> list[dict[str, Any]]:
    """The answers in the order of the runs, `cores` for each (None: all, one run after the other).

    Raises SystemExit, with the end of what the run said, where one fails; what the others answered is kept.
    """
    mine = sorted(os.sched_getaffinity(0))
    share = min(cores or len(mine), len(mine))
    free: queue.Queue[list[int]] = queue.Queue()
    for first in range(0, len(mine) - share + 1, share):
        free.put(mine[first : first + share])
    with ThreadPoolExecutor(free.qsize()) as pool:
        return [rows[0] for rows in pool.map(lambda run: part(run.name, lambda: [_answer(run, free)], run.code), runs)]


def _answer(run: Run, free: queue.Queue[list[int]]) -> dict[str, Any]:
    cores = free.get()
    try:
        os.sched_setaffinity(0, cores)  # of this thread, which the process inherits
        with TemporaryDirectory() as folder:
            file = Path(folder) / "answer.json"
            command = [sys.executable, "-m", run.module, *run.arguments, str(file)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
            return json.loads(file.read_text())
    finally:
        free.put(cores)
