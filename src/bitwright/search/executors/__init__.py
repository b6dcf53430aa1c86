"""Where trials run: in this process, in a pool of processes, on a Ray cluster. All keep the same journal."""

from __future__ import annotations

from bitwright.search.executors.attempt import Executor, Job, Result, Session
from bitwright.search.executors.inprocess import InProcess

__all__ = ["Executor", "InProcess", "Job", "Result", "Session"]
