"""QKeras's `qkeras.qlayers`: see `bitwright.layers`."""

from __future__ import annotations

from bitwright.train.layers import (
    Clip,
    QActivation,
    QDense,
    QInitializer,
)

__all__ = [
    "Clip",
    "QActivation",
    "QDense",
    "QInitializer",
]
