"""QKeras's `qkeras.qdepthwiseconv2d_batchnorm`: see `bitwright.layers`."""

from __future__ import annotations

from bitwright.train.layers import QDepthwiseConv2DBatchnorm

__all__ = ["QDepthwiseConv2DBatchnorm"]
