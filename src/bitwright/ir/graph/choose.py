"""The rules of `TopK`: the largest along the last axis, the first of equals first."""

from __future__ import annotations

import numpy as np

from bitwright.core.errors import InvalidProgram
from bitwright.ir.graph.infer import bounds, step
from bitwright.ir.graph.ops import TopK
from bitwright.ir.graph.run import evaluate
from bitwright.ir.graph.types import TensorType
from bitwright.numeric import IntArray, Steps

__all__ = ["ranked"]


def ranked(codes: IntArray, count: int) -> IntArray:
    """Places of the `count` largest along the last axis, falling, of equals the first first."""
    return np.argsort(~codes, axis=-1, kind="stable")[..., :count]


@evaluate.on(TopK)
def _(op: TopK, args: list[IntArray]) -> IntArray:
    places = ranked(args[0], op.count)
    return np.take_along_axis(args[0], places, axis=-1) if op.values else places


@bounds.on(TopK)
def _(op: TopK, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    shape = args[0].shape
    if not shape or not 1 <= op.count <= shape[-1]:
        raise InvalidProgram(f"the {op.count} largest of a tensor of shape {shape}", where="TopK")
    if not op.values:
        places = np.zeros((*shape[:-1], op.count), dtype=np.int64)
        return places, places + shape[-1] - 1
    # The j-th largest lies between the j-th largest of the least values and that of the greatest.
    low, high = (np.sort(end, axis=-1)[..., ::-1][..., : op.count] for end in args[0].bounds())
    return low, high


@step.on(TopK)
def _(op: TopK, args: list[TensorType]) -> Steps | None:
    told = args[0].step
    if told.uniform is None and (not told.shape or told.shape[-1] != 1):
        raise InvalidProgram(
            "its elements have different steps", where="TopK", remedy="bring them to one step with a Map"
        )
    return told if op.values else Steps.of(1)
