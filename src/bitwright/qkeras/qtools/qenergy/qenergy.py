"""QKeras's `qkeras.qtools.qenergy.qenergy`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.maps import (
    energy_estimate,
)

__all__ = [
    "energy_estimate",
]
