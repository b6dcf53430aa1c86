"""QKeras's `qkeras.qtools.quantized_operators.subtractor_factory`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.operators import (
    ISubtractor,
)

__all__ = [
    "ISubtractor",
]
