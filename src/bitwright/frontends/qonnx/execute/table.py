"""The rule table of the float executor, and the guard that stands before every allocation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from bitwright.core.errors import InvalidModel
from bitwright.core.rules import Rules
from bitwright.frontends.qonnx.model import Array

__all__ = ["MOST", "Frame", "Values", "compute", "room", "whole"]

MOST = 1 << 27
"""The most elements that one tensor may take while a model runs."""

Values = Sequence[Array | None]


@dataclass(frozen=True, slots=True)
class Frame:
    """What a rule knows beside its tensors: the batch that runs, that of the file, and how many outputs are read."""

    batch: int = 1
    told: int | None = 1
    outputs: int = 1


compute: Rules[[Values, Frame], Array | tuple[Array, ...]] = Rules("ONNX operator")
"""The outputs of an operator for its inputs (None where an optional one is left out), float32 as ONNX computes."""


def room(shape: Iterable[int]) -> None:
    """Raise `InvalidModel` where a tensor of this shape would take too much memory."""
    sizes = tuple(shape)
    if any(n < 0 for n in sizes) or prod(sizes) > MOST:
        raise InvalidModel(f"a tensor of shape {sizes}", remedy=f"keep tensors below {MOST} elements")


def whole(values: Array | None) -> tuple[int, ...]:
    """A tensor of integers as Python ints."""
    return () if values is None else tuple(int(v) for v in np.asarray(values).ravel().tolist())
