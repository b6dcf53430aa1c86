"""QKeras's `qkeras.qoctave`: see `bitwright.layers`."""

from __future__ import annotations

from bitwright.train.layers import OctaveConv2D, QOctaveConv2D

__all__ = ["OctaveConv2D", "QOctaveConv2D"]
