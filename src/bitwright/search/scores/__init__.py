"""Scores of trials: how much worse a smaller model may be (the forgiving factor), in bits or in energy."""

from __future__ import annotations

from bitwright.search.scores.bits import ForgivingFactorBits
from bitwright.search.scores.energy import ForgivingFactorPower
from bitwright.search.scores.factor import ForgivingFactor, Measured, forgiven
from bitwright.search.scores.goal import forgiving_factor, goal_of

__all__ = [
    "ForgivingFactor",
    "ForgivingFactorBits",
    "ForgivingFactorPower",
    "Measured",
    "forgiven",
    "forgiving_factor",
    "goal_of",
]
