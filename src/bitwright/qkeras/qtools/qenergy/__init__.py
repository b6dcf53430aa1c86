"""QKeras's `qkeras.qtools.qenergy`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.qkeras.qtools.qenergy import qenergy

__all__ = ["qenergy"]
