"""QKeras's `qkeras.qnormalization`: see `bitwright.layers`."""

from __future__ import annotations

from bitwright.train.layers import (
    QBatchNormalization,
)

__all__ = [
    "QBatchNormalization",
]
