"""Element-wise pieces of a model, kept as the real functions until they meet the integer grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.ir.interface import Head

__all__ = ["Elementwise", "Evaluate", "Evaluation", "Floats", "apply_chain"]

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Elementwise:
    """One element-wise function of a layer.

    `apply` maps a tensor of the framework (any leading axes, channels last) to one of the same shape.
    `channelwise`: it differs from channel to channel; `elementwise`: even from element to element.
    `step` is the exact step of the values it yields, where a quantizer fixes one.
    `head` marks a float function that hardware does not compute. `variables` are the layer's.
    `steps_differ`: channels of a quantizer may lie on coarser steps than `step`.
    """

    layer: str
    apply: Callable[[Any], Any]
    channelwise: bool = False
    monotone: bool = True
    step: Fraction | None = None
    head: Head | None = None
    elementwise: bool = False
    steps_differ: bool = False
    variables: tuple[Any, ...] = field(default=(), compare=False)


class Evaluation(Enum):
    """How a chain is called: the layers one by one, or traced and compiled as in `predict`."""

    EAGER = "eager"
    COMPILED = "compiled"


def apply_chain(chain: Sequence[Elementwise], x: Any) -> Any:
    """The chain's value on a tensor of the framework."""
    for piece in chain:
        x = piece.apply(x)
    return x


Evaluate = Callable[[Sequence[Elementwise], Evaluation], Callable[[Floats], Floats]]
"""A framework's way to call a chain: as a function from numpy to numpy, (n, ...) to the same shape."""
