"""QKeras's `qkeras.qseparable_conv2d_transpose`: see `bitwright.layers`."""

from __future__ import annotations

from bitwright.train.layers import QSeparableConv2DTranspose

__all__ = ["QSeparableConv2DTranspose"]
