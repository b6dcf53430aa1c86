"""Where trials run: in this process, in processes beside it, on a Ray cluster. All keep the same journal."""

from __future__ import annotations

from bitwright.search.executors.attempt import Executor
from bitwright.search.executors.inprocess import InProcess
from bitwright.search.executors.processes import Processes
from bitwright.search.executors.ray import RayCluster

__all__ = ["Executor", "InProcess", "Processes", "RayCluster"]
