"""QKeras's `qkeras.qtools.quantized_operators`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.operators import (
    AccumulatorFactory,
    FusedBNFactory,
    IAdder,
    IDivider,
    ISubtractor,
    MergeFactory,
    MultiplierFactory,
    QBNFactory,
)
from bitwright.flow.qtools.quantizers import (
    QuantizerFactory,
)

__all__ = [
    "AccumulatorFactory",
    "FusedBNFactory",
    "IAdder",
    "IDivider",
    "ISubtractor",
    "MergeFactory",
    "MultiplierFactory",
    "QBNFactory",
    "QuantizerFactory",
]
