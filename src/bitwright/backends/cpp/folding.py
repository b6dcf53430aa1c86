"""What every folded layer is made of: exact types, loops with directives, products that share multipliers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bitwright.backends.cpp.carriers import Carrier
from bitwright.backends.cpp.dialects import Dialect
from bitwright.backends.cpp.tree import Array, Comment, Line, Pragma, Statement
from bitwright.core.rules import Rules
from bitwright.ir.graph import TensorType
from bitwright.ir.netlist.ops import Word
from bitwright.numeric import IntArray

__all__ = ["Exact", "Folded", "at", "fold", "folding", "hoisted", "numbers", "products"]


@dataclass(frozen=True)
class Exact:
    """Types of exactly the bits that a range needs, in a vendor's words."""

    dialect: Dialect

    def holding(self, low: int, high: int) -> Carrier:
        """The type of numbers from `low` to `high`."""
        word = Word(low, high)
        return Carrier(word.width, word.signed, self.dialect.integer(word))

    def reach(self, bound: int) -> Carrier:
        """A signed type of numbers up to `bound` in magnitude."""
        width = bound.bit_length() + 1
        return Carrier(width, True, self.dialect.wide(width))


@dataclass(frozen=True)
class Folded:
    """The types around a node, the vendor's words, and how often a multiplier of it is used again."""

    sources: Sequence[TensorType]
    result: TensorType
    dialect: Dialect
    reuse: int = 1

    @property
    def kinds(self) -> Exact:
        """The types of numbers."""
        return Exact(self.dialect)

    def kind(self, type: TensorType) -> str:
        """The type of a tensor's elements."""
        return self.kinds.holding(int(type.low.array.min()), int(type.high.array.max())).text

    def nest(self, shape: Sequence[int], body: Sequence[Statement]) -> list[Statement]:
        """`body` in loops i0, i1, ... over `shape`, one turn of the innermost a clock cycle."""
        pragmas = self.dialect.pragma("loop_pipeline", ii=1)
        out = list(body)
        for axis in reversed(range(len(shape))):
            out = self.dialect.loop(f"i{axis}", shape[axis], out, pragmas)
            pragmas = []
        return out if shape else list(body)

    def unrolled(self, index: str, stop: int, body: Sequence[Statement]) -> list[Statement]:
        """`body` for all values of `index` at once."""
        return self.dialect.loop(index, stop, body, self.dialect.pragma("unroll"))


fold: Rules[[Folded], list[Statement]] = Rules("folded HLS C++ of a graph operator")
"""The statements that fill the array `y` from `x` (or `x0`, `x1`, ...)."""


def at(strides: Sequence[int], offset: int = 0) -> str:
    """The flat index of element (i0, i1, ...)."""
    terms = [f"i{k} * {s}" if s != 1 else f"i{k}" for k, s in enumerate(strides) if s]
    return " + ".join([*terms, *([str(offset)] if offset or not terms else [])])


def numbers(scope: Folded, name: str, values: IntArray) -> list[Statement]:
    """A constant array of the narrowest type."""
    kind = scope.kinds.holding(int(values.min(initial=0)), int(values.max(initial=0)))
    return scope.dialect.table(kind.text, name, values.ravel().tolist())


def folding(inputs: int, units: int, reuse: int) -> tuple[int, int]:
    """Turns over the inputs and over the units whose product is nearest to `reuse` (of two equally near, the larger).

    >>> folding(16, 64, 1), folding(16, 64, 32), folding(3, 5, 7), folding(4, 4, 999)
    ((1, 1), (16, 2), (1, 5), (4, 4))
    """
    pairs = [(i, u) for i in _divisors(inputs) for u in _divisors(units)]
    return min(pairs, key=lambda p: (abs(p[0] * p[1] - reuse), -p[0] * p[1], -p[0]))


def _divisors(number: int) -> list[int]:
    return [n for n in range(1, number + 1) if number % n == 0]


def products(scope: Folded, matrix: IntArray, bound: int, group: str, first: str) -> list[Statement]:
    """y[first + u] = bias[...] + weights x `window`, for matrices (groups, inputs, units) and the present `group`."""
    groups, inputs, units = matrix.shape
    turns, rounds = folding(inputs, units, scope.reuse)
    wide, some = inputs // turns, units // rounds
    # In the order of use: a clock cycle's weights are neighbors.
    blocks = matrix.reshape(groups, turns, wide, rounds, some).transpose(0, 3, 1, 4, 2)
    place = f"((({group} * {rounds} + r) * {turns} + t) * {some} + u) * {wide} + i"
    total, d = scope.kinds.reach(bound).text, scope.dialect
    step = scope.unrolled("u", some, scope.unrolled(
        "i", wide, [Line(f"sums[u] += weights[{place}] * window[t * {wide} + i];")]))  # fmt: skip
    at = f"r * {some} + u"
    start = [Line(f"sums[u] = bias[{group} * {units} + {at}];")]
    body: list[Statement] = [
        Line(f"{total} sums[{some}];"),
        *d.pragma("partition", variable="sums"),
        *scope.unrolled("u", some, start),
        *d.loop("t", turns, step, d.pragma("loop_pipeline", ii=1), "inputs"),
        *scope.unrolled("u", some, [Line(f"y[{first} + {at}] = sums[u];")]),
    ]
    return [
        Comment(f"{inputs * units} products, {wide * some} at once."),
        *numbers(scope, "weights", blocks),
        *d.pragma("cyclic", variable="weights", factor=wide * some),
        *d.loop("r", rounds, body, (), "units"),
    ]


def hoisted(statements: list[Statement]) -> tuple[list[Statement], list[Statement]]:
    """Constants and what is said of them, which stand before all loops; and the rest."""
    constant: list[Statement] = [s for s in statements if isinstance(s, Array | Comment | Pragma)]
    return constant, [s for s in statements if s not in constant]
