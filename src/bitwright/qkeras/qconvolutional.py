"""QKeras's `qkeras.qconvolutional`: see `bitwright.layers`."""

from __future__ import annotations

from bitwright.train.layers import (
    QConv1D,
    QConv2D,
    QDepthwiseConv2D,
)

__all__ = [
    "QConv1D",
    "QConv2D",
    "QDepthwiseConv2D",
]
