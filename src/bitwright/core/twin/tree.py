"""Sums the terms that are left of one column."""

from __future__ import annotations

import heapq

from bitwright.core.twin.graph import Graph, Term, exchange_signs

__all__ = ["Tree", "least_depth"]

_PAIRED_TERMS = 512


def least_depth(graph: Graph, terms: list[Term]) -> int:
    """Depth of the shallowest tree over `terms`: the least D with sum of 2^depth <= 2^D (Kraft)."""
    return (sum(graph.weight(term.node) for term in terms) - 1).bit_length()


class Tree:
    """Sums the terms left of one column: the narrowest sum first, never deeper than `max_depth`."""

    def __init__(self, graph: Graph, terms: list[Term], max_depth: int) -> None:
        self.graph = graph
        self.terms = terms
        self._open = dict.fromkeys(range(len(terms)))
        self._room = (1 << max_depth) - sum(graph.weight(term.node) for term in terms)
        self._positive_count = sum(term.sign > 0 for term in terms)
        self._queue: list[tuple[int, int, int, int, int]] = []

    def build(self) -> Term:
        """The root, which is negative only if every term is."""
        self._shorten()
        for right in list(self._open):
            self._consider_with(right)
        while len(self._open) > 1:
            _, _, _, left, right = heapq.heappop(self._queue)
            if left not in self._open or right not in self._open:
                continue
            if self.graph.price(self.terms[left].node, self.terms[right].node) <= self._room:
                self._merge(left, right)
                self._consider_with(len(self.terms) - 1)
        return self.terms[-1]

    def _shorten(self) -> None:
        """Merge the two shallowest terms, for which there is always room, until all pairs can be weighed."""
        if len(self._open) <= _PAIRED_TERMS:
            return
        waiting = [self._rank(i) for i in self._open]
        heapq.heapify(waiting)
        while len(self._open) > _PAIRED_TERMS:
            self._merge(heapq.heappop(waiting)[-1], heapq.heappop(waiting)[-1])
            heapq.heappush(waiting, self._rank(len(self.terms) - 1))

    def _rank(self, i: int) -> tuple[int, int, int, int]:
        term = self.terms[i]
        return self.graph.depth[term.node], term.shift, self.graph.bits[term.node], i

    def _may_negate(self, left: Term, right: Term) -> bool:
        if left.sign == right.sign or left.shift == right.shift or self._positive_count < 2:
            return False
        return (left if left.shift < right.shift else right).sign < 0

    def _consider_with(self, right: int) -> None:
        for left in self._open:
            if left < right:
                self._consider(left, right)

    def _consider(self, left: int, right: int) -> None:
        first, second = self.terms[left], self.terms[right]
        if self.graph.price(first.node, second.node) > self._room:
            return
        if first.sign == second.sign:
            first, second = first._replace(sign=1), second._replace(sign=1)
        elif self._may_negate(first, second):
            first, second = exchange_signs(first, second)
        depth = max(self.graph.depth[first.node], self.graph.depth[second.node])
        heapq.heappush(self._queue, (*self.graph.cost(first, second), depth, left, right))

    def _merge(self, left: int, right: int) -> None:
        first, second = self.terms[left], self.terms[right]
        negate = self._may_negate(first, second)
        if negate:
            first, second = exchange_signs(first, second)
        self._room -= self.graph.price(first.node, second.node)
        total = self.graph.add(first, second)
        if negate:
            total = total._replace(sign=-1)
        self._positive_count += (total.sign > 0) - (first.sign > 0) - (second.sign > 0)
        del self._open[left], self._open[right]
        self._open[len(self.terms)] = None
        self.terms.append(total)
