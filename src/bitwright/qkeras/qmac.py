"""QKeras's `qkeras.qmac`: see `bitwright.layers`."""

from __future__ import annotations

from bitwright.train.layers import QScaleShift

__all__ = ["QScaleShift"]
