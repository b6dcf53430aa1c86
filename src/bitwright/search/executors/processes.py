"""Trials side by side in processes of this machine; one that dies takes its trial with it and nothing else."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any

from bitwright.core.errors import ConfigError, InvalidValue, ToolFailed
from bitwright.search.executors.attempt import Job, Result, attempt
from bitwright.search.trial import Evaluate, State

__all__ = ["Processes"]

_CONTEXT = multiprocessing.get_context("spawn")
"""Frameworks with threads do not survive a fork."""

_LOOK_S = 1.0
"""How often the processes are looked at; a death is normally noticed at once, when its pipe closes."""


@dataclass(frozen=True)
class Processes:
    """Run `workers` trials at a time. `limit_s` ends a trial that takes longer, which then counts as failed.

    Suggestions see all batches of `workers` trials before their own but the last `ahead`: with 0 all wait for the
    slowest trial of a batch, with 1 hardly anyone waits. Either way the same seed gives the same search.

    The evaluation must be a top-level function or an object of a top-level class, and a script that searches keeps its
    work under `if __name__ == "__main__":`, because new processes import it.
    """

    workers: int = 2
    ahead: int = 0
    limit_s: float | None = None

    def __post_init__(self) -> None:
        if self.workers < 1 or self.ahead < 0:
            raise InvalidValue(f"{self} cannot work", remedy="give at least one worker and ahead >= 0")

    @property
    def width(self) -> int:
        """As many trials as workers."""
        return self.workers

    def open(self, evaluate: Evaluate) -> _Session:
        """Check that `evaluate` can travel; workers start with their first trial."""
        try:
            pickle.dumps(evaluate)
        except Exception as error:
            raise ConfigError(
                "the evaluation cannot be sent to another process",
                why=str(error),
                remedy="pass a top-level function or an instance of a top-level frozen dataclass",
            ) from error
        return _Session(evaluate, self)


class _Worker:
    """A process and this end of its pipe."""

    def __init__(self, evaluate: Evaluate) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_serve, args=(theirs, evaluate), daemon=False)
        self.process.start()
        theirs.close()
        self.job: Job | None = None
        self.since = 0.0
        self.ready = False

    def start(self, job: Job) -> None:
        self.job, self.since = job, time.monotonic()
        try:
            self.pipe.send(job)
        except OSError:
            return  # it is dead, which `wait` will find

    def end(self) -> None:
        _kill_all(self.process.pid or 0)
        self.process.kill()
        self.process.join()
        self.pipe.close()


class _Session:
    def __init__(self, evaluate: Evaluate, place: Processes) -> None:
        self.evaluate = evaluate
        self.place = place
        self.workers: list[_Worker] = []

    def submit(self, job: Job) -> None:
        free = next((worker for worker in self.workers if worker.job is None), None)
        if free is None:
            free = _Worker(self.evaluate)
            self.workers.append(free)
        free.start(job)

    def wait(self) -> Result:
        while True:
            busy = {worker.pipe: worker for worker in self.workers if worker.job}
            for pipe in wait(list(busy), _LOOK_S):
                result = self._hear(busy[pipe]) if isinstance(pipe, Connection) else None
                if result:
                    return result
            for worker in busy.values():
                result = self._look(worker)
                if result:
                    return result

    def _hear(self, worker: _Worker) -> Result | None:
        """What a worker says; None if it only says that it is ready."""
        try:
            said: Result | None = worker.pipe.recv()
        except (EOFError, OSError):
            return self._dead(worker)
        if said:
            worker.job = None
        else:
            worker.ready, worker.since = True, time.monotonic()
        return said

    def _look(self, worker: _Worker) -> Result | None:
        """A result for a trial that will never send one."""
        limit = self.place.limit_s
        late = limit is not None and worker.ready and time.monotonic() - worker.since > limit
        if late and not worker.pipe.poll():
            return self._drop(worker, f"took longer than {limit:g} s", lost=False)
        if not worker.process.is_alive() and not worker.pipe.poll():
            return self._dead(worker)
        return None

    def _dead(self, worker: _Worker) -> Result:
        worker.process.join()
        code = worker.process.exitcode or 0
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        if not worker.ready:
            raise ToolFailed(
                f"a worker process ended before it could start ({how})",
                where="search",
                why="it imports the main script, which must not search again",
                remedy='put the search of the script under `if __name__ == "__main__":`',
            )
        return self._drop(worker, f"the worker process died ({how})", lost=True)

    def _drop(self, worker: _Worker, error: str, lost: bool) -> Result:
        worker.end()
        self.workers.remove(worker)
        number = worker.job.number if worker.job else -1
        return Result(number, State.FAILED, error=error, seconds=time.monotonic() - worker.since, lost=lost)

    def __enter__(self) -> _Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.end()
        self.workers.clear()


def _serve(pipe: Any, evaluate: Evaluate) -> None:
    """The life of a worker: job in, result out, until the pipe closes."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()
    pipe.send(None)
    while True:
        try:
            job: Job = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(attempt(evaluate, job))


def _follow() -> None:
    """A search that is killed takes its workers along: the resumed one will use the same folders."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    _kill_all(os.getpid())
    os._exit(1)


def _kill_all(leader: int) -> None:
    """End a worker and the tools that it started: they are a process group, once it has come that far."""
    if hasattr(os, "killpg") and leader:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
