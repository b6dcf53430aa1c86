"""LUTs of a table, from its contents: what synthesis makes of a read-only memory of a few bits' address.

A table is a tree of two-way choices over blocks that one LUT holds. Blocks that are equal, or each other's
inverse, are built once, for all output bits together; numbers and single address bits cost nothing. The
price of a choice above the LUTs is fitted (`Fabric.choice_luts`, by `benchmarks.calibrate`): logic
minimization finds more in some tables than this count and less in others.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bitwright.ir.netlist.ops import Word
from bitwright.numeric import IntArray
from bitwright.platforms import Fabric, fabric

__all__ = ["by_pattern", "table_luts"]

_Bits = NDArray[np.uint8]


def table_luts(values: IntArray, start: int, width: int, out: Word, on: Fabric | None = None) -> float:
    """LUTs of `values`, the results for codes from `start` up, behind an address of `width` bits."""
    chosen = on or fabric()
    contents = np.ascontiguousarray(values, dtype=np.int64).tobytes()
    blocks, choices = _counted(contents, start, width, out.width, chosen.lut_inputs)
    return blocks + chosen.choice_luts * choices


def by_pattern(values: IntArray, start: int, width: int) -> IntArray:
    """The results for codes from `start` up by the pattern of an address of `width` bits; 0 where no code lies."""
    full = np.zeros(1 << width, dtype=np.int64)
    full[(start + np.arange(len(values))) & ((1 << width) - 1)] = values
    return full


@lru_cache(maxsize=1 << 14)
def _counted(contents: bytes, start: int, width: int, outputs: int, inputs: int) -> tuple[int, int]:
    """Different blocks of one LUT, and different choices between blocks."""
    full = by_pattern(np.frombuffer(contents, dtype=np.int64), start, width)
    rows = (full >> np.arange(outputs)[:, None] & 1).astype(np.uint8)
    packed = np.packbits(rows, axis=1, bitorder="little")
    truths = [int.from_bytes(bits.tobytes(), "little") for bits in packed]
    if width <= inputs:
        return sum([_is_logic(truth, width) for truth in truths]), 0
    small, blocks, choices = 0, set[tuple[int, int]](), set[tuple[int, int]]()
    for row, truth in zip(rows, truths, strict=True):
        needed = _support(truth, width)
        if len(needed) <= inputs:
            small += len(needed) > 1
            continue
        if len(needed) < width:
            truth = _without_idle(row, width, needed)
        parts = set(_parts(truth, len(needed), inputs))
        blocks |= {_key(part, inputs) for part in parts if _is_logic(part, inputs)}
        for level in range(inputs + 1, len(needed) + 1):
            half = 1 << (level - 1)
            for part in _parts(truth, len(needed), level):
                if part >> half != part & ((1 << half) - 1):
                    choices.add(_key(part, level))
    return small + len(blocks), len(choices)


# A function of `size` address bits is a number of 2**size bits here, the result for address 0 lowest.


def _parts(truth: int, size: int, part: int) -> list[int]:
    """The functions of the lowest `part` address bits that a function of `size` bits is put together from."""
    if part < 3:  # less than a byte
        length, mask = 1 << part, (1 << (1 << part)) - 1
        return [truth >> begin & mask for begin in range(0, 1 << size, length)]
    length, whole = 1 << (part - 3), truth.to_bytes(1 << (size - 3), "little")
    return [int.from_bytes(whole[begin : begin + length], "little") for begin in range(0, len(whole), length)]


def _key(truth: int, size: int) -> tuple[int, int]:
    """One name for a block and its inverse; the size keeps blocks of different sizes apart."""
    return size, truth ^ ((1 << (1 << size)) - 1) if truth & 1 else truth


def _support(truth: int, size: int) -> list[int]:
    """The address bits that the function depends on."""
    return [bit for bit in range(size) if (truth ^ truth >> (1 << bit)) & _clear(size, bit)]


def _is_logic(truth: int, size: int) -> bool:
    """Whether the function depends on two address bits or more."""
    met = 0
    for bit in range(size):
        if (truth ^ truth >> (1 << bit)) & _clear(size, bit):
            if met:
                return True
            met = 1
    return False


@lru_cache(maxsize=1 << 9)
def _clear(size: int, bit: int) -> int:
    """The addresses in which a bit is 0."""
    mask = (1 << (1 << bit)) - 1
    for level in range(bit + 1, size):
        mask |= mask << (1 << level)
    return mask


def _without_idle(row: _Bits, width: int, needed: list[int]) -> int:
    """The function over the bits that matter."""
    cube = row.reshape((2,) * width)
    kept = tuple(slice(None) if width - 1 - axis in needed else 0 for axis in range(width))
    return int.from_bytes(np.packbits(cube[kept].reshape(-1), bitorder="little").tobytes(), "little")
