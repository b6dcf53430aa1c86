"""The smallest closed set of the greatest gain, by a maximal flow; `src/native/closure.cpp` is the same."""

from __future__ import annotations

__all__ = ["best_closure"]

_ENDLESS = 1 << 60


def best_closure(gains: list[int], arcs: list[tuple[int, int]]) -> list[int]:
    """The nodes of the smallest set with the greatest sum of gains that contains b for every arc (a, b) with a in it.

    Nodes are 0 to len(gains) - 1; the result is sorted, and empty where no set gains. The set is what the source
    still reaches in a maximal flow (J.-C. Picard, Management Science 22, 1976), which is one and the same for every
    maximal flow; the flow is found by E. A. Dinic's method (Soviet Math. Doklady 11, 1970).

    >>> best_closure([3, -2, 5], [(0, 1), (2, 1)])
    [0, 1, 2]
    """
    flow = _Flow(len(gains) + 2)
    source, sink = len(gains), len(gains) + 1
    for node, gain in enumerate(gains):
        if gain > 0:
            flow.arc(source, node, gain)
        elif gain < 0:
            flow.arc(node, sink, -gain)
    for a, b in arcs:
        flow.arc(a, b, _ENDLESS)
    while flow.layered(source, sink):
        flow.block(source, sink)
    return [node for node in range(len(gains)) if flow.level[node] >= 0]


class _Flow:
    """A flow network; arc 2k and 2k + 1 are each other's reverse."""

    def __init__(self, nodes: int) -> None:
        self.at: list[list[int]] = [[] for _ in range(nodes)]
        self.to: list[int] = []
        self.room: list[int] = []
        self.level: list[int] = []

    def arc(self, a: int, b: int, room: int) -> None:
        self.at[a].append(len(self.to))
        self.at[b].append(len(self.to) + 1)
        self.to += [b, a]
        self.room += [room, 0]

    def layered(self, source: int, sink: int) -> bool:
        """Levels by distance from the source (-1: out of reach); whether the sink has one."""
        self.level = [-1] * len(self.at)
        self.level[source] = 0
        line = [source]
        for node in line:
            for arc in self.at[node]:
                if self.room[arc] and self.level[self.to[arc]] < 0:
                    self.level[self.to[arc]] = self.level[node] + 1
                    line.append(self.to[arc])
        return self.level[sink] >= 0

    def block(self, source: int, sink: int) -> None:
        """Pushes along shortest paths until each has a full arc."""
        following = [0] * len(self.at)
        path: list[int] = []
        node = source
        while True:
            if node == sink:
                node = self._push(path)
                continue
            arc = self._next(node, following)
            if arc >= 0:
                path.append(arc)
                node = self.to[arc]
            elif path:
                node = self.to[path.pop() ^ 1]
                following[node] += 1
            else:
                return

    def _next(self, node: int, following: list[int]) -> int:
        arcs = self.at[node]
        while following[node] < len(arcs):
            arc = arcs[following[node]]
            if self.room[arc] and self.level[self.to[arc]] == self.level[node] + 1:
                return arc
            following[node] += 1
        return -1

    def _push(self, path: list[int]) -> int:
        """Fills the path; it is cut at its first full arc, whose tail is the answer."""
        amount = min(self.room[arc] for arc in path)
        cut = 0
        for place in range(len(path) - 1, -1, -1):
            self.room[path[place]] -= amount
            self.room[path[place] ^ 1] += amount
            if not self.room[path[place]]:
                cut = place
        node = self.to[path[cut] ^ 1]
        del path[cut:]
        return node
