"""The door to what must be fast: the compiled module where there is one, else its Python twin.

Both give the same results, bit for bit. BITWRIGHT_NATIVE=0 in the environment forces the twin.
"""

from __future__ import annotations

import os
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bitwright.core import twin
from bitwright.core.arguments import integers, matrix_with_intervals
from bitwright.core.errors import InvalidValue

__all__ = ["HAVE_NATIVE", "adder_graph", "earliest_stages", "implementation", "least_registers", "plan_chain"]

_adder_graph = twin.adder_graph
_earliest_stages = twin.earliest_stages
_least_registers = twin.least_registers
_plan_chain = twin.plan_chain
_have_native = False
if os.environ.get("BITWRIGHT_NATIVE", "1") != "0":
    try:
        from bitwright import _native
    except ImportError:  # installed without a compiler
        pass
    else:
        _adder_graph = _native.adder_graph
        _earliest_stages = _native.earliest_stages
        _least_registers = _native.least_registers
        _plan_chain = _native.plan_chain
        _have_native = True

HAVE_NATIVE: bool = _have_native


def implementation() -> Literal["native", "python"]:
    """Which of the two does the work in this process."""
    return "native" if HAVE_NATIVE else "python"


def adder_graph(
    matrix: ArrayLike, low: ArrayLike, high: ArrayLike, max_depth: int = -1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`y = x @ matrix` for integers `x` in [low, high] as a graph of shared shift-and-add nodes.

    `matrix` is (inputs, outputs), `low` and `high` are (inputs,), all integers. Returns `nodes` (k, 5) and
    `outputs` (outputs, 3), both int64. A row (a, shift_a, b, shift_b, sign) of `nodes` adds
    `value[inputs + row] = (value[a] << shift_a) + sign * (value[b] << shift_b)` to the values, which begin
    with the inputs; a and b come before the node, and one of the shifts is zero. A row (index, shift,
    sign) of `outputs` is `sign * (value[index] << shift)`; index -1 stands for the constant zero. The sign
    is -1 only for a sum without a positive term, and for a column that is a negated other one.

    No output is deeper than `max_depth` nodes; -1 allows one level more than the deepest column needs at
    least, which costs hardly an adder. Every node's value, over inputs in their intervals, fits int64.
    The result depends on the arguments alone.

    Method: canonical signed digits; the two-term pattern (two nodes, relative shift and sign) that saves
    most adder bits becomes a node wherever it occurs, until none occurs twice (R. I. Hartley, IEEE
    TCAS-II 43, 1996; weighted as in da4ml, arXiv:2507.04535); what is left of each column is
    added narrowest sum first.

    Raises InvalidValue if shapes or intervals do not fit, if twice the sum of |weight| times |input|
    reaches 2^61 in some column, or if a column needs more than `max_depth` levels.

    >>> nodes, outputs = adder_graph([[3, 6], [5, 11]], [-8, -8], [7, 7])
    >>> len(nodes), outputs.tolist()
    (6, [[5, 0, 1], [7, 0, 1]])
    """
    weights, lowest, highest = matrix_with_intervals(matrix, low, high, "adder_graph")
    try:
        return _adder_graph(weights, lowest, highest, max_depth)
    except ValueError as error:
        too_shallow = "levels" in str(error)
        remedy = "raise max_depth, or leave it at -1" if too_shallow else "use fewer bits or split the sum"
        raise InvalidValue(str(error), where="adder_graph", remedy=remedy) from None


def earliest_stages(arcs: NDArray[np.int64], tails: NDArray[np.int64], period: int) -> NDArray[np.int64]:
    """The earliest stage of every word, (words,), where stages are `period` long.

    A row (u, v, fresh, through) of `arcs`, u < v, says that v reads u: v begins `fresh` after the clock edge where
    u comes from a register, `through` after u begins where u is computed in the same stage (fresh <= through); it
    is done `tails[v]` after it begins. A word that takes longer than the period sits in a stage alone.

    >>> arcs = np.array([[0, 1, 3, 3], [1, 2, 3, 3], [2, 3, 3, 3]])
    >>> earliest_stages(arcs, np.zeros(4, np.int64), 6).tolist()
    [0, 0, 0, 1]
    """
    return _earliest_stages(*_paths(arcs, tails), period)


def _paths(arcs: ArrayLike, tails: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rows, ends = integers("arcs", arcs, 2, "pipeline"), integers("tails", tails, 1, "pipeline")
    if rows.shape[1] != 4 or np.any((rows[:, 0] < 0) | (rows[:, 0] >= rows[:, 1]) | (rows[:, 1] >= len(ends))):
        raise InvalidValue("an arc names no word, or a word that reads a later one", where="pipeline")
    return rows, ends


def least_registers(
    arcs: NDArray[np.int64],
    tails: NDArray[np.int64],
    holds: NDArray[np.int64],
    reads: NDArray[np.int64],
    period: int,
    stages: int,
) -> NDArray[np.int64]:
    """The stage of every word, (words,), such that all paths fit and registers hold the fewest bits.

    `arcs`, `tails` and `period` as for `earliest_stages`. A row (word, bits) of `holds` stands for bits that are
    kept from the word's stage until their last reader's; a row (hold, reader) of `reads` is a reader of them, -1
    for the end (the clock edge after stage `stages - 1`). Words that read nothing stay in stage 0. Of the
    best solutions the one found depends on the arguments alone.

    Method: the sum of bits held is an L-natural convex function of the stages (C. Leiserson and J. Saxe, Algorithmica
    6, 1991, in its dual): where no set of words gains by moving one stage, the sum is least (K. Murota, Discrete
    Convex Analysis, 2003). The best set is a closure, found by a maximal flow. Two words on a path that
    takes longer than the period must differ in stage; such pairs are added as they turn up, which changes nothing
    about the optimum: a solution without a late path is best among all once it is best under fewer demands.

    Raises InvalidValue if `stages` are too few.
    """
    rows = (*_paths(arcs, tails), integers("holds", holds, 2, "pipeline"), integers("reads", reads, 2, "pipeline"))
    try:
        return _least_registers(*rows, period, stages)
    except ValueError as error:
        raise InvalidValue(str(error), where="least_registers", remedy="allow more stages or a slower clock") from None


def plan_chain(
    shifts: tuple[int, ...], signs: tuple[int, ...], constant: int, width: int, shapes: tuple[tuple[int, bool], ...]
) -> tuple[int, int, int, int, int, int, int]:
    """How sign * (code << shift) of up to three codes and `constant` sit on a carry chain of `width` columns (to 63).

    shapes: (bits, whether the top one is a sign) of each code; constant: in [0, 2**width). Returns (extended, constant,
    free, first, saved, luts, rest): bit i of `extended` says that code i holds all columns above it, the others are
    the fields of `cost.chain.Chain`. Fewest tables (each as four columns), then fewest columns.
    """
    return _plan_chain(shifts, signs, constant, width, shapes)
