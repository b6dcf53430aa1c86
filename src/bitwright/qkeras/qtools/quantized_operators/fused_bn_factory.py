"""QKeras's `qkeras.qtools.quantized_operators.fused_bn_factory`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.operators import (
    FusedBNFactory,
)

__all__ = [
    "FusedBNFactory",
]
