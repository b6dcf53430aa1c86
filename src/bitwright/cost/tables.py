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
    small, blocks, choices = 0, set[bytes](), set[bytes]()
    for place in range(outputs):
        truth, size = _without_idle((full >> place & 1).astype(np.uint8), width)
        if size <= inputs:
            small += size > 1
            continue
        blocks |= {_key(part) for part in truth.reshape(-1, 1 << inputs) if len(_support(part)) > 1}
        for level in range(inputs + 1, size + 1):
            halves = truth.reshape(-1, 2, 1 << (level - 1))
            choices |= {_key(a.ravel()) for a in halves[(halves[:, 0] != halves[:, 1]).any(axis=1)]}
    return small + len(blocks), len(choices)


def _key(part: _Bits) -> bytes:
    """One name for a block and its inverse; the length keeps blocks of different sizes apart."""
    return len(part).to_bytes(4, "little") + np.packbits(part ^ part[0]).tobytes()


def _support(truth: _Bits) -> list[int]:
    """The address bits that the function depends on."""
    size = len(truth).bit_length() - 1
    return [
        bit for bit in range(size)
        if (truth.reshape(-1, 2, 1 << bit)[:, 0] != truth.reshape(-1, 2, 1 << bit)[:, 1]).any()
    ]  # fmt: skip


def _without_idle(truth: _Bits, width: int) -> tuple[_Bits, int]:
    """The function over the bits that matter, and how many those are."""
    bits = _support(truth)
    cube = truth.reshape((2,) * width)
    kept = tuple(slice(None) if width - 1 - axis in bits else 0 for axis in range(width))
    return np.ascontiguousarray(cube[kept]).reshape(-1), len(bits)
