"""QKeras's `qkeras.qtools.config_public`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.maps import (
    config_settings,
)

__all__ = [
    "config_settings",
]
