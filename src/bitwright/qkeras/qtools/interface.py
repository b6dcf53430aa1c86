"""QKeras's `qkeras.qtools.interface`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.maps import (
    map_to_json,
)

__all__ = [
    "map_to_json",
]
