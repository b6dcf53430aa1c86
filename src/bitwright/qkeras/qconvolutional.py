"""QKeras's `qkeras.qconvolutional`: see `bitwright.layers`."""

from __future__ import annotations

from bitwright.train.layers import (
    QConv1D,
    QConv2D,
    QConv2DTranspose,
    QDepthwiseConv2D,
    QMobileNetSeparableConv2D,
    QSeparableConv1D,
    QSeparableConv2D,
    deconv_output_length,
)

__all__ = [
    "QConv1D",
    "QConv2D",
    "QConv2DTranspose",
    "QDepthwiseConv2D",
    "QMobileNetSeparableConv2D",
    "QSeparableConv1D",
    "QSeparableConv2D",
    "deconv_output_length",
]
