"""How a `Sum` sits on one carry chain of a fabric that adds three operands with a LUT per bit.

On Xilinx parts bit i of the chain is a LUT with two outputs and a carry cell: O6 = a ^ b ^ c ^ k drives
the carry cell, O5 = majority(a, b, c) is k of bit i + 1 (Xilinx UG574, "ternary addition"). Operands are
written without signs: the sign bit inverted, or every bit for what is subtracted, and the
corrections gathered in one constant. A LUT is then needed only where two signals meet: no sign is ever
extended, and a constant costs nothing wherever at most two bits meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from bitwright.ir.netlist.ops import Sum, Word

__all__ = ["Chain", "ChainOperand", "chain_of"]


@dataclass(frozen=True, slots=True)
class ChainOperand:
    """An argument on the chain: bit i of `present` says that column i holds one of its bits.

    Column i holds bit i - shift of the code, the code's top bit where `extended` and beyond it; it is
    inverted where `inverted` has bit i.
    """

    shift: int
    present: int
    inverted: int
    extended: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """Columns of a sum, as masks of `width` bits.

    Modulo 2**width the sum is the operands' columns + `constant` + (`free` << `first`) + `rest`. `free` (0 to 2) enters
    at column `first`, the lowest of the chain, by the carry input and the first k. `saved` marks the columns
    that a k enters, `luts` those that need a LUT. `rest` is added by a chain of its own, without LUTs.
    """

    width: int
    operands: tuple[ChainOperand, ...]
    constant: int
    free: int
    first: int
    saved: int
    luts: int
    rest: int

    @property
    def lut_count(self) -> int:
        """LUTs of the sum."""
        return self.luts.bit_count()

    @property
    def carry_bits(self) -> int:
        """Columns with a carry cell, those of `rest` included."""
        own = self.width - self.first
        return own + (self.width - _lowest(self.rest) if self.rest else 0)


def chain_of(op: Sum, out: Word, args: Sequence[Word]) -> Chain:
    """The cheapest placing of `op` on a chain: fewest LUTs, then fewest carry cells."""
    width, shapes = out.width, tuple([(a.width, a.low < 0) for a in args])
    return _planned(op.shifts, op.signs, op.constant & ((1 << width) - 1), width, shapes)


@lru_cache(maxsize=1 << 16)
def _planned(
    shifts: tuple[int, ...], signs: tuple[int, ...], constant: int, width: int, shapes: tuple[tuple[int, bool], ...]
) -> Chain:
    signed = [(False, True) if shape[1] else (False,) for shape in shapes]
    best: tuple[tuple[int, int], Chain] | None = None
    for extended in product(*signed):
        total, operands = constant, list[ChainOperand]()
        for shift, sign, shape, wide in zip(shifts, signs, shapes, extended, strict=True):
            operand, correction = _operand(shift, sign, shape, wide, width)
            operands.append(operand)
            total += correction
        found = _placed(tuple(operands), total & ((1 << width) - 1), width)
        price = (4 * found.lut_count + found.carry_bits * (1 + bool(found.rest)), found.carry_bits)
        if best is None or price < best[0]:
            best = price, found
    assert best is not None
    return best[1]


def _operand(shift: int, sign: int, shape: tuple[int, bool], wide: bool, width: int) -> tuple[ChainOperand, int]:
    """The argument without its sign, and what that leaves to be added."""
    bits, signed = shape
    full = (1 << width) - 1
    place = ((1 << bits) - 1) << shift
    if wide:
        present = full & -(1 << shift)
        return ChainOperand(shift, present, present if sign < 0 else 0, True), (1 << shift) if sign < 0 else 0
    top = 1 << (shift + bits - 1)
    inverted = (place if sign < 0 else 0) ^ (top if signed else 0)
    correction = ((1 << shift) - top) if signed and sign < 0 else -top if signed else -place if sign < 0 else 0
    return ChainOperand(shift, place & full, inverted & full, False), correction


def _placed(operands: tuple[ChainOperand, ...], total: int, width: int) -> Chain:
    masks = [o.present for o in operands] + [0] * (3 - len(operands))
    a, b, c = masks
    three, two, some = a & b & c, (a & b) | (a & c) | (b & c), a | b | c
    full = (1 << width) - 1
    best: Chain | None = None
    for free in (0, 1, 2):
        first = _lowest(two | (some & total)) if two | (some & total) else width
        if free and first == width:
            break  # no chain that anything could enter
        constant = (total - (free << first)) & full
        if constant & three:
            continue
        found = _columns(operands, (three, two, some), constant, free, first, width, 0)
        if best is None or found.lut_count < best.lut_count:
            best = found
    if best is not None:
        return best
    return _columns(operands, (three, two, some), 0, 0, _lowest(two) if two else width, width, total)


def _columns(
    operands: tuple[ChainOperand, ...],
    masks: tuple[int, int, int],
    constant: int,
    free: int,
    first: int,
    width: int,
    rest: int,
) -> Chain:
    three, two, some = masks
    meets = two | (some & constant)
    makes = three | (two & constant)
    if free == 2:
        makes |= meets & (1 << first)
    # Where a k enters is where a carry would, were `makes` generated and `meets` propagated: one addition.
    passes = makes | meets
    saved = ((makes + passes) ^ makes ^ passes) & ((1 << width) - 1)
    return Chain(width, operands, constant, free, first, saved, two | (some & saved), rest)


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
