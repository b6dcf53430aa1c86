"""Area of netlist words on a fabric: LUTs, carry cells, flip-flops, word by word.

A word's LUTs follow from where bits really meet: an adder spends one LUT per overlapping bit, a
shift nothing, a table what its output bits depend on. The factors per fabric are fitted on yosys
syntheses by `benchmarks/calibrate_area.py` and live in the platform's TOML.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.core.rules import Rules
from bitwright.ir.netlist.ops import (
    Add,
    AtLeast,
    Bits,
    Clip,
    Constant,
    Input,
    Multiply,
    Mux,
    Register,
    Shift,
    Subtract,
    Table,
    Word,
    is_join,
)
from bitwright.numeric import IntArray

__all__ = ["Area", "area", "table_luts"]


@dataclass(frozen=True, slots=True)
class Area:
    """What something takes: LUTs, flip-flops, carry cells (4 bits each), DSP slices."""

    luts: float = 0.0
    ffs: float = 0.0
    carries: float = 0.0
    dsps: float = 0.0

    def __add__(self, other: Area) -> Area:
        return Area(
            self.luts + other.luts, self.ffs + other.ffs, self.carries + other.carries, self.dsps + other.dsps
        )


area: Rules[[Word, list[Word]], Area] = Rules("area of a netlist operator")


def _carry(bits: int) -> int:
    return -(-bits // 4)


@area.on(Input, Constant, Shift, Bits)
def _(op: object, out: Word, args: list[Word]) -> Area:
    return Area()


@area.on(Register)
def _(op: Register, out: Word, args: list[Word]) -> Area:
    return Area(ffs=out.width)


@area.on(Add)
def _(op: Add, out: Word, args: list[Word]) -> Area:
    a, b = args
    if is_join(op, b):
        return Area()
    if a.low == a.high or b.low == b.high:
        constant, left = (a.low << op.left, 0) if a.low == a.high else (b.low << op.right, op.left)
        free = max((constant & -constant).bit_length() - 1, 0) if left == 0 else left
        return _chain(out.width - free)
    return _chain(out.width - max(op.left, op.right))


@area.on(Subtract)
def _(op: Subtract, out: Word, args: list[Word]) -> Area:
    return _chain(out.width - op.right)


def _chain(bits: int) -> Area:
    """A ripple-carry sum over `bits` bits; two bits or fewer fit plain LUTs."""
    if bits <= 0:
        return Area()
    return Area(luts=bits, carries=_carry(bits) if bits > 2 else 0)


@area.on(Clip)
def _(op: Clip, out: Word, args: list[Word]) -> Area:
    source = args[0]
    luts = float(out.width) if source.width > 1 else 0.0
    carries = 0
    for bound, reached in ((op.high + 1, source.high > op.high), (op.low, source.low < op.low)):
        if reached and bound != 0:
            spare = source.width - max(abs(bound).bit_length() - 1, 0)
            power = bound > 0 and bound & (bound - 1) == 0 or bound < 0 and -bound & (-bound - 1) == 0
            luts += _tree(spare) if power else source.width / 2
            carries += 0 if power else _carry(source.width // 2)
    return Area(luts=luts, carries=carries)


def _tree(bits: int) -> int:
    """LUT6 needed to combine `bits` bits into one; the last level merges into its reader."""
    return 0 if bits <= 4 else -(-(bits - 1) // 5)


@area.on(AtLeast)
def _(op: AtLeast, out: Word, args: list[Word]) -> Area:
    widths = [a.width for a in args]
    constant = any(a.low == a.high for a in args)
    if constant:
        return Area(luts=max(1, -(-max(widths) // 3)), carries=_carry(-(-max(widths) // 2)) if max(widths) > 6 else 0)
    return Area(luts=max(widths), carries=_carry(max(widths)))


@area.on(Mux)
def _(op: Mux, out: Word, args: list[Word]) -> Area:
    return Area(luts=out.width)


@area.on(Multiply)
def _(op: Multiply, out: Word, args: list[Word]) -> Area:
    a, b = (w.width for w in args)
    if max(a, b) > 9 and min(a, b) > 4:
        return Area(dsps=1)
    return Area(luts=1.1 * a * b, carries=min(a, b) * _carry(max(a, b)))


@area.on(Table)
def _(op: Table, out: Word, args: list[Word]) -> Area:
    source = args[0]
    return Area(luts=table_luts(op.values.array, op.start, source.width, out))


def table_luts(values: IntArray, start: int, width: int, out: Word) -> float:
    """LUT6 for a table: per output bit the distinct 64-entry parts that are no constant, and their selection."""
    full = np.zeros(1 << width, dtype=np.int64)
    full[(start + np.arange(len(values))) & ((1 << width) - 1)] = values
    bits = (full[None, :] >> np.arange(out.width)[:, None]) & 1
    return float(sum(_bit_luts(row.astype(np.uint8)) for row in bits))


def _bit_luts(truth: np.ndarray) -> float:
    support = _support(truth)
    if len(support) <= 1:
        return 0.0
    if len(support) <= 6:
        return 1.0
    parts = truth.reshape(-1, 64)
    distinct = {row.tobytes() for row in parts if 0 < row.sum() < 64}
    return max(1.0, len(distinct) * 1.15)


def _support(truth: np.ndarray) -> list[int]:
    size = len(truth).bit_length() - 1
    return [
        bit for bit in range(size)
        if (truth.reshape(-1, 2, 1 << bit)[:, 0] != truth.reshape(-1, 2, 1 << bit)[:, 1]).any()
    ]  # fmt: skip
