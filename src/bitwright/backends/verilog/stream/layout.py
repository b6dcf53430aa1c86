"""Words of a stream as bits of a net: lanes cut, extended and put side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bitwright.backends.verilog.ports import PortBits
from bitwright.backends.verilog.tree import Concat, Expression, Literal, Part, Ref, Repeat
from bitwright.ir.netlist import Word
from bitwright.numeric import Steps

__all__ = ["Lanes", "bits_of", "bus", "fields", "joined", "packed"]


def bits_of(words: Sequence[Word]) -> int:
    """Bits of a word of these lanes."""
    return sum(word.width for word in words)


def joined(words: Sequence[Word]) -> Word:
    """What any of several lanes may be."""
    return Word(min(word.low for word in words), max(word.high for word in words))


def bus(name: str, words: Sequence[Word], rows: int = 1) -> PortBits:
    """A row of `rows` words as a bus that `pack` and `unpack` know."""
    return PortBits(name, "input", (rows * len(words),), tuple(words) * rows, Steps.of(1))


def packed(values: Sequence[int], words: Sequence[Word]) -> Literal:
    """A word of constant lanes."""
    total, place = 0, 0
    for value, word in zip(values, words, strict=True):
        total |= (value & ((1 << word.width) - 1)) << place
        place += word.width
    return Literal(total, place)


def fields(values: Sequence[int] | NDArray[np.int64]) -> Literal:
    """A list of parameters: 32-bit fields, entry 0 lowest."""
    return packed([int(v) for v in values], [Word(-1 << 31, (1 << 31) - 1)] * len(values))


class Lanes:
    """A net `name` that holds `words` side by side, and which of its bits were read."""

    def __init__(self, name: str, words: Sequence[Word]) -> None:
        self.name = name
        self.words = list(words)
        self.places = np.cumsum([0, *(w.width for w in self.words)]).tolist()
        self._cut: list[tuple[int, int]] = []

    @property
    def bits(self) -> int:
        """Bits of the net."""
        return self.places[-1]

    @property
    def dropped(self) -> list[Expression]:
        """Bits that narrower lanes left out, from the lowest."""
        return [self._slice(high, low) for high, low in self._cut]

    def _slice(self, high: int, low: int) -> Expression:
        return Ref(self.name) if high - low + 1 == self.bits else Part(self.name, high, low)

    def lane(self, number: int) -> Expression:
        """One lane as it stands."""
        return self._slice(self.places[number + 1] - 1, self.places[number])

    def run(self, first: int, count: int) -> Expression:
        """So many lanes as they stand."""
        return self._slice(self.places[first + count] - 1, self.places[first])

    def to(self, wanted: Sequence[Word], start: int = 0) -> Expression:
        """Lanes from `start` on in the widths of `wanted`: extended by their sign, or cut (values are known to fit)."""
        runs: list[tuple[int, int] | tuple[int, int, bool]] = []
        for lane, word in enumerate(wanted, start):
            given, low = self.words[lane], self.places[lane]
            taken = min(given.width, word.width)
            last = runs[-1] if runs else (0, 0, False)
            if len(last) == 2 and last[0] == low - 1:
                runs[-1] = (low + taken - 1, last[1])
            else:
                runs.append((low + taken - 1, low))
            if word.width > taken:
                runs.append((low + taken - 1, word.width - taken, given.signed))
            elif given.width > taken:
                self._cut.append((low + given.width - 1, low + taken))
        parts = [self._slice(*run) if len(run) == 2 else self._extension(*run) for run in runs]
        alone = len(parts) == 1 and not isinstance(parts[0], Repeat)
        return parts[0] if alone else Concat(tuple(reversed(parts)))

    def _extension(self, top: int, count: int, signed: bool) -> Expression:
        if not signed:
            return Literal(0, count)
        sign = self._slice(top, top)
        return sign if count == 1 else Repeat(count, sign)
