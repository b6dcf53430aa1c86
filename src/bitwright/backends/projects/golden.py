"""Golden frames as the words of AXI4-Streams."""

from __future__ import annotations

from collections.abc import Mapping

from bitwright.backends.projects.interface import Bus, Door, Top
from bitwright.core.errors import InvalidValue
from bitwright.numeric import IntArray

__all__ = ["beats", "golden_beats"]


def golden_beats(top: Top, codes: Mapping[str, IntArray]) -> dict[str, str]:
    """For each stream of `top` its beats, a line of hexadecimal digits each; `codes` (frames, *shape) by tensor."""
    return {door.name: "".join(f"{value:0{door.bits // 4}x}\n" for value in beats(door, codes)) for door in top.doors}


def beats(door: Door, codes: Mapping[str, IntArray]) -> list[int]:
    """The words of all frames, one after the other.

    Raises `InvalidValue` for a code that its lane cannot hold.
    """
    sides = [_bus_words(bus, codes[bus.tensor]) for bus in door.buses]
    return [sum(parts) for parts in zip(*sides, strict=True)]


def _bus_words(bus: Bus, codes: IntArray) -> list[int]:
    lanes = len(bus.words)
    places: list[int] = []
    low = bus.low_bit
    for word in bus.words:
        places.append(low)
        low += word.width
    rows: list[list[int]] = codes.reshape(-1, lanes).tolist()
    for row in rows:
        for code, word in zip(row, bus.words, strict=True):
            if not word.low <= code <= word.high:
                raise InvalidValue(f"code {code} is not within {word.low}..{word.high}", where=f"tensor '{bus.tensor}'")
    masks = [(1 << word.width) - 1 for word in bus.words]
    return [sum((c & m) << p for c, m, p in zip(row, masks, places, strict=True)) for row in rows]
