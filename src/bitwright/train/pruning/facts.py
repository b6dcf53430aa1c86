"""How sparse a model is, in weights and in whole neurons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitwright.core.errors import Unsupported
from bitwright.train.pruning.weights import Prunable, prunable_weights

__all__ = ["Sparsity", "WeightSparsity", "sparsity"]


@dataclass(frozen=True)
class WeightSparsity:
    """Of one weight: its elements, those that are 0 after quantization, its neurons, those without a weight.

    neurons and empty_neurons are 0 where columns are no neurons.
    """

    name: str
    layer: str
    size: int
    zeros: int
    neurons: int
    empty_neurons: int

    @property
    def share(self) -> float:
        """The part that is 0."""
        return self.zeros / self.size if self.size else 0.0


@dataclass(frozen=True)
class Sparsity:
    """Of a model: one record per prunable weight; as text, a table."""

    weights: tuple[WeightSparsity, ...]

    @property
    def size(self) -> int:
        """How many weights there are."""
        return sum(one.size for one in self.weights)

    @property
    def zeros(self) -> int:
        """How many of them are 0."""
        return sum(one.zeros for one in self.weights)

    @property
    def share(self) -> float:
        """The part that is 0."""
        return self.zeros / self.size if self.size else 0.0

    def __str__(self) -> str:
        wide = max(len(one.name) for one in self.weights)
        lines = [
            f"{one.name:{wide}}  {one.share:7.2%} of {one.size} are 0"
            + (f", {one.empty_neurons} of {one.neurons} neurons empty" if one.empty_neurons else "")
            for one in self.weights
        ]
        return "\n".join([*lines, f"{'all':{wide}}  {self.share:7.2%} of {self.size} are 0"])


def sparsity(model: Any, layers: str = "*") -> Sparsity:
    """The zeros among the prunable weights of the layers that match, after quantization.

    Raises ConfigError if no layer that matches has such weights.
    """
    return Sparsity(tuple(_fact(one) for one in prunable_weights(model, layers)))


def _fact(one: Prunable) -> WeightSparsity:
    zero = one.quantized() == 0
    try:
        layout = one.layout
    except Unsupported:
        layout = None
    neurons = layout.columns if layout is not None and layout.neurons else 0
    empty = int(layout.matrix(zero).all(axis=0).sum()) if layout is not None and neurons else 0
    return WeightSparsity(one.name, one.layer.name, zero.size, int(zero.sum()), neurons, empty)
