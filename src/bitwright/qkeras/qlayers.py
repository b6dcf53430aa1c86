"""QKeras's `qkeras.qlayers`: see `bitwright.layers`."""

from __future__ import annotations

from bitwright.train.layers import (
    Clip,
    QActivation,
    QAdaptiveActivation,
    QDense,
    QInitializer,
    get_auto_range_constraint_initializer,
    get_constraint,
    get_initializer,
)

__all__ = [
    "Clip",
    "QActivation",
    "QAdaptiveActivation",
    "QDense",
    "QInitializer",
    "get_auto_range_constraint_initializer",
    "get_constraint",
    "get_initializer",
]
