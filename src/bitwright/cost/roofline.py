"""Roofline of a device: what its logic computes at most, what its memories feed at most, and where networks stand.

An operation is a multiplication or an addition: two a product. Pure data; the report draws it. After Williams et al.,
"Roofline" (CACM 2009), with a roof for each precision as FINN-R has them (TRETS 2018, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bitwright.core.errors import InvalidValue
from bitwright.cost.area import Area
from bitwright.platforms import Device

__all__ = ["ComputeRoof", "MemoryRoof", "Point", "Roofline", "compute_roof", "memory_roofs", "roofline_of"]

_BLOCK_BYTES = 36 / 8
"""Of a memory of 18 kbit each cycle, read as 512 x 36."""
_ULTRA_BYTES = 72 / 8


@dataclass(frozen=True, slots=True)
class ComputeRoof:
    """The most operations a second at a precision, and the resource that ends first."""

    precision: str
    ops_s: float
    bound: str


@dataclass(frozen=True, slots=True)
class MemoryRoof:
    """Bytes a second that a memory gives at most."""

    memory: str
    bytes_s: float


@dataclass(frozen=True, slots=True)
class Point:
    """A network on a device: operations for each byte that a memory gives, and operations a second reached."""

    name: str
    memory: str
    intensity: float
    ops_s: float


@dataclass(frozen=True, slots=True)
class Roofline:
    """All roofs of a device at a clock, and points under them."""

    device: str
    clock_mhz: float
    compute: tuple[ComputeRoof, ...]
    memories: tuple[MemoryRoof, ...]
    points: tuple[Point, ...] = ()

    def attainable(self, precision: str, memory: str, intensity: float) -> float:
        """Operations a second that both roofs allow; raises `InvalidValue` for names that it does not have."""
        peaks = {roof.precision: roof.ops_s for roof in self.compute}
        speeds = {roof.memory: roof.bytes_s for roof in self.memories}
        for name, known in ((precision, peaks), (memory, speeds)):
            if name not in known:
                told = ", ".join(known)
                raise InvalidValue(f"no roof {name!r}", where=f"roofline of {self.device}", remedy=f"one of {told}")
        return min(peaks[precision], speeds[memory] * intensity)


def compute_roof(device: Device, clock_mhz: float, precision: str, product: Area) -> ComputeRoof:
    """The roof of a precision whose multiplication with its addition takes `product`.

    What can be used of the device counts (70 % of its LUTs, ...), and only what products take.
    """
    usable = device.usable
    room = {"luts": usable.luts, "dsps": usable.dsps}
    times = {name: have / getattr(product, name) for name, have in room.items() if getattr(product, name) > 0}
    if not times:
        raise InvalidValue(f"a product at {precision} that takes nothing", where="roofline", remedy="give its area")
    bound = min(times, key=lambda name: times[name])
    return ComputeRoof(precision, 2 * times[bound] * clock_mhz * 1e6, bound)


def memory_roofs(device: Device, clock_mhz: float, bandwidth_gb_s: float = 0.0) -> tuple[MemoryRoof, ...]:
    """Block memories, UltraRAMs where there are any, and external memory of so much bandwidth."""
    cycle = clock_mhz * 1e6
    found = [MemoryRoof("block memory", device.bram18s * _BLOCK_BYTES * cycle)]
    if device.urams:
        found.append(MemoryRoof("UltraRAM", device.urams * _ULTRA_BYTES * cycle))
    if bandwidth_gb_s:
        found.append(MemoryRoof("external memory", bandwidth_gb_s * 1e9))
    return tuple(found)


def roofline_of(
    device: Device,
    clock_mhz: float,
    products: Mapping[str, Area],
    bandwidth_gb_s: float = 0.0,
    points: Sequence[Point] = (),
) -> Roofline:
    """All roofs of `device`; `products`: the area of a multiplication with its addition by precision."""
    compute = tuple(compute_roof(device, clock_mhz, name, area) for name, area in products.items())
    return Roofline(device.name, clock_mhz, compute, memory_roofs(device, clock_mhz, bandwidth_gb_s), tuple(points))
