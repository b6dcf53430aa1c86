"""`reassociate`: the terms of a sum are added in the order in which they arrive, narrow ones first where time allows.

What a pipeline gains is fewer stages: the last term to come passes one adder, not the whole tree.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bitwright.cost.timing import Arrivals, femtoseconds, timing_of
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.ir.netlist.ops import Add, Constant, Input, Register, Subtract, WordOp
from bitwright.ir.program import Node
from bitwright.platforms import Fabric

__all__ = ["Reassociate", "earliest_end"]

_NEAR = 48
"""Terms that a new term is paired with: those of the nearest widths; also the pairs that are tried in a row."""
_WHOLE = 1 << 62
"""What a tree may spend: a term that may pass n more adders takes 2**-n of it."""


@dataclass(frozen=True)
class Reassociate:
    """Regroups every tree of two-operand sums so that its result comes as early as adders of one delay allow.

    A tree is a sum and the sums that only it reads; its terms are the words below, and its constants added up into
    one. First the earliest time of the result is found (the two earliest terms are added, again and again: Huffman's
    construction with maxima, M. Golumbic, IEEE TC 25, 1976); then the narrowest pair is added that still
    allows it (Kraft's inequality over the terms' slacks says which do). A second round gives every tree the time that
    the slowest path leaves it. Sums that others read too stay words, and sums of more operands
    stay as they are. Netlists of more than `most_words` words stay whole as they are.
    """

    fabric: Fabric
    most_words: int = 300_000

    def __call__(self, program: Netlist) -> Netlist:
        """The same function; sums inside the trees are new words. The netlist itself where nothing comes sooner."""
        if len(program) > self.most_words:
            return program
        first = _Regrouped(program, self.fabric, {})
        soon = first.build()
        cheap = _Regrouped(program, self.fabric, first.required()).build()
        before, earliest, late = (timing_of(p, self.fabric).worst() for p in (program, soon, cheap))
        if late <= min(before, earliest + earliest // 20):
            return cheap
        return soon if earliest <= before else program


@dataclass(frozen=True, slots=True)
class _Term:
    """sign * (word << shift), of which the carry that enters at bit 0 would begin at `begin`."""

    begin: int
    word: int
    shift: int
    sign: int
    width: int

    @property
    def top(self) -> int:
        return self.width + self.shift


_Join = Callable[[_Term, _Term], _Term]


class _Regrouped:
    """`ends`: when the result of a tree may begin, where it need not be as early as it can."""

    def __init__(self, program: Netlist, fabric: Fabric, ends: dict[int, int]) -> None:
        self.program = program
        self.ends = ends
        self.clock = Arrivals(fabric)
        self.builder = NetlistBuilder()
        self.step = max(femtoseconds(fabric.lut_ns + fabric.chain_ns), 1)
        self.place: dict[int, int] = {}
        self.inner = _inner(program)

    def build(self) -> Netlist:
        ports = [self.port(port) for port in self.program.inputs]
        for position, node in enumerate(self.program.nodes):
            if isinstance(node.op, Input) or self.inner[position]:
                continue
            self.builder.at(node.origin)
            made = self.made(position, node)
            self.place[position] = made = self.builder.narrow(made, node.type.low, node.type.high)
            if named := re.fullmatch(r".*[^w]_(\d+)|.*_w_(\d+)", node.name):
                self.builder.label(made, int(named[1] or named[2]))
        results = [port.at(self.place) for port in self.program.results]
        return self.builder.finish(self.program.name, ports, results)

    def required(self) -> dict[int, int]:
        """When each tree's result has to begin so that nothing ends later than the slowest path does."""
        self.clocked()
        clock = self.clock
        last = max((b + t for b, t in zip(clock.begins, clock.tails, strict=True)), default=0)
        needed = [last - tail for tail in clock.tails]
        for u, v, _, through in reversed(clock.arcs):
            needed[u] = min(needed[u], needed[v] - through)
        views = {position: clock.views[word] for position, word in self.place.items()}
        return {position: needed[view.root] + clock.carry * view.offset for position, view in views.items()}

    def clocked(self) -> None:
        """Times of all words so far."""
        nodes = self.builder.nodes
        while len(self.clock.begins) < len(nodes):
            self.clock.add(nodes[len(self.clock.begins)], nodes)

    def port(self, port: Port) -> Port:
        types = [self.program.nodes[w].type for w in port.words]
        made = self.builder.input_port(port.name, port.shape, types, port.step)
        self.place.update(zip(port.words, made.words, strict=True))
        return made

    def made(self, position: int, node: Node[WordOp, Word]) -> int:
        if isinstance(node.op, Constant):
            return self.builder.constant(node.op.value)
        if isinstance(node.op, Add | Subtract):
            return self.tree(*self.terms(position), self.ends.get(position, 0))
        if isinstance(node.op, Register):
            return self.builder.word(node.op, self.place[node.args[0]])
        return self.builder.word(node.op, *(self.place[a] for a in node.args))

    def terms(self, root: int) -> tuple[list[tuple[int, int, int]], int]:
        """The tree's (word, shift, sign) in the new netlist, and its constants together."""
        found: list[tuple[int, int, int]] = []
        constant = 0
        line = [(root, 0, 1)]
        while line:
            position, shift, sign = line.pop()
            node = self.program.nodes[position]
            if isinstance(node.op, Add | Subtract) and (position == root or self.inner[position]):
                minus = -1 if isinstance(node.op, Subtract) else 1
                line.append((node.args[1], shift + node.op.right, sign * minus))
                line.append((node.args[0], shift + node.op.left, sign))
                continue
            word = self.place[position]
            value = self.builder.value_of(word)
            if value is None:
                found.append((word, shift, sign))
            else:
                constant += sign * (value << shift)
        return found, constant

    def tree(self, terms: Sequence[tuple[int, int, int]], constant: int, end: int) -> int:
        """Their sum, at `end` or as early as it can."""
        if constant:
            low = (constant & -constant).bit_length() - 1
            terms = [*terms, (self.builder.constant(constant >> low), low, 1)]
        live = [self.term(*term) for term in terms]
        if not live:
            return self.builder.constant(0)
        last = _Pairs(live, self.step, end).reduce(self.joined) if len(live) > 1 else live[0]
        word = self.builder.shift(last.word, last.shift)
        return word if last.sign > 0 else self.builder.negate(word)

    def term(self, word: int, shift: int, sign: int) -> _Term:
        self.clocked()
        ripples = self.clock.tails[self.clock.views[word].root] > 0
        begin = self.clock.begins[word] - (self.clock.carry * shift if ripples else 0)
        return _Term(begin, word, shift, sign, self.builder.type(word).width)

    def joined(self, a: _Term, b: _Term) -> _Term:
        """a + b; negative only where both are."""
        common = min(a.shift, b.shift)
        if a.sign == b.sign:
            word, sign = self.builder.add(a.word, b.word, a.shift - common, b.shift - common), a.sign
        else:
            plus, minus = (a, b) if a.sign > 0 else (b, a)
            word = self.builder.subtract(plus.word, minus.word, plus.shift - common, minus.shift - common)
            sign = 1
        return self.term(word, common, sign)


def _inner(program: Netlist) -> list[bool]:
    """The sums that one other sum reads, once, and nothing else."""
    readers = program.consumers()
    for output in program.outputs:
        readers[output] += [-1, -1]
    return [
        isinstance(node.op, Add | Subtract)
        and len(readers[position]) == 1
        and isinstance(program.nodes[readers[position][0]].op, Add | Subtract)
        for position, node in enumerate(program.nodes)
    ]


class _Pairs:
    """Terms that become one, pair by pair: the cheapest pair first that keeps the earliest time of the result."""

    def __init__(self, terms: Sequence[_Term], step: int, end: int) -> None:
        self.step = step
        # Adders differ in length: one of them is kept in reserve.
        self.end = max(end - step, earliest_end([t.begin for t in terms], step))
        self.live = dict(enumerate(terms))
        self.count = len(terms)
        self.spent = sum(self.share(t.begin) for t in terms)
        self.pairs: list[tuple[int, int, int]] = []
        for place in range(len(terms)):
            self.pair(place, [p for p in self.live if p < place])

    def share(self, begin: int) -> int:
        """The part of the whole that a term takes which comes at `begin`."""
        slack = (self.end - begin) // self.step
        return _WHOLE >> slack if slack >= 0 else 2 * _WHOLE

    def pair(self, place: int, others: list[int]) -> None:
        new = self.live[place]
        near = heapq.nsmallest(_NEAR, others, key=lambda p: (abs(self.live[p].top - new.top), p))
        for other in near:
            heapq.heappush(self.pairs, (_full_adders(self.live[other], new), other, place))

    def reduce(self, join: _Join) -> _Term:
        """The last term."""
        late: list[tuple[int, int, int]] = []
        while len(self.live) > 1:
            pair = heapq.heappop(self.pairs) if self.pairs and len(late) < _NEAR else None
            if pair is None:
                # None of the cheapest pairs keeps the time: the two earliest do.
                first, second = sorted(self.live, key=lambda p: (self.live[p].begin, p))[:2]
            elif pair[1] not in self.live or pair[2] not in self.live:
                continue
            elif not self.allowed(pair[1], pair[2]):
                late.append(pair)
                continue
            else:
                first, second = pair[1], pair[2]
            self.replace(first, second, join)
            while late:
                heapq.heappush(self.pairs, late.pop())
        return next(iter(self.live.values()))

    def allowed(self, a: int, b: int) -> bool:
        """Whether the result still comes in time when these two are added now."""
        terms = self.live[a], self.live[b]
        together = self.share(max(t.begin for t in terms) + self.step)
        return self.spent - sum(self.share(t.begin) for t in terms) + together <= _WHOLE

    def replace(self, a: int, b: int, join: _Join) -> None:
        terms = self.live.pop(a), self.live.pop(b)
        made = join(*terms)
        self.spent += self.share(made.begin) - sum(self.share(t.begin) for t in terms)
        others = list(self.live)
        self.live[self.count] = made
        self.pair(self.count, others)
        self.count += 1


def earliest_end(begins: Sequence[int], step: int) -> int:
    """When the sum of terms that come at `begins` is there, at the earliest."""
    line = sorted(begins)
    while len(line) > 1:
        heapq.heappop(line)
        heapq.heapreplace(line, line[0] + step)
    return line[0]


def _full_adders(a: _Term, b: _Term) -> int:
    """Bits at which the sum of both needs an adder."""
    begin = max(a.shift, b.shift) if a.sign == b.sign else (b if a.sign > 0 else a).shift
    return max(max(a.top, b.top) + 1 - begin, 1)
