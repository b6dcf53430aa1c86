"""QKeras's `qkeras.b2t`: see `bitwright.layers`."""

from __future__ import annotations

from bitwright.train.layers import BinaryToThermometer

__all__ = ["BinaryToThermometer"]
