"""The door to the optimizer for fabrics that add three operands at once: the compiled one, else its Python twin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bitwright.core import native, twin
from bitwright.core.arguments import matrix_with_intervals
from bitwright.core.errors import InvalidValue

__all__ = ["SharedSums", "sum_graph"]

if native.HAVE_NATIVE:
    from bitwright import _native

    _sum_graph = _native.sum_graph
else:
    _sum_graph = twin.sum_graph


class SharedSums(NamedTuple):
    """Sums of up to three addends that many outputs share.

    `nodes` (k, 9) int64: three addends (index, shift, sign) a row, the third with index -1 where there are
    two; `value[inputs + row] = sum(sign * (value[index] << shift))`. `outputs` (m, 3): (index, shift, sign), index
    -1 for the constant zero. `rounds`: how much of the search was done. `cost`: lookup tables, each 4, and
    carry cells without one, each 1, by the optimizer's own count.
    """

    nodes: NDArray[np.int64]
    outputs: NDArray[np.int64]
    rounds: int
    cost: int


def sum_graph(
    matrix: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    max_depth: int = -1,
    rounds: int = 2,
    budget_s: float | None = None,
    seed: int = 0,
) -> SharedSums:
    """`y = x @ matrix` for integers `x` in [low, high] as shared sums of up to three shifted addends.

    `matrix` is (inputs, outputs), `low` and `high` (inputs,), all integers. No output is deeper than `max_depth`
    sums; -1 allows what the deepest column needs at least, and one sum more where that saves a fifth. `rounds`
    bounds the search for a cheaper graph, `budget_s` the seconds after which no further round begins; the result
    depends on `seed` and on the rounds that were done (which it tells), on nothing else.

    Method: columns are taken as they are, or as another column and what is then left, or rows so, whose inputs
    are added up before (spanning trees over the digits that are left); the cheapest of the three goes on. Its
    two-operand graph of `adder_graph` is cut where a sum is read once; what sums have in common is shared where that
    saves lookup tables, counted column by column on codes without signs (`cost.chain`); then sums are dissolved at
    random and shared anew, which stays where it costs no more.

    Raises InvalidValue if shapes or intervals do not fit, a code would leave 58 bits, or a column needs more levels.

    >>> weights = np.array([[3, 6], [5, 11], [7, 7]])
    >>> made = sum_graph(weights, np.full(3, -8), np.full(3, 7))
    >>> len(made.outputs)
    2
    """
    weights, lowest, highest = matrix_with_intervals(matrix, low, high, "sum_graph")
    budget = float("inf") if budget_s is None else budget_s
    try:
        return SharedSums(*_sum_graph(weights, lowest, highest, max_depth, rounds, budget, seed))
    except ValueError as error:
        remedy = "raise max_depth, or leave it at -1" if "levels" in str(error) else "use fewer bits or split the sum"
        raise InvalidValue(str(error), where="sum_graph", remedy=remedy) from None
