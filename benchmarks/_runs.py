"""Long runs of a benchmark, each in a process on its own cores, its answer kept: what is on disk is not run again.

Runs that share no core are compared fairly while they go side by side: each has the same cores for itself.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Run", "finished"]


@dataclass(frozen=True)
class Run:
    """`python -m module *arguments FILE` writes its answer as JSON to FILE: `name`.json in the folder of the runs."""

    name: str
    module: str
    arguments: tuple[str, ...]


def finished(runs: Iterable[Run], folder: Path, cores: int | None = None) -> list[dict[str, Any]]:
    """The answers in the order of the runs; those that `folder` lacks are run, `cores` each (None: all, in turn).

    Raises SystemExit, with the end of what the run said, where one fails; the others' answers stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mine = sorted(os.sched_getaffinity(0))
    share = min(cores or len(mine), len(mine))
    free: queue.Queue[list[int]] = queue.Queue()
    for first in range(0, len(mine) - share + 1, share):
        free.put(mine[first : first + share])
    with ThreadPoolExecutor(free.qsize()) as pool:
        return list(pool.map(lambda run: _answer(run, folder, free), runs))


def _answer(run: Run, folder: Path, free: queue.Queue[list[int]]) -> dict[str, Any]:
    file = folder / f"{run.name}.json"
    if not file.exists():
        cores = free.get()
        try:
            _run([sys.executable, "-m", run.module, *run.arguments, str(file)], cores, folder / f"{run.name}.log")
        finally:
            free.put(cores)
    return json.loads(file.read_text())


def _run(command: Sequence[str], cores: list[int], log: Path) -> None:
    os.sched_setaffinity(0, cores)  # of this thread, which the process inherits
    with log.open("w") as told:
        status = subprocess.run(command, stdout=told, stderr=subprocess.STDOUT, check=False).returncode
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}:\n{log.read_text()[-2000:]}")
