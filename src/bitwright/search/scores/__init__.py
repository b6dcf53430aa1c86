"""Scores of trials: how much worse a smaller model may be (the forgiving factor), in bits or in energy."""

from __future__ import annotations

from bitwright.search.scores.bits import ForgivingFactorBits
from bitwright.search.scores.energy import ENERGY_RULES, ForgivingFactorPower, inference_pj
from bitwright.search.scores.factor import ForgivingFactor, Measured, forgiven
from bitwright.search.scores.goal import forgiving_factor, goal_of

__all__ = [
    "ENERGY_RULES",
    "ForgivingFactor",
    "ForgivingFactorBits",
    "ForgivingFactorPower",
    "Measured",
    "forgiven",
    "forgiving_factor",
    "goal_of",
    "inference_pj",
]
