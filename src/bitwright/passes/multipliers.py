"""Constant multiplications on DSP slices: which ones, under a budget, and two of them in a slice where they fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import Conv, Dense
from bitwright.ir.netlist import NetlistBuilder
from bitwright.numeric import IntArray, nonzero_digits, width_of

__all__ = ["SLICE_BITS", "Multipliers", "Product", "chosen_products"]

SLICE_BITS = (27, 18)
"""Bits of a slice's two signed factors (Xilinx DSP48E2; what `synth_xilinx` fills on 7-series has 25 x 18)."""

_CONSTANT_BITS = 25  # fits both generations
_LEAST_DIGITS = 3
# LUTs that a digit of a weight takes per bit of the input once sums are shared, and those that a product takes per
# bit of its own as an addend: read off random matrices of 4 to 16 bits.
_DIGIT_LUTS = 0.4
_ADDEND_LUTS = 0.5
# A single product of narrower factors is not worth a slice; synthesis would build it from LUTs.
_NARROW = 9


@dataclass(frozen=True, slots=True)
class Product:
    """Input `row` times one weight or two: x * weights[0], or x * ((weights[1] << place) + weights[0]).

    Both products of a pair are read from the one that the slice gives, `place` bits apart.
    """

    row: int
    columns: tuple[int, ...]
    weights: tuple[int, ...]
    place: int = 0

    def words(self, builder: NetlistBuilder, x: int) -> list[int]:
        """The words of the products; that of a pair's first weight lies `1 << place - 1` too high, its offset."""
        if len(self.weights) == 1:
            return [builder.multiply(x, builder.constant(self.weights[0]))]
        low, high = self.weights
        both = builder.multiply(x, builder.constant((high << self.place) + low))
        raised = builder.add(both, builder.constant(1 << (self.place - 1)))
        return [builder.bits(raised, 0, self.place), builder.shift(raised, -self.place)]

    @property
    def offsets(self) -> tuple[int, ...]:
        """What each word is above its product."""
        return (0,) if len(self.weights) == 1 else (1 << (self.place - 1), 0)


@dataclass(frozen=True)
class Multipliers:
    """The products of one matrix that go to slices, and the matrix of what is left.

    `rest` (inputs + products, outputs) takes the products as further inputs, `bias` what their offsets add.
    """

    products: tuple[Product, ...]

    def rest(self, matrix: IntArray) -> IntArray:
        """`matrix` without the weights of the products, and a row of ones and zeros for each product."""
        left = matrix.copy()
        rows: list[IntArray] = []
        for product in self.products:
            for column in product.columns:
                left[product.row, column] = 0
                rows.append(np.eye(1, matrix.shape[1], column, dtype=np.int64)[0])
        return np.concatenate([left, np.array(rows, dtype=np.int64).reshape(-1, matrix.shape[1])])

    def bias(self, bias: IntArray) -> IntArray:
        """`bias` less the offsets of the products' words."""
        left = bias.copy()
        for product in self.products:
            for column, offset in zip(product.columns, product.offsets, strict=True):
                left[column] -= offset
        return left

    def words(self, builder: NetlistBuilder, row: Sequence[int]) -> list[int]:
        """The words of all products, in the order of the rows that `rest` appends."""
        return [word for product in self.products for word in product.words(builder, row[product.row])]


@dataclass(frozen=True, slots=True)
class _Candidate:
    saving: float
    key: bytes
    slices: int
    product: Product


def matrix_key(matrix: IntArray) -> bytes:
    """What tells a matrix from others."""
    return str(matrix.shape).encode() + matrix.tobytes()


def chosen_products(program: Graph, budget: int) -> dict[bytes, Multipliers]:
    """For each matrix of `program` (by `matrix_key`) the products that go to at most `budget` slices.

    Those that save most adders for a slice come first; a convolution needs a slice at every position.
    """
    chosen: dict[bytes, list[Product]] = {}
    found = [c for node in program.nodes for c in _candidates(program, node.op, node.args, node.type.size)]
    for candidate in sorted(found, key=lambda c: (-c.saving, c.key, c.product.row, c.product.columns)):
        if candidate.slices <= budget:
            budget -= candidate.slices
            chosen.setdefault(candidate.key, []).append(candidate.product)
    return {key: Multipliers(tuple(products)) for key, products in chosen.items()}


def _candidates(program: Graph, op: object, args: tuple[int, ...], size: int) -> Iterator[_Candidate]:
    """Pairs of weights that an input meets, largest first, as long as a slice is worth it."""
    if not isinstance(op, Dense | Conv):
        return
    groups = 1 if isinstance(op, Dense) else op.groups
    source = program.nodes[args[0]].type
    low, high = (int(end.min()) if i == 0 else int(end.max()) for i, end in enumerate(source.bounds()))
    weights = op.weights.array
    filters = weights.shape[-1] // groups
    for group in range(groups):
        matrix = weights[..., group * filters : (group + 1) * filters].reshape(prod(weights.shape[:-1]), filters)
        for row in range(len(matrix)):
            yield from _pairs(np.ascontiguousarray(matrix), row, (low, high), size // weights.shape[-1])


def _pairs(matrix: IntArray, row: int, ends: tuple[int, int], slices: int) -> Iterator[_Candidate]:
    digits = nonzero_digits(matrix[row])
    columns = [int(c) for c in np.argsort(-digits, kind="stable") if digits[c] >= _LEAST_DIGITS]
    key, bits = matrix_key(matrix), width_of(*ends)[1]
    while columns:
        first = columns.pop(0)
        pair = _paired(matrix[row], row, (first, columns[0]), ends) if columns else None
        taken = (first,)
        if pair is not None:
            taken = (first, columns.pop(0))
        single = Product(row, taken[:1], (int(matrix[row, first]),))
        widths = [bits + int(abs(matrix[row, c])).bit_length() for c in taken]
        saving = _DIGIT_LUTS * bits * sum(int(digits[c]) for c in taken) - _ADDEND_LUTS * sum(widths)
        if saving > 0 and (pair or max(widths[0] - bits, bits) > _NARROW):
            yield _Candidate(saving, key, slices, pair or single)


def _paired(weights: IntArray, row: int, columns: tuple[int, int], ends: tuple[int, int]) -> Product | None:
    """Both weights in one constant, if it fits the slice's wide factor and x its narrow one."""
    low, high = (int(weights[c]) for c in columns)
    reach = [x * low for x in ends]
    place = width_of(min(min(reach), -1), max(reach))[1]
    constant = (high << place) + low
    wide, narrow = (width_of(min(a, -1), b)[1] for a, b in ((constant, constant), ends))
    return Product(row, columns, (low, high), place) if wide <= _CONSTANT_BITS and narrow <= SLICE_BITS[1] else None
