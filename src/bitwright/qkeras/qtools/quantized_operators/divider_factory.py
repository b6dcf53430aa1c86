"""QKeras's `qkeras.qtools.quantized_operators.divider_factory`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.cost.qtools.arithmetic import (
    UnacceptedDivisor as UnacceptedQuantizerError,
)
from bitwright.flow.qtools.operators import (
    IDivider,
)

__all__ = [
    "IDivider",
    "UnacceptedQuantizerError",
]
