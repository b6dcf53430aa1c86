"""Area of netlist words on a fabric: LUTs, carry cells, flip-flops, word by word.

A word's LUTs follow from where bits really meet: an adder spends one LUT per overlapping bit, a
shift nothing, a table what its output bits depend on. Single words agree with yosys 0.23; what it
makes of chains of them is the fabric's `adder_luts` (see `cost.predict`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.core.rules import Rules
from bitwright.cost.chain import chain_of
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
    Sum,
    Table,
    Word,
    is_join,
)
from bitwright.numeric import IntArray
from bitwright.platforms import Fabric

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


area: Rules[[Word, list[Word], Fabric], Area] = Rules("area of a netlist operator")


def _carry(bits: int) -> int:
    return -(-bits // 4)


@area.on(Input, Constant, Shift, Bits)
def _(op: object, out: Word, args: list[Word], fabric: Fabric) -> Area:
    return Area()


@area.on(Register)
def _(op: Register, out: Word, args: list[Word], fabric: Fabric) -> Area:
    return Area(ffs=out.width)


@area.on(Add)
def _(op: Add, out: Word, args: list[Word], fabric: Fabric) -> Area:
    if is_join(op, args[1]):
        return Area()
    return _chain(out, args, (op.left, op.right))


@area.on(Subtract)
def _(op: Subtract, out: Word, args: list[Word], fabric: Fabric) -> Area:
    return _chain(out, args, (op.left, op.right), subtract=True)


@area.on(Sum)
def _(op: Sum, out: Word, args: list[Word], fabric: Fabric) -> Area:
    chain = chain_of(op, out, args)
    return Area(luts=chain.lut_count, carries=_carry(chain.carry_bits))


def _chain(out: Word, args: list[Word], shifts: tuple[int, int], subtract: bool = False) -> Area:
    """A ripple-carry sum: a LUT for every bit at which both operands vary.

    Where one of them is a constant or has run out the carry cell takes the other one as it is;
    sign extensions repeat a pair of bits that has its LUT already.
    """
    tops = [a.width + s for a, s in zip(args, shifts, strict=True)]
    begin = max(shifts)
    fixed = [a for a in args if a.low == a.high]
    ends = [top for top, a in zip(tops, args, strict=True) if not a.signed]
    end = min(min(ends, default=max(tops)), max(tops), out.width)
    luts = 0 if fixed else max(end - begin, 0)
    first = shifts[1] if subtract else begin
    if fixed:
        first = _free_bits(args, shifts, subtract)
    return Area(luts=luts, carries=_carry(max(out.width - first, 0)))


def _free_bits(args: list[Word], shifts: tuple[int, int], subtract: bool) -> int:
    """Low bits that a constant leaves as they are: its trailing zeros."""
    place = 0 if args[0].low == args[0].high else 1
    if subtract and place == 0:
        return shifts[1]
    value = args[place].low << shifts[place]
    return max((value & -value).bit_length() - 1, shifts[1 - place] if value == 0 else 0)


@area.on(Clip)
def _(op: Clip, out: Word, args: list[Word], fabric: Fabric) -> Area:
    source = args[0]
    luts = float(out.width) if source.width > 1 else 0.0
    for bound, reached in ((op.high + 1, source.high > op.high), (op.low, source.low < op.low)):
        if reached and bound != 0:
            spare = source.width - max(abs(bound).bit_length() - 1, 0)
            power = (bound > 0 and bound & (bound - 1) == 0) or (bound < 0 and -bound & (-bound - 1) == 0)
            luts += _tree(spare) if power else 2 + source.width / 5
    return Area(luts=luts)


def _tree(bits: int) -> int:
    """LUT6 needed to combine `bits` bits into one; the last level merges into its reader."""
    return 0 if bits <= 4 else -(-(bits - 1) // 5)


@area.on(AtLeast)
def _(op: AtLeast, out: Word, args: list[Word], fabric: Fabric) -> Area:
    width = max(a.width for a in args)
    if any(a.low == a.high for a in args):
        return Area(luts=max(_tree(width), 1))
    return Area(luts=min(width, 2 + width / 2), carries=_carry(width // 4) if width > 6 else 0)


@area.on(Mux)
def _(op: Mux, out: Word, args: list[Word], fabric: Fabric) -> Area:
    if out.width == 1 and any(a.low == a.high for a in args[1:]):
        return Area()  # an AND or OR that merges into what reads it
    return Area(luts=out.width)


@area.on(Multiply)
def _(op: Multiply, out: Word, args: list[Word], fabric: Fabric) -> Area:
    a, b = (w.width for w in args)
    if max(a, b) > 9 and min(a, b) > 4:
        return Area(dsps=1)
    return Area(luts=1.1 * a * b, carries=min(a, b) * _carry(max(a, b)))


@area.on(Table)
def _(op: Table, out: Word, args: list[Word], fabric: Fabric) -> Area:
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
