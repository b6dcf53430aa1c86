"""QKeras's `qkeras.qtools.run_qtools`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.adapter import (
    QTools,
)

__all__ = [
    "QTools",
]
