"""What memories take on Xilinx parts: LUTs, block memories in their true shapes, UltraRAM.

A block memory of 18 kbit is 36 x 512, 18 x 1 k, 9 x 2 k, 4 x 4 k, 2 x 8 k or 1 x 16 k (width x depth), one of 36 kbit
twice as wide or as deep. Which shape is taken is yosys's own rule (0.23, `memory_libmap`: the least price, xc7 and xcup
alike); `benchmarks.calibrate_actors` compares memories of many sizes to the block.
"""

from __future__ import annotations

from math import ceil

import numpy as np

from bitwright.cost.area import Area
from bitwright.ir.dataflow.ops import Memory
from bitwright.numeric import IntArray

__all__ = ["bits_for", "block_area", "ram_area", "rom_area", "rom_estimate", "ultra_area"]

_SHAPES = ((1, 14), (2, 13), (4, 12), (9, 11), (18, 10), (36, 9))
"""(width, address bits) of an 18 kbit memory; 36 kbit: one address bit more, or 72 x 512."""
_PRICES = {1: 129, 2: 257}
"""yosys's price of a memory of 18 and of 36 kbit; among equal prices the deepest shape is taken."""
_BANK_LUTS = {32: (6, 4), 64: (3, 4)}
"""Words of a memory of LUTs: (bits, LUTs) of RAM32M and RAM64M."""


def bits_for(count: int) -> int:
    """Bits that number `count` things."""
    return max((count - 1).bit_length(), 1)


def block_area(width: int, words: int, *, constant: bool = False) -> Area:
    """A memory of `words` x `width` with one place to write (or none: `constant`) and one to read."""
    options: list[tuple[int, int, int, int]] = []
    for size, price in _PRICES.items():
        shapes = [(w, a + size - 1) for w, a in _SHAPES] + ([(72, 9)] if size == 2 else [])
        for wide, address in shapes:
            banks = ceil(words / (1 << address))
            # Banks may lie side by side in one memory, for it is written byte by byte.
            used = width if banks == 1 or constant else 9 * ceil(width / 9)
            blocks = ceil(used * banks / wide) if wide >= 9 else banks * ceil(width / wide)
            options.append((price * blocks, banks, size, blocks))
    _, banks, size, blocks = min(options)
    return Area(_chosen(width, banks) + (0 if constant or banks == 1 else banks), bits_for(banks) * (banks > 1),
                bram18s=size * blocks)  # fmt: skip


def _chosen(width: int, banks: int) -> float:
    """LUTs of a multiplexer between `banks` words."""
    if banks == 1:
        return 0.0
    # From five on there are multiplexers behind LUTs, filled up to eight or sixteen.
    return width * (1.0 if banks <= 4 else max(4.0, banks / 4))


def ram_area(width: int, words: int, kind: Memory) -> Area:
    """A memory with one place to write and one to read, without the register behind it."""
    if kind is Memory.BLOCK:
        return block_area(width, words)
    if kind is Memory.ULTRA:
        return ultra_area(width, words)
    if width == 1 and words <= 32:
        return Area(2)
    deep = 32 if words <= 32 else 64
    bits, luts = _BANK_LUTS[deep]
    banks = ceil(words / deep)
    enables = banks if banks > 1 else 0
    return Area(banks * luts * ceil(width / bits) + _chosen(width, banks) + enables)


def ultra_area(width: int, words: int) -> Area:
    """UltraRAM: 72 x 4 k, nothing else; deeper words lie side by side in it, byte by byte (of 8 or 9 bits)."""
    banks = ceil(words / 4096)
    used = width if banks == 1 else min(byte * ceil(width / byte) for byte in (8, 9))
    decode = 0 if banks == 1 else banks
    return Area(_chosen(width, banks) + decode, bits_for(banks) * (banks > 1), urams=ceil(used * banks / 72))


def rom_area(rows: IntArray, kind: Memory) -> Area:
    """Constant words with a register behind them; rows (words, width) of bits 0 and 1."""
    words, width = rows.shape
    if words == 1:
        return Area()
    if kind is not Memory.LUT:
        return block_area(width, words, constant=True)
    columns = np.unique(np.ascontiguousarray(rows.T), axis=0)
    changing = columns[(columns != columns[:, :1]).any(axis=1)]
    ffs = len(changing)
    address = np.arange(words)
    wires = {((address >> bit & 1) ^ flip).astype(changing.dtype).tobytes() for bit in range(8) for flip in (0, 1)}
    logic = [c for c in changing if c.tobytes() not in wires] if words <= 64 else changing
    return Area(len(logic) * _rom_bit(words), ffs)


def rom_estimate(width: int, words: int, kind: Memory) -> Area:
    """`rom_area` for random contents that are not looked at."""
    if words == 1:
        return Area()
    if kind is not Memory.LUT:
        return block_area(width, words, constant=True)
    functions = 2.0 ** min(words, 40)
    different = functions * (1 - (1 - 1 / functions) ** width) if words < 40 else float(width)
    trivial = 2 + 2 * bits_for(words)
    return Area(different * max(functions - trivial, 0) / functions * _rom_bit(words), different * (1 - 2 / functions))


def _rom_bit(words: int) -> float:
    """LUTs of a bit of a constant memory: six address bits in a LUT, two more in the multiplexers beside it."""
    luts = ceil(words / 64)
    return luts + 0.5 * (luts == 3) if luts <= 4 else 1.28 * words / 64
