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

from bitwright.core.native import plan_chain
from bitwright.ir.netlist.ops import Sum, Word

__all__ = ["Chain", "ChainOperand", "chain_of", "chain_price"]


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
        return _columns(self.width, self.first, self.rest)

    @property
    def price(self) -> int:
        """What the sum takes: four for a LUT, one for a carry cell."""
        return 4 * self.lut_count + self.carry_bits


def chain_of(op: Sum, out: Word, args: Sequence[Word]) -> Chain:
    """The cheapest placing of `op` on a chain: fewest LUTs, then fewest carry cells."""
    width, shapes = out.width, tuple([(a.width, a.low < 0) for a in args])
    return _planned(op.shifts, op.signs, op.constant & ((1 << width) - 1), width, shapes)


def chain_price(
    terms: Sequence[tuple[int, int, int]], constant: int, low: int, high: int, shapes: Sequence[tuple[int, bool]]
) -> tuple[int, int]:
    """What sum(sign * (code << shift)) + constant takes, and its `Chain.rest`, without a `Sum` or a `Chain` made of it.

    terms: (shift, order, -sign), sorted, of codes with `shapes` (bits, signed); low, high: the sum's range. The price
    is four for a LUT and one for a carry cell.
    """
    least = terms[0][0] if constant == 0 else min(terms[0][0], (constant & -constant).bit_length() - 1)
    low, high, constant = low >> least, high >> least, constant >> least
    width = Word(low, high).width
    shifts, signs = tuple([s - least for s, _, _ in terms]), tuple([-g for _, _, g in terms])
    _, _, _, first, _, luts, rest = plan_chain(shifts, signs, constant & ((1 << width) - 1), width, tuple(shapes))
    return 4 * luts.bit_count() + _columns(width, first, rest), rest


@lru_cache(maxsize=1 << 16)
def _planned(
    shifts: tuple[int, ...], signs: tuple[int, ...], constant: int, width: int, shapes: tuple[tuple[int, bool], ...]
) -> Chain:
    extended, *placing = plan_chain(shifts, signs, constant, width, shapes)
    operands = [
        _operand(shift, sign, shape, bool(extended >> i & 1), width)
        for i, (shift, sign, shape) in enumerate(zip(shifts, signs, shapes, strict=True))
    ]
    return Chain(width, tuple(operands), *placing)


def _operand(shift: int, sign: int, shape: tuple[int, bool], wide: bool, width: int) -> ChainOperand:
    """The argument without its sign."""
    bits, signed = shape
    full = (1 << width) - 1
    if wide:
        present = full & -(1 << shift)
        return ChainOperand(shift, present, present if sign < 0 else 0, True)
    place, top = ((1 << bits) - 1) << shift, 1 << (shift + bits - 1)
    inverted = (place if sign < 0 else 0) ^ (top if signed else 0)
    return ChainOperand(shift, place & full, inverted & full, False)


def _columns(width: int, first: int, rest: int) -> int:
    """Carry cells of a chain that starts at column `first`, and of the one that adds `rest`."""
    return width - first + (width - _lowest(rest) if rest else 0)


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
