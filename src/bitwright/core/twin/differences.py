"""A matrix whose lines are other lines and little more: what is left of each once the other one is taken away."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bitwright.core.twin.ternary import Addend, ternary_level

__all__ = ["Differences", "column_differences", "row_differences"]

_SHIFTS = 3
_NONE: Addend = (-1, 0, 1)
_PAIRS = np.uint64(0x3333333333333333)

Table = NDArray[np.int64]


@dataclass
class Differences:
    """What `src/native/differences.hpp` says: links, order, levels by line; what is left; digits before and cost."""

    left: Table
    links: list[Addend]
    levels: list[int]
    order: list[int] = field(default_factory=list[int])
    digits: int = 0
    cost: int = 0


def _digit_counts(weights: Table) -> Table:
    """Signed digits of every weight: the bits in which it and three times it differ."""
    bits = (weights ^ 3 * weights).astype(np.uint64)
    bits -= (bits >> np.uint64(1)) & np.uint64(0x5555555555555555)
    bits = (bits & _PAIRS) + ((bits >> np.uint64(2)) & _PAIRS)
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (bits * np.uint64(0x0101010101010101) >> np.uint64(56)).astype(np.int64)


class _Tree(ABC):
    """A tree under construction; what depth allows is said by those who derive."""

    def __init__(self, lines: Table, levels: int) -> None:
        count = len(lines)
        self.most = 3**levels
        self.lines = lines
        self.made = Differences(lines.copy(), [_NONE] * count, [0] * count)
        self._digits: list[int] = _digit_counts(lines).sum(axis=1).tolist()
        self._cost = self._digits.copy()
        self.made.digits = sum(self._digits)

    def grown(self) -> Differences:
        """The tree of all lines."""
        waiting = list(range(len(self.lines)))
        while waiting:
            line = min(waiting, key=self._cost.__getitem__)
            waiting.remove(line)
            self._take(line)
            self._consider(waiting, line)
        return self.made

    @abstractmethod
    def admits(self, parent: int, digits: int) -> bool:
        """Whether a line of which `digits` are left may hang on `parent`."""

    @abstractmethod
    def settled(self, line: int) -> bool:
        """The line is in the tree, at its link, unless that is too deep."""

    def _take(self, line: int) -> None:
        made, (parent, shift, sign) = self.made, self.made.links[line]
        if parent >= 0:
            made.left[line] -= sign * (self.lines[parent] << shift)
        if not self.settled(line):
            made.left[line], made.links[line], self._cost[line] = self.lines[line], _NONE, self._digits[line]
            self.settled(line)
        made.order.append(line)
        made.cost += self._cost[line]

    def _consider(self, waiting: list[int], parent: int) -> None:
        for shift in range(_SHIFTS):
            for sign in (1, -1):
                found = _digit_counts(self.lines[waiting] - sign * (self.lines[parent] << shift)).sum(axis=1)
                for line, digits in zip(waiting, found.tolist(), strict=True):
                    if digits + 1 < self._cost[line] and self.admits(parent, digits):
                        self._cost[line] = digits + 1
                        self.made.links[line] = parent, shift, sign


class _Columns(_Tree):
    def admits(self, parent: int, digits: int) -> bool:
        return 3 ** self.made.levels[parent] + digits <= self.most

    def settled(self, line: int) -> bool:
        parent = self.made.links[line][0]
        weight = 0 if parent < 0 else 3 ** self.made.levels[parent]
        self.made.levels[line] = ternary_level(weight + int(_digit_counts(self.made.left[line]).sum()))
        return True


class _Rows(_Tree):
    def __init__(self, lines: Table, levels: int) -> None:
        super().__init__(lines, levels)
        self._gathered = [1] * len(lines)
        self._load = _digit_counts(lines).sum(axis=0)

    def admits(self, parent: int, digits: int) -> bool:
        return True

    def settled(self, line: int) -> bool:
        made = self.made
        at = made.links[line][0]
        if at < 0:
            return True
        load = self._load + _digit_counts(made.left[line]) - _digit_counts(self.lines[line])
        path: list[tuple[int, int]] = []
        more = 1
        while at >= 0 and more > 0:
            weight = self._gathered[at] + more
            path.append((at, weight))
            more = 3 ** ternary_level(weight) - 3 ** made.levels[at]
            load = load + more * _digit_counts(made.left[at])
            at = made.links[at][0]
        if (load > self.most).any():
            return False
        self._load = load
        for at, weight in path:
            self._gathered[at], made.levels[at] = weight, ternary_level(weight)
        return True


def column_differences(lines: Table, levels: int) -> Differences:
    """Of lines that are the columns of a matrix; none takes more than `levels` sums."""
    return _Columns(lines, levels).grown()


def row_differences(lines: Table, levels: int) -> Differences:
    """Of lines that are the rows of a matrix; no column takes more than `levels` sums."""
    return _Rows(lines, levels).grown()
