"""QKeras's `qkeras.qtools.quantized_operators.merge_factory`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.operators import (
    MergeFactory,
)
from bitwright.flow.qtools.operators import (
    Operator as IMerger,
)

__all__ = [
    "IMerger",
    "MergeFactory",
]
