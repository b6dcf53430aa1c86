"""Common two-term subexpressions over all columns of a matrix of signed digits."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import NamedTuple

from bitwright.core.twin.digits import csd, csd_masks, signed_bits
from bitwright.core.twin.graph import Graph, Term, exchange_signs

__all__ = ["Sharing"]


class _Pattern(NamedTuple):
    """(first << max(0, -offset)) + sign * (second << max(0, offset)) with first <= second."""

    first: int
    second: int
    offset: int
    sign: int

    def key(self) -> int:
        """A number that orders patterns as the native module does."""
        return self.first << 36 | self.second << 8 | (self.offset + 64) << 1 | (self.sign < 0)

    def operands(self) -> tuple[Term, Term]:
        """The addends; a difference takes the higher operand from the lower one, which is cheaper."""
        first = Term(self.first, max(0, -self.offset), 1)
        second = Term(self.second, max(0, self.offset), self.sign)
        return exchange_signs(first, second) if self.sign < 0 and self.offset < 0 else (first, second)


_Match = tuple[int, int, int]
"""A column where a pattern occurs: at 2^s for each bit s of the first mask, negated for the second."""


class Sharing:
    """Common two-term subexpressions.

    Why counts are taken only at the top of the queue is said in `src/native/sharing.hpp`.
    """

    def __init__(self, graph: Graph, weights: list[list[int]], max_depth: int) -> None:
        self.graph = graph
        self._entries: list[dict[int, tuple[int, int]]] = [{} for _ in range(graph.inputs)]
        self._columns: list[dict[int, None]] = [{} for _ in weights]
        self._room = [1 << max_depth] * len(weights)
        self._block = list(range(graph.inputs))
        self._queue: list[tuple[int, int, int, _Pattern]] = []
        self._level = 0
        for column, values in enumerate(weights):
            for i, value in enumerate(values):
                if value:
                    self._put(i, column, csd_masks(value))
                    self._room[column] -= len(csd(value))

    def _put(self, node: int, column: int, digits: tuple[int, int]) -> None:
        self._entries[node][column] = digits
        self._columns[column][node] = None

    def run(self, pair_limit: int) -> None:
        """Make nodes until no pattern occurs twice."""
        coarsest = self.graph.inputs.bit_length()
        self._level = coarsest
        while self._level > 0 and self._pairs_within_groups(self._level) > pair_limit:
            self._level -= 1
        finer: int | None = None
        while self._level <= coarsest:
            if finer is not None and self._pairs_within_groups(self._level) > pair_limit:
                return
            for node in range(len(self.graph)):
                self._offer_pairs(node, finer)
            self._drain_queue()
            finer = self._level
            self._level += 1

    def _drain_queue(self) -> None:
        while self._queue:
            negative_score, _, _, pattern = heapq.heappop(self._queue)
            matches = self._find_matches(pattern)
            count = sum((plus | minus).bit_count() for _, plus, minus in matches)
            if count < 2:
                continue
            if self._score(pattern, count) < -negative_score:
                self._offer(pattern, count)
                continue
            node = self._make_node(pattern, matches)
            self._replace(pattern, node, matches)
            self._offer_pairs(node.node, None)

    def _score(self, pattern: _Pattern, count: int) -> int:
        first, second = pattern.operands()
        bits = self.graph.bits
        top = min(bits[first.node] + first.shift, bits[second.node] + second.shift)
        overlap = max(0, top - max(first.shift, second.shift))
        return (count - 1) * max(1, self.graph.cost(first, second)[1] + 2 * overlap)

    def _offer(self, pattern: _Pattern, count: int) -> None:
        depth = max(self.graph.depth[pattern.first], self.graph.depth[pattern.second])
        heapq.heappush(self._queue, (-self._score(pattern, count), depth, pattern.key(), pattern))

    def _find_matches(self, pattern: _Pattern) -> list[_Match]:
        first, second = self._entries[pattern.first], self._entries[pattern.second]
        price = self.graph.price(pattern.first, pattern.second)
        matches: list[_Match] = []
        for column in first.keys() & second.keys():
            plus, minus = _aligned(pattern, first[column], second[column])
            if plus | minus:
                kept = _affordable(pattern, plus | minus, price, self._room[column])
                if kept:
                    matches.append((column, plus & kept, minus & kept))
        return matches

    def _make_node(self, pattern: _Pattern, matches: list[_Match]) -> Term:
        first, second = pattern.operands()
        if pattern.sign < 0 and pattern.offset == 0:
            majority = sum(plus.bit_count() - minus.bit_count() for _, plus, minus in matches)
            if majority < 0:
                first, second = exchange_signs(first, second)
        return self.graph.add(first, second)._replace(sign=first.sign)

    def _replace(self, pattern: _Pattern, node: Term, matches: list[_Match]) -> None:
        price = self.graph.price(pattern.first, pattern.second)
        self._block.append(self._block[pattern.first])
        self._entries.append({})
        for column, plus, minus in matches:
            at = plus | minus
            self._clear(pattern.first, column, at << max(0, -pattern.offset))
            self._clear(pattern.second, column, at << max(0, pattern.offset))
            self._room[column] -= price * at.bit_count()
            self._put(node.node, column, (plus, minus) if node.sign > 0 else (minus, plus))

    def _clear(self, node: int, column: int, mask: int) -> None:
        plus, minus = self._entries[node][column]
        self._entries[node][column] = plus & ~mask, minus & ~mask
        if not (plus | minus) & ~mask:
            del self._entries[node][column]
            del self._columns[column][node]

    def _offer_pairs(self, node: int, finer_level: int | None) -> None:
        """Queue the pairs of `node` with its group, except those that shared one at `finer_level`."""
        counts: Counter[tuple[int, int, int]] = Counter()
        own = self._block[node]
        for column, digits in self._entries[node].items():
            own_digits = signed_bits(*digits)
            for other in self._columns[column]:
                block = self._block[other]
                if other > node or block >> self._level != own >> self._level:
                    continue
                if finer_level is not None and block >> finer_level == own >> finer_level:
                    continue
                for shift, sign in signed_bits(*self._entries[other][column]):
                    for own_shift, own_sign in own_digits:
                        if other != node or own_shift > shift:
                            counts[other, own_shift - shift, sign * own_sign] += 1
        for (other, offset, sign), count in counts.items():
            if count > 1:
                self._offer(_Pattern(other, node, offset, sign), count)

    def _pairs_within_groups(self, level: int) -> int:
        pairs = 0
        for column, nodes in enumerate(self._columns):
            digits: Counter[int] = Counter()
            for node in nodes:
                plus, minus = self._entries[node][column]
                digits[self._block[node] >> level] += (plus | minus).bit_count()
            pairs += sum(count * count // 2 for count in digits.values())
        return pairs

    def remaining(self, column: int) -> list[Term]:
        """What is left of a column, ordered by (node, shift)."""
        nodes = sorted(self._columns[column])
        return [
            Term(node, shift, sign)
            for node in nodes
            for shift, sign in sorted(signed_bits(*self._entries[node][column]))
        ]


def _aligned(pattern: _Pattern, first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    if pattern.sign < 0:
        second = second[1], second[0]
    lower, upper = (first, second) if pattern.offset >= 0 else (second, first)
    gap = abs(pattern.offset)
    return lower[0] & (upper[0] >> gap), lower[1] & (upper[1] >> gap)


def _affordable(pattern: _Pattern, found: int, price: int, room: int) -> int:
    """`found` less what overlaps (1 0 1 0 1 holds "1 0 1" once) and what would make the column too deep."""
    one_node = pattern.first == pattern.second
    kept = 0
    while found and price <= room:
        lowest = found & -found
        kept |= lowest
        found &= ~(lowest | lowest << pattern.offset) if one_node else ~lowest
        room -= price
    return kept
