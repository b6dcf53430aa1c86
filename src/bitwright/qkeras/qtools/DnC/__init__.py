"""QKeras's `qkeras.qtools.DnC`: see `bitwright.flow.qtools.unrolling`."""

from __future__ import annotations

from bitwright.qkeras.qtools.DnC import divide_and_conquer

__all__ = ["divide_and_conquer"]
