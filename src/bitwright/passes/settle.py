"""The plainest affine form of a rounding function: least shift, floor wherever no other mode is needed."""

from __future__ import annotations

from bitwright.numeric import Rounding, ShiftRoundSaturate
from bitwright.passes.affine import Affine

__all__ = ["affine_of", "settled", "trailing_zeros"]

_ONE_CARRY = frozenset({Rounding.HALF_UP, Rounding.HALF_DOWN, Rounding.CEIL})


def trailing_zeros(value: int) -> int:
    """How often two divides `value`; 63 for zero."""
    return (value & -value).bit_length() - 1 if value else 63


def affine_of(form: ShiftRoundSaturate, row: int) -> Affine:
    """One row of a form."""
    mul, add, shift, low, high = (
        int(a.array[row]) for a in (form.mul, form.add, form.shift, form.low, form.high)
    )
    return Affine(mul, add, shift, form.rounding, low, high)


def settled(found: Affine) -> Affine:
    """The same function of all integers, as a floor where that is exact and with the least shift.

    * a mode that adds one number to every code is a floor with that number in `add`;
    * so is one that treats negative numbers differently, where those are cut to `low` >= 0 anyway;
    * half-even rounding is a floor where no code lies half way: `add` is no multiple of the powers of
      two in `mul`.

    >>> settled(Affine(4, 6, 3, Rounding.HALF_UP, 0, 9))
    Affine(mul=1, add=2, shift=1, rounding=<Rounding.FLOOR: 'floor'>, low=0, high=9)
    """
    mul, add, shift, rounding = found.mul, found.add, found.shift, found.rounding
    common = min(trailing_zeros(mul), shift)
    if shift == 0:
        rounding = Rounding.FLOOR
    elif rounding is not Rounding.FLOOR and _is_a_floor(found, common):
        add += 1 << shift - 1 if rounding is Rounding.HALF_EVEN else rounding.carry(0, shift)
        rounding = Rounding.FLOOR
    if rounding is Rounding.FLOOR or add % (1 << common) == 0:
        mul, add, shift = mul >> common, add >> common, shift - common
    return Affine(mul, add, shift, rounding if shift else Rounding.FLOOR, found.low, found.high)


def _is_a_floor(found: Affine, common: int) -> bool:
    if found.rounding in _ONE_CARRY:
        return True
    if found.rounding is not Rounding.HALF_EVEN:
        return found.low >= 0
    # On a tie the bits below the half are zero, and the lowest `common` of them are those of `add`.
    return found.add % (1 << common) != (1 << found.shift - 1) % (1 << common)
