"""QKeras's `qkeras.qtools.quantized_operators.qbn_factory`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.operators import (
    QBNFactory,
)

__all__ = [
    "QBNFactory",
]
