"""Trials one after another, here."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

from bitwright.search.executors.attempt import Job, Result, attempt
from bitwright.search.trial import Evaluate

__all__ = ["InProcess"]


@dataclass(frozen=True)
class InProcess:
    """Run every trial in this process, one at a time."""

    @property
    def width(self) -> int:
        """One trial at a time."""
        return 1

    @property
    def ahead(self) -> int:
        """Every trial sees all before it."""
        return 0

    def open(self, evaluate: Evaluate) -> _Session:
        """Nothing to prepare."""
        return _Session(evaluate)


class _Session:
    def __init__(self, evaluate: Evaluate) -> None:
        self.evaluate = evaluate
        self.jobs: list[Job] = []

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def wait(self) -> Result:
        return attempt(self.evaluate, self.jobs.pop(0))

    def __enter__(self) -> _Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.jobs.clear()
