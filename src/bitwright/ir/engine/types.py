"""`Region`: a tensor that lies in one of the engine's memories."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bitwright.core.errors import InvalidValue
from bitwright.ir.netlist import Word
from bitwright.ir.program import Type

__all__ = ["Place", "Region"]


class Place(Enum):
    """Which memory a region lies in."""

    FEATURES = "features"
    RESULTS = "results"


@dataclass(frozen=True, slots=True)
class Region(Type):
    """A tensor (rows, columns, channels) from word `address` on, `lanes` channels to a word.

    Channel c of a pixel is lane c % lanes of its word c // lanes; the pixels' words follow each other in C order.
    Lanes that no channel uses hold any code of `range`, which every element keeps to.

    >>> Region(Place.FEATURES, 8, (2, 2, 6), 4, Word(0, 15)).words
    8
    """

    place: Place
    address: int
    shape: tuple[int, int, int]
    lanes: int
    range: Word

    def __post_init__(self) -> None:
        if min(self.shape) < 1 or self.lanes < 1 or self.address < 0:
            raise InvalidValue(f"a region of shape {self.shape}, {self.lanes} lanes, at {self.address}")

    @property
    def depth(self) -> int:
        """Words of a pixel."""
        return -(-self.shape[2] // self.lanes)

    @property
    def words(self) -> int:
        """Words of the whole tensor."""
        return self.shape[0] * self.shape[1] * self.depth

    @property
    def end(self) -> int:
        """The address behind it."""
        return self.address + self.words

    def meets(self, other: Region) -> bool:
        """Whether the two share a word."""
        return self.place is other.place and self.address < other.end and other.address < self.end
