"""QKeras's `qkeras.qconv2d_batchnorm`: see `bitwright.layers`."""

from __future__ import annotations

from bitwright.train.layers import QConv2DBatchnorm

__all__ = ["QConv2DBatchnorm"]
