"""QKeras's `qkeras.autoqkeras.forgiving_metrics`: see `bitwright.search.scores`.

`forgiving_factor` is the table of goals here, and a module below, as in QKeras.
"""

from __future__ import annotations

from bitwright.qkeras.autoqkeras.forgiving_metrics.forgiving_bits import ForgivingFactorBits
from bitwright.qkeras.autoqkeras.forgiving_metrics.forgiving_energy import ForgivingFactorPower
from bitwright.qkeras.autoqkeras.forgiving_metrics.forgiving_factor import ForgivingFactor
from bitwright.search.scores import forgiving_factor

__all__ = [
    "ForgivingFactor",
    "ForgivingFactorBits",
    "ForgivingFactorPower",
    "forgiving_factor",
]
