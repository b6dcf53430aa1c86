"""Power of a plan, estimated: what leaks, and what switches with the clock, by resource.

Magnitudes, not measurements: no board was measured for them. They are of the order of what vendors' spreadsheets give
at their default toggle rate (one toggle in eight cycles) for 28 nm parts; 16 nm parts are taken as half. Left out:
pins, the processor of a Zynq, external memory, the supply's losses. So the truth may lie a factor `UNCERTAINTY` to
either side, rather above: of an XCZU3EG that is nearly full at 300 MHz 2.3 W are estimated, where the whole board was
measured at 11.8 W with such a design (MLP-4 on Ultra96, FINN-R). Compare plans by it, not boards. What multiplies all
plans alike does not change which one is best.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bitwright.cost.area import Area
from bitwright.platforms import Device

__all__ = ["MAGNITUDES", "TOGGLE", "UNCERTAINTY", "Magnitude", "Power", "energy_pj", "power_of", "power_w", "static_w"]

TOGGLE = 0.125
"""Toggles of a net in a cycle in which its stage works: the vendors' default."""
UNCERTAINTY = 3.0
"""The truth may be so many times more, or less."""


@dataclass(frozen=True, slots=True)
class Magnitude:
    """Energy of a resource: picojoules a toggle of what it drives, and a cycle anyway; what they stand for."""

    toggle_pj: float
    cycle_pj: float
    source: str

    def per_cycle(self, toggle: float) -> float:
        """Of a cycle in which it works."""
        return self.toggle_pj * toggle + self.cycle_pj


MAGNITUDES: Mapping[str, Magnitude] = {
    "luts": Magnitude(1.2, 0.0, "a net of about 1 pF at 1 V and the LUT that drives it"),
    "ffs": Magnitude(0.2, 0.02, "a flip-flop and its leaf of the clock tree"),
    "bram18s": Magnitude(24.0, 7.0, "one read in every cycle of 18 kbit, word lines and sense amplifiers"),
    "dsps": Magnitude(48.0, 2.0, "a 25 x 18 product in every cycle, pipelined"),
    "urams": Magnitude(64.0, 17.0, "one read in every cycle of 288 kbit"),
}
"""By resource, of 28 nm parts."""
_SMALLER = {"xcup": 0.5}
"""Of families in a finer process: their energy a toggle beside that of 28 nm."""
LEAK_W = 2.5e-6
"""Of a LUT of the part, with its share of everything else: 0.13 W of an XC7Z020, 3 W of a VU9P, when warm."""


@dataclass(frozen=True, slots=True)
class Power:
    """An estimate in watts: what leaks, what each resource takes; `busy`: the share of cycles in which stages work."""

    static_w: float
    dynamic_w: Mapping[str, float]
    toggle: float
    busy: float

    @property
    def total_w(self) -> float:
        """All of it."""
        return self.static_w + sum(self.dynamic_w.values())

    @property
    def range_w(self) -> tuple[float, float]:
        """Between these it is believed to lie."""
        return self.total_w / UNCERTAINTY, self.total_w * UNCERTAINTY

    def energy_uj(self, fps: float) -> float:
        """Microjoules a frame."""
        return self.total_w / fps * 1e6

    def text(self, fps: float | None = None) -> str:
        """In a line: the sum, between what it is believed to lie, its parts, and the energy of a frame."""
        names = {"luts": "LUT", "ffs": "FF", "bram18s": "BRAM", "dsps": "DSP", "urams": "URAM"}
        parts = [f"{self.static_w:.2g} W static"]
        parts += [f"{names[name]} {watts:.2g} W" for name, watts in self.dynamic_w.items() if watts >= 5e-4]
        low, high = self.range_w
        frame = "" if fps is None else f", {self.energy_uj(fps):.3g} uJ a frame"
        known = f"{self.total_w:.2g} W ({low:.2g} to {high:.2g}: magnitudes, not measured)"
        return f"estimated {known}: {', '.join(parts)}{frame}"


def energy_pj(area: Area, toggle: float = TOGGLE) -> float:
    """A cycle in which the area works, in 28 nm."""
    return sum(getattr(area, name) * each.per_cycle(toggle) for name, each in MAGNITUDES.items())


def static_w(device: Device) -> float:
    """The part, doing nothing."""
    return LEAK_W * device.luts


def power_of(area: Area, device: Device, clock_mhz: float, busy: float = 1.0, toggle: float = TOGGLE) -> Power:
    """A design of this area whose stages work in so large a share of all cycles."""
    scale = _SMALLER.get(device.fabric.family, 1.0) * clock_mhz * 1e-6 * busy
    dynamic = {name: getattr(area, name) * each.per_cycle(toggle) * scale for name, each in MAGNITUDES.items()}
    return Power(static_w(device), dynamic, toggle, busy)


def power_w(area: Area, device: Device, clock_mhz: float, busy: float = 1.0) -> float:
    """The sum of `power_of`."""
    return power_of(area, device, clock_mhz, busy).total_w
