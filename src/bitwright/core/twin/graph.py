"""The adder graph under construction: nodes with their exact interval and depth."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Graph", "Term", "exchange_signs"]


def width(low: int, high: int) -> int:
    return high.bit_length() if low >= 0 else max(max(high, 0).bit_length(), (~low).bit_length()) + 1


class Term(NamedTuple):
    """One addend, sign * (value[node] << shift)."""

    node: int
    shift: int
    sign: int


def exchange_signs(first: Term, second: Term) -> tuple[Term, Term]:
    """Both addends with the other one's sign."""
    return first._replace(sign=second.sign), second._replace(sign=first.sign)


class Graph:
    """Nodes so far, with their exact interval and depth."""

    def __init__(self, low: list[int], high: list[int]) -> None:
        self.inputs = len(low)
        self.rows: list[tuple[int, int, int, int, int]] = []
        self.range = list(zip(low, high, strict=True))
        self.bits = [width(*interval) for interval in self.range]
        self.depth = [0] * self.inputs
        self._factors: list[dict[int, int]] = [{i: 1} for i in range(self.inputs)]

    def __len__(self) -> int:
        return len(self.depth)

    def add(self, first: Term, second: Term) -> Term:
        """Append `first + second`; the term that equals it is negative only if both are."""
        if first.sign < 0 < second.sign:
            first, second = second, first
        common = min(first.shift, second.shift)
        sign = first.sign * second.sign
        row = (first.node, first.shift - common, second.node, second.shift - common, sign)
        self.rows.append(row)
        factors = {i: factor << row[1] for i, factor in self._factors[row[0]].items()}
        for i, factor in self._factors[row[2]].items():
            factors[i] = factors.get(i, 0) + sign * (factor << row[3])
        self._factors.append(factors)
        self.range.append(self._exact_range(factors))
        self.bits.append(width(*self.range[-1]))
        self.depth.append(max(self.depth[row[0]], self.depth[row[2]]) + 1)
        return Term(len(self) - 1, common, first.sign)

    def _exact_range(self, factors: dict[int, int]) -> tuple[int, int]:
        ends = [(factor * self.range[i][0], factor * self.range[i][1]) for i, factor in factors.items()]
        return sum(min(pair) for pair in ends), sum(max(pair) for pair in ends)

    def cost(self, left: Term, right: Term) -> tuple[int, int]:
        """Bits of the result, and full adders, of `left + right`, taken as independent.

        Bits of the lower operand below the other one pass through freely unless that operand is
        subtracted; operands that do not overlap at all are mere wiring.
        """
        lower, upper = (left, right) if left.shift <= right.shift else (right, left)
        gap = upper.shift - lower.shift
        low, high = self._scaled(lower, 0)
        upper_low, upper_high = self._scaled(upper, gap)
        result_bits = width(low + upper_low, high + upper_high)
        both_added = lower.sign > 0 and upper.sign > 0
        if both_added and self.range[lower.node][0] >= 0 and self.bits[lower.node] <= gap:
            return result_bits, 0
        return result_bits, max(1, result_bits - (gap if lower.sign > 0 else 0))

    def _scaled(self, term: Term, shift: int) -> tuple[int, int]:
        low, high = self.range[term.node]
        return (low << shift, high << shift) if term.sign > 0 else (-(high << shift), -(low << shift))

    def weight(self, node: int) -> int:
        """What a term of this depth occupies of a tree of depth D, which holds 2^D."""
        return 1 << self.depth[node]

    def price(self, a: int, b: int) -> int:
        """What a tree has less room for once these two are added first."""
        return abs(self.weight(a) - self.weight(b))
