"""What QKeras programs take from tensorflow_model_optimization: `prune`, `pruning_callbacks`, `pruning_schedule`."""

from __future__ import annotations

from bitwright.train.pruning.schedules import ConstantSparsity, PolynomialDecay, PruningSchedule
from bitwright.train.pruning.wrapping import UpdatePruningStep, prune_low_magnitude, strip_pruning

__all__ = [
    "ConstantSparsity",
    "PolynomialDecay",
    "PruningSchedule",
    "UpdatePruningStep",
    "prune_low_magnitude",
    "strip_pruning",
]
