"""One attempt at a trial, the same everywhere: what goes to the place where it runs, and what comes back."""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol

from bitwright.core.errors import BitwrightError
from bitwright.search.events import Events
from bitwright.search.space import Configuration
from bitwright.search.trial import Context, Evaluate, Hopeless, Outcome, State

__all__ = ["Executor", "Job", "Result", "Session", "attempt"]


@dataclass(frozen=True)
class Job:
    """A trial on its way out. `bars` and `maximize` are what its reports must reach.

    `shape` is the number of values and of violations that its outcome must have.
    """

    number: int
    configuration: Configuration
    seed: int
    folder: Path
    bars: Mapping[int, float] = field(default_factory=dict[int, float])
    maximize: bool = True
    shape: tuple[int, int] = (1, 0)


@dataclass(frozen=True)
class Result:
    """What came back. `lost`: the place where it ran died, and another attempt may go better."""

    number: int
    state: State
    outcome: Outcome | None = None
    error: str = ""
    seconds: float = 0.0
    reports: tuple[tuple[int, float], ...] = ()
    lost: bool = False


class Session(Protocol):
    """An executor at work on one evaluation function."""

    def submit(self, job: Job) -> None:
        """Start it, as soon as there is room."""
        ...

    def wait(self) -> Result:
        """The next result; there is at least one job out."""
        ...

    def __enter__(self) -> Session: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Executor(Protocol):
    """A place for trials: `width` of them at a time.

    Trials go in batches of `width`; a batch is suggested from the results of all batches but the last `ahead` before
    it. What a suggestion sees is therefore fixed, whoever finishes first.
    """

    @property
    def width(self) -> int:
        """Trials at a time, and in a batch."""
        ...

    @property
    def ahead(self) -> int:
        """How many batches may be unfinished when the next one starts; 0 waits for all."""
        ...

    def open(self, evaluate: Evaluate) -> Session:
        """Get ready for `evaluate`."""
        ...


def attempt(evaluate: Evaluate, job: Job) -> Result:
    """Evaluate `job` in an empty folder. Errors are part of the result; only what ends a process passes through."""
    shutil.rmtree(job.folder, ignore_errors=True)
    job.folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with Events(job.folder) as events:
        listen = lambda step, value: events.scalar("report", step, value)  # noqa: E731
        context = Context(job.number, job.seed, job.folder, job.bars, job.maximize, listen)
        outcome: Outcome | None = None
        error = ""
        try:
            outcome = evaluate(dict(job.configuration), context).check(*job.shape)
            state = State.COMPLETE
        except Hopeless as why:
            state, error = State.PRUNED, str(why)
        except Exception as why:
            state, error = State.FAILED, _text(why)
            (job.folder / "traceback.txt").write_text(traceback.format_exc())
        if outcome:
            for name, figures in (("value", outcome.values), ("violation", outcome.violations)):
                for place, figure in enumerate(figures):
                    events.scalar(f"{name}/{place}", job.number, figure)
    return Result(job.number, state, outcome, error, time.monotonic() - start, tuple(context.reports))


def _text(error: Exception) -> str:
    text = str(error) if isinstance(error, BitwrightError) else f"{type(error).__name__}: {error}"
    return text[:4000]
