"""Widths for large models: the sensitivity of every tensor, what each width costs, and an integer program."""

from __future__ import annotations

from bitwright.search.sensitivity.assignment import Assignment, assign, front
from bitwright.search.sensitivity.options import Sensitivity
from bitwright.search.sensitivity.tuning import tuning

__all__ = ["Assignment", "Sensitivity", "assign", "front", "tuning"]
