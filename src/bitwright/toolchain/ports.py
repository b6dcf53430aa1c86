"""The ports of a design as a simulator sees them."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.core.errors import InvalidValue
from bitwright.toolchain.stage import checked_name

__all__ = ["Ports", "word_count"]


def word_count(width: int) -> int:
    """How many 32-bit words hold `width` bits.

    >>> word_count(1), word_count(32), word_count(33)
    (1, 1, 2)
    """
    return -(-width // 32)


@dataclass(frozen=True, slots=True)
class Ports:
    """Inputs and outputs of a module as (name, width in bits), without the clock.

    `clock` names the clock input; empty means that the design has none. Names are plain Verilog
    identifiers and unique.

    >>> Ports((("x", 8),), (("y", 8),)).inputs
    (('x', 8),)
    """

    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]
    clock: str = "clk"

    def __post_init__(self) -> None:
        names = [name for name, _ in (*self.inputs, *self.outputs)] + ([self.clock] if self.clock else [])
        for name in names:
            checked_name(name, "port")
        if len(set(names)) != len(names):
            raise InvalidValue(f"two ports share a name: {', '.join(sorted(names))}", where="ports")
        for name, width in (*self.inputs, *self.outputs):
            if width < 1:
                raise InvalidValue(f"width {width}", where=f"port {name!r}", remedy="give at least one bit")
