"""QKeras's `qkeras.qtools.settings`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.maps import (
    Config as ConfigClass,
)
from bitwright.flow.qtools.maps import (
    cfg,
)

__all__ = [
    "ConfigClass",
    "cfg",
]
