"""`share`: a constant matrix times a vector as a graph of shared sums."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.core.native import adder_graph
from bitwright.core.sum_graph import SharedSums, sum_graph
from bitwright.cost.chain import Chain, chain_of, chain_price
from bitwright.ir.netlist import NetlistBuilder
from bitwright.ir.netlist.ops import Shift, Sum
from bitwright.numeric import IntArray

__all__ = ["AdderGraph", "Share", "SumGraph"]


@dataclass(frozen=True)
class AdderGraph:
    """Steps value[n + i] = (value[a] << sa) + sign * (value[b] << sb); outputs (index, shift, sign).

    `steps` (k, 5) rows (a, sa, b, sb, sign); `outputs` (m, 3) rows, index -1 for constant zero.
    """

    inputs: int
    steps: IntArray
    outputs: IntArray

    def __call__(self, x: IntArray) -> IntArray:
        """x (batch, inputs) times the matrix, (batch, outputs)."""
        values = [x[:, i] for i in range(self.inputs)]
        for a, sa, b, sb, sign in self.steps.tolist():
            values.append((values[a] << sa) + sign * (values[b] << sb))
        zero = np.zeros(len(x), dtype=np.int64)
        columns = [zero if i < 0 else sign * (values[i] << shift) for i, shift, sign in self.outputs.tolist()]
        return np.stack(columns, axis=1) if columns else np.zeros((len(x), 0), dtype=np.int64)

    @property
    def cost(self) -> int:
        """Adders."""
        return len(self.steps)

    def words(self, builder: NetlistBuilder, row: Sequence[int], bias: Sequence[int]) -> list[int]:
        """The words of row @ matrix + bias."""
        values = list(row)
        for a, sa, b, sb, sign in self.steps.tolist():
            combine = builder.add if sign > 0 else builder.subtract
            values.append(combine(values[a], values[b], sa, sb))
        return [_biased(builder, values, step, b) for step, b in zip(self.outputs.tolist(), bias, strict=True)]


def _biased(builder: NetlistBuilder, values: list[int], step: list[int], bias: int) -> int:
    """The word of one row (index, shift, sign) of the outputs, and its bias."""
    constant, (index, shift, sign) = builder.constant(bias), step
    if index < 0:
        return constant
    combine = builder.add if sign > 0 else builder.subtract
    return combine(constant, values[index], 0, shift)


@dataclass(frozen=True)
class SumGraph:
    """Sums of up to three addends (index, shift, sign), and outputs like them.

    `nodes` (k, 9): three addends a row, the third with index -1 where there are two; `outputs` (m, 3).
    `rounds` of the search were done; `cost` is the optimizer's count of what the sums take. `limit`: chains on a path,
    those that a constant needs for itself included, where that is asked for (-1: it is not).
    """

    inputs: int
    nodes: IntArray
    outputs: IntArray
    rounds: int = 0
    limit: int = -1
    cost: int = 0

    def __call__(self, x: IntArray) -> IntArray:
        """x (batch, inputs) times the matrix, (batch, outputs)."""
        values = [x[:, i] for i in range(self.inputs)]
        zero = np.zeros(len(x), dtype=np.int64)
        for addends in self._addends:
            values.append(sum((sign * (values[i] << shift) for i, shift, sign in addends), zero))
        columns = [zero if i < 0 else sign * (values[i] << shift) for i, shift, sign in self.outputs.tolist()]
        return np.stack(columns, axis=1) if columns else np.zeros((len(x), 0), dtype=np.int64)

    @cached_property
    def _addends(self) -> list[list[tuple[int, int, int]]]:
        rows = self.nodes.reshape(-1, 3, 3).tolist()
        return [[(i, shift, sign) for i, shift, sign in row if i >= 0] for row in rows]

    def words(self, builder: NetlistBuilder, row: Sequence[int], bias: Sequence[int]) -> list[int]:
        """The words of row @ matrix + bias.

        An inner word is off by a constant, the one with which nothing but its addends' bits is added up
        (see `cost.chain`); the constants meet the bias in the last sum of each output. Where that has no room for them,
        as three bits meet in its columns, a sum that only it reads takes what lies in these columns.
        """
        ends = self._ends()
        made = _Words(builder, row, self.limit)
        done: dict[int, int] = {}
        for node, addends in enumerate(self._addends, self.inputs):
            if node not in ends:
                output = made.append(addends, self._given.get(node, ()), bias, self._private)
                done |= output
                continue
            output, left, flip = ends[node]
            moved = [(i, shift + left, sign * flip) for i, shift, sign in addends]
            done[output] = made.ended(moved, bias[output], self._private)
            made.skip()
        for output, (index, left, flip) in enumerate(self.outputs.tolist()):
            if output not in done:
                told = [(index, left, flip)] if index >= 0 else []
                done[output] = made.ended(told, bias[output], self._private)
        return [done[output] for output in range(len(self.outputs))]

    def _ends(self) -> dict[int, tuple[int, int, int]]:
        """Nodes that one output and no other node reads: (output, shift, sign)."""
        readers: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for output, (index, left, flip) in enumerate(self.outputs.tolist()):
            readers[index].append((output, left, flip))
        return {
            i: found[0] for i, found in readers.items() if i >= self.inputs and len(found) == 1 and not self._reads[i]
        }

    @cached_property
    def _reads(self) -> Counter[int]:
        """How often other nodes read each value."""
        return Counter(index for addends in self._addends for index, _, _ in addends)

    @cached_property
    def _given(self) -> dict[int, list[tuple[int, int]]]:
        """The outputs that each value is, up to a shift: (output, shift)."""
        found: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for output, (index, left, flip) in enumerate(self.outputs.tolist()):
            if flip > 0:
                found[index].append((output, left))
        return found

    @cached_property
    def _private(self) -> frozenset[int]:
        """Nodes that one other node and no output reads."""
        given = {index for index, _, _ in self.outputs.tolist()}
        return frozenset(i for i, n in self._reads.items() if n == 1 and i >= self.inputs and i not in given)


_Addends = Sequence[tuple[int, int, int]]
"""(value, shift, sign) of each operand of a sum."""


_FEW_WEIGHTS = 1 << 14
"""More are not shared a second time, for time."""
_DEARER = 3
"""A level less on a path may cost one part in so many more: constants without room for chains of their own cost more
(a dense 64x64 matrix of 6 bits a sixth, measured).
"""

_NO_CHAIN = Chain(0, (), 0, 0, 0, 0, 0, 0)


class _Words:
    """The values of a graph of sums as words, each off by a constant."""

    def __init__(self, builder: NetlistBuilder, row: Sequence[int], limit: int) -> None:
        self.builder = builder
        self.limit = limit
        self.values = [(word, 0) for word in row]
        """(word, how much it is more than the value)."""
        self.addends: dict[int, _Addends] = {}
        self.depths = dict.fromkeys(row, 0)
        self.chains: dict[int, Chain] = {}
        self.prices: dict[int, int] = {}
        self.shapes: dict[int, tuple[int, bool]] = {}
        self.plain: dict[int, int | None] = {}
        self.used: set[int] = set()

    def append(
        self, addends: _Addends, outputs: Sequence[tuple[int, int]], bias: Sequence[int], private: frozenset[int]
    ) -> dict[int, int]:
        """The next value: with the bias of an output that it is, or with the constant that costs nothing.

        `outputs`: (output, shift). Returns the words of outputs that are made with it.
        """
        self.addends[len(self.values)] = addends
        for output, left in outputs:
            more, below = divmod(bias[output], 1 << left)
            found = None if below else self._roomy(addends, more - self._offset(addends), private)
            if found is not None:
                self.values.append((found[0], more))
                return {output: self.builder.shift(found[0], left)}
        free = sum(_free_constant(self.builder, (self.values[i][0], shift, sign)) for i, shift, sign in addends)
        self.values.append((self.builder.sum(self._terms(addends), free), self._offset(addends) + free))
        return {}

    def skip(self) -> None:
        """The next value is an output's, and nothing reads it."""
        self.values.append((0, 0))

    def ended(self, addends: _Addends, bias: int, private: frozenset[int]) -> int:
        """The word of an output: the sum and the bias, on one chain where that takes no more."""
        told = bias - self._offset(addends)
        plain = self.builder.sum(self._terms(addends), told)
        found = self._roomy(addends, told, private)
        if found is not None:
            word, replaced = found
            before = self._price(plain) + sum(self._price(self.values[i][0]) for i, _ in replaced)
            after = self._price(word) + sum(self._price(w) for _, w in replaced)
            if after <= before or 0 <= self.limit < self._depth(plain):
                plain = word
        if 0 <= self.limit < self._depth(plain):
            shallow = self._shallow(addends, bias, private)
            return plain if shallow is None else shallow
        return plain

    def _shallow(self, addends: _Addends, constant: int, private: frozenset[int]) -> int | None:
        """The sum with some operands that are the values themselves: so the constant is smaller, or none.

        What is off by nothing may have a sign, which takes LUTs to extend. None where no choice keeps the limit.
        """
        best: tuple[int, list[tuple[int, int, int]], int, tuple[bool, ...]] | None = None
        for choice in product(*([False, True] if i in self.addends else [False] for i, _, _ in addends)):
            terms, told, price = self._terms(addends), constant, 0
            for place, ((i, shift, sign), exact) in enumerate(zip(addends, choice, strict=True)):
                if not exact:
                    told -= sign * (self.values[i][1] << shift)
                    continue
                word = self._exact(i, private)
                if word is None:
                    break
                terms[place] = (word, shift, sign)
                price += (i not in self.used) * self._price(word) - (i in private) * self._price(self.values[i][0])
            else:
                adds = len(terms) > 1 or told != 0 or terms[0][2] < 0
                if max([self._depth(word) for word, _, _ in terms]) + adds > self.limit:
                    continue
                own, rest = self._tried(terms, told)
                if not rest and (not best or own + price < best[0]):
                    best = own + price, terms, told, choice
        if best is None:
            return None
        self.used |= {i for (i, _, _), exact in zip(addends, best[3], strict=True) if exact}
        return self.builder.sum(best[1], best[2])

    def _exact(self, value: int, private: frozenset[int]) -> int | None:
        """A word that is off by nothing; None where the limit allows none."""
        if value not in self.plain:
            self.plain[value] = self._shallow(self.addends[value], 0, private)
        return self.plain[value]

    def _depth(self, word: int) -> int:
        """Chains on the longest path to a word."""
        if word not in self.depths:
            node = self.builder.nodes[word]
            own = 1 + (self._chain_of(word).rest != 0) if isinstance(node.op, Sum) else 0
            self.depths[word] = own + max((self._depth(a) for a in node.args), default=0)
        return self.depths[word]

    def _roomy(
        self, addends: _Addends, constant: int, private: frozenset[int]
    ) -> tuple[int, list[tuple[int, int]]] | None:
        """The sum of the words and `constant` without a chain for the constant alone; None where there is none.

        With it the values below that have other words then: (value, word).
        """
        whole = self.builder.sum(self._terms(addends), constant)
        if not self._chain_of(whole).rest:
            return whole, []
        for place, (i, shift, sign) in sorted(enumerate(addends), key=lambda a: -a[1][1]):
            if i not in private:
                continue
            # What lies in the columns of this operand goes into it; below them at most two bits meet.
            more = sign * (constant >> shift)
            inner = self.addends[i]
            found = self._roomy(inner, self.values[i][1] - self._offset(inner) + more, private)
            if found is None:
                continue
            terms = self._terms(addends)
            terms[place] = (found[0], shift, sign)
            whole = self.builder.sum(terms, constant - sign * (more << shift))
            if not self._chain_of(whole).rest:
                return whole, [*found[1], (i, found[0])]
        return None

    def _tried(self, terms: list[tuple[int, int, int]], constant: int) -> tuple[int, int]:
        """The price of a sum, and what it adds by a chain of its own; the sum is not made."""
        if len(terms) == 1 or any([self.builder.value_of(word) is not None for word, _, _ in terms]):
            made = self.builder.sum(terms, constant)  # perhaps no sum at all
            return self._price(made), self._chain_of(made).rest
        low = high = constant
        for word, shift, sign in terms:
            type = self.builder.type(word)
            ends = (type.low << shift, type.high << shift)
            low, high = (low + ends[0], high + ends[1]) if sign > 0 else (low - ends[1], high - ends[0])
        live = sorted([(shift, word, -sign) for word, shift, sign in terms])
        return chain_price(live, constant, low, high, [self._shape(word) for _, word, _ in live])

    def _shape(self, word: int) -> tuple[int, bool]:
        """Bits of a word, and whether the top one is a sign."""
        found = self.shapes.get(word)
        if found is None:
            type = self.builder.type(word)
            found = self.shapes[word] = (type.width, type.signed)
        return found

    def _price(self, word: int) -> int:
        """What a sum takes: four for a LUT, one for a column of its chains."""
        found = self.prices.get(word)
        if found is None:
            found = self.prices[word] = self._chain_of(word).price
        return found

    def _chain_of(self, word: int) -> Chain:
        """How a sum, shifted or not, sits on its chain; nothing where there is no sum."""
        found = self.chains.get(word)
        if found is None:
            found = self.chains[word] = self._placed(word)
        return found

    def _placed(self, word: int) -> Chain:
        node = self.builder.nodes[word]
        if isinstance(node.op, Shift):
            node = self.builder.nodes[node.args[0]]
        if not isinstance(node.op, Sum):
            return _NO_CHAIN
        return chain_of(node.op, node.type, [self.builder.type(a) for a in node.args])

    def _terms(self, addends: _Addends) -> list[tuple[int, int, int]]:
        return [(self.values[i][0], shift, sign) for i, shift, sign in addends]

    def _offset(self, addends: _Addends) -> int:
        """How much the sum of the words is more than that of the values."""
        return sum(sign * (self.values[i][1] << shift) for i, shift, sign in addends)


def _free_constant(builder: NetlistBuilder, term: tuple[int, int, int]) -> int:
    """What makes an addend a code without a sign: half the range of a signed one, all bits of one subtracted."""
    word, shift, sign = term
    type = builder.type(word)
    half = 1 << (type.width - 1) if type.signed else 0
    return (half if sign > 0 else (1 << type.width) - 1 - half) << shift


@dataclass(frozen=True)
class Share:
    """Builds the shared graph of an integer matrix (inputs, outputs) for inputs in [low, high].

    `max_depth` bounds the sums on any path, and a matrix of few weights may take one sum less, so that constants
    find room for chains of their own; -1 leaves it to the least-depth trees. `operands` is what an adder of the
    fabric takes. For three, `rounds`, `budget_s` and `seed` say how long a cheaper graph is searched for
    (see `core.sum_graph`).
    """

    max_depth: int = -1
    operands: int = 2
    rounds: int = 2
    budget_s: float | None = None
    seed: int = 0

    def __call__(self, matrix: IntArray, low: IntArray, high: IntArray) -> AdderGraph | SumGraph:
        """The shared graph; exact for every input in the range (inputs that are always zero are left out)."""
        if self.operands > 2 and _fits_without_signs(matrix, low, high):
            made = self._sums(matrix, low, high, self.max_depth)
            if self.max_depth > 1 and np.count_nonzero(matrix) <= _FEW_WEIGHTS:
                made = self._shallower(made, matrix, low, high)
            return SumGraph(matrix.shape[0], made.nodes, made.outputs, made.rounds, self.max_depth, made.cost)
        steps, outputs = adder_graph(matrix, low, high, self.max_depth)
        return AdderGraph(matrix.shape[0], steps, outputs)

    def _sums(self, matrix: IntArray, low: IntArray, high: IntArray, depth: int) -> SharedSums:
        return sum_graph(matrix, low, high, max_depth=depth, rounds=self.rounds, budget_s=self.budget_s, seed=self.seed)

    def _shallower(self, made: SharedSums, matrix: IntArray, low: IntArray, high: IntArray) -> SharedSums:
        """The sums with one less on a path, which leaves constants a chain of their own, where that costs little."""
        try:
            found = self._sums(matrix, low, high, self.max_depth - 1)
        except InvalidValue:
            return made
        return found if _DEARER * found.cost <= (_DEARER + 1) * made.cost else made


def _fits_without_signs(matrix: IntArray, low: IntArray, high: IntArray) -> bool:
    """Whether no code without signs can leave the optimizer's 58 bits: else the plain adder graph does the work."""
    most = np.maximum(np.abs(low.astype(float)), np.abs(high.astype(float)))
    bound = (np.abs(matrix.astype(float)) * most[:, None]).sum(axis=0).max(initial=0.0)
    return bool(8.0 * bound < 2.0**58)
