"""What channels and the two ends of a stream take."""

from __future__ import annotations

from bitwright.cost.actors.logic import counter
from bitwright.cost.actors.memories import bits_for, ram_area
from bitwright.cost.area import Area
from bitwright.ir.dataflow.ops import Memory

__all__ = ["channel_area", "sink_area", "source_area"]


def channel_area(width: int, depth: int, kind: Memory = Memory.LUT) -> Area:
    """`bw_channel`: a buffer of `depth` words of `width` bits."""
    if depth == 1 and kind is Memory.LUT:
        return Area(2, width + 2)
    needed = depth if kind is Memory.LUT else max(depth - 1, 2)
    power = 1 << bits_for(needed)
    places = power if power - needed < (64 if kind is Memory.LUT else 512) else needed
    kept, place = bits_for(depth + 1), bits_for(places)
    # One counter goes up and down, two go around; a flag tells full from empty where these are equal.
    around = counter(places).times(2)
    control = Area(kept + 2 + (kept > 2), kept + 1, kept // 4) + around + Area(2 + place / 3)
    store = ram_area(width, places, kind)
    if kind is not Memory.LUT:
        control += Area(2, 1)
    return control + store


def source_area() -> Area:
    """`bw_source`: ready, and taken."""
    return Area(2)


def sink_area(words: int) -> Area:
    """`bw_sink`: counts the words of a frame."""
    return counter(words) + Area(2)
