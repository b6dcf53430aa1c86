"""QKeras's `qkeras.quantizer_registry`: quantizers by name."""

from __future__ import annotations

from bitwright.train.quantizer_registry import lookup_quantizer, register_quantizer

__all__ = ["lookup_quantizer", "register_quantizer"]
