"""QKeras's `qkeras.qdepthwise_conv2d_transpose`: see `bitwright.layers`."""

from __future__ import annotations

from bitwright.train.layers import QDepthwiseConv2DTranspose

__all__ = ["QDepthwiseConv2DTranspose"]
