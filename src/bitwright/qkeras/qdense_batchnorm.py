"""QKeras's `qkeras.qdense_batchnorm`: see `bitwright.layers`."""

from __future__ import annotations

from bitwright.train.layers import QDenseBatchnorm

__all__ = ["QDenseBatchnorm"]
