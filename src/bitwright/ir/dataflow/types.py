"""`Stream`: a tensor that passes by, word after word."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from bitwright.core.errors import InvalidValue
from bitwright.ir.netlist import Word
from bitwright.ir.program import Type
from bitwright.numeric import Ints, Steps

__all__ = ["Stream"]


@dataclass(frozen=True, slots=True)
class Stream(Type):
    """A tensor of `shape` (channels last) in C order, `lanes` elements to a word; one frame is one tensor.

    Element e is lane e % lanes of word e // lanes, so a reshape costs nothing. `low` and `high` broadcast to
    (lanes,): the range that a lane takes over the whole frame. `step` broadcasts against the shape, as in a graph.

    >>> s = Stream((4, 4, 6), 3, Ints(-8), Ints(7), Steps.of(1))
    >>> s.words, s.bits
    (32, 12)
    """

    shape: tuple[int, ...]
    lanes: int
    low: Ints
    high: Ints
    step: Steps

    def __post_init__(self) -> None:
        if self.lanes < 1 or self.size % self.lanes:
            raise InvalidValue(f"{self.size} elements in words of {self.lanes}", remedy="use a divisor of the size")
        for part in (self.low.shape, self.high.shape):
            if part not in ((), (1,), (self.lanes,)):
                raise InvalidValue(f"a range of shape {part} for {self.lanes} lanes")

    @property
    def size(self) -> int:
        """Elements of a frame."""
        return prod(self.shape)

    @property
    def words(self) -> int:
        """Words of a frame."""
        return self.size // self.lanes

    def lane_words(self) -> list[Word]:
        """The range of each lane."""
        low, high = (a.array.ravel().tolist() for a in (self.low, self.high))
        low, high = (a * self.lanes if len(a) == 1 else a for a in (low, high))
        return [Word(a, b) for a, b in zip(low, high, strict=True)]

    @property
    def bits(self) -> int:
        """Bits of a word."""
        return sum(word.width for word in self.lane_words())
