"""`dot`: so many products of live inputs with weights from a memory, and their sum, as words."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from bitwright.core.origin import Origin
from bitwright.cost.area import Area, area
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.numeric import Steps
from bitwright.passes.merge import Merge
from bitwright.platforms import Fabric

__all__ = ["dot", "is_binary", "signs", "summed", "worth", "xnor"]


def is_binary(types: Sequence[Word]) -> bool:
    """Whether every lane is 0 or 1."""
    return all(t.low >= 0 and t.high <= 1 for t in types)


@lru_cache(maxsize=256)
def dot(types: tuple[Word, ...], weight: Word, fabric: Fabric) -> Netlist:
    """sum(x * w) over lanes of the ranges `types`, in the fewest LUTs; ports `x` and `w`, one element a lane."""
    forms: list[Callable[[_Dot], int]] = [_Dot.multiplied]
    if max(t.width for t in types) + weight.width <= fabric.lut_inputs:
        forms.append(_Dot.looked_up)
    if weight.width <= _MOST_PLANES:
        forms.append(_Dot.by_planes)
    made = [_Dot.of(types, weight, fabric).netlist(form) for form in forms]
    return min(made, key=lambda netlist: worth(netlist, fabric))


@lru_cache(maxsize=256)
def xnor(lanes: int, fabric: Fabric) -> Netlist:
    """How many of so many inputs (0 or 1) equal their weights (0 or 1)."""
    bit = Word(0, 1)
    return _Dot.of((bit,) * lanes, bit, fabric).netlist(_Dot.equal)


@lru_cache(maxsize=256)
def signs(types: tuple[Word, ...], fabric: Fabric) -> Netlist:
    """As `dot` with weights of -1 and 1, stored as 0 and 1."""
    forms: list[Callable[[_Dot], int]] = [_Dot.chosen]
    if max(t.width for t in types) < fabric.lut_inputs:
        forms.append(partial(_Dot.looked_up, signs=True))
    made = [_Dot.of(types, Word(0, 1), fabric).netlist(form) for form in forms]
    return min(made, key=lambda netlist: worth(netlist, fabric))


_MOST_PLANES = 4
"""Weights of more bits are multiplied."""
_SLICE = 45.0
"""What a multiplier block counts as in LUTs, where it competes with logic."""


def worth(netlist: Netlist, fabric: Fabric) -> float:
    """What kernels are compared by: LUTs, and multiplier blocks as so many of them."""
    found = (area(n.op, n.type, [netlist.nodes[a].type for a in n.args], fabric) for n in netlist.nodes)
    total = Area.total(found)
    return total.luts + _SLICE * total.dsps


def summed(builder: NetlistBuilder, words: Sequence[int], fabric: Fabric) -> int:
    """The sum of `words`, narrowest first, as many at a time as a carry chain of the fabric adds."""
    heap = [(builder.type(w).width, i, w) for i, w in enumerate(words)]
    heapq.heapify(heap)
    count = len(heap)
    while len(heap) > 1:
        some = [heapq.heappop(heap)[2] for _ in range(min(fabric.adder_operands, len(heap)))]
        total = builder.sum([(w, 0, 1) for w in some])
        count += 1
        heapq.heappush(heap, (builder.type(total).width, count, total))
    return heap[0][2] if heap else builder.constant(0)


@dataclass
class _Dot:
    builder: NetlistBuilder
    x: Port
    w: Port
    fabric: Fabric

    @classmethod
    def of(cls, types: Sequence[Word], weight: Word, fabric: Fabric) -> _Dot:
        builder = NetlistBuilder()
        x = builder.input_port("x", (len(types),), types, Steps.of(1))
        w = builder.input_port("w", (len(types),), [weight] * len(types), Steps.of(1))
        builder.at(Origin("sum"))
        return cls(builder, x, w, fabric)

    def netlist(self, form: Callable[[_Dot], int]) -> Netlist:
        total = Port("y", (), (form(self),), Steps.of(1))
        return Merge(self.fabric)(self.builder.finish("dot", [self.x, self.w], [total]))

    def multiplied(self) -> int:
        """A multiplier a lane."""
        pairs = zip(self.x.words, self.w.words, strict=True)
        return summed(self.builder, [self.builder.multiply(x, w) for x, w in pairs], self.fabric)

    def chosen(self) -> int:
        """Each input, or its opposite where the weight's bit is 0."""
        builder, pairs = self.builder, zip(self.x.words, self.w.words, strict=True)
        return summed(builder, [builder.mux(w, x, builder.negate(x)) for x, w in pairs], self.fabric)

    def looked_up(self, signs: bool = False) -> int:
        """As many lanes as a LUT has inputs for in one table; `signs`: weights 0 and 1 are -1 and 1."""
        builder, words, group, used = self.builder, list[int](), list[tuple[int, int]](), 0
        for pair in zip(self.x.words, self.w.words, strict=True):
            bits = sum(builder.type(word).width for word in pair)
            if used + bits > self.fabric.lut_inputs:
                words.append(self.table(group, signs))
                group, used = [], 0
            group.append(pair)
            used += bits
        return summed(builder, [*words, self.table(group, signs)], self.fabric)

    def table(self, pairs: Sequence[tuple[int, int]], signs: bool = False) -> int:
        """The sum of a few products as one table over all their bits."""
        fields = [(word, self.builder.type(word)) for pair in pairs for word in pair]

        def value(code: int) -> int:
            numbers: list[int] = []
            for _, type in fields:
                raw, code = code & (1 << type.width) - 1, code >> type.width
                number = raw - (1 << type.width) if type.signed and raw >> type.width - 1 else raw
                numbers.append(min(max(number, type.low), type.high))
            weights = [2 * b - 1 for b in numbers[1::2]] if signs else numbers[1::2]
            return sum(a * b for a, b in zip(numbers[::2], weights, strict=True))

        return self.over([word for word, _ in fields], value)

    def over(self, words: Sequence[int], value: Callable[[int], int]) -> int:
        """The table `value` of the bits of `words` side by side, the first lowest."""
        builder, index, place = self.builder, -1, 0
        for word in words:
            bits = builder.bits(word, 0, builder.type(word).width)
            index = bits if index < 0 else builder.add(bits, index, place, 0)
            place += builder.type(word).width
        return builder.table(index, 0, [value(code) for code in range(1 << place)])

    def by_planes(self) -> int:
        """For each bit of the weights the sum of the inputs that it lets through."""
        builder, zero = self.builder, self.builder.constant(0)
        planes: list[tuple[int, int, int]] = []
        type = builder.type(self.w.words[0])
        for bit in range(type.width):
            gated = [
                builder.mux(builder.bits(w, bit, 1), x, zero) for x, w in zip(self.x.words, self.w.words, strict=True)
            ]
            negative = type.signed and bit == type.width - 1
            planes.append((summed(builder, gated, self.fabric), bit, -1 if negative else 1))
        total = builder.sum(planes[:2])
        for word, bit, sign in planes[2:]:
            total = builder.sum([(total, 0, 1), (word, bit, sign)])
        return total

    def equal(self) -> int:
        """Pairs that agree, counted by tables of as many pairs as a LUT takes."""
        most = self.fabric.lut_inputs // 2
        pairs = list(zip(self.x.words, self.w.words, strict=True))
        counts: list[int] = []
        for start in range(0, len(pairs), most):
            some = pairs[start : start + most]
            counts.append(self.over([word for pair in some for word in pair], partial(_agreeing, len(some))))
        return summed(self.builder, counts, self.fabric)


def _agreeing(pairs: int, code: int) -> int:
    """How many of so many pairs of neighboring bits are equal."""
    return sum((code >> 2 * i & 1) == (code >> 2 * i + 1 & 1) for i in range(pairs))
