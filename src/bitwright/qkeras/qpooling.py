"""QKeras's `qkeras.qpooling`: see `bitwright.layers`."""

from __future__ import annotations

from bitwright.train.layers import (
    QAveragePooling2D,
    QGlobalAveragePooling2D,
)

__all__ = [
    "QAveragePooling2D",
    "QGlobalAveragePooling2D",
]
