"""How far a layer is folded: how much of it is there in hardware at once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bitwright.ir.dataflow.ops import Memory

__all__ = ["Folding", "Kernel"]


class Kernel(Enum):
    """How a layer's products are made."""

    FOLDED = "folded"
    """Weights in a memory, so many products at a time."""
    UNROLLED = "unrolled"
    """Weights dissolved in adder graphs: a whole window or vector, all outputs, in every cycle."""


@dataclass(frozen=True, slots=True)
class Folding:
    """`lanes` inputs (FINN's SIMD) times `units` outputs (PE) at a time; what the weights and the lines wait in.

    Element-wise actors and pools have lanes only. An unrolled layer takes all its inputs and gives all its outputs.
    """

    lanes: int = 1
    units: int = 1
    kernel: Kernel = Kernel.FOLDED
    weights: Memory = Memory.LUT
    lines: Memory = Memory.LUT
