"""Fixed-point formats: (signed, width, fraction), printed and parsed as `s8.3`, `u4.4`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from bitwright.core.errors import InvalidValue, ParseError

__all__ = ["Format", "width_of"]


def width_of(low: int, high: int) -> tuple[bool, int]:
    """(signed, width) of the narrowest two's complement or unsigned code that holds [low, high].

    >>> width_of(0, 0), width_of(0, 7), width_of(-8, 7), width_of(-1, 8)
    ((False, 1), (False, 3), (True, 4), (True, 5))
    """
    if low >= 0:
        return False, max(high.bit_length(), 1)
    return True, max((-low - 1).bit_length(), high.bit_length() if high > 0 else 0) + 1


@dataclass(frozen=True, slots=True)
class Format:
    """A fixed-point format: `width` bits in all, the last `fraction` of them after the point.

    Negative fractions (steps above one) and fractions beyond the width are legal; the width
    counts the sign and is at least 1.

    >>> f = Format.parse("s8.3")
    >>> f, f.step, (f.low, f.high)
    (Format(signed=True, width=8, fraction=3), Fraction(1, 8), (-128, 127))
    >>> str(f), str(Format.holding(0, 12, 2))
    ('s8.3', 'u4.2')
    """

    signed: bool
    width: int
    fraction: int = 0

    def __post_init__(self) -> None:
        if self.width < 1:
            raise InvalidValue(
                f"width {self.width} is below 1", where=f"format {self}", remedy="give at least one bit"
            )

    @property
    def step(self) -> Fraction:
        """The distance between neighboring values: 2**-fraction."""
        return Fraction(2) ** -self.fraction

    @property
    def low(self) -> int:
        """The smallest code."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The largest code."""
        return (1 << (self.width - self.signed)) - 1

    @classmethod
    def parse(cls, text: str) -> Format:
        """Read `s8.3` (signed, 8 bits, 3 after the point); the fraction may be negative or left out."""
        found = re.fullmatch(r"\s*([su])(\d+)(?:\.(-?\d+))?\s*", text)
        if not found:
            raise ParseError(
                f"{text!r} is no format", remedy="write 's8.3' (signed, 8 bits, 3 after the point) or 'u4.4'"
            )
        return cls(found[1] == "s", int(found[2]), int(found[3] or 0))

    @classmethod
    def holding(cls, low: int, high: int, fraction: int = 0) -> Format:
        """The narrowest format whose codes include [low, high]."""
        signed, width = width_of(low, high)
        return cls(signed, width, fraction)

    def __str__(self) -> str:
        return f"{'s' if self.signed else 'u'}{self.width}.{self.fraction}"
