"""QKeras's `qkeras.qtools.quantized_operators.quantizer_factory`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.quantizers import (
    QuantizerFactory,
)

__all__ = [
    "QuantizerFactory",
]
