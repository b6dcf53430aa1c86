"""QKeras's `qkeras.base_quantizer`: what all quantizers have in common."""

from __future__ import annotations

from bitwright.train.quantizers import BaseQuantizer

__all__ = ["BaseQuantizer"]
