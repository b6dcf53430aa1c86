"""Which weights go first: those that are small, or those that cost the hardware most for what they do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.numeric import nonzero_digits
from bitwright.train.pruning.weights import Prunable

__all__ = ["Criterion", "Loss", "LutSavings", "Magnitude", "Savings"]

_HAIR = 1e-6
"""Orders weights that are 0 after quantization by their float values, below all others."""


@dataclass(frozen=True)
class Loss:
    """What is lost with each weight, and what is saved: arrays of its shape. The least lost/saved goes first."""

    lost: NDArray[np.float64]
    saved: NDArray[np.float64]


class Criterion(ABC):
    """Judges the elements of one weight."""

    @abstractmethod
    def __call__(self, one: Prunable) -> Loss:
        """What each element loses and saves."""


@dataclass(frozen=True)
class Magnitude(Criterion):
    """Small weights first: |w|^norm, averaged over what goes together (1: as tfmot; 2: by energy)."""

    norm: float = 1.0

    def __call__(self, one: Prunable) -> Loss:
        """Every weight saves as much."""
        values = np.abs(one.values().astype(np.float64)) ** self.norm
        return Loss(values, np.ones_like(values))


@dataclass(frozen=True)
class LutSavings:
    """The LUTs that each element of a weight costs: its signed digits x the width of its input / (operands - 1).

    Every nonzero digit is an operand of a sum as wide as the input; a carry chain of a Xilinx part takes
    up two more operands with a LUT per bit (operands=3, `cost.chain`), other parts one (operands=2).
    Sharing among neurons is left out, so this is an upper bound. input_width: bits of the inputs, one
    number or by patterns of layer names.

    Source: G. W. Reitwiesner, Binary Arithmetic (1960), for the digits; Xilinx UG574 for the chains.
    """

    input_width: int | Mapping[str, int] = 8
    operands: int = 3

    def __post_init__(self) -> None:
        if self.operands < 2:
            raise InvalidValue(f"operands={self.operands}", where="LutSavings", remedy="give 2 or 3")

    def __call__(self, one: Prunable) -> NDArray[np.float64]:
        """LUTs, in the shape of the weight."""
        each = self._width(one.layer.name) / (self.operands - 1)
        return nonzero_digits(one.codes()).astype(np.float64) * each

    def _width(self, layer: str) -> int:
        if isinstance(self.input_width, int):
            return self.input_width
        return next((width for key, width in self.input_width.items() if fnmatchcase(layer, key)), 8)


@dataclass(frozen=True)
class Savings(Criterion):
    """Hardware first: the weights that save most for the magnitude that is lost with them.

    savings: a callable from a `Prunable` (its `.layer`, `.codes()`, `.values()`) to what each element
    would save, an array of the weight's shape; by default `LutSavings()`. Weights that are 0 after
    quantization are free and go first; then the least |w| per saved LUT. What saves nothing goes last.
    """

    savings: Callable[[Prunable], Any] = field(default_factory=LutSavings)

    def __call__(self, one: Prunable) -> Loss:
        """The magnitude after quantization, and what `savings` tells."""
        latent = np.abs(one.values().astype(np.float64))
        lost = np.abs(one.quantized().astype(np.float64))
        saved = np.asarray(self.savings(one), dtype=np.float64)
        if saved.shape != lost.shape:
            raise InvalidValue(
                f"savings of shape {saved.shape} for weights of shape {lost.shape}",
                where=one.where,
                remedy="return one number for each weight",
            )
        free = lost == 0
        return Loss(lost + _HAIR * latent, np.where(free, np.maximum(saved, 1.0), np.maximum(saved, 1e-9)))
