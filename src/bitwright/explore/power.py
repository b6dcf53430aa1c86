"""Power of a plan, estimated: what switches with the clock, and what leaks.

Magnitudes, not measurements: a LUT with its flip-flop and wires at one toggle in eight cycles, a block memory and a
multiplier that are read every cycle, leakage in proportion to the part. Compare plans by it, not boards.
"""

from __future__ import annotations

from bitwright.cost.area import Area
from bitwright.platforms import Device

__all__ = ["LUT_PJ", "energy_pj", "power_w", "static_w"]

LUT_PJ = 0.2
BLOCK_PJ = 10.0
DSP_PJ = 8.0
ULTRA_PJ = 25.0
LEAK_W = 2.5e-6
"""Of a LUT of the part, with its share of everything else."""


def energy_pj(area: Area) -> float:
    """A cycle in which the area works."""
    return LUT_PJ * area.luts + BLOCK_PJ * area.bram18s + DSP_PJ * area.dsps + ULTRA_PJ * area.urams


def static_w(device: Device) -> float:
    """The part, doing nothing."""
    return LEAK_W * device.luts


def power_w(area: Area, device: Device, clock_mhz: float, busy: float = 1.0) -> float:
    """A design of this area whose stages work in so large a share of all cycles."""
    return static_w(device) + energy_pj(area) * 1e-12 * clock_mhz * 1e6 * busy
