"""The engine's instructions: frozen fields, no behavior.

Matrix and Vector walk six nested loops, outermost first: row, column and block (a word of channels) of the result;
then kernel row, kernel column and word of a pixel, over which a result is gathered. In step (i0, ..., i5) they read
the word at address start.address + sum(i * loop.address), which stands in row start.row + sum(i * loop.row) and
column start.column + sum(i * loop.column) of a grid; what lies outside the grid is padding. A result word
goes through y = clip(round((mul * total + add) / 2**shift), low, high), with numbers of its own for each channel,
and is written to the next place of the result's region.
"""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.ir.program import Op

__all__ = ["Bring", "Fetch", "Instruction", "Load", "Loop", "Matrix", "Send", "Store", "Vector", "Walk"]


@dataclass(frozen=True, slots=True)
class Loop:
    """`extent` rounds, each further by so many words of memory, rows and columns."""

    extent: int = 1
    address: int = 0
    row: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Walk:
    """Where an instruction reads: the first place, the grid that is no padding, six loops (the outermost first)."""

    start: Loop
    grid: tuple[int, int]
    loops: tuple[Loop, Loop, Loop, Loop, Loop, Loop]

    @property
    def steps(self) -> int:
        """Words read."""
        count = 1
        for loop in self.loops:
            count *= loop.extent
        return count

    @property
    def gathered(self) -> int:
        """Words read for one word of the result."""
        return self.loops[3].extent * self.loops[4].extent * self.loops[5].extent


class Instruction(Op):
    """Base of the instructions."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Load(Instruction):
    """The next words of the input stream go to the result's region: the input, or its next rows."""


@dataclass(frozen=True, slots=True)
class Fetch(Instruction):
    """Words of weights from `first` on come from external memory into the result's region, while the program goes on.

    Fetches take place one behind the other. What reads the region waits for it.
    """

    first: int


@dataclass(frozen=True, slots=True)
class Send(Instruction):
    """Rows of the argument's region go to external memory, each to bursts of its own, the first to number `burst`.

    Bursts count from behind the weights. The result is the region that was sent.
    """

    burst: int


@dataclass(frozen=True, slots=True)
class Bring(Instruction):
    """Rows that were sent to external memory, from burst `burst` on, come to the result's region."""

    burst: int


@dataclass(frozen=True, slots=True)
class Matrix(Instruction):
    """Sums of products with words of weights, from `weights` on: one for each step of a pixel, the same for every
    pixel; with `shared` the one word for all steps. Padding counts as zero. Block b uses parameters[parameters + b];
    with `each` parameters go on from pixel to pixel.

    `weights` counts words of the machine's weight memory, which a Fetch has filled, or of the program's weights where
    there is no external memory. With `stepped` the last step takes, instead of a total, how many of its
    channel's thresholds the total reaches.

    Dense and convolutional layers, sums over windows (weights: the identity), additions (two regions as a kernel of
    two places).
    """

    walk: Walk
    weights: int
    parameters: int
    shared: bool = False
    half_even: bool = False
    stepped: bool = False
    each: bool = False


@dataclass(frozen=True, slots=True)
class Vector(Instruction):
    """The maximum in each lane; padding does not count."""

    walk: Walk
    parameters: int
    half_even: bool = False
    stepped: bool = False
    each: bool = False


@dataclass(frozen=True, slots=True)
class Store(Instruction):
    """The words of the argument leave on the output stream; the result is the argument's region."""
