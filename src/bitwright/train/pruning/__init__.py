"""Pruning: weights, neurons, blocks or n of every m go to zero while a model is fitted, or at once.

`Prune` is a Keras callback, `prune_now` does it to a trained model, `remove_neurons` makes the model
smaller, `sparsity` tells what is zero.
"""

from __future__ import annotations

from bitwright.train.pruning.callback import Prune, dense_weights, prune_now
from bitwright.train.pruning.criteria import Criterion, LutSavings, Magnitude, Savings
from bitwright.train.pruning.facts import Sparsity, WeightSparsity, sparsity
from bitwright.train.pruning.masks import Pruned
from bitwright.train.pruning.schedules import ConstantSparsity, PolynomialDecay, PruningSchedule
from bitwright.train.pruning.shrink import remove_neurons
from bitwright.train.pruning.structures import Blocks, Neurons, NofM, Structure, Unstructured
from bitwright.train.pruning.weights import Prunable, prunable_weights

__all__ = [
    "Blocks",
    "ConstantSparsity",
    "Criterion",
    "LutSavings",
    "Magnitude",
    "Neurons",
    "NofM",
    "PolynomialDecay",
    "Prunable",
    "Prune",
    "Pruned",
    "PruningSchedule",
    "Savings",
    "Sparsity",
    "Structure",
    "Unstructured",
    "WeightSparsity",
    "dense_weights",
    "prunable_weights",
    "prune_now",
    "remove_neurons",
    "sparsity",
]
