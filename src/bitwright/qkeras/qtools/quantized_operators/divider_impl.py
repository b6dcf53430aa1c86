"""QKeras's `qkeras.qtools.quantized_operators.divider_impl`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.operators import (
    Operator as IDividerImpl,
)

__all__ = [
    "IDividerImpl",
]
